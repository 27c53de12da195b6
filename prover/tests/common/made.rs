//! Libraries that a process of a test gets in place of the system's: made from one file each, when they are needed.

use super::Dir;
use std::path::Path;
use std::process::Command;

/// What a process's environment has to say.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// Compiles `tests/common/SOURCE` to a library in the folder; gives its path.
fn library(dir: &Dir, source: &str, name: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common").join(source);
    let library = dir.path(name);
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-O", "-o"]).arg(&library).arg(source);
    let made = rustc.output().unwrap();
    assert!(made.status.success(), "{}", super::stderr(&made));
    library.to_str().unwrap().to_owned()
}

/// A system clock that is the folder's, see [`jump`].
pub(crate) fn clock(dir: &Dir) -> Environment {
    jump(dir, 0);
    let clock = dir.path("clock").to_str().unwrap().to_owned();
    vec![("LD_PRELOAD", library(dir, "jumping_clock.rs", "libclock.so")), ("SPHERE_POW_CLOCK", clock)]
}

/// Sets the folder's clock so many seconds ahead of the system's, or back.
pub(crate) fn jump(dir: &Dir, seconds: i64) {
    dir.write("clock.new", &seconds.to_string());
    std::fs::rename(dir.path("clock.new"), dir.path("clock")).unwrap();
}

/// NVIDIA's cards that no machine has, the first one's limit in the folder's file `nvml`.
pub(crate) fn nvml(dir: &Dir) -> Environment {
    library(dir, "fake_nvml.rs", "libnvidia-ml.so.1");
    let text = |name: &str| dir.path(name).to_str().unwrap().to_owned();
    vec![("LD_LIBRARY_PATH", text("")), ("SPHERE_POW_NVML", text("nvml"))]
}

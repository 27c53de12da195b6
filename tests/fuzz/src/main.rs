//! The fuzzer's entry: libFuzzer brings `main`, `SPHERE_POW_FUZZ` names the target.
#![no_main]

use sphere_pow_fuzz::{TARGETS, Target, run, seeds};
use std::sync::OnceLock;

static TARGET: OnceLock<Target> = OnceLock::new();

/// Writes the target's seeds into a folder and ends, where `SPHERE_POW_SEEDS` names one.
fn start() {
    let name = std::env::var("SPHERE_POW_FUZZ").unwrap_or_default();
    let target = TARGETS.into_iter().find(|(known, _)| *known == name);
    let names = TARGETS.map(|(name, _)| name);
    let target = target.unwrap_or_else(|| panic!("SPHERE_POW_FUZZ is {name:?}, expected one of {names:?}"));
    if let Some(folder) = std::env::var_os("SPHERE_POW_SEEDS") {
        seeds::write(&name, folder.as_ref()).expect("the seeds are written");
        std::process::exit(0);
    }
    TARGET.get_or_init(|| target);
}

libfuzzer_sys::fuzz_target!(init: start(), |bytes: &[u8]| {
    run(*TARGET.get().expect("start has run"), bytes);
});

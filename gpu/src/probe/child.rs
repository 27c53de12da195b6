//! The probe in a process of its own, and what is remembered of it.

use super::key;
use crate::cache::{CachePlace, changing, read_json, write_json};
use crate::device::{DeviceInfo, MatrixUnits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Changes when what is remembered changes meaning.
const FORMAT: u32 = 1;
/// Adapters and drivers remembered; beyond it the file starts anew.
const MAX_PROBES: usize = 64;
/// A probe that takes longer hangs: a software driver compiles all of it in a tenth of this.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether the probe is done.
const LOOK: Duration = Duration::from_millis(10);

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Found {
    /// The units work; threads of a subgroup as measured.
    Works { subgroup_threads: u32 },
    /// They are not to be used, and why.
    Fails(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    probes: BTreeMap<String, Found>,
}

impl File {
    fn load(path: &Path) -> Self {
        let known = read_json(path).filter(|file: &Self| file.format == FORMAT);
        known.unwrap_or(Self { format: FORMAT, probes: BTreeMap::new() })
    }
}

/// `info` with matrix units only where they are to be trusted, and as they were measured. Unless it is remembered in `place`,
/// `program` is run, which must call [`super::probe`] for the adapter whose [`key`] is its last argument, and print the threads of
/// a subgroup. It is killed where it hangs.
#[must_use]
pub fn in_child(info: &DeviceInfo, program: Command, place: &CachePlace) -> DeviceInfo {
    let Some(told) = info.matrix_units else { return info.clone() };
    let path = place.directory().map(|directory| directory.join("matrix-units.json"));
    let key = key(info);
    let known = path.as_deref().and_then(|path| File::load(path).probes.remove(&key));
    let found = known.or_else(|| {
        let found = ask(program, &key, LIMIT);
        if let Err(reason) = &found {
            // Nothing is known of the driver then; the next start asks again.
            tracing::warn!("{}: no probe of its matrix units: {reason}", info.name);
        }
        let found = found.ok()?;
        if let Some(path) = &path {
            remember(path, &key, &found);
        }
        Some(found)
    });
    let units = match found {
        Some(Found::Works { subgroup_threads }) => Some(MatrixUnits { subgroup_threads, ..told }),
        Some(Found::Fails(reason)) => {
            tracing::warn!("{}: does without matrix units: {reason}", info.name);
            None
        }
        None => None,
    };
    DeviceInfo { matrix_units: units, ..info.clone() }
}

fn remember(path: &Path, key: &str, found: &Found) {
    let _changing = changing();
    let mut file = File::load(path);
    if file.probes.len() >= MAX_PROBES {
        file.probes.clear();
    }
    file.probes.insert(key.to_owned(), found.clone());
    if let Err(error) = write_json(path, &file) {
        tracing::debug!("{}: {error}", path.display());
    }
}

/// Runs the probe; the error is why it could not be run.
fn ask(mut program: Command, key: &str, limit: Duration) -> Result<Found, String> {
    let program = program.arg(key).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = program.spawn().map_err(|error| error.to_string())?;
    let status = wait(&mut child, limit).map_err(|error| error.to_string())?;
    let Some(status) = status else {
        return Ok(Found::Fails(format!("the driver took more than {} s over them", limit.as_secs())));
    };
    let mut text = String::new();
    // A few digits: the pipe holds them though the child has ended.
    let read = child.stdout.take().map(|pipe| pipe.take(1 << 10).read_to_string(&mut text));
    let number = read.and_then(Result::ok).and_then(|_| text.trim().parse().ok());
    Ok(match number {
        Some(subgroup_threads) if status.success() => Found::Works { subgroup_threads },
        _ if status.code().is_some() => Found::Fails(format!("the probe failed: {}", text.trim())),
        _ => Found::Fails(format!("the driver crashed on them: {status}")),
    })
}

/// How a child ended; `None` when it was killed because it had not within `limit`.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::device::DeviceLimits;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg("probe");
        command
    }

    fn asked(script: &str) -> Result<Found, String> {
        // A hanging one is killed at once; the others have all the time that a busy machine takes.
        let limit = if script.starts_with("sleep") { Duration::from_millis(200) } else { LIMIT };
        ask(shell(script), "key", limit)
    }

    #[test]
    fn a_driver_that_crashes_or_hangs_costs_the_probe_only() {
        assert_eq!(asked("echo 32"), Ok(Found::Works { subgroup_threads: 32 }));
        let fails = |script: &str, why: &str| match asked(script) {
            Ok(Found::Fails(reason)) => assert!(reason.contains(why), "{script}: {reason}"),
            other => panic!("{script}: {other:?}"),
        };
        fails("echo 32; kill -SEGV $$", "crashed on them");
        fails("echo 32; exit 3", "the probe failed");
        fails("echo no units; exit 3", "no units");
        fails("echo many", "the probe failed: many");
        fails("sleep 60", "took more than");
        let missing = ask(Command::new("/nowhere/at/all"), "key", Duration::from_secs(1));
        assert!(missing.is_err(), "{missing:?}");
    }

    #[test]
    fn what_a_probe_found_is_remembered_for_adapter_and_driver() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = CachePlace::In(directory.path().to_owned());
        let info = DeviceInfo {
            index: 0,
            name: "card".into(),
            pci_address: None,
            uuid: None,
            backend: "vulkan".into(),
            driver: "1.0".into(),
            device_type: "discrete",
            memory_bytes: None,
            limits: DeviceLimits::new(&wgpu::Limits::default()),
            matrix_units: Some(MatrixUnits { block: 16, subgroup_threads: 64 }),
            usable: Ok(()),
        };
        let units = |info: &DeviceInfo, script: &str| in_child(info, shell(script), &place).matrix_units;
        // A probe that cannot be run is not remembered.
        assert_eq!(in_child(&info, Command::new("/nowhere"), &place).matrix_units, None);
        let measured = Some(MatrixUnits { block: 16, subgroup_threads: 32 });
        assert_eq!(units(&info, "echo 32"), measured);
        assert_eq!(units(&info, "kill -SEGV $$"), measured, "it is not asked again");
        let newer = DeviceInfo { driver: "2.0".into(), ..info.clone() };
        assert_eq!(units(&newer, "kill -SEGV $$"), None);
        assert_eq!(units(&newer, "echo 32"), None, "what crashed once is not tried again");
        assert_eq!(units(&info, "echo 64"), measured);
        let without = DeviceInfo { matrix_units: None, ..info };
        assert_eq!(units(&without, "echo 32"), None);
    }
}

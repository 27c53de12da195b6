//! One host of the box, a process of its own: what `network` starts.

use super::{broken, training};
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use clap::Args;
use serde::{Deserialize, Serialize};
use sphere_pow_consensus::HostId;
use sphere_pow_core::exact::Params;
use sphere_pow_network::boxed::{HostSettings, Neighbour, start_host};
use sphere_pow_network::report::Said;
use sphere_pow_network::sortition::SortitionKey;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Largest file of the box, in bytes.
const MAX_FILE: usize = 1 << 20;
/// How often a host looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// What all hosts of a box know, as the file that `network` writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BoxFile {
    /// Its name, or the text of a file.
    pub(super) scenario: String,
    pub(super) params: String,
    pub(super) pause_ms: u64,
    /// What the network starts from, 64 hexadecimal digits.
    pub(super) seed: String,
    /// By number.
    pub(super) hosts: Vec<HostEntry>,
    /// Rounds, where hosts train.
    #[serde(default)]
    pub(super) rounds: u32,
    /// Where hosts that train give each other blobs, by number.
    #[serde(default)]
    pub(super) blobs: Vec<SocketAddr>,
}

/// What all hosts of a box know of one of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HostEntry {
    /// Its signing key, 64 hexadecimal digits.
    pub(super) id: String,
    /// Its key of draws, 64 hexadecimal digits.
    pub(super) sortition: String,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

#[derive(Debug, Args)]
pub(in crate::commands) struct HostArgs {
    /// The folder that `network` made
    dir: PathBuf,
    /// The host's number
    number: usize,
    /// The network namespace to run in
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl BoxFile {
    /// Reads what a box wrote.
    pub(super) fn read(path: &Path) -> Result<Self, ProverError> {
        serde_json::from_slice(&input::bytes(path, MAX_FILE)?)
            .map_err(|error| not_ours(path, &error.to_string()))
    }
}

fn not_ours(path: &Path, reason: &str) -> ProverError {
    let expected = format!("what `sphere-pow network` wrote: {reason}");
    ProverError::Argument { what: "box", got: input::name(path), expected }
}

/// The file of the whole box.
pub(super) fn box_file(dir: &Path) -> PathBuf {
    dir.join("box.json")
}

/// The file with a host's secret.
pub(super) fn key_file(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("host-{number}.key"))
}

fn unhex(file: &Path, text: &str) -> Result<[u8; 32], ProverError> {
    sphere_pow_core::text::bytes32(text).ok_or_else(|| ProverError::Argument {
        what: "key or seed",
        got: format!("what {} holds", input::name(file)),
        expected: "64 hexadecimal digits".into(),
    })
}

pub(in crate::commands) fn run(args: &HostArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let path = box_file(&args.dir);
    let wrong = |reason: String| not_ours(&path, &reason);
    let file = BoxFile::read(&path)?;
    let key_path = key_file(&args.dir, args.number);
    let key =
        String::from_utf8(input::bytes(&key_path, MAX_FILE)?).map_err(|error| wrong(error.to_string()))?;
    if args.number >= file.hosts.len() {
        return Err(wrong(format!("{} hosts", file.hosts.len())));
    }
    let neighbour = |host: &HostEntry| {
        let sortition = SortitionKey::new(unhex(&path, &host.sortition)?)
            .ok_or_else(|| wrong(format!("{}, expected a key", host.sortition)))?;
        Ok(Neighbour { id: HostId(unhex(&path, &host.id)?), sortition, address: host.address })
    };
    let hosts: Vec<Neighbour> = file.hosts.iter().map(neighbour).collect::<Result<_, ProverError>>()?;
    let (key, seed) = (unhex(&key_path, key.trim())?, unhex(&path, &file.seed)?);
    let (number, pause) = (args.number, Duration::from_millis(file.pause_ms));
    let blocks = args.dir.join(format!("host-{number}.blocks"));
    if let Some(name) = &args.namespace {
        let entered = super::wires::enter(name);
        entered.map_err(|source| ProverError::File { file: format!("namespace {name}"), source })?;
    }
    stop.heed();
    let refused = |source| ProverError::File { file: "files of this host".into(), source };
    crate::signals::outlive_limits().map_err(refused)?;
    let running = if let Some(scenario) = training::Scenario::named(&file.scenario) {
        if file.blobs.len() != file.hosts.len() {
            return Err(wrong(format!("{} addresses of blobs", file.blobs.len())));
        }
        let (blobs, rounds, file) = (file.blobs, file.rounds, blocks);
        let settings =
            training::HostSettings { scenario, number, key, hosts, blobs, seed, rounds, pause, file };
        training::start_host(settings, tell(out)).map_err(broken)?
    } else {
        let scenario =
            super::named(&file.scenario).or_else(|_| super::file::parse(&file.scenario).map_err(wrong))?;
        let params = input::model::<Params>(&file.params)?;
        let file = blocks;
        let settings = HostSettings { scenario, number, key, hosts, seed, params, pause, file };
        start_host(settings, tell(out)).map_err(broken)?
    };
    let parent_gone = watch_parent();
    while !stop.is_asked() && !running.has_ended() && !parent_gone.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
    }
    running.stop().map_err(|fault| ProverError::Network { reason: fault.to_string() })?;
    let _ = std::io::stdout().flush();
    Ok(ExitCode::SUCCESS)
}

/// Says each block and each report as a line.
fn tell<R: Serialize>(out: &Output) -> impl FnMut(Said<'_, R>) + Send + 'static {
    let out = *out;
    move |said| {
        // A box that has ended reads no more.
        let _ = out.result(&said, || serde_json::to_string(&said).unwrap_or_default());
    }
}

/// Whether standard input has ended, which it does when whoever started this is gone.
fn watch_parent() -> Arc<AtomicBool> {
    let gone = Arc::new(AtomicBool::new(false));
    let flag = gone.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Relaxed);
    });
    gone
}

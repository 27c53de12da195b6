//! `sphere-pow doctor`.

use super::{BENCH_BLOCK_HASH, BENCH_PUBLIC_KEY};
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::options::DeviceArgs;
use crate::profiles::{Machine, Visitor, with_profile};
use crate::serve::Settings;
use crate::serve::trial::{Plan, Trial, run as try_service};
use crate::signals::Stop;
use clap::Args;
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::profile::{Model, ProfileName};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A key that nobody has, and another than the one of benchmarks.
const OTHER_PUBLIC_KEY: &str = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c4";
/// Of a stage on the network's mainnet: 60 blocks of 5.4 s.
const STAGE_SECONDS: f64 = 325.0;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Rules to follow
    #[arg(long, default_value_t = ProfileName::Gonka)]
    profile: ProfileName,
    /// Model: a preset of the profile, see `sphere-pow devices`, or a JSON file; the one of the network's mainnet by default
    #[arg(long, value_name = "NAME|FILE")]
    params: Option<String>,
    /// How long nonces are searched
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    #[command(flatten)]
    devices: DeviceArgs,
}

pub(super) fn run(args: &DoctorArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    with_profile(args.profile, Doctor { args, out, stop })
}

struct Doctor<'a> {
    args: &'a DoctorArgs,
    out: &'a Output,
    stop: &'a Stop,
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays lies among other temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Visitor for Doctor<'_> {
    type Output = Result<ExitCode, ProverError>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { args, out, stop } = self;
        args.devices.setup::<P>()?;
        let name = args.params.as_deref().unwrap_or(P::Params::PRESETS[0]);
        let params = input::model::<P::Params>(name)?;
        let keys = [PublicKey::new(BENCH_PUBLIC_KEY)?, PublicKey::new(OTHER_PUBLIC_KEY)?];
        let block = BlockHash::new(BENCH_BLOCK_HASH)?;
        let plan = Plan::<P> { params, block, keys, duration: Duration::from_secs(args.seconds) };
        let state = Folder(std::env::temp_dir().join(format!("sphere-pow-doctor-{}", std::process::id())));
        let here = || ([127, 0, 0, 1], 0).into();
        let settings = Settings {
            admin_listen: Some(here()),
            devices: args.devices.clone(),
            send_every: Duration::from_millis(500),
            ..Settings::new(here(), state.0.clone(), P::NAME)
        };
        stop.heed();
        let trial = try_service::<P>(settings, &plan, stop)?;
        out.result(&trial, || describe(&trial, name))?;
        Ok(ExitCode::from(if trial.faults.is_empty() { 0 } else { 3 }))
    }
}

fn describe(trial: &Trial, model: &str) -> String {
    let mut text = String::new();
    let Trial { devices, answer_seconds, load_seconds, counts, raw_rate, win_rate, plausibility, .. } = trial;
    let word = if trial.faults.is_empty() { "READY" } else { "NOT READY" };
    let _ =
        writeln!(text, "{word}: the service mines, delivers and judges {model} on {}", devices.join(", "));
    if !trial.faults.is_empty() {
        text = format!("{word}: {}\n", trial.faults.join("; "));
    }
    let _ = writeln!(
        text,
        "  init answered after {:.0} ms, model loaded after {load_seconds:.1} s",
        1e3 * answer_seconds
    );
    let _ = writeln!(
        text,
        "  {} nonces tried, {} won ({:.1} expected, {:+.1} sigma), {} delivered, {} judged, {} of them false",
        counts.tried,
        counts.won,
        plausibility.expected,
        plausibility.sigma,
        trial.n_delivered,
        trial.n_judged,
        trial.n_invalid
    );
    let of_stage = raw_rate * win_rate * (STAGE_SECONDS - load_seconds).max(0.0);
    let _ = writeln!(
        text,
        "  {raw_rate:.2} nonces a second: a weight of about {of_stage:.0} in a stage of {STAGE_SECONDS:.0} s"
    );
    text
}

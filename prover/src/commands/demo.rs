//! `sphere-pow demo`: the main job on what is here, no options.

use super::{BENCH_BLOCK_HASH, BENCH_PUBLIC_KEY};
use crate::clock::unix_seconds;
use crate::console::{Output, advance, bar};
use crate::device::Device;
use crate::error::ProverError;
use crate::ledger::{Ledger, Progress};
use crate::options::{Backend, DeviceArgs};
use crate::profiles::{
    Demo, Machine, Meant, SubmissionVisitor, Told, Transcripts, Visitor, with_profile, with_submission,
};
use crate::rates::Counts;
use crate::search::{Hunt, Job, Miners, Tally, mine};
use crate::session;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use sphere_pow_core::document;
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::profile::{EngineInfo, ProfileName};
use sphere_pow_core::verify::{AnyReport, Expectations, Given, Report, SampleSize, Source, Submission};
use std::io::{Cursor, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Enough for a win even where a nonce takes a second.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Stands in for the hash of a later block.
const BEACON: &str = "5C0E3B7A91D2F4486E5A7B8C9D0E1F2031425364758697A8B9CADBECFD0E1F20";
/// Steps that it draws.
const OPENINGS: u32 = 200;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Rules to follow
    #[arg(long, default_value_t = ProfileName::Gonka)]
    profile: ProfileName,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    profile: ProfileName,
    preset: &'static str,
    mined_on: Vec<EngineInfo>,
    #[serde(flatten)]
    counts: Counts,
    seconds: f64,
    verified: Report,
    /// What a commitment to all nonces came to, where the profile and the devices make transcripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcripts: Option<Value>,
}

pub(super) fn run(args: &DemoArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    with_profile(args.profile, Run { out, stop })
}

struct Run<'a> {
    out: &'a Output,
    stop: &'a Stop,
}

impl Visitor for Run<'_> {
    type Output = Result<ExitCode, ProverError>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { out, stop } = self;
        let Demo { preset, nonces, sample, nonce } = P::DEMO;
        let params = crate::input::model::<P::Params>(preset)?;
        let (block, key) = (BlockHash::new(BENCH_BLOCK_HASH)?, PublicKey::new(BENCH_PUBLIC_KEY)?);
        let puzzle = P::puzzle(&params, &block);
        out.say(&format!("1. Block hash {block}\n   {}.", P::model_words(&params)));

        // The demo verifies all that it mined by itself.
        let Miners { devices, .. } = session::mining::<P>(&DeviceArgs::any(), &puzzle, stop)?;
        let mined_on: Vec<EngineInfo> = devices.iter().map(|device| device.info().clone()).collect();
        let names: Vec<String> = mined_on.iter().map(words).collect();
        out.say(&format!("2. Device: {}. It passed a known-answer test.", names.join(" and ")));

        let given = Given {
            block_hash: Some(block.to_string()),
            public_key: Some(key.to_string()),
            ..Given::default()
        };
        let rule = P::mining_rule(&Expectations::<P>::new(&given)?.terms);
        let hunt = Hunt::<P> { key: key.clone(), rule };
        let mut head = P::file_head(&params, &hunt.rule, &block, &key, None);
        head.extend([("node_id".to_owned(), 0.into()), ("node_count".to_owned(), 1.into())]);
        let (file, roots, counts, seconds) = mine_here(&hunt, head, devices, nonces, stop)?;
        out.say(&format!(
            "3. Mined as key {}…: {} nonces in {seconds:.1} s.",
            &key.as_str()[..12],
            counts.tried
        ));
        out.say(&format!("   {nonce}"));
        let plausibility = counts.plausibility(P::win_rate(&params, &hunt.rule));
        out.say(&format!(
            "4. {} nonces won ({:.1} expected, {:+.1} sigma).",
            counts.won, plausibility.expected, plausibility.sigma
        ));

        let document = document::read(&file)
            .map_err(|source| ProverError::Document { file: "the demo's proofs".into(), source })?;
        let plan = sphere_pow_core::verify::plan(document, &given)?;
        let is_gpu = mined_on.iter().any(|info| info.engine == "gpu");
        let mut check = Check { out, stop, is_gpu, sample };
        let reports = plan.submissions.iter().map(|any| with_submission(any, &mut check));
        let verified = plan.conclude(reports.collect::<Result<_, _>>()?, unix_seconds());
        let code = verified.verdict.exit_code();
        let lines: Vec<&str> = verified.submissions.iter().map(AnyReport::summary).collect();
        out.say(&format!("6. {}", lines.join("\n")));
        let told = match P::transcripts().filter(|_| !roots.is_empty()) {
            Some(transcripts) => Some(whole_round(transcripts, &roots, (&key, is_gpu), out, stop)?),
            None => None,
        };
        let code = told.as_ref().map_or(code, |told| code.max(told.exit_code));
        let transcripts = told.map(|told| told.value);
        let summary = Summary { profile: P::NAME, preset, mined_on, counts, seconds, verified, transcripts };
        if out.is_json() {
            out.result(&summary, String::new)?;
        }
        Ok(ExitCode::from(code))
    }
}

/// Commits to all that was mined, lets a beacon draw steps of it, opens these on the kind of device that mined, and checks
/// them on the CPU.
fn whole_round(
    transcripts: &dyn Transcripts,
    mut roots: &[u8],
    (key, is_gpu): (&PublicKey, bool),
    out: &Output,
    stop: &Stop,
) -> Result<Told, ProverError> {
    let (commitment, told) = transcripts.commit(&mut &*roots, None)?;
    out.say(&format!("7. Every layer of every nonce was hashed: {}.", told.text));
    let cpu = DeviceArgs { backend: Backend::Cpu, ..DeviceArgs::any() };
    let devices = if is_gpu { DeviceArgs::any() } else { cpu.clone() };
    let (commitment, mut openings) = (commitment.as_bytes(), Cursor::new(Vec::new()));
    let mut put = |place, bytes: &[u8]| {
        openings.set_position(place);
        Ok(openings.write_all(bytes)?)
    };
    let opened = transcripts.open((&mut roots, commitment), (BEACON, OPENINGS), &devices, &mut put, stop)?;
    out.say(&format!("8. A later block is the beacon, which nobody could foresee: {}.", opened.text));
    let meant = Meant {
        block_hash: Some(BENCH_BLOCK_HASH.into()),
        public_key: Some(key.to_string()),
        beacon: Some(BEACON.into()),
        samples: Some(OPENINGS),
        params: None,
    };
    let told = transcripts.check(commitment, &mut openings.get_ref().as_slice(), &meant, &cpu, stop)?;
    out.say(&format!("9. {}", told.text.lines().next().unwrap_or_default()));
    Ok(told)
}

/// Recomputes a sample on another path than the one that mined.
struct Check<'a> {
    out: &'a Output,
    stop: &'a Stop,
    is_gpu: bool,
    sample: SampleSize,
}

impl SubmissionVisitor for Check<'_> {
    type Output = Result<AnyReport, ProverError>;
    fn visit<P: Machine>(&mut self, submission: &Submission<P>) -> Self::Output {
        let mut other = session::other::<P>(self.is_gpu, &submission.puzzle(), self.stop)?;
        self.out.say(&format!("5. Verifying on another path: {}.", words(other.info())));
        // We mined it ourselves, so the sample needs no randomness.
        let sample = submission.sample(self.sample, "demo", Source::Verifier);
        let bar = bar("recomputing");
        let nonces = submission.sampled_nonces(&sample);
        let outcomes = other.outcomes(&submission.public_key, &nonces, &mut advance(&bar, self.stop))?;
        bar.finish_and_clear();
        Ok(P::any_report(submission.report(&sample, &outcomes, other.info())))
    }
}

fn words(info: &EngineInfo) -> String {
    format!("{} ({})", info.engine.to_uppercase(), info.device)
}

/// Memory that the ledger writes to while we keep hold of it.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Mines `count` nonces into memory; gives the proof file, the roots of transcripts, the counts and the seconds.
fn mine_here<P: Machine>(
    hunt: &Hunt<P>,
    head: serde_json::Map<String, serde_json::Value>,
    mut devices: Vec<Box<dyn Device<P>>>,
    count: u64,
    stop: &Stop,
) -> Result<(Vec<u8>, Vec<u8>, Counts, f64), ProverError> {
    let (memory, roots) = (Memory::default(), Memory::default());
    let mut ledger = Ledger::stream("memory", Box::new(memory.clone()), head.clone());
    ledger.set_roots(Ledger::stream("memory", Box::new(roots.clone()), head));
    for device in &mut devices {
        device.keep_roots();
    }
    let job = Job { node_id: 0, node_count: 1, count: Some(count), duration: Some(TIME_LIMIT), after: None };
    let tallies: Vec<Tally> = devices.iter().map(|_| Tally::default()).collect();
    let mut miners = Miners { devices, checker: None };
    let started = Instant::now();
    let results = mine(&job, hunt, &mut miners, (&mut ledger, &Progress::default()), &tallies, stop)?;
    let seconds = started.elapsed().as_secs_f64();
    if stop.is_asked() {
        return Err(ProverError::Interrupted);
    }
    results.into_iter().collect::<Result<Vec<()>, _>>()?;
    let [file, roots] =
        [memory, roots].map(|of| std::mem::take(&mut *of.0.lock().unwrap_or_else(PoisonError::into_inner)));
    Ok((file, roots, Tally::total(&tallies), seconds))
}

//! `sphere-pow demo`: the main job on what is here, no options.

use super::bench::{BLOCK_HASH, PUBLIC_KEY};
use super::output::{Output, advance, bar};
use super::{BackendArgs, BackendChoice, Profile, open};
use crate::error::ProverError;
use crate::gonka::backend::Backend;
use crate::gonka::search::{GonkaSearcher, ledger_header};
use crate::gonka::verify::{Context, Report, read_submissions, verify};
use crate::ledger::{Ledger, Progress};
use crate::mine::{Job, Searcher, Tally, mine};
use crate::rates::Counts;
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use sphere_pow_core::gonka::proof::TargetRadius;
use sphere_pow_core::gonka::verify::DEFAULT_FRAUD_THRESHOLD;
use sphere_pow_core::gonka::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::statistics::cap_probability;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// About ten of these win.
const NONCES: u64 = 200;
/// Enough for a win even where a nonce takes a second.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How many proofs are recomputed: the other path may be the slow one.
const SAMPLE: usize = 12;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Rules to follow
    #[arg(long, value_enum, default_value_t = Profile::Gonka)]
    profile: Profile,
}

#[derive(Serialize)]
struct Demo {
    profile: &'static str,
    preset: &'static str,
    mined_on: String,
    #[serde(flatten)]
    counts: Counts,
    seconds: f64,
    verified: Report,
}

pub(super) fn run(args: &DemoArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    let preset = Preset::DevTest;
    let (params, r_target) = (preset.params(), TargetRadius::LAUNCH);
    let (block, key) = (BlockHash::new(BLOCK_HASH)?, PublicKey::new(PUBLIC_KEY)?);
    if args.profile == Profile::Exact {
        return super::exact_demo::run(&block, &key, out, stop);
    }
    let puzzle = Puzzle::new(&params, &block);
    out.say(&format!("1. Block hash {block} fixes a random Llama of {:.1} million weights,", 75.5));
    out.say(&format!(
        "   every one a view into one pool, and a target point on the sphere in {} dimensions.",
        params.vocab()
    ));

    let any = BackendArgs {
        backend: BackendChoice::Auto,
        adapter: vec![],
        threads: None,
        batch: None,
        memory: None,
    };
    let backends = open::all(&any, &params, &block, stop)?;
    let mined_on: Vec<String> = backends.iter().map(|b| describe(b.as_ref())).collect();
    let mined_on_gpu = backends.iter().any(|b| b.info().backend == "gpu");
    out.say(&format!("2. Device: {}. It passed a known-answer test.", mined_on.join(" and ")));

    let searcher = |backend| -> Box<dyn Searcher> {
        Box::new(GonkaSearcher { backend, puzzle: puzzle.clone(), key: key.clone(), r_target })
    };
    let searchers = backends.into_iter().map(searcher).collect();
    let (text, counts, seconds) =
        mine_here(ledger_header(&puzzle, &key, r_target, 0), searchers, NONCES, stop)?;
    let probability = cap_probability(params.vocab_u32(), r_target.get());
    let plausibility = counts.plausibility(probability);
    out.say(&format!("3. Mined as key {}…: {} nonces in {seconds:.1} s.", &PUBLIC_KEY[..12], counts.tried));
    out.say("   Each nonce seeds an input; the model's output, permuted and normalised, is a point on the sphere.");
    out.say(&format!(
        "4. {} nonces came within r_target {} of the target ({:.1} expected, {:+.1} sigma).",
        counts.won,
        r_target.get(),
        plausibility.expected,
        plausibility.sigma
    ));

    let file = std::path::Path::new("the demo's proofs");
    let submissions = read_submissions(file, &text, &Context::default())?;
    let mut other = open::other_path(mined_on_gpu, &params, &block, stop)?;
    out.say(&format!("5. Verifying a sample on another path: {}.", describe(other.as_ref())));
    let bar = bar("recomputing");
    let seed = "demo";
    let mut progress = advance(&bar, stop);
    let submission = &submissions[0];
    let report = verify(submission, other.as_mut(), SAMPLE, seed, DEFAULT_FRAUD_THRESHOLD, &mut progress)?;
    bar.finish_and_clear();
    let verdict = report.validated.verdict();
    let code = u8::from(verdict.fraud_detected);
    if let Some(advice) = &report.advisory {
        out.say(&format!(
            "6. {} proofs recomputed, {} bad; distances agree to {:.1e} rms (honest hardware: below 5e-6).",
            verdict.n_checked, verdict.n_invalid, advice.rms_error
        ));
    }
    let demo = Demo {
        profile: "gonka",
        preset: preset.name(),
        mined_on: mined_on.join(" and "),
        counts,
        seconds,
        verified: report,
    };
    out.result(&demo, || format!("7. Verdict: {}.", if code == 0 { "HONEST" } else { "FRAUD" }))?;
    Ok(ExitCode::from(code))
}

fn describe(backend: &dyn Backend) -> String {
    let info = backend.info();
    format!("{} ({})", info.backend.to_uppercase(), info.adapter)
}

/// Mines `count` nonces into a ledger of its own; gives its text, the counts and the seconds.
pub(super) fn mine_here(
    header: Map<String, Value>,
    searchers: Vec<Box<dyn Searcher>>,
    count: u64,
    stop: &AtomicBool,
) -> Result<(String, Counts, f64), ProverError> {
    let dir = std::env::temp_dir().join(format!("sphere-pow-demo-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let path = dir.join("proofs.jsonl");
    let job = Job { node_id: 0, node_count: 1, count: Some(count), duration: Some(TIME_LIMIT) };
    let (tally, started) = (Tally::default(), Instant::now());
    let mined = Ledger::open(&path, header)
        .map_err(ProverError::from)
        .and_then(|(ledger, _)| mine(&job, searchers, ledger, &Progress::default(), &tally, stop));
    let seconds = started.elapsed().as_secs_f64();
    let text = std::fs::read_to_string(&path);
    std::fs::remove_dir_all(&dir)?;
    mined?;
    if stop.load(Ordering::Relaxed) {
        return Err(ProverError::Interrupted);
    }
    Ok((text?, tally.counts(), seconds))
}

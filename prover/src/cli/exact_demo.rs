//! `sphere-pow demo --profile exact`.

use super::demo::mine_here;
use super::exact::{describe, open_all, params, verification};
use super::output::{Output, advance, bar};
use super::{BackendArgs, BackendChoice};
use crate::error::ProverError;
use crate::exact::backend::{ExactBackend, ExactCpuBackend};
use crate::exact::search::{ExactSearcher, ledger_header, win_probability};
use crate::exact::verify::{read_proof, verify};
use crate::mine::Searcher;
use crate::rates::Counts;
use serde::Serialize;
use sphere_pow_core::exact::Puzzle;
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_cpu::exact::{CpuOptions, Kernels};
use sphere_pow_gpu::devices;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

/// About sixty of these win.
const NONCES: u64 = 1000;
/// Most claims recomputed: the other path may be the slow one.
const SAMPLE: usize = 24;

#[derive(Serialize)]
struct Demo {
    profile: &'static str,
    preset: &'static str,
    mined_on: String,
    #[serde(flatten)]
    counts: Counts,
    seconds: f64,
    verified: super::exact::Verification,
}

pub(super) fn run(
    block: &BlockHash,
    key: &PublicKey,
    out: &Output,
    stop: &AtomicBool,
) -> Result<ExitCode, ProverError> {
    let puzzle = Puzzle::new(&params("nano")?, block);
    let sizes = puzzle.params();
    out.say(&format!(
        "1. Block hash {block} keys a ChaCha20 stream of {} weights of 7 bits,",
        sizes.n_weights()
    ));
    out.say(
        "   each addressable by itself; every operation is on integers, so every device gets the same bits.",
    );
    let any = BackendArgs {
        backend: BackendChoice::Auto,
        adapter: vec![],
        threads: None,
        batch: None,
        memory: None,
    };
    let backends = open_all(&any, &puzzle, stop)?;
    let mined_on: Vec<String> = backends.iter().map(|b| device(b.as_ref())).collect();
    let mined_on_gpu = backends.iter().any(|b| b.info().backend == "gpu");
    out.say(&format!("2. Device: {}. It passed a known-answer test to the bit.", mined_on.join(" and ")));

    let searcher = |backend| -> Box<dyn Searcher> { Box::new(ExactSearcher { backend, key: key.clone() }) };
    let searchers = backends.into_iter().map(searcher).collect();
    let (text, counts, seconds) = mine_here(ledger_header(&puzzle, key), searchers, NONCES, stop)?;
    let plausibility = counts.plausibility(win_probability(sizes));
    out.say(&format!("3. Mined as key {}…: {} nonces in {seconds:.1} s.", &key.as_str()[..12], counts.tried));
    out.say("   SHA-256 of a nonce's logits draws its target; it wins when both point the same way closely enough.");
    out.say(&format!(
        "4. {} nonces won ({:.1} expected, {:+.1} sigma).",
        counts.won, plausibility.expected, plausibility.sigma
    ));

    let proof = read_proof(Path::new("the demo's proofs"), text.as_bytes())?;
    let mut other = other_path(mined_on_gpu, &puzzle, stop)?;
    out.say(&format!("5. Recomputing claims on another path: {}.", device(other.as_ref())));
    let bar = bar("recomputing");
    let sample: Vec<usize> = (0..proof.claims().len().min(SAMPLE)).collect();
    let (report, refusal) = verify(&proof, &puzzle, key, &sample, other.as_mut(), &mut advance(&bar, stop))?;
    bar.finish_and_clear();
    out.say("   One claim that does not repeat to the bit would prove fraud.");
    let verified = verification(report, refusal.as_ref(), other.as_ref(), String::new());
    let demo = Demo {
        profile: "exact",
        preset: "nano",
        mined_on: mined_on.join(" and "),
        counts,
        seconds,
        verified,
    };
    out.result(&demo, || format!("6. {}", describe(&demo.verified, refusal.as_ref())))?;
    Ok(ExitCode::from(u8::from(refusal.is_some())))
}

fn device(backend: &dyn ExactBackend) -> String {
    let info = backend.info();
    format!("{} ({})", info.backend.to_uppercase(), info.adapter)
}

/// The CPU after a GPU; after the CPU a GPU, if only a software one, else the CPU's portable kernels.
fn other_path(
    mined_on_gpu: bool,
    puzzle: &Puzzle,
    stop: &AtomicBool,
) -> Result<Box<dyn ExactBackend>, ProverError> {
    if !mined_on_gpu {
        for info in pollster::block_on(devices()).iter().filter(|info| info.usable.is_ok()) {
            let name = info.index.to_string();
            let args = BackendArgs {
                backend: BackendChoice::Gpu,
                adapter: vec![name],
                threads: None,
                batch: None,
                memory: None,
            };
            match open_all(&args, puzzle, stop) {
                Ok(mut opened) => return Ok(opened.swap_remove(0)),
                Err(ProverError::Interrupted) => return Err(ProverError::Interrupted),
                Err(error) => tracing::warn!("{} is not used: {error}", info.name),
            }
        }
    }
    let kernels = (!mined_on_gpu).then_some(Kernels::Portable);
    let options = CpuOptions { kernels, ..CpuOptions::default() };
    let bar = bar("making the weights");
    let opened = ExactCpuBackend::open(puzzle, options, None, &mut advance(&bar, stop))?;
    bar.finish_and_clear();
    Ok(Box::new(opened))
}

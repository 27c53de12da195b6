//! `sphere-pow train check --float`: segments of a float lane, judged by how far they lie from one's own.

use super::burn;
use super::check::{CheckArgs, MAX_HEAD_BYTES};
use super::folder::read_start;
use super::{machine, read_run};
use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use sphere_pow_core::train::float::opening::{FloatReport, FloatVerdict};
use sphere_pow_core::train::float::{FloatOpening, FloatRun, FloatState, Tolerance};
use std::path::Path;
use std::process::ExitCode;

fn wrong(path: &Path, reason: &impl ToString) -> ProverError {
    ProverError::Training { what: input::name(path), reason: reason.to_string() }
}

pub(super) fn check(args: &CheckArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let run = FloatRun::new(read_run(&args.text, args.of)?);
    let (pool, _) = machine(args.machine.threads)?;
    let tolerance = match args.tolerance {
        None => Tolerance::of(args.of.params),
        Some(tau) => Tolerance::new(tau).map_err(|error| ProverError::Argument {
            what: "tolerance",
            got: error.got.to_string(),
            expected: "above 0 and below 0.05".into(),
        })?,
    };
    let limit = 2 * FloatState::bytes_of(run.run().params()) + MAX_HEAD_BYTES;
    stop.heed();
    let steps = burn::steps(run.run())?;
    let (bar, mut done) = (bar("repeating the segments"), 0);
    let count = args.openings.len() as u64 * u64::from(run.run().params().segment());
    let (mut found, mut start) = (Vec::new(), None);
    for path in &args.openings {
        let bytes = input::bytes(path, limit)?;
        let opening = FloatOpening::from_bytes(&run, &bytes).map_err(|error| wrong(path, &error))?;
        if let (Some(path), None) = (&args.start, &start) {
            start = Some(read_start(path, run.run().params(), run.id(), opening.lane.round)?.theta);
        }
        let known = args.known(start.as_deref());
        let shown = pool.install(|| {
            opening.check(&run, &known, |lane, segment, state| {
                for step in segment {
                    if stop.is_asked() {
                        return Err(ProverError::Interrupted);
                    }
                    steps.step(lane, step, state);
                    done += 1;
                    bar.set_position(1000 * done / count);
                }
                Ok(())
            })
        })?;
        found.push((opening, shown));
    }
    bar.finish_and_clear();
    let report = FloatReport::new(&run, &args.known(start.as_deref()), &tolerance, &found);
    let report = report.map_err(|error| wrong(&args.openings[0], &error))?;
    out.result(&report, || {
        let mut text = report.rests_on.clone();
        if !report.by_the_opening.is_empty() {
            text += &format!(": say what you know with --{}", report.by_the_opening.join(", --"));
        }
        text + &format!("\n{}\nroot {}\nseed {}", report.summary, report.root, report.seed)
    })?;
    Ok(ExitCode::from(match report.verdict {
        FloatVerdict::Within => 0,
        FloatVerdict::Unconfirmed | FloatVerdict::Undecided => 4,
        FloatVerdict::Fraud | FloatVerdict::Unopened => 1,
    }))
}

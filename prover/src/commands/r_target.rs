//! `sphere-pow r-target`.

use crate::console::Output;
use crate::error::ProverError;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::gonka::rule::TargetRadius;
use sphere_pow_core::statistics::{cap_probability, cap_radius};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct RTargetArgs {
    /// Dimensions of the sphere: the model's vocab_size
    #[arg(long, value_name = "N")]
    vocab: u32,
    /// Chance of a nonce to win; prints the radius
    #[arg(long, value_name = "P", allow_hyphen_values = true, required_unless_present = "r_target")]
    probability: Option<f64>,
    /// Radius; prints the chance of a nonce to win
    #[arg(long, value_name = "R", allow_hyphen_values = true, conflicts_with = "probability")]
    r_target: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    vocab: u32,
    r_target: f64,
    probability: f64,
}

pub(super) fn run(args: &RTargetArgs, out: &Output) -> Result<ExitCode, ProverError> {
    let vocab = args.vocab;
    if !(2..=1 << 20).contains(&vocab) {
        let expected = "an integer from 2 to 1048576".into();
        return Err(ProverError::Argument { what: "--vocab", got: vocab.to_string(), expected });
    }
    let pair = match (args.probability, args.r_target) {
        (Some(probability), _) => {
            let Some(r_target) = cap_radius(vocab, probability) else {
                let expected = "a number between 0 and 1".into();
                return Err(ProverError::Argument {
                    what: "--probability",
                    got: probability.to_string(),
                    expected,
                });
            };
            Pair { vocab, r_target, probability }
        }
        (None, radius) => {
            let r_target = TargetRadius::new(radius.unwrap_or(f64::NAN))?.get();
            Pair { vocab, r_target, probability: cap_probability(vocab, r_target) }
        }
    };
    out.result(&pair, || {
        let one_in = 1.0 / pair.probability;
        format!(
            "r_target {:?}: a nonce wins with probability {:.6e} (1 in {one_in:.1}) at vocab_size {vocab}",
            pair.r_target, pair.probability
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

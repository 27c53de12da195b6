//! `sphere-pow chain`, and what `verify --chain` takes from it.

use crate::clock::unix_seconds;
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use clap::Args;
use sphere_pow_chain::{
    ChainError, Confirmation, MAX_REPLIES_BYTES, Period, TRUSTING_PERIOD_SECONDS, Trust, confirm,
};
use sphere_pow_core::verify::Given;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

const DAY: u64 = 86_400;

#[derive(Debug, Args)]
pub(super) struct ChainArgs {
    /// What a node answered, as it answered, one after the other: /commit, /validators, /header, /block, /blockchain,
    /// /abci_query?prove=true; - is standard input
    replies: PathBuf,
    /// The block that you trust, by its height and hash; all else follows from it
    #[arg(long, value_name = "HEIGHT:HASH")]
    trust: Trust,
    /// Days after which validators are no longer trusted for what they sign, less than the chain's unbonding
    #[arg(long, value_name = "N", default_value_t = TRUSTING_PERIOD_SECONDS / DAY)]
    trusting_days: u64,
}

/// Where `verify` takes what its user does not type.
#[derive(Debug, Args)]
pub(super) struct FromChain {
    /// Take block, model, radius and an account's key from a chain: FILE holds replies of a node, as `chain` reads them
    #[arg(long, value_name = "FILE", requires_all = ["trust", "block_height"])]
    chain: Option<PathBuf>,
    /// With --chain: the block that you trust
    #[arg(long, value_name = "HEIGHT:HASH", requires = "chain")]
    trust: Option<Trust>,
    /// With --chain: days for which validators are trusted
    #[arg(long, value_name = "N", default_value_t = TRUSTING_PERIOD_SECONDS / DAY, requires = "chain")]
    trusting_days: u64,
    /// With --chain: the account whose key is meant; the participant by default
    #[arg(long, value_name = "ADDRESS", requires = "chain")]
    account: Option<String>,
}

pub(super) fn run(args: &ChainArgs, out: &Output) -> Result<ExitCode, ProverError> {
    let confirmed = read(&args.replies, &args.trust, args.trusting_days)?;
    out.result(&confirmed, || confirmed.summary())?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path, trust: &Trust, days: u64) -> Result<Confirmation, ProverError> {
    let bytes = input::bytes(file, MAX_REPLIES_BYTES)?;
    let wrong = |source| ProverError::Chain { file: input::name(file), source };
    let text = String::from_utf8(bytes)
        .map_err(|error| wrong(ChainError::Json { nr: 1, reason: error.to_string() }))?;
    let period = Period { now: unix_seconds(), trusting: days.saturating_mul(DAY) };
    confirm(&text, trust, &period).map_err(wrong)
}

impl FromChain {
    /// Adds to what was typed what the chain confirms, and says in words what that rests on.
    ///
    /// # Errors
    /// [`ProverError::Chain`], and [`ProverError::Argument`] where the two differ.
    pub(super) fn complete(&self, given: &mut Given) -> Result<Option<String>, ProverError> {
        let (Some(file), Some(trust), Some(height)) = (&self.chain, &self.trust, given.block_height) else {
            return Ok(None);
        };
        let confirmed = read(file, trust, self.trusting_days)?;
        let account = self.account.as_deref().or(given.participant.as_deref());
        // No block has a height below 0, and none is of height 0.
        let known = confirmed
            .given(u64::try_from(height).unwrap_or(0), account)
            .map_err(|source| ProverError::Chain { file: input::name(file), source })?;
        let (known_key, known_model) = (known.public_key.is_some(), known.params.is_some());
        let Given { params, block_hash, public_key, r_target, .. } = given;
        agree("--block-hash", block_hash, known.block_hash)?;
        agree("--public-key", public_key, known.public_key)?;
        agree("--r-target", r_target, known.r_target)?;
        // A model that was typed may be a name: which sizes it has is known further on only.
        if params.is_some() && known.params.is_some() {
            let expected = "no --params beside a chain that names the model".to_owned();
            return Err(ProverError::Argument {
                what: "--params",
                got: params.take().unwrap_or_default(),
                expected,
            });
        }
        *params = params.take().or(known.params);
        let name = sphere_pow_core::text::shown(&confirmed.chain_id);
        let what = match (known_key, known_model) {
            (true, true) => "block, key, model and radius",
            (true, false) => "block and key",
            (false, true) => "block, model and radius",
            (false, false) => "block",
        };
        Ok(Some(format!("{what} by chain {name}, if its block {} is what you trust it to be", trust.height)))
    }
}

/// Takes what the chain says, which must be what was typed.
fn agree<T: Clone + PartialEq + ToString>(
    what: &'static str,
    typed: &mut Option<T>,
    confirmed: Option<T>,
) -> Result<(), ProverError> {
    let Some(confirmed) = confirmed else { return Ok(()) };
    match typed {
        Some(typed) if *typed != confirmed => Err(ProverError::Argument {
            what,
            got: typed.to_string(),
            expected: format!("{}, as the chain says", confirmed.to_string()),
        }),
        _ => {
            *typed = Some(confirmed);
            Ok(())
        }
    }
}

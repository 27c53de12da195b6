//! A simulation of many hosts: the same as `sphere-pow simulate` runs, from the same scenario.

use super::schedule::Nothing;
use crate::error::Failure;
use crate::progress::tell;
use js_sys::Function;
use serde::Serialize;
use serde_json::Value;
use sphere_pow_core::text::parser_words;
use sphere_pow_network::simulate::{Run, Scenario, ScenarioError, run_to_ledger};

/// Most hosts of a simulation here: memory grows with them.
const MAX_HOSTS: u32 = 100_000;
/// Most hosts that are listed one by one.
const MAX_LISTED: usize = 200;

/// What came of it, and the hosts with most power at its end.
#[derive(Serialize)]
pub(super) struct Simulated {
    #[serde(flatten)]
    run: Run,
    hosts: Vec<HostEnd>,
}

#[derive(Serialize)]
struct HostEnd {
    host: usize,
    group: String,
    power: String,
    paid: String,
    standing: u32,
}

/// A scenario with every number that can be chosen, as `sphere-pow simulate --show` gives it.
pub(super) fn complete(_: Nothing) -> Result<Scenario, Failure> {
    Ok(Scenario::default())
}

fn read(text: &str) -> Result<Scenario, Failure> {
    let refuse = |error: serde_json::Error| Failure::format(parser_words(&error));
    let mut value: Value = serde_json::from_str(text).map_err(refuse)?;
    // A seed above 2^53 comes as text.
    if let Some(seed) = value.get_mut("seed")
        && let Some(number) = seed.as_str().and_then(|text| text.parse::<u64>().ok())
    {
        *seed = number.into();
    }
    let scenario: Scenario = serde_json::from_value(value).map_err(refuse)?;
    if scenario.hosts > MAX_HOSTS {
        return Err(Failure::range(format!("hosts is {}, expected at most {MAX_HOSTS}", scenario.hosts)));
    }
    Ok(scenario)
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Self {
        match error {
            ScenarioError::Number { what, got, expected } => {
                Self::range(format!("{what} is {got}, expected {expected}"))
            }
            other => Self::range(other),
        }
    }
}

pub(super) fn run(scenario: &str, told: &Function) -> Result<Simulated, Failure> {
    let scenario = read(scenario)?;
    let mut is_stopped = false;
    let (run, ledger) = run_to_ledger(&scenario, &mut |row| {
        is_stopped = tell(told, row.epoch as f64 / scenario.epochs as f64).is_break();
        !is_stopped
    })?;
    if is_stopped {
        return Err(Failure::aborted());
    }
    let members = scenario.members();
    let mut hosts: Vec<usize> = (0..members.len()).collect();
    let accounts = ledger.accounts();
    hosts.sort_by_key(|ix| (std::cmp::Reverse(accounts[*ix].power), *ix));
    hosts.truncate(MAX_LISTED);
    let end = |ix: usize| HostEnd {
        host: ix,
        group: members[ix].map_or_else(|| "honest".into(), |group| scenario.groups[group].name.clone()),
        power: accounts[ix].power.to_string(),
        paid: accounts[ix].paid.to_string(),
        standing: accounts[ix].standing.honest_days(),
    };
    let hosts = hosts.into_iter().map(end).collect();
    Ok(Simulated { run, hosts })
}

//! What a simulation is of.

use crate::host::Strategy;
use crate::rules::{Pricing, Rules, RulesError};
use serde::{Deserialize, Serialize};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::difficulty::{Difficulty, DifficultyError, Goal};
use sphere_pow_core::network::epoch::{Durations, EpochParams};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reward::Emission;

/// Most hosts of a simulation.
pub const MAX_HOSTS: u32 = 1_000_000;
/// Most epochs of a simulation.
pub const MAX_EPOCHS: u64 = 100_000;

/// A network, its hosts and what goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Number of hosts.
    pub hosts: u32,
    /// Number of epochs.
    pub epochs: u64,
    /// What all chance comes from.
    pub seed: u64,
    /// How computing power is spread.
    pub power: Power,
    /// Nonces a second of the median host.
    pub nonces_per_second: f64,
    /// How long messages take.
    pub latency: Latency,
    /// Messages that never arrive, in thousandths.
    pub lost: u32,
    /// Chance of a host to be away for an epoch, in thousandths.
    pub away: u32,
    /// The rules.
    pub rules: RuleChoice,
    /// Hosts that are not like the rest: the rest is honest.
    pub groups: Vec<Group>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            hosts: 1000,
            epochs: 60,
            seed: 1,
            power: Power::LogNormal { sigma: 1.0 },
            nonces_per_second: 40.0,
            latency: Latency { median_ms: 300.0, sigma: 0.8 },
            lost: 1,
            away: 20,
            rules: RuleChoice::default(),
            groups: Vec::new(),
        }
    }
}

/// How computing power is spread over hosts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// All have the same.
    Equal,
    /// The logarithm is normal with this standard deviation.
    LogNormal {
        /// The standard deviation.
        sigma: f64,
    },
    /// A power law: P(above x) falls as x^-alpha.
    Pareto {
        /// The exponent, above 1.
        alpha: f64,
    },
}

/// How long a message takes from its sender to the next block's maker: log-normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Half of the messages are faster.
    pub median_ms: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
}

/// Rules in the numbers that somebody would vary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleChoice {
    /// Seats of a committee for a host without standing.
    pub seats: u32,
    /// Seats of a jury.
    pub jury: u32,
    /// Wins of a claim that a check recomputes.
    pub samples: u32,
    /// Least probability of a check, in thousandths.
    pub floor: u32,
    /// Largest share of power of one host, in percent.
    pub cap: u32,
    /// Length of the logits.
    pub vocab: u32,
    /// Nonces for a win in the first Sprint.
    pub nonces_per_win: u32,
    /// Wins wanted in a Sprint, for each host.
    pub wins_per_host: u64,
    /// Milliseconds from block to block.
    pub block_ms: u64,
    /// Durations in blocks.
    pub durations: Durations,
}

impl Default for RuleChoice {
    fn default() -> Self {
        Self {
            seats: 8,
            jury: 128,
            samples: 60,
            floor: 10,
            cap: 25,
            vocab: 8192,
            nonces_per_win: 20,
            wins_per_host: 900,
            block_ms: 5400,
            // Mainnet's windows, with a day of 120 blocks in place of 17,280, most of which do nothing.
            durations: Durations {
                epoch_length: 120,
                epoch_shift: 60,
                poc_stage_duration: 60,
                poc_exchange_duration: 5,
                poc_validation_delay: 5,
                poc_validation_duration: 20,
                set_new_validators_delay: 5,
                inference_validation_cutoff: 0,
            },
        }
    }
}

/// Hosts of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What tables call them.
    pub name: String,
    /// Their share of the hosts, in thousandths.
    pub share: u32,
    /// What they are like.
    #[serde(default)]
    pub strategy: Strategy,
    /// The coalition that they stand by.
    #[serde(default)]
    pub coalition: Option<u16>,
    /// Their computing power against what chance gives them.
    #[serde(default = "one")]
    pub power: f64,
    /// The epoch in which they come.
    #[serde(default = "first")]
    pub from: u64,
}

fn one() -> f64 {
    1.0
}

fn first() -> u64 {
    1
}

/// A simulation that cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A number out of range.
    #[error("{what} {got}, expected {expected}")]
    Number {
        /// Which number.
        what: &'static str,
        /// Its value.
        got: String,
        /// What it should be.
        expected: &'static str,
    },
    /// See [`RulesError`].
    #[error(transparent)]
    Rules(#[from] RulesError),
}

impl Scenario {
    /// Checks all numbers and gives the rules.
    ///
    /// # Errors
    /// [`ScenarioError`] names the first one that is out of range.
    pub fn rules(&self) -> Result<Rules, ScenarioError> {
        let check = |what, got: String, is_good: bool, expected| {
            if is_good { Ok(()) } else { Err(ScenarioError::Number { what, got, expected }) }
        };
        let positive = |what, got: f64| {
            check(what, got.to_string(), got > 0.0 && got <= 1e9, "a number above 0 and up to 1e9")
        };
        check("hosts", self.hosts.to_string(), (2..=MAX_HOSTS).contains(&self.hosts), "2 to 1000000")?;
        check("epochs", self.epochs.to_string(), (1..=MAX_EPOCHS).contains(&self.epochs), "1 to 100000")?;
        positive("nonces_per_second", self.nonces_per_second)?;
        match self.power {
            Power::Equal => {}
            Power::LogNormal { sigma } => {
                check("sigma", sigma.to_string(), (0.0..=5.0).contains(&sigma), "0 to 5")?;
            }
            Power::Pareto { alpha } => {
                check("alpha", alpha.to_string(), alpha > 1.0 && alpha <= 100.0, "above 1, up to 100")?;
            }
        }
        positive("median_ms", self.latency.median_ms)?;
        let sigma = self.latency.sigma;
        check("latency's sigma", sigma.to_string(), (0.0..=5.0).contains(&sigma), "0 to 5")?;
        let rules = &self.rules;
        let shares = [("lost", self.lost), ("away", self.away), ("floor", rules.floor)];
        for (what, got) in shares {
            check(what, got.to_string(), got <= 1000, "0 to 1000")?;
        }
        check("cap", rules.cap.to_string(), (1..=100).contains(&rules.cap), "1 to 100")?;
        check("seats", rules.seats.to_string(), (1..=4096).contains(&rules.seats), "1 to 4096")?;
        check("jury", rules.jury.to_string(), (1..=4096).contains(&rules.jury), "1 to 4096")?;
        check("samples", rules.samples.to_string(), (1..=1 << 20).contains(&rules.samples), "1 to 1048576")?;
        check(
            "block_ms",
            rules.block_ms.to_string(),
            (1..=1 << 32).contains(&rules.block_ms),
            "1 to 4294967296",
        )?;
        let per_win = rules.nonces_per_win;
        check("nonces_per_win", per_win.to_string(), (4..=1 << 20).contains(&per_win), "4 to 1048576")?;
        check(
            "wins_per_host",
            rules.wins_per_host.to_string(),
            (1..=1 << 40).contains(&rules.wins_per_host),
            "1 to 2^40",
        )?;
        let share: u64 = self.groups.iter().map(|group| u64::from(group.share)).sum();
        check("the groups' shares", share.to_string(), share <= 1000, "1000 together at most")?;
        for group in &self.groups {
            positive("a group's power", group.power)?;
        }
        let durations = EpochParams::new(rules.durations).map_err(RulesError::from)?;
        let epoch_ms = rules.block_ms.saturating_mul(rules.durations.epoch_length);
        let goal = || Goal::new(rules.wins_per_host * u64::from(self.hosts), epoch_ms);
        let difficulty = Difficulty::with_rate(rules.vocab, u64::MAX / u64::from(per_win));
        let price = |error: DifficultyError| ScenarioError::from(RulesError::from(error));
        let built = Rules {
            durations,
            pricing: Pricing::Wins { difficulty: difficulty.map_err(price)?, goal: goal().map_err(price)? },
            seats: rules.seats,
            jury: rules.jury,
            floor: Decimal::new(i128::from(rules.floor), 3).expect("3 decimals"),
            cap: Ratio::percent(rules.cap),
            emission: Emission::NETWORK,
            // Sharing is not counted work: what is withheld is missing.
            recovery: None,
            has_sortition: false,
        };
        built.check()?;
        Ok(built)
    }

    /// The group of each host, by number: `None` for the honest rest. Groups follow each other.
    #[must_use]
    pub fn members(&self) -> Vec<Option<usize>> {
        members(self.hosts, self.groups.iter().map(|group| group.share))
    }
}

/// The group of each of so many hosts, by groups' shares in thousandths.
pub(super) fn members(hosts: u32, shares: impl Iterator<Item = u32>) -> Vec<Option<usize>> {
    let mut members = Vec::new();
    for (ix, share) in shares.enumerate() {
        let size = u64::from(hosts) * u64::from(share) / 1000;
        members.extend((0..size).map(|_| Some(ix)));
    }
    members.resize(hosts as usize, None);
    members
}

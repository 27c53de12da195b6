//! What a simulation of training is of.

use super::super::scenario::{MAX_HOSTS, Power, ScenarioError, members};
use crate::training::rules::Wait;
use serde::{Deserialize, Serialize};
use sphere_pow_core::network::committee::Seats;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::lanes::escrow::wait_of_standing;
use sphere_pow_core::network::lanes::lease::MAX_LANES;
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reputation::{STANDING_DAYS, Standing};

/// Most rounds of a simulation.
pub const MAX_ROUNDS: u64 = 100_000;

/// A network that trains, its hosts and what goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Number of hosts.
    pub hosts: u32,
    /// Number of rounds.
    pub rounds: u64,
    /// What all chance comes from.
    pub seed: u64,
    /// How weight is spread.
    pub power: Power,
    /// Chance of a host to be away for a round, in thousandths.
    pub away: u32,
    /// Honest days that all hosts begin with.
    pub standing: u32,
    /// Rounds for which an honest host stays on average; then one without standing has its place and weight. Those of the
    /// beginning came when chance says, and have the days that they have trained since, in place of `standing`. 0: for ever.
    pub stay: u64,
    /// The rules.
    pub rules: RuleChoice,
    /// Hosts that are not like the rest: the rest is honest.
    pub groups: Vec<Group>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            hosts: 10_000,
            rounds: 200,
            seed: 1,
            power: Power::LogNormal { sigma: 1.0 },
            away: 20,
            standing: STANDING_DAYS,
            stay: 0,
            rules: RuleChoice::default(),
            groups: Vec::new(),
        }
    }
}

/// Rules in the numbers that somebody would vary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleChoice {
    /// Lanes of a round.
    pub lanes: u32,
    /// Segments of a lane.
    pub segments: u32,
    /// Seats of checkers of a lane.
    pub seats: u32,
    /// Least probability with which a segment is checked, in thousandths.
    pub floor: u32,
    /// The share of the weight that might hide fraud, in thousandths: what the wait is computed for.
    pub hiding: u32,
    /// Whether rewards are kept back until one false segment of each lane is seen in 99 of 100 cases, too.
    pub waits_to_see: bool,
    /// Rounds, of those in which a host trains, for which its rewards are kept back; by default the least that deter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// Units for a lane.
    pub reward: u64,
    /// Rounds of an epoch: who is caught has no weight until the next begins.
    pub epoch: u32,
}

impl Default for RuleChoice {
    fn default() -> Self {
        Self {
            lanes: 1000,
            segments: 16,
            seats: 2,
            floor: 10,
            hiding: 333,
            waits_to_see: false,
            wait: None,
            reward: 1_000_000,
            epoch: 30,
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
    /// Segments of a lane that they do not train, in thousandths.
    #[serde(default)]
    pub fakes: u32,
    /// Whether they say of each other that all is well.
    #[serde(default)]
    pub hides: bool,
    /// Whether they show nothing when a false segment is drawn.
    #[serde(default)]
    pub withholds: bool,
    /// Whether they check others.
    #[serde(default = "yes")]
    pub checks: bool,
}

fn yes() -> bool {
    true
}

impl Group {
    /// How many of a lane's segments are false.
    #[must_use]
    pub fn false_segments(&self, segments: u32) -> u32 {
        (u64::from(segments) * u64::from(self.fakes)).div_ceil(1000) as u32
    }
}

impl Scenario {
    /// Checks all numbers and gives the rounds for which rewards of hosts of full standing are kept back, of those in which they train.
    ///
    /// # Errors
    /// [`ScenarioError`] names the first one that is out of range.
    pub fn check(&self) -> Result<u32, ScenarioError> {
        let check = |what, got: u64, is_good: bool, expected| {
            let got = got.to_string();
            if is_good { Ok(()) } else { Err(ScenarioError::Number { what, got, expected }) }
        };
        let rules = &self.rules;
        check("hosts", self.hosts.into(), (2..=MAX_HOSTS).contains(&self.hosts), "2 to 1000000")?;
        check("rounds", self.rounds, (1..=MAX_ROUNDS).contains(&self.rounds), "1 to 100000")?;
        check("away", self.away.into(), self.away < 500, "below 500: most have to be there")?;
        check("standing", self.standing.into(), self.standing <= 1000, "at most 1000")?;
        check("stay", self.stay, self.stay <= MAX_ROUNDS, "at most 100000")?;
        check("lanes", rules.lanes.into(), (1..=MAX_LANES).contains(&rules.lanes), "1 to 4096")?;
        check("segments", rules.segments.into(), (1..=4096).contains(&rules.segments), "1 to 4096")?;
        check("seats", rules.seats.into(), (1..=100).contains(&rules.seats), "1 to 100")?;
        check("floor", rules.floor.into(), rules.floor <= 1000, "at most 1000")?;
        check("hiding", rules.hiding.into(), rules.hiding < 1000, "below 1000")?;
        check("epoch", rules.epoch.into(), rules.epoch >= 1, "1 or more")?;
        check("reward", rules.reward, rules.reward <= 1 << 40, "at most 2^40")?;
        let share: u64 = self.groups.iter().map(|group| u64::from(group.share)).sum();
        check("the groups' shares", share, share <= 1000, "1000 together at most")?;
        for group in &self.groups {
            check("fakes", group.fakes.into(), group.fakes <= 1000, "at most 1000")?;
        }
        match self.power {
            Power::Pareto { alpha } if !(alpha > 1.0 && alpha <= 100.0) => {
                return Err(ScenarioError::Number {
                    what: "alpha",
                    got: alpha.to_string(),
                    expected: "above 1, up to 100",
                });
            }
            Power::LogNormal { sigma } if !(0.0..=10.0).contains(&sigma) => {
                return Err(ScenarioError::Number {
                    what: "sigma",
                    got: sigma.to_string(),
                    expected: "0 to 10",
                });
            }
            _ => {}
        }
        Ok(self.wait(&Self::of_days(STANDING_DAYS)))
    }

    /// Rounds for which rewards of a host of a standing are kept back; `u32::MAX` where none are enough.
    #[must_use]
    pub fn wait(&self, standing: &Standing) -> u32 {
        let rules = &self.rules;
        let wait = Wait {
            segments: rules.segments,
            hiding: Ratio::new(rules.hiding, 1000).expect("1000 is not 0"),
            seats: rules.seats,
            has_sortition: false,
            waits_to_see: rules.waits_to_see,
        };
        let asked = |standing: &Standing| wait.asked(&self.seats(standing));
        rules.wait.or_else(|| wait_of_standing(standing, asked)).unwrap_or(u32::MAX)
    }

    /// The standing of so many honest days; more than count are no more.
    pub(super) fn of_days(days: u32) -> Standing {
        let mut standing = Standing::default();
        (0..days.min(STANDING_DAYS)).for_each(|_| standing.work_honestly());
        standing
    }

    fn seats(&self, standing: &Standing) -> Seats {
        let floor = Decimal::new(i128::from(self.rules.floor), 3).expect("3 decimals");
        Seats::of(self.rules.segments, standing, floor)
    }

    /// Segments of a lane that are checked on average, of a host with so many honest days.
    #[must_use]
    pub fn average(&self, days: u32) -> Seats {
        self.seats(&Self::of_days(days))
    }

    /// The group of each host, by number: `None` for the honest rest. Groups follow each other.
    #[must_use]
    pub fn members(&self) -> Vec<Option<usize>> {
        members(self.hosts, self.groups.iter().map(|group| group.share))
    }
}

//! What is true in a simulation, which no host is told: powers, what was really computed, and chance.

use super::chance::Chance;
use super::scenario::{Latency, Power, Scenario};
use crate::host::{FORGED, Work};
use crate::message::{Claim, HostId};

/// What a claim is really worth.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Truth {
    /// Share of the claim that is false.
    pub(super) bad: f64,
    /// Whether what the beacon drew shows it; known once drawn.
    pub(super) is_shown: bool,
}

pub(super) struct World {
    chance: Chance,
    latency: Latency,
    /// By host, nonces a second.
    pub(super) powers: Vec<f64>,
    /// By host, of this epoch.
    pub(super) truths: Vec<Truth>,
    /// Nonces computed for claims, and for checks, in this epoch.
    pub(super) mined: f64,
    pub(super) checked: f64,
    /// By host: when it has done what it was given to check.
    busy_until_ms: Vec<u64>,
    lost: u32,
    away: u32,
    /// By host, of this epoch.
    pub(super) is_away: Vec<bool>,
}

impl World {
    pub(super) fn new(scenario: &Scenario, members: &[Option<usize>]) -> Self {
        let mut chance = Chance::new(scenario.seed);
        let base = scenario.nonces_per_second;
        let mut powers = Vec::with_capacity(members.len());
        for member in members {
            let factor = match scenario.power {
                Power::Equal => 1.0,
                Power::LogNormal { sigma } => chance.log_normal(0.0, sigma),
                // Scaled to a median of 1.
                Power::Pareto { alpha } => chance.pareto(libm::pow(0.5, 1.0 / alpha), alpha),
            };
            powers.push(base * factor * member.map_or(1.0, |group| scenario.groups[group].power));
        }
        let mut world = Self {
            chance,
            latency: scenario.latency,
            is_away: vec![false; powers.len()],
            truths: vec![Truth::default(); powers.len()],
            busy_until_ms: vec![0; powers.len()],
            powers,
            mined: 0.0,
            checked: 0.0,
            lost: scenario.lost,
            away: scenario.away,
        };
        world.next_epoch();
        world
    }

    /// A host's key.
    pub(super) fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.chance.fill(&mut key);
        key
    }

    /// After how many milliseconds a message arrives; `None` for never.
    pub(super) fn latency_ms(&mut self) -> Option<u64> {
        if self.chance.is(self.lost) {
            return None;
        }
        // Log-normal: above 0, and cut to where no window waits any more.
        let Latency { median_ms, sigma } = self.latency;
        Some(self.chance.log_normal(libm::log(median_ms), sigma).min(1e12) as u64)
    }

    /// A claim of `host` after `seconds` of mining, where a nonce wins with chance `rate`.
    pub(super) fn mine(&mut self, host: HostId, work: Work, seconds: f64, rate: f64) -> Option<Claim> {
        let nonces = self.powers[host as usize] * seconds;
        let thousandths = |share: u32| f64::from(share.min(999)) / 1000.0;
        // Nonces really computed, nonces' worth claimed for each, share of the claim that is false.
        let (computed, claimed, bad) = match work {
            Work::Honest => (nonces, 1.0, 0.0),
            Work::Skip(share) => (nonces, 1.0 / (1.0 - thousandths(share)), thousandths(share)),
            Work::Forge => (0.0, f64::from(FORGED), 1.0),
            Work::Copy => (0.0, 1.0, 1.0),
            Work::Pad(share) => {
                let added = f64::from(share) / 1000.0;
                (nonces, 1.0 + added, added / (1.0 + added))
            }
            Work::Idle => return None,
        };
        self.mined += computed;
        let expected = (nonces * claimed * rate).min(1e15);
        let count = self.chance.poisson(expected);
        self.truths[host as usize] = Truth { bad, is_shown: false };
        (count > 0).then(|| Claim { count, document: Vec::new() })
    }

    /// Draws what a host has to show: whether something false is among `samples` of it.
    pub(super) fn draw(&mut self, host: HostId, samples: u64) {
        let missed = libm::pow(1.0 - self.truths[host as usize].bad, samples as f64);
        let is_shown = self.chance.uniform() >= missed;
        self.truths[host as usize].is_shown = is_shown;
    }

    /// Has `checker` check `samples` of a claim, after what it was given before: whether something is false, as
    /// the place of it, and when it knows.
    pub(super) fn check(
        &mut self,
        checker: HostId,
        host: HostId,
        samples: u64,
        now_ms: u64,
    ) -> (Option<u32>, u64) {
        let nonces = samples as f64;
        self.checked += nonces;
        let ms = (1000.0 * nonces / self.powers[checker as usize]).min(1e12) as u64;
        let busy_until = &mut self.busy_until_ms[checker as usize];
        *busy_until = now_ms.max(*busy_until) + ms;
        (self.truths[host as usize].is_shown.then_some(0), *busy_until)
    }

    pub(super) fn next_epoch(&mut self) {
        self.truths.fill(Truth::default());
        (self.mined, self.checked) = (0.0, 0.0);
        for ix in 0..self.is_away.len() {
            self.is_away[ix] = self.chance.is(self.away);
        }
    }
}

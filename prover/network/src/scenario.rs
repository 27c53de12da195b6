//! Networks in a box, by name: what each of its hosts is like, and what happens to it.

use crate::host::{Coalitions, Strategy, Voting, Work};
use crate::peer::{Founder, Genesis};
use crate::rules::{Pricing, Rules};
use crate::sortition::SortitionKey;
use sphere_pow_consensus::HostId;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::epoch::{Durations, EpochParams};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reward::Emission;
use std::num::NonZeroU8;

/// The power of each host before the first Sprint.
pub const FIRST_POWER: u64 = 100;

/// Something that happens to a host of the box at a height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It is killed.
    Kill,
    /// It starts, for the first time or again, with space on its disk.
    Start,
    /// Its disk is full: it stops when it has to keep something.
    Fill,
    /// It tells different hosts different things from here on.
    Equivocate,
    /// It is cut off from all others.
    Part,
    /// All hosts reach each other again.
    Heal,
}

/// A network in a box. Of those with a name, one host is not like the others: the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// What the last host is like.
    pub strategy: Strategy,
    /// What other hosts are like, by number; the last one too, where it is among them.
    pub others: &'static [(usize, Strategy)],
    /// What happens to it, by height, from 1 on. One that first starts was not there before.
    pub events: &'static [(u64, Event)],
}

const HONEST: Strategy = Strategy { work: Work::Honest, voting: Voting::Honest, opens: true, reveals: true };

const fn works(name: &'static str, about: &'static str, work: Work) -> Scenario {
    Scenario { strategy: Strategy { work, ..HONEST }, ..acts(name, about, &[]) }
}

const fn acts(name: &'static str, about: &'static str, events: &'static [(u64, Event)]) -> Scenario {
    Scenario { name, about, strategy: HONEST, others: &[], events }
}

impl Scenario {
    /// All hosts are as they should be.
    pub const HONEST: Self = acts("honest", "all hosts work, check and vote", &[]);

    /// All that have a name.
    pub const ALL: [Self; 13] = [
        Self::HONEST,
        works("skip", "a host skips half of the layers of every nonce", Work::Skip(500)),
        works(
            "forge",
            "a host makes its results up, ten times as many as it could have computed",
            Work::Forge,
        ),
        works("copy", "a host claims what another one did", Work::Copy),
        works("pad", "a host adds as much junk as it has done work", Work::Pad(1000)),
        Scenario {
            strategy: Strategy { voting: Voting::Silent, ..HONEST },
            ..acts("silent", "a host works and never votes", &[])
        },
        Scenario {
            strategy: Strategy { voting: Voting::Attack, ..HONEST },
            ..acts("accuse", "a host says of all others that they cheat", &[])
        },
        Scenario {
            strategy: Strategy { opens: false, ..HONEST },
            ..acts("withhold", "a host does not show what the beacon draws", &[])
        },
        Scenario {
            strategy: Strategy { reveals: false, ..HONEST },
            ..acts(
                "mute",
                "a host does not reveal the secret that it is bound to; the others recover it",
                &[],
            )
        },
        acts("late", "a host joins after two Sprints", &[(50, Event::Start)]),
        acts(
            "crash",
            "a host is killed while it mines, and returns",
            &[(34, Event::Kill), (38, Event::Start)],
        ),
        // In the first Sprint, where all have the same power: with a third of it, the others make no block without that host.
        acts("partition", "a host is cut off, and comes back", &[(6, Event::Part), (18, Event::Heal)]),
        acts("equivocate", "a host votes for different blocks", &[(30, Event::Equivocate)]),
    ];

    /// The scenario of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name == name)
    }

    /// Whether the last host is not there in the beginning, and has no power then.
    #[must_use]
    pub fn is_late(&self) -> bool {
        matches!(self.events.first(), Some((_, Event::Start)))
    }

    /// Whether it takes wires that can be cut.
    #[must_use]
    pub fn cuts_wires(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Part | Event::Heal))
    }

    /// The network's beginning.
    #[must_use]
    pub fn genesis(&self, hosts: &[(HostId, SortitionKey)], seed: [u8; 32]) -> Genesis {
        let last = hosts.len().saturating_sub(1);
        let power = |ix| if self.is_late() && ix == last { 0 } else { FIRST_POWER };
        let founder =
            |(ix, (id, sortition)): (usize, &_)| Founder { id: *id, sortition: *sortition, power: power(ix) };
        let hosts = hosts.iter().enumerate().map(founder).collect();
        Genesis { rules: rules(), hosts, seed }
    }

    /// What the host of that number is like, of so many.
    #[must_use]
    pub fn strategy(&self, number: usize, hosts: usize) -> Strategy {
        match self.others.iter().find(|(other, _)| *other == number) {
            Some((_, strategy)) => *strategy,
            None if number + 1 == hosts => self.strategy,
            None => HONEST,
        }
    }

    /// Nobody stands by the last host.
    #[must_use]
    pub fn coalitions(hosts: usize) -> Coalitions {
        vec![None; hosts].into()
    }
}

/// The rules of a box: every claim is checked by some, and tried by all.
///
/// # Panics
/// Never: the durations are such as can be.
#[must_use]
pub fn rules() -> Rules {
    let durations = Durations {
        epoch_length: 24,
        epoch_shift: 16,
        poc_stage_duration: 4,
        poc_exchange_duration: 2,
        poc_validation_delay: 2,
        poc_validation_duration: 10,
        set_new_validators_delay: 1,
        inference_validation_cutoff: 0,
    };
    Rules {
        durations: EpochParams::new(durations).expect("they fit"),
        pricing: Pricing::Nonces,
        // Each of four others draws one of a new host's with 97 %.
        seats: 12,
        jury: 100,
        floor: Decimal::new(25, 2).expect("2 decimals"),
        cap: Ratio::percent(40),
        emission: Emission::NETWORK,
        recovery: NonZeroU8::new(64),
        has_sortition: true,
    }
}

//! Networks that train in a box, by name: what the last of their hosts is like, and what happens to it.

use super::duty::{Checking, HONEST, Strategy, Training};
use super::peer::Genesis;
use super::rules::Rules;
use crate::peer::Founder;
use crate::scenario::{Event, FIRST_POWER};
use crate::sortition::SortitionKey;
use sphere_pow_consensus::HostId;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Params, Preset, Run, Text};
use std::sync::Arc;

/// What a box learns: a text as good as another.
const TEXT: &str = "many hosts train one model and none of them has to be believed. each takes the parameters that all \
agree on, goes its own way for some steps, and says how far it came. what it says is bound by a tree over its states. \
then a number that nobody knew draws some of its steps, others repeat them, and a single bit that differs is enough. ";

/// Steps of a lane in a round.
const INNER: u32 = 8;
/// Segments of a lane.
const SEGMENTS: u32 = 4;

/// A network that trains. One host is not like the others: the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// What the last host is like.
    pub strategy: Strategy,
    /// What happens to it, by height.
    pub events: &'static [(u64, Event)],
}

const fn acts(name: &'static str, about: &'static str, strategy: Strategy) -> Scenario {
    Scenario { name, about, strategy, events: &[] }
}

const fn trains(name: &'static str, about: &'static str, training: Training) -> Scenario {
    acts(name, about, Strategy { training, ..HONEST })
}

const fn checks(name: &'static str, about: &'static str, checking: Checking) -> Scenario {
    acts(name, about, Strategy { checking, ..HONEST })
}

/// Away for most of the windows of a round, each time in other phases; a round with a host that is away takes some 20 blocks.
const COMES_AND_GOES: [(u64, Event); 16] = {
    let mut events = [(0, Event::Kill); 16];
    let mut turn = 0;
    while turn < 8 {
        events[2 * turn] = (3 + 19 * turn as u64, Event::Kill);
        events[2 * turn + 1] = (12 + 19 * turn as u64, Event::Start);
        turn += 1;
    }
    events
};

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 23] = [
        acts("train-honest", "all hosts train, check and merge", HONEST),
        trains("train-zero", "a host does nothing and commits to a delta of zeros", Training::Zero),
        trains("train-copy", "a host commits to another one's delta", Training::Copy),
        trains("train-skip", "a host leaves out every other step", Training::Skip),
        trains("train-skip-one", "a host leaves out the steps of one segment", Training::SkipOne),
        trains("train-stale", "a host starts from other parameters than the agreed ones", Training::Stale),
        trains("train-data", "a host trains on other data than was drawn", Training::OtherData),
        trains("train-coarse", "a host computes with fewer bits", Training::Coarse),
        trains("train-flip", "a host trains, and turns its delta's sign around", Training::Flip),
        trains("train-scale", "a host trains, and makes its delta twice as large", Training::Scale),
        trains("train-twice", "a host commits to two things", Training::Twice),
        trains("train-late", "a host commits too late; others take over its lane", Training::Late),
        acts(
            "train-withhold",
            "a host does not show what is drawn of its lane",
            Strategy { opens: false, ..HONEST },
        ),
        checks("train-lazy", "a host says that all is well without looking", Checking::Lazy),
        checks("train-accuse", "a host says of all others that they cheat", Checking::Accuse),
        checks("train-miss", "a host says that it cannot get what it is to check", Checking::Miss),
        checks("train-silent", "a host trains and never checks", Checking::Silent),
        acts("train-spoil", "what a host gives to others is spoilt", Strategy { spoils: true, ..HONEST }),
        acts(
            "train-stray",
            "a host merges to other parameters, and fetches the agreed ones",
            Strategy { strays: true, ..HONEST },
        ),
        Scenario {
            events: &[(3, Event::Part), (30, Event::Heal)],
            ..acts("train-partition", "a host is cut off, and comes back", HONEST)
        },
        Scenario {
            events: &COMES_AND_GOES,
            ..acts("train-churn", "a host is killed and returns in every round", HONEST)
        },
        Scenario {
            events: &[(3, Event::Fill), (12, Event::Start)],
            ..acts("train-full", "a host's disk is full; it stops, and goes on when there is space", HONEST)
        },
        Scenario {
            events: &[(3, Event::Kill), (12, Event::Start)],
            ..acts("train-crash", "a host is killed with all that it has in memory, and returns", HONEST)
        },
    ];

    /// The scenario of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name == name)
    }

    /// Whether it takes wires that can be cut.
    #[must_use]
    pub fn cuts_wires(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Part | Event::Heal))
    }

    /// What the host of that number is like, of so many.
    #[must_use]
    pub fn strategy(&self, number: usize, hosts: usize) -> Strategy {
        if number + 1 == hosts { self.strategy } else { HONEST }
    }
}

/// The run of a box: `train-tiny` with a lane for each host.
///
/// # Panics
/// With no host, or more than 4096.
#[must_use]
pub fn run(hosts: usize, rounds: u32) -> Run {
    let tiny = Preset::Tiny.params().raw().clone();
    let lanes = u32::try_from(hosts).unwrap_or(u32::MAX);
    let raw = RawParams { lanes, rounds, inner: INNER, segments: SEGMENTS, ..tiny };
    let params = Params::new(&raw).expect("1 to 4096 hosts");
    Run::new(&params, Text::new(&params, TEXT.as_bytes()).expect("long enough, of few letters"))
}

/// What a network of these hosts starts from.
#[must_use]
pub fn genesis(hosts: &[(HostId, SortitionKey)], rounds: u32, seed: [u8; 32]) -> Genesis {
    let run = Arc::new(run(hosts.len(), rounds));
    let founder = |(id, sortition): &(HostId, SortitionKey)| Founder {
        id: *id,
        sortition: *sortition,
        power: FIRST_POWER,
    };
    Genesis { rules: rules(run.params()), run, hosts: hosts.iter().map(founder).collect(), seed }
}

/// The rules of a box.
///
/// # Panics
/// Never.
#[must_use]
pub fn rules(params: &Params) -> Rules {
    Rules {
        params: params.clone(),
        // Each of four others draws a seat with 68 %.
        seats: 4,
        has_sortition: true,
        standing: 0,
        epoch: 4,
        floor: Decimal::new(25, 2).expect("2 decimals"),
        hiding: Ratio::new(1, 3).expect("3 is not 0"),
        waits_to_see: true,
        reward: 1000,
        // Of 150 ms each by default: a busy machine has its time, and where all is said nobody waits.
        window: 12,
    }
}

//! Networks that train in a box, by name: what the last of their hosts is like, and what happens to it.

use super::duty::{Checking, HONEST, Strategy, Training};
use super::ledger::Phase;
use super::peer::Genesis;
use super::rules::Rules;
use crate::host;
use crate::message::HostId;
use crate::peer::Founder;
use crate::scenario::{Event, FIRST_POWER};
use crate::sortition::SortitionKey;
use sphere_pow_consensus as validators;
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

/// How many hosts are not like the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// The last one.
    One,
    /// The last ones, fewer than half of all, with a third of the weight together: two of five.
    Third,
}

/// A network that trains. The last of its hosts are not like the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// How many.
    pub odd: Odd,
    /// What they are like.
    pub strategy: Strategy,
    /// What happens to them, by height.
    pub events: &'static [(u64, Event)],
    /// The phase, of the first attempt, at whose beginning the last host is killed. It starts again [`AWAY`] blocks later.
    pub dies_in: Option<Phase>,
    /// Where the network mines on the same chain, and weights are the power of Sprints: how the last host mines.
    pub mines: Option<host::Strategy>,
}

/// Blocks for which a host is away that is killed in a phase: it is back before a window closes.
pub const AWAY: u64 = 3;

const fn acts(name: &'static str, about: &'static str, strategy: Strategy) -> Scenario {
    Scenario { name, about, odd: Odd::One, strategy, events: &[], dies_in: None, mines: None }
}

const fn third(name: &'static str, about: &'static str, strategy: Strategy) -> Scenario {
    Scenario { odd: Odd::Third, ..acts(name, about, strategy) }
}

const fn dies(name: &'static str, about: &'static str, phase: Phase) -> Scenario {
    Scenario { dies_in: Some(phase), ..acts(name, about, HONEST) }
}

const fn trains(name: &'static str, about: &'static str, training: Training) -> Scenario {
    acts(name, about, Strategy { training, ..HONEST })
}

const fn checks(name: &'static str, about: &'static str, checking: Checking) -> Scenario {
    acts(name, about, Strategy { checking, ..HONEST })
}

/// Away for most of the windows of a round, each time in other phases; a round with a host that is away takes some 30 blocks.
const COMES_AND_GOES: [(u64, Event); 16] = {
    let mut events = [(0, Event::Kill); 16];
    let mut turn = 0;
    while turn < 8 {
        events[2 * turn] = (3 + 24 * turn as u64, Event::Kill);
        events[2 * turn + 1] = (19 + 24 * turn as u64, Event::Start);
        turn += 1;
    }
    events
};

/// A host that skips half of the layers of every nonce when it mines.
const SKIPS: host::Strategy =
    host::Strategy { work: host::Work::Skip(500), voting: host::Voting::Honest, opens: true, reveals: true };

/// It first comes when the others have trained without it.
const JOINS_AND_LEAVES: [(u64, Event); 5] =
    [(40, Event::Start), (60, Event::Kill), (75, Event::Start), (90, Event::Kill), (105, Event::Start)];

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 36] = [
        acts("train-honest", "all hosts train, check and merge", HONEST),
        trains("train-zero", "a host does nothing and commits to a delta of zeros", Training::Zero),
        trains("train-copy", "a host commits to another one's delta", Training::Copy),
        trains("train-skip", "a host leaves out every other step", Training::Skip),
        trains("train-skip-one", "a host leaves out the steps of one segment", Training::SkipOne),
        trains(
            "train-extrapolate",
            "a host computes every other step and guesses the rest from it",
            Training::Extrapolate,
        ),
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
        acts("train-hoard", "a host gives nothing to others", Strategy { hoards: true, ..HONEST }),
        third(
            "train-accuse-third",
            "a third says of all others that they cheat",
            Strategy { checking: Checking::Accuse, ..HONEST },
        ),
        third(
            "train-collude",
            "a third leaves out every other step, and says of each other that all is well",
            Strategy { training: Training::Skip, checking: Checking::Cover, ..HONEST },
        ),
        third(
            "train-stray-third",
            "a third merges to other parameters, the same ones, and fetches the agreed ones",
            Strategy { strays: true, ..HONEST },
        ),
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
            events: &[(3, Event::Part), (30, Event::Heal)],
            ..third(
                "train-partition-third",
                "a third is cut off: nothing is agreed until it comes back",
                HONEST,
            )
        },
        Scenario {
            events: &COMES_AND_GOES,
            ..acts("train-churn", "a host is killed and returns in every round", HONEST)
        },
        Scenario {
            events: &JOINS_AND_LEAVES,
            ..acts(
                "train-join",
                "a host comes for the first time in the second round, and leaves twice",
                HONEST,
            )
        },
        Scenario {
            mines: Some(SKIPS),
            ..acts(
                "train-after-sprints",
                "the network mines, too, and who is convicted there trains nothing: weights are Sprints'",
                HONEST,
            )
        },
        dies("train-kill-train", "a host is killed while it trains", Phase::Train),
        dies("train-kill-draw", "a host is killed between its commitment and its opening", Phase::Sortition),
        dies("train-kill-check", "a host is killed while it checks others, and they check it", Phase::Seal),
        dies("train-kill-reveal", "a host is killed between its seals and what it reveals", Phase::Show),
        dies("train-kill-merge", "a host is killed while it merges", Phase::Merge),
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

    /// Whether the last host is not there in the beginning.
    #[must_use]
    pub fn is_late(&self) -> bool {
        matches!(self.events.first(), Some((_, Event::Start)))
    }

    /// The first host of those that are not like the others, of so many.
    #[must_use]
    pub fn first_odd(&self, hosts: usize) -> usize {
        match self.odd {
            Odd::One => hosts - 1,
            Odd::Third => hosts - (hosts - 1) / 2,
        }
    }

    /// What the host of that number is like, of so many.
    #[must_use]
    pub fn strategy(&self, number: usize, hosts: usize) -> Strategy {
        let first = self.first_odd(hosts);
        let friends_from = HostId::try_from(first).unwrap_or(HostId::MAX);
        if number < first { HONEST } else { Strategy { friends_from, ..self.strategy } }
    }

    /// The weight of the host of that number, of so many.
    #[must_use]
    pub fn weight(&self, number: usize, hosts: usize) -> u64 {
        let first = self.first_odd(hosts);
        match self.odd {
            Odd::Third if number >= first => FIRST_POWER * first as u64 / (2 * (hosts - first) as u64),
            _ => FIRST_POWER,
        }
    }

    /// What a network of these hosts starts from.
    #[must_use]
    pub fn genesis(
        &self,
        hosts: &[(validators::HostId, SortitionKey)],
        rounds: u32,
        seed: [u8; 32],
    ) -> Genesis {
        let run = Arc::new(run(hosts.len(), rounds));
        let founder = |(number, (id, sortition)): (usize, &(validators::HostId, SortitionKey))| Founder {
            id: *id,
            sortition: *sortition,
            power: self.weight(number, hosts.len()),
        };
        let hosts = hosts.iter().enumerate().map(founder).collect();
        Genesis { rules: rules(run.params()), run, hosts, seed }
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

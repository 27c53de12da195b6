//! What a host of a run does: it reads the ledger after each block and asks for work. It has no clock, network, file or
//! thread.

use super::ledger::{LaneState, Ledger, Phase};
use super::message::{Finding, Message, Word};
use crate::message::HostId;
use sphere_pow_core::network::lanes::draw::runs;
use sphere_pow_core::network::lanes::verdict::seal;
use std::collections::BTreeSet;
use std::ops::Range;

/// How a lane is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Training {
    /// Every step.
    #[default]
    Honest,
    /// No step: the parameters stay.
    Zero,
    /// No step: another lane's delta, with states made up on the way to it.
    Copy,
    /// Half of the steps of every segment.
    Skip,
    /// None of the steps of one segment, another one each time.
    SkipOne,
    /// Every other step; the movement of each stands for the next one, too.
    Extrapolate,
    /// From other parameters than the agreed ones.
    Stale,
    /// On other sequences than those drawn.
    OtherData,
    /// Every step, with fewer bits than the rules have.
    Coarse,
    /// Every step, and a delta of the other sign.
    Flip,
    /// Every step, and a delta twice as large.
    Scale,
    /// Every step, and two commitments.
    Twice,
    /// Too late.
    Late,
}

/// How a host checks others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checking {
    /// It repeats what is drawn.
    #[default]
    Honest,
    /// Not at all.
    Silent,
    /// It says that all is well, and seals what it can guess.
    Lazy,
    /// It says of all but its friends that they are wrong.
    Accuse,
    /// It says of its friends that all is well, and of others what it finds.
    Cover,
    /// It says that it gets nothing.
    Miss,
}

/// What a host is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// How it trains.
    pub training: Training,
    /// How it checks.
    pub checking: Checking,
    /// Whether it shows what is drawn.
    pub opens: bool,
    /// Whether what it gives to others is spoilt.
    pub spoils: bool,
    /// Whether it gives nothing to others.
    pub hoards: bool,
    /// Whether it merges to other parameters than the others.
    pub strays: bool,
    /// Hosts of this number and above are like it, and its friends: they know how each of them cheats.
    pub friends_from: HostId,
}

/// An honest host.
pub const HONEST: Strategy = Strategy {
    training: Training::Honest,
    checking: Checking::Honest,
    opens: true,
    spoils: false,
    hoards: false,
    strays: false,
    friends_from: HostId::MAX,
};

impl Strategy {
    /// Whether a host is one that it stands by.
    #[must_use]
    pub fn is_friend(&self, host: HostId) -> bool {
        host >= self.friends_from
    }
}

/// A lane of an attempt, and what it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The attempt.
    pub attempt: u64,
    /// The round.
    pub round: u32,
    /// The lane.
    pub lane: u32,
    /// Who trains it.
    pub holder: HostId,
    /// The attempt's seed.
    pub seed: [u8; 32],
    /// The agreed root before the round.
    pub root: [u8; 32],
}

/// A delta by its hash, and who has it first of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Its lane.
    pub lane: u32,
    /// Its hash.
    pub hash: [u8; 32],
    /// Who trained it.
    pub holder: HostId,
}

/// What is to be repeated of a lane, and what its trainer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The lane.
    pub case: Case,
    /// The runs of segments that are repeated.
    pub runs: Vec<Range<u32>>,
    /// The leaf before each run.
    pub opened: Vec<[u8; 32]>,
    /// The leaf after each of their segments; empty before it is shown.
    pub after: Vec<[u8; 32]>,
    /// The first and the last leaf, once shown.
    pub ends: Option<[[u8; 32]; 2]>,
    /// The lane's delta.
    pub delta: Delta,
    /// Whether what cannot be had is said now; if not, there is time to ask for it again.
    pub is_last: bool,
}

/// Work for a host's worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// None: a message.
    Say(Message),
    /// To train a lane; those who copy are given another's delta.
    Train(Case, Option<Delta>),
    /// To have what was shown of an own lane where others find it: a host that was killed has it no more.
    Offer(Case, Vec<Range<u32>>, bool),
    /// To fetch deltas, and to say which are there: all of them, or at the last try those that are.
    Fetch(Case, Vec<Delta>, bool),
    /// To draw, of this input, which lanes to check.
    Draw(Case, Vec<u8>),
    /// To open the states before runs.
    Open(Case, Vec<Range<u32>>),
    /// To repeat what is drawn, and seal it.
    Check(Trial),
    /// To show leaves, and the last state.
    Show(Case, Vec<u32>),
    /// To look at the end, and reveal.
    Reveal(Trial),
    /// To repeat all of it, and judge.
    Judge(Trial),
    /// To merge lanes.
    Merge(Case, Vec<Delta>),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    /// What a phase wants of a lane.
    Lane(Phase, u32),
    Offer(u32),
    Draw,
    Fetch(Phase),
    Merge,
}

/// What a host has asked for in this life.
#[derive(Clone, Debug, Default)]
pub struct Asked(BTreeSet<(u64, Ask, bool)>);

impl Asked {
    /// Whether it is for the first time; what somebody else has to give, a second time when it is late.
    fn first(&mut self, attempt: u64, ask: Ask, is_late: bool) -> bool {
        self.0.retain(|(of, ..)| *of >= attempt);
        self.0.insert((attempt, ask, is_late))
    }
}

/// One look at the ledger.
struct Look<'a> {
    ledger: &'a Ledger,
    host: HostId,
    strategy: &'a Strategy,
}

/// What is due of `host` after a block and has not been asked for.
#[must_use]
pub fn duties(ledger: &Ledger, host: HostId, strategy: &Strategy, asked: &mut Asked) -> Vec<Task> {
    let look = Look { ledger, host, strategy };
    let (attempt, phase) = (ledger.attempt(), ledger.phase());
    let mut tasks = Vec::new();
    let mut ask = |ask, is_late, task: Option<Task>| {
        tasks.extend(task.filter(|_| asked.first(attempt, ask, is_late)));
    };
    for (number, lane) in (0..).zip(ledger.lanes()) {
        ask(Ask::Offer(number), false, look.offer(number, lane));
        let task = look.lane(number, lane);
        let is_late =
            matches!(task, Some(Task::Check(_) | Task::Reveal(_) | Task::Judge(_))) && ledger.is_late();
        ask(Ask::Lane(phase, number), is_late, task);
    }
    ask(Ask::Draw, false, ledger.draws(host).map(|input| Task::Draw(look.case(0, 0), input)));
    if ledger.weight(host) > 0 {
        ask(Ask::Fetch(phase), look.is_last_fetch(), look.fetch());
        ask(Ask::Merge, false, look.merge());
    }
    tasks
}

impl Look<'_> {
    fn case(&self, lane: u32, holder: HostId) -> Case {
        let ledger = self.ledger;
        let (attempt, round) = (ledger.attempt(), ledger.round());
        Case { attempt, round, lane, holder, seed: *ledger.seed(), root: *ledger.root() }
    }

    fn deltas(&self, wanted: impl Fn(&LaneState, u32) -> bool) -> Vec<Delta> {
        let lanes = (0..).zip(self.ledger.lanes()).filter(|(number, lane)| wanted(lane, *number));
        lanes.filter_map(|(number, lane)| delta(number, lane)).collect()
    }

    /// An own lane that others may ask for.
    fn offer(&self, number: u32, lane: &LaneState) -> Option<Task> {
        let is_due = lane.holder == self.host && self.strategy.opens && lane.is_drawn();
        let runs = if lane.opened.is_some() { lane.runs() } else { Vec::new() };
        is_due.then(|| Task::Offer(self.case(number, lane.holder), runs, lane.shown.is_some()))
    }

    /// Deltas are fetched from the first opening on, and once more in each window until all are there.
    fn fetch(&self) -> Option<Task> {
        let phase = self.ledger.phase();
        let is_due = (Phase::Open..=Phase::Judge).contains(&phase) && !self.ledger.has_held(self.host);
        let deltas = || self.deltas(|lane, _| lane.is_drawn());
        is_due.then(|| Task::Fetch(self.case(0, 0), deltas(), self.is_last_fetch()))
    }

    fn is_last_fetch(&self) -> bool {
        self.ledger.phase() >= Phase::Reveal && self.ledger.is_late()
    }

    fn merge(&self) -> Option<Task> {
        let is_due = self.ledger.phase() == Phase::Merge && !self.ledger.has_merged(self.host);
        is_due.then(|| {
            let accepted = self.ledger.accepted();
            let deltas = self.deltas(|_, number| accepted.binary_search(&number).is_ok());
            Task::Merge(self.case(0, 0), deltas)
        })
    }

    /// What is due of a lane.
    fn lane(&self, number: u32, lane: &LaneState) -> Option<Task> {
        let (own, opens) = (lane.holder == self.host, self.strategy.opens);
        let case = self.case(number, lane.holder);
        let segments = self.ledger.rules().params.raw().segments;
        let checker = lane.checkers.iter().find(|checker| checker.host == self.host);
        match self.ledger.phase() {
            Phase::Train | Phase::Again => self.train(case, lane),
            Phase::Open if own && opens && lane.is_drawn() && lane.opened.is_none() => {
                Some(Task::Open(case, lane.runs()))
            }
            Phase::Seal if checker?.seal.is_none() && !checker?.misses => {
                self.check(self.trial(case, lane, &checker?.drawn)?)
            }
            Phase::Show if own && opens && lane.opened.is_some() && lane.shown.is_none() => {
                Some(Task::Show(case, lane.places(segments)))
            }
            Phase::Reveal if checker?.seal.is_some() && checker?.agrees.is_none() && !checker?.misses => {
                lane.shown.as_ref()?;
                self.reveal(self.trial(case, lane, &checker?.drawn)?)
            }
            Phase::Judge if !own && lane.case(true).is_disputed() && !lane.votes.contains_key(&self.host) => {
                self.judge(self.trial(case, lane, &lane.drawn)?)
            }
            _ => None,
        }
    }

    fn train(&self, case: Case, lane: &LaneState) -> Option<Task> {
        let is_due = lane.holder == self.host && lane.commitments.is_empty();
        match self.strategy.training {
            // Another one has to be there.
            Training::Copy if is_due => {
                let other = self.deltas(|other, _| other.holder != self.host).into_iter().next()?;
                Some(Task::Train(case, Some(other)))
            }
            // When it is somebody else's.
            Training::Late => {
                let was_own = lane.first_holder == self.host && self.ledger.phase() == Phase::Again;
                was_own.then_some(Task::Train(case, None))
            }
            _ => is_due.then_some(Task::Train(case, None)),
        }
    }

    /// What is repeated of a lane by who repeats these segments.
    fn trial(&self, case: Case, lane: &LaneState, drawn: &[u32]) -> Option<Trial> {
        let segments = self.ledger.rules().params.raw().segments;
        let ends =
            lane.leaf(0, segments).zip(lane.leaf(segments, segments)).map(|(first, last)| [first, last]);
        Some(Trial {
            case,
            opened: lane.opened_before(&runs(drawn))?,
            runs: runs(drawn),
            after: lane.after(drawn),
            ends,
            delta: delta(case.lane, lane)?,
            is_last: self.ledger.is_late(),
        })
    }

    /// What who does not look has for leaves: one that it was shown.
    fn guess(trial: &Trial) -> Vec<[u8; 32]> {
        trial.runs.iter().zip(&trial.opened).flat_map(|(run, leaf)| run.clone().map(|_| *leaf)).collect()
    }

    fn say(&self, case: Case, word: Word) -> Option<Task> {
        Some(Task::Say(Message { attempt: case.attempt, lane: case.lane, word }))
    }

    fn check(&self, trial: Trial) -> Option<Task> {
        match self.strategy.checking {
            Checking::Honest | Checking::Accuse | Checking::Cover => Some(Task::Check(trial)),
            Checking::Silent => None,
            Checking::Miss => self.say(trial.case, Word::Miss),
            Checking::Lazy => {
                let key = self.ledger.accounts().get(self.host as usize)?.key;
                let seal = seal(&key, &trial.case.seed, trial.case.lane, &Self::guess(&trial));
                self.say(trial.case, Word::Seal { seal })
            }
        }
    }

    fn reveal(&self, trial: Trial) -> Option<Task> {
        match self.strategy.checking {
            Checking::Honest | Checking::Accuse | Checking::Cover => Some(Task::Reveal(trial)),
            Checking::Silent | Checking::Miss => None,
            Checking::Lazy => {
                self.say(trial.case, Word::Reveal { leaves: Self::guess(&trial), is_end_right: true })
            }
        }
    }

    fn judge(&self, trial: Trial) -> Option<Task> {
        match self.strategy.checking {
            Checking::Honest | Checking::Cover => Some(Task::Judge(trial)),
            Checking::Silent => None,
            Checking::Lazy => self.say(trial.case, Word::Judge { finding: Finding::Right }),
            Checking::Accuse if self.strategy.is_friend(trial.case.holder) => Some(Task::Judge(trial)),
            Checking::Accuse => {
                let places = vec![self.ledger.rules().params.raw().segments];
                self.say(trial.case, Word::Judge { finding: Finding::Fraud { places } })
            }
            Checking::Miss => self.say(trial.case, Word::Judge { finding: Finding::Missing }),
        }
    }
}

fn delta(number: u32, lane: &LaneState) -> Option<Delta> {
    let commitment = lane.commitments.first()?;
    Some(Delta { lane: number, hash: commitment.delta, holder: lane.holder })
}

//! A network that mines and trains over one chain: the power that Sprints give a host is its weight when lanes are leased, checkers
//! drawn, trials decided and roots agreed on. Before the first Sprint has given any, nobody trains.
//!
//! Two ledgers change with the same blocks, neither knows the other: here is all that one tells the other.

mod boxed;

pub(crate) use boxed::{Worker, genesis, simulation};

use crate::peer::{self, Answer};
use crate::signed::{payload, transactions};
use crate::training;
use crate::training::message::Message;
use crate::training::report::RoundReport;
use sphere_pow_consensus::{Application, Committed, Hash, Header, Next, Pending, Validators};

/// Which ledger a transaction is for: its first byte.
const MINING: u8 = 0;
const TRAINING: u8 = 1;

/// Work of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Of the Sprint.
    Mining(peer::Task),
    /// Of the run.
    Training(training::duty::Task),
}

/// What work came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of the Sprint.
    Mining(Answer),
    /// Of the run.
    Training(Vec<Message>),
}

/// A host of the network.
#[derive(Clone, Debug)]
pub struct Peer {
    mining: peer::Peer,
    training: training::peer::Peer,
}

fn tagged(tag: u8, transactions: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    transactions.into_iter().map(|bytes| [&[tag][..], &bytes].concat()).collect()
}

/// The block as one of the ledgers has it.
fn part(tag: u8, block: &Committed) -> Committed {
    let all = transactions(&block.payload).unwrap_or_default();
    let of =
        |bytes: &Vec<u8>| bytes.split_first().filter(|(of, _)| **of == tag).map(|(_, rest)| rest.to_vec());
    let own: Vec<Vec<u8>> = all.iter().filter_map(of).collect();
    Committed { payload: borsh::to_vec(&own).expect("bytes in memory"), ..block.clone() }
}

impl Peer {
    /// A host with the same number and key in both.
    #[must_use]
    pub fn new(mining: peer::Peer, training: training::peer::Peer) -> Self {
        Self { mining, training }
    }

    /// The host as one that mines.
    #[must_use]
    pub fn mining(&self) -> &peer::Peer {
        &self.mining
    }

    /// The host as one that trains.
    #[must_use]
    pub fn training(&self) -> &training::peer::Peer {
        &self.training
    }

    /// What became of each attempt at a round so far.
    #[must_use]
    pub fn reports(&self) -> &[RoundReport] {
        self.training.reports()
    }

    /// What is asked of the ledger that a transaction is for.
    fn ask(
        &self,
        bytes: &[u8],
        mining: impl Fn(&peer::Peer, &[u8]) -> bool,
        training: impl Fn(&training::peer::Peer, &[u8]) -> bool,
    ) -> bool {
        match bytes.split_first() {
            Some((&MINING, rest)) => mining(&self.mining, rest),
            Some((&TRAINING, rest)) => training(&self.training, rest),
            _ => false,
        }
    }

    fn next(&self, validators: Validators, mining: Hash) -> Next {
        let training = self.training.ledger().fingerprint();
        Next { validators, state: Hash::of(&[b"sphere-pow joint state 1", &mining.0, &training]) }
    }
}

impl Application for Peer {
    type Job = Task;
    type Outcome = Outcome;

    fn genesis(&mut self) -> Next {
        let Next { validators, state } = self.mining.genesis();
        self.next(validators, state)
    }

    fn propose(&self, _height: u64, pending: &Pending<'_>) -> Vec<u8> {
        payload(pending, |bytes| self.ask(bytes, peer::Peer::is_ready, training::peer::Peer::is_ready))
    }

    fn validate(&self, _header: &Header, payload: &[u8]) -> bool {
        let takes = |bytes: &Vec<u8>| self.ask(bytes, peer::Peer::takes, training::peer::Peer::takes);
        transactions(payload).is_some_and(|list| list.iter().all(takes))
    }

    fn commit(&mut self, block: &Committed) -> Next {
        let Next { validators, state } = self.mining.commit(&part(MINING, block));
        let ledger = self.mining.ledger();
        let is_in_force = ledger.settled().is_some_and(|sprint| sprint.effective <= ledger.height());
        if is_in_force || self.training.ledger().attempt() > 0 {
            let powers: Vec<u64> = ledger.accounts().iter().map(|account| account.power).collect();
            self.training.weigh(&powers);
            self.training.commit(&part(TRAINING, block));
        } else {
            self.training.pass();
        }
        self.next(validators, state)
    }

    fn jobs(&mut self) -> Vec<Task> {
        let mining = self.mining.jobs().into_iter().map(Task::Mining);
        mining.chain(self.training.jobs().into_iter().map(Task::Training)).collect()
    }

    fn finished(&mut self, outcome: Outcome) -> Vec<Vec<u8>> {
        match outcome {
            Outcome::Mining(answer) => tagged(MINING, self.mining.finished(answer)),
            Outcome::Training(messages) => tagged(TRAINING, self.training.finished(messages)),
        }
    }

    fn admit(&self, transaction: &[u8]) -> bool {
        self.ask(transaction, Application::admit, Application::admit)
    }
}

//! What a host does: it reads the ledger after each block, and asks for work to be done and messages to be sent.
//!
//! It has no clock, network, file or thread. Whoever drives it gives it blocks and finished work, and carries out what
//! it asks for; a simulation and a real network drive the same machine.

use crate::ledger::{Checks, Ledger};
use crate::message::{Claim, HostId, Message};
use crate::seed::{Deal, Opener, commitment, secret};
use crate::sortition::SortitionSecret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a forger claims against what it could have done.
pub const FORGED: u32 = 10;

/// How a host's claim comes about.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Every nonce is computed.
    #[default]
    Honest,
    /// Layers are skipped, so that this share of the work, in thousandths, was never done and is claimed.
    Skip(u32),
    /// Results are made up: none of the claim is true.
    Forge,
    /// What another host did in the last Sprint, under the own name.
    Copy,
    /// True work, and this many thousandths of it once more as junk.
    Pad(u32),
    /// None; the host only watches.
    Idle,
}

/// How a host votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voting {
    /// What it found.
    #[default]
    Honest,
    /// Never.
    Silent,
    /// That all is well, without looking.
    Lazy,
    /// That members of its own coalition did well, and what it found of others.
    Cover,
    /// That members of its own coalition did well and all others did not.
    Attack,
}

/// What a host is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Strategy {
    /// How its claim comes about.
    pub work: Work,
    /// How it votes.
    pub voting: Voting,
    /// Whether it shows what a beacon draws.
    pub opens: bool,
    /// Whether it reveals the secret that it is bound to.
    pub reveals: bool,
}

impl Default for Strategy {
    fn default() -> Self {
        Self { work: Work::Honest, voting: Voting::Honest, opens: true, reveals: true }
    }
}

/// Which hosts stand by each other.
pub type Coalitions = Arc<[Option<u16>]>;

/// Work that takes time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// To mine until [`Action::StopMining`].
    Mine {
        /// The Sprint.
        epoch: u64,
        /// Its seed.
        seed: [u8; 32],
        /// How.
        work: Work,
    },
    /// To show what the beacon draws of the own claim.
    Open {
        /// The Sprint.
        epoch: u64,
        /// The randomness.
        beacon: [u8; 32],
    },
    /// To check a claim; [`Ledger::entry`] has it. A jury looks at what was accused.
    Check {
        /// The Sprint.
        epoch: u64,
        /// Its seed.
        seed: [u8; 32],
        /// Whose claim.
        host: HostId,
        /// In which round.
        checks: Checks,
    },
}

/// Work that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// What was mined; `None` for nothing.
    Mined {
        /// The Sprint.
        epoch: u64,
        /// The claim.
        claim: Option<Claim>,
    },
    /// What a beacon drew.
    Opened {
        /// The Sprint.
        epoch: u64,
        /// In the profile's form.
        openings: Vec<u8>,
    },
    /// What was found.
    Checked {
        /// The Sprint.
        epoch: u64,
        /// Whose claim.
        host: HostId,
        /// In which round.
        checks: Checks,
        /// The place of what was false, if anything was.
        fault: Option<u32>,
    },
}

/// What a host wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// That all hosts get this message.
    Send(Message),
    /// That this work is done.
    Start(Job),
    /// That mining ends and what was mined comes back as [`Done::Mined`].
    StopMining,
}

/// What a host has asked for in an epoch; a restart forgets it, and the ledger says what is still to be done.
#[derive(Clone, Debug, Default)]
struct Asked {
    epoch: u64,
    commit: bool,
    reveal: bool,
    share: bool,
    mine: bool,
    stop: bool,
    draw: bool,
    open: bool,
    check: bool,
    judge: bool,
}

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    id: HostId,
    key: [u8; 32],
    opener: Option<Opener>,
    sortition: Option<SortitionSecret>,
    strategy: Strategy,
    coalitions: Coalitions,
    asked: Asked,
}

impl Host {
    /// A host with its number, a key that only it has, and what it is like.
    #[must_use]
    pub fn new(id: HostId, key: [u8; 32], strategy: Strategy, coalitions: Coalitions) -> Self {
        Self { id, key, opener: None, sortition: None, strategy, coalitions, asked: Asked::default() }
    }

    /// The host with what opens the shares that are dealt to it; without, it gives none.
    #[must_use]
    pub fn with_opener(self, opener: Opener) -> Self {
        Self { opener: Some(opener), ..self }
    }

    /// The host with its key to draw whose claims it checks; without, it checks none where validators draw.
    #[must_use]
    pub fn with_sortition(self, secret: SortitionSecret) -> Self {
        Self { sortition: Some(secret), ..self }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> HostId {
        self.id
    }

    /// What it is like.
    #[must_use]
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// After a block: what is to be done now. To be called for the last block known, not for those caught up with.
    /// Calls at the heights of [`is_turn`] are enough for a host that misses none.
    pub fn on_block(&mut self, ledger: &Ledger, actions: &mut Vec<Action>) {
        let (height, t, epoch) = (ledger.height(), *ledger.times(), ledger.epoch());
        if self.asked.epoch != epoch {
            self.asked = Asked { epoch, ..Asked::default() };
        }
        // Whether messages sent now are still in time.
        let within = |from: u64, to: u64| from <= height && height < to;
        if within(t.round, t.reveals)
            && !std::mem::replace(&mut self.asked.commit, true)
            && !ledger.has_committed(self.id).0
        {
            let secret = secret(&self.key, epoch);
            let commitment = commitment(epoch, self.id, &secret);
            let dealing = ledger.dealing(self.id, &secret).map(Box::new);
            actions.push(Action::Send(Message::Commit { epoch, commitment, dealing }));
        }
        if within(t.reveals, t.start) && !std::mem::replace(&mut self.asked.reveal, true) {
            let (is_bound, is_out) = ledger.has_committed(self.id);
            if is_bound && !is_out && self.strategy.reveals {
                let secret = secret(&self.key, epoch);
                actions.push(Action::Send(Message::Reveal { epoch, dealer: self.id, secret }));
            }
        }
        if within(t.shares, t.start) && !std::mem::replace(&mut self.asked.share, true) {
            self.share(ledger, actions);
        }
        let is_idle = self.strategy.work == Work::Idle;
        if within(t.start, t.generation_end) && !is_idle && !std::mem::replace(&mut self.asked.mine, true) {
            actions.push(Action::Start(Job::Mine { epoch, seed: *ledger.seed(), work: self.strategy.work }));
        }
        // Also where nothing was begun in this life: it may have been killed after it had mined.
        let may_claim = within(t.generation_end, t.claims_end) && !is_idle && ledger.entry(self.id).is_none();
        if may_claim && !std::mem::replace(&mut self.asked.stop, true) {
            actions.push(Action::StopMining);
        }
        let votes = self.strategy.voting != Voting::Silent;
        if within(t.beacon, t.drawn) && votes && !std::mem::replace(&mut self.asked.draw, true) {
            let proof = self.sortition.as_ref().zip(ledger.draws(self.id));
            if let Some(proof) = proof.and_then(|(secret, input)| secret.prove(&input)) {
                actions.push(Action::Send(Message::Draw { epoch, proof }));
            }
        }
        if within(t.drawn, t.opened) && !std::mem::replace(&mut self.asked.open, true) {
            let is_drawn =
                ledger.entry(self.id).is_some_and(|entry| entry.is_drawn() && entry.openings().is_none());
            if let Some(beacon) = ledger.beacon().filter(|_| is_drawn && self.strategy.opens) {
                actions.push(Action::Start(Job::Open { epoch, beacon: *beacon }));
            }
        }
        if within(t.opened, t.trial) && !std::mem::replace(&mut self.asked.check, true) {
            self.check(ledger, Checks::Committee, actions);
        }
        if within(t.trial, t.weights) && !std::mem::replace(&mut self.asked.judge, true) {
            self.check(ledger, Checks::Jury, actions);
        }
    }

    /// After work: what it is good for.
    pub fn on_done(&mut self, done: Done, actions: &mut Vec<Action>) {
        match done {
            Done::Mined { epoch, claim: Some(claim) } => {
                actions.push(Action::Send(Message::Claim { epoch, claim }));
            }
            Done::Mined { claim: None, .. } => {}
            Done::Opened { epoch, openings } => actions.push(Action::Send(Message::Open { epoch, openings })),
            Done::Checked { epoch, host, checks, fault } => {
                actions.push(Action::Send(Message::Vote { epoch, host, checks, fault }));
            }
        }
    }

    /// Its shares of what others have not revealed.
    fn share(&self, ledger: &Ledger, actions: &mut Vec<Action>) {
        let (Some(opener), epoch) = (&self.opener, ledger.epoch()) else { return };
        for (dealer, part) in ledger.unopened(self.id).filter(|(dealer, _)| *dealer != self.id) {
            // A part that does not open is a false dealing's, which counts for nothing.
            if let Some(shares) = (Deal { epoch, dealer }).open(self.id, part, opener) {
                actions.push(Action::Send(Message::Share { epoch, dealer, shares }));
            }
        }
    }

    /// What is due of a round of checks: looked at where this host looks, else answered right away.
    fn check(&self, ledger: &Ledger, checks: Checks, actions: &mut Vec<Action>) {
        let epoch = ledger.epoch();
        for host in ledger.duties(self.id, checks) {
            if ledger.entry(host).is_none_or(|entry| entry.has_voted(self.id, checks)) {
                continue;
            }
            let fault = match self.strategy.voting {
                Voting::Silent => continue,
                Voting::Lazy => Some(None),
                Voting::Cover | Voting::Attack if self.is_ally(host) => Some(None),
                Voting::Attack => Some(Some(0)),
                Voting::Honest | Voting::Cover => None,
            };
            actions.push(match fault {
                Some(fault) => Action::Send(Message::Vote { epoch, host, checks, fault }),
                None => Action::Start(Job::Check { epoch, seed: *ledger.seed(), host, checks }),
            });
        }
    }

    fn is_ally(&self, host: HostId) -> bool {
        let coalition = |host: HostId| self.coalitions.get(host as usize).copied().flatten();
        coalition(self.id).is_some() && coalition(self.id) == coalition(host)
    }
}

/// Whether hosts have something to do after this block.
#[must_use]
pub fn is_turn(ledger: &Ledger) -> bool {
    let t = ledger.times();
    let shares = ledger.rules().recovery.map(|_| t.shares);
    // The chain begins with block 1.
    [t.round.max(1), t.reveals, t.start, t.generation_end, t.beacon, t.drawn, t.opened, t.trial]
        .into_iter()
        .chain(shares)
        .any(|height| height == ledger.height())
}

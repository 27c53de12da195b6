//! Final blocks: decided here, or caught up with.

use super::{Fault, Node, Output, Timer, TimerKind, Tip};
use crate::application::{Application, Committed, Next};
use crate::block::{Certificate, Decided};
use crate::context::Agreement;
use crate::identity::HostId;
use crate::wire::{BATCH_BLOCKS, Dropped, Message};
use arc_malachitebft_core_consensus::MisbehaviorEvidence;
use arc_malachitebft_core_types::CommitCertificate;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Whom to ask for blocks.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// The heights that peers claim and this host has not seen them fail to show.
    claims: BTreeMap<HostId, u64>,
    asked: Option<HostId>,
    last: Option<HostId>,
    /// Whether the timer runs after which someone is asked.
    is_waiting: bool,
}

impl CatchUp {
    pub(super) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// The next peer in turn that claims more than `height`.
    fn choose(&self, height: u64) -> Option<HostId> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let turn = self.claims.range((after, Bound::Unbounded)).chain(self.claims.iter());
        turn.filter(|(_, claim)| **claim > height).map(|(peer, _)| *peer).next()
    }
}

impl<A: Application> Node<A> {
    /// The engine has decided a block.
    pub(super) fn decide(&mut self, certificate: &CommitCertificate<Agreement>) {
        let height = self.tip.height + 1;
        let block = self.shell.blocks.get(&certificate.value_id).cloned();
        let (Some(block), true) = (block, certificate.height.0 == height) else {
            let detail = format!("decided {} of height {}", certificate.value_id, certificate.height);
            return self.halt(Fault::Engine { height, detail });
        };
        self.keep_evidence();
        self.apply(Decided { block, certificate: Certificate::of_engine(certificate) });
        self.is_running = false;
        // By a timer even without a pause: a host that decides alone must come to an end of its outputs.
        self.set_timer(TimerKind::NextHeight, self.shell.config.timeouts.pause);
        self.run_jobs();
    }

    /// Whether a final block stands on this host's tip and state.
    pub(super) fn follows(&self, decided: &Decided) -> Result<(), Fault> {
        let header = decided.block.header();
        let checks = [("block", header.previous, self.tip.hash), ("state", header.state, self.tip.state)];
        match checks.into_iter().find(|(_, expected, got)| expected != got) {
            Some((what, expected, got)) => {
                Err(Fault::Diverged { height: header.height, what, expected, got })
            }
            None => Ok(()),
        }
    }

    /// Puts a final block on the tip.
    pub(super) fn apply(&mut self, decided: Decided) {
        let (block, round) = (decided.block.clone(), decided.certificate.round());
        self.shell.outputs.push(Output::Store(decided));
        let header = block.header();
        let committed = Committed {
            height: header.height,
            hash: block.hash(),
            previous: header.previous,
            proposer: header.proposer,
            payload: block.payload().to_vec(),
            equivocations: self.evidence.state(block.evidence()),
        };
        let Next { validators, state } = self.app.commit(&committed);
        let height = header.height;
        self.tip = Tip { height, hash: block.hash(), state };
        self.validators = validators;
        self.evidence.begin(height + 1, self.validators.clone());
        self.shell.enter(height + 1, self.validators.clone());
        let app = &self.app;
        self.mempool.recheck(|transaction| app.admit(transaction));
        self.shell.outputs.push(Output::Decided { height, hash: block.hash(), round });
    }

    /// Keeps the contradictions that the engine has found, and tells the others.
    fn keep_evidence(&mut self) {
        for evidence in std::mem::take(&mut self.shell.found) {
            if self.evidence.keep(&evidence, &mut self.shell.verifier) {
                self.shell.broadcast(&Message::Evidence(evidence), Vec::new());
            }
        }
    }

    /// A peer claims that its chain has this height.
    pub(super) fn on_claim(&mut self, peer: HostId, height: u64) {
        let claim = self.catch_up.claims.entry(peer).or_default();
        *claim = height.max(*claim);
        if self.catch_up.is_asking() {
            return;
        }
        // One height behind is what a host is for a moment at every decision.
        if height > self.tip.height + 1 {
            self.ask();
        } else if height == self.tip.height + 1 && !self.catch_up.is_waiting {
            self.catch_up.is_waiting = true;
            self.set_timer(TimerKind::Ask, self.shell.config.timeouts.status());
        }
    }

    fn ask(&mut self) {
        self.catch_up.is_waiting = false;
        let Some(peer) = self.catch_up.choose(self.tip.height) else { return };
        self.catch_up.asked = Some(peer);
        self.catch_up.last = Some(peer);
        let bytes = Message::Ask { from: self.tip.height + 1 }.to_bytes();
        self.shell.outputs.push(Output::Send { to: peer, bytes });
        self.set_timer(TimerKind::Ask, self.shell.config.timeouts.status());
    }

    /// Nobody answered, or this host is behind for longer than a moment.
    pub(super) fn on_ask_timer(&mut self) {
        if let Some(silent) = self.catch_up.asked.take() {
            self.catch_up.claims.remove(&silent);
        }
        self.ask();
    }

    /// Blocks that a peer was asked for.
    pub(super) fn on_blocks(&mut self, from: HostId, blocks: Vec<Decided>) {
        if self.catch_up.asked != Some(from) {
            return self.drop_message(from, Dropped::Unasked);
        }
        self.catch_up.asked = None;
        self.shell.outputs.push(Output::CancelTimer(Timer(TimerKind::Ask)));
        let before = self.tip.height;
        let above = |decided: &Decided| decided.block.header().height > before;
        for decided in blocks.into_iter().filter(above).take(BATCH_BLOCKS) {
            if let Err(reason) = self.catch_up_with(decided) {
                self.catch_up.claims.remove(&from);
                self.drop_message(from, reason);
                break;
            }
            if self.is_halted {
                return;
            }
        }
        if self.tip.height == before {
            // It claimed more than it shows.
            self.catch_up.claims.remove(&from);
            return self.ask();
        }
        self.begin_height();
        if self.catch_up.claims.get(&from).is_some_and(|claim| *claim > self.tip.height) {
            self.ask();
        } else {
            self.run_jobs();
        }
    }

    fn catch_up_with(&mut self, decided: Decided) -> Result<(), Dropped> {
        let height = decided.block.header().height;
        let at = self.tip.height + 1;
        if height != at {
            return Err(Dropped::OtherHeight { got: height, at });
        }
        let certificate = decided.certificate.to_engine(&decided.block);
        if self.shell.verifier.commit(&self.validators, &certificate).is_err() {
            return Err(Dropped::BadCertificate { height });
        }
        // From here on more than two thirds stand behind it: what does not fit is this host's.
        if let Err(fault) = self.follows(&decided) {
            self.halt(fault);
            return Ok(());
        }
        let votes = self.engine.driver.take_vote_evidence();
        let proposals = self.engine.driver.take_proposal_evidence();
        self.shell.find(MisbehaviorEvidence { proposals, votes });
        self.keep_evidence();
        self.shell.decided = None;
        self.apply(decided);
        Ok(())
    }
}

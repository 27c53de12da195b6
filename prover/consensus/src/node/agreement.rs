//! A height: what the engine is told of it.

use super::{Fault, Node, Output};
use crate::application::Application;
use crate::block::{Block, MAX_PAYLOAD_BYTES};
use crate::context::{Agreement, Height, Proposal, Vote};
use crate::identity::HostId;
use crate::record::{Record, Step};
use crate::signed::Signed;
use crate::wire::{Dropped, Message};
use arc_malachitebft_core_consensus as engine;
use arc_malachitebft_core_types as types;
use engine::{Input, LocallyProposedValue, MAX_FUTURE_ROUND_LOOKAHEAD, ProposedValue};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use types::{Round, Validity, ValueOrigin, VoteExtensionPolicy};

impl<A: Application> Node<A> {
    /// Gives the engine an input and does what it asks meanwhile.
    pub(super) fn tell(&mut self, input: Input<Agreement>) {
        let Self { engine, shell, .. } = self;
        let result: Result<(), engine::Error<Agreement>> = engine::process!(
            input: input,
            state: engine,
            metrics: &(),
            with: effect => Ok::<_, Infallible>(shell.perform(effect))
        );
        match result {
            Ok(()) => {}
            // The engine refused the input, or could not say something that is said to help others: it goes on.
            Err(
                error @ (engine::Error::DriverProcess(_)
                | engine::Error::MissingPolkaCertificate(..)
                | engine::Error::InvalidCommitCertificate(..)
                | engine::Error::VoteExtensionRequired(..)),
            ) => {
                let reason = Dropped::Engine(error.to_string());
                shell.outputs.push(Output::Dropped { from: shell.source, reason });
            }
            Err(error) => {
                let fault = Fault::Engine { height: shell.height, detail: error.to_string() };
                shell.fault = Some(fault);
            }
        }
    }

    /// Begins the height above the tip.
    pub(super) fn begin_height(&mut self) {
        self.is_running = true;
        self.tell_height(false);
    }

    fn tell_height(&mut self, is_restart: bool) {
        let height = Height(self.tip.height + 1);
        let set = self.validators.clone();
        // Without a target time the engine asks no clock.
        self.tell(Input::StartHeight(height, set, is_restart, None, VoteExtensionPolicy::Disabled));
    }

    /// Begins the height above the tip with what the log has of it: the engine comes to where it was, and signs
    /// nothing that contradicts what it has signed.
    pub(super) fn replay(&mut self, log: Vec<Vec<u8>>) -> Result<(), Fault> {
        let height = self.tip.height + 1;
        let bad = |detail: String| Fault::Log { height, detail };
        let mut inputs = Vec::new();
        for bytes in &log {
            let record: Record = borsh::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
            if let Record::Block(block) = record {
                self.shell.restore(block);
                continue;
            }
            let (of, block) = match &record {
                Record::Vote(vote) => (vote.message.height, None),
                Record::Proposal(proposal) => (proposal.message.height, None),
                Record::Polka(polka) => (polka.height, None),
                Record::Value { height, block, .. } => (*height, Some(*block)),
                Record::Block(_) | Record::Timeout { .. } => (height, None),
            };
            if of != height {
                return Err(bad(format!("a record of height {of}")));
            }
            if let Some(block) = block.filter(|block| !self.shell.blocks.contains_key(block)) {
                return Err(bad(format!("block {block} is missing")));
            }
            inputs.extend(record.into_engine());
        }
        self.shell.replayed = Some(log.into_iter().collect::<BTreeSet<_>>());
        self.engine.index_wal_entries(&inputs);
        self.is_running = true;
        self.tell_height(true);
        for input in inputs {
            // What is decided or broken ends the height.
            if self.shell.decided.is_some() || self.shell.fault.is_some() {
                break;
            }
            self.tell(input);
        }
        self.engine.reset_entries_index();
        self.shell.replayed = None;
        // The engine may have asked for a block before the log showed it this host's own.
        let (round, own) = (self.engine.round(), self.shell.key.id());
        let proposed = self.engine.full_proposal_at_round_and_proposer(&Height(height), round, &own);
        if proposed.is_some() || self.shell.wanted != round.as_u32() {
            self.shell.wanted = None;
        }
        self.shell.fault.take().map_or(Ok(()), Err)
    }

    pub(super) fn on_step_timer(&mut self, height: u64, step: Step, round: u32) {
        if self.is_running && height == self.shell.height {
            self.shell.timer_fired(step, round);
            self.tell(Input::TimeoutElapsed(step.into_engine(round)));
        }
    }

    /// A message for the height that the engine has begun.
    pub(super) fn on_agreement(&mut self, from: HostId, message: Message) {
        self.shell.source = Some(from);
        let done = match message {
            Message::Vote(vote) => self.on_vote(&vote),
            Message::Proposal(proposal, block) => self.on_proposal(&proposal, block),
            // The engine checks certificates as a whole, and drops what it knows.
            Message::Polka(polka) => {
                self.tell(Input::PolkaCertificate(polka.into_engine()));
                Ok(())
            }
            Message::Round(entry) => {
                self.tell(Input::RoundCertificate(entry.into_engine()));
                Ok(())
            }
            _ => Ok(()),
        };
        self.shell.source = None;
        if let Err(reason) = done {
            self.drop_message(from, reason);
        }
    }

    fn is_near(&self, got: u32) -> Result<(), Dropped> {
        let at = self.engine.round().as_u32().unwrap_or(0);
        let is_near = got <= at.saturating_add(MAX_FUTURE_ROUND_LOOKAHEAD);
        if is_near { Ok(()) } else { Err(Dropped::FarRound { got, at }) }
    }

    fn on_vote(&mut self, vote: &Signed<Vote>) -> Result<(), Dropped> {
        self.is_near(vote.message.round)?;
        let for_engine = vote.clone().into_engine();
        let votes = self.engine.driver.votes();
        // The engine would log a contradiction anew each time it comes, and it would be passed on each time.
        if votes.has_vote(&for_engine) || votes.has_equivocation_evidence(&for_engine) {
            return Err(Dropped::Known);
        }
        if votes.is_saturated_conflict(&for_engine) {
            return Err(Dropped::Full);
        }
        if !self.shell.holds(&vote.message, &vote.signature) {
            return Err(Dropped::BadSignature(vote.message.host));
        }
        self.tell(Input::Vote(for_engine));
        Ok(())
    }

    fn on_proposal(&mut self, signed: &Signed<Proposal>, block: Arc<Block>) -> Result<(), Dropped> {
        let proposal = &signed.message;
        self.is_near(proposal.round)?;
        let expected = self.validators.proposer(proposal.height, proposal.round).id();
        if proposal.host != expected {
            return Err(Dropped::NotTheProposer { expected, got: proposal.host });
        }
        // A block that is proposed for the first time is its proposer's own.
        let is_its_own = proposal.polka.is_some() || block.header().proposer == proposal.host;
        if proposal.block != block.hash() || !is_its_own {
            return Err(Dropped::OtherBlock);
        }
        if let Some(got) = proposal.polka.filter(|polka| *polka >= proposal.round) {
            return Err(Dropped::FarRound { got, at: proposal.round });
        }
        let (height, round) = (Height(proposal.height), Round::new(proposal.round));
        let known = self.engine.full_proposal_at_round_and_value(&height, round, &proposal.block);
        if known.is_some_and(|known| known.proposal.message == *proposal) {
            return Err(Dropped::Known);
        }
        if self.engine.exceeds_per_round_cap(height, round, &proposal.block) {
            return Err(Dropped::Full);
        }
        if !self.shell.holds(proposal, &signed.signature) {
            return Err(Dropped::BadSignature(proposal.host));
        }
        let is_valid = self.may_follow(&block);
        self.shell.blocks.insert(block.hash(), block);
        self.tell(Input::Proposal(signed.clone().into_engine()));
        let value = ProposedValue {
            height,
            round,
            valid_round: proposal.polka.map_or(Round::Nil, Round::new),
            proposer: proposal.host,
            value: proposal.block,
            validity: Validity::from_bool(is_valid),
        };
        self.tell(Input::ProposedValue(value, ValueOrigin::Consensus));
        if is_valid { Ok(()) } else { Err(Dropped::InvalidBlock { height: proposal.height }) }
    }

    /// Whether a block may stand on the tip.
    fn may_follow(&mut self, block: &Block) -> bool {
        let header = block.header();
        header.height == self.tip.height + 1
            && header.previous == self.tip.hash
            && header.state == self.tip.state
            && self.validators.power(&header.proposer) > 0
            && self.evidence.accepts(block.evidence(), &mut self.shell.verifier)
            && self.app.validate(header, block.payload())
    }

    /// Makes this host's block for a round and proposes it.
    pub(super) fn propose(&mut self, round: u32) {
        let height = self.tip.height + 1;
        let payload = self.app.propose(height, &self.mempool.pending());
        if payload.len() > MAX_PAYLOAD_BYTES {
            let reason = Dropped::PayloadTooLong { got: payload.len() };
            return self.shell.outputs.push(Output::Dropped { from: None, reason });
        }
        let evidence = self.evidence.to_state();
        let own = self.shell.key.id();
        let block = Block::new(height, self.tip.hash, own, self.tip.state, payload, evidence);
        let value = LocallyProposedValue::new(Height(height), Round::new(round), block.hash());
        self.shell.blocks.insert(block.hash(), Arc::new(block));
        self.tell(Input::Propose(value));
    }
}

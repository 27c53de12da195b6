//! What the engine asks of the world while it takes an input.

use super::{Fault, Output, Timer, TimerKind};
use crate::block::{Block, encode};
use crate::config::Config;
use crate::context::Agreement;
use crate::evidence::Evidence;
use crate::identity::{Hash, HostId, Key};
use crate::record::{Record, Step};
use crate::signed::{Polka, RoundEntry, Signable, Signed, Verifier};
use crate::validators::Validators;
use crate::wire::Message;
use arc_malachitebft_core_consensus as engine;
use arc_malachitebft_core_types as types;
use engine::{ConsensusMsg, Effect, LivenessMsg, Resumable, Resume, SignedConsensusMsg};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More than this many votes and proposals of a height are not passed on.
const MOST_RELAYED: usize = 65_536;

/// All that effects touch; the engine itself is borrowed while they run.
pub(super) struct Shell<J> {
    pub(super) config: Config,
    pub(super) key: Key,
    pub(super) verifier: Verifier,
    pub(super) validators: Validators,
    /// The height that is being decided.
    pub(super) height: u64,
    pub(super) outputs: Vec<Output<J>>,
    /// Blocks of this height that were proposed with a good signature.
    pub(super) blocks: BTreeMap<Hash, Arc<Block>>,
    /// Which of them the log has.
    logged: BTreeSet<Hash>,
    /// What was passed on at this height, so that nothing ever goes round in circles.
    relayed: BTreeSet<Hash>,
    timers: BTreeSet<(Step, u32)>,
    /// The peer whose message the engine is taking.
    pub(super) source: Option<HostId>,
    /// While the log is replayed: its records.
    pub(super) replayed: Option<BTreeSet<Vec<u8>>>,
    /// The round for which the engine wants a block of this host.
    pub(super) wanted: Option<u32>,
    pub(super) decided: Option<types::CommitCertificate<Agreement>>,
    pub(super) found: Vec<Evidence>,
    pub(super) fault: Option<Fault>,
}

impl<J> Shell<J> {
    pub(super) fn new(config: Config, key: Key, validators: Validators) -> Self {
        Self {
            verifier: Verifier::new(config.chain),
            config,
            key,
            validators,
            height: 1,
            outputs: Vec::new(),
            blocks: BTreeMap::new(),
            logged: BTreeSet::new(),
            relayed: BTreeSet::new(),
            timers: BTreeSet::new(),
            source: None,
            replayed: None,
            wanted: None,
            decided: None,
            found: Vec::new(),
            fault: None,
        }
    }

    /// Leaves the height behind.
    pub(super) fn enter(&mut self, height: u64, validators: Validators) {
        self.cancel_timers();
        self.height = height;
        self.validators = validators;
        self.verifier.forget();
        self.blocks.clear();
        self.logged.clear();
        self.relayed.clear();
        self.wanted = None;
    }

    /// A block that the log holds.
    pub(super) fn restore(&mut self, block: Arc<Block>) {
        self.logged.insert(block.hash());
        self.blocks.insert(block.hash(), block);
    }

    pub(super) fn broadcast(&mut self, message: &Message, except: Vec<HostId>) {
        self.outputs.push(Output::Broadcast { bytes: message.to_bytes(), except });
    }

    fn cancel_timers(&mut self) {
        for (step, round) in std::mem::take(&mut self.timers) {
            let timer = Timer(TimerKind::Step { height: self.height, step, round });
            self.outputs.push(Output::CancelTimer(timer));
        }
    }

    /// Takes note that a timer has run out.
    pub(super) fn timer_fired(&mut self, step: Step, round: u32) {
        self.timers.remove(&(step, round));
    }

    /// Does what the engine asks and says how it goes on.
    pub(super) fn perform(&mut self, effect: Effect<Agreement>) -> Resume<Agreement> {
        match effect {
            Effect::CancelAllTimeouts(r) => {
                self.cancel_timers();
                r.resume_with(())
            }
            Effect::CancelTimeout(timeout, r) => {
                self.cancel(timeout);
                r.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, r) => {
                self.schedule(timeout);
                r.resume_with(())
            }
            // Proposals always travel with their block, so none has to be sent again on its own.
            Effect::StartRound(.., r) | Effect::RestreamProposal(.., r) => r.resume_with(()),
            Effect::PublishConsensusMsg(message, r) => {
                self.speak(message);
                r.resume_with(())
            }
            Effect::PublishLivenessMsg(message, r) => {
                let message = match message {
                    LivenessMsg::Vote(vote) => Message::Vote(Signed::of_engine(vote)),
                    LivenessMsg::PolkaCertificate(polka) => Message::Polka(Polka::of_engine(&polka)),
                    LivenessMsg::SkipRoundCertificate(entry) => Message::Round(RoundEntry::of_engine(&entry)),
                };
                self.broadcast(&message, Vec::new());
                r.resume_with(())
            }
            Effect::RepublishVote(vote, r) => {
                self.outputs.push(Output::Sync);
                self.broadcast(&Message::Vote(Signed::of_engine(vote)), Vec::new());
                r.resume_with(())
            }
            Effect::RepublishRoundCertificate(entry, r) => {
                self.broadcast(&Message::Round(RoundEntry::of_engine(&entry)), Vec::new());
                r.resume_with(())
            }
            Effect::GetValue(_, round, _, r) => {
                self.wanted = round.as_u32();
                r.resume_with(())
            }
            // Blocks that others have decided are applied without the engine (`chain.rs`).
            Effect::CertVerifiedSyncValue(.., r) | Effect::CertRejectedSyncValue(.., r) => r.resume_with(()),
            Effect::Decide(certificate, _, r) => {
                self.decided = Some(certificate);
                r.resume_with(())
            }
            Effect::Finalize(_, _, evidence, r) => {
                self.find(evidence);
                r.resume_with(())
            }
            Effect::WalAppend(_, input, r) => {
                self.log(input);
                r.resume_with(())
            }
            effect => self.sign_or_verify(effect),
        }
    }

    fn sign_or_verify(&mut self, effect: Effect<Agreement>) -> Resume<Agreement> {
        match effect {
            Effect::SignVote(vote, r) => {
                r.resume_with(Signed::new(vote, &self.key, &self.config.chain).into_engine())
            }
            Effect::SignProposal(proposal, r) => {
                r.resume_with(Signed::new(proposal, &self.key, &self.config.chain).into_engine())
            }
            Effect::VerifySignature(signed, _, r) => {
                let signature = signed.signature.to_bytes();
                r.resume_with(match &signed.message {
                    ConsensusMsg::Vote(vote) => self.holds(vote, &signature),
                    ConsensusMsg::Proposal(proposal) => self.holds(proposal, &signature),
                })
            }
            Effect::VerifyCommitCertificate(certificate, set, _, r) => {
                r.resume_with(self.verifier.commit(&set, &certificate))
            }
            Effect::VerifyExtendedCommitCertificate(certificate, set, _, _, r) => {
                r.resume_with(self.verifier.commit(&set, &certificate.trim_vote_extensions()))
            }
            Effect::VerifyPolkaCertificate(polka, set, _, r) => {
                r.resume_with(self.verifier.polka(&set, &polka))
            }
            Effect::VerifyRoundCertificate(entry, set, _, r) => {
                r.resume_with(self.verifier.round(&set, &entry))
            }
            // Votes carry no extensions at any height.
            Effect::ExtendVote(.., r) => r.resume_with(None),
            Effect::VerifyVoteExtension(.., r) => {
                r.resume_with(Err(engine::VoteExtensionError::InvalidVoteExtension))
            }
            _ => Resume::Continue,
        }
    }

    pub(super) fn holds<T: Signable>(&mut self, message: &T, signature: &[u8; 64]) -> bool {
        let set = self.validators.clone();
        self.verifier.holds(&set, message, signature)
    }

    fn schedule(&mut self, timeout: types::Timeout) {
        let (Some(step), Some(round)) = (Step::of_engine(timeout.kind), timeout.round.as_u32()) else {
            return;
        };
        self.timers.insert((step, round));
        let timer = Timer(TimerKind::Step { height: self.height, step, round });
        let after = self.config.timeouts.of(step, round);
        self.outputs.push(Output::SetTimer { timer, after });
    }

    fn cancel(&mut self, timeout: types::Timeout) {
        let (Some(step), Some(round)) = (Step::of_engine(timeout.kind), timeout.round.as_u32()) else {
            return;
        };
        if self.timers.remove(&(step, round)) {
            let timer = Timer(TimerKind::Step { height: self.height, step, round });
            self.outputs.push(Output::CancelTimer(timer));
        }
    }

    /// Says what this host has signed, once the log has it.
    fn speak(&mut self, message: SignedConsensusMsg<Agreement>) {
        self.outputs.push(Output::Sync);
        match message {
            SignedConsensusMsg::Vote(vote) => {
                self.broadcast(&Message::Vote(Signed::of_engine(vote)), Vec::new());
            }
            SignedConsensusMsg::Proposal(proposal) => self.broadcast_proposal(proposal, Vec::new()),
        }
    }

    fn broadcast_proposal(&mut self, proposal: types::SignedProposal<Agreement>, except: Vec<HostId>) {
        // The engine proposes and stores only what it was given together with a block.
        if let Some(block) = self.blocks.get(&proposal.message.block).cloned() {
            self.broadcast(&Message::Proposal(Signed::of_engine(proposal), block), except);
        }
    }

    /// Logs an input of the engine, and passes on what a peer has said and nobody had said here before.
    fn log(&mut self, input: engine::Input<Agreement>) {
        if let (Some(source), None) = (self.source, &self.replayed) {
            self.relay(source, &input);
        }
        let Some(record) = Record::of_engine(input) else { return };
        if let Record::Value { block, .. } = &record
            && let (Some(block), true) = (self.blocks.get(block).cloned(), self.logged.insert(*block))
        {
            self.outputs.push(Output::Append(encode(&Record::Block(block))));
        }
        let bytes = encode(&record);
        if !self.replayed.as_ref().is_some_and(|records| records.contains(&bytes)) {
            self.outputs.push(Output::Append(bytes));
        }
    }

    fn relay(&mut self, source: HostId, input: &engine::Input<Agreement>) {
        let (host, signature) = match input {
            engine::Input::Vote(vote) => (vote.message.host, &vote.signature),
            engine::Input::Proposal(proposal) => (proposal.message.host, &proposal.signature),
            _ => return,
        };
        let is_due = self.config.relay && host != self.key.id() && self.relayed.len() < MOST_RELAYED;
        if !is_due || !self.relayed.insert(Hash::of(&[&signature.to_bytes()])) {
            return;
        }
        let except = vec![source, host];
        match input {
            engine::Input::Vote(vote) => {
                self.broadcast(&Message::Vote(Signed::of_engine(vote.clone())), except);
            }
            engine::Input::Proposal(proposal) => self.broadcast_proposal(proposal.clone(), except),
            _ => {}
        }
    }

    /// Keeps one contradiction of each host.
    pub(super) fn find(&mut self, evidence: engine::MisbehaviorEvidence<Agreement>) {
        let votes = evidence.votes.into_iter().filter_map(|(_, pairs)| pairs.into_iter().next());
        self.found.extend(votes.map(|(a, b)| Evidence::of_votes(Signed::of_engine(a), Signed::of_engine(b))));
        for (_, pairs) in evidence.proposals.iter() {
            if let Some((a, b)) = pairs.first() {
                let (a, b) = (Signed::of_engine(a.clone()), Signed::of_engine(b.clone()));
                self.found.push(Evidence::of_proposals(a, b));
            }
        }
    }
}

//! What a host refuses, by name: messages that are well-formed and wrong.

use super::{Input, Node, Output};
use crate::application::{Application, Committed, Next};
use crate::block::{Block, Certificate, Decided, Header};
use crate::config::Config;
use crate::context::{Proposal, Vote};
use crate::evidence::Evidence;
use crate::identity::{Hash, HostId, Key};
use crate::mempool::Pending;
use crate::signed::{Polka, RoundEntry, Signed};
use crate::storage::MemoryStorage;
use crate::validators::Validators;
use crate::wire::{Dropped, Message};
use arc_malachitebft_core_types::{NilOrVal, VoteType};
use std::sync::Arc;

const CHAIN: Hash = Hash([5; 32]);
const STATE: Hash = Hash([6; 32]);

/// Four validators of power 1, whose state never changes and whose payloads are empty.
struct Still;

fn key(ix: u8) -> Key {
    Key::from_seed([ix + 1; 32])
}

fn set() -> Validators {
    Validators::new((0..4).map(|ix| (key(ix).id(), 1))).unwrap()
}

impl Application for Still {
    type Job = ();
    type Outcome = ();

    fn genesis(&mut self) -> Next {
        Next { validators: set(), state: STATE }
    }

    fn propose(&self, _: u64, _: &Pending<'_>) -> Vec<u8> {
        Vec::new()
    }

    fn validate(&self, _: &Header, payload: &[u8]) -> bool {
        payload.is_empty()
    }

    fn commit(&mut self, _: &Committed) -> Next {
        self.genesis()
    }

    fn jobs(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn finished(&mut self, (): ()) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn admit(&self, transaction: &[u8]) -> bool {
        transaction == b"good"
    }
}

/// The host under test is a follower, so that it speaks for nobody.
fn node() -> Node<Still> {
    let mut node = Node::open(Config::new(CHAIN), key(9), Still, &MemoryStorage::default()).unwrap();
    node.handle(Input::Start);
    node
}

fn tell(node: &mut Node<Still>, message: &Message) -> Vec<Output<()>> {
    node.handle(Input::Message { from: key(0).id(), bytes: message.to_bytes() })
}

fn dropped(outputs: &[Output<()>]) -> Option<&Dropped> {
    outputs.iter().find_map(|output| match output {
        Output::Dropped { reason, .. } => Some(reason),
        _ => None,
    })
}

fn refuses(message: &Message, expected: &Dropped) {
    let mut node = node();
    let outputs = tell(&mut node, message);
    assert_eq!(dropped(&outputs), Some(expected), "{message:?}");
    assert_eq!(node.height(), 0);
}

fn proposer(round: u32) -> Key {
    let id = set().proposer(1, round).id();
    (0..4).map(key).find(|key| key.id() == id).unwrap()
}

fn block(by: &Key, payload: &[u8]) -> Arc<Block> {
    Arc::new(Block::new(1, CHAIN, by.id(), STATE, payload.to_vec(), Vec::new()))
}

fn proposal(by: &Key, round: u32, block: &Arc<Block>, chain: Hash) -> Message {
    let proposal = Proposal { height: 1, round, block: block.hash(), polka: None, host: by.id() };
    Message::Proposal(Signed::new(proposal, by, &chain), block.clone())
}

fn vote(by: &Key, kind: VoteType, round: u32, block: Hash) -> Signed<Vote> {
    let vote = Vote { kind, height: 1, round, block: NilOrVal::Val(block), host: by.id() };
    Signed::new(vote, by, &CHAIN)
}

/// A block of height 1 with precommits of these hosts.
fn decided(signers: &[u8], kind: VoteType, change: impl Fn(&mut Vec<(HostId, [u8; 64])>)) -> Decided {
    let block = block(&key(0), b"");
    let signed = signers.iter().map(|ix| (key(*ix).id(), vote(&key(*ix), kind, 0, block.hash()).signature));
    let mut signatures = signed.collect();
    change(&mut signatures);
    Decided { block, certificate: Certificate { round: 0, signatures } }
}

/// What a host that lags makes of blocks that it has asked for.
fn catches_up(blocks: Vec<Decided>) -> (u64, Option<Dropped>) {
    let mut node = node();
    let asks = tell(&mut node, &Message::Status { height: 5 });
    assert!(asks.iter().any(|output| matches!(output, Output::Send { .. })), "{asks:?}");
    let outputs = tell(&mut node, &Message::Blocks(blocks));
    (node.height(), dropped(&outputs).cloned())
}

#[test]
fn takes_what_is_right() {
    let by = proposer(0);
    let block = block(&by, b"");
    let mut node = node();
    assert_eq!(dropped(&tell(&mut node, &proposal(&by, 0, &block, CHAIN))), None);
    for kind in [VoteType::Prevote, VoteType::Precommit] {
        for ix in 0..3 {
            assert_eq!(node.height(), 0);
            let outputs = tell(&mut node, &Message::Vote(vote(&key(ix), kind, 0, block.hash())));
            assert_eq!(dropped(&outputs), None);
        }
    }
    assert_eq!((node.height(), node.hash()), (1, block.hash()));
}

#[test]
fn refuses_proposals_that_are_wrong() {
    let (by, other) = (proposer(0), proposer(1));
    assert_ne!(by.id(), other.id());
    let good = block(&by, b"");
    let host = by.id();
    refuses(&proposal(&by, 0, &good, Hash([1; 32])), &Dropped::BadSignature(host));
    refuses(&proposal(&other, 0, &good, CHAIN), &Dropped::NotTheProposer { expected: host, got: other.id() });
    refuses(&proposal(&by, 0, &block(&other, b""), CHAIN), &Dropped::OtherBlock);
    let Message::Proposal(signed, _) = proposal(&by, 0, &good, CHAIN) else { panic!() };
    refuses(&Message::Proposal(signed.clone(), block(&by, b"x")), &Dropped::OtherBlock);
    let mut far = signed.message.clone();
    far.round = 11;
    let far = Signed::new(far, &by, &CHAIN);
    refuses(&Message::Proposal(far, good.clone()), &Dropped::FarRound { got: 11, at: 0 });
    let mut itself = signed.message;
    itself.polka = Some(0);
    let itself = Signed::new(itself, &by, &CHAIN);
    refuses(&Message::Proposal(itself, good), &Dropped::FarRound { got: 0, at: 0 });
}

#[test]
fn refuses_blocks_that_may_not_follow() {
    let by = proposer(0);
    let id = by.id();
    let no_evidence = {
        let one = vote(&key(1), VoteType::Prevote, 0, STATE);
        vec![Evidence::of_votes(one.clone(), one)]
    };
    let wrong = [
        Block::new(1, CHAIN, id, STATE, b"x".to_vec(), Vec::new()),
        Block::new(2, CHAIN, id, STATE, Vec::new(), Vec::new()),
        Block::new(1, STATE, id, STATE, Vec::new(), Vec::new()),
        Block::new(1, CHAIN, id, CHAIN, Vec::new(), Vec::new()),
        Block::new(1, CHAIN, id, STATE, Vec::new(), no_evidence),
    ];
    for block in wrong {
        refuses(&proposal(&by, 0, &Arc::new(block), CHAIN), &Dropped::InvalidBlock { height: 1 });
    }
}

#[test]
fn refuses_votes_that_are_wrong() {
    let stranger = key(7);
    let good = vote(&key(1), VoteType::Prevote, 0, STATE);
    let mut forged = good.clone();
    forged.message.host = key(2).id();
    refuses(&Message::Vote(forged), &Dropped::BadSignature(key(2).id()));
    let of_stranger = vote(&stranger, VoteType::Prevote, 0, STATE);
    refuses(&Message::Vote(of_stranger), &Dropped::BadSignature(stranger.id()));
    let far = vote(&key(1), VoteType::Prevote, 11, STATE);
    refuses(&Message::Vote(far), &Dropped::FarRound { got: 11, at: 0 });
    let mut later = good.message.clone();
    later.height = 3;
    let later = Signed::new(later, &key(1), &CHAIN);
    let mut node = node();
    let outputs = tell(&mut node, &Message::Vote(later));
    assert_eq!(dropped(&outputs), Some(&Dropped::OtherHeight { got: 3, at: 1 }));
    tell(&mut node, &Message::Vote(good.clone()));
    assert_eq!(dropped(&tell(&mut node, &Message::Vote(good))), Some(&Dropped::Known));
}

#[test]
fn certificates_of_rounds_need_their_power() {
    // Two thirds of prevotes are no polka, and one precommit, or one twice, moves no round.
    let by = proposer(0);
    let block = block(&by, b"");
    let prevotes = |hosts: &[u8]| {
        let of = |ix: &u8| (key(*ix).id(), vote(&key(*ix), VoteType::Prevote, 0, block.hash()).signature);
        Message::Polka(Polka {
            height: 1,
            round: 0,
            block: block.hash(),
            signatures: hosts.iter().map(of).collect(),
        })
    };
    let skip = |hosts: &[u8]| {
        let votes = hosts.iter().map(|ix| {
            let signed = vote(&key(*ix), VoteType::Precommit, 4, block.hash());
            (VoteType::Precommit, signed.message.block, key(*ix).id(), signed.signature)
        });
        Message::Round(RoundEntry { height: 1, round: 4, by_skip: true, votes: votes.collect() })
    };
    for (message, moves) in [
        (prevotes(&[0, 1]), false),
        (prevotes(&[0, 1, 1]), false),
        (prevotes(&[0, 1, 2]), true),
        (skip(&[0]), false),
        (skip(&[0, 0]), false),
        (skip(&[0, 1]), true),
    ] {
        let mut node = node();
        tell(&mut node, &message);
        let has_polka = !node.engine.driver.polka_certificates().is_empty();
        let round = node.engine.round().as_u32();
        assert_eq!(has_polka || round == Some(4), moves, "{message:?}");
    }
}

#[test]
fn catches_up_only_with_more_than_two_thirds_of_precommits() {
    let bad = Some(Dropped::BadCertificate { height: 1 });
    let precommits = |signers: &[u8]| decided(signers, VoteType::Precommit, |_| {});
    assert_eq!(catches_up(vec![precommits(&[0, 1, 2])]), (1, None));
    assert_eq!(catches_up(vec![precommits(&[0, 1])]), (0, bad.clone()));
    assert_eq!(catches_up(vec![precommits(&[0, 1, 1])]), (0, bad.clone()));
    assert_eq!(catches_up(vec![precommits(&[0, 1, 7])]), (0, bad.clone()));
    assert_eq!(catches_up(vec![decided(&[0, 1, 2], VoteType::Prevote, |_| {})]), (0, bad.clone()));
    let swapped = decided(&[0, 1, 2], VoteType::Precommit, |signatures| signatures[0].1 = signatures[1].1);
    assert_eq!(catches_up(vec![swapped]), (0, bad));
    let mut gap = precommits(&[0, 1, 2]);
    gap.block = Arc::new(Block::new(2, CHAIN, key(0).id(), STATE, Vec::new(), Vec::new()));
    assert_eq!(catches_up(vec![gap]), (0, Some(Dropped::OtherHeight { got: 2, at: 1 })));
    refuses(&Message::Blocks(vec![precommits(&[0, 1, 2])]), &Dropped::Unasked);
}

#[test]
fn keeps_evidence_that_proves_something_and_no_other() {
    let one = vote(&key(1), VoteType::Prevote, 0, STATE);
    let two = vote(&key(1), VoteType::Prevote, 0, CHAIN);
    let mut forged = two.clone();
    forged.signature[0] ^= 1;
    let wrong = [
        Evidence::of_votes(one.clone(), one.clone()),
        Evidence::of_votes(one.clone(), forged),
        Evidence::of_votes(one.clone(), vote(&key(1), VoteType::Precommit, 0, CHAIN)),
        Evidence::of_votes(one.clone(), vote(&key(1), VoteType::Prevote, 1, CHAIN)),
        Evidence::of_votes(one.clone(), vote(&key(2), VoteType::Prevote, 0, CHAIN)),
        Evidence::of_votes(
            vote(&key(7), VoteType::Prevote, 0, STATE),
            vote(&key(7), VoteType::Prevote, 0, CHAIN),
        ),
    ];
    for evidence in wrong {
        refuses(&Message::Evidence(evidence), &Dropped::NoEvidence);
    }
    let right = Message::Evidence(Evidence::of_votes(one, two));
    let mut node = node();
    let outputs = tell(&mut node, &right);
    assert!(matches!(outputs[..], [Output::Broadcast { .. }]), "{outputs:?}");
    assert_eq!(dropped(&tell(&mut node, &right)), Some(&Dropped::NoEvidence), "once");
}

#[test]
fn takes_transactions_that_the_application_admits_once() {
    let mut node = node();
    let good = Message::Transaction(b"good".to_vec());
    assert!(matches!(tell(&mut node, &good)[..], [Output::Broadcast { .. }]));
    assert_eq!(dropped(&tell(&mut node, &good)), Some(&Dropped::Known));
    refuses(&Message::Transaction(b"bad".to_vec()), &Dropped::Refused);
    let long = vec![0; crate::MAX_TRANSACTION_BYTES + 1];
    refuses(&Message::Transaction(long.clone()), &Dropped::TransactionTooLong { got: long.len() });
    let bytes = vec![0; crate::MAX_MESSAGE_BYTES + 1];
    let outputs = node.handle(Input::Message { from: key(0).id(), bytes });
    assert_eq!(dropped(&outputs), Some(&Dropped::TooLong { got: crate::MAX_MESSAGE_BYTES + 1 }));
}

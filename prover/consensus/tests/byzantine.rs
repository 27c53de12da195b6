//! Hosts that break the rules, and what comes of it.

mod common;

use common::{Tx, assert_sound, keys, ms, network, secs};
use proptest::prelude::*;
use sphere_pow_consensus::sim::{Behaviour, Change, Link};
use sphere_pow_consensus::{Input, Key, MemoryStorage, Node};

#[test]
fn an_equivocator_is_named_by_a_block_and_agreement_holds() {
    for seed in 0..5 {
        let mut sim = network(seed, &[1; 4], Link::default());
        sim.start_all_but(&[]);
        sim.at(secs(1), Change::Behave(2, Behaviour::Equivocates));
        assert!(sim.run_to_height(60, secs(120)), "seed {seed}");
        assert_sound(&sim, 4);
        let guilty = keys(4)[2].id();
        let named = &sim.node(0).unwrap().app().equivocations;
        assert!(!named.is_empty(), "seed {seed}");
        assert!(named.iter().all(|e| e.host == guilty), "{named:?}");
        let mut heights: Vec<_> = named.iter().map(|e| e.height).collect();
        heights.sort_unstable();
        heights.dedup();
        assert_eq!(heights.len(), named.len(), "once a height");
    }
}

#[test]
fn garbled_repeated_and_kept_back_messages_do_no_harm() {
    let all = [Behaviour::Garbles(500_000), Behaviour::Repeats, Behaviour::Drops(500_000)];
    for (seed, behaviour) in all.into_iter().enumerate() {
        let mut sim = network(u64::try_from(seed).unwrap(), &[1; 4], Link::default());
        sim.at(ms(0), Change::Behave(1, behaviour));
        sim.start_all_but(&[]);
        assert!(sim.run_to_height(40, secs(120)));
        assert_sound(&sim, 4);
        assert!(sim.node(0).unwrap().app().equivocations.is_empty());
    }
}

#[test]
fn two_of_seven_equivocate_over_a_lossy_network() {
    let link = Link { least: ms(1), most: ms(80), lost_ppm: 30_000, twice_ppm: 30_000 };
    let mut sim = network(11, &[1; 7], link);
    sim.at(ms(0), Change::Behave(0, Behaviour::Equivocates));
    sim.at(ms(0), Change::Behave(5, Behaviour::Equivocates));
    sim.start_all_but(&[]);
    assert!(sim.run_to_height(30, secs(300)));
    assert_sound(&sim, 7);
}

fn node_with_messages(seed: u64) -> (Node<common::Ledger>, Vec<Vec<u8>>) {
    let keys = keys(4);
    let powers = common::powers(&keys, &[1; 4]);
    let open = |ix: usize| {
        let app = common::Ledger::new(keys[ix].id(), powers.clone());
        Node::open(common::config(), keys[ix].clone(), app, &MemoryStorage::default()).unwrap()
    };
    // Real messages to garble: what the others say first.
    let mut said = Vec::new();
    for ix in 1..4 {
        let mut other = open(ix);
        let tx = Tx::Set { key: 1, value: seed, nonce: 1 }.bytes();
        let first = other.handle(Input::Start).into_iter().chain(other.handle(Input::Transaction(tx)));
        said.extend(first.filter_map(|output| match output {
            sphere_pow_consensus::Output::Broadcast { bytes, .. } => Some(bytes),
            _ => None,
        }));
    }
    let mut node = open(0);
    node.handle(Input::Start);
    (node, said)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_and_garbled_bytes_never_panic(
        noise in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..8), 0..30),
        tag in 0u8..12,
    ) {
        let (mut node, said) = node_with_messages(1);
        let from = keys(4)[1].id();
        for mut bytes in noise {
            node.handle(Input::Message { from, bytes: bytes.clone() });
            // As the body of each kind of message.
            bytes.insert(0, tag);
            node.handle(Input::Message { from, bytes });
        }
        for (which, at, bit) in flips {
            let mut bytes = which.get(&said).clone();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            node.handle(Input::Message { from, bytes: bytes.clone() });
            bytes.truncate(at);
            node.handle(Input::Message { from, bytes });
        }
        prop_assert_eq!(node.height(), 0);
    }

    #[test]
    fn never_two_blocks_at_one_height_and_always_another_block(seed in any::<u64>()) {
        let run = |seed: u64| {
            let mut sim = schedule(seed);
            sim.run_until(secs(4));
            assert_sound(&sim, 4);
            // All are up and joined again; one still breaks the rules, and messages are still lost.
            let top = u64::try_from(sim.chain().len()).unwrap();
            // The other one may be silent, and then cannot ask for what it has missed.
            while !(0..3).all(|host| sim.node(host).is_some_and(|node| node.height() > top)) {
                assert!(sim.now() < secs(60) && sim.step(), "{seed}: no block after {top}");
            }
            assert_sound(&sim, 4);
            (sim.chain().to_vec(), sim.sent())
        };
        let (chain, sent) = run(seed);
        if seed % 4 == 0 {
            prop_assert_eq!((chain, sent), run(seed), "equal seeds");
        }
    }
}

/// Four hosts, one of them Byzantine, over a network and with crashes that follow from the seed.
fn schedule(seed: u64) -> sphere_pow_consensus::sim::Simulation<common::Ledger> {
    let bits = |shift: u32, n: u64| (seed.rotate_right(shift).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % n;
    let lost_ppm = u32::try_from(bits(1, 200_000)).unwrap();
    let link = Link { least: ms(1), most: ms(1 + bits(2, 150)), lost_ppm, twice_ppm: lost_ppm / 2 };
    let mut sim = network(seed, &[1; 4], link);
    let behaviour = match bits(3, 5) {
        0 => Behaviour::Equivocates,
        1 => Behaviour::Silent,
        2 => Behaviour::Garbles(300_000),
        3 => Behaviour::Drops(700_000),
        _ => Behaviour::Repeats,
    };
    sim.at(ms(0), Change::Behave(3, behaviour));
    sim.start_all_but(&[]);
    for crash in 0..4 {
        let host = usize::try_from(bits(10 + crash, 4)).unwrap();
        let at = bits(20 + crash, 3000);
        sim.at(ms(at), Change::Crash(host));
        sim.at(ms(at + bits(30 + crash, 1000)), Change::Start(host));
    }
    let cut = bits(40, 2500);
    let pair = usize::try_from(1 + bits(41, 3)).unwrap();
    let others = (1..4).filter(|host| *host != pair).collect();
    sim.at(ms(cut), Change::Partition(vec![vec![0, pair], others]));
    sim.at(ms(cut + bits(42, 1500)), Change::Heal);
    for tx in 0..4u64 {
        let host = usize::try_from(tx).unwrap();
        sim.at(ms(200 * tx), Change::Submit(host, Tx::Set { key: 1, value: tx, nonce: tx }.bytes()));
    }
    sim
}

#[test]
fn a_key_never_prints_itself() {
    let key = Key::from_seed([9; 32]);
    assert!(!format!("{key:?}").contains("0909"));
}

#[test]
fn a_host_whose_state_has_parted_halts_and_the_others_go_on() {
    let mut sim = common::network_of(12, &[1; 4], Link::default(), common::config(), |host, ledger| {
        if host == 3 {
            ledger.set(9, 9);
        }
    });
    sim.start_all_but(&[]);
    sim.run_until(secs(10));
    let fault = sim.fault(3).expect("it has halted");
    assert!(matches!(fault, sphere_pow_consensus::Fault::Diverged { height: 1, .. }), "{fault}");
    assert!(sim.node(0).unwrap().height() > 20);
    assert_eq!(sim.fork(), None);
}

#[test]
fn a_seed_gives_the_same_blocks_on_every_machine() {
    let mut sim = schedule(2026);
    sim.run_until(secs(20));
    let all: Vec<u8> = sim.chain().iter().flat_map(|hash| hash.0).collect();
    assert!(sim.chain().len() > 10, "{}", sim.chain().len());
    assert_eq!(
        sphere_pow_consensus::Hash::of(&[&all]).to_string(),
        "1f3b7e8b80b25312817c2b8b939a3acb3e1a43ae79088b2b3c2dd975c691b427"
    );
}

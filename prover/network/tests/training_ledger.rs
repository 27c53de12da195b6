//! The ledger of a run alone: what is said in a window may come in any order, and nobody can say what is not theirs.

use proptest::prelude::*;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_cpu::threads::Threads;
use sphere_pow_network::sortition::SortitionSecret;
use sphere_pow_network::training::blobs::{Peers, Shelf};
use sphere_pow_network::training::duty::{Asked, Strategy as HostStrategy, duties};
use sphere_pow_network::training::ledger::{Ledger, Phase};
use sphere_pow_network::training::message::{Finding, Message, Refusal, Word};
use sphere_pow_network::training::rules::Rules;
use sphere_pow_network::training::scenario::Scenario;
use sphere_pow_network::training::worker::{Identity, Worker};
use std::num::NonZeroUsize;
use std::sync::Arc;

const HOSTS: usize = 4;

/// Hosts over a ledger, without agreement: a block holds what all say.
struct Table {
    ledger: Ledger,
    workers: Vec<Worker>,
    strategies: Vec<HostStrategy>,
    asked: Vec<Asked>,
}

impl Table {
    fn new(scenario: &str, rounds: u32) -> Self {
        Self::with_rules(scenario, rounds, |_| {})
    }

    fn with_rules(scenario: &str, rounds: u32, change: impl Fn(&mut Rules)) -> Self {
        let scenario = Scenario::named(scenario).unwrap();
        let keys: Vec<[u8; 32]> = (1..=HOSTS as u8).map(|host| [host; 32]).collect();
        let secret = |host: usize| SortitionSecret::new([host as u8 + 100; 32]);
        let founder = |host: usize| (sphere_pow_consensus::HostId(keys[host]), secret(host).key());
        let founders: Vec<_> = (0..HOSTS).map(founder).collect();
        let mut genesis = scenario.genesis(&founders, rounds, [9; 32]);
        change(&mut genesis.rules);
        let id = *genesis.run.id();
        let root = *Agreed::fresh(genesis.run.params(), &id).root(&id).as_bytes();
        let hosts: Vec<([u8; 32], u64)> = genesis.hosts.iter().map(|host| (host.id.0, host.power)).collect();
        let threads = Arc::new(Threads::new(NonZeroUsize::new(1)).unwrap());
        let shelves: Vec<Arc<Shelf>> = (0..HOSTS).map(|_| Arc::default()).collect();
        let strategies: Vec<_> = (0..HOSTS).map(|host| scenario.strategy(host, HOSTS)).collect();
        let worker = |host: usize| {
            let (strategy, sortition) = (strategies[host], secret(host));
            let identity = Identity { host: host as u32, key: keys[host], sortition, strategy };
            let (shelf, peers) = (shelves[host].clone(), Peers::Here(shelves.clone()));
            Worker::new(genesis.run.clone(), threads.clone(), identity, shelf, peers, None)
        };
        Self {
            ledger: Ledger::new(genesis.rules, id, root, &hosts)
                .unwrap()
                .with_sortition_keys(founders.iter().map(|(_, key)| Some(*key)).collect()),
            workers: (0..HOSTS).map(worker).collect(),
            strategies,
            asked: vec![Asked::default(); HOSTS],
        }
    }

    /// What all hosts say of the present state.
    fn said(&mut self) -> Vec<(u32, Message)> {
        let mut all = Vec::new();
        for host in 0..HOSTS {
            let tasks = duties(&self.ledger, host as u32, &self.strategies[host], &mut self.asked[host]);
            for task in tasks {
                all.extend(self.workers[host].run(task).into_iter().map(|message| (host as u32, message)));
            }
        }
        all
    }

    /// Goes on by blocks that hold all that is said, until a phase.
    fn lead_on(&mut self, until: Phase) {
        while self.ledger.phase() != until {
            let messages = self.said();
            assert_eq!(self.block(messages), []);
        }
    }

    fn block(&mut self, messages: Vec<(u32, Message)>) -> Vec<Refusal> {
        let refused =
            messages.into_iter().filter_map(|(host, message)| self.ledger.apply(host, message).err());
        let refused = refused.collect();
        let mut hash = [7; 32];
        hash[..8].copy_from_slice(&self.ledger.height().to_le_bytes());
        self.ledger.end_block(&hash);
        refused
    }
}

/// Where a shuffle by this seed puts things.
fn shuffle<T>(list: &mut [T], mut seed: u64) {
    for ix in (1..list.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list.swap(ix, (seed >> 33) as usize % (ix + 1));
    }
}

fn play(scenario: &str, seed: Option<u64>) -> [u8; 32] {
    let mut table = Table::new(scenario, 2);
    let mut blocks = 0;
    while table.ledger.phase() != Phase::Done && blocks < 200 {
        let mut messages = table.said();
        if let Some(seed) = seed {
            shuffle(&mut messages, seed.wrapping_add(blocks));
        }
        assert_eq!(table.block(messages), [], "{scenario}");
        blocks += 1;
    }
    assert_eq!(table.ledger.phase(), Phase::Done, "{scenario}");
    table.ledger.fingerprint()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn no_order_within_a_window_changes_anything(
        seed in any::<u64>(),
        name in prop_oneof![
            Just("train-honest"), Just("train-twice"), Just("train-skip"), Just("train-accuse"), Just("train-stray")
        ],
    ) {
        prop_assert_eq!(play(name, Some(seed)), play(name, None), "{}", name);
    }
}

#[test]
fn what_is_not_ones_own_to_say_is_refused() {
    let mut table = Table::new("train-honest", 2);
    let message = |table: &Table, lane, word| Message { attempt: table.ledger.attempt(), lane, word };
    let commit = |byte: u8| Word::Commit { root: [byte; 32], delta: [byte; 32] };
    table.block(vec![]);
    let admits = |table: &Table, host, message: &Message| table.ledger.admits(host, message).unwrap_err();
    let own = message(&table, 2, commit(1));
    assert_eq!(table.ledger.admits(2, &own), Ok(()));
    assert_eq!(admits(&table, 1, &own), Refusal::NoPart { what: "commitment" });
    assert_eq!(admits(&table, 9, &own), Refusal::Stranger { got: 9, hosts: 4 });
    assert_eq!(admits(&table, 2, &Message { lane: 4, ..own.clone() }), Refusal::Lane { got: 4, lanes: 4 });
    assert_eq!(
        admits(&table, 2, &Message { attempt: 3, ..own.clone() }),
        Refusal::Attempt { got: 3, expected: 1 }
    );
    let early = message(&table, 2, Word::Open { leaves: vec![] });
    assert_eq!(admits(&table, 2, &early), Refusal::Phase { what: "opening", phase: Phase::Train });
    // It may still come, and what is over may not.
    assert!(!table.ledger.is_stale(2, &early));
    assert!(!table.ledger.is_stale(2, &Message { attempt: 2, ..early.clone() }));
    assert!(table.ledger.is_stale(2, &Message { attempt: 3, ..early.clone() }));
    let messages = table.said();
    assert_eq!(table.block(messages), []);
    assert!(table.ledger.is_stale(2, &message(&table, 2, commit(1))));
    let lead_on = |table: &mut Table, until: Phase| {
        while table.ledger.phase() != until {
            let messages = table.said();
            assert_eq!(table.block(messages), []);
        }
        table.said()
    };
    // Whoever shows a leaf that does not lead to the root has shown nothing.
    let shown = lead_on(&mut table, Phase::Show);
    let (host, mut forged) = shown[0].clone();
    let Word::Show { leaves } = &mut forged.word else { panic!("{forged:?}") };
    leaves[1].leaf[0] ^= 1;
    assert!(matches!(admits(&table, host, &forged), Refusal::Path { leaf: 1 }));
    let Word::Show { leaves } = &mut forged.word else { unreachable!() };
    leaves.pop();
    assert!(matches!(admits(&table, host, &forged), Refusal::Leaves { .. }));
    assert_eq!(table.block(shown), []);
    // Whoever reveals another thing than it sealed has revealed nothing, and another's words are no use.
    let revealed = table.said();
    let is_reveal = |(_, message): &&(u32, Message)| matches!(message.word, Word::Reveal { .. });
    let (host, mut other) = revealed.iter().find(is_reveal).cloned().unwrap();
    let checkers = &table.ledger.lanes()[other.lane as usize].checkers;
    let stranger = (0..4).find(|host| checkers.iter().all(|checker| checker.host != *host)).unwrap();
    assert_eq!(admits(&table, stranger, &other), Refusal::NoPart { what: "reveal" });
    let Word::Reveal { leaves, .. } = &mut other.word else { unreachable!() };
    leaves[0][0] ^= 1;
    assert_eq!(admits(&table, host, &other), Refusal::WrongSeal);
}

#[test]
fn a_round_without_half_of_its_lanes_is_repeated() {
    let mut table = Table::new("train-honest", 2);
    table.block(vec![]);
    let first = *table.ledger.seed();
    // Only one host trains; the others are gone for all of this attempt.
    while table.ledger.attempt() == 1 {
        let messages = table.said().into_iter().filter(|(host, _)| *host == 0).collect();
        table.block(messages);
    }
    let report = table.ledger.ended().unwrap();
    // It has taken over all lanes, and nobody has checked them.
    assert!(report.lanes.iter().all(|lane| lane.holder == 0 && !lane.outcome.is_accepted()), "{report:?}");
    assert_eq!((report.root.clone(), table.ledger.round(), table.ledger.attempt()), (None, 0, 2));
    assert_ne!(*table.ledger.seed(), first);
}

fn draws(messages: &[(u32, Message)]) -> Vec<(u32, Message)> {
    let is_draw = |(_, message): &&(u32, Message)| matches!(message.word, Word::Draw { .. });
    messages.iter().filter(is_draw).cloned().collect()
}

#[test]
fn validators_draw_what_they_check_before_anything_is_opened() {
    let mut table = Table::new("train-honest", 2);
    table.lead_on(Phase::Sortition);
    assert!(table.ledger.lanes().iter().all(|lane| lane.checkers.is_empty() && lane.drawn.is_empty()));
    let said = table.said();
    let all = draws(&said);
    assert_eq!(all.iter().map(|(host, _)| *host).collect::<Vec<_>>(), [0, 1, 2, 3]);
    // Another's draw is no use, nor is one's own of another attempt.
    let admits = |host, message: &Message| table.ledger.admits(host, message);
    assert_eq!(admits(1, &all[0].1), Err(Refusal::WrongProof));
    assert_eq!(admits(0, &all[0].1), Ok(()));
    let Word::Draw { proof } = &all[0].1.word else { unreachable!() };
    let mut forged = *proof;
    forged[40] ^= 1;
    let forged = Message { word: Word::Draw { proof: forged }, ..all[0].1.clone() };
    assert_eq!(admits(0, &forged), Err(Refusal::WrongProof));
    // Who does not draw in time checks nothing; the others have drawn all there is.
    let some = all.iter().filter(|(host, _)| *host != 3).cloned().collect();
    assert_eq!(table.block(some), []);
    assert_eq!(table.ledger.admits(2, &all[2].1), Err(Refusal::Repeated { what: "draw" }));
    while table.ledger.phase() == Phase::Sortition {
        table.block(Vec::new());
    }
    assert_eq!(table.ledger.phase(), Phase::Open);
    assert!(table.ledger.is_stale(3, &all[3].1));
    for lane in table.ledger.lanes() {
        let hosts: Vec<u32> = lane.checkers.iter().map(|checker| checker.host).collect();
        assert!(!hosts.is_empty() && !hosts.contains(&3) && !hosts.contains(&lane.holder), "{lane:?}");
    }
}

#[test]
fn without_draws_a_blocks_hash_seats_all_alike() {
    for has_sortition in [true, false] {
        let mut table = Table::with_rules("train-honest", 2, |rules| rules.has_sortition = has_sortition);
        table.lead_on(if has_sortition { Phase::Sortition } else { Phase::Open });
        while table.ledger.phase() != Phase::Open {
            table.block(Vec::new());
        }
        for lane in table.ledger.lanes() {
            assert_eq!(
                lane.checkers.iter().map(|checker| checker.seats).sum::<u32>(),
                table.ledger.rules().seats
            );
            assert!(lane.checkers.iter().all(|checker| checker.drawn == lane.drawn));
        }
    }
}

/// Whether the last host's one false segment is found, where it makes the block that is drawn from, and so can choose among
/// 64 blocks by what it sees of their consequences.
fn is_grinder_caught(seed: u8, has_sortition: bool) -> bool {
    let mut table = Table::with_rules("train-skip-one", 1, |rules| {
        (rules.has_sortition, rules.standing) = (has_sortition, 30);
    });
    table.lead_on(Phase::Draw);
    let last = HOSTS - 1;
    let lies_at = (table.ledger.attempt() % 4) as u32;
    let after = |candidate: u8| {
        let mut ledger = table.ledger.clone();
        let mut hash = [7; 32];
        (hash[0], hash[1]) = (seed, candidate);
        ledger.end_block(&hash);
        ledger
    };
    let escapes = |ledger: &Ledger| !ledger.lanes()[last].drawn.contains(&lies_at);
    let chosen = (0..64).map(after).find(escapes);
    table.ledger = chosen.unwrap_or_else(|| after(0));
    table.lead_on(Phase::Merge);
    !table.ledger.accepted().contains(&(last as u32))
}

#[test]
fn whoever_makes_a_block_cannot_choose_what_is_drawn_of_its_lane() {
    let caught = |has_sortition| (0..24).filter(|seed| is_grinder_caught(*seed, has_sortition)).count();
    // A block's hash tells its maker what it draws.
    assert_eq!(caught(false), 0);
    // Of 4 segments, 4 seats on average of others draw one each: two in three are found. The maker sees nothing of it.
    let caught = caught(true);
    assert!((10..=22).contains(&caught), "{caught}");
}

#[test]
fn judges_name_what_was_drawn() {
    let mut table = Table::new("train-skip", 1);
    table.lead_on(Phase::Judge);
    let said = table.said();
    let (host, message) = said.iter().find(|(_, m)| matches!(m.word, Word::Judge { .. })).unwrap();
    assert_eq!(table.ledger.admits(*host, message), Ok(()));
    for places in [vec![], vec![1, 0], vec![0, 0], vec![5]] {
        let word = Word::Judge { finding: Finding::Fraud { places } };
        assert_eq!(table.ledger.admits(*host, &Message { word, ..message.clone() }), Err(Refusal::List));
    }
    // All four segments have lost half of their steps; the delta is that of the last state.
    let expected = Word::Judge { finding: Finding::Fraud { places: vec![0, 1, 2, 3] } };
    assert_eq!(message.word, expected);
    assert_eq!(table.block(said), []);
    assert_eq!(table.ledger.lanes()[HOSTS - 1].false_places, [0, 1, 2, 3]);
}

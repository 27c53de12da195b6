//! Honest hosts over bad networks: agreement always, progress whenever more than two thirds of the power can talk.

mod common;

use common::{JOB_EVERY, Ledger, Tx, assert_sound, keys, ms, network, network_with, secs};
use sphere_pow_consensus::Config;
use sphere_pow_consensus::sim::{Behaviour, Change, Link, Simulation};

fn lossy() -> Link {
    Link { least: ms(1), most: ms(60), lost_ppm: 50_000, twice_ppm: 50_000 }
}

fn height(sim: &Simulation<Ledger>, host: usize) -> u64 {
    sim.node(host).expect("the host is up").height()
}

#[test]
fn four_and_seven_hosts_go_on_under_latency_and_loss() {
    for hosts in [4, 7] {
        let mut sim = network(1, &vec![1; hosts], lossy());
        sim.start_all_but(&[]);
        sim.at(secs(1), Change::Submit(2, Tx::Set { key: 1, value: 42, nonce: 0 }.bytes()));
        assert!(sim.run_to_height(40, secs(120)), "{hosts} hosts: height {} of 40", height(&sim, 0));
        for host in 0..hosts {
            assert_eq!(sim.node(host).unwrap().app().value(1), Some(42));
        }
        assert_sound(&sim, hosts);
    }
}

#[test]
fn without_relaying_too() {
    let config = Config { relay: false, ..common::config() };
    let mut sim = network_with(3, &[1; 4], lossy(), config);
    sim.start_all_but(&[]);
    assert!(sim.run_to_height(30, secs(120)));
    assert_sound(&sim, 4);
}

#[test]
fn jobs_reach_the_ledger_once_each() {
    let mut sim = network(2, &[1; 4], lossy());
    sim.start_all_but(&[]);
    assert!(sim.run_to_height(30, secs(120)));
    let ledger = sim.node(0).unwrap().app();
    for host in keys(4) {
        for due in (1..=4).map(|n| n * JOB_EVERY) {
            let square = Tx::Square { host: host.id(), height: due, square: due * due };
            assert!(ledger.applied().any(|tx| *tx == square), "{square:?}");
        }
    }
}

#[test]
fn a_partition_without_a_quorum_halts_and_heals() {
    let mut sim = network(4, &[1; 4], Link::default());
    sim.start_all_but(&[]);
    assert!(sim.run_to_height(10, secs(20)));
    sim.at(sim.now(), Change::Partition(vec![vec![0, 1], vec![2, 3]]));
    // What is under way may still end, on one side.
    sim.run_until(sim.now() + ms(100));
    let before: Vec<_> = (0..4).map(|host| height(&sim, host)).collect();
    sim.run_until(sim.now() + secs(60));
    let after: Vec<_> = (0..4).map(|host| height(&sim, host)).collect();
    assert_eq!(before, after, "two of four decide nothing");
    sim.at(sim.now(), Change::Heal);
    let top = after.iter().max().unwrap();
    assert!(sim.run_to_height(top + 10, sim.now() + secs(60)));
    assert_sound(&sim, 4);
}

#[test]
fn a_partition_with_a_quorum_goes_on_and_the_others_catch_up() {
    let mut sim = network(5, &[1; 4], Link::default());
    sim.start_all_but(&[]);
    sim.at(secs(1), Change::Partition(vec![vec![0, 1, 2], vec![3]]));
    sim.run_until(secs(31));
    let (most, least) = (height(&sim, 0), height(&sim, 3));
    assert!(most > least + 100, "three of four go on: {most} {least}");
    sim.at(sim.now(), Change::Heal);
    assert!(sim.run_to_height(most, sim.now() + secs(10)));
    assert_sound(&sim, 4);
}

#[test]
fn a_crashed_host_returns_and_catches_up() {
    for seed in 0..20 {
        let mut sim = network(seed, &[1; 4], lossy());
        sim.start_all_but(&[]);
        for turn in 0..12u64 {
            let host = usize::try_from(turn % 4).unwrap();
            sim.at(ms(300 + turn * 700), Change::Crash(host));
            sim.at(ms(700 + turn * 700), Change::Start(host));
        }
        sim.run_until(secs(10));
        let top = u64::try_from(sim.chain().len()).unwrap();
        assert!(top > 20, "seed {seed}: {top}");
        assert!(sim.run_to_height(top + 5, secs(40)), "seed {seed}");
        assert_sound(&sim, 4);
        assert!(sim.node(0).unwrap().app().equivocations.is_empty(), "a crash makes nobody vote twice");
    }
}

#[test]
fn a_host_whose_disk_is_full_halts_before_it_speaks_and_returns_with_space() {
    for seed in 0..10 {
        let mut sim = network(seed, &[1; 4], lossy());
        sim.start_all_but(&[]);
        sim.at(ms(1000 + 37 * seed), Change::Disk(2, true));
        sim.run_until(secs(4));
        assert!(sim.node(2).is_none(), "seed {seed}");
        assert!(sim.fault(2).unwrap().to_string().contains("no space is left"), "seed {seed}");
        // Without space it gets no further than it was.
        sim.at(sim.now(), Change::Start(2));
        sim.run_until(secs(6));
        assert!(sim.node(2).is_none() && sim.fault(2).is_some(), "seed {seed}");
        sim.at(sim.now(), Change::Disk(2, false));
        sim.at(sim.now(), Change::Start(2));
        sim.run_until(sim.now());
        let top = u64::try_from(sim.chain().len()).unwrap();
        assert!(sim.run_to_height(top + 5, secs(40)), "seed {seed}");
        assert!(sim.node(2).is_some() && sim.fault(2).is_none(), "seed {seed}");
        assert_sound(&sim, 4);
        assert!(sim.node(0).unwrap().app().equivocations.is_empty(), "it forgot nothing that it had said");
    }
}

#[test]
fn all_hosts_may_die_and_return() {
    for seed in 0..10 {
        let mut sim = network(seed, &[1; 4], Link::default());
        sim.start_all_but(&[]);
        for round in 1..6 {
            for host in 0..4 {
                sim.at(ms(round * 1000), Change::Crash(host));
                sim.at(ms(round * 1000 + 500), Change::Start(host));
            }
        }
        sim.run_until(ms(5400));
        let top = u64::try_from(sim.chain().len()).unwrap();
        assert!(sim.run_to_height(top + 5, secs(30)), "seed {seed}");
        assert_sound(&sim, 4);
        assert!(sim.node(0).unwrap().app().equivocations.is_empty());
    }
}

#[test]
fn a_late_host_catches_up() {
    let mut sim = network(6, &[1, 1, 1, 1, 0], Link::default());
    sim.start_all_but(&[3, 4]);
    sim.run_until(secs(30));
    let top = height(&sim, 0);
    assert!(top > 100);
    sim.at(sim.now(), Change::Start(3));
    sim.at(sim.now(), Change::Start(4));
    assert!(sim.run_to_height(top, sim.now() + secs(10)), "{} {} of {top}", height(&sim, 3), height(&sim, 4));
    assert_sound(&sim, 5);
    let ledger = sim.node(3).unwrap().app();
    let late = keys(4)[3].id();
    let first = ledger.applied().filter_map(|tx| match tx {
        Tx::Square { host, height, .. } if *host == late => Some(*height),
        _ => None,
    });
    assert!(first.min().is_none_or(|height| height + JOB_EVERY > top), "no job of a height long past");
}

#[test]
fn a_silent_host_of_more_than_a_third_halts_until_it_speaks() {
    let mut sim = network(7, &[4, 2, 2, 2], Link::default());
    sim.start_all_but(&[]);
    assert!(sim.run_to_height(10, secs(20)));
    sim.at(sim.now(), Change::Behave(0, Behaviour::Silent));
    sim.run_until(sim.now() + ms(100));
    let before: Vec<_> = (0..4).map(|host| height(&sim, host)).collect();
    sim.run_until(sim.now() + secs(60));
    // The silent host still hears the others, so it may end one height that they cannot.
    for (host, before) in before.iter().enumerate().skip(1) {
        assert!(height(&sim, host) <= before + 1);
    }
    let top = *before.iter().max().unwrap();
    sim.at(sim.now(), Change::Behave(0, Behaviour::Honest));
    assert!(sim.run_to_height(top + 10, sim.now() + secs(60)));
    assert_sound(&sim, 4);
}

#[test]
fn a_silent_host_of_less_than_a_third_does_not() {
    let mut sim = network(8, &[3, 3, 3, 2], Link::default());
    sim.start_all_but(&[]);
    sim.at(secs(1), Change::Behave(3, Behaviour::Silent));
    assert!(sim.run_to_height(60, secs(60)));
    assert_sound(&sim, 4);
}

#[test]
fn powers_change_at_the_stated_height() {
    let mut sim = network(9, &[1, 1, 1, 1], Link::default());
    sim.start_all_but(&[]);
    let ids: Vec<_> = keys(4).iter().map(sphere_pow_consensus::Key::id).collect();
    let at = 40;
    sim.at(ms(100), Change::Submit(0, Tx::Power { host: ids[0], power: 10, at }.bytes()));
    sim.at(ms(100), Change::Submit(1, Tx::Power { host: ids[3], power: 0, at }.bytes()));
    let mut seen: Vec<(u64, u64, u64)> = Vec::new();
    sim.run_until(ms(0));
    while height(&sim, 0) < 60 {
        assert!(sim.step());
        let node = sim.node(0).unwrap();
        let (height, set) = (node.height(), node.validators());
        if seen.last().is_none_or(|(last, ..)| *last != height) {
            seen.push((height, set.power(&ids[0]), set.power(&ids[3])));
        }
    }
    for (height, first, last) in seen {
        let expected = if height + 1 < at { (1, 1) } else { (10, 0) };
        assert_eq!((first, last), expected, "after height {height}");
    }
    // Alone it has more than two thirds.
    sim.at(sim.now(), Change::Partition(vec![vec![0], vec![1, 2, 3]]));
    let top = height(&sim, 0);
    sim.run_until(sim.now() + secs(20));
    assert!(height(&sim, 0) > top + 20, "{top} {}", height(&sim, 0));
    sim.at(sim.now(), Change::Heal);
    let top = height(&sim, 0);
    assert!(sim.run_to_height(top, sim.now() + secs(20)));
    assert_sound(&sim, 4);
}

use super::*;
use crate::device::fake::{Fake, Fault};
use crate::ledger::Ledger;
use serde_json::{Map, Value, json};
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::profile::Profile;
use sphere_pow_core::verify::{Expectations, Given};
use std::sync::{Arc, Barrier};

struct Ran {
    results: Vec<Result<(), ProverError>>,
    /// In the file, ascending.
    nonces: Vec<u64>,
    rebuilds: u64,
}

fn fake(name: &str, engine: &'static str, fault: Fault) -> Box<dyn Device<Gonka>> {
    let mut fake = Fake::gpu(name, fault);
    fake.info.engine = engine;
    Box::new(fake)
}

/// The network's rule at launch.
fn hunt() -> Hunt<Gonka> {
    let terms = Expectations::<Gonka>::new(&Given::default()).unwrap().terms;
    Hunt { key: PublicKey::new("k").unwrap(), rule: Gonka::mining_rule(&terms) }
}

/// Nonces of a proof file, ascending.
fn nonces_in(path: &std::path::Path) -> Vec<u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let lists = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["nonces"].clone());
    let mut nonces: Vec<u64> = lists
        .flat_map(|list| list.as_array().unwrap().clone())
        .map(|nonce| nonce.as_u64().unwrap())
        .collect();
    nonces.sort_unstable();
    nonces
}

fn losses(n: u64) -> Fault {
    Fault::Lost(Arc::new(AtomicU64::new(n)))
}

/// Mines 40 nonces, the first device as told.
fn run(fault: &Fault, devices: usize) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let head: Map<_, _> = json!({"block_hash": "AB"}).as_object().unwrap().clone();
    let (mut ledger, before) = Ledger::open(&path, head).unwrap();
    let rebuilds = Arc::new(AtomicU64::new(0));
    let tallies: Vec<Tally> = (0..devices).map(|_| Tally::default()).collect();
    // On a busy machine one would have done all before another begins.
    let start = Arc::new(Barrier::new(devices));
    let devices = (0..devices)
        .map(|ix| -> Box<dyn Device<Gonka>> {
            let fault = if ix == 0 { fault.clone() } else { Fault::None };
            let rebuilds = Arc::clone(&rebuilds);
            let start = Some(Arc::clone(&start));
            Box::new(Fake { rebuilds, start, ..Fake::gpu(&format!("fake {ix}"), fault) })
        })
        .collect();
    let job = Job { node_id: 0, node_count: 1, count: Some(40), duration: None, after: None };
    let hunt = hunt();
    let stop = Stop::default();
    let mut miners = Miners { devices, checker: None };
    let results = mine(&job, &hunt, &mut miners, (&mut ledger, &before), &tallies, &stop).unwrap();
    let nonces = nonces_in(&path);
    assert_eq!(Tally::total(&tallies).won, nonces.len() as u64);
    Ran { results, nonces, rebuilds: rebuilds.load(Ordering::Relaxed) }
}

#[test]
fn a_lost_device_is_rebuilt_and_goes_on_with_the_batch_it_lost() {
    let ended = run(&losses(2), 1);
    assert!(ended.results[0].is_ok());
    assert_eq!((ended.nonces, ended.rebuilds), ((0..40).collect(), 2));
}

#[test]
fn several_devices_each_take_their_own_group_of_nonces() {
    let ended = run(&Fault::None, 2);
    assert!(ended.results.iter().all(Result::is_ok));
    assert_eq!(ended.nonces.len(), 40);
    let is_ascending = ended.nonces.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(is_ascending, "a nonce was tried twice: {:?}", ended.nonces);
}

#[test]
fn a_device_that_stays_lost_is_given_up() {
    let ended = run(&losses(1000), 1);
    assert!(matches!(ended.results[0], Err(ProverError::Gpu(GpuError::DeviceLost { .. }))));
    assert_eq!(ended.rebuilds, WAITS.len() as u64);
}

#[test]
fn a_device_that_breaks_or_panics_is_named_and_the_others_go_on() {
    for fault in [Fault::Broken, Fault::Panics] {
        let panics = matches!(fault, Fault::Panics);
        let ended = run(&fault, 2);
        let error = ended.results[0].as_ref().expect_err("it fails");
        assert_eq!(error.exit_code(), 3);
        assert_eq!(matches!(error, ProverError::Panicked { .. }), panics, "{error}");
        assert!(ended.results[1].is_ok());
        let is_other = !ended.nonces.is_empty() && ended.nonces.iter().all(|nonce| nonce % 2 == 1);
        assert!(is_other, "{:?}", ended.nonces);
    }
}

#[test]
fn a_gpu_that_wins_what_the_cpu_does_not_is_stopped_by_name_and_its_wins_withheld() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let (mut ledger, before) = Ledger::open(&path, Map::new()).unwrap();
    let tallies = [Tally::default(), Tally::default()];
    // By groups the first tries the even nonces.
    let devices = vec![fake("liar", "gpu", Fault::None), fake("honest", "gpu", Fault::None)];
    let checker = fake("CPU", "cpu", Fault::Truthful);
    let job = Job { node_id: 0, node_count: 1, count: Some(5000), duration: None, after: None };
    let stop = Stop::default();
    let mut miners = Miners { devices, checker: Some(checker) };
    let results = mine(&job, &hunt(), &mut miners, (&mut ledger, &before), &tallies, &stop).unwrap();
    let Err(ProverError::WrongWins { device, of, false_ones, withheld, unchecked }) = &results[0] else {
        panic!("it was believed: {:?}", results[0]);
    };
    assert_eq!((device.as_str(), of), ("liar", false_ones));
    assert!(*of >= 3, "fewer convict nobody");
    assert!(results[1].is_ok(), "{:?}", results[1]);
    let in_file = nonces_in(&path);
    let (even, odd): (Vec<u64>, Vec<u64>) =
        in_file.iter().copied().partition(|nonce: &u64| nonce.is_multiple_of(2));
    // What is in the file of the liar is what nobody could recompute in time, and it is said how much.
    assert_eq!(even.len() as u64, *unchecked);
    assert!(*withheld > 0 && tallies[0].checks() == (*of as u64, *false_ones as u64));
    let (checked, bad) = tallies[1].checks();
    assert!(checked > 0 && bad == 0 && !odd.is_empty());
    assert_eq!(ledger.counts().won, in_file.len() as u64);
    assert!(results[0].as_ref().is_err_and(|error| error.exit_code() == 3));
}

#[test]
fn a_false_win_is_withheld_also_where_it_convicts_nobody() {
    use super::check::Checker;
    let hunt = hunt();
    let claim = |nonce| (Nonce::new(nonce).unwrap(), Gonka::won(&hunt.rule, &1.0).unwrap());
    let batch = |nonce| Batch {
        tried: 1,
        last: Nonce::new(nonce).unwrap(),
        won: vec![claim(nonce)],
        roots: Vec::new(),
        won_roots: Vec::new(),
    };
    let mut truthful = fake("CPU", "cpu", Fault::Truthful);
    std::thread::scope(|scope| {
        let checker = Checker::start(scope, truthful.as_mut(), &hunt, || false);
        let mut checks = checker.client();
        drop(checker);
        let mut settled = |nonce| {
            assert!(checks.add(batch(nonce)).is_empty(), "it waits for what the CPU finds");
            let wins: Vec<usize> = checks.finish().iter().map(|batch| batch.won.len()).collect();
            (wins, checks.counts(), checks.convicted(&hunt.rule))
        };
        assert_eq!(settled(1), (vec![1], (1, 0), None));
        assert_eq!(settled(2), (vec![0], (2, 1), None));
        // Honest hardware differs at the edge once in some thousand wins, not three times of four.
        let (wins, counts, convicted) = [4, 6, 8].map(settled)[2].clone();
        assert_eq!((wins, counts, convicted), (vec![0], (5, 4), Some((5, 4))));
    });
}

#[test]
fn one_false_transcript_convicts_whatever_the_win_is() {
    use super::check::Checker;
    let hunt = hunt();
    let batch = |nonce, root: &str| Batch {
        tried: 1,
        last: Nonce::new(nonce).unwrap(),
        won: vec![(Nonce::new(nonce).unwrap(), Gonka::won(&hunt.rule, &1.0).unwrap())],
        roots: vec![root.to_owned()],
        won_roots: vec![root.to_owned()],
    };
    let mut cpu = Fake { root: Some("true"), ..Fake::cpu() };
    std::thread::scope(|scope| {
        let checker = Checker::start(scope, &mut cpu, &hunt, || false);
        let mut checks = checker.client();
        drop(checker);
        for (nonce, root, wins, convicted) in [(1, "true", 1, None), (3, "false", 0, Some((2, 1)))] {
            assert!(checks.add(batch(nonce, root)).is_empty(), "it waits for what the CPU finds");
            let kept: usize = checks.finish().iter().map(|batch| batch.won.len()).sum();
            assert_eq!((kept, checks.convicted(&hunt.rule)), (wins, convicted), "{root}");
        }
    });
}

#[test]
fn mining_begins_after_the_nonce_that_was_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    for (after, first) in [(99, 100), (50, 110), (200, 201)] {
        let (mut ledger, before) = Ledger::open(&path, Map::new()).unwrap();
        let after = Some(Nonce::new(after).unwrap());
        let job = Job { node_id: 0, node_count: 1, count: Some(10), duration: None, after };
        let (tallies, devices) = ([Tally::default()], vec![fake("all win", "cpu", Fault::None)]);
        let mut miners = Miners { devices, checker: None };
        mine(&job, &hunt(), &mut miners, (&mut ledger, &before), &tallies, &Stop::default()).unwrap();
        let nonces = nonces_in(&path);
        assert_eq!(nonces[nonces.len() - 10..], (first..first + 10).collect::<Vec<u64>>());
    }
}

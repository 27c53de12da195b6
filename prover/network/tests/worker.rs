//! A worker's claims stand, open and survive.

use sphere_pow_consensus::{HostId, Key};
use sphere_pow_core::exact::Preset;
use sphere_pow_network::exact::{Budget, Worker};
use sphere_pow_network::host::{Done, Work};
use sphere_pow_network::ledger::Checks;
use sphere_pow_network::message::Claim;
use sphere_pow_network::peer::{Answer, Case, Task};
use std::path::PathBuf;

const SEED: [u8; 32] = [5; 32];
const BEACON: [u8; 32] = [6; 32];

fn host() -> HostId {
    Key::from_seed([1; 32]).id()
}

fn worker(budget: Budget, file: Option<PathBuf>) -> Worker {
    Worker::new(Preset::Nano.params(), &host(), budget, file)
}

fn mined(worker: &mut Worker, work: Work) -> Claim {
    worker.run(Task::Mine { epoch: 1, seed: SEED, work });
    claim(worker)
}

fn claim(worker: &mut Worker) -> Claim {
    match worker.run(Task::Stop { epoch: 1, other: None }) {
        Answer::Done(Done::Mined { epoch: 1, claim: Some(claim) }) => claim,
        other => panic!("{other:?}"),
    }
}

fn opened(worker: &mut Worker) -> Vec<u8> {
    match worker.run(Task::Open { epoch: 1, beacon: BEACON }) {
        Answer::Done(Done::Opened { epoch: 1, openings }) => openings,
        other => panic!("{other:?}"),
    }
}

/// What another host finds.
fn fault(claim: Claim, openings: Vec<u8>) -> Option<u32> {
    let case = Case {
        epoch: 1,
        seed: SEED,
        beacon: BEACON,
        checks: Checks::Committee,
        host: 0,
        key: host(),
        claim,
        openings,
    };
    match worker(Budget::Nonces(1), None).run(Task::Check(Box::new(case))) {
        Answer::Done(Done::Checked { epoch: 1, host: 0, checks: Checks::Committee, fault }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn honest_claims_hold_and_others_do_not() {
    let mut honest = worker(Budget::Nonces(9), None);
    let claim = mined(&mut honest, Work::Honest);
    let openings = opened(&mut honest);
    assert_eq!(claim.count, 9);
    assert_eq!(fault(claim.clone(), openings.clone()), None);
    // More than the document says, another beacon's openings, a cut, a changed byte, nothing.
    assert_eq!(fault(Claim { count: 10, ..claim.clone() }, openings.clone()), Some(0));
    let mut other = openings.clone();
    other[50] ^= 1;
    assert!(fault(claim.clone(), other).is_some());
    assert!(fault(claim.clone(), openings[..openings.len() - 1].to_vec()).is_some());
    let mut changed = openings.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert!(fault(claim.clone(), changed).is_some());
    assert_eq!(fault(claim, Vec::new()), Some(0));
    for work in [Work::Skip(500), Work::Forge, Work::Pad(1000)] {
        let mut cheater = worker(Budget::Nonces(9), None);
        let claim = mined(&mut cheater, work);
        let openings = opened(&mut cheater);
        assert!(fault(claim, openings).is_some(), "{work:?}");
    }
}

#[test]
fn a_claim_outlasts_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = Some(dir.path().join("host.claim"));
    let (first, openings) = {
        let mut before = worker(Budget::Nonces(9), file.clone());
        let claim = mined(&mut before, Work::Honest);
        (claim, opened(&mut before))
    };
    let mut after = worker(Budget::Time, file.clone());
    assert_eq!(claim(&mut after), first);
    assert_eq!(opened(&mut after), openings);
    assert_eq!(fault(first, openings), None);
    // Of another Sprint it knows nothing; nor does one whose file is spoilt, or gone.
    let unknown = after.run(Task::Stop { epoch: 2, other: None });
    assert_eq!(unknown, Answer::Done(Done::Mined { epoch: 2, claim: None }));
    assert_eq!(after.run(Task::Open { epoch: 2, beacon: BEACON }), Answer::Nothing);
    std::fs::write(dir.path().join("host.claim"), b"spoilt").unwrap();
    let mut spoilt = worker(Budget::Time, file);
    assert_eq!(spoilt.run(Task::Open { epoch: 1, beacon: BEACON }), Answer::Nothing);
}

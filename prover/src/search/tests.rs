use super::*;
use serde_json::{Map, Value, json};
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::profile::{EngineInfo, OnProgress};
use sphere_pow_core::verify::{Expectations, Given};
use std::sync::Arc;

/// A device that wins every nonce, and fails as told.
struct Fake {
    info: EngineInfo,
    /// Losses still to come.
    losses: Arc<AtomicU64>,
    rebuilds: Arc<AtomicU64>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Broken,
    Panics,
}

impl Device<Gonka> for Fake {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        5
    }

    fn outcomes(
        &mut self,
        _: &PublicKey,
        nonces: &[Nonce],
        _: OnProgress<'_>,
    ) -> Result<Vec<f64>, ProverError> {
        let name = || self.info.device.clone();
        match self.fault {
            Some(Fault::Broken) => {
                return Err(GpuError::Internal { name: name(), reason: "broken".into() }.into());
            }
            Some(Fault::Panics) => panic!("a driver's bug"),
            None => {}
        }
        let lost =
            self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if lost {
            return Err(GpuError::DeviceLost { name: name(), reason: "on purpose".into() }.into());
        }
        Ok(vec![1.0; nonces.len()])
    }

    fn keep_roots(&mut self) -> bool {
        false
    }

    fn take_roots(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn product(&mut self) -> Result<Option<crate::device::Product>, ProverError> {
        Ok(None)
    }
}

struct Ended {
    results: Vec<Result<(), ProverError>>,
    /// In the file, ascending.
    nonces: Vec<u64>,
    rebuilds: u64,
}

/// Mines 40 nonces, the first device as told.
fn run(losses: u64, fault: Option<Fault>, devices: usize) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let head: Map<_, _> = json!({"block_hash": "AB"}).as_object().unwrap().clone();
    let (ledger, before) = Ledger::open(&path, head).unwrap();
    let rebuilds = Arc::new(AtomicU64::new(0));
    let tallies: Vec<Tally> = (0..devices).map(|_| Tally::default()).collect();
    let devices = (0..devices)
        .map(|ix| -> Box<dyn Device<Gonka>> {
            Box::new(Fake {
                info: EngineInfo { engine: "gpu", device: format!("fake {ix}") },
                losses: Arc::new(AtomicU64::new(if ix == 0 { losses } else { 0 })),
                rebuilds: Arc::clone(&rebuilds),
                fault: fault.filter(|_| ix == 0),
            })
        })
        .collect();
    let job = Job { node_id: 0, node_count: 1, count: Some(40), duration: None };
    let terms = Expectations::<Gonka>::new(&Given::default()).unwrap().terms;
    let hunt = Hunt { key: PublicKey::new("k").unwrap(), rule: Gonka::mining_rule(&terms) };
    let stop = Stop::default();
    let results = mine(&job, &hunt, devices, (ledger, &before), &tallies, &stop).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut nonces: Vec<u64> = text
        .lines()
        .flat_map(|line| serde_json::from_str::<Value>(line).unwrap()["nonces"].as_array().unwrap().clone())
        .map(|nonce| nonce.as_u64().unwrap())
        .collect();
    nonces.sort_unstable();
    assert_eq!(Tally::total(&tallies).won, nonces.len() as u64);
    Ended { results, nonces, rebuilds: rebuilds.load(Ordering::Relaxed) }
}

#[test]
fn a_lost_device_is_rebuilt_and_goes_on_with_the_batch_it_lost() {
    let ended = run(2, None, 1);
    assert!(ended.results[0].is_ok());
    assert_eq!((ended.nonces, ended.rebuilds), ((0..40).collect(), 2));
}

#[test]
fn several_devices_each_take_their_own_group_of_nonces() {
    let ended = run(0, None, 2);
    assert!(ended.results.iter().all(Result::is_ok));
    assert_eq!(ended.nonces.len(), 40);
    let is_ascending = ended.nonces.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(is_ascending, "a nonce was tried twice: {:?}", ended.nonces);
}

#[test]
fn a_device_that_stays_lost_is_given_up() {
    let ended = run(1000, None, 1);
    assert!(matches!(ended.results[0], Err(ProverError::Gpu(GpuError::DeviceLost { .. }))));
    assert_eq!(ended.rebuilds, WAITS.len() as u64);
}

#[test]
fn a_device_that_breaks_or_panics_is_named_and_the_others_go_on() {
    for fault in [Fault::Broken, Fault::Panics] {
        let ended = run(0, Some(fault), 2);
        let error = ended.results[0].as_ref().expect_err("it fails");
        assert_eq!(error.exit_code(), 3);
        assert_eq!(matches!(error, ProverError::Panicked { .. }), fault == Fault::Panics, "{error}");
        assert!(ended.results[1].is_ok());
        let is_other = !ended.nonces.is_empty() && ended.nonces.iter().all(|nonce| nonce % 2 == 1);
        assert!(is_other, "{:?}", ended.nonces);
    }
}

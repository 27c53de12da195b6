use super::*;
use serde_json::{Map, json};
use std::sync::Arc;

/// A device that wins every nonce, and fails as told.
struct Fake {
    info: BackendInfo,
    /// Losses still to come.
    losses: Arc<AtomicU64>,
    rebuilds: Arc<AtomicU64>,
    is_broken: bool,
}

impl Searcher for Fake {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        5
    }

    fn search(&mut self, nonces: &[Nonce], _: OnProgress<'_>) -> Result<Won, ProverError> {
        let name = || self.info.adapter.clone();
        if self.is_broken {
            return Err(GpuError::Internal { name: name(), reason: "broken".into() }.into());
        }
        let lost =
            self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if lost {
            return Err(GpuError::DeviceLost { name: name(), reason: "on purpose".into() }.into());
        }
        let nonces: Vec<u64> = nonces.iter().map(|nonce| nonce.get()).collect();
        let dist = vec![1.0; nonces.len()];
        Ok(Won { count: nonces.len() as u64, columns: [("nonces", json!(nonces)), ("dist", json!(dist))] })
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Mines 40 nonces on two devices, the first as told; gives the result, the nonces in the file and the rebuilds.
fn run(losses: u64, is_broken: bool, devices: usize) -> (Result<(), ProverError>, Vec<u64>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let header: Map<_, _> = json!({"block_hash": "AB"}).as_object().unwrap().clone();
    let (ledger, before) = Ledger::open(&path, header).unwrap();
    let rebuilds = Arc::new(AtomicU64::new(0));
    let searchers = (0..devices)
        .map(|ix| -> Box<dyn Searcher> {
            Box::new(Fake {
                info: BackendInfo { backend: "gpu", adapter: format!("fake {ix}") },
                losses: Arc::new(AtomicU64::new(if ix == 0 { losses } else { 0 })),
                rebuilds: Arc::clone(&rebuilds),
                is_broken: is_broken && ix == 0,
            })
        })
        .collect();
    let job = Job { node_id: 0, node_count: 1, count: Some(40), duration: None };
    let (tally, stop) = (Tally::default(), AtomicBool::new(false));
    let result = mine(&job, searchers, ledger, &before, &tally, &stop);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut nonces: Vec<u64> = text
        .lines()
        .flat_map(|line| serde_json::from_str::<Value>(line).unwrap()["nonces"].as_array().unwrap().clone())
        .map(|nonce| nonce.as_u64().unwrap())
        .collect();
    nonces.sort_unstable();
    assert_eq!(tally.counts().won, nonces.len() as u64);
    (result, nonces, rebuilds.load(Ordering::Relaxed))
}

#[test]
fn a_lost_device_is_rebuilt_and_goes_on_with_the_batch_it_lost() {
    let (result, nonces, rebuilds) = run(2, false, 1);
    assert!(result.is_ok());
    assert_eq!((nonces, rebuilds), ((0..40).collect(), 2));
}

#[test]
fn several_devices_each_take_their_own_group_of_nonces() {
    let (result, nonces, _) = run(0, false, 2);
    assert!(result.is_ok());
    assert_eq!(nonces.len(), 40);
    assert!(nonces.windows(2).all(|pair| pair[0] < pair[1]), "a nonce was tried twice: {nonces:?}");
}

#[test]
fn a_device_that_stays_lost_is_given_up_and_the_others_go_on() {
    let (result, _, rebuilds) = run(1000, false, 1);
    assert!(matches!(result, Err(ProverError::Gpu(GpuError::DeviceLost { .. }))));
    assert_eq!(rebuilds, u64::from(MAX_LOSSES));
    let (result, nonces, _) = run(0, true, 2);
    assert!(result.is_ok());
    assert!(!nonces.is_empty() && nonces.iter().all(|nonce| nonce % 2 == 1), "{nonces:?}");
}

use super::*;
use crate::device::fake::{Fake, Fault};
use crate::serve::Settings;
use crate::serve::node::Waiting;
use crate::serve::store::Store;
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::profile::ProfileName;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn init() -> Init {
    let body = json!({"block_hash": "AB", "block_height": 7, "public_key": "02ab", "r_target": 1.4,
        "fraud_threshold": 1e-7, "params": {"dim": 64, "n_layers": 2}, "url": "http://api:9100/v1"});
    Init::read(&body.to_string(), ProfileName::ALL[0], &[]).unwrap()
}

/// Judges three batches, one of them of another block, on a device with so many failures; gives the node and how it ended.
fn judged(failures: u64) -> (Node, Result<(), ProverError>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new(([127, 0, 0, 1], 0).into(), dir.path().to_owned(), ProfileName::ALL[0]);
    let node = Node::new(settings, Store::open(dir.path()).unwrap()).unwrap();
    for hash in ["AB", "CD", "AB"] {
        let body = json!({"public_key": "02cd", "block_hash": hash, "block_height": 7, "node_id": 3,
            "nonces": [1, 2, 9], "dist": [1.25, 1.25, 1.3]});
        let batch = Queued { url: "http://api:9100/v1".into(), body: body.to_string(), at_ms: 0 };
        let id = node.store.enqueue(&batch).unwrap();
        node.push_batch(Waiting::new(id, batch));
    }
    let rebuilds = Arc::new(AtomicU64::new(0));
    let fault = Fault::Unsteady(Arc::new(AtomicU64::new(failures)));
    let device =
        Fake { outcome: 1.25, batch: 2, rebuilds: Arc::clone(&rebuilds), ..Fake::gpu("fake", fault) };
    let mut miners = Miners::<Gonka> { devices: vec![Box::new(device)], checker: None };
    let (init, stop) = (init(), Stop::default());
    let (params, hunt) = init.hunt::<Gonka>().unwrap();
    let result = std::thread::scope(|scope| {
        let worked = scope.spawn(|| run::<Gonka>(&node, &init, (&params, &hunt.rule), &mut miners, &stop));
        while !worked.is_finished() && node.store.waiting().unwrap().batches > 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        stop.halt();
        worked.join().unwrap().remove(0)
    });
    (node, result, rebuilds.load(Ordering::Relaxed))
}

#[test]
fn a_device_that_is_lost_or_panics_is_rebuilt_and_every_batch_is_judged() {
    for failures in [0, 1, 2] {
        let (node, result, rebuilds) = judged(failures);
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(rebuilds, failures);
        // The one of another block is set aside.
        let waiting = node.store.waiting().unwrap();
        assert_eq!((waiting.parcels, waiting.batches, waiting.given_up), (2, 0, 1));
        let verdict = node.store.parcel(node.store.parcels().unwrap()[0]).unwrap().unwrap();
        let body: Value = serde_json::from_str(&verdict.body()).unwrap();
        assert_eq!((&body["n_invalid"], &body["fraud_detected"]), (&json!(0), &json!(false)));
        assert_eq!(
            (&body["dist"], &body["received_dist"]),
            (&json!([1.25, 1.25, 1.25]), &json!([1.25, 1.25, 1.3]))
        );
        assert_eq!((&body["node_id"], &body["public_key"]), (&json!(3), &json!("02cd")));
    }
}

#[test]
fn a_device_that_keeps_failing_is_given_up_and_its_batches_stay() {
    let (node, result, _) = judged(100);
    assert!(result.is_err());
    let waiting = node.store.waiting().unwrap();
    assert_eq!((waiting.parcels, waiting.batches), (0, 2), "batches are lost with the device");
}

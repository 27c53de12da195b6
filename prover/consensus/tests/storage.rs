//! Both storages keep the same promises.

mod common;

use common::{assert_sound, network, secs};
use sphere_pow_consensus::sim::Link;
use sphere_pow_consensus::{Decided, FileStorage, MemoryStorage, Node, Output, Storage, StorageError};
use std::path::Path;

/// The first blocks of a network of one, by running its state machine by hand.
fn blocks(n: usize) -> Vec<Decided> {
    let key = common::keys(1).remove(0);
    let app = common::Ledger::new(key.id(), common::powers(std::slice::from_ref(&key), &[1]));
    let mut node = Node::open(common::config(), key, app, &MemoryStorage::default()).unwrap();
    let mut blocks = Vec::new();
    let mut todo = node.handle(sphere_pow_consensus::Input::Start);
    while blocks.len() < n {
        assert!(!todo.is_empty());
        let mut timers = Vec::new();
        for output in std::mem::take(&mut todo) {
            match output {
                Output::Store(decided) => blocks.push(decided),
                Output::SetTimer { timer, .. } => timers.push(timer),
                Output::Halted(fault) => panic!("{fault}"),
                _ => {}
            }
        }
        for timer in timers {
            // Every timer runs out at once; those that were cancelled do no harm.
            todo.extend(node.handle(sphere_pow_consensus::Input::Timer(timer)));
        }
    }
    blocks
}

/// Runs the same through a storage; `again` closes and opens it after what would be a crash.
fn keeps_its_promises<S: Storage>(mut storage: S, again: impl Fn(S) -> S) {
    let blocks = blocks(3);
    assert_eq!((storage.height().unwrap(), storage.block(1).unwrap()), (0, None));
    assert!(storage.log().unwrap().is_empty());
    storage.append(b"one").unwrap();
    storage.append(b"two").unwrap();
    storage.sync().unwrap();
    storage.append(b"three").unwrap();
    let mut storage = again(storage);
    assert_eq!(storage.log().unwrap(), [b"one".to_vec(), b"two".to_vec()], "what was synced, in order");
    storage.append(b"four").unwrap();
    storage.sync().unwrap();
    let mut storage = again(storage);
    assert_eq!(storage.log().unwrap().len(), 3);

    let skips = storage.store(&blocks[1]);
    assert!(matches!(skips, Err(StorageError::OutOfOrder { got: 2, top: 0 })), "{skips:?}");
    assert_eq!(storage.log().unwrap().len(), 3);
    storage.store(&blocks[0]).unwrap();
    assert!(storage.log().unwrap().is_empty(), "a block empties the log");
    assert!(storage.store(&blocks[0]).is_err(), "no height twice");
    storage.store(&blocks[1]).unwrap();
    storage.append(b"five").unwrap();
    storage.sync().unwrap();
    let storage = again(storage);
    assert_eq!(storage.height().unwrap(), 2);
    assert_eq!(storage.block(1).unwrap().as_ref(), Some(&blocks[0]));
    assert_eq!(storage.block(2).unwrap().as_ref(), Some(&blocks[1]));
    assert_eq!(storage.block(3).unwrap(), None);
    assert_eq!(storage.log().unwrap(), [b"five".to_vec()]);
}

#[test]
fn memory_keeps_its_promises() {
    keeps_its_promises(MemoryStorage::default(), |mut storage| {
        storage.crash();
        storage
    });
}

#[test]
fn a_full_disk_refuses_what_has_to_last_and_keeps_what_it_has() {
    let (blocks, mut storage) = (blocks(2), MemoryStorage::default());
    storage.store(&blocks[0]).unwrap();
    storage.append(b"one").unwrap();
    storage.sync().unwrap();
    storage.set_full(true);
    storage.sync().unwrap();
    storage.append(b"two").unwrap();
    assert!(matches!(storage.sync(), Err(StorageError::Full)));
    assert!(matches!(storage.store(&blocks[1]), Err(StorageError::Full)));
    storage.crash();
    storage.set_full(false);
    assert_eq!((storage.height().unwrap(), storage.log().unwrap()), (1, vec![b"one".to_vec()]));
    storage.store(&blocks[1]).unwrap();
}

#[test]
fn a_file_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.redb");
    let open = |path: &Path| FileStorage::open(path).unwrap();
    keeps_its_promises(open(&path), |storage| {
        drop(storage);
        open(&path)
    });
    let first = open(&path);
    assert!(FileStorage::open(&path).is_err(), "one at a time");
    drop(first);
}

#[test]
fn a_host_does_not_start_over_blocks_of_another_network() {
    let mut storage = MemoryStorage::default();
    for decided in blocks(2) {
        storage.store(&decided).unwrap();
    }
    let key = common::keys(1).remove(0);
    let app = common::Ledger::new(key.id(), common::powers(std::slice::from_ref(&key), &[1]));
    let config = sphere_pow_consensus::Config::new(sphere_pow_consensus::Hash([8; 32]));
    assert!(Node::open(config, key.clone(), app, &storage).is_err());
    // Nor with a log that is none.
    let mut storage = MemoryStorage::default();
    storage.append(b"no record").unwrap();
    storage.sync().unwrap();
    let app = common::Ledger::new(key.id(), common::powers(std::slice::from_ref(&key), &[1]));
    let mut node = Node::open(common::config(), key, app, &storage).unwrap();
    let outputs = node.handle(sphere_pow_consensus::Input::Start);
    assert!(matches!(outputs[..], [Output::Halted(_)]), "{outputs:?}");
}

#[test]
fn a_network_of_one_goes_on() {
    let mut sim = network(1, &[1], Link::default());
    sim.start_all_but(&[]);
    assert!(sim.run_to_height(100, secs(60)));
    assert_sound(&sim, 1);
}

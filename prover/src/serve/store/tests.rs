use super::disk::Disk;
use super::*;
use redb::backends::InMemoryBackend;
use redb::{Builder, StorageBackend};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const SHARE: Share = Share { stage: 7, node_id: 1, node_count: 2 };

fn entry(group: u64, last: u64) -> Entry {
    let columns = [("nonces", Value::Null), ("dist", Value::Null)];
    Entry { group, groups: 2, tried: 4, last: Nonce::new(last).unwrap(), columns, roots: Vec::new() }
}

fn win(nonces: &[u64], node_id: u64) -> Win {
    let head = json!({"block_hash": "AB", "node_id": node_id}).as_object().unwrap().clone();
    let column = |name: &str, values: Vec<Value>| (name.to_owned(), values);
    let dist = nonces.iter().map(|nonce| json!(1.0 + *nonce as f64 / 1000.0)).collect();
    let columns = [column("nonces", nonces.iter().map(|nonce| json!(nonce)).collect()), column("dist", dist)];
    Win { url: "http://api/v1".into(), head, columns, at_ms: 5 }
}

fn nonces(parcel: &Parcel) -> Vec<u64> {
    parcel.columns[0].1.iter().map(|nonce| nonce.as_u64().unwrap()).collect()
}

fn all(store: &Store) -> Vec<Parcel> {
    store.parcels().unwrap().into_iter().map(|id| store.parcel(id).unwrap().unwrap()).collect()
}

#[test]
fn wins_become_parcels_of_one_head_and_no_nonce_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.pack(10, |_| false).unwrap(), 0);
    store.take(&SHARE, &entry(0, 9), &win(&[1, 3], 1), None).unwrap();
    store.take(&SHARE, &entry(1, 8), &win(&[3, 4, 5], 1), None).unwrap();
    // Of the same stage under another node's number: its number stays with it.
    store.take(&Share { node_id: 2, ..SHARE }, &entry(0, 20), &win(&[5, 6], 2), None).unwrap();
    // Of another stage nonces are others.
    store.take(&Share { stage: 8, ..SHARE }, &entry(0, 1), &win(&[1], 1), None).unwrap();
    assert_eq!(store.pack(3, |url| url == "http://api/v1").unwrap(), 0, "those stay whose receiver waits");
    assert_eq!(store.pack(3, |_| false).unwrap(), 4);
    let parcels = all(&store);
    assert_eq!(parcels.iter().map(nonces).collect::<Vec<_>>(), [vec![1, 3, 4], vec![5], vec![6], vec![1]]);
    assert_eq!(parcels[2].head["node_id"], 2);
    let keys: std::collections::BTreeSet<_> = parcels.iter().map(|parcel| parcel.key.clone()).collect();
    assert_eq!(keys.len(), 4);
    let body: Value = serde_json::from_str(&parcels[1].body()).unwrap();
    assert_eq!(body, json!({"block_hash": "AB", "node_id": 1, "nonces": [5], "dist": [1.005]}));
    assert_eq!(store.waiting().unwrap(), Waiting { wins: 0, parcels: 4, batches: 0, given_up: 0 });
}

#[test]
fn everything_is_there_after_the_store_is_opened_again_and_nobody_else_has_it_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Busy { .. })));
    store.take(&SHARE, &entry(0, 9), &win(&[1, 3], 1), None).unwrap();
    store.take(&SHARE, &entry(1, 8), &win(&[], 1), None).unwrap();
    store.assign(Some("an order")).unwrap();
    let queued = Queued { url: "http://api/v1".into(), body: "{}".into(), at_ms: 1 };
    let id = store.enqueue(&queued).unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    let reached = store.reached(&SHARE).unwrap();
    assert_eq!([0, 1].map(|group| reached.resume_after(group, 2).unwrap().get()), [9, 8]);
    assert_eq!(store.reached(&Share { node_count: 3, ..SHARE }).unwrap(), Progress::default());
    assert_eq!(store.assigned().unwrap().as_deref(), Some("an order"));
    assert_eq!(store.queue().unwrap(), [(id, queued)]);
    assert_eq!(store.pack(10, |_| false).unwrap(), 1);
    let key = all(&store)[0].key.clone();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(all(&store)[0].key, key, "what is sent again is sent under the same key");
}

#[test]
fn what_is_too_large_is_halved_and_what_nobody_takes_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.take(&SHARE, &entry(0, 9), &win(&[1, 3, 4], 1), None).unwrap();
    store.pack(10, |_| false).unwrap();
    let (id, parcel) = (store.parcels().unwrap()[0], all(&store)[0].clone());
    assert!(store.split(id, &parcel).unwrap());
    let halves = all(&store);
    assert_eq!(halves.iter().map(nonces).collect::<Vec<_>>(), [vec![1], vec![3, 4]]);
    assert!(halves[0].key != halves[1].key && halves.iter().all(|half| half.key != parcel.key));
    let ids = store.parcels().unwrap();
    assert!(!store.split(ids[0], &halves[0]).unwrap(), "one nonce is all there is");
    store.give_up(ids[0], "tx too large").unwrap();
    store.delivered(ids[1]).unwrap();
    assert_eq!(store.waiting().unwrap(), Waiting { wins: 0, parcels: 0, batches: 0, given_up: 1 });
    let id = store.enqueue(&Queued { url: "http://a".into(), body: "{}".into(), at_ms: 1 }).unwrap();
    let verdict = Parcel { kind: Kind::Validated, ..halves[0].clone() };
    store.judged(id, verdict).unwrap();
    assert_eq!(store.waiting().unwrap(), Waiting { wins: 0, parcels: 1, batches: 0, given_up: 1 });
}

#[test]
fn stages_of_last_week_are_forgotten_but_never_the_latest() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let share = |stage| Share { stage, ..SHARE };
    for stage in 0..=KEPT_STAGES as u64 {
        store.take(&share(stage), &entry(0, 9), &win(&[1], 1), None).unwrap();
    }
    let is_known = |stage| store.reached(&share(stage)).unwrap() != Progress::default();
    store.0.write(|txn| forget_old_stages(txn, now_ms() + STAGE_MS - 60_000)).unwrap();
    assert!(is_known(0));
    store.0.write(|txn| forget_old_stages(txn, now_ms() + 100 * STAGE_MS)).unwrap();
    assert!(!is_known(0) && (1..=KEPT_STAGES as u64).all(is_known));
    store.pack(10, |_| false).unwrap();
    for stage in [0, 1] {
        store.take(&share(stage), &entry(0, 9), &win(&[1], 1), None).unwrap();
    }
    assert_eq!(
        store.pack(10, |_| false).unwrap(),
        1,
        "the nonce is new in the stage that was forgotten alone"
    );
}

#[test]
fn a_stage_that_is_mined_after_the_clock_was_set_back_is_the_latest() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let share = |stage| Share { stage, ..SHARE };
    for stage in 0..KEPT_STAGES as u64 {
        store.take(&share(stage), &entry(0, 9), &win(&[1], 1), None).unwrap();
        // As if the clock had been a month ahead.
        let later = now_ms() + 5 * STAGE_MS + stage;
        let set = |txn: &WriteTransaction| {
            txn.open_table(STAGES)?.insert(stage, later)?;
            Ok(())
        };
        store.0.write(set).unwrap();
    }
    store.take(&share(9), &entry(0, 9), &win(&[1], 1), None).unwrap();
    store.0.write(|txn| forget_old_stages(txn, now_ms() + 100 * STAGE_MS)).unwrap();
    let is_known = |stage| store.reached(&share(stage)).unwrap() != Progress::default();
    assert!(is_known(9) && !is_known(0));
}

/// Memory that survives a database, and a disk that is full on request.
#[derive(Clone, Debug, Default)]
struct Flaky {
    memory: Arc<InMemoryBackend>,
    is_full: Arc<AtomicBool>,
}

impl Flaky {
    fn check(&self) -> Result<(), std::io::Error> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl StorageBackend for Flaky {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.check()?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.check()?;
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.check()?;
        self.memory.write(offset, data)
    }
}

#[test]
fn a_full_disk_loses_nothing_and_is_used_again_when_there_is_room() {
    let disk = Flaky::default();
    let backend = disk.clone();
    let open = move || Ok(Builder::new().create_with_backend(backend.clone())?);
    let store = Store::with(Disk::with(Box::new(open)).unwrap()).unwrap();
    store.take(&SHARE, &entry(0, 9), &win(&[1], 1), None).unwrap();
    for _ in 0..3 {
        disk.is_full.store(true, Ordering::Relaxed);
        assert!(store.take(&SHARE, &entry(0, 11), &win(&[2], 1), None).is_err());
        assert!(store.take(&SHARE, &entry(0, 11), &win(&[2], 1), None).is_err());
        disk.is_full.store(false, Ordering::Relaxed);
        // Nothing of what failed is in it, everything before is.
        assert_eq!(store.waiting().unwrap().wins, 1);
        assert_eq!(store.reached(&SHARE).unwrap().resume_after(0, 2).unwrap().get(), 9);
    }
    store.take(&SHARE, &entry(0, 11), &win(&[2], 1), None).unwrap();
    store.pack(10, |_| false).unwrap();
    assert_eq!(nonces(&all(&store)[0]), [1, 2]);
}

/// A disk that keeps through a power cut what it was told to sync, and nothing after.
#[derive(Clone, Debug, Default)]
struct Volatile {
    now: Arc<Mutex<Vec<u8>>>,
    synced: Arc<Mutex<Vec<u8>>>,
}

impl Volatile {
    fn after_a_cut(&self) -> Self {
        let synced = self.synced.lock().unwrap().clone();
        Self { now: Arc::new(Mutex::new(synced.clone())), synced: Arc::new(Mutex::new(synced)) }
    }

    fn store(&self) -> Store {
        let backend = self.clone();
        let open = move || Ok(Builder::new().create_with_backend(backend.clone())?);
        Store::with(Disk::with(Box::new(open)).unwrap()).unwrap()
    }
}

impl StorageBackend for Volatile {
    fn len(&self) -> Result<u64, std::io::Error> {
        Ok(self.now.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        let from = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.now.lock().unwrap()[from..from + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.now.lock().unwrap().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        let now = self.now.lock().unwrap().clone();
        *self.synced.lock().unwrap() = now;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        let from = usize::try_from(offset).unwrap();
        self.now.lock().unwrap()[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

#[test]
fn a_power_cut_takes_nothing_that_a_function_returned_from() {
    type Step = fn(&Store);
    let steps: [(Step, Waiting); 6] = [
        (
            |store| store.take(&SHARE, &entry(0, 9), &win(&[1, 3], 1), None).unwrap(),
            Waiting { wins: 1, ..Waiting::default() },
        ),
        (
            |store| assert_eq!(store.pack(10, |_| false).unwrap(), 1),
            Waiting { parcels: 1, ..Waiting::default() },
        ),
        (
            |store| store.leaves(store.parcels().unwrap()[0], true).unwrap(),
            Waiting { parcels: 1, ..Waiting::default() },
        ),
        (
            |store| {
                let queued = Queued { url: "http://a".into(), body: "{}".into(), at_ms: 1 };
                store.enqueue(&queued).unwrap();
            },
            Waiting { parcels: 1, batches: 1, ..Waiting::default() },
        ),
        (
            |store| store.give_up(store.parcels().unwrap()[0], "why").unwrap(),
            Waiting { batches: 1, given_up: 1, ..Waiting::default() },
        ),
        (
            |store| store.assign(Some("an order")).unwrap(),
            Waiting { batches: 1, given_up: 1, ..Waiting::default() },
        ),
    ];
    let mut disk = Volatile::default();
    drop(disk.store());
    for (ix, (step, wanted)) in steps.into_iter().enumerate() {
        let store = disk.store();
        step(&store);
        // Before the database is closed.
        disk = disk.after_a_cut();
        std::mem::forget(store);
        let store = disk.store();
        assert_eq!(store.waiting().unwrap(), wanted, "step {ix}");
        assert_eq!(store.reached(&SHARE).unwrap().resume_after(0, 2).unwrap().get(), 9);
        let has_left: Vec<bool> = all(&store).iter().map(|parcel| parcel.has_left).collect();
        assert_eq!(
            has_left,
            [false, true, true].get(ix.wrapping_sub(1)).copied().into_iter().collect::<Vec<_>>()
        );
    }
    assert_eq!(disk.store().assigned().unwrap().as_deref(), Some("an order"));
}

use super::*;
use serde_json::json;

fn header() -> Map<String, Value> {
    let header = json!({"public_key": "02ab", "block_hash": "AB", "r_target": 1.401_356_466_045_817_3,
        "params": {"dim": 512, "norm_eps": 1e-5}, "node_id": 1, "node_count": 2});
    header.as_object().unwrap().clone()
}

fn entry(group: u64, groups: u64, last: u64, won: &[u64]) -> Entry {
    let columns = [("nonces", json!(won)), ("dist", json!(vec![1.25; won.len()]))];
    let won = Won { count: won.len() as u64, columns };
    Entry { group, groups, tried: 4, last: Nonce::new(last).unwrap(), won }
}

#[test]
fn a_second_run_goes_on_after_the_last_nonce_tried() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let (mut ledger, progress) = Ledger::open(&path, header()).unwrap();
    assert_eq!(progress, Progress::default());
    ledger.append(&entry(0, 2, 13, &[5])).unwrap();
    ledger.append(&entry(1, 2, 15, &[])).unwrap();
    ledger.append(&entry(0, 2, 29, &[17, 21])).unwrap();
    assert!(matches!(Ledger::open(&path, header()), Err(LedgerError::Busy { .. })));
    drop(ledger);

    let (_, progress) = Ledger::open(&path, header()).unwrap();
    assert_eq!((progress.tried, progress.won), (12, 3));
    assert_eq!(progress.resume_after(0, 2), Some(Nonce::new(29).unwrap()));
    assert_eq!(progress.resume_after(1, 2), Some(Nonce::new(15).unwrap()));
    // Another number of devices: after everything.
    assert_eq!(progress.resume_after(2, 3), Some(Nonce::new(29).unwrap()));
}

#[test]
fn a_torn_line_is_dropped_and_whole_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let (mut ledger, _) = Ledger::open(&path, header()).unwrap();
    ledger.append(&entry(0, 1, 3, &[2])).unwrap();
    drop(ledger);
    let whole = std::fs::read(&path).unwrap();
    for cut in [1, 5, 13, 40, whole.len() - 1] {
        let mut torn = whole.clone();
        torn.extend_from_slice(&whole[..cut]);
        std::fs::write(&path, &torn).unwrap();
        let (_, progress) = Ledger::open(&path, header()).unwrap();
        assert_eq!((progress.tried, progress.won), (4, 1));
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        // The same tear in the very first line.
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(Ledger::open(&path, header()).unwrap().1, Progress::default());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}

#[test]
fn files_of_other_runs_and_foreign_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let (mut ledger, _) = Ledger::open(&path, header()).unwrap();
    ledger.append(&entry(0, 1, 3, &[2])).unwrap();
    drop(ledger);
    for (field, value) in [
        ("public_key", json!("03cd")),
        ("block_hash", json!("CD")),
        ("r_target", json!(1.398_077)),
        ("params", json!({"dim": 1024, "norm_eps": 1e-5})),
        ("node_id", json!(0)),
    ] {
        let mut other = header();
        other.insert(field.into(), value);
        let error = Ledger::open(&path, other).expect_err(field);
        assert!(matches!(&error, LedgerError::OtherRun { line: 1, what, .. } if what == field), "{error}");
    }
    for text in ["hello", "hello\n", "{}\n", "[1]\n", "{\"nonces\":[1],\"dist\":[1]}\n", "\u{0}\u{0}\n"] {
        std::fs::write(&path, text).unwrap();
        let error = Ledger::open(&path, header()).expect_err(text);
        assert!(
            matches!(error, LedgerError::Foreign { .. } | LedgerError::OtherRun { .. }),
            "{text:?}: {error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert!(matches!(Ledger::open(dir.path(), header()), Err(LedgerError::Open { .. })));
    assert!(matches!(Ledger::open(&dir.path().join("a/b"), header()), Err(LedgerError::Open { .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_gives_the_line_back() {
    let (mut ledger, _) = Ledger::open(Path::new("/dev/full"), header()).unwrap();
    let Err(LedgerError::Append { line, .. }) = ledger.append(&entry(0, 1, 3, &[2])) else {
        panic!("/dev/full took a line");
    };
    assert!(line.contains("\"nonces\":[2]"));
}

use super::*;
use serde_json::json;
use std::path::PathBuf;

fn torn(path: &Path) -> PathBuf {
    beside(path, "torn")
}

fn head() -> Map<String, Value> {
    let head = json!({"public_key": "02ab", "block_hash": "AB", "r_target": 1.401_356_466_045_817_3,
        "params": {"dim": 512, "norm_eps": 1e-5}, "node_id": 1, "node_count": 2});
    head.as_object().unwrap().clone()
}

fn entry(group: u64, groups: u64, last: u64, won: &[u64]) -> Entry {
    let columns = [("nonces", json!(won)), ("dist", json!(vec![1.25; won.len()]))];
    Entry { group, groups, tried: 4, last: Nonce::new(last).unwrap(), columns, roots: Vec::new() }
}

/// A file with one line, and its bytes.
fn one_line(dir: &tempfile::TempDir) -> (PathBuf, Vec<u8>) {
    let path = dir.path().join("proofs.jsonl");
    let (mut ledger, _) = Ledger::open(&path, head()).unwrap();
    ledger.append(&entry(0, 1, 3, &[2])).unwrap();
    drop(ledger);
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn a_second_run_goes_on_after_the_last_nonce_tried() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proofs.jsonl");
    let (mut ledger, progress) = Ledger::open(&path, head()).unwrap();
    assert_eq!(progress, Progress::default());
    ledger.append(&entry(0, 2, 13, &[5])).unwrap();
    ledger.append(&entry(1, 2, 15, &[])).unwrap();
    ledger.append(&entry(0, 2, 29, &[17, 21])).unwrap();
    assert!(matches!(Ledger::open(&path, head()), Err(LedgerError::Busy { .. })));
    drop(ledger);

    let (_, progress) = Ledger::open(&path, head()).unwrap();
    assert_eq!((progress.tried, progress.won), (12, 3));
    assert_eq!(progress.resume_after(0, 2), Some(Nonce::new(29).unwrap()));
    assert_eq!(progress.resume_after(1, 2), Some(Nonce::new(15).unwrap()));
    // Another number of devices: after everything.
    assert_eq!(progress.resume_after(2, 3), Some(Nonce::new(29).unwrap()));
}

#[test]
fn a_torn_line_is_set_aside_and_whole_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = one_line(&dir);
    for cut in [1, 5, 13, 40, whole.len() - 2] {
        let _ = std::fs::remove_file(torn(&path));
        std::fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
        let (_, progress) = Ledger::open(&path, head()).unwrap();
        assert_eq!((progress.tried, progress.won), (4, 1));
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        let mut kept = whole[..cut].to_vec();
        kept.push(b'\n');
        assert_eq!(std::fs::read(torn(&path)).unwrap(), kept);
        // The same tear in the very first line.
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(Ledger::open(&path, head()).unwrap().1, Progress::default());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(std::fs::read(torn(&path)).unwrap(), [kept.clone(), kept].concat());
    }
}

#[test]
fn a_whole_last_line_without_its_newline_is_data() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = one_line(&dir);
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let (mut ledger, progress) = Ledger::open(&path, head()).unwrap();
    assert_eq!((progress.tried, progress.won), (4, 1));
    ledger.append(&entry(0, 1, 7, &[])).unwrap();
    drop(ledger);
    assert_eq!(Ledger::open(&path, head()).unwrap().1.tried, 8);
    assert!(!torn(&path).exists());
}

#[test]
fn empty_lines_and_zeros_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = one_line(&dir);
    let zeros = [0_u8; 4096];
    for (bytes, tried) in [
        ([&whole[..], b"\n\r\n", &whole].concat(), 8),
        ([&whole[..], &zeros, b"\n"].concat(), 4),
        ([&whole[..], &zeros].concat(), 4),
        ([&whole[..], &zeros, &whole].concat(), 8),
        ([&whole[..whole.len() - 1], b"\r\n"].concat(), 4),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let (mut ledger, progress) = Ledger::open(&path, head()).unwrap();
        assert_eq!(progress.tried, tried);
        ledger.append(&entry(0, 1, 11, &[])).unwrap();
        drop(ledger);
        assert_eq!(Ledger::open(&path, head()).unwrap().1.tried, tried + 4);
    }
    assert!(!torn(&path).exists());
}

#[test]
fn files_of_other_runs_and_foreign_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = one_line(&dir);
    for (field, value, at) in [
        ("public_key", json!("03cd"), "public_key"),
        ("block_hash", json!("CD"), "block_hash"),
        ("r_target", json!(1.398_077), "r_target"),
        ("params", json!({"dim": 1024, "norm_eps": 1e-5}), "params.dim"),
        ("node_id", json!(0), "node_id"),
        ("profile", json!("other"), "profile"),
    ] {
        let mut other = head();
        other.insert(field.into(), value);
        let error = Ledger::open(&path, other).map(|_| ()).expect_err(field);
        assert!(matches!(&error, LedgerError::OtherRun { line: 1, what, .. } if what == at), "{error}");
    }
    for text in [
        "hello",
        "hello\n",
        "{}\n",
        "[1]\n",
        "{\"nonces\":[1],\"dist\":[1]}\n",
        "{\"block_hash\":\"x\",\"notes\":\"my only copy of something else\"}",
        "\u{1}\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Ledger::open(&path, head()).map(|_| ()).expect_err(text);
        assert!(matches!(error, LedgerError::Foreign { .. }), "{text:?}: {error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::write(&path, &whole).unwrap();
    let open = |path: &Path| Ledger::open(path, head()).map(|_| ());
    assert!(matches!(open(dir.path()), Err(LedgerError::Open { .. })));
    assert!(matches!(open(&dir.path().join("a/b")), Err(LedgerError::Open { .. })));
}

#[test]
fn numbers_are_compared_by_value() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = one_line(&dir);
    let text = String::from_utf8(whole).unwrap();
    assert!(text.contains("\"dim\":512"));
    std::fs::write(&path, text.replace("\"dim\":512", "\"dim\":512.0").replace(",\"", ", \"")).unwrap();
    assert_eq!(Ledger::open(&path, head()).unwrap().1.tried, 4);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_moved_is_begun_anew_and_only_the_new_one_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (path, first) = one_line(&dir);
    let (mut ledger, _) = Ledger::open(&path, head()).unwrap();
    ledger.append(&entry(0, 1, 7, &[6])).unwrap();
    assert_eq!(ledger.counts(), Counts { tried: 8, won: 2 });
    let moved = dir.path().join("rotated");
    std::fs::rename(&path, &moved).unwrap();
    ledger.append(&entry(0, 1, 11, &[])).unwrap();
    assert_eq!(ledger.counts(), Counts { tried: 4, won: 0 });
    assert!(
        matches!(Ledger::open(&path, head()), Err(LedgerError::Busy { .. })),
        "the new file is locked, too"
    );
    drop(ledger);
    let rotated = std::fs::read(&moved).unwrap();
    assert!(rotated.starts_with(&first) && rotated.iter().filter(|byte| **byte == b'\n').count() == 2);
    let (_, progress) = Ledger::open(&path, head()).unwrap();
    assert_eq!((progress.tried, progress.resume_after(0, 1)), (4, Some(Nonce::new(11).unwrap())));
}

#[test]
fn a_line_spoilt_within_the_file_is_named_and_repair_keeps_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (path, first) = one_line(&dir);
    let (mut ledger, _) = Ledger::open(&path, head()).unwrap();
    ledger.append(&entry(0, 1, 7, &[6])).unwrap();
    drop(ledger);
    let second = std::fs::read(&path).unwrap()[first.len()..].to_vec();
    let (cut, bad) = (&first[..40], b"\xff\x00no line\n");
    for (lines, at, kept) in [
        (vec![&first[..], bad, &second], 2, vec![&bad[..]]),
        (vec![bad, &first, &second], 1, vec![bad]),
        (vec![&first, cut, &second, bad, b"\n", &second], 2, vec![&[cut, &second[..]].concat(), bad]),
    ] {
        let _ = std::fs::remove_file(torn(&path));
        let whole = lines.concat();
        std::fs::write(&path, &whole).unwrap();
        let error = Ledger::open(&path, head()).map(drop).expect_err("a bad line");
        assert!(matches!(&error, LedgerError::BadLine { line, .. } if *line == at), "{error}");
        assert!(error.to_string().contains("--repair"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), whole, "nobody asked for a repair");
        assert_eq!(Ledger::repair(&path, &head()).unwrap(), kept.len());
        assert_eq!(std::fs::read(torn(&path)).unwrap(), kept.concat());
        let (_, progress) = Ledger::open(&path, head()).unwrap();
        assert_eq!((progress.tried, progress.resume_after(0, 1)), (8, Some(Nonce::new(7).unwrap())));
        assert_eq!(Ledger::repair(&path, &head()).unwrap(), 0, "nothing is left to repair");
    }
    // A stranger's file has no line of ours to keep.
    std::fs::write(&path, "my diary\nin two lines\n").unwrap();
    for error in [Ledger::open(&path, head()).map(drop), Ledger::repair(&path, &head()).map(drop)] {
        assert!(matches!(error, Err(LedgerError::Foreign { line: 1, .. })));
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"my diary\nin two lines\n");
}

/// Longer than any line is read at once.
#[test]
fn a_long_run_of_zeros_within_the_file_costs_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let (path, line) = one_line(&dir);
    let zeros = vec![0; (1 << 24) + 1000];
    let whole = [&line[..], &zeros, &line].concat();
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(Ledger::open(&path, head()).unwrap().1.tried, 8);
    assert_eq!(std::fs::read(&path).unwrap().len(), whole.len());
    // And what is nobody's line.
    std::fs::write(&path, [&line[..], &vec![b' '; 1 << 24], b"x", &vec![b'x'; 1 << 24], b"\n"].concat())
        .unwrap();
    assert!(matches!(Ledger::open(&path, head()), Err(LedgerError::Foreign { .. })));
}

#[cfg(unix)]
#[test]
fn a_file_removed_replaced_or_cut_is_not_written_to() {
    type Harm = fn(&Path);
    let harms: [Harm; 3] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| {
            std::fs::rename(path, path.with_extension("moved")).unwrap();
            std::fs::write(path, "another run's").unwrap();
        },
        |path| std::fs::write(path, "").unwrap(),
    ];
    for harm in harms {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("proofs.jsonl");
        let (mut ledger, _) = Ledger::open(&path, head()).unwrap();
        ledger.append(&entry(0, 1, 3, &[2])).unwrap();
        harm(&path);
        let there = std::fs::read(&path).ok();
        let Err(error @ LedgerError::Append { .. }) = ledger.append(&entry(0, 1, 7, &[6])) else {
            panic!("a line was written to what is no longer the file");
        };
        assert_eq!(error.exit_code(), 3);
        assert_eq!(std::fs::read(&path).ok(), there);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_gives_the_line_back() {
    let (mut ledger, _) = Ledger::open(Path::new("/dev/full"), head()).unwrap();
    let Err(LedgerError::Append { line, .. }) = ledger.append(&entry(0, 1, 3, &[2])) else {
        panic!("/dev/full took a line");
    };
    assert!(line.contains("\"nonces\":[2]"));
}

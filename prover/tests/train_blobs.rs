//! Files of a run fetched by ranges: from an honest server, after breaks, and from servers that lie in each way there is.

mod common;

use common::Dir;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request: its path, and the range it asks for.
struct Asked {
    path: String,
    range: Option<(usize, usize)>,
}

fn asked(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let mut range = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            let (from, to) = bytes.split_once('-')?;
            range = Some((from.parse().ok()?, to.parse().ok()?));
        }
    }
    Some(Asked { path, range })
}

/// A server whose answers `answer` makes, one connection after the other; gives its address.
fn serve(answer: impl Fn(&Asked, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if let Some(asked) = asked(&stream) {
                answer(&asked, &mut stream);
            }
        }
    });
    format!("http://{address}/state")
}

fn whole(stream: &mut TcpStream, bytes: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
    let _ = stream.write_all(&[head.as_bytes(), bytes].concat());
}

fn part(stream: &mut TcpStream, (from, to): (usize, usize), size: usize, bytes: &[u8]) {
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{to}/{size}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        bytes.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), bytes].concat());
}

/// A blob of three pieces and a rest, its outboard and root, as the command makes them.
struct Blob {
    dir: Dir,
    bytes: Arc<Vec<u8>>,
    outboard: Arc<Vec<u8>>,
    root: String,
}

impl Blob {
    fn new() -> Self {
        let dir = Dir::new();
        let bytes: Vec<u8> =
            (0..3_300_000_u32).map(|ix| (ix.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        std::fs::write(dir.path("state"), &bytes).expect("written");
        let made = dir.json(0, &["train", "outboard", "state"]);
        let root = made["root"].as_str().expect("a root").to_owned();
        let outboard = std::fs::read(dir.path("state.obao")).expect("an outboard");
        Self { dir, bytes: Arc::new(bytes), outboard: Arc::new(outboard), root }
    }

    /// A server that is honest but for what `lie` does in its place; it says whether it did.
    fn served(&self, lie: impl Fn(&Asked, &mut TcpStream, &[u8]) -> bool + Send + 'static) -> String {
        let (bytes, outboard) = (Arc::clone(&self.bytes), Arc::clone(&self.outboard));
        serve(move |asked, stream| {
            if lie(asked, stream, &bytes) {
                return;
            }
            match asked.range {
                _ if asked.path.ends_with(".obao") => whole(stream, &outboard),
                Some((from, to)) => part(stream, (from, to), bytes.len(), &bytes[from..=to]),
                None => whole(stream, &bytes),
            }
        })
    }

    fn args<'a>(&'a self, url: &'a str) -> Vec<&'a str> {
        vec!["train", "fetch", url, "--root", &self.root, "--out", "got", "--patience", "2"]
    }

    fn refused(&self, lie: impl Fn(&Asked, &mut TcpStream, &[u8]) -> bool + Send + 'static) -> String {
        let url = self.served(lie);
        let error = self.dir.error(3, &self.args(&url));
        assert!(!self.dir.path("got").exists(), "nothing that is not whole has its name");
        error
    }

    /// Bytes kept so far, all of them the blob's.
    fn kept(&self) -> usize {
        let part = std::fs::read(self.dir.path("got.part")).expect("a part");
        assert_eq!(part, self.bytes[..part.len()], "only what is verified is kept");
        part.len()
    }
}

#[test]
fn a_blob_is_fetched_and_goes_on_after_a_break() {
    let blob = Blob::new();
    // Breaks off in the midst of the third piece, and closes on everybody after it.
    let asked_for = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked_for);
    let broken = blob.refused(move |asked, stream, bytes| {
        let is_late = asked.range.is_some_and(|(from, _)| from >= 2 << 20);
        if is_late && count.fetch_add(1, Ordering::Relaxed) == 0 {
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {}-{}/{}\r\ncontent-length: {}\r\n\r\n",
                2 << 20,
                (3 << 20) - 1,
                bytes.len(),
                1 << 20
            );
            let _ = stream.write_all(&[head.as_bytes(), &bytes[2 << 20..(2 << 20) + 5000]].concat());
        }
        is_late
    });
    assert!(broken.contains("did not answer 5 times"), "{broken}");
    assert_eq!(asked_for.load(Ordering::Relaxed), 5);
    assert_eq!(blob.kept(), 2 << 20);
    // Another server; a byte that went bad on the disk meanwhile is fetched anew.
    let mut part = std::fs::read(blob.dir.path("got.part")).expect("a part");
    part[(1 << 20) + 77] ^= 1;
    std::fs::write(blob.dir.path("got.part"), part).expect("written");
    let url = blob.served(|_, _, _| false);
    let done = blob.dir.json(0, &blob.args(&url));
    assert_eq!(done["kept"], json!(1 << 20));
    assert_eq!(std::fs::read(blob.dir.path("got")).expect("the blob"), *blob.bytes);
    assert!(!blob.dir.path("got.part").exists());
}

#[test]
fn a_connection_that_breaks_once_is_tried_again() {
    let blob = Blob::new();
    let first = AtomicUsize::new(0);
    let url = blob.served(move |asked, _, _| {
        asked.range.is_some() && first.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    });
    assert_eq!(blob.dir.json(0, &blob.args(&url))["bytes"], json!(3_300_000));
}

#[test]
fn servers_that_lie_are_named_with_the_place() {
    let blob = Blob::new();
    let flipped = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range.filter(|(from, _)| *from == 1 << 20) else { return false };
        let mut piece = bytes[from..=to].to_vec();
        piece[500_000] ^= 4;
        part(stream, (from, to), bytes.len(), &piece);
        true
    });
    assert!(flipped.contains("in the piece at 1048576: leaf hash mismatch"), "{flipped}");
    assert_eq!(blob.kept(), 1 << 20);
    std::fs::remove_file(blob.dir.path("got.part")).expect("removed");
    // Another piece in its place, one that is cut, one that is too long, one without an end, one that never comes.
    let other = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range else { return false };
        part(stream, (from, to), bytes.len(), &bytes[1024..1024 + to - from + 1]);
        true
    });
    assert!(other.contains("in the piece at 0"), "{other}");
    let cut = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range else { return false };
        part(stream, (from, to), bytes.len(), &bytes[from..to]);
        true
    });
    assert!(cut.contains("1048575 bytes, expected 1048576"), "{cut}");
    let long = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range else { return false };
        part(stream, (from, to), bytes.len(), &bytes[from..=to + 1]);
        true
    });
    assert!(long.contains("did not answer 5 times"), "{long}");
    let endless = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range else { return false };
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{to}/{}\r\nconnection: close\r\n\r\n",
            bytes.len()
        );
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(&bytes[..1 << 16]).is_ok() {}
        true
    });
    assert!(endless.contains("did not answer 5 times"), "{endless}");
    assert_eq!(blob.kept(), 0);
}

#[test]
fn answers_that_are_no_ranges_are_refused() {
    let blob = Blob::new();
    let whole_file = blob.refused(|asked, stream, bytes| {
        if asked.range.is_some() {
            whole(stream, bytes);
        }
        asked.range.is_some()
    });
    assert!(whole_file.contains("answers 200 OK, expected 206 Partial Content"), "{whole_file}");
    let shifted = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range else { return false };
        part(stream, (from + 1, to + 1), bytes.len(), &bytes[from..=to]);
        true
    });
    assert!(
        shifted.contains("answers \"bytes 1-1048576/3300000\", expected bytes 0-1048575/3300000"),
        "{shifted}"
    );
    let longer = blob.refused(|asked, stream, bytes| {
        let Some((from, to)) = asked.range else { return false };
        part(stream, (from, to), bytes.len() + 1, &bytes[from..=to]);
        true
    });
    assert!(longer.contains("/3300001\", expected"), "{longer}");
}

#[test]
fn outboards_that_lie_are_refused() {
    let blob = Blob::new();
    let outboard = Arc::clone(&blob.outboard);
    let with = |change: fn(&mut Vec<u8>)| {
        let outboard = Arc::clone(&outboard);
        blob.refused(move |asked, stream, _| {
            let is_outboard = asked.path.ends_with(".obao");
            if is_outboard {
                let mut changed = outboard.to_vec();
                change(&mut changed);
                whole(stream, &changed);
            }
            is_outboard
        })
    };
    let node = with(|bytes| bytes[20] ^= 1);
    assert!(node.contains("in the piece at 0: parent hash mismatch"), "{node}");
    let cut = with(|bytes| bytes.truncate(100));
    assert!(cut.contains("the outboard has 100 bytes"), "{cut}");
    let vast = with(|bytes| bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes()));
    assert!(
        vast.contains("18446744073709551615 bytes by its outboard, expected 1073741824 at most"),
        "{vast}"
    );
    let missing = with(|bytes| bytes.clear());
    assert!(missing.contains("0 bytes, expected 8 or more"), "{missing}");
    // Shorter than it is: what the tree has left over is missed with the last piece at the latest.
    let short = with(|bytes| {
        bytes[..8].copy_from_slice(&3_299_999_u64.to_le_bytes());
    });
    assert!(short.contains("/3300000\", expected bytes 0-1048575/3299999"), "{short}");
}

#[test]
fn addresses_that_are_none_are_refused() {
    let dir = Dir::new();
    for url in ["https://localhost/x", "ftp://x", "state", "http://"] {
        let root = "00".repeat(32);
        let error = dir.error(2, &["train", "fetch", url, "--root", &root, "--out", "got"]);
        assert!(error.contains("expected http://host:port/path"), "{error}");
    }
}

//! Bytes by their hashes: what a host has, and how it gets what others have. Nobody has to be believed: whoever fetches
//! checks the hash.

use super::duty::Strategy;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a peer may say nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a peer may take for a blob.
const LONGEST: Duration = Duration::from_secs(60);
/// Bytes read between looks at the clock.
const PIECE: usize = 1 << 16;
/// Peers served at once; others are turned away.
const MAX_SERVED: usize = 32;

/// A blob's name: the hash by which it is verified.
pub type Name = [u8; 32];

/// Blobs with the attempts that they were last of use in.
type Blobs = BTreeMap<Name, (u64, Arc<Vec<u8>>)>;

/// What a host has.
#[derive(Debug, Default)]
pub struct Shelf {
    blobs: Mutex<Blobs>,
    /// Gives others something else than it has.
    pub spoils: AtomicBool,
    /// Gives others nothing.
    pub hoards: AtomicBool,
    /// Whether it cannot be reached, nor its host reach others.
    pub is_down: AtomicBool,
}

impl Shelf {
    /// Gives others what a host of that kind does.
    pub fn behave(&self, strategy: &Strategy) {
        self.spoils.store(strategy.spoils, Ordering::Relaxed);
        self.hoards.store(strategy.hoards, Ordering::Relaxed);
    }

    fn blobs(&self) -> MutexGuard<'_, Blobs> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a blob of an attempt.
    pub fn put(&self, attempt: u64, name: Name, bytes: Vec<u8>) {
        self.blobs().insert(name, (attempt, Arc::new(bytes)));
    }

    /// The blob of that name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<Arc<Vec<u8>>> {
        self.blobs().get(name).map(|(_, bytes)| bytes.clone())
    }

    /// Forgets what is of attempts before this one.
    pub fn forget_before(&self, attempt: u64) {
        self.blobs().retain(|_, (of, _)| *of >= attempt);
    }

    /// Forgets all, as a process that is killed.
    pub fn clear(&self) {
        self.blobs().clear();
    }

    /// What others get of it.
    fn give(&self, name: &Name) -> Option<Arc<Vec<u8>>> {
        if self.is_down.load(Ordering::Relaxed) || self.hoards.load(Ordering::Relaxed) {
            return None;
        }
        let blob = self.get(name)?;
        if !self.spoils.load(Ordering::Relaxed) {
            return Some(blob);
        }
        let mut bytes = blob.to_vec();
        bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        Some(Arc::new(bytes))
    }
}

/// Where the hosts' shelves are, by number.
#[derive(Clone, Debug)]
pub enum Peers {
    /// In this process.
    Here(Vec<Arc<Shelf>>),
    /// Behind addresses.
    There(Vec<SocketAddr>),
}

impl Peers {
    fn ask(&self, host: usize, name: &Name, len: usize) -> Option<Arc<Vec<u8>>> {
        match self {
            Self::Here(shelves) => shelves.get(host)?.give(name),
            Self::There(addresses) => request(addresses.get(host)?, name, len).ok().flatten().map(Arc::new),
        }
    }

    /// The blob of that name: the own one, or what the first host gives that has `len` bytes and `is_right` takes, `likely`
    /// before the others.
    pub fn fetch(
        &self,
        own: &Shelf,
        (name, len): (&Name, usize),
        likely: usize,
        is_right: impl Fn(&[u8]) -> bool,
    ) -> Option<Arc<Vec<u8>>> {
        if let Some(blob) = own.get(name) {
            return Some(blob);
        }
        if own.is_down.load(Ordering::Relaxed) {
            return None;
        }
        let hosts = match self {
            Self::Here(shelves) => shelves.len(),
            Self::There(addresses) => addresses.len(),
        };
        let order = std::iter::once(likely).chain((0..hosts).filter(|host| *host != likely));
        order.filter_map(|host| self.ask(host, name, len)).find(|bytes| bytes.len() == len && is_right(bytes))
    }
}

/// Asks a peer: 32 bytes of the name; the answer is its length plus one as LE64, 0 for none, and the bytes.
fn request(address: &SocketAddr, name: &Name, expected: usize) -> io::Result<Option<Vec<u8>>> {
    let began = Instant::now();
    let mut stream = TcpStream::connect_timeout(address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(name)?;
    let mut len = [0; 8];
    stream.read_exact(&mut len)?;
    let Some(len) = u64::from_le_bytes(len).checked_sub(1) else { return Ok(None) };
    if len != expected as u64 {
        return Err(io::Error::other(format!("a blob of {len} bytes, expected {expected}")));
    }
    let mut bytes = vec![0; expected];
    for piece in bytes.chunks_mut(PIECE) {
        // A peer that gives a byte now and then must not hold this host up.
        if began.elapsed() > LONGEST {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.read_exact(piece)?;
    }
    Ok(Some(bytes))
}

/// Serves a shelf to peers until the process ends.
///
/// # Errors
/// The system's, where it gives no thread.
pub fn serve(listener: TcpListener, shelf: Arc<Shelf>) -> io::Result<()> {
    let served = Arc::new(AtomicUsize::new(0));
    std::thread::Builder::new().name("blobs".into()).spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            if served.fetch_add(1, Ordering::Relaxed) >= MAX_SERVED {
                served.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (shelf, guard) = (shelf.clone(), Served(served.clone()));
            // Who is not served asks again, or another.
            let _ = std::thread::Builder::new().name("blob".into()).spawn(move || {
                let _guard = guard;
                let _ = answer(stream, &shelf);
            });
        }
    })?;
    Ok(())
}

/// Counts a peer that is served until it is not.
struct Served(Arc<AtomicUsize>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, shelf: &Shelf) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut name = [0; 32];
    stream.read_exact(&mut name)?;
    let blob = shelf.give(&name);
    let len = blob.as_ref().map_or(0, |bytes| bytes.len() as u64 + 1);
    stream.write_all(&len.to_le_bytes())?;
    blob.map_or(Ok(()), |bytes| stream.write_all(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_come_over_the_wire_from_whoever_has_them_right() {
        let shelves: Vec<Arc<Shelf>> = (0..3).map(|_| Arc::default()).collect();
        let listen = |shelf: &Arc<Shelf>| {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let address = listener.local_addr().unwrap();
            serve(listener, shelf.clone()).unwrap();
            address
        };
        let peers = Peers::There(shelves.iter().map(listen).collect());
        let (name, bytes) = ([7; 32], vec![5; 100_000]);
        shelves[1].put(1, name, bytes.clone());
        shelves[2].put(1, name, bytes.clone());
        shelves[1].spoils.store(true, Ordering::Relaxed);
        let own = Shelf::default();
        // The likely one spoils it, host 0 has none, host 2 has it.
        let got = peers.fetch(&own, (&name, 100_000), 1, |got| got == bytes);
        assert_eq!(got.as_deref(), Some(&bytes));
        shelves[2].is_down.store(true, Ordering::Relaxed);
        assert_eq!(peers.fetch(&own, (&name, 100_000), 1, |got| got == bytes), None);
        assert_eq!(peers.fetch(&own, (&name, 99_999), 1, |_| true), None);
        own.put(2, name, vec![1]);
        assert_eq!(peers.fetch(&own, (&name, 1), 1, |_| false).as_deref(), Some(&vec![1]));
        own.forget_before(3);
        assert_eq!(own.get(&name), None);
    }
}

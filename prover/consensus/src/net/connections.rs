//! Connections to peers: dialled again when they break, one for each, with bounded queues.

use super::handshake::{HandshakeError, shake};
use crate::config::Config;
use crate::identity::{Hash, HostId, Key};
use crate::wire::MAX_MESSAGE_BYTES;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::debug;

/// Messages that wait for a peer's socket; what does not fit is lost, as on any network.
const OUTBOX: usize = 4096;
/// The most bytes that wait for a peer's socket.
const OUTBOX_BYTES: usize = 32 << 20;
/// Strangers that shake hands at once.
const STRANGERS: usize = 64;
/// The waits between attempts to dial.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A peer that takes nothing for this long is gone. So is one that says nothing for this long and 20 statuses.
const GONE: Duration = Duration::from_secs(10);

/// A peer's message.
pub(super) struct Mail {
    pub(super) from: HostId,
    pub(super) bytes: Vec<u8>,
}

/// The way out to a connected peer.
struct Outbox {
    /// Which of the connections that there have been.
    connection: u64,
    queue: mpsc::Sender<Arc<Vec<u8>>>,
    bytes: Arc<AtomicUsize>,
}

struct Shared {
    chain: Hash,
    key: Key,
    peers: BTreeMap<HostId, SocketAddr>,
    idle: Duration,
    open: Mutex<BTreeMap<HostId, Outbox>>,
    connections: AtomicU64,
    mailbox: mpsc::Sender<Mail>,
    stopped: watch::Receiver<bool>,
}

/// The connections of a host.
pub(super) struct Connections(Arc<Shared>);

impl Connections {
    /// Listens, and dials those peers that have a higher key. Within a runtime.
    pub(super) fn start(
        listener: TcpListener,
        peers: Vec<(HostId, SocketAddr)>,
        config: &Config,
        key: Key,
        mailbox: mpsc::Sender<Mail>,
        stopped: &watch::Receiver<bool>,
    ) -> Self {
        let own = key.id();
        let shared = Arc::new(Shared {
            chain: config.chain,
            peers: peers.into_iter().filter(|(id, _)| *id != own).collect(),
            key,
            idle: GONE.saturating_add(config.timeouts.status().saturating_mul(20)),
            open: Mutex::new(BTreeMap::new()),
            connections: AtomicU64::new(0),
            mailbox,
            stopped: stopped.clone(),
        });
        for (peer, address) in shared.peers.clone() {
            if own < peer {
                tokio::spawn(until_stopped(shared.clone(), dial(shared.clone(), peer, address)));
            }
        }
        tokio::spawn(until_stopped(shared.clone(), listen(shared.clone(), listener)));
        Self(shared)
    }

    /// Sends to a peer, if it is connected and its queue has room.
    pub(super) fn send(&self, to: &HostId, bytes: &Arc<Vec<u8>>) {
        if let Some(outbox) = self.0.open().get(to) {
            outbox.push(bytes);
        }
    }
}

impl Outbox {
    fn push(&self, bytes: &Arc<Vec<u8>>) {
        let waiting = self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        if waiting + bytes.len() > OUTBOX_BYTES || self.queue.try_send(bytes.clone()).is_err() {
            self.bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<HostId, Outbox>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn until_stopped(shared: Arc<Shared>, task: impl Future<Output = ()>) {
    let mut stopped = shared.stopped.clone();
    tokio::select! {
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = task => {}
    }
}

/// Dials a peer for ever, with longer waits while it does not answer.
async fn dial(shared: Arc<Shared>, peer: HostId, address: SocketAddr) {
    let mut wait = FIRST_WAIT;
    loop {
        match connect(&shared, peer, address).await {
            Ok(stream) => {
                wait = FIRST_WAIT;
                converse(&shared, peer, stream).await;
            }
            Err(error) => debug!(%peer, %address, %error, "not connected"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn connect(shared: &Shared, peer: HostId, address: SocketAddr) -> Result<TcpStream, HandshakeError> {
    let connected = tokio::time::timeout(GONE, TcpStream::connect(address)).await;
    let mut stream = connected.map_err(|_| HandshakeError::Slow)??;
    stream.set_nodelay(true)?;
    shake(&mut stream, shared.chain, &shared.key, true, |id| *id == peer).await?;
    Ok(stream)
}

async fn listen(shared: Arc<Shared>, listener: TcpListener) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    loop {
        let Ok(room) = strangers.clone().acquire_owned().await else { return };
        let (mut stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Such as too many open files: others may close some.
                debug!(%error, "not accepted");
                tokio::time::sleep(FIRST_WAIT).await;
                continue;
            }
        };
        let task = {
            let shared = shared.clone();
            async move {
                // Of two hosts the lower dials.
                let may_come = |id: &HostId| *id < shared.key.id() && shared.peers.contains_key(id);
                let shaken = match stream.set_nodelay(true) {
                    Ok(()) => shake(&mut stream, shared.chain, &shared.key, false, may_come).await,
                    Err(error) => Err(error.into()),
                };
                drop(room);
                match shaken {
                    Ok(peer) => converse(&shared, peer, stream).await,
                    Err(error) => debug!(%address, %error, "not let in"),
                }
            }
        };
        tokio::spawn(until_stopped(shared.clone(), task));
    }
}

/// Reads and writes until either ends. A newer connection of the same peer replaces this one.
async fn converse(shared: &Shared, peer: HostId, stream: TcpStream) {
    let (mut read, mut write) = stream.into_split();
    let (queue, mut due) = mpsc::channel::<Arc<Vec<u8>>>(OUTBOX);
    let bytes = Arc::new(AtomicUsize::new(0));
    let connection = shared.connections.fetch_add(1, Ordering::Relaxed);
    // The queue of an older connection ends here, and the connection with it.
    shared.open().insert(peer, Outbox { connection, queue, bytes: bytes.clone() });
    let reads = async {
        loop {
            let bytes = tokio::time::timeout(shared.idle, read_frame(&mut read)).await??;
            // A state machine that is busy makes its peers wait.
            if shared.mailbox.send(Mail { from: peer, bytes }).await.is_err() {
                return Ok::<(), io::Error>(());
            }
        }
    };
    let writes = async {
        while let Some(message) = due.recv().await {
            bytes.fetch_sub(message.len(), Ordering::Relaxed);
            tokio::time::timeout(GONE, write_frame(&mut write, &message)).await??;
        }
        Ok::<(), io::Error>(())
    };
    let ended = tokio::select! {
        ended = reads => ended,
        ended = writes => ended,
    };
    debug!(%peer, ?ended, "disconnected");
    let mut open = shared.open();
    if open.get(&peer).is_some_and(|outbox| outbox.connection == connection) {
        open.remove(&peer);
    }
}

/// A length of 4 bytes, lowest first, and as many bytes.
async fn write_frame(stream: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_le_bytes()).await?;
    stream.write_all(bytes).await
}

async fn read_frame(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length);
    if length as usize > MAX_MESSAGE_BYTES {
        return Err(io::Error::other(format!(
            "a frame of {length} bytes, expected at most {MAX_MESSAGE_BYTES}"
        )));
    }
    // Room grows with what comes, not with what is claimed.
    let mut bytes = Vec::new();
    let read = (&mut *stream).take(u64::from(length)).read_to_end(&mut bytes).await?;
    if read < length as usize { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

//! Who is at the other end: each proves by a signature over both ends' fresh bytes that it holds its key.

use crate::identity::{Hash, HostId, Key};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MAGIC: &[u8; 8] = b"sphpow/1";
const LABEL: &[u8] = b"sphere-pow-consensus/handshake/1";
/// A stranger may hold a connection for this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a peer is not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The socket.
    #[error("the socket: {0}")]
    Io(#[from] std::io::Error),
    /// No answer in time.
    #[error("no answer within {PATIENCE:?}")]
    Slow,
    /// It speaks something else.
    #[error("not this protocol: {0:02x?}")]
    Protocol([u8; 8]),
    /// It belongs to another network.
    #[error("a host of network {got}, expected {expected}")]
    Network {
        /// This host's.
        expected: Hash,
        /// The peer's.
        got: Hash,
    },
    /// Nobody that this host knows, or not whom it dialled.
    #[error("{0} is not expected here")]
    Unexpected(HostId),
    /// It does not hold the key.
    #[error("a signature that is not {0}'s")]
    BadSignature(HostId),
    /// The system gives no random bytes.
    #[error("no randomness: {0}")]
    Randomness(String),
}

/// What each end says first.
struct Hello {
    chain: Hash,
    id: HostId,
    nonce: [u8; 32],
}

const HELLO_BYTES: usize = 8 + 3 * 32;

impl Hello {
    fn to_bytes(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        for (ix, part) in [&MAGIC[..], &self.chain.0, &self.id.0, &self.nonce].into_iter().enumerate() {
            let at = if ix == 0 { 0 } else { 8 + (ix - 1) * 32 };
            bytes[at..at + part.len()].copy_from_slice(part);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; HELLO_BYTES]) -> Result<Self, HandshakeError> {
        let (magic, rest) = bytes.split_at(8);
        if magic != MAGIC {
            return Err(HandshakeError::Protocol(magic.try_into().expect("8 bytes")));
        }
        let part = |ix: usize| -> [u8; 32] { rest[ix * 32..][..32].try_into().expect("32 bytes") };
        Ok(Self { chain: Hash(part(0)), id: HostId(part(1)), nonce: part(2) })
    }
}

/// What `from` signs for `to`. That it names both, both nonces and who dialled keeps a signature from serving twice.
fn claim(from: &Hello, to: &Hello, has_dialled: bool) -> Vec<u8> {
    let parts: [&[u8]; 7] =
        [LABEL, &[u8::from(has_dialled)], &from.chain.0, &from.id.0, &to.id.0, &from.nonce, &to.nonce];
    parts.concat()
}

/// Shakes hands over a fresh connection and gives the peer's proven key. `expects` says who may come.
pub(super) async fn shake<T: AsyncReadExt + AsyncWriteExt + Unpin>(
    stream: &mut T,
    chain: Hash,
    key: &Key,
    has_dialled: bool,
    expects: impl Fn(&HostId) -> bool,
) -> Result<HostId, HandshakeError> {
    let shaking = async {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|e| HandshakeError::Randomness(e.to_string()))?;
        let own = Hello { chain, id: key.id(), nonce };
        stream.write_all(&own.to_bytes()).await?;
        let mut bytes = [0; HELLO_BYTES];
        stream.read_exact(&mut bytes).await?;
        let peer = Hello::from_bytes(&bytes)?;
        if peer.chain != chain {
            return Err(HandshakeError::Network { expected: chain, got: peer.chain });
        }
        if peer.id == own.id || !expects(&peer.id) {
            return Err(HandshakeError::Unexpected(peer.id));
        }
        stream.write_all(&key.sign(&claim(&own, &peer, has_dialled))).await?;
        let mut signature = [0; 64];
        stream.read_exact(&mut signature).await?;
        if peer.id.has_signed(&claim(&peer, &own, !has_dialled), &signature) {
            Ok(peer.id)
        } else {
            Err(HandshakeError::BadSignature(peer.id))
        }
    };
    tokio::time::timeout(PATIENCE, shaking).await.unwrap_or(Err(HandshakeError::Slow))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> Key {
        Key::from_seed([seed; 32])
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// Both ends of a handshake between key 1, which dials, and `other`, of network `chain`.
    fn ends(
        other: &Key,
        chain: u8,
        expects: u8,
    ) -> (Result<HostId, HandshakeError>, Result<HostId, HandshakeError>) {
        let (mut a, mut b) = tokio::io::duplex(1024);
        block_on(async {
            let dialler = key(1);
            let expected = key(expects).id();
            let dials = async {
                let done = shake(&mut a, Hash([1; 32]), &dialler, true, |id| *id == expected).await;
                drop(a);
                done
            };
            let accepts = async {
                let done = shake(&mut b, Hash([chain; 32]), other, false, |_| true).await;
                drop(b);
                done
            };
            tokio::join!(dials, accepts)
        })
    }

    #[test]
    fn both_ends_learn_a_proven_key() {
        let (a, b) = ends(&key(2), 1, 2);
        assert_eq!((a.unwrap(), b.unwrap()), (key(2).id(), key(1).id()));
    }

    #[test]
    fn refuses_strangers_and_other_networks() {
        let (a, _) = ends(&key(3), 1, 2);
        assert!(matches!(a, Err(HandshakeError::Unexpected(id)) if id == key(3).id()), "{a:?}");
        let (a, b) = ends(&key(2), 9, 2);
        assert!(matches!((a, b), (Err(HandshakeError::Network { .. }), Err(_))));
    }

    #[test]
    fn refuses_who_does_not_hold_the_key_even_with_this_hosts_own_signature_sent_back() {
        for reflects in [false, true] {
            let (mut a, mut thief) = tokio::io::duplex(1024);
            let victim = key(2).id();
            let result = block_on(async {
                let own = key(1);
                let dials = shake(&mut a, Hash([1; 32]), &own, true, |id| *id == victim);
                let steals = async {
                    let mut hello = [0; HELLO_BYTES];
                    thief.read_exact(&mut hello).await.unwrap();
                    let heard = Hello::from_bytes(&hello).unwrap();
                    let lie = Hello { chain: heard.chain, id: victim, nonce: heard.nonce };
                    thief.write_all(&lie.to_bytes()).await.unwrap();
                    let mut signature = [0; 64];
                    thief.read_exact(&mut signature).await.unwrap();
                    let sent = if reflects { signature } else { key(3).sign(&claim(&lie, &heard, false)) };
                    thief.write_all(&sent).await.unwrap();
                };
                tokio::join!(dials, steals).0
            });
            assert!(matches!(result, Err(HandshakeError::BadSignature(id)) if id == victim), "{result:?}");
        }
    }

    #[test]
    fn refuses_another_protocol() {
        let (mut a, mut other) = tokio::io::duplex(1024);
        let result = block_on(async {
            other.write_all(&[b'x'; HELLO_BYTES]).await.unwrap();
            shake(&mut a, Hash([1; 32]), &key(1), false, |_| true).await
        });
        assert!(matches!(result, Err(HandshakeError::Protocol(_))), "{result:?}");
    }
}

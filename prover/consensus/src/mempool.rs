//! Transactions that wait for a block.

use crate::identity::Hash;
use std::collections::BTreeMap;

/// The most bytes of a transaction.
pub const MAX_TRANSACTION_BYTES: usize = 512 << 10;
/// The most transactions that wait.
pub const MAX_PENDING: usize = 8192;
/// The most bytes that wait.
pub const MAX_PENDING_BYTES: usize = 64 << 20;

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    hash: Hash,
    /// Whether this host made it, and says it again until a block has it.
    is_own: bool,
}

/// Transactions in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Mempool {
    waiting: BTreeMap<u64, Waiting>,
    known: BTreeMap<Hash, u64>,
    next: u64,
    bytes: usize,
}

/// Why a transaction does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Known,
    Full,
}

impl Mempool {
    /// Takes a transaction that the application admits.
    pub(crate) fn add(&mut self, bytes: Vec<u8>, is_own: bool) -> Result<(), Refused> {
        let hash = Hash::of(&[&bytes]);
        if self.known.contains_key(&hash) {
            return Err(Refused::Known);
        }
        if self.waiting.len() >= MAX_PENDING || self.bytes + bytes.len() > MAX_PENDING_BYTES {
            return Err(Refused::Full);
        }
        self.bytes += bytes.len();
        self.known.insert(hash, self.next);
        self.waiting.insert(self.next, Waiting { bytes, hash, is_own });
        self.next += 1;
        Ok(())
    }

    pub(crate) fn knows(&self, bytes: &[u8]) -> bool {
        self.known.contains_key(&Hash::of(&[bytes]))
    }

    /// Drops what the application no longer admits.
    pub(crate) fn recheck(&mut self, admits: impl Fn(&[u8]) -> bool) {
        let (known, bytes) = (&mut self.known, &mut self.bytes);
        self.waiting.retain(|_, waiting| {
            let stays = admits(&waiting.bytes);
            if !stays {
                known.remove(&waiting.hash);
                *bytes -= waiting.bytes.len();
            }
            stays
        });
    }

    /// This host's own, oldest first, of together at most `most_bytes` but for the first.
    pub(crate) fn own(&self, most_bytes: usize) -> Vec<Vec<u8>> {
        let mut left = most_bytes;
        let own = self.waiting.values().filter(|waiting| waiting.is_own);
        let fits = own.take_while(|waiting| {
            let fits = left > 0;
            left = left.saturating_sub(waiting.bytes.len());
            fits
        });
        fits.map(|waiting| waiting.bytes.clone()).collect()
    }

    pub(crate) fn pending(&self) -> Pending<'_> {
        Pending(self)
    }
}

/// The transactions that wait, as a proposer sees them.
#[derive(Debug)]
pub struct Pending<'a>(&'a Mempool);

impl Pending<'_> {
    /// Each transaction once, in the order in which they came here.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.waiting.values().map(|waiting| &waiting.bytes[..])
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_once_in_order_until_refused() {
        let mut pool = Mempool::default();
        pool.add(b"b".to_vec(), true).unwrap();
        pool.add(b"a".to_vec(), false).unwrap();
        assert_eq!(pool.add(b"b".to_vec(), false), Err(Refused::Known));
        assert_eq!(pool.pending().iter().collect::<Vec<_>>(), [b"b", b"a"]);
        assert_eq!(pool.own(1 << 10), [b"b"]);
        pool.recheck(|transaction| transaction != b"b");
        assert!(!pool.knows(b"b") && pool.knows(b"a"));
        assert_eq!(pool.pending().len(), 1);
        pool.add(b"b".to_vec(), false).unwrap();
        assert_eq!(pool.pending().iter().collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn is_bounded() {
        let mut pool = Mempool::default();
        for ix in 0..MAX_PENDING {
            pool.add(ix.to_le_bytes().to_vec(), false).unwrap();
        }
        assert_eq!(pool.add(b"one more".to_vec(), false), Err(Refused::Full));
        let mut pool = Mempool::default();
        for ix in 0..MAX_PENDING_BYTES / MAX_TRANSACTION_BYTES {
            let mut bytes = vec![0; MAX_TRANSACTION_BYTES];
            bytes[..8].copy_from_slice(&ix.to_le_bytes());
            pool.add(bytes, false).unwrap();
        }
        assert_eq!(pool.add(b"one more".to_vec(), false), Err(Refused::Full));
        pool.recheck(|_| false);
        assert_eq!(pool.bytes, 0);
    }
}

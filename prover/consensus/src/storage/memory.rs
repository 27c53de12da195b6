//! Storage for simulations, which can lose what a crash would lose.

use super::{Storage, StorageError};
use crate::block::Decided;

/// Blocks and log in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    blocks: Vec<Decided>,
    log: Vec<Vec<u8>>,
    synced: usize,
    is_full: bool,
}

impl MemoryStorage {
    /// Forgets what was not made durable: the records since the last sync.
    pub fn crash(&mut self) {
        self.log.truncate(self.synced);
    }

    /// Whether the disk is full from here on: what would have to be durable is refused.
    pub fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    fn has_space(&self) -> Result<(), StorageError> {
        if self.is_full { Err(StorageError::Full) } else { Ok(()) }
    }
}

impl Storage for MemoryStorage {
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        self.log.push(record.to_vec());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        if self.synced < self.log.len() {
            self.has_space()?;
        }
        self.synced = self.log.len();
        Ok(())
    }

    fn store(&mut self, decided: &Decided) -> Result<(), StorageError> {
        let (got, top) = (decided.block.header().height, self.height()?);
        if got != top + 1 {
            return Err(StorageError::OutOfOrder { got, top });
        }
        self.has_space()?;
        self.blocks.push(decided.clone());
        self.log.clear();
        self.synced = 0;
        Ok(())
    }

    fn height(&self) -> Result<u64, StorageError> {
        Ok(self.blocks.len() as u64)
    }

    fn block(&self, height: u64) -> Result<Option<Decided>, StorageError> {
        let ix = height.checked_sub(1).and_then(|ix| usize::try_from(ix).ok());
        Ok(ix.and_then(|ix| self.blocks.get(ix)).cloned())
    }

    fn log(&self) -> Result<Vec<Vec<u8>>, StorageError> {
        Ok(self.log.clone())
    }
}

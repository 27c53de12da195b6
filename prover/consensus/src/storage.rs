//! Where blocks and the write-ahead log are kept.

mod file;
mod memory;

pub use file::FileStorage;
pub use memory::MemoryStorage;

use crate::block::Decided;

/// Why storage failed. A host that meets one stops: to go on would be to forget.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The database's word.
    #[error("the store: {0}")]
    Database(#[from] Box<redb::Error>),
    /// A simulated disk that is full.
    #[error("the store: no space is left")]
    Full,
    /// What was stored is not what this crate stores.
    #[error("stored bytes that are no {what}: {detail}")]
    Corrupt {
        /// What was expected.
        what: &'static str,
        /// What the reader said.
        detail: String,
    },
    /// A block out of order.
    #[error("a block of height {got} over one of height {top}")]
    OutOfOrder {
        /// The block's.
        got: u64,
        /// The last one's.
        top: u64,
    },
}

/// Blocks with their certificates, and the log of the height above them.
pub trait Storage {
    /// Adds a record to the log. It need not outlast a crash before [`Storage::sync`].
    ///
    /// # Errors
    /// [`StorageError`].
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError>;

    /// Returns once every record so far would outlast a crash, in order.
    ///
    /// # Errors
    /// [`StorageError`].
    fn sync(&mut self) -> Result<(), StorageError>;

    /// Adds the next block and empties the log, both or neither, and returns once that would outlast a crash.
    ///
    /// # Errors
    /// [`StorageError`].
    fn store(&mut self, decided: &Decided) -> Result<(), StorageError>;

    /// The height of the last block, 0 without any.
    ///
    /// # Errors
    /// [`StorageError`].
    fn height(&self) -> Result<u64, StorageError>;

    /// The block of a height.
    ///
    /// # Errors
    /// [`StorageError`].
    fn block(&self, height: u64) -> Result<Option<Decided>, StorageError>;

    /// The log's records, oldest first.
    ///
    /// # Errors
    /// [`StorageError`].
    fn log(&self) -> Result<Vec<Vec<u8>>, StorageError>;
}

//! Storage in one redb file.

use super::{Storage, StorageError};
use crate::block::Decided;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Blocks and log in a file, durable on the disk.
#[derive(Debug)]
pub struct FileStorage {
    database: Database,
    /// Records that no transaction has written yet.
    unsynced: Vec<Vec<u8>>,
    /// The number of the next record to write.
    next: u64,
}

fn failed(error: impl Into<redb::Error>) -> StorageError {
    StorageError::Database(Box::new(error.into()))
}

impl FileStorage {
    /// Opens the file, or makes it. One process at a time has it open.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let database = Database::create(path).map_err(failed)?;
        let write = database.begin_write().map_err(failed)?;
        write.open_table(BLOCKS).map_err(failed)?;
        let last = write.open_table(LOG).map_err(failed)?.last().map_err(failed)?.map(|(key, _)| key.value());
        write.commit().map_err(failed)?;
        Ok(Self { database, unsynced: Vec::new(), next: last.map_or(0, |last| last + 1) })
    }
}

impl Storage for FileStorage {
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        self.unsynced.push(record.to_vec());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        let write = self.database.begin_write().map_err(failed)?;
        {
            let mut log = write.open_table(LOG).map_err(failed)?;
            for record in &self.unsynced {
                log.insert(self.next, &record[..]).map_err(failed)?;
                self.next += 1;
            }
        }
        write.commit().map_err(failed)?;
        self.unsynced.clear();
        Ok(())
    }

    fn store(&mut self, decided: &Decided) -> Result<(), StorageError> {
        let (got, top) = (decided.block.header().height, self.height()?);
        if got != top + 1 {
            return Err(StorageError::OutOfOrder { got, top });
        }
        let write = self.database.begin_write().map_err(failed)?;
        {
            let mut blocks = write.open_table(BLOCKS).map_err(failed)?;
            blocks.insert(got, &decided.to_bytes()[..]).map_err(failed)?;
            let mut log = write.open_table(LOG).map_err(failed)?;
            log.retain(|_, _| false).map_err(failed)?;
        }
        write.commit().map_err(failed)?;
        self.unsynced.clear();
        self.next = 0;
        Ok(())
    }

    fn height(&self) -> Result<u64, StorageError> {
        let read = self.database.begin_read().map_err(failed)?;
        let blocks = read.open_table(BLOCKS).map_err(failed)?;
        let last = blocks.last().map_err(failed)?;
        Ok(last.map_or(0, |(height, _)| height.value()))
    }

    fn block(&self, height: u64) -> Result<Option<Decided>, StorageError> {
        let read = self.database.begin_read().map_err(failed)?;
        let blocks = read.open_table(BLOCKS).map_err(failed)?;
        let Some(bytes) = blocks.get(height).map_err(failed)? else { return Ok(None) };
        let decided = Decided::from_bytes(bytes.value());
        decided.map(Some).map_err(|e| StorageError::Corrupt { what: "block", detail: e.to_string() })
    }

    fn log(&self) -> Result<Vec<Vec<u8>>, StorageError> {
        let read = self.database.begin_read().map_err(failed)?;
        let log = read.open_table(LOG).map_err(failed)?;
        let mut records = Vec::new();
        for row in log.iter().map_err(failed)? {
            let (_, record) = row.map_err(failed)?;
            records.push(record.value().to_vec());
        }
        records.extend(self.unsynced.iter().cloned());
        Ok(records)
    }
}

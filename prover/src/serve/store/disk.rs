//! The database file: one transaction a change, opened anew after the disk failed.

use redb::{Builder, Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The database's name in the state directory.
const FILE: &str = "sphere-pow.redb";

/// Memory of its cache; all there is takes kilobytes.
const CACHE_BYTES: usize = 8 << 20;

/// A state directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be made or read.
    #[error("cannot use the state directory {dir}: {source}")]
    Directory {
        /// The directory.
        dir: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another process writes it.
    #[error("the state directory {dir} is in use by another run; name another with --state-dir")]
    Busy {
        /// The directory.
        dir: String,
    },
    /// The database, or the disk under it.
    #[error("the database of the state directory: {0}")]
    Database(#[from] redb::Error),
}

impl StoreError {
    /// 2 for a directory that will not do, 3 for a disk that fails.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Database(_)) { 3 } else { 2 }
    }

    /// A stable name for the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "state-directory",
            Self::Busy { .. } => "state-busy",
            Self::Database(_) => "state-database",
        }
    }
}

macro_rules! database_errors {
    ($($name:ident),*) => {
        $(impl From<redb::$name> for StoreError {
            fn from(error: redb::$name) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}
database_errors!(DatabaseError, TransactionError, TableError, StorageError, CommitError);

/// Makes a database, on a file or on what a test has in its place.
type Open = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

pub(super) struct Disk {
    open: Open,
    /// `None` after the disk failed, until it is opened again.
    database: Mutex<Option<Database>>,
}

impl Disk {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let shown = dir.display().to_string();
        std::fs::create_dir_all(dir)
            .map_err(|source| StoreError::Directory { dir: shown.clone(), source })?;
        let file: PathBuf = dir.join(FILE);
        Self::with(Box::new(move || match Builder::new().set_cache_size(CACHE_BYTES).create(&file) {
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::Busy { dir: shown.clone() }),
            other => Ok(other?),
        }))
    }

    pub(super) fn with(open: Open) -> Result<Self, StoreError> {
        let database = Mutex::new(Some(open()?));
        Ok(Self { open, database })
    }

    /// Does something to the database in one transaction, which is on the disk afterwards.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.during(|database| {
            let txn = database.begin_write()?;
            let result = change(&txn)?;
            txn.commit()?;
            Ok(result)
        })
    }

    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.during(|database| look(&database.begin_read()?))
    }

    fn during<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut guard = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match guard.take() {
            Some(database) => database,
            None => (self.open)()?,
        };
        let result = work(&database);
        // After the disk failed a database refuses everything until it is opened again, which repairs it.
        if result.is_ok() {
            *guard = Some(database);
        }
        result
    }
}

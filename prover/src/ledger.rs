//! The file that takes the proofs: JSON lines, each with the same header (whose proofs these are), the columns of
//! what was won, and how far the search came.
//!
//! A line is acknowledged once [`Ledger::append`] has returned: it is on the disk then. A line cut short by a
//! crash is dropped at the next start; nothing acknowledged can be.

use crate::mine::Won;
use serde_json::{Map, Value};
use sphere_pow_core::identity::Nonce;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A ledger that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It cannot be opened or read.
    #[error("cannot open {file} for writing: {source}")]
    Open {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process writes it.
    #[error("{file} is in use by another run")]
    Busy {
        /// The file.
        file: PathBuf,
    },
    /// It holds something else.
    #[error("{file}, line {line}: {reason}; choose another file with --out")]
    Foreign {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is there.
        reason: String,
    },
    /// It holds the proofs of another run.
    #[error("{file}, line {line}: {what} is {got}, this run has {expected}; choose another file with --out")]
    OtherRun {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The field that differs.
        what: String,
        /// Its value in the file.
        got: String,
        /// Its value in this run.
        expected: String,
    },
    /// A line could not be made durable; the file ends with the last line that was.
    #[error("cannot write to {file}: {source}")]
    Append {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
        /// The line that is not in the file.
        line: String,
    },
}

/// One device's batch: what it tried and what it won.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The device's group.
    pub group: u64,
    /// How many groups this node has.
    pub groups: u64,
    /// Nonces tried.
    pub tried: u64,
    /// The last of them.
    pub last: Nonce,
    /// What was won.
    pub won: Won,
}

/// What a ledger already holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Nonces tried by earlier runs.
    pub tried: u64,
    /// Nonces won by earlier runs.
    pub won: u64,
    /// The last nonce tried by each (group, groups).
    last: Vec<(u64, u64, Nonce)>,
}

impl Progress {
    /// The last nonce after which `group` of `groups` goes on.
    ///
    /// When the node was shared among another number of devices before, every group goes on after the last nonce
    /// of all: some nonces stay untried, none is tried twice.
    #[must_use]
    pub fn resume_after(&self, group: u64, groups: u64) -> Option<Nonce> {
        let same_sharing = self.last.iter().all(|(_, n, _)| *n == groups);
        let mine = self.last.iter().filter(|(g, _, _)| !same_sharing || *g == group);
        mine.map(|(_, _, last)| *last).max()
    }
}

/// A file open for appending, locked against other runs.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    header: Map<String, Value>,
    /// Bytes that are whole lines on the disk; `None` for pipes and devices.
    len: Option<u64>,
}

impl Ledger {
    /// Opens or makes the file, checks that all its lines begin with the fields of `header`, and drops a line cut
    /// short.
    ///
    /// # Errors
    /// [`LedgerError`], all but [`LedgerError::Append`].
    pub fn open(path: &Path, header: Map<String, Value>) -> Result<(Self, Progress), LedgerError> {
        let open_error = |source| LedgerError::Open { file: path.into(), source };
        let is_regular = path.metadata().map_or(true, |meta| meta.is_file());
        let mut options = OpenOptions::new();
        options.append(true).create(true).read(is_regular);
        let mut file = options.open(path).map_err(open_error)?;
        if !is_regular {
            return Ok((Self { path: path.into(), file, header, len: None }, Progress::default()));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(LedgerError::Busy { file: path.into() }),
            // Some network file systems know no locks; mining there beats not mining.
            Err(std::fs::TryLockError::Error(error)) => {
                tracing::warn!("{}: no lock: {error}", path.display());
            }
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).map_err(open_error)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |ix| ix + 1);
        let progress = read_lines(path, &bytes[..whole], &header)?;
        if whole < bytes.len() {
            // Only our own torn line may be cut off, never the end of a stranger's file.
            if progress == Progress::default()
                && !b"{\"public_key\"".starts_with(&bytes[..bytes.len().min(13)])
            {
                let reason = "the file is not made of proof batches".into();
                return Err(LedgerError::Foreign { file: path.into(), line: 1, reason });
            }
            tracing::warn!("{}: dropping a line that an earlier run did not finish", path.display());
            file.set_len(whole as u64).map_err(open_error)?;
        }
        Ok((Self { path: path.into(), file, header, len: Some(whole as u64) }, progress))
    }

    /// Appends a line and waits until it is on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Append`], with the line in it; the file then ends with the line before.
    pub fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let mut line = self.header.clone();
        line.extend(entry.won.columns.iter().map(|(name, column)| ((*name).to_owned(), column.clone())));
        for (name, number) in [
            ("group", entry.group),
            ("groups", entry.groups),
            ("tried", entry.tried),
            ("last", entry.last.get()),
        ] {
            line.insert(name.to_owned(), number.into());
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        let result = self.file.write_all(text.as_bytes()).and_then(|()| match self.len {
            Some(_) => self.file.sync_data(),
            None => self.file.flush(),
        });
        if let Err(source) = result {
            if let Some(len) = self.len {
                // Should this fail too, the next start drops the torn line.
                let _ = self.file.set_len(len);
            }
            return Err(LedgerError::Append { file: self.path.clone(), source, line: text });
        }
        self.len = self.len.map(|len| len + text.len() as u64);
        Ok(())
    }
}

fn read_lines(path: &Path, bytes: &[u8], header: &Map<String, Value>) -> Result<Progress, LedgerError> {
    let mut progress = Progress::default();
    for (ix, text) in bytes.split(|b| *b == b'\n').enumerate().filter(|(_, text)| !text.is_empty()) {
        let line = ix + 1;
        let foreign = |reason: String| LedgerError::Foreign { file: path.into(), line, reason };
        let value: Value = serde_json::from_slice(text).map_err(|error| foreign(format!("not JSON: {error}")))?;
        let object = value.as_object().ok_or_else(|| foreign("not an object".into()))?;
        for (what, expected) in header {
            let got = object.get(what).ok_or_else(|| foreign(format!("{what} is missing")))?;
            if got != expected {
                let (got, expected) = (got.to_string(), expected.to_string());
                return Err(LedgerError::OtherRun { file: path.into(), line, what: what.clone(), got, expected });
            }
        }
        let integer = |name: &str| {
            object.get(name).and_then(Value::as_u64).ok_or_else(|| foreign(format!("{name} is no integer")))
        };
        let nonces = object.get("nonces").and_then(Value::as_array);
        let nonces = nonces.ok_or_else(|| foreign("nonces is no array".into()))?;
        let last = Nonce::new(integer("last")?).map_err(|error| foreign(error.to_string()))?;
        progress.tried = progress.tried.saturating_add(integer("tried")?);
        progress.won += nonces.len() as u64;
        let (group, groups) = (integer("group")?, integer("groups")?);
        match progress.last.iter_mut().find(|(g, n, _)| (*g, *n) == (group, groups)) {
            Some((_, _, known)) => *known = last.max(*known),
            None => progress.last.push((group, groups, last)),
        }
    }
    Ok(progress)
}

#[cfg(test)]
mod tests;

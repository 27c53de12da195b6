//! The file that takes the proofs (SPEC, "The proof file"): JSON lines, each with the same head (whose proofs these
//! are), the columns of what was won, and how far the search came.
//!
//! A line is acknowledged once [`Ledger::append`] has returned: it is on the disk then. A line cut short by a
//! crash is set aside at the next start; nothing acknowledged can be.

mod existing;

use serde_json::{Map, Value};
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::text::shown;
use std::fs::{File, FileType, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Most nonces of one line: no line may claim more than a single proof of the `exact` profile can hold.
pub const MAX_LINE_NONCES: usize = sphere_pow_core::exact::proof::MAX_CLAIMS;

/// Ending of the file with the roots of transcripts, beside that with the proofs.
pub const ROOTS: &str = "roots";
/// Ending of the file with the commitment to them.
pub const COMMITMENT: &str = "commitment";
/// Ending of the file with what was opened of it.
pub const OPENINGS: &str = "openings";

/// A ledger that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It cannot be opened or read.
    #[error("cannot open {file} for writing: {source}")]
    Open {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another process writes it.
    #[error("{file} is in use by another run")]
    Busy {
        /// The file.
        file: String,
    },
    /// It holds something else.
    #[error("{file}, line {line}: {reason}; choose another file with --out")]
    Foreign {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is there.
        reason: String,
    },
    /// It holds the proofs of another run.
    #[error("{file}, line {line}: {what} is {got}, this run has {expected}; choose another file with --out")]
    OtherRun {
        /// The file.
        file: String,
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
    #[error("cannot write to {file}: {reason}")]
    Append {
        /// The file.
        file: String,
        /// Why.
        reason: String,
        /// The line that is not in the file.
        line: String,
    },
}

impl LedgerError {
    /// 2 for a file that will not do, 3 for one that could not be written.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Append { .. }) { 3 } else { 2 }
    }

    /// A stable name for the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "out-file",
            Self::Busy { .. } => "out-busy",
            Self::Foreign { .. } => "out-foreign",
            Self::OtherRun { .. } => "out-other-run",
            Self::Append { .. } => "out-write",
        }
    }
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
    /// The columns that list what was won, by ascending nonce.
    pub columns: [(&'static str, Value); 2],
    /// The roots of the transcripts of all nonces tried, in their order; none where the device makes none.
    pub roots: Vec<String>,
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

    /// Whatever another file says was tried is not tried again.
    pub fn join(&mut self, other: &Self) {
        for (group, groups, last) in &other.last {
            self.reach(*group, *groups, *last);
        }
    }

    fn reach(&mut self, group: u64, groups: u64, last: Nonce) {
        match self.last.iter_mut().find(|(g, n, _)| (*g, *n) == (group, groups)) {
            Some((_, _, known)) => *known = last.max(*known),
            None => self.last.push((group, groups, last)),
        }
    }

    fn add(&mut self, line: &existing::Line) {
        self.tried = self.tried.saturating_add(line.tried);
        self.won = self.won.saturating_add(line.won);
        self.reach(line.group, line.groups, line.last);
    }
}

/// Where lines go.
enum Sink {
    /// A regular file, locked against other runs, and how many bytes of it are whole lines on the disk.
    File { path: PathBuf, file: File, len: u64 },
    /// A pipe, a device or memory: nothing can be gone on with.
    Stream(Box<dyn Write + Send>),
}

/// A file open for appending.
pub struct Ledger {
    name: String,
    head: Map<String, Value>,
    sink: Sink,
    /// Takes the roots of transcripts.
    roots: Option<Box<Ledger>>,
}

/// Whether a path is standard output, which then belongs to the proofs alone.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

impl Ledger {
    /// Opens or makes the file, checks that all its lines begin with the fields of `head`, and sets aside a line cut
    /// short: it goes to `FILE.torn`. `-` is standard output.
    ///
    /// # Errors
    /// [`LedgerError`], all but [`LedgerError::Append`].
    pub fn open(path: &Path, head: Map<String, Value>) -> Result<(Self, Progress), LedgerError> {
        if is_stdout(path) {
            let stream = Box::new(std::io::stdout());
            return Ok((Self::stream("standard output", stream, head), Progress::default()));
        }
        let name = shown(&path.to_string_lossy());
        let open_error = |source| LedgerError::Open { file: name.clone(), source };
        let kind = path.metadata().ok().map(|meta| meta.file_type());
        if kind.is_some_and(is_block_device) {
            return Err(open_error(std::io::Error::other("it is a block device")));
        }
        let is_regular = kind.is_none_or(|kind| kind.is_file());
        let mut options = OpenOptions::new();
        options.append(true).create(true).read(is_regular);
        let mut file = options.open(path).map_err(open_error)?;
        if !is_regular {
            return Ok((Self::stream(&name, Box::new(file), head), Progress::default()));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(LedgerError::Busy { file: name }),
            // Some network file systems know no locks; mining there beats not mining.
            Err(std::fs::TryLockError::Error(error)) => tracing::warn!("{name}: no lock: {error}"),
        }
        file.seek(SeekFrom::Start(0)).map_err(open_error)?;
        let found = existing::read(&name, &mut file, &head)?;
        if let Some(torn) = &found.torn {
            if !torn.is_empty() {
                let beside = beside(path, "torn");
                let mut kept =
                    OpenOptions::new().append(true).create(true).open(&beside).map_err(open_error)?;
                kept.write_all(torn).and_then(|()| kept.write_all(b"\n")).map_err(open_error)?;
                let beside = shown(&beside.to_string_lossy());
                tracing::warn!(
                    "{name}: an earlier run did not finish the last line; it is moved to {beside}"
                );
            }
            file.set_len(found.whole_bytes).map_err(open_error)?;
        }
        let mut len = found.whole_bytes;
        if found.lacks_newline {
            file.write_all(b"\n").map_err(open_error)?;
            len += 1;
        }
        let sink = Sink::File { path: path.into(), file, len };
        Ok((Self { name, head, sink, roots: None }, found.progress))
    }

    /// A ledger in a pipe or in memory.
    #[must_use]
    pub fn stream(name: &str, stream: Box<dyn Write + Send>, head: Map<String, Value>) -> Self {
        Self { name: name.to_owned(), head, sink: Sink::Stream(stream), roots: None }
    }

    /// Where the roots of transcripts go: a ledger of the same head, for its lines to be appended first. A run that
    /// breaks off between the two has committed to nonces whose wins it lost, and tries none again.
    pub fn set_roots(&mut self, roots: Self) {
        self.roots = Some(Box::new(roots));
    }

    /// What every line of it has.
    #[must_use]
    pub fn head(&self) -> &Map<String, Value> {
        &self.head
    }

    /// Appends a line and waits until it is on the disk. A file that was removed, moved or cut meanwhile is not
    /// written to.
    ///
    /// # Errors
    /// [`LedgerError::Append`], with the line in it; the file then ends with the line before.
    pub fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if let Some(roots) = self.roots.as_mut().filter(|_| !entry.roots.is_empty()) {
            let columns = [("nonces", Value::Array(Vec::new())), ("roots", entry.roots.clone().into())];
            roots.append(&Entry { columns, roots: Vec::new(), ..entry.clone() })?;
        }
        let text = self.line(entry);
        let result = match &mut self.sink {
            Sink::Stream(stream) => stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush())
                .map_err(|error| error.to_string()),
            Sink::File { path, file, len } => is_in_place(path, file, *len).and_then(|()| {
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
                match written {
                    Ok(()) => *len += text.len() as u64,
                    // Should this fail too, the next start sets the torn line aside.
                    Err(_) => drop(file.set_len(*len)),
                }
                written.map_err(|error| error.to_string())
            }),
        };
        result.map_err(|reason| LedgerError::Append { file: self.name.clone(), reason, line: text })
    }

    fn line(&self, entry: &Entry) -> String {
        let mut line = self.head.clone();
        line.extend(entry.columns.iter().map(|(name, column)| ((*name).to_owned(), column.clone())));
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
        text
    }
}

/// `FILE.ENDING`.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Whether the path still leads to the file and the file to its length.
fn is_in_place(path: &Path, file: &File, len: u64) -> Result<(), String> {
    let own = file.metadata().map_err(|error| error.to_string())?;
    let there = path.metadata().map_err(|error| format!("it was removed or moved while mining ({error})"))?;
    if !is_same_file(&own, &there) {
        return Err("another file stands in its place".into());
    }
    if own.len() != len {
        return Err(format!(
            "it has {} bytes where this run left {len}: somebody else changed it",
            own.len()
        ));
    }
    Ok(())
}

#[cfg(unix)]
fn is_same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    // Windows lets no other process remove or rename a file that is open for writing.
    true
}

#[cfg(unix)]
fn is_block_device(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&kind)
}

#[cfg(not(unix))]
fn is_block_device(_: FileType) -> bool {
    false
}

#[cfg(test)]
mod tests;

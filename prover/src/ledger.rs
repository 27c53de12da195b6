//! The file that takes the proofs (SPEC, "The proof file"): JSON lines, each with the same head (whose proofs these
//! are), the columns of what was won, and how far the search came.
//!
//! A line is acknowledged once [`Ledger::append`] has returned: it is on the disk then. A line cut short by a
//! crash is set aside at the next start; nothing acknowledged can be.

mod existing;
mod file;

use crate::rates::Counts;
use crate::search::Wins;
use file::{OwnFile, set_aside};
use serde_json::{Map, Value};
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::text::shown;
use std::fs::OpenOptions;
use std::io::Write;
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
    /// A line among ours is no JSON.
    #[error(
        "{file}, line {line}: not JSON ({reason}); --repair moves such lines to FILE.torn and keeps the others"
    )]
    BadLine {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
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
            Self::BadLine { .. } => "out-bad-line",
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

    /// What earlier runs tried and won.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { tried: self.tried, won: self.won }
    }

    /// Whatever another file says was tried is not tried again.
    pub fn join(&mut self, other: &Self) {
        for (group, groups, last) in &other.last {
            self.reach(*group, *groups, *last);
        }
    }

    /// Notes that `group` of `groups` has tried its nonces up to `last`.
    pub fn reach(&mut self, group: u64, groups: u64, last: Nonce) {
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
    /// A regular file.
    File(OwnFile),
    /// A pipe, a device or memory: nothing can be gone on with.
    Stream(Box<dyn Write + Send>),
}

/// A file open for appending.
pub struct Ledger {
    name: String,
    head: Map<String, Value>,
    sink: Sink,
    /// What is in the file.
    counts: Counts,
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
        let (name, open_error) = errors_of(path);
        let Some(mut file) = OwnFile::open(path, &name)? else {
            let stream = OpenOptions::new().append(true).open(path).map_err(open_error)?;
            return Ok((Self::stream(&name, Box::new(stream), head), Progress::default()));
        };
        let found = existing::read(&name, file.rewound().map_err(&open_error)?, &head)?;
        if let Some(bad) = found.bad.into_iter().next() {
            return Err(bad.error);
        }
        if let Some(torn) = &found.torn {
            if !torn.is_empty() {
                let beside = set_aside(path, torn).map_err(&open_error)?;
                tracing::warn!(
                    "{name}: an earlier run did not finish the last line; it is moved to {beside}"
                );
            }
            file.cut(found.whole_bytes).map_err(&open_error)?;
        }
        if found.lacks_newline {
            file.append("\n").map_err(|reason| open_error(std::io::Error::other(reason)))?;
        }
        let counts = found.progress.counts();
        Ok((Self { name, head, sink: Sink::File(file), counts, roots: None }, found.progress))
    }

    /// Takes lines that are no JSON out of a file whose others are of `head`: they go to `FILE.torn`, the others stay.
    /// The file is replaced at once, whole. Gives how many were moved.
    ///
    /// # Errors
    /// [`LedgerError`], all but [`LedgerError::Append`]; the file is as it was then.
    pub fn repair(path: &Path, head: &Map<String, Value>) -> Result<usize, LedgerError> {
        let (name, open_error) = errors_of(path);
        if is_stdout(path) || !path.is_file() {
            return Ok(0);
        }
        let Some(mut file) = OwnFile::open(path, &name)? else { return Ok(0) };
        let found = existing::read(&name, file.rewound().map_err(&open_error)?, head)?;
        let bad: Vec<_> = found.bad.into_iter().map(|bad| bad.range).collect();
        if !bad.is_empty() {
            let beside = file.move_aside(&bad).map_err(&open_error)?;
            tracing::warn!("{name}: {} lines are no JSON; they are moved to {beside}", bad.len());
        }
        Ok(bad.len())
    }

    /// A ledger in a pipe or in memory.
    #[must_use]
    pub fn stream(name: &str, stream: Box<dyn Write + Send>, head: Map<String, Value>) -> Self {
        Self {
            name: name.to_owned(),
            head,
            sink: Sink::Stream(stream),
            counts: Counts::default(),
            roots: None,
        }
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

    /// What is in the file: of one that was moved while mining, what is in the new one.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// A line of a file with that head.
fn line(head: &Map<String, Value>, entry: &Entry) -> String {
    let mut line = head.clone();
    line.extend(entry.columns.iter().map(|(name, column)| ((*name).to_owned(), column.clone())));
    for (name, number) in
        [("group", entry.group), ("groups", entry.groups), ("tried", entry.tried), ("last", entry.last.get())]
    {
        line.insert(name.to_owned(), number.into());
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    text
}

/// The entry of a file of roots, none where the device made no transcripts.
fn roots_entry(entry: &Entry) -> Option<Entry> {
    let columns = [("nonces", Value::Array(Vec::new())), ("roots", entry.roots.clone().into())];
    (!entry.roots.is_empty()).then(|| Entry { columns, roots: Vec::new(), ..entry.clone() })
}

/// The line of a file of roots with that head, none where the device made no transcripts.
pub(crate) fn roots_line(head: &Map<String, Value>, entry: &Entry) -> Option<String> {
    roots_entry(entry).map(|entry| line(head, &entry))
}

impl Wins for Ledger {
    /// Appends a line and waits until it is on the disk. When the file was moved meanwhile, a new one is begun in its
    /// place; one that was removed, replaced or cut is not written to.
    ///
    /// # Errors
    /// [`LedgerError::Append`], with the line in it; the file then ends with the line before.
    fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        if let (Some(roots), Some(entry)) = (self.roots.as_mut(), roots_entry(entry)) {
            roots.append(&entry)?;
        }
        let text = line(&self.head, entry);
        let result = match &mut self.sink {
            Sink::Stream(stream) => stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush())
                .map_err(|error| error.to_string()),
            Sink::File(file) => file.check_place().and_then(|moved| {
                if let Some(new) = moved {
                    tracing::warn!("{}: it was moved; going on in a new file of that name", self.name);
                    *file = new;
                    self.counts = Counts::default();
                }
                file.append(&text)
            }),
        };
        result.map_err(|reason| LedgerError::Append { file: self.name.clone(), reason, line: text })?;
        let won = entry.columns[0].1.as_array().map_or(0, Vec::len) as u64;
        self.counts.tried = self.counts.tried.saturating_add(entry.tried);
        self.counts.won = self.counts.won.saturating_add(won);
        Ok(())
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

/// A path for messages, and what makes an error of it.
fn errors_of(path: &Path) -> (String, impl Fn(std::io::Error) -> LedgerError) {
    let name = shown(&path.to_string_lossy());
    let file = name.clone();
    (name, move |source| LedgerError::Open { file: file.clone(), source })
}

#[cfg(test)]
mod tests;

//! The file itself: locked, appended to line by line, and watched: the path may come to lead elsewhere.

use super::{LedgerError, beside};
use sphere_pow_core::text::shown;
use std::fs::{File, FileType, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A regular file, locked against other runs.
pub(super) struct OwnFile {
    path: PathBuf,
    file: File,
    /// How many bytes of it are whole lines on the disk.
    len: u64,
}

impl OwnFile {
    /// Opens or makes the file; `None` for what is no regular file.
    pub(super) fn open(path: &Path, name: &str) -> Result<Option<Self>, LedgerError> {
        let open_error = |source| LedgerError::Open { file: name.to_owned(), source };
        let kind = path.metadata().ok().map(|meta| meta.file_type());
        if kind.is_some_and(is_block_device) {
            return Err(open_error(io::Error::other("it is a block device")));
        }
        if kind.is_some_and(|kind| !kind.is_file()) {
            return Ok(None);
        }
        let file = OpenOptions::new().append(true).create(true).read(true).open(path).map_err(open_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Busy { file: name.to_owned() }),
            // Some network file systems know no locks; mining there beats not mining.
            Err(TryLockError::Error(error)) => tracing::warn!("{name}: no lock: {error}"),
        }
        let len = file.metadata().map_err(open_error)?.len();
        Ok(Some(Self { path: path.into(), file, len }))
    }

    /// The file from its start on.
    pub(super) fn rewound(&mut self) -> io::Result<&mut File> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(&mut self.file)
    }

    /// Cuts the file.
    pub(super) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.len = len;
        Ok(())
    }

    /// Appends, and waits for the disk; where that fails, the file ends as before.
    pub(super) fn append(&mut self, text: &str) -> Result<(), String> {
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.len += text.len() as u64,
            // Should this fail too, the next start sets the torn line aside.
            Err(_) => drop(self.file.set_len(self.len)),
        }
        written.map_err(|error| error.to_string())
    }

    /// Whether the path still leads to the file and the file has its length; a new file when the old one was moved.
    pub(super) fn check_place(&self) -> Result<Option<Self>, String> {
        let words = |error: io::Error| error.to_string();
        let own = self.file.metadata().map_err(words)?;
        if own.len() != self.len {
            let (got, expected) = (own.len(), self.len);
            return Err(format!(
                "it has {got} bytes where this run left {expected}: somebody else changed it"
            ));
        }
        match self.path.metadata() {
            Ok(there) if is_same_file(&own, &there) => Ok(None),
            Ok(_) => Err("another file stands in its place".into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_name(&own) => {
                let mut options = OpenOptions::new();
                let new = options.append(true).read(true).create_new(true).open(&self.path).map_err(words)?;
                if let Err(TryLockError::WouldBlock) = new.try_lock() {
                    return Err("another run has begun a file in its place".into());
                }
                sync_folder(&self.path);
                Ok(Some(Self { path: self.path.clone(), file: new, len: 0 }))
            }
            Err(error) => Err(format!("it was removed while mining ({error})")),
        }
    }

    /// Moves lines to `FILE.torn`, and replaces the file by one without them in one step; gives the other's name.
    pub(super) fn move_aside(&mut self, lines: &[Range<u64>]) -> io::Result<String> {
        let mut torn = Vec::new();
        lines.iter().try_for_each(|line| self.copy(line.clone(), &mut torn))?;
        let beside_it = set_aside(&self.path, torn.trim_ascii_end())?;
        let new = beside(&self.path, "repaired");
        let mut to = File::create(&new)?;
        let mut at = 0;
        for line in lines {
            self.copy(at..line.start, &mut to)?;
            at = line.end;
        }
        self.copy(at..self.len, &mut to)?;
        to.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        sync_folder(&self.path);
        Ok(beside_it)
    }

    fn copy(&mut self, bytes: Range<u64>, to: &mut impl Write) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(bytes.start))?;
        io::copy(&mut (&self.file).take(bytes.end - bytes.start), to).map(drop)
    }
}

/// Appends what is left of a line, or lines, to `FILE.torn` and waits for the disk; gives that file's name.
pub(super) fn set_aside(path: &Path, torn: &[u8]) -> io::Result<String> {
    let beside = beside(path, "torn");
    let mut kept = OpenOptions::new().append(true).create(true).open(&beside)?;
    kept.write_all(torn)?;
    kept.write_all(b"\n")?;
    kept.sync_all()?;
    Ok(shown(&beside.to_string_lossy()))
}

/// Makes a new name in the file's folder last; where folders cannot be synced it lasts by itself.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(unix)]
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    // Windows lets no other process remove or rename a file that is open for writing.
    true
}

/// Whether the file still stands under some name: moved, not removed.
#[cfg(unix)]
fn has_name(meta: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(meta) > 0
}

#[cfg(not(unix))]
fn has_name(_: &Metadata) -> bool {
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

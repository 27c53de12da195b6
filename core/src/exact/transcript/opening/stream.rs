//! Openings read as they come, in bytes or JSON lines, with no more memory than one takes.

use super::{Head, Opening, Reader, TranscriptError, max_bytes};
use crate::exact::params::Params;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most bytes of a head: a beacon of 256 characters, or its JSON.
const MAX_HEAD: usize = 1024;

/// Takes pieces of openings and gives them back one by one.
#[derive(Clone, Debug)]
pub struct OpeningsReader {
    params: Params,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were given back.
    used: usize,
    /// Whether nothing comes after the buffer.
    is_whole: bool,
    is_json: bool,
}

impl OpeningsReader {
    /// Openings of a commitment of such a model.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        Self { params: *params, buffer: Vec::new(), used: 0, is_whole: false, is_json: false }
    }

    /// Takes the next bytes; none at the end.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.is_whole |= bytes.is_empty();
        self.buffer.extend_from_slice(bytes);
    }

    fn left(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    /// A line without its LF; `None` until it is there.
    fn line(&mut self, max: usize) -> Result<Option<String>, TranscriptError> {
        let left = self.left();
        let end = left.iter().take(max + 1).position(|byte| *byte == b'\n');
        let n = match end {
            Some(n) => n,
            None if left.len() > max => {
                return Err(TranscriptError::Size { what: "a line", got: left.len(), max });
            }
            None if self.is_whole && !left.is_empty() => left.len(),
            None => return Ok(None),
        };
        let line = core::str::from_utf8(&left[..n]);
        let line = line.map_err(|error| TranscriptError::Json { reason: format!("no UTF-8: {error}") })?;
        let line = String::from(line);
        self.used += n + usize::from(end.is_some());
        Ok(Some(line))
    }

    /// The head; `None` until it is there.
    ///
    /// # Errors
    /// [`TranscriptError`]; nothing after it can be read.
    pub fn head(&mut self) -> Result<Option<Head>, TranscriptError> {
        self.is_json = self.left().first() == Some(&b'{');
        if self.is_json {
            return self.line(MAX_HEAD)?.map(|line| Head::from_json(&line)).transpose();
        }
        let mut reader = Reader(self.left());
        match Head::read(&mut reader) {
            Err(TranscriptError::Truncated { .. }) if !self.is_whole => Ok(None),
            read => {
                let left = reader.0.len();
                self.used = self.buffer.len() - left;
                read.map(Some)
            }
        }
    }

    /// The next opening, or why it is none; `None` until it is there, and at the end.
    pub fn opening(&mut self) -> Option<Result<Opening, TranscriptError>> {
        let max = max_bytes(&self.params);
        if self.is_json {
            // Hex takes twice and base64 4/3 of the bytes, names and marks some more.
            let line = self.line(3 * max + MAX_HEAD).transpose()?;
            return Some(line.and_then(|line| Opening::from_json(&self.params, &line)));
        }
        let (size, rest) = self.left().split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        if size > max {
            return Some(Err(TranscriptError::Size { what: "an opening", got: size, max }));
        }
        let body = rest.get(..size)?;
        let opening = Opening::from_bytes(&self.params, body);
        self.used += 4 + size;
        Some(opening)
    }

    /// Bytes that are left at the end.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.left().len()
    }
}

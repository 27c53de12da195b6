//! A verifier's way through a commitment and its openings (SPEC §II.12.8): what was meant against what came, openings
//! piece by piece, layers grouped. Whoever repeats layers is outside.

use super::{Commitment, Head, Judge, OpeningsReader, Report, Task, TranscriptError};
use crate::exact::Params;
use crate::identity::Beacon;
use crate::text::shown;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a verifier says of a commitment beside the documents; nothing of it is taken from them.
#[derive(Clone, Debug, Default)]
pub struct Meant {
    /// The model.
    pub params: Option<Params>,
    /// The block.
    pub block_hash: Option<String>,
    /// The host.
    pub public_key: Option<String>,
    /// What drew the steps.
    pub beacon: Option<Beacon>,
    /// How many it was to draw.
    pub samples: Option<u32>,
}

/// A commitment whose openings come in pieces, with no more memory than one piece, one opening and the layers that are
/// repeated together take.
#[derive(Clone, Debug)]
pub struct Verification {
    commitment: Commitment,
    meant: Meant,
    reader: OpeningsReader,
    /// From the head of the openings on.
    judge: Option<Judge>,
    /// Of one layer, not yet given out.
    together: Vec<Task>,
    /// Whether nothing more comes.
    is_whole: bool,
}

fn check(
    code: &'static str,
    what: &'static str,
    got: &str,
    meant: Option<&str>,
) -> Result<(), TranscriptError> {
    match meant.filter(|meant| *meant != got) {
        None => Ok(()),
        Some(meant) => {
            let (got, expected) = (shown(got), shown(meant));
            Err(TranscriptError::NotMeant { code, what, got, expected })
        }
    }
}

/// A model's name, or its sizes.
fn model_words(params: &Params) -> String {
    params.preset().map_or_else(|| params.to_string(), |preset| preset.name().to_string())
}

impl Verification {
    /// Holds a commitment to what was meant.
    ///
    /// # Errors
    /// [`TranscriptError::NotMeant`].
    pub fn new(commitment: Commitment, meant: Meant) -> Result<Self, TranscriptError> {
        let (puzzle, key) = (commitment.puzzle(), commitment.key());
        check("wrong-block", "block hash", puzzle.block().as_str(), meant.block_hash.as_deref())?;
        check("wrong-key", "public key", key.as_str(), meant.public_key.as_deref())?;
        if let Some(params) = meant.params.filter(|params| params != puzzle.params()) {
            let (got, expected) = (model_words(puzzle.params()), model_words(&params));
            return Err(TranscriptError::NotMeant { code: "wrong-params", what: "model", got, expected });
        }
        let reader = OpeningsReader::new(puzzle.params());
        Ok(Self { commitment, meant, reader, judge: None, together: Vec::new(), is_whole: false })
    }

    /// The commitment.
    #[must_use]
    pub fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// The judge, once the head of the openings is there.
    #[must_use]
    pub fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// Takes the next bytes of the openings.
    ///
    /// # Errors
    /// What is wrong with their head, or [`TranscriptError::NotMeant`] for openings of something else.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TranscriptError> {
        if bytes.is_empty() { Ok(()) } else { self.take(bytes) }
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn end(&mut self) -> Result<(), TranscriptError> {
        self.is_whole = true;
        self.take(&[])
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), TranscriptError> {
        self.reader.feed(bytes);
        if self.judge.is_some() {
            return Ok(());
        }
        match self.reader.head()? {
            Some(head) => self.open(&head),
            None if self.is_whole => {
                Err(TranscriptError::Json { reason: "the openings end within their head".into() })
            }
            None => Ok(()),
        }
    }

    /// Holds the head to what was meant.
    fn open(&mut self, head: &Head) -> Result<(), TranscriptError> {
        let samples = self.meant.samples.unwrap_or(head.samples);
        let beacon = self.meant.beacon.as_ref().unwrap_or(&head.beacon);
        let judge = Judge::new(&self.commitment, beacon, samples)?;
        let (got, meant) = (head.commitment.to_hex(), judge.head().commitment.to_hex());
        check("wrong-commitment", "commitment", &got, Some(&meant))?;
        check("wrong-beacon", "beacon", head.beacon.as_str(), Some(beacon.as_str()))?;
        let (got, meant) = (head.samples.to_string(), samples.to_string());
        check("wrong-samples", "number of samples", &got, Some(&meant))?;
        self.judge = Some(judge);
        Ok(())
    }

    /// Layers to repeat, all the same one, `most` at most (1 or more); none until more was fed, and at the end.
    pub fn tasks(&mut self, most: usize) -> Vec<Task> {
        let Some(judge) = &mut self.judge else { return Vec::new() };
        while self.together.len() < most && judge.taken() < judge.steps().len() {
            let opening = self.reader.opening();
            if opening.is_none() && !self.is_whole {
                return Vec::new();
            }
            let Some(task) = judge.take(opening) else { continue };
            let is_other = self.together.first().is_some_and(|first| first.layer != task.layer);
            if is_other {
                return core::mem::replace(&mut self.together, alloc::vec![task]);
            }
            self.together.push(task);
        }
        core::mem::take(&mut self.together)
    }

    /// Compares what [`Self::tasks`] gave, repeated, with what was committed to.
    ///
    /// # Shapes
    /// - `next`: `[tasks, tokens, dim]`, after the last layer `[tasks, dim]`.
    /// - `logits`: `[tasks, vocab]` after the last layer, else nothing.
    pub fn settle(&mut self, tasks: &[Task], next: &[i16], logits: &[i32]) {
        let Some(judge) = &mut self.judge else { return };
        let n = tasks.len().max(1);
        let (width, vocab) = (next.len() / n, logits.len() / n);
        for (ix, task) in tasks.iter().enumerate() {
            judge.settle(task, &next[ix * width..][..width], &logits[ix * vocab..][..vocab]);
        }
    }

    /// Whether more bytes can matter: openings are missing, or it is to be seen that nothing follows the last.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        let is_open = self.judge.as_ref().is_none_or(|judge| {
            judge.taken() < judge.steps().len() || judge.faults().is_empty() && self.reader.unread() == 0
        });
        is_open && !self.is_whole
    }

    /// The report. Steps that were not taken count as withheld. `unix_seconds`: now, since 1970.
    ///
    /// # Errors
    /// [`TranscriptError::Length`] when bytes follow openings that are all true, [`TranscriptError::Json`] when there was
    /// no head.
    pub fn report(self, unix_seconds: u64) -> Result<Report, TranscriptError> {
        let no_head = || TranscriptError::Json { reason: "the openings have no head".into() };
        let judge = self.judge.ok_or_else(no_head)?;
        let is_taken = judge.taken() == judge.steps().len();
        match self.reader.unread() {
            got if got > 0 && is_taken && judge.faults().is_empty() => Err(TranscriptError::Length { got }),
            _ => Ok(judge.report([self.meant.params.is_some(), self.meant.beacon.is_some()], unix_seconds)),
        }
    }
}

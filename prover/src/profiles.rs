//! The one table of profiles, and what the command needs of each beside core's rules.
//!
//! Adding a profile means a file here, a line in each table below, and no change to any command.

mod exact;
mod gonka;

pub use exact::Transcriber;

use crate::device::Device;
use crate::error::ProverError;
use crate::options::DeviceArgs;
use crate::signals::Stop;
use serde_json::{Map, Value};
use sphere_pow_core::document::{AnyBatch, Batch};
use sphere_pow_core::exact::Exact;
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::profile::{OnProgress, Profile, ProfileName};
use sphere_pow_core::verify::{AnyReport, AnySubmission, SampleSize, Submission, SubmissionReport};
use sphere_pow_gpu::DeviceInfo;
use sphere_pow_soundness::Attacker;
use sphere_pow_soundness::harness::{OnShare, Outcome, measure};
use std::io::{BufRead, Read};
use std::num::NonZeroUsize;

/// How a device is to be set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// CPU threads; all by default.
    pub threads: Option<NonZeroUsize>,
    /// Nonces at once; chosen from the memory by default.
    pub batch: Option<NonZeroUsize>,
    /// Most bytes of memory, of the device or the CPU's.
    pub memory_bytes: Option<u64>,
    /// Whether the CPU does without its fast kernels: another path to the same results.
    pub is_portable: bool,
    /// Whether weights are made as they are used even where they would fit: for what uses each of them once.
    pub is_lean: bool,
}

/// What outcomes look like in a list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Columns, each with an entry for each nonce.
    pub columns: Map<String, Value>,
    /// The same as text, a line for each nonce.
    pub lines: Vec<String>,
}

/// What the demo mines.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// On which model.
    pub preset: &'static str,
    /// How many nonces.
    pub nonces: u64,
    /// How many of the won ones are verified: the other path may be the slow one.
    pub sample: SampleSize,
    /// What a nonce is and when it wins.
    pub nonce: &'static str,
}

/// A part of a benchmark: its name in JSON, its numbers, and a line of text.
pub type Part = (&'static str, Value, String);

/// What a soundness run found.
#[derive(Clone, Debug)]
pub struct Shortcuts {
    /// The model attacked, in the profile's JSON.
    pub params: Value,
    /// The share of nonces that win.
    pub win_rate: f64,
    /// Each shortcut.
    pub rows: Vec<Outcome>,
}

impl Shortcuts {
    /// Measures all of an attacker's shortcuts over `nonces` each.
    fn measured<A: Attacker>(
        attacker: &A,
        params: Value,
        nonces: usize,
        progress: OnShare<'_>,
    ) -> Result<Self, ProverError> {
        let rows = measure(attacker, &attacker.shortcuts(), nonces, progress);
        let rows = rows.ok_or(ProverError::Interrupted)?;
        Ok(Self { params, win_rate: attacker.win_rate(), rows })
    }
}

/// Documents and what is said of them, as a command passes them on.
#[derive(Clone, Debug)]
pub struct Told {
    /// For a program.
    pub value: Value,
    /// For a person.
    pub text: String,
    /// The command's exit code.
    pub exit_code: u8,
}

/// What a verifier says of a commitment beside the files.
#[derive(Clone, Debug, Default)]
pub struct Meant {
    /// The model, as a name or its sizes.
    pub params: Option<String>,
    /// The block.
    pub block_hash: Option<String>,
    /// The host.
    pub public_key: Option<String>,
    /// What drew the steps.
    pub beacon: Option<String>,
    /// How many steps must be opened at least.
    pub samples: Option<u32>,
}

/// Writes bytes at a place of a file.
pub type Put<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), ProverError>;

/// Commitments to all work of a host: made, opened, checked.
pub trait Transcripts: Sync {
    /// Adds what `roots` (the file that mining wrote) holds beyond `before` to it; gives the commitment, in one line.
    ///
    /// # Errors
    /// [`ProverError::Transcript`] for files that do not go together.
    fn commit(&self, roots: &mut dyn BufRead, before: Option<&[u8]>) -> Result<(String, Told), ProverError>;

    /// Makes the steps that a beacon draws again, and puts them where they belong. `files`: roots and commitment;
    /// `drawn`: beacon and number of steps; `put` writes bytes at a place of the openings.
    ///
    /// # Errors
    /// [`ProverError::Transcript`], and what a device or `put` can do.
    fn open(
        &self,
        files: (&mut dyn BufRead, &[u8]),
        drawn: (&str, u32),
        devices: &DeviceArgs,
        put: Put<'_>,
        stop: &Stop,
    ) -> Result<Told, ProverError>;

    /// Repeats what was opened, and judges.
    ///
    /// # Errors
    /// [`ProverError::Transcript`], and what a device can do.
    fn check(
        &self,
        commitment: &[u8],
        openings: &mut dyn Read,
        meant: &Meant,
        devices: &DeviceArgs,
        stop: &Stop,
    ) -> Result<Told, ProverError>;
}

/// What the first profile that has transcripts does with them.
///
/// # Panics
/// When no profile has any, which is a bug.
#[must_use]
pub fn transcripts() -> &'static dyn Transcripts {
    struct Find;
    impl Visitor for Find {
        type Output = Option<&'static dyn Transcripts>;
        fn visit<P: Machine>(self) -> Self::Output {
            P::transcripts()
        }
    }
    let mut all = ProfileName::ALL.into_iter().filter_map(|name| with_profile(name, Find));
    all.next().expect("a profile with transcripts")
}

/// A profile that runs on this machine's devices.
pub trait Machine: Profile {
    /// The preset of a benchmark that names none.
    const BENCH_PRESET: &'static str;
    /// What the demo does.
    const DEMO: Demo;
    /// What the devices of one block share on the host.
    type Shared: Send + Sync + 'static;

    /// Makes what devices share.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`], [`ProverError::Memory`].
    fn share(puzzle: &Self::Puzzle, stop: &Stop) -> Result<Self::Shared, ProverError>;

    /// Times the making of what devices share, where that is worth knowing.
    ///
    /// # Errors
    /// As [`Self::share`].
    fn bench_shared(puzzle: &Self::Puzzle, stop: &Stop) -> Result<(Self::Shared, Option<Part>), ProverError>;

    /// Opens a GPU, which tests itself on known answers, and loads the model.
    ///
    /// # Errors
    /// [`ProverError::Gpu`], [`ProverError::Interrupted`].
    fn open_gpu(
        info: &DeviceInfo,
        puzzle: &Self::Puzzle,
        shared: &Self::Shared,
        setup: &Setup,
        progress: OnProgress<'_>,
    ) -> Result<Box<dyn Device<Self>>, ProverError>;

    /// Tests the CPU on known answers and loads the model.
    ///
    /// # Errors
    /// [`ProverError::WrongAnswer`], [`ProverError::Cpu`], [`ProverError::Memory`], [`ProverError::Interrupted`].
    fn open_cpu(
        puzzle: &Self::Puzzle,
        shared: &Self::Shared,
        setup: &Setup,
        progress: OnProgress<'_>,
    ) -> Result<Box<dyn Device<Self>>, ProverError>;

    /// Bytes of memory that one nonce at a time takes on the CPU.
    fn cpu_bytes(params: &Self::Params) -> u64;

    /// Bytes of device memory that one nonce at a time takes, and why a device cannot take it.
    fn gpu_fit(info: &DeviceInfo, params: &Self::Params) -> (u64, Option<String>);

    /// Outcomes as a list.
    fn listing(outcomes: &[Self::Outcome]) -> Listing;

    /// A number or text that is the same on every device, or nearly so.
    fn checksum(outcomes: &[Self::Outcome]) -> Value;

    /// A block's model in a sentence or two.
    fn model_words(params: &Self::Params) -> String;

    /// Measures what shortcuts gain, on a small model unless `params` names one.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`].
    fn shortcuts(
        params: Option<Self::Params>,
        nonces: usize,
        progress: OnShare<'_>,
    ) -> Result<Shortcuts, ProverError>;

    /// What commits to all work and checks such commitments, where the profile knows how.
    fn transcripts() -> Option<&'static dyn Transcripts> {
        None
    }

    /// The report in the form for whole documents.
    fn any_report(report: SubmissionReport<Self>) -> AnyReport;
}

/// Something to do with a profile, whichever it is.
pub trait Visitor {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<P: Machine>(self) -> Self::Output;
}

/// Does something with the profile of that name.
pub fn with_profile<V: Visitor>(name: ProfileName, visitor: V) -> V::Output {
    match name {
        ProfileName::Gonka => visitor.visit::<Gonka>(),
        ProfileName::Exact => visitor.visit::<Exact>(),
    }
}

/// Something to do with submissions of any profile.
pub trait SubmissionVisitor {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<P: Machine>(&mut self, submission: &Submission<P>) -> Self::Output;
}

/// Does something with a submission.
pub fn with_submission<V: SubmissionVisitor>(any: &AnySubmission, visitor: &mut V) -> V::Output {
    match any {
        AnySubmission::Gonka(submission) => visitor.visit(submission),
        AnySubmission::Exact(submission) => visitor.visit(submission),
    }
}

/// Something to do with batches of any profile.
pub trait BatchVisitor {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<P: Machine>(&mut self, batch: &Batch<P>) -> Self::Output;
}

/// Does something with a batch.
pub fn with_batch<V: BatchVisitor>(any: &AnyBatch, visitor: &mut V) -> V::Output {
    match any {
        AnyBatch::Gonka(batch) => visitor.visit(batch),
        AnyBatch::Exact(batch) => visitor.visit(batch),
    }
}

//! What can go wrong, by whose fault it is, and the exit code that says so.

use crate::blobs::fetch::FetchError;
use crate::ledger::LedgerError;
use crate::sensors::power::PowerError;
use crate::serve::StoreError;
use serde::Serialize;
use sphere_pow_core::document::ReadError;
use sphere_pow_core::exact::transcript::TranscriptError;
use sphere_pow_core::gonka::rule::RuleError;
use sphere_pow_core::identity::IdentityError;
use sphere_pow_core::verify::GivenError;
use sphere_pow_gpu::GpuError;

/// Everything that ends a command early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProverError {
    /// A hash, key, nonce or share of nonces.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A radius or threshold.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// An option that cannot be.
    #[error("{}", given_words(.0))]
    Given(#[from] GivenError),
    /// An argument that is none of the above.
    #[error("{what} is {}, expected {expected}", sphere_pow_core::text::shown(.got))]
    Argument {
        /// Its name.
        what: &'static str,
        /// Its value.
        got: String,
        /// What would do.
        expected: String,
    },
    /// A file that is no document or no model.
    #[error("{file}: {}", document_words(.source))]
    Document {
        /// The file.
        file: String,
        /// What is wrong, and where.
        source: ReadError,
    },
    /// A file that cannot be read.
    #[error("cannot read {file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Replies of a chain's node that confirm nothing.
    #[error("{file}: {source}")]
    Chain {
        /// The file.
        file: String,
        /// What is wrong.
        source: sphere_pow_chain::ChainError,
    },
    /// A commitment, openings, or roots that are none or do not go together.
    #[error("{what}: {source}{}", option_words(.source.code()))]
    Transcript {
        /// Which of them.
        what: String,
        /// What is wrong.
        source: TranscriptError,
    },
    /// The file that takes the proofs.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the service must not lose.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// A limit of what a device may draw.
    #[error(transparent)]
    Power(#[from] PowerError),
    /// A service that does not say how it is.
    #[error("no status from the service at {address}: {reason}")]
    Service {
        /// Where it should be.
        address: String,
        /// What came instead.
        reason: String,
    },
    /// No device can do what was asked.
    #[error("{reason}")]
    NoDevice {
        /// Which devices there are and why none will do.
        reason: String,
    },
    /// Every device was given up.
    #[error("no device is left: {reason}")]
    NoDeviceLeft {
        /// Which there were, and why each was given up.
        reason: String,
    },
    /// A device that had to be made anew too often.
    #[error("{device} was made anew {resets} times within {minutes} minutes, which is as often as it may be")]
    ResetStorm {
        /// The device.
        device: String,
        /// How often.
        resets: usize,
        /// Within how long.
        minutes: f64,
    },
    /// More memory than there is.
    #[error("{what} needs {needed_mb} MB of memory, {available_mb} MB can be had{advice}")]
    Memory {
        /// What needs it.
        what: String,
        /// How much it is, in 10^6 bytes.
        needed_mb: u64,
        /// How much there is.
        available_mb: u64,
        /// What to do, after a comma or nothing.
        advice: &'static str,
    },
    /// A device gave wrong results for inputs with known answers.
    #[error(
        "{device} fails the known-answer test and is not used: nonce {nonce} is {got}, expected {expected}"
    )]
    WrongAnswer {
        /// The device.
        device: String,
        /// The nonce.
        nonce: u64,
        /// What it computed.
        got: String,
        /// The known answer.
        expected: String,
    },
    /// A device's wins, or the transcripts of these, are false when another path recomputes them.
    #[error(
        "{device} computes wrongly: {false_ones} of its last {of} wins that the CPU recomputed are false, or their \
         transcripts are; {withheld} wins are withheld, {unchecked} that were not recomputed are in the file"
    )]
    WrongWins {
        /// The device.
        device: String,
        /// Wins recomputed, of the latest.
        of: usize,
        /// False ones among them.
        false_ones: usize,
        /// Wins that were not written.
        withheld: u64,
        /// Wins written that nobody recomputed.
        unchecked: u64,
    },
    /// The GPU.
    #[error(transparent)]
    Gpu(GpuError),
    /// The CPU executor.
    #[error("CPU: {0}")]
    Cpu(Box<dyn std::error::Error + Send + Sync>),
    /// A driver or a bug of ours broke off a device's work.
    #[error("{device} broke off: {reason}")]
    Panicked {
        /// The device.
        device: String,
        /// What was said.
        reason: String,
    },
    /// The system gives no thread.
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
    /// The system gives no randomness.
    #[error("no random seed can be had: {0}; name one with --seed")]
    Random(getrandom::Error),
    /// A network in a box that did not come to its end.
    #[error("the network broke off: {reason}")]
    Network {
        /// Why.
        reason: String,
    },
    /// What this command was built without.
    #[error("this command was built without {what}: build it with --features {feature}")]
    NotBuilt {
        /// What is asked for.
        what: &'static str,
        /// The feature of the crate that brings it.
        feature: &'static str,
    },
    /// A text that is not learnt, an opening or a folder that is none of the run.
    #[error("{what}: {reason}")]
    Training {
        /// The file.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A blob that could not be fetched, or is not what it is known by.
    #[error(transparent)]
    Fetch(FetchError),
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
    /// Writing the result failed.
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
}

/// An error as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    /// A stable name (SPEC, "Errors").
    pub code: &'static str,
    /// In words.
    pub message: String,
    /// Where in a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl ProverError {
    /// The process's exit code: 2 for bad input, 3 for machine trouble, 7 for a service whose devices were all given up, 130
    /// when interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Identity(_)
            | Self::Rule(_)
            | Self::Given(_)
            | Self::Argument { .. }
            | Self::Document { .. }
            | Self::Chain { .. }
            | Self::Transcript { .. }
            | Self::NotBuilt { .. }
            | Self::Training { .. }
            | Self::Fetch(FetchError::Address { .. })
            | Self::File { .. } => 2,
            Self::Ledger(error) => error.exit_code(),
            Self::Gpu(GpuError::Ambiguous { .. }) => 2,
            Self::Store(error) => error.exit_code(),
            Self::Power(error) => error.exit_code(),
            Self::NoDeviceLeft { .. } => 7,
            Self::NoDevice { .. }
            | Self::ResetStorm { .. }
            | Self::Service { .. }
            | Self::Listen { .. }
            | Self::Memory { .. }
            | Self::WrongAnswer { .. }
            | Self::WrongWins { .. }
            | Self::Gpu(_)
            | Self::Cpu(_)
            | Self::Panicked { .. }
            | Self::Thread(_)
            | Self::Network { .. }
            | Self::Random(_)
            | Self::Fetch(_)
            | Self::Output(_) => 3,
            Self::Interrupted => 130,
        }
    }

    /// A stable name for the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Identity(error) => error.code(),
            Self::Rule(_) => "range",
            Self::Given(error) => error.code(),
            Self::Argument { .. } => "argument",
            Self::Document { source, .. } => source.kind.code(),
            Self::Chain { source, .. } => source.code(),
            Self::Transcript { source, .. } => source.code(),
            Self::File { .. } => "file",
            Self::Ledger(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Power(error) => error.code(),
            Self::Listen { .. } => "listen",
            Self::NoDevice { .. } => "no-device",
            Self::NoDeviceLeft { .. } => "no-device-left",
            Self::ResetStorm { .. } => "reset-storm",
            Self::Service { .. } => "service",
            Self::Memory { .. } => "memory",
            Self::WrongAnswer { .. } => "wrong-answer",
            Self::WrongWins { .. } => "wrong-wins",
            Self::Gpu(GpuError::Ambiguous { .. }) => "argument",
            Self::Gpu(_) => "gpu",
            Self::Cpu(_) => "cpu",
            Self::Panicked { .. } => "panicked",
            Self::Thread(_) => "thread",
            Self::Random(_) => "random",
            Self::Network { .. } => "network",
            Self::NotBuilt { .. } => "not-built",
            Self::Training { .. } => "training",
            Self::Fetch(_) => "fetch",
            Self::Interrupted => "interrupted",
            Self::Output(_) => "output",
        }
    }

    /// A panic, named by what broke off.
    #[must_use]
    pub fn panicked(what: &str, panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::Panicked { device: what.to_owned(), reason: text.unwrap_or_else(|| "a panic".into()) }
    }

    /// The error for `--json`.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let place = match self {
            Self::Document { source, .. } => Some(source.place.to_string()),
            _ => None,
        };
        ErrorBody { code: self.code(), message: self.to_string(), place }
    }
}

/// What is wrong with a document whose name stands before.
fn document_words(error: &ReadError) -> String {
    if error.place.0.is_empty() { error.kind.to_string() } else { error.to_string() }
}

/// The option that would mend it, in brackets.
fn option_words(code: &str) -> String {
    crate::options::option_for(code).map(|option| format!(" ({option})")).unwrap_or_default()
}

/// An option as the command line spells it.
fn given_words(error: &GivenError) -> String {
    match error {
        GivenError::Unknown { option, profile } => {
            format!("--{} is no option of profile {profile}", option.replace('_', "-"))
        }
        GivenError::Range { option, got, expected } => {
            format!("--{} is {got:?}, expected {expected}", option.replace('_', "-"))
        }
        GivenError::Params { reason } => format!("--params: {reason}"),
        other => other.to_string(),
    }
}

impl From<GpuError> for ProverError {
    fn from(error: GpuError) -> Self {
        match error {
            GpuError::Interrupted => Self::Interrupted,
            other => Self::Gpu(other),
        }
    }
}

impl From<sphere_pow_cpu::gonka::CpuError> for ProverError {
    fn from(error: sphere_pow_cpu::gonka::CpuError) -> Self {
        match error {
            sphere_pow_cpu::gonka::CpuError::Interrupted => Self::Interrupted,
            other => Self::Cpu(other.into()),
        }
    }
}

impl From<sphere_pow_cpu::exact::CpuError> for ProverError {
    fn from(error: sphere_pow_cpu::exact::CpuError) -> Self {
        use sphere_pow_cpu::exact::CpuError;
        let megabytes = |bytes: usize| (bytes as u64).div_ceil(1_000_000);
        match error {
            CpuError::Interrupted => Self::Interrupted,
            CpuError::MemoryLimit { expected, got } => Self::Memory {
                what: "one nonce at a time".into(),
                needed_mb: megabytes(expected),
                available_mb: megabytes(got),
                advice: ", the memory limit",
            },
            other => Self::Cpu(other.into()),
        }
    }
}

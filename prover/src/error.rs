//! What can go wrong, by whose fault it is, and the exit code that says so.

use crate::ledger::LedgerError;
use sphere_pow_core::exact::Digest;
use sphere_pow_core::gonka::ParamsError;
use sphere_pow_core::gonka::proof::ProofError;
use sphere_pow_core::gonka::shapes::ShapeError;
use sphere_pow_core::identity::IdentityError;
use sphere_pow_cpu::gonka::CpuError;
use sphere_pow_gpu::GpuError;
use std::path::PathBuf;

/// Everything that ends a command early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProverError {
    /// A hash, key, nonce or share of nonces.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Model sizes.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A distance, radius or batch.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A document that is no claim.
    #[error("{file}: {source}")]
    Shape {
        /// The document.
        file: PathBuf,
        /// What is wrong with it.
        source: ShapeError,
    },
    /// An argument that is none of the above.
    #[error("{what} is {got:?}, expected {expected}")]
    Argument {
        /// Its name.
        what: &'static str,
        /// Its value.
        got: String,
        /// What would do.
        expected: String,
    },
    /// A claim that leaves out what is needed to check it.
    #[error("{file}: {what} is not in the document, give it with {option}")]
    MissingContext {
        /// The document.
        file: PathBuf,
        /// What is missing.
        what: &'static str,
        /// The option that supplies it.
        option: &'static str,
    },
    /// An option that contradicts the document.
    #[error("{file}: {what} is {got}, but {option} says {expected}")]
    Contradiction {
        /// The document.
        file: PathBuf,
        /// The field.
        what: &'static str,
        /// Its value in the document.
        got: String,
        /// The option.
        option: &'static str,
        /// Its value.
        expected: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file that takes the proofs.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No device can do what was asked.
    #[error("{reason}")]
    NoDevice {
        /// Which devices there are and why none will do.
        reason: String,
    },
    /// A device gave wrong results for inputs with known answers.
    #[error(
        "{device} fails the known-answer test and is not used: nonce {nonce} has distance {got}, expected {expected}"
    )]
    KnownAnswer {
        /// The device.
        device: String,
        /// The nonce.
        nonce: u64,
        /// What it computed.
        got: f64,
        /// The known answer.
        expected: f64,
    },
    /// A device gave wrong bits for an exact model.
    #[error(
        "{device} fails the known-answer test and is not used: nonce {nonce} has digest {got}, expected {expected}"
    )]
    WrongDigest {
        /// The device.
        device: String,
        /// The nonce.
        nonce: u64,
        /// What it computed.
        got: Digest,
        /// The readable twin's.
        expected: Digest,
    },
    /// A document that is no proof of the `exact` profile.
    #[error("{file}{place}: {source}")]
    ExactProof {
        /// The document.
        file: PathBuf,
        /// The line of a ledger, or nothing.
        place: String,
        /// What is wrong with it.
        source: sphere_pow_core::exact::DecodeError,
    },
    /// Model sizes of the `exact` profile.
    #[error(transparent)]
    ExactParams(#[from] sphere_pow_core::exact::ParamsError),
    /// The CPU executor of the `exact` profile.
    #[error(transparent)]
    ExactCpu(sphere_pow_cpu::exact::CpuError),
    /// The GPU.
    #[error(transparent)]
    Gpu(GpuError),
    /// The CPU executor.
    #[error(transparent)]
    Cpu(CpuError),
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
    /// Writing the result failed.
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
}

impl ProverError {
    /// The process's exit code: 2 for bad input, 3 for machine trouble, 130 when interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoDevice { .. }
            | Self::KnownAnswer { .. }
            | Self::WrongDigest { .. }
            | Self::ExactCpu(_)
            | Self::Gpu(_)
            | Self::Cpu(_)
            | Self::Output(_)
            | Self::Ledger(LedgerError::Append { .. }) => 3,
            Self::Interrupted => 130,
            _ => 2,
        }
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

impl From<sphere_pow_cpu::exact::CpuError> for ProverError {
    fn from(error: sphere_pow_cpu::exact::CpuError) -> Self {
        match error {
            sphere_pow_cpu::exact::CpuError::Interrupted => Self::Interrupted,
            other => Self::ExactCpu(other),
        }
    }
}

impl From<CpuError> for ProverError {
    fn from(error: CpuError) -> Self {
        match error {
            CpuError::Interrupted => Self::Interrupted,
            other => Self::Cpu(other),
        }
    }
}

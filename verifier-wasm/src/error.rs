//! The package's stable error codes, and which failure of core has which.

use sphere_pow_core::exact::{self, DecodeError};
use sphere_pow_core::gonka::ParamsError;
use sphere_pow_core::gonka::proof::ProofError;
use sphere_pow_core::gonka::shapes::ShapeError;
use sphere_pow_core::identity::IdentityError;
use sphere_pow_cpu::exact as exact_cpu;
use sphere_pow_cpu::gonka::CpuError;
use wasm_bindgen::JsValue;

/// A code and what a person reads.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    message: String,
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they just made")]
    fn new(code: &'static str, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }

    /// `E_FORMAT`: not the shape of data expected.
    #[must_use]
    pub fn format(message: impl ToString) -> Self {
        Self::new("E_FORMAT", message)
    }

    /// `E_RANGE`: the right shape with a value that cannot be.
    #[must_use]
    pub fn range(message: impl ToString) -> Self {
        Self::new("E_RANGE", message)
    }

    /// `E_BLOCK_HASH`: no block hash, or another one.
    #[must_use]
    pub fn block_hash(message: impl ToString) -> Self {
        Self::new("E_BLOCK_HASH", message)
    }

    /// `E_PROFILE_UNKNOWN`: no profile of that name.
    #[must_use]
    pub fn profile(message: impl ToString) -> Self {
        Self::new("E_PROFILE_UNKNOWN", message)
    }

    /// `E_PROFILE_UNKNOWN`: no preset of the name `got`.
    #[must_use]
    pub fn preset(got: &str, expected: &str) -> Self {
        let got: String = got.chars().take(40).collect();
        Self::profile(format!("no parameters named {got:?}, expected {expected}"))
    }

    /// `E_MEMORY`: more memory than there is.
    #[must_use]
    pub fn memory(message: impl ToString) -> Self {
        Self::new("E_MEMORY", message)
    }

    /// `E_ABORTED`: the progress function said stop.
    #[must_use]
    pub fn aborted() -> Self {
        Self::new("E_ABORTED", "stopped")
    }

    /// `E_INTERNAL`: our mistake.
    #[must_use]
    pub fn internal(message: impl ToString) -> Self {
        Self::new("E_INTERNAL", message)
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        Self::from_str(&format!("{} {}", failure.code, failure.message))
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Self::range(error)
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Length { .. } | ProofError::Empty | ProofError::Duplicate { .. } => {
                Self::format(error)
            }
            _ => Self::range(error),
        }
    }
}

impl From<ParamsError> for Failure {
    fn from(error: ParamsError) -> Self {
        match error {
            ParamsError::Json { .. } => Self::format(error),
            _ => Self::range(error),
        }
    }
}

impl From<ShapeError> for Failure {
    fn from(error: ShapeError) -> Self {
        match &error {
            ShapeError::V2Data => Self::new("E_V2_DATA", error),
            ShapeError::Identity { path, .. } if path.ends_with("block_hash") => Self::block_hash(error),
            ShapeError::Identity { .. } => Self::range(error),
            ShapeError::Proof { source: ProofError::Length { .. } | ProofError::Empty, .. } => {
                Self::format(error)
            }
            ShapeError::Proof { .. } => Self::range(error),
            ShapeError::Params { source: ParamsError::Json { .. }, .. } => Self::format(error),
            ShapeError::Params { .. } => Self::range(error),
            _ => Self::format(error),
        }
    }
}

impl From<CpuError> for Failure {
    fn from(error: CpuError) -> Self {
        match error {
            CpuError::Interrupted => Self::aborted(),
            other => Self::internal(other),
        }
    }
}

impl From<exact::ParamsError> for Failure {
    fn from(error: exact::ParamsError) -> Self {
        Self::range(error)
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        match &error {
            DecodeError::Version { .. } | DecodeError::Profile { .. } => Self::profile(error),
            DecodeError::Params(_)
            | DecodeError::Identity(_)
            | DecodeError::Count { .. }
            | DecodeError::Nonce { .. }
            | DecodeError::Digest { .. } => Self::range(error),
            _ => Self::format(error),
        }
    }
}

impl From<exact_cpu::CpuError> for Failure {
    fn from(error: exact_cpu::CpuError) -> Self {
        match error {
            exact_cpu::CpuError::Interrupted => Self::aborted(),
            other => Self::internal(other),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

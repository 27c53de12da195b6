//! The package's stable error codes, and which failure of core has which.

use sphere_pow_core::document::ReadError;
use sphere_pow_core::exact;
use sphere_pow_core::exact::transcript::TranscriptError;
use sphere_pow_core::gonka::ParamsError;
use sphere_pow_core::gonka::rule::RuleError;
use sphere_pow_core::identity::IdentityError;
use sphere_pow_core::verify::GivenError;
use sphere_pow_cpu::exact as exact_cpu;
use sphere_pow_cpu::gonka::CpuError;
use wasm_bindgen::JsValue;

/// A code, what a person reads, and, where core has a name for it, which rule and place it is of.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    reason: &'static str,
    place: String,
    message: String,
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they just made")]
    fn new(code: &'static str, message: impl ToString) -> Self {
        Self { code, reason: "", place: String::new(), message: message.to_string() }
    }

    /// The failure that core names `reason` (SPEC, "Errors").
    fn of(reason: &'static str, message: impl ToString) -> Self {
        Self { reason, ..Self::new(kind(reason), message) }
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

    /// A commitment or openings that are none, or not those meant; `document` says which of them.
    #[must_use]
    pub fn transcript(document: &str, error: TranscriptError) -> Self {
        let (reason, message) = (error.code(), format!("{document}: {error}"));
        let of_block = match error {
            TranscriptError::Identity(error) => Self::from(error).code == "E_BLOCK_HASH",
            _ => false,
        };
        let code = if of_block { "E_BLOCK_HASH" } else { kind(reason) };
        Self { code, place: document.into(), ..Self::of(reason, message) }
    }

    /// `E_BLOCK_HASH`: no block hash, or another one.
    #[must_use]
    pub fn block_hash(error: IdentityError) -> Self {
        Self { code: "E_BLOCK_HASH", ..Self::from(error) }
    }

    /// `E_PROFILE_UNKNOWN`: no profile or preset of that name.
    #[must_use]
    pub fn profile(message: impl ToString) -> Self {
        Self::new("E_PROFILE_UNKNOWN", message)
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

/// The package's code for what core names `reason`.
#[must_use]
pub fn kind(reason: &str) -> &'static str {
    match reason {
        "v2" => "E_V2_DATA",
        "profile" | "version" => "E_PROFILE_UNKNOWN",
        "wrong-block" | "missing-block" => "E_BLOCK_HASH",
        "identity" | "address" | "nonce" | "share" | "distance" | "radius" | "range" | "params"
        | "wrong-params" | "too-many" | "count" | "run" | "overlap" | "wrong-commitment" | "wrong-beacon"
        | "wrong-samples" => "E_RANGE",
        "trust" | "conflict" | "missing-reply" | "untrusted" | "forged" | "expired" | "unconfirmed" => {
            "E_CHAIN"
        }
        _ => "E_FORMAT",
    }
}

/// Lines: code, reason, place, message; only the last may have more.
impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let Failure { code, reason, place, message } = failure;
        let place = place.replace('\n', " ");
        Self::from_str(&format!("{code}\n{reason}\n{place}\n{message}"))
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let place = error.place.to_string();
        let failure = Self::of(error.kind.code(), format!("{place}: {}", error.kind));
        let is_block = failure.reason == "identity" && place.ends_with("block_hash");
        Self { code: if is_block { "E_BLOCK_HASH" } else { failure.code }, place, ..failure }
    }
}

impl From<GivenError> for Failure {
    fn from(error: GivenError) -> Self {
        match error {
            GivenError::Identity(error) => Self::from(error),
            GivenError::Json { reason } => Self::format(reason),
            error => Self::of(error.code(), error),
        }
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        let is_block = matches!(
            &error,
            IdentityError::Empty { what }
                | IdentityError::TooLong { what, .. }
                | IdentityError::Character { what, .. } if *what == "block hash"
        );
        let failure = Self::of(error.code(), error);
        Self { code: if is_block { "E_BLOCK_HASH" } else { failure.code }, ..failure }
    }
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        Self::of("range", error)
    }
}

impl From<ParamsError> for Failure {
    fn from(error: ParamsError) -> Self {
        match error {
            ParamsError::Json { .. } => Self { code: "E_FORMAT", ..Self::of("params", error) },
            _ => Self::of("params", error),
        }
    }
}

impl From<exact::ParamsError> for Failure {
    fn from(error: exact::ParamsError) -> Self {
        match error {
            exact::ParamsError::Json { reason } => Self { reason: "params", ..Self::format(reason) },
            error => Self::of("params", error),
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

impl From<exact_cpu::CpuError> for Failure {
    fn from(error: exact_cpu::CpuError) -> Self {
        match error {
            exact_cpu::CpuError::Interrupted => Self::aborted(),
            other => Self::internal(other),
        }
    }
}

#[cfg(feature = "chain")]
impl From<sphere_pow_chain::ChainError> for Failure {
    fn from(error: sphere_pow_chain::ChainError) -> Self {
        Self::of(error.code(), error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

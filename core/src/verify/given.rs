//! What a verifier says.

use crate::identity::{BlockHash, IdentityError, PublicKey};
use crate::profile::{Model, Profile};
use alloc::string::String;
use serde::Deserialize;
use serde_json::Value;

/// What whoever verifies says of a document, in one form for the command, the package and the page. Everything may be
/// left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Given {
    /// The one model that counts: a preset's name, or sizes.
    pub params: Option<Value>,
    /// The block that is meant.
    pub block_hash: Option<String>,
    /// The host that is meant.
    pub public_key: Option<String>,
    /// The account that is meant: of a document with several, the others are left out.
    pub participant: Option<String>,
    /// gonka: the radius to win.
    pub r_target: Option<f64>,
    /// gonka: a submission less probable than this is fraud.
    pub fraud_threshold: Option<f64>,
    /// gonka: the height of the block, by which the network's radius is known.
    pub block_height: Option<i64>,
}

/// An option that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// The profile knows no such option.
    #[error("{option} is no option of profile {profile}")]
    Unknown {
        /// The option, as [`Given`] names it.
        option: &'static str,
        /// The profile's name.
        profile: &'static str,
    },
    /// The model is none.
    #[error("params: {reason}")]
    Params {
        /// What is wrong, with what was expected.
        reason: String,
    },
    /// A hash or key is none.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A number is outside its range.
    #[error("{option} is {got:?}, expected {expected}")]
    Range {
        /// The option.
        option: &'static str,
        /// Its value.
        got: f64,
        /// What would do.
        expected: &'static str,
    },
}

impl GivenError {
    /// A stable name for the error, the same on every surface.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "option",
            Self::Params { .. } => "params",
            Self::Identity(error) => error.code(),
            Self::Range { .. } => "range",
        }
    }
}

impl Given {
    /// Refuses by name what `P` has no use for.
    fn check_options<P: Profile>(&self) -> Result<(), GivenError> {
        let own = [
            ("r_target", self.r_target.is_some()),
            ("fraud_threshold", self.fraud_threshold.is_some()),
            ("block_height", self.block_height.is_some()),
        ];
        match own.into_iter().find(|(name, is_set)| *is_set && !P::OPTIONS.contains(name)) {
            Some((option, _)) => Err(GivenError::Unknown { option, profile: P::NAME.as_str() }),
            None => Ok(()),
        }
    }
}

/// A model from a preset's name or from sizes.
///
/// # Errors
/// [`GivenError::Params`].
pub(crate) fn model<M: Model>(value: &Value) -> Result<M, GivenError> {
    let Value::String(name) = value else {
        return M::from_value(value).map_err(|reason| GivenError::Params { reason });
    };
    M::from_name(name).ok_or_else(|| {
        let got: String = name.chars().take(40).collect();
        let reason = alloc::format!("{got:?} is no preset, expected {} or sizes", M::PRESETS.join(", "));
        GivenError::Params { reason }
    })
}

/// What a verifier expects of proofs of profile `P`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectations<P: Profile> {
    /// The one model that counts; without it, each preset does.
    pub params: Option<P::Params>,
    /// The block.
    pub block_hash: Option<BlockHash>,
    /// The host.
    pub public_key: Option<PublicKey>,
    /// What prices a win beside the model.
    pub terms: P::Terms,
}

impl<P: Profile> Expectations<P> {
    /// Reads what was given.
    ///
    /// # Errors
    /// [`GivenError`], naming the option.
    pub fn new(given: &Given) -> Result<Self, GivenError> {
        given.check_options::<P>()?;
        let public_key = given.public_key.as_deref().map(PublicKey::new).transpose()?;
        public_key.as_ref().map(P::check_key).transpose()?;
        Ok(Self {
            params: given.params.as_ref().map(model).transpose()?,
            block_hash: given.block_hash.as_deref().map(BlockHash::new).transpose()?,
            public_key,
            terms: P::terms(given)?,
        })
    }
}

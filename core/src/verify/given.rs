//! What a verifier says.

use crate::identity::{BlockHash, IdentityError, PublicKey};
use crate::json::{self, Fields};
use crate::profile::{Model, Profile};
use alloc::format;
use alloc::string::{String, ToString};

/// What whoever verifies says of a document, in one form for the command, the package and the page. Everything may be
/// left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// The one model that counts, as JSON: a preset's name, or sizes.
    pub params: Option<String>,
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
    /// The JSON is no object of options.
    #[error("{reason}")]
    Json {
        /// What is wrong, with the option.
        reason: String,
    },
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
            Self::Json { .. } => "value",
            Self::Unknown { .. } => "option",
            Self::Params { .. } => "params",
            Self::Identity(error) => error.code(),
            Self::Range { .. } => "range",
        }
    }
}

/// The options as JSON has them.
const NAMES: [&str; 7] =
    ["params", "blockHash", "publicKey", "participant", "rTarget", "fraudThreshold", "blockHeight"];

impl Given {
    /// Reads options from JSON: the fields of this type in camelCase. Null counts as absent.
    ///
    /// # Errors
    /// [`GivenError::Json`] for another member, one that stands twice, and a value of another type.
    pub fn from_json(text: &str) -> Result<Self, GivenError> {
        let wrong = |reason| GivenError::Json { reason };
        let raw = json::only(text).map_err(|error| wrong(error.to_string()))?;
        let fields = Fields::read(raw, &NAMES).map_err(|error| wrong(error.to_string()))?;
        if let Some(name) = fields.unknown {
            return Err(wrong(format!("{name} is no option, expected one of {}", NAMES.join(", "))));
        }
        if let Some(name) = fields.repeated {
            return Err(wrong(format!("{name} stands twice")));
        }
        let other = |name, raw, expected: &str| {
            wrong(format!("{name} is {}, expected {expected}", json::described(raw)))
        };
        let text = |name| {
            let of = |raw| json::text(raw).ok_or_else(|| other(name, raw, "text")).map(Into::into);
            fields.get(name).map(of).transpose()
        };
        let number = |name| {
            let of = |raw| json::number(raw).ok_or_else(|| other(name, raw, "a number"));
            fields.get(name).map(of).transpose()
        };
        let height = fields.get("blockHeight").map(|raw| match json::number(raw).and(json::integer(raw)) {
            Some(height) => Ok(height),
            None => Err(other("blockHeight", raw, "a whole number")),
        });
        Ok(Self {
            params: fields.get("params").map(ToString::to_string),
            block_hash: text("blockHash")?,
            public_key: text("publicKey")?,
            participant: text("participant")?,
            r_target: number("rTarget")?,
            fraud_threshold: number("fraudThreshold")?,
            block_height: height.transpose()?,
        })
    }

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

/// A model from JSON of a preset's name or of sizes.
///
/// # Errors
/// [`GivenError::Params`].
pub(crate) fn model<M: Model>(text: &str) -> Result<M, GivenError> {
    let wrong = |reason| GivenError::Params { reason };
    let raw = json::only(text).map_err(|error| wrong(error.to_string()))?;
    let Some(name) = json::text(raw) else { return M::from_json(raw).map_err(wrong) };
    M::from_name(&name).ok_or_else(|| {
        let got: String = name.chars().take(40).collect();
        wrong(format!("{got:?} is no preset, expected {} or sizes", M::PRESETS.join(", ")))
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
            params: given.params.as_deref().map(model).transpose()?,
            block_hash: given.block_hash.as_deref().map(BlockHash::new).transpose()?,
            public_key,
            terms: P::terms(given)?,
        })
    }
}

//! Model sizes (SPEC §I.3, §I.6): [`Params`] cannot hold a size that the forward pass could not run.

use crate::json::{self, Fields};
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Display, Formatter};
use serde::{Serialize, Serializer};

mod preset;

pub use preset::Preset;

/// Sizes as given, not yet checked: the network's field names (SPEC §I.6).
///
/// Integers are wide and signed so that a negative or huge value is refused by name instead of by wrapping.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RawParams {
    /// Width of the residual stream.
    pub dim: i64,
    /// Transformer layers.
    pub n_layers: i64,
    /// Query heads.
    pub n_heads: i64,
    /// Key and value heads.
    pub n_kv_heads: i64,
    /// Logits.
    pub vocab_size: i64,
    /// Scales the hidden width; `None` leaves it at 8/3 of `dim`.
    pub ffn_dim_multiplier: Option<f64>,
    /// The hidden width is rounded up to a multiple of this.
    pub multiple_of: i64,
    /// Added to the mean square in every norm.
    pub norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Whether the rotary frequencies are scaled as Llama 3.1 does.
    pub use_scaled_rope: bool,
    /// Positions of one nonce's input.
    pub seq_len: i64,
}

/// Checked model sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    raw: RawParams,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    n_kv_heads: usize,
    vocab: usize,
    hidden: usize,
    seq_len: usize,
}

/// Sizes that no model can have, or that pass the limits set here.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// An integer field is outside its range.
    #[error("{field} is {got}, expected an integer from {min} to {max}")]
    Range {
        /// Field name.
        field: &'static str,
        /// Its value.
        got: i64,
        /// Smallest value accepted.
        min: i64,
        /// Largest value accepted.
        max: i64,
    },
    /// A float field is NaN, infinite or outside its range.
    #[error("{field} is {got:?}, expected {expected}")]
    Float {
        /// Field name.
        field: &'static str,
        /// Its value.
        got: f64,
        /// What would do.
        expected: &'static str,
    },
    /// One field must divide another and does not.
    #[error("{field} is {got}, expected {expected} {of}")]
    Divide {
        /// Field name.
        field: &'static str,
        /// Its value.
        got: i64,
        /// The relation wanted.
        expected: &'static str,
        /// The other side of it.
        of: i64,
    },
    /// The model as a whole is too large.
    #[error("{what} would be {got}, expected at most {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        got: u64,
        /// The limit.
        max: u64,
    },
    /// The JSON is no parameter object.
    #[error("parameters: {reason}")]
    Json {
        /// What is wrong, with the place.
        reason: String,
    },
}

/// What the network's nodes take for a field that is left out, as JSON.
pub(super) const DEFAULTS: [(&str, &str); 11] = [
    ("dim", "2048"),
    ("n_layers", "16"),
    ("n_heads", "16"),
    ("n_kv_heads", "16"),
    ("vocab_size", "8192"),
    ("ffn_dim_multiplier", "1.3"),
    ("multiple_of", "1024"),
    ("norm_eps", "1e-5"),
    ("rope_theta", "500000.0"),
    ("use_scaled_rope", "false"),
    ("seq_len", "16"),
];

/// Most parameters a model may have: 16 times the network's mainnet.
pub const MAX_PARAMETERS: u64 = 1 << 38;
/// Most values one activation `[seq_len, hidden]` may have.
pub const MAX_ACTIVATION: u64 = 1 << 30;

impl Params {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ParamsError`] naming the first field that is wrong, its value and what was expected.
    pub fn new(raw: &RawParams) -> Result<Self, ParamsError> {
        let range = |field, got: i64, min, max: i64| {
            if (min..=max).contains(&got) {
                Ok(usize::try_from(got).unwrap_or(usize::MAX))
            } else {
                Err(ParamsError::Range { field, got, min, max })
            }
        };
        let dim = range("dim", raw.dim, 2, 1 << 16)?;
        let n_layers = range("n_layers", raw.n_layers, 1, 1024)?;
        let n_heads = range("n_heads", raw.n_heads, 1, raw.dim / 2)?;
        let n_kv_heads = range("n_kv_heads", raw.n_kv_heads, 1, raw.n_heads)?;
        let vocab = range("vocab_size", raw.vocab_size, 2, 1 << 20)?;
        range("multiple_of", raw.multiple_of, 1, 1 << 20)?;
        let seq_len = range("seq_len", raw.seq_len, 1, 8192)?;
        if !dim.is_multiple_of(2 * n_heads) {
            let (got, of) = (raw.n_heads, raw.dim);
            let expected = "a number of heads whose even head size divides dim,";
            return Err(ParamsError::Divide { field: "n_heads", got, expected, of });
        }
        if !n_heads.is_multiple_of(n_kv_heads) {
            let (got, of) = (raw.n_kv_heads, raw.n_heads);
            return Err(ParamsError::Divide {
                field: "n_kv_heads",
                got,
                expected: "a divisor of n_heads,",
                of,
            });
        }
        let float = |field, got: f64, min: f64, max: f64, expected| {
            if got >= min && got <= max { Ok(()) } else { Err(ParamsError::Float { field, got, expected }) }
        };
        if let Some(multiplier) = raw.ffn_dim_multiplier {
            float("ffn_dim_multiplier", multiplier, 1e-3, 1e4, "null or a number from 0.001 to 10000")?;
        }
        float("norm_eps", raw.norm_eps, 1e-12, 1.0, "a number from 1e-12 to 1")?;
        float("rope_theta", raw.rope_theta, 1.0, 1e12, "a number from 1 to 1e12")?;
        let hidden = hidden_width(raw)?;
        let params = Self { raw: raw.clone(), dim, n_layers, n_heads, n_kv_heads, vocab, hidden, seq_len };
        let limit = |what, got: u64, max| {
            if got <= max { Ok(()) } else { Err(ParamsError::TooLarge { what, got, max }) }
        };
        limit("the number of parameters", params.n_parameters(), MAX_PARAMETERS)?;
        limit("seq_len times hidden width", seq_len as u64 * hidden as u64, MAX_ACTIVATION)?;
        Ok(params)
    }

    /// Reads a JSON object with the network's field names; all but `ffn_dim_multiplier` are required,
    /// unknown ones are ignored (SPEC §I.6).
    ///
    /// # Errors
    /// [`ParamsError::Json`] when it is no such object, else as [`Self::new`].
    pub fn from_json(text: &str) -> Result<Self, ParamsError> {
        let wrong = |reason| ParamsError::Json { reason };
        let raw = json::only(text).map_err(|error| wrong(error.to_string()))?;
        if !raw.starts_with('{') {
            return Err(wrong("expected a JSON object".into()));
        }
        let names = DEFAULTS.map(|(name, _)| name);
        let fields = Fields::read(raw, &names).map_err(|reason| wrong(reason.into()))?;
        let field = |name| Field::of(&fields, name);
        let multiplier = fields.get("ffn_dim_multiplier");
        let multiplier =
            multiplier.map(|raw| Field { name: "ffn_dim_multiplier", raw }.float()).transpose()?;
        Self::new(&RawParams {
            dim: field("dim")?.integer()?,
            n_layers: field("n_layers")?.integer()?,
            n_heads: field("n_heads")?.integer()?,
            n_kv_heads: field("n_kv_heads")?.integer()?,
            vocab_size: field("vocab_size")?.integer()?,
            ffn_dim_multiplier: multiplier,
            multiple_of: field("multiple_of")?.integer()?,
            norm_eps: field("norm_eps")?.float()?,
            rope_theta: field("rope_theta")?.float()?,
            use_scaled_rope: field("use_scaled_rope")?.boolean()?,
            seq_len: field("seq_len")?.integer()?,
        })
    }

    /// The fields as the network writes them.
    #[must_use]
    pub fn raw(&self) -> &RawParams {
        &self.raw
    }

    /// Width of the residual stream.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Transformer layers.
    #[must_use]
    pub fn n_layers(&self) -> usize {
        self.n_layers
    }

    /// Query heads.
    #[must_use]
    pub fn n_heads(&self) -> usize {
        self.n_heads
    }

    /// Key and value heads; each serves `n_heads / n_kv_heads` query heads.
    #[must_use]
    pub fn n_kv_heads(&self) -> usize {
        self.n_kv_heads
    }

    /// Width of a head, even.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.dim / self.n_heads
    }

    /// Width of keys and of values.
    #[must_use]
    pub fn kv_dim(&self) -> usize {
        self.n_kv_heads * self.head_dim()
    }

    /// Logits.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Logits, as the statistics take it.
    #[must_use]
    pub fn vocab_u32(&self) -> u32 {
        u32::try_from(self.vocab).expect("vocab_size is at most 2^20")
    }

    /// Width of the feed-forward layer (SPEC §I.3).
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Positions of one nonce's input.
    #[must_use]
    pub fn seq_len(&self) -> usize {
        self.seq_len
    }

    /// Added to the mean square in every norm.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the reference computes in f32")]
    pub fn norm_eps(&self) -> f32 {
        self.raw.norm_eps as f32
    }

    /// Parameters of the model, `tok_embeddings` counted.
    #[must_use]
    pub fn n_parameters(&self) -> u64 {
        let (d, f, v) = (self.dim as u64, self.hidden as u64, self.vocab as u64);
        let layer = 2 * d * d + 2 * d * self.kv_dim() as u64 + 3 * d * f + 2 * d;
        2 * v * d + self.n_layers as u64 * layer + d
    }

    /// Floating-point operations of one nonce in linear layers, multiply and add counted as 2, work that
    /// cannot reach the last position's logits left out.
    #[must_use]
    pub fn flops_per_nonce(&self) -> u64 {
        let (d, f, v, s) = (self.dim as u64, self.hidden as u64, self.vocab as u64, self.seq_len as u64);
        let kv = 2 * d * self.kv_dim() as u64;
        let rest = 2 * d * d + 3 * d * f;
        let layers = self.n_layers as u64;
        2 * (layers * s * kv + ((layers - 1) * s + 1) * rest + v * d)
    }

    /// Values in the weight pool (SPEC §I.3): `max(50000, trunc(0.05 * parameters))`.
    #[must_use]
    pub fn pool_len(&self) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the reference truncates the same f64 product; counts are below 2^53"
        )]
        let share = (0.05 * self.n_parameters() as f64) as u64;
        usize::try_from(share.max(50_000)).unwrap_or(usize::MAX)
    }
}

/// hidden = `8 dim / 3`, scaled and rounded up, each step truncated (SPEC §I.3).
fn hidden_width(raw: &RawParams) -> Result<usize, ParamsError> {
    let base = 2 * (4 * raw.dim) / 3;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "both ranges are checked"
    )]
    let scaled = raw.ffn_dim_multiplier.map_or(base, |m| (m * base as f64) as i64);
    let hidden = (scaled + raw.multiple_of - 1) / raw.multiple_of * raw.multiple_of;
    let max = 1 << 22;
    if !(1..=max).contains(&hidden) {
        return Err(ParamsError::Range { field: "hidden width", got: hidden, min: 1, max });
    }
    Ok(usize::try_from(hidden).unwrap_or(usize::MAX))
}

/// As the network's documents have the sizes.
impl Serialize for Params {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(to)
    }
}

/// As the network's documents have the sizes.
impl Display for Params {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RawParams { dim, n_layers, n_heads, n_kv_heads, vocab_size, multiple_of, .. } = self.raw;
        let RawParams { ffn_dim_multiplier, norm_eps, rope_theta, use_scaled_rope, seq_len, .. } = self.raw;
        write!(
            f,
            "{{\"dim\":{dim},\"n_layers\":{n_layers},\"n_heads\":{n_heads},\"n_kv_heads\":{n_kv_heads},"
        )?;
        write!(f, "\"vocab_size\":{vocab_size},\"ffn_dim_multiplier\":")?;
        match ffn_dim_multiplier {
            Some(multiplier) => write!(f, "{multiplier:?}")?,
            None => f.write_str("null")?,
        }
        write!(f, ",\"multiple_of\":{multiple_of},\"norm_eps\":{norm_eps:?},\"rope_theta\":{rope_theta:?},")?;
        write!(f, "\"use_scaled_rope\":{use_scaled_rope},\"seq_len\":{seq_len}}}")
    }
}

/// One field of a JSON object, written as the network's clients and the chain do: 16, 16.0, "16", {value, exponent}.
struct Field<'a> {
    name: &'static str,
    raw: &'a str,
}

impl<'a> Field<'a> {
    fn of(fields: &Fields<'a>, name: &'static str) -> Result<Self, ParamsError> {
        let raw = fields.strict(name);
        let raw = raw.ok_or_else(|| ParamsError::Json { reason: format!("{name} is missing") })?;
        Ok(Self { name, raw })
    }

    fn wrong(&self, expected: &'static str) -> ParamsError {
        let got = json::described(self.raw);
        ParamsError::Json { reason: format!("{} is {got}, expected {expected}", self.name) }
    }

    fn float(&self) -> Result<f64, ParamsError> {
        json::float(self.raw).ok_or_else(|| self.wrong("a number"))
    }

    fn integer(&self) -> Result<i64, ParamsError> {
        json::integer(self.raw).ok_or_else(|| self.wrong("an integer"))
    }

    fn boolean(&self) -> Result<bool, ParamsError> {
        match self.raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }
}

#[cfg(test)]
mod tests;

//! Model sizes (SPEC §II.2): [`Params`] cannot hold a size whose bounds are not proven.

use crate::json::{self, Fields};
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Display, Formatter};
use serde::{Deserialize, Serialize, Serializer};

/// Version of the profile's rules; enters every key and every proof.
pub const VERSION: u32 = 2;

/// The presets by name (SPEC §II.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// 18.7 MOP a nonce and 1.1 MB of weights: for tests.
    Nano,
    /// 18.6 GOP a nonce and 295 MB of weights: for browsers, laptops and single GPUs.
    Standard,
    /// 1.07 TOP a nonce and 4.2 GB of weights: for data-centre GPUs.
    Large,
}

impl Preset {
    /// All presets, smallest first.
    pub const ALL: [Self; 3] = [Self::Nano, Self::Standard, Self::Large];

    /// The preset's name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nano => "nano",
            Self::Standard => "standard",
            Self::Large => "large",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Its sizes.
    #[must_use]
    pub fn params(self) -> Params {
        let raw = |dim, heads, hidden, layers, tokens, vocab, threshold| RawParams {
            dim,
            heads,
            hidden,
            layers,
            tokens,
            vocab,
            threshold,
        };
        let raw = match self {
            Self::Nano => raw(64, 4, 64, 40, 8, 256, 39_535_115),
            Self::Standard => raw(1024, 16, 1024, 40, 32, 1024, 19_442_515),
            Self::Large => raw(4096, 64, 4096, 36, 128, 4096, 4_863_555),
        };
        Params::new(&raw).expect("presets are valid, see the test")
    }

    /// The share of nonces that win, as one in this many. The thresholds are derived from it (SPEC §II.8).
    #[must_use]
    pub const fn nonces_per_win(self) -> u32 {
        match self {
            Self::Nano => 16,
            Self::Standard | Self::Large => 64,
        }
    }
}

/// The names of the sizes, in the order of their encoding (SPEC §II.2).
pub(super) const FIELDS: [&str; 7] = ["dim", "heads", "hidden", "layers", "tokens", "vocab", "threshold"];

/// Sizes as given, not yet checked; the fields of [`Params`] in the order of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawParams {
    /// Width of the residual stream.
    pub dim: u32,
    /// Attention heads.
    pub heads: u32,
    /// Width of the feed-forward.
    pub hidden: u32,
    /// Transformer layers.
    pub layers: u32,
    /// Positions of one nonce's input.
    pub tokens: u32,
    /// Logits.
    pub vocab: u32,
    /// A nonce wins from this squared cosine on, in units of 2^-32.
    pub threshold: u32,
}

/// Checked model sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Params {
    // An array keeps encoding order and field order one fact.
    words: [u32; 7],
}

/// Sizes that no model of this profile can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// The JSON is no object of sizes.
    #[error("{reason}")]
    Json {
        /// What is wrong, with the field.
        reason: String,
    },
    /// A width is not one of those whose square root is a power of two.
    #[error("{field} is {got}, expected a power of 4 from {min} to {max}")]
    Width {
        /// Field name.
        field: &'static str,
        /// Its value.
        got: u32,
        /// Smallest width accepted.
        min: u32,
        /// Largest width accepted.
        max: u32,
    },
    /// The heads are neither 16 nor 64 wide.
    #[error("heads is {got}, expected {narrow} or {wide}: dim / heads must be 64 or 16")]
    Heads {
        /// The number of heads.
        got: u32,
        /// How many would be 64 wide.
        narrow: u32,
        /// How many would be 16 wide.
        wide: u32,
    },
    /// A count is outside its range.
    #[error("{field} is {got}, expected {min} to {max}")]
    Range {
        /// Field name.
        field: &'static str,
        /// Its value.
        got: u32,
        /// Smallest value accepted.
        min: u32,
        /// Largest value accepted.
        max: u32,
    },
}

/// Widest residual stream: norm's sum of squares is proven below 2^32 up to here (SPEC §II.6).
pub const MAX_DIM: u32 = 4096;
/// Widest feed-forward.
pub const MAX_HIDDEN: u32 = 16_384;
/// Most layers.
pub const MAX_LAYERS: u32 = 256;
/// Most logits: the verdict's products are proven below 2^128 up to here (SPEC §II.8).
pub const MAX_VOCAB: u32 = 65_536;

fn width(field: &'static str, got: u32, max: u32) -> Result<(), ParamsError> {
    let is_power_of_4 = got.is_power_of_two() && got.trailing_zeros().is_multiple_of(2);
    if is_power_of_4 && (64..=max).contains(&got) {
        Ok(())
    } else {
        Err(ParamsError::Width { field, got, min: 64, max })
    }
}

fn range(field: &'static str, got: u32, min: u32, max: u32) -> Result<(), ParamsError> {
    if (min..=max).contains(&got) { Ok(()) } else { Err(ParamsError::Range { field, got, min, max }) }
}

impl Params {
    /// Checks sizes, SPEC §II.2.
    ///
    /// # Errors
    /// [`ParamsError`], naming the first field that no bound covers.
    pub fn new(raw: &RawParams) -> Result<Self, ParamsError> {
        let RawParams { dim, heads, hidden, layers, tokens, vocab, threshold } = *raw;
        width("dim", dim, MAX_DIM)?;
        if heads != dim / 64 && heads != dim / 16 {
            return Err(ParamsError::Heads { got: heads, narrow: dim / 64, wide: dim / 16 });
        }
        width("hidden", hidden, MAX_HIDDEN)?;
        range("layers", layers, 1, MAX_LAYERS)?;
        // Beyond a quarter of dim two positions would share a rotation of the lanes.
        range("tokens", tokens, 1, dim / 4)?;
        range("vocab", vocab, 16, MAX_VOCAB)?;
        Ok(Self { words: [dim, heads, hidden, layers, tokens, vocab, threshold] })
    }

    /// Reads a JSON object with the seven sizes, each an integer, and no other member.
    ///
    /// # Errors
    /// [`ParamsError::Json`] when it is no such object, else as [`Self::new`].
    pub fn from_json(text: &str) -> Result<Self, ParamsError> {
        let wrong = |reason| ParamsError::Json { reason };
        let raw = json::only(text).map_err(|error| wrong(error.to_string()))?;
        if !raw.starts_with('{') {
            return Err(wrong("expected an object with a model's sizes".into()));
        }
        let fields = Fields::read(raw, &FIELDS).map_err(|error| wrong(error.to_string()))?;
        if let Some(name) = fields.unknown {
            return Err(wrong(format!("{name} is no size of a model")));
        }
        let size = |name| {
            let raw = fields.strict(name).ok_or_else(|| wrong(format!("{name} is missing")))?;
            let expected =
                || format!("{name} is {}, expected an integer from 0 to 4294967295", json::described(raw));
            raw.parse().map_err(|_| wrong(expected()))
        };
        let [dim, heads, hidden, layers, tokens, vocab, threshold] = FIELDS.map(size);
        Self::new(&RawParams {
            dim: dim?,
            heads: heads?,
            hidden: hidden?,
            layers: layers?,
            tokens: tokens?,
            vocab: vocab?,
            threshold: threshold?,
        })
    }

    /// The seven numbers in the order of their encoding (SPEC §II.3).
    #[must_use]
    pub fn words(&self) -> [u32; 7] {
        self.words
    }

    /// The sizes with their names.
    #[must_use]
    pub fn raw(&self) -> RawParams {
        let [dim, heads, hidden, layers, tokens, vocab, threshold] = self.words;
        RawParams { dim, heads, hidden, layers, tokens, vocab, threshold }
    }

    /// The preset with exactly these sizes.
    #[must_use]
    pub fn preset(&self) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.params() == *self)
    }

    /// Width of the residual stream: 64, 256, 1024 or 4096.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.words[0] as usize
    }

    /// Attention heads.
    #[must_use]
    pub fn heads(&self) -> usize {
        self.words[1] as usize
    }

    /// Width of a head: 16 or 64.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.dim() / self.heads()
    }

    /// Width of the feed-forward: 64, 256, 1024, 4096 or 16384.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.words[2] as usize
    }

    /// Transformer layers, 1 to 256.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.words[3] as usize
    }

    /// Positions of one nonce's input, 1 to a quarter of `dim`.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.words[4] as usize
    }

    /// Logits, 16 to 65536.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.words[5] as usize
    }

    /// Squared cosine from which on a nonce wins, in units of 2^-32.
    #[must_use]
    pub fn threshold(&self) -> u32 {
        self.words[6]
    }

    /// The share of random nonces that win: that of random points within the cap that the threshold cuts.
    #[must_use]
    pub fn win_rate(&self) -> f64 {
        let cosine = libm::sqrt(f64::from(self.threshold()) / 4_294_967_296.0);
        crate::statistics::cap_probability(self.words[5], libm::sqrt(2.0 - 2.0 * cosine))
    }

    /// Weights of the model, one byte each.
    #[must_use]
    pub fn n_weights(&self) -> u64 {
        let (dim, hidden) = (self.dim() as u64, self.hidden() as u64);
        self.layers() as u64 * (4 * dim * dim + 3 * dim * hidden) + self.vocab() as u64 * dim
    }
}

/// As [`RawParams`].
impl Serialize for Params {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.raw().serialize(to)
    }
}

/// As JSON, in the order of their encoding.
impl Display for Params {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, word) in FIELDS.iter().zip(self.words) {
            let before = if *name == FIELDS[0] { '{' } else { ',' };
            write!(f, "{before}\"{name}\":{word}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_keep_their_budgets() {
        assert!(Preset::Standard.params().n_weights() <= 320_000_000);
        for preset in Preset::ALL {
            assert_eq!(Preset::from_name(preset.name()), Some(preset));
            assert_eq!(preset.params().preset(), Some(preset));
            assert_eq!(Params::new(&preset.params().raw()), Ok(preset.params()));
        }
    }

    #[test]
    fn thresholds_are_those_of_the_wanted_success_rates() {
        for preset in Preset::ALL {
            let params = preset.params();
            let rate = 1.0 / f64::from(preset.nonces_per_win());
            let radius = crate::statistics::cap_radius(params.words()[5], rate).expect("a rate");
            let cosine = 1.0 - radius * radius / 2.0;
            let units = libm::round(cosine * cosine * 4_294_967_296.0);
            assert_eq!(f64::from(params.threshold()), units, "{}", preset.name());
            assert!((params.win_rate() / rate - 1.0).abs() < 1e-6, "{}", preset.name());
        }
    }

    #[test]
    fn every_field_out_of_range_is_refused_by_name() {
        let base = Preset::Nano.params().raw();
        let bad = |change: fn(&mut RawParams)| {
            let mut raw = base;
            change(&mut raw);
            Params::new(&raw).expect_err("out of range")
        };
        for dim in [0, 16, 128, 16_384, u32::MAX] {
            assert!(matches!(Params::new(&RawParams { dim, ..base }), Err(ParamsError::Width { .. })));
        }
        assert!(matches!(bad(|raw| raw.heads = 2), ParamsError::Heads { got: 2, narrow: 1, wide: 4 }));
        assert!(matches!(bad(|raw| raw.hidden = 65_536), ParamsError::Width { field: "hidden", .. }));
        assert!(matches!(bad(|raw| raw.layers = 0), ParamsError::Range { field: "layers", .. }));
        assert!(matches!(bad(|raw| raw.tokens = 17), ParamsError::Range { field: "tokens", max: 16, .. }));
        assert!(matches!(bad(|raw| raw.vocab = 15), ParamsError::Range { field: "vocab", .. }));
    }
}

//! A profile as this wasm computes it: what a model costs, how it is opened, and its outcomes as JSON.

use crate::error::Failure;
use crate::json::to_string;
#[cfg(any(feature = "verifier", feature = "learn"))]
use crate::{exact, gonka};
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::exact::Exact;
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, Model as Sizes, Profile, ProfileName};

/// What a wasm32 memory can hold, less room for the program itself.
pub const MAX_MEMORY: u64 = (1 << 32) - (1 << 24);

/// What a model costs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Bytes that one worker needs.
    pub memory_bytes: u64,
    /// Bytes of the block's weights.
    pub weight_bytes: u64,
    /// Bytes of them in a pool, which workers may share; within those of a worker.
    pub pool_bytes: u64,
    /// Whether a worker keeps them.
    pub keeps_weights: bool,
    /// Operations of one nonce.
    pub work_per_nonce: u64,
    /// Nonces of one forward pass.
    pub batch: usize,
}

/// A model with what it costs.
#[derive(Serialize)]
struct Described<T> {
    params: T,
    preset: Option<&'static str>,
    #[serde(flatten)]
    cost: Cost,
}

/// A profile as this wasm computes it.
pub trait Computed: Profile {
    /// A model of one block, ready to compute on the CPU.
    type Model: Engine<Self, Error = Failure>;

    /// Sizes from JSON.
    ///
    /// # Errors
    /// `E_FORMAT` for a wrong shape, `E_RANGE` for values that cannot be.
    fn sizes(text: &str) -> Result<Self::Params, Failure>;

    /// What a model costs.
    ///
    /// # Errors
    /// `E_MEMORY` when it fits no wasm memory.
    fn cost(params: &Self::Params, keep_weights: bool) -> Result<Cost, Failure>;

    /// Makes the weights where they are kept, telling `progress` the share done.
    ///
    /// # Errors
    /// `E_MEMORY`, `E_ABORTED`, `E_INTERNAL`.
    fn open(
        params: &Self::Params,
        block: &BlockHash,
        keep_weights: bool,
        progress: &Function,
    ) -> Result<Self::Model, Failure>;

    /// An outcome in the words of a report's results.
    fn outcome_words(outcome: &Self::Outcome) -> impl Serialize + use<Self>;

    /// An outcome from such JSON, or from one of a report's results. What it says of the claim is not looked at.
    ///
    /// # Errors
    /// `E_FORMAT`, `E_RANGE`.
    fn outcome_from_json(params: &Self::Params, raw: &str) -> Result<Self::Outcome, Failure>;

    /// A document's price of a win from a radius that came with it.
    fn price_from_radius(radius: f64) -> Option<Self::Price>;

    /// The radius that a price is.
    fn radius_of_price(price: &Self::Price) -> Option<f64>;

    /// Claims as a typed array.
    #[cfg(feature = "verifier")]
    fn claims_to_js(claims: &[Self::Claim]) -> wasm_bindgen::JsValue;
}

/// A model from text: a preset's name, or JSON of sizes.
///
/// # Errors
/// `E_PROFILE_UNKNOWN` for a name of none; `E_FORMAT`, `E_RANGE` for sizes that cannot be.
pub fn params_of<P: Computed>(text: &str) -> Result<P::Params, Failure> {
    if text.trim_start().starts_with('{') {
        return P::sizes(text);
    }
    P::Params::from_name(text).ok_or_else(|| {
        let got = sphere_pow_core::text::shown(text);
        let names = P::Params::PRESETS.join(", ");
        Failure::profile(format!("no parameters are named {got}, expected {names}"))
    })
}

/// What a model costs, as JSON: `{params, preset, memoryBytes, weightBytes, poolBytes, keepsWeights, workPerNonce, batch}`.
///
/// # Errors
/// As [`params_of`] and [`Computed::cost`].
pub fn describe(profile: &str, params: &str, keep_weights: bool) -> Result<String, Failure> {
    fn of<P: Computed>(params: &str, keep_weights: bool) -> Result<String, Failure> {
        let params = params_of::<P>(params)?;
        let cost = P::cost(&params, keep_weights)?;
        to_string(&Described { params: &params, preset: params.preset(), cost })
    }
    match profile_of(profile)? {
        ProfileName::Gonka => of::<Gonka>(params, keep_weights),
        ProfileName::Exact => of::<Exact>(params, keep_weights),
    }
}

/// The profile of that name.
///
/// # Errors
/// `E_PROFILE_UNKNOWN`.
pub fn profile_of(name: &str) -> Result<ProfileName, Failure> {
    name.parse().map_err(Failure::profile)
}

/// A model of one block of whichever profile.
#[cfg(any(feature = "verifier", feature = "learn"))]
#[derive(Debug)]
pub(crate) enum Model {
    Gonka(Box<gonka::Model>),
    Exact(Box<exact::Model>),
}

#[cfg(feature = "learn")]
impl Model {
    pub(crate) fn new(
        profile: &str,
        params: &str,
        block: &BlockHash,
        keep_weights: bool,
        progress: &Function,
    ) -> Result<Self, Failure> {
        Ok(match profile_of(profile)? {
            ProfileName::Gonka => {
                let params = params_of::<Gonka>(params)?;
                Self::Gonka(Box::new(Gonka::open(&params, block, keep_weights, progress)?))
            }
            ProfileName::Exact => {
                let params = params_of::<Exact>(params)?;
                Self::Exact(Box::new(Exact::open(&params, block, keep_weights, progress)?))
            }
        })
    }
}

/// What computes: this wasm, on a CPU.
#[must_use]
pub fn engine_info() -> EngineInfo {
    let device = if cfg!(target_feature = "simd128") { "simd128" } else { "scalar" };
    EngineInfo { engine: "wasm", device: device.into() }
}

/// Outcomes as a JSON list.
///
/// # Errors
/// None that these values have.
pub fn outcomes_to_json<P: Computed>(outcomes: &[P::Outcome]) -> Result<String, Failure> {
    to_string(&outcomes.iter().map(P::outcome_words).collect::<Vec<_>>())
}

/// Checked nonces and key, as they come from JavaScript.
///
/// # Errors
/// `E_RANGE`.
pub fn asked<P: Profile>(public_key: &str, nonces: &[u64]) -> Result<(PublicKey, Vec<Nonce>), Failure> {
    let key = PublicKey::new(public_key)?;
    P::check_key(&key)?;
    Ok((key, nonces.iter().map(|nonce| Nonce::new(*nonce)).collect::<Result<_, _>>()?))
}

/// Refuses what no wasm memory can hold.
pub(crate) fn check_memory(bytes: u64) -> Result<(), Failure> {
    if bytes > MAX_MEMORY {
        let message = format!("this model needs {bytes} bytes, expected at most {MAX_MEMORY} in wasm32");
        return Err(Failure::memory(message));
    }
    Ok(())
}

/// Grows the memory by `bytes`, so that a refusal is an error and not a trap.
pub(crate) fn reserve(bytes: u64) -> Result<(), Failure> {
    let refused = || Failure::memory(format!("the memory cannot grow by the {bytes} bytes of this model"));
    let len = usize::try_from(bytes).map_err(|_| refused())?;
    Vec::<u8>::new().try_reserve_exact(len).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::describe;
    use serde_json::Value;

    /// `tests/js/cases.test.mjs` holds wasm32, whose usize ends at 2^32, to the same numbers.
    #[test]
    fn native_costs_are_those_of_the_vectors() {
        let table: Value = serde_json::from_str(include_str!("../../tests/vectors/costs.json")).unwrap();
        let cases = table["cases"].as_array().unwrap();
        assert!(cases.iter().any(|case| case["work_per_nonce"].as_u64().unwrap() > 1 << 41));
        for case in cases {
            let (profile, params) = (case["profile"].as_str().unwrap(), case["params"].to_string());
            let described: Value = serde_json::from_str(&describe(profile, &params, false).unwrap()).unwrap();
            assert_eq!(described["workPerNonce"], case["work_per_nonce"], "{params}");
            assert_eq!(described["weightBytes"], case["weights"], "{params}");
        }
    }
}

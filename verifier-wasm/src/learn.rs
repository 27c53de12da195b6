//! `sphere-pow/learn`: the making of one nonce, step by step, and nonces with layers left out. JSON in, JSON out.

mod exact;
mod gonka;
mod request;

use crate::error::Failure;
use crate::models::Model;
use crate::progress::tell;
use core::cell::RefCell;
use core::ops::ControlFlow;
use js_sys::Function;
use request::{Identity, Request};
use serde::Serialize;
use sphere_pow_soundness::worth::Samples;
use wasm_bindgen::prelude::wasm_bindgen;

/// Told the share done; answers whether to stop.
type Told<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// Values shown of a list.
const SHOWN: usize = 12;
/// Most nonces of one call.
const MAX_NONCES: usize = 4096;
/// Most operations a nonce of a model whose layers may be skipped.
const MAX_OPERATIONS: u64 = 1 << 30;
/// Most bytes of such a model.
const MAX_SMALL_BYTES: u64 = 1 << 28;

thread_local! {
    /// The last model used; the next call often wants it again.
    static KEPT: RefCell<Option<(String, Model)>> = const { RefCell::new(None) };
}

/// What a request's model costs, as JSON: as the verifier says it.
///
/// # Errors
/// As [`trace`].
#[wasm_bindgen]
pub fn describe(request: &str) -> Result<String, Failure> {
    let (request, _) = read(request)?;
    crate::models::describe(&request.profile, &request.params(), false)
}

/// Makes one nonce and gives every step as JSON; `weights` and `layers` are told the share done of making the
/// weights and of the forward pass, and answer whether to stop.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE`, `E_PROFILE_UNKNOWN`, `E_BLOCK_HASH`, `E_MEMORY`, `E_ABORTED`.
#[wasm_bindgen]
pub fn trace(request: &str, weights: &Function, layers: &Function) -> Result<String, Failure> {
    let (request, identity) = read(request)?;
    let told = &mut |fraction| tell(layers, fraction);
    with_model(&request, &identity, weights, |model| match model {
        Model::Gonka(model) => gonka::trace(model, &request, &identity, told),
        Model::Exact(model) => exact::trace(model, &identity, told),
    })
}

/// Computes nonces honestly and with layers left out, and gives both as JSON.
///
/// # Errors
/// As [`trace`].
#[wasm_bindgen]
pub fn skip_layers(request: &str, weights: &Function, layers: &Function) -> Result<String, Failure> {
    let (request, identity) = read(request)?;
    let told = &mut |fraction| tell(layers, fraction);
    with_model(&request, &identity, weights, |model| match model {
        Model::Gonka(model) => gonka::skip_layers(model, &request, &identity, told),
        Model::Exact(model) => exact::skip_layers(model, &request, &identity, told),
    })
}

/// Everything about a request that can be wrong is found here.
fn read(request: &str) -> Result<(Request, Identity), Failure> {
    let request = Request::read(request)?;
    let identity = Identity::new(&request)?;
    if request.is_exact() {
        exact::check(&request)?;
    } else {
        gonka::check(&request)?;
    }
    Ok((request, identity))
}

fn with_model(
    request: &Request,
    identity: &Identity,
    weights: &Function,
    work: impl FnOnce(&mut Model) -> Result<String, Failure>,
) -> Result<String, Failure> {
    let (profile, params) = (request.profile.as_str(), request.params());
    let name = format!("{profile} {params} {}", identity.block);
    KEPT.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|(of, _)| *of != name) {
            // The old one's memory is free before the new one's is taken.
            *kept = None;
            *kept = Some((name, Model::new(profile, &params, &identity.block, false, weights)?));
        }
        let Some((_, model)) = kept else { return Err(Failure::internal("a model was made")) };
        work(model)
    })
}

/// Refuses models whose layers are too much work to skip.
fn check_small(operations: u64, bytes: u64) -> Result<(), Failure> {
    if operations > MAX_OPERATIONS {
        let message = format!(
            "this model takes {operations} operations a nonce, expected at most {MAX_OPERATIONS} to skip layers of it"
        );
        return Err(Failure::range(message));
    }
    if bytes > MAX_SMALL_BYTES {
        let message = format!(
            "this model needs {bytes} bytes, expected at most {MAX_SMALL_BYTES} to skip layers of it"
        );
        return Err(Failure::memory(message));
    }
    Ok(())
}

#[derive(Serialize)]
struct Correlation {
    estimate: f64,
    low: f64,
    high: f64,
}

/// The correlation of two lists of distances; `None` for too few.
fn correlation(
    shortcut: impl Iterator<Item = f64>,
    honest: impl Iterator<Item = f64>,
) -> Option<Correlation> {
    let mut samples = Samples::default();
    // Distances lie about the square root of 2: their spread is kept exact by taking that away.
    let score = |distance: f64| core::f64::consts::SQRT_2 - distance;
    shortcut.zip(honest).for_each(|(shortcut, honest)| samples.push(score(shortcut), score(honest)));
    let correlation = samples.correlation();
    let known = Correlation { estimate: correlation.estimate, low: correlation.low, high: correlation.high };
    (correlation.n >= 4.0).then_some(known)
}

fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)?)
}

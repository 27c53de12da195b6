//! The wasm of `sphere-pow/webgpu`: all of the verifier's wasm, and the GPU executor beside it.
//!
//! Bindings only, as the verifier's: text, JSON and typed arrays cross, every `Err` is a string `CODE message`. An
//! instance holds one model on one device.

mod exact;
mod gonka;

use core::cell::RefCell;
use core::ops::ControlFlow;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_gpu::{DeviceSelector, GpuError};
use sphere_pow_verifier_wasm::error::Failure;
use sphere_pow_verifier_wasm::progress::tell;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A model of one block in the memory of a device.
enum Model {
    Gonka(gonka::Model),
    Exact(exact::Model),
}

impl Model {
    async fn compute(
        &mut self,
        key: &str,
        nonces: &[Nonce],
        progress: &Function,
    ) -> Result<JsValue, Failure> {
        match self {
            Self::Gonka(model) => model.distances(&PublicKey::from_network(key)?, nonces, progress).await,
            Self::Exact(model) => model.judge(&PublicKey::new(key)?, nonces, progress).await,
        }
    }

    fn device(&self) -> Device {
        match self {
            Self::Gonka(model) => model.device(),
            Self::Exact(model) => model.device(),
        }
    }
}

thread_local! {
    /// Away while it computes.
    static MODEL: RefCell<Option<Model>> = const { RefCell::new(None) };
}

/// What a model runs on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    kernel: String,
    batch: usize,
    memory_bytes: u64,
}

/// Opens the browser's adapter, makes it pass the self-tests and loads a model onto it in place of the one before;
/// gives `{kernel, batch, memoryBytes}` as JSON. `progress` is told the share of the loading done.
///
/// # Errors
/// `E_FORMAT` or `E_RANGE` for sizes, `E_BLOCK_HASH`; `E_ABORTED`; `E_MEMORY` and `E_INTERNAL` when the adapter
/// will not do, with the reason.
#[wasm_bindgen]
pub async fn open_gpu(
    profile: String,
    params: String,
    block_hash: String,
    progress: Function,
) -> Result<String, Failure> {
    close_gpu();
    let block = BlockHash::from_network(&block_hash).map_err(Failure::block_hash)?;
    let info = DeviceSelector::Best.find().await.map_err(failure)?;
    let model = match profile.as_str() {
        "exact" => Model::Exact(exact::Model::new(&info, &params, &block, &progress).await?),
        _ => Model::Gonka(gonka::Model::new(&info, &params, &block, &progress).await?),
    };
    let device = serde_json::to_string(&model.device())?;
    MODEL.set(Some(model));
    Ok(device)
}

/// Frees the model and its device.
#[wasm_bindgen]
pub fn close_gpu() {
    MODEL.take();
}

/// What `nonces` come to: distances of `gonka` as numbers, of `exact` the JSON that the verifier's wasm gives.
///
/// # Errors
/// `E_RANGE` for a key or nonce that cannot be; `E_ABORTED`; `E_INTERNAL` when the device fails, with the reason.
#[wasm_bindgen]
pub async fn compute_gpu(
    public_key: String,
    nonces: Vec<u64>,
    progress: Function,
) -> Result<JsValue, Failure> {
    let nonces = nonces.into_iter().map(Nonce::new).collect::<Result<Vec<_>, _>>()?;
    let mut model = MODEL.take().ok_or_else(|| Failure::internal("there is no model on the device"))?;
    let computed = model.compute(&public_key, &nonces, &progress).await;
    MODEL.set(Some(model));
    computed
}

/// A failure of the device in the package's codes.
#[expect(clippy::needless_pass_by_value, reason = "callers hand over what they just got")]
fn failure(error: GpuError) -> Failure {
    match error {
        GpuError::Interrupted => Failure::aborted(),
        GpuError::OutOfMemory { .. } => Failure::memory(error),
        _ => Failure::internal(error),
    }
}

/// A progress function of the executor that tells `function` shares from `start` to 1.
fn telling(function: &Function, start: f64) -> impl FnMut(f32) -> ControlFlow<()> {
    move |share| tell(function, start + (1.0 - start) * f64::from(share))
}

//! The wasm of `sphere-pow/webgpu`: all of the verifier's wasm, and the GPU executor beside it.
//!
//! Bindings only, as the verifier's: text, JSON and typed arrays cross, every `Err` is a string `CODE message`.

mod exact;
mod gonka;

use core::ops::ControlFlow;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::exact::Exact;
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::identity::BlockHash;
use sphere_pow_core::profile::{Engine, Profile, ProfileName};
use sphere_pow_gpu::{DeviceSelector, GpuError};
use sphere_pow_verifier_wasm::error::Failure;
use sphere_pow_verifier_wasm::models::{Computed, asked, outcomes_to_json, params_of, profile_of};
use sphere_pow_verifier_wasm::progress::tell;
use wasm_bindgen::prelude::wasm_bindgen;

enum Model {
    Gonka(Box<gonka::Model>),
    Exact(Box<exact::Model>),
}

/// A model of one block on a device of its own, which freeing it releases.
#[wasm_bindgen]
pub struct GpuModel {
    model: Model,
}

/// A model that lies on a device.
trait Loaded<P: Profile>: Engine<P, Error = Failure> {
    /// Bytes of device memory in use.
    fn memory_bytes(&self) -> u64;
}

/// What a model runs on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    kernel: String,
    batch: usize,
    memory_bytes: u64,
}

impl Description {
    fn new<P: Profile>(model: &impl Loaded<P>) -> Self {
        let kernel = model.info().device.clone();
        Self { kernel, batch: model.batch(), memory_bytes: model.memory_bytes() }
    }
}

/// Opens the browser's adapter, makes it pass the self-tests and loads a model onto it; `progress` is told the share
/// of the loading done.
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
) -> Result<GpuModel, Failure> {
    let block = BlockHash::new(&block_hash).map_err(Failure::block_hash)?;
    let model = match profile_of(&profile)? {
        ProfileName::Gonka => {
            let params = params_of::<Gonka>(&params)?;
            let info = DeviceSelector::Best.find().await.map_err(failure)?;
            Model::Gonka(Box::new(gonka::Model::new(&info, &params, &block, &progress).await?))
        }
        ProfileName::Exact => {
            let params = params_of::<Exact>(&params)?;
            let info = DeviceSelector::Best.find().await.map_err(failure)?;
            Model::Exact(Box::new(exact::Model::new(&info, &params, &block, &progress).await?))
        }
    };
    Ok(GpuModel { model })
}

#[wasm_bindgen]
impl GpuModel {
    /// `{kernel, batch, memoryBytes}` as JSON.
    ///
    /// # Errors
    /// None that these values have.
    pub fn engine(&self) -> Result<String, Failure> {
        let description = match &self.model {
            Model::Gonka(model) => Description::new(&**model),
            Model::Exact(model) => Description::new(&**model),
        };
        Ok(serde_json::to_string(&description)?)
    }

    /// Brings another block of the same model onto the device, which keeps all else; `progress` is told the share done.
    ///
    /// # Errors
    /// `E_BLOCK_HASH`; `E_ABORTED`, `E_MEMORY` and `E_INTERNAL`, with the reason, after which the model is to be freed.
    pub async fn set_block(&mut self, block_hash: String, progress: Function) -> Result<(), Failure> {
        let block = BlockHash::new(&block_hash).map_err(Failure::block_hash)?;
        match &mut self.model {
            Model::Gonka(model) => model.set_block(&block, &progress).await,
            Model::Exact(model) => model.set_block(&block, &progress).await,
        }
    }

    /// What `nonces` come to, as the JSON that the verifier's wasm gives.
    ///
    /// # Errors
    /// `E_RANGE` for a key or nonce that cannot be; `E_ABORTED`; `E_INTERNAL` when the device fails, with the reason.
    pub async fn compute(
        &mut self,
        public_key: String,
        nonces: Vec<u64>,
        progress: Function,
    ) -> Result<String, Failure> {
        match &mut self.model {
            Model::Gonka(model) => compute::<Gonka>(&mut **model, &public_key, &nonces, &progress).await,
            Model::Exact(model) => compute::<Exact>(&mut **model, &public_key, &nonces, &progress).await,
        }
    }
}

async fn compute<P: Computed>(
    model: &mut impl Engine<P, Error = Failure>,
    public_key: &str,
    nonces: &[u64],
    progress: &Function,
) -> Result<String, Failure> {
    let (key, nonces) = asked::<P>(public_key, nonces)?;
    let outcomes = model.outcomes(&key, &nonces, &mut telling(progress, 0.0)).await?;
    outcomes_to_json::<P>(&outcomes)
}

/// A failure of the device in the package's codes.
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

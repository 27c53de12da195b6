//! The models of this instance by number; JavaScript holds the numbers.

use crate::error::Failure;
use crate::progress::tell;
use crate::{exact, gonka};
use core::cell::RefCell;
use js_sys::Function;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
#[cfg(feature = "verifier")]
use wasm_bindgen::prelude::wasm_bindgen;

/// What a wasm32 memory can hold, less room for the program itself.
pub const MAX_MEMORY: u64 = (1 << 32) - (1 << 24);

/// A model of one block, ready to compute.
pub(crate) enum Model {
    Gonka(Box<gonka::Model>),
    Exact(Box<exact::Model>),
}

impl Model {
    pub(crate) fn new(
        profile: &str,
        params: &str,
        block: &BlockHash,
        keep_weights: bool,
        progress: &Function,
    ) -> Result<Self, Failure> {
        Ok(match profile {
            "exact" => Self::Exact(Box::new(exact::Model::new(params, block, keep_weights, progress)?)),
            _ => Self::Gonka(Box::new(gonka::Model::new(params, block, progress)?)),
        })
    }
}

thread_local! {
    static MODELS: RefCell<Vec<Option<Model>>> = const { RefCell::new(Vec::new()) };
}

/// Makes a model and gives its number; `progress` is told the share of the weights done, where they are made ahead.
///
/// `lines`: profile, block hash, whether to keep the weights of `exact`, parameters; one text, since each argument
/// costs JavaScript.
///
/// # Errors
/// As [`gonka::describe`] and [`exact::describe`]; `E_BLOCK_HASH`; `E_MEMORY` when the memory cannot grow;
/// `E_ABORTED`.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn open(lines: &str, progress: &Function) -> Result<u32, Failure> {
    let mut lines = lines.splitn(4, '\n');
    let mut line = || lines.next().ok_or_else(|| Failure::internal("a model has four lines"));
    let (profile, block_hash, keep_weights, params) = (line()?, line()?, line()?, line()?);
    let block = BlockHash::from_network(block_hash).map_err(Failure::block_hash)?;
    let model = Model::new(profile, params, &block, keep_weights == "true", progress)?;
    MODELS.with_borrow_mut(|models| {
        let free = models.iter().position(Option::is_none).unwrap_or_else(|| {
            models.push(None);
            models.len() - 1
        });
        models[free] = Some(model);
        u32::try_from(free).map_err(Failure::internal)
    })
}

/// Frees a model.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn close(model: u32) {
    MODELS.with_borrow_mut(|models| {
        if let Some(slot) = models.get_mut(model as usize) {
            *slot = None;
        }
    });
}

/// What nonces come to on the model of that number, as JSON: for `gonka` a list of distances, null where a nonce's
/// logits are all zero or not finite, for `exact` digests and verdicts.
///
/// `key_and_nonces`: with a space between each two.
///
/// # Errors
/// `E_RANGE` for a key or nonce that cannot be; `E_ABORTED`; `E_INTERNAL` for no model's number.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn compute(model: u32, key_and_nonces: &str, progress: &Function) -> Result<String, Failure> {
    let (public_key, nonces) =
        key_and_nonces.split_once(' ').ok_or_else(|| Failure::internal("a key and nonces were expected"))?;
    let nonces = nonces.split(' ').map(str::parse).collect::<Result<Vec<Nonce>, _>>()?;
    MODELS.with_borrow_mut(|models| match models.get_mut(model as usize) {
        Some(Some(Model::Gonka(model))) => {
            let key = PublicKey::from_network(public_key)?;
            let distances = model.distances(&key, &nonces, &mut |done| tell(progress, done))?;
            Ok(serde_json::to_string(&distances)?)
        }
        // As given: a proof's key is the text that its inputs were made from.
        Some(Some(Model::Exact(model))) => model.judge(&PublicKey::new(public_key)?, &nonces, progress),
        _ => Err(Failure::internal("there is no such model")),
    })
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

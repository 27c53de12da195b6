//! Models of the `gonka` profile: named, sized, and made room for.

use crate::error::Failure;
use core::ops::ControlFlow;
use half::f16;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::{Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions, weight_pool_with};
use std::sync::Arc;

/// What a wasm32 memory can hold, less room for the program itself.
const MAX_MEMORY: u64 = (1 << 32) - (1 << 24);

/// A preset's name, or a JSON object with the network's field names.
pub(crate) fn params_of(text: &str) -> Result<Params, Failure> {
    if text.trim_start().starts_with('{') {
        return Ok(Params::from_json(text)?);
    }
    let name = if text == "devtest" { "dev-test" } else { text };
    Preset::from_name(name).map(Preset::params).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        Failure::profile(format!(
            "no parameters named {shown:?}, expected mainnet, testnet, default or devtest"
        ))
    })
}

/// Nonces of one forward pass: as many as fill the CPU kernels.
pub(crate) fn batch_len(params: &Params) -> usize {
    128_usize.div_ceil(params.seq_len())
}

/// Bytes of the pool and of the activations of one batch, generously.
///
/// # Errors
/// `E_MEMORY` when it cannot fit a wasm memory.
pub(crate) fn memory_bytes(params: &Params) -> Result<u64, Failure> {
    let batch = batch_len(params);
    let activations: u64 = Slot::ALL
        .iter()
        .map(|slot| (slot.max_rows(params).count(batch, params) + 32) as u64 * slot.width(params) as u64 * 4)
        .sum();
    let bytes = params.pool_len() as u64 * 2 + activations + (1 << 24);
    if bytes > MAX_MEMORY {
        let message = format!("this model needs {bytes} bytes, expected at most {MAX_MEMORY} in wasm32");
        return Err(Failure::memory(message));
    }
    Ok(bytes)
}

/// A model of one block, its weight pool made.
pub(crate) struct Model {
    pub(crate) puzzle: Puzzle,
    pub(crate) executor: CpuExecutor,
}

impl Model {
    /// Makes the weight pool; `tell` is given the share done.
    pub(crate) fn open(
        params: &Params,
        block: &BlockHash,
        tell: &(dyn Fn(f64) -> ControlFlow<()> + Sync),
    ) -> Result<Self, Failure> {
        // Grows the memory, so that a refusal is an error and not a trap.
        Vec::<f16>::new().try_reserve_exact(params.pool_len()).map_err(|_| {
            let bytes = 2 * params.pool_len();
            Failure::memory(format!("the memory cannot grow by the {bytes} bytes of this model's pool"))
        })?;
        let pool = weight_pool_with(params, block, &|fraction| tell(f64::from(fraction)));
        let pool = Arc::new(pool.ok_or_else(Failure::aborted)?);
        let executor = CpuExecutor::new(params, block, pool, CpuOptions::default())?;
        Ok(Self { puzzle: Puzzle::new(params, block), executor })
    }

    /// Distances of `nonces`; NaN where logits are all zero or not finite.
    pub(crate) fn distances(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        tell: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, Failure> {
        let (batch, vocab) = (batch_len(self.puzzle.params()), self.puzzle.params().vocab());
        let mut out = Vec::with_capacity(nonces.len());
        for part in nonces.chunks(batch) {
            let inputs: Vec<f16> = part.iter().flat_map(|nonce| self.puzzle.input(key, *nonce)).collect();
            #[expect(clippy::cast_precision_loss, reason = "a share to show")]
            let share = |within: f64| (out.len() as f64 + within * part.len() as f64) / nonces.len() as f64;
            let logits = self.executor.logits(&inputs, &mut |done| tell(share(done.fraction())))?;
            let rows = logits.chunks_exact(vocab).zip(part);
            out.extend(rows.map(|(logits, nonce)| self.puzzle.distance(key, *nonce, logits)));
        }
        Ok(out)
    }
}

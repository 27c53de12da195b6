//! A weight pool kept by JavaScript, which the instances of a block's workers share.

use crate::error::Failure;
use crate::progress::tell;
use core::fmt;
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use js_sys::Function;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::identity::BlockHash;
use sphere_pow_cpu::gonka::{LentPool, PoolMaker};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// `WeightPool` of pool.js. Places count weights of two bytes, as f16 bits.
    #[wasm_bindgen(js_name = WeightPool)]
    pub type WeightPool;

    /// Copies weights from `at` on to `to`.
    #[wasm_bindgen(method)]
    fn read(this: &WeightPool, at: usize, to: &mut [u16]);

    /// Copies weights to the pool, the first to `at`.
    #[wasm_bindgen(method)]
    fn write(this: &WeightPool, at: usize, from: &[u16]);

    /// Whether the caller is to make the pool. While another worker makes it this waits, telling `progress` the share done.
    #[wasm_bindgen(method, catch)]
    fn claim(this: &WeightPool, progress: &Function) -> Result<bool, JsValue>;

    /// Notes the share made, 0 to 1.
    #[wasm_bindgen(method)]
    fn keep(this: &WeightPool, fraction: f32);

    /// Says that the claimed pool is whole.
    #[wasm_bindgen(method)]
    fn done(this: &WeightPool);
}

impl WeightPool {
    /// Makes the pool, or waits until it is made.
    ///
    /// # Errors
    /// `E_ABORTED` when `progress` says so.
    pub(crate) fn make(
        &self,
        params: &Params,
        block: &BlockHash,
        progress: &Function,
    ) -> Result<(), Failure> {
        if !self.claim(progress).map_err(|_| Failure::aborted())? {
            return Ok(());
        }
        let mut maker = PoolMaker::new(params, block);
        while maker.next(|at, weights| self.write(at, weights.reinterpret_cast())) {
            self.keep(maker.fraction());
            if tell(progress, f64::from(maker.fraction())).is_break() {
                return Err(Failure::aborted());
            }
        }
        self.done();
        Ok(())
    }
}

/// A whole pool that JavaScript lends.
pub(crate) struct Lent(pub(crate) WeightPool);

impl fmt::Debug for Lent {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Lent")
    }
}

impl LentPool for Lent {
    fn read(&self, at: usize, to: &mut [f16]) {
        self.0.read(at, to.reinterpret_cast_mut());
    }
}

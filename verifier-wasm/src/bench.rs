//! Matrix products alone, for `tests/bench/js`. In no shipped wasm.

use core::sync::atomic::{AtomicBool, AtomicU64};
use half::f16;
use sphere_pow_cpu::exact::{Gemm, Kernels};
use sphere_pow_cpu::gonka::Activation;
use sphere_pow_cpu::gonka::ops::{Run, Weight, linear};
use sphere_pow_cpu::simd::Simd;
use wasm_bindgen::prelude::wasm_bindgen;

/// A linear layer of the `gonka` executor: `[rows, cols]` by f16 weights `[width, cols]`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct FloatProduct {
    input: Activation,
    weights: Vec<f16>,
    cols: usize,
    output: Activation,
}

#[wasm_bindgen]
impl FloatProduct {
    /// Takes `x` `[rows, cols]` and `weights` `[width, cols]`, which are rounded to f16.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(x: &[f32], weights: &[f32], cols: usize) -> Self {
        let narrow = |values: &[f32]| values.iter().map(|x| f16::from_f32(*x)).collect::<Vec<f16>>();
        let (rows, width) = (x.len() / cols, weights.len() / cols);
        let input = Activation::from_f16(&narrow(x), rows, cols);
        Self { input, weights: narrow(weights), cols, output: Activation::new(rows, width) }
    }

    /// Multiplies, on this thread.
    pub fn run(&mut self) {
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let simd = Simd::best();
        let mut run = Run { simd, stop: &stop, done: &done, poll: &mut || (), scratch: Vec::new() };
        linear(&mut run, &self.input, Weight::matrix(&self.weights, self.cols), &mut self.output);
    }

    /// What the last run gave, `[rows, width]`.
    #[must_use]
    pub fn result(&self) -> Vec<f32> {
        self.output.to_rows()
    }
}

/// A matrix product of the `exact` executor with kept weights.
#[wasm_bindgen]
#[derive(Debug)]
pub struct IntegerProduct {
    x: Vec<i8>,
    gemm: Gemm,
}

#[wasm_bindgen]
impl IntegerProduct {
    /// Takes `x` `[rows, inputs]` within ±127 and `weights` `[outputs, inputs]` within ±46.
    ///
    /// # Panics
    /// When a value or shape is out of range.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(x: &[i8], weights: &[i8], inputs: usize) -> Self {
        let gemm = Gemm::new(Kernels::best(), weights, inputs).expect("the best kernels are available");
        Self { x: x.to_vec(), gemm }
    }

    /// Multiplies, on this thread.
    pub fn run(&mut self) {
        self.gemm.multiply(&self.x, false);
    }

    /// What the last run gave, `[rows, outputs]`.
    #[must_use]
    pub fn result(&self) -> Vec<i32> {
        self.gemm.result()
    }
}

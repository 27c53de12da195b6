//! A matrix product by itself: the kernels of a plan, for comparisons and measurements.

use super::linear::{Linear, OutputPanel};
use crate::exact::activations::{Operand, Panels};
use crate::exact::kernels::{DEPTH_STEP, Kernels, PANEL, Present, QUAD, WEIGHT_BIAS};
use crate::memory::Aligned;
use crate::threads;

/// `acc = x weightᵀ` with kept weights, as core's `linear`.
#[derive(Debug)]
pub struct Gemm {
    kernels: Present,
    panels: Aligned<u8>,
    inputs: usize,
    x: Operand,
    out: Panels<i32>,
    outputs: usize,
}

impl Gemm {
    /// Packs weights; `None` when this machine lacks `kernels`.
    ///
    /// # Shapes
    /// - `weights`: `[outputs, inputs]` i8 within ±46, inputs a multiple of 16 from 16 to 16384.
    ///
    /// # Panics
    /// When the shape or a weight is out of range.
    #[must_use]
    pub fn new(kernels: Kernels, weights: &[i8], inputs: usize) -> Option<Self> {
        assert!((1..=16_384).contains(&inputs) && inputs.is_multiple_of(DEPTH_STEP), "{inputs} inputs");
        assert!(weights.len().is_multiple_of(inputs), "weights are [outputs, inputs]");
        assert!(weights.iter().all(|w| (-46..=46).contains(w)), "weights lie within 46");
        let kernels = Present::new(kernels)?;
        let outputs = weights.len() / inputs;
        let mut panels = Aligned::new(outputs.next_multiple_of(PANEL) * inputs);
        panels.fill(WEIGHT_BIAS);
        for (n, weights) in weights.chunks_exact(inputs).enumerate() {
            let panel = &mut panels[n / PANEL * PANEL * inputs..];
            for (k, weight) in weights.iter().enumerate() {
                let biased = weight.cast_unsigned().wrapping_add(WEIGHT_BIAS);
                panel[(k / QUAD * PANEL + n % PANEL) * QUAD + k % QUAD] = biased;
            }
        }
        Some(Self { kernels, panels, inputs, x: Operand::default(), out: Panels::default(), outputs })
    }

    /// Multiplies, on one thread or in parallel on rayon's current ones.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]` i8 within ±127.
    ///
    /// # Panics
    /// When `x` is no whole number of rows or holds -128.
    pub fn multiply(&mut self, x: &[i8], is_parallel: bool) {
        assert!(x.len().is_multiple_of(self.inputs), "x is [rows, inputs]");
        let rows = x.len() / self.inputs;
        self.x.reshape(rows, self.inputs);
        for (mut to, x) in self.x.chunks_mut(1).zip(x.chunks_exact(self.inputs)) {
            to.row_mut(0).copy_from_slice(x);
            assert!(!x.contains(&i8::MIN), "-128 is no activation");
            to.sum_up(0);
        }
        self.out.reshape(rows, self.outputs);
        let tasks: Vec<_> =
            self.panels.chunks_exact(PANEL * self.inputs).zip(self.out.panels_mut()).collect();
        let work = |(panel, out)| {
            self.kernels.run(Linear { panel, x: &self.x, out: OutputPanel::Raw(out) });
        };
        if is_parallel {
            threads::for_each(tasks, &mut || (), work);
        } else {
            tasks.into_iter().for_each(work);
        }
    }

    /// What the last product gave: `[rows, outputs]`.
    #[must_use]
    pub fn result(&self) -> Vec<i32> {
        let mut result = vec![0; self.out.rows() * self.outputs];
        for (row, result) in result.chunks_exact_mut(self.outputs.max(1)).enumerate() {
            self.out.copy_row(row, result);
        }
        result
    }
}

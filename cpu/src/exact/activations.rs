//! Activations as the kernels want them: what a matrix reads lies row by row, what it writes panel by panel.

use super::kernels::PANEL;
use crate::memory::Aligned;
use core::ops::Range;
use sphere_pow_core::exact::{Inputs, Params};

/// Distance between rows beyond their width: rows of a power of two would share their cache sets.
const GAP: usize = 64;

/// What a matrix reads: `[rows, width]` i8 within ±127, and the sums of the rows.
#[derive(Debug, Default)]
pub(crate) struct Operand {
    values: Aligned<i8>,
    sums: Vec<i32>,
    width: usize,
}

impl Operand {
    /// Takes another shape; what the values are then is not said.
    pub(crate) fn reshape(&mut self, rows: usize, width: usize) {
        self.values.resize(rows * (width + GAP));
        self.sums.resize(rows, 0);
        self.width = width;
    }

    /// Rows.
    pub(crate) fn rows(&self) -> usize {
        self.sums.len()
    }

    /// Values in a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// One row.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &[i8] {
        &self.values[row * (self.width + GAP)..][..self.width]
    }

    /// The sum of one row.
    #[inline(always)]
    pub(crate) fn sum(&self, row: usize) -> i32 {
        self.sums[row]
    }

    /// Cuts it every `rows` rows.
    pub(crate) fn chunks_mut(&mut self, rows: usize) -> impl ExactSizeIterator<Item = OperandRows<'_>> {
        let width = self.width;
        let values = self.values.chunks_mut(rows * (width + GAP));
        values.zip(self.sums.chunks_mut(rows)).map(move |(values, sums)| OperandRows { values, sums, width })
    }

    /// Keeps every `every`th row, from row `every - 1` on.
    pub(crate) fn take_last(&mut self, every: usize) {
        let stride = self.width + GAP;
        let rows = self.rows() / every;
        for row in 0..rows {
            let from = (row + 1) * every - 1;
            self.values.copy_within(from * stride..from * stride + self.width, row * stride);
            self.sums[row] = self.sums[from];
        }
        self.reshape(rows, self.width);
    }
}

/// Some rows of an [`Operand`], to be written.
pub(crate) struct OperandRows<'a> {
    values: &'a mut [i8],
    sums: &'a mut [i32],
    width: usize,
}

impl<'a> OperandRows<'a> {
    /// Takes the first `rows` rows, or as many as there are, out of these.
    pub(crate) fn split_off_front(&mut self, rows: usize) -> OperandRows<'a> {
        let rows = rows.min(self.len());
        let (sums, sums_left) = core::mem::take(&mut self.sums).split_at_mut(rows);
        let (values, values_left) = core::mem::take(&mut self.values).split_at_mut(rows * (self.width + GAP));
        (self.sums, self.values) = (sums_left, values_left);
        OperandRows { values, sums, width: self.width }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    /// One row, to be written whole; then call [`Self::sum_up`].
    #[inline(always)]
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [i8] {
        &mut self.values[row * (self.width + GAP)..][..self.width]
    }

    /// Notes the sum of a row that is written: at most `127 * 16384 < 2^21`.
    #[inline(always)]
    pub(crate) fn sum_up(&mut self, row: usize) {
        let sum = self.row_mut(row).iter().map(|x| i32::from(*x)).sum();
        self.sums[row] = sum;
    }
}

/// What a matrix writes: `[ceil(width / PANEL), rows, PANEL]`.
#[derive(Debug, Default)]
pub(crate) struct Panels<T> {
    values: Aligned<T>,
    rows: usize,
    width: usize,
}

impl<T: Copy + Default> Panels<T> {
    /// Takes another shape; what the values are then is not said.
    pub(crate) fn reshape(&mut self, rows: usize, width: usize) {
        self.values.resize(rows * width.next_multiple_of(PANEL));
        (self.rows, self.width) = (rows, width);
    }

    /// Rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Values in a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The panels, each `[rows, PANEL]`.
    pub(crate) fn panels_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [T]> {
        let len = (self.rows * PANEL).max(1);
        self.values.chunks_exact_mut(len)
    }

    /// Of consecutive rows, the part in one panel: `[rows, PANEL]`.
    #[inline(always)]
    pub(crate) fn part(&self, panel: usize, rows: Range<usize>) -> &[T] {
        &self.values[(panel * self.rows + rows.start) * PANEL..][..rows.len() * PANEL]
    }

    /// Copies one row, `[width]`.
    #[inline(always)]
    pub(crate) fn copy_row(&self, row: usize, out: &mut [T]) {
        let (whole, rest) = out.as_chunks_mut::<PANEL>();
        let n = whole.len();
        for (panel, out) in whole.iter_mut().enumerate() {
            out.copy_from_slice(self.part(panel, row..row + 1));
        }
        if !rest.is_empty() {
            rest.copy_from_slice(&self.part(n, row..row + 1)[..rest.len()]);
        }
    }
}

/// The slots of a batch of nonces.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    /// What the nonces draw.
    pub(crate) inputs: Inputs,
    /// The stream `[rows, dim]`, within ±24552; written only where somebody looks at it, and read only where a pass
    /// begins with it.
    pub(crate) stream: Vec<i16>,
    /// The normed stream `[rows, dim]`, within ±16368.
    pub(crate) normed: Vec<i16>,
    pub(crate) lanes: Operand,
    pub(crate) query: Panels<i8>,
    pub(crate) key: Panels<i8>,
    pub(crate) value: Panels<i8>,
    pub(crate) attended: Operand,
    pub(crate) gate: Panels<i8>,
    pub(crate) up: Panels<i8>,
    /// The gate after swiglu.
    pub(crate) gated: Operand,
    /// What a branch adds to the stream, within ±1023: norm, which reads it, looks no further.
    pub(crate) branch: Panels<i16>,
    pub(crate) logits: Panels<i32>,
}

impl Activations {
    /// Bytes for so many nonces, at most.
    pub(crate) fn bytes(params: &Params, nonces: usize) -> usize {
        let (dim, hidden) = (params.dim(), params.hidden());
        // input, stream, normed, lanes, query, key, value, attended, branch; gate, up, gated; then the round keys.
        let per_row = dim * (1 + 2 + 2 + 1 + 3 + 1 + 2) + hidden * 3 + 3 * (GAP + size_of::<i32>());
        let logits = 2 * size_of::<i32>() * params.vocab().next_multiple_of(PANEL);
        nonces * (params.tokens() * per_row + 2 * params.layers() * dim + logits)
    }
}

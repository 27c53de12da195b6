//! Activations as the kernels want them: rows side by side in lanes.

use crate::gonka::kernels::LANES;
use core::ops::Range;
use half::f16;

/// Floats in a cache line.
const LINE: usize = 16;

/// An activation `[rows, width]` of f32 values that are f16.
///
/// Laid out as panels `[ceil(rows / lanes), width, lanes]`: `lanes` rows lie side by side, so that a vector
/// holds one feature of many rows. Rows beyond the last are zero or rubbish, never read as results. Few rows
/// would waste lanes; they are kept with 1 lane, which is plain row-major.
#[derive(Debug, Default)]
pub struct Activation {
    /// Panels begin at `start`, on a cache line: vectors that straddle lines cost a fifth of the speed.
    values: Vec<f32>,
    start: usize,
    rows: usize,
    width: usize,
    lanes: usize,
}

impl Activation {
    /// Zeros.
    #[must_use]
    pub fn new(rows: usize, width: usize) -> Self {
        let mut activation = Self::default();
        activation.reshape(rows, width);
        activation
    }

    /// `[rows, width]` row-major f16 values.
    ///
    /// # Panics
    /// When `values` is not `[rows, width]`.
    #[must_use]
    pub fn from_f16(values: &[f16], rows: usize, width: usize) -> Self {
        let mut activation = Self::new(rows, width);
        activation.fill_from_f16(values);
        activation
    }

    /// Overwrites everything with `[rows, width]` row-major f16 values.
    ///
    /// # Panics
    /// When `values` is not `[rows, width]`.
    pub(crate) fn fill_from_f16(&mut self, values: &[f16]) {
        assert_eq!(values.len(), self.rows * self.width, "values are [rows, width]");
        for (row, values) in values.chunks_exact(self.width).enumerate() {
            let (first, lanes) = (self.index(row, 0), self.lanes);
            for (slot, value) in self.values[first..].iter_mut().step_by(lanes).zip(values) {
                *slot = value.to_f32();
            }
        }
    }

    /// The values `[rows, width]`, row-major.
    #[must_use]
    pub fn to_rows(&self) -> Vec<f32> {
        (0..self.rows).flat_map(|row| (0..self.width).map(move |f| self.at(row, f))).collect()
    }

    /// Takes another shape; values are rubbish afterwards, except that lanes without a row are zero when the
    /// shape is new.
    pub(crate) fn reshape(&mut self, rows: usize, width: usize) {
        if (rows, width) != (self.rows, self.width) {
            let lanes = lanes_for(rows);
            let len = rows.next_multiple_of(lanes) * width;
            if self.values.capacity() < len + LINE {
                self.values = vec![0.0; len + LINE];
                crate::memory::prefer_large_pages(&mut self.values);
            }
            self.values.clear();
            self.values.resize(len + LINE, 0.0);
            self.start = self.values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
            self.values.truncate(self.start + len);
            (self.rows, self.width, self.lanes) = (rows, width, lanes);
        }
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows side by side: 1 or [`LANES`].
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    fn index(&self, row: usize, feature: usize) -> usize {
        self.start + (row / self.lanes * self.width + feature) * self.lanes + row % self.lanes
    }

    /// One value.
    ///
    /// # Panics
    /// When there is no such value.
    #[must_use]
    #[inline]
    pub fn at(&self, row: usize, feature: usize) -> f32 {
        self.values[self.index(row, feature)]
    }

    #[inline]
    pub(crate) fn set(&mut self, row: usize, feature: usize, value: f32) {
        let ix = self.index(row, feature);
        self.values[ix] = value;
    }

    /// One feature of consecutive rows: `dst[i] = self[first + i][feature]`.
    #[inline]
    pub(crate) fn copy_column(&self, feature: usize, rows: Range<usize>, dst: &mut [f32]) {
        if self.lanes == 1 {
            for (dst, row) in dst.iter_mut().zip(rows) {
                *dst = self.at(row, feature);
            }
            return;
        }
        let (mut row, mut dst) = (rows.start, dst);
        while row < rows.end {
            let n = (self.lanes - row % self.lanes).min(rows.end - row);
            let (head, rest) = dst.split_at_mut(n);
            head.copy_from_slice(&self.values[self.index(row, feature)..][..n]);
            (row, dst) = (row + n, rest);
        }
    }

    /// Everything, for ops without neighbours.
    pub(crate) fn flat(&self) -> &[f32] {
        &self.values[self.start..]
    }

    /// Everything, for ops without neighbours.
    pub(crate) fn flat_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..]
    }

    /// The panels, each `[width, lanes]`.
    pub(crate) fn panels(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.flat().chunks_exact(self.width * self.lanes)
    }

    /// The panels, each `[width, lanes]`.
    pub(crate) fn panels_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [f32]> {
        let len = self.width * self.lanes;
        self.flat_mut().chunks_exact_mut(len)
    }

    /// Cuts all panels at the same features, every `chunk` of them: one list of slices `[chunk, lanes]` a cut.
    pub(crate) fn split_features(&mut self, chunk: usize) -> Vec<Vec<&mut [f32]>> {
        let lanes = self.lanes;
        let mut parts: Vec<Vec<&mut [f32]>> = Vec::new();
        parts.resize_with(self.width.div_ceil(chunk), Vec::new);
        for panel in self.panels_mut() {
            for (part, slice) in parts.iter_mut().zip(panel.chunks_mut(chunk * lanes)) {
                part.push(slice);
            }
        }
        parts
    }
}

/// Lanes for so many rows: full panels unless over 40 % of their lanes would idle.
fn lanes_for(rows: usize) -> usize {
    if rows * 10 >= rows.next_multiple_of(LANES) * 6 { LANES } else { 1 }
}

//! Buffers whose start is that of a cache line, so that no vector lies in two.

use core::ops::{Deref, DerefMut};

/// Bytes of a cache line.
const LINE: usize = 64;

/// Values from the start of a cache line on.
#[derive(Debug, Default)]
pub(crate) struct Aligned<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// `len` values of zero.
    pub(crate) fn new(len: usize) -> Self {
        let slack = LINE / size_of::<T>();
        let values = vec![T::default(); len + slack];
        let start = values.as_ptr().align_offset(LINE).min(slack);
        Self { values, start, len }
    }

    /// Takes another length; what the values are then is not said.
    pub(crate) fn resize(&mut self, len: usize) {
        if len <= self.values.len() - self.start {
            self.len = len;
        } else {
            *self = Self::new(len);
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[self.start..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..][..self.len]
    }
}

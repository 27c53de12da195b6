//! Large buffers on large pages, and buffers whose start is that of a cache line, so that no vector lies in two.
#![cfg_attr(
    all(target_arch = "x86_64", target_os = "linux"),
    allow(unsafe_code, reason = "one system call, which says below why it may run")
)]

use core::ops::{Deref, DerefMut};

/// Buffers below this gain nothing.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
const LARGE_BYTES: usize = 4 << 20;

/// Asks the system to back a buffer not yet written by large pages: rows of weights lie pages apart, and each
/// small page would cost a walk of the page tables. Only ever a hint.
pub(crate) fn prefer_large_pages<T>(buffer: &mut [T]) {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        const MADVISE: i64 = 28;
        const HUGE_PAGE: u64 = 14;
        const PAGE: usize = 4096;
        if size_of_val(buffer) < LARGE_BYTES {
            return;
        }
        let range = buffer.as_mut_ptr_range();
        let first = range.start.addr().next_multiple_of(PAGE);
        let len = (range.end.addr() - first) / PAGE * PAGE;
        // SAFETY: advice on whole pages of a buffer we hold; it changes no byte of them. The kernel clobbers
        // rcx and r11. An error is no harm.
        unsafe {
            core::arch::asm!(
                "syscall",
                inlateout("rax") MADVISE => _,
                in("rdi") first,
                in("rsi") len,
                in("rdx") HUGE_PAGE,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    let _ = buffer;
}

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

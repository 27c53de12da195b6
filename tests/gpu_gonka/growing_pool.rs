//! A device takes its pool while that is made.

use super::Small;
use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_gpu::gonka::PoolSource;
use sphere_pow_gpu::{GpuError, GpuExecutor, GpuOptions};
use sphere_pow_tests::gpu::{adapter, go_on};
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;

/// A pool that makes what is asked for when it is asked, up to some value, and after that never more.
struct InTheMaking<'a> {
    pool: &'a [f16],
    made: usize,
    reads: Mutex<Vec<Range<usize>>>,
}

impl PoolSource for InTheMaking<'_> {
    fn values(&self) -> usize {
        self.pool.len()
    }

    fn read(
        &self,
        range: Range<usize>,
        goes_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&[f16]),
    ) -> ControlFlow<()> {
        goes_on()?;
        if range.end > self.made {
            return ControlFlow::Break(());
        }
        take(&self.pool[range.clone()]);
        self.reads.lock().expect("reads").push(range);
        ControlFlow::Continue(())
    }
}

#[test]
fn a_pool_in_the_making_is_taken_in_order_as_it_grows() {
    let small = Small::new();
    let puzzle = &small.case.puzzle;
    let of = |made| InTheMaking { pool: &small.pool, made, reads: Mutex::default() };
    // Chunks of one binding, so that there are several.
    let options = GpuOptions { max_binding_bytes: Some(128 * 256 * 2), ..GpuOptions::default() };
    let open = |source: &InTheMaking<'_>| {
        let (params, block) = (puzzle.params(), puzzle.block());
        block_on(GpuExecutor::new(&adapter(), params, block, source, options, &mut go_on))
    };
    let whole = of(small.pool.len());
    let mut gpu = open(&whole).expect("open");
    small.case.check(gpu.batch(), |inputs| block_on(gpu.logits(inputs, &mut go_on)).expect("logits"));
    let mut reads = whole.reads.into_inner().expect("reads");
    // Each is read to be written and again to be compared.
    reads.dedup();
    assert!(reads.len() > 1, "{reads:?}");
    assert!(reads.windows(2).all(|pair| pair[0].end == pair[1].start), "{reads:?}");
    assert_eq!(open(&of(small.pool.len() - 1)).err(), Some(GpuError::Interrupted));
}

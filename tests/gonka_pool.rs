//! A weight pool kept elsewhere: an executor that copies what it needs gives the bits of one that has it.

use sphere_pow_core::f16;
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions, LentPool, Pool, weight_pool};
use sphere_pow_cpu::simd::{Simd, SimdLevel};
use sphere_pow_tests::GonkaCase;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives copies only, and keeps the length of the largest.
#[derive(Debug)]
struct Copies(Arc<Vec<f16>>, AtomicUsize);

impl LentPool for Copies {
    fn read(&self, at: usize, to: &mut [f16]) {
        to.copy_from_slice(&self.0[at..at + to.len()]);
        self.1.fetch_max(to.len(), Ordering::Relaxed);
    }
}

/// As long batches as there are, and one nonce, whose rows are taken one by one and not in panels.
fn check(name: &str, batches: &[usize], simd: Simd) {
    let case = GonkaCase::load(name);
    let (params, block) = (case.puzzle.params(), case.puzzle.block());
    let pool = Arc::new(weight_pool(params, block));
    let options = CpuOptions { threads: NonZeroUsize::new(2), simd: Some(simd.level()) };
    let lent = Arc::new(Copies(Arc::clone(&pool), AtomicUsize::new(0)));
    let lender: Arc<dyn LentPool> = Arc::clone(&lent) as _;
    let executor = |pool: Pool| CpuExecutor::new(params, block, pool, options).expect("an executor");
    let (mut kept, mut copying) = (executor(pool.into()), executor(Pool::Lent(lender)));
    for nonces in batches {
        let inputs: Vec<f16> =
            case.nonces[..*nonces].iter().flat_map(|nonce| case.puzzle.input(&case.key, *nonce)).collect();
        let run = |executor: &mut CpuExecutor| {
            executor.logits(&inputs, &mut |_| ControlFlow::Continue(())).expect("logits")
        };
        assert!(run(&mut copying) == run(&mut kept), "{name} {nonces} {}", simd.level());
    }
    let largest = lent.1.load(Ordering::Relaxed);
    assert!(largest > params.dim(), "several rows at once: {largest}");
    assert!(largest <= 1 << 20, "and never a matrix: {largest}");
}

#[test]
fn a_lent_pool_gives_the_bits_of_a_kept_one() {
    // AMX multiplies tiles of what lies in memory only, and sums them in another order.
    for simd in Simd::available().filter(|simd| simd.level() != SimdLevel::Amx) {
        check("tiny", &[1, 9], simd);
    }
    check(
        "devtest",
        &[1, 33],
        Simd::available().filter(|simd| simd.level() != SimdLevel::Amx).last().expect("one"),
    );
}

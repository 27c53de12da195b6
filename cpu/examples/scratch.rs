#![allow(missing_docs)]
use sphere_pow_core::f16;
use sphere_pow_cpu::gonka::Activation;
use sphere_pow_cpu::gonka::ops::*;
use sphere_pow_cpu::simd::*;
use std::sync::atomic::*;
fn main() {
    for (rows, cols, width) in [(128, 1024, 4096), (256, 1024, 4096), (128, 28672, 384)] {
        let x = Activation::from_f16(&vec![f16::ONE; rows * cols], rows, cols);
        let w = vec![f16::ONE; cols * width];
        let mut out = Activation::new(rows, width);
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        for simd in Simd::available().skip(2) {
            let t = sphere_pow_cpu::threads::Threads::new(std::num::NonZeroUsize::new(1)).unwrap();
            let best = t.install(|| {
                let mut best = f64::MAX;
                let reps = (1.0e10 / (rows * cols * width) as f64) as usize + 5;
                let mut poll = || ();
                let mut run = Run { simd, stop: &stop, done: &done, poll: &mut poll, scratch: Vec::new() };
                for _ in 0..reps {
                    let s = cpu();
                    linear(&mut run, &x, Weight::matrix(&w, cols), &mut out);
                    best = best.min(cpu() - s);
                }
                best
            });
            println!(
                "{rows}x{cols}x{width} {}: {:.1} GFLOP/s",
                simd.level(),
                2.0 * (rows * cols * width) as f64 / best / 1e9
            );
        }
    }
}

fn cpu() -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse::<f64>()
        .unwrap()
        * 1e-9
}

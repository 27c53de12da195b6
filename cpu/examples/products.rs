//! Matrix products of both profiles on one thread, for tests/bench/js: each line on standard input, `int8` or
//! `f32`, multiplies once and is answered by the seconds that took.
//!
//! `products --level avx2 --rows 128 --cols 1024 --width 1024`

use half::f16;
use sphere_pow_cpu::exact::{Gemm, Kernels};
use sphere_pow_cpu::gonka::Activation;
use sphere_pow_cpu::gonka::ops::{Run, Weight, linear};
use sphere_pow_cpu::simd::{Simd, SimdLevel};
use sphere_pow_cpu::threads::Threads;
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut options: HashMap<&str, &str> = HashMap::new();
    for pair in args.chunks(2) {
        let [name, value] = pair else { return Err("options come as --name value".into()) };
        options.insert(name.trim_start_matches("--"), value);
    }
    let size = |name: &str, default: usize| options.get(name).map_or(Ok(default), |n| n.parse());
    let (rows, cols, width) = (size("rows", 128)?, size("cols", 1024)?, size("width", 1024)?);
    let level = options.get("level").copied().unwrap_or("avx2");

    let kernels = Kernels::from_name(level).ok_or("no such kernels")?;
    let weights: Vec<i8> = (0..width * cols).map(|i| (i % 93) as i8 - 46).collect();
    let bytes: Vec<i8> = (0..rows * cols).map(|i| (i % 255) as u8 as i8).map(|x| x.max(-127)).collect();
    let mut gemm = Gemm::new(kernels, &weights, cols).ok_or("this machine lacks these kernels")?;

    let simd = SimdLevel::from_name(level).and_then(Simd::new).ok_or("this machine lacks this level")?;
    let x = Activation::from_f16(&vec![f16::ONE; rows * cols], rows, cols);
    let weights = vec![f16::EPSILON; cols * width];
    let mut out = Activation::new(rows, width);

    let threads = Threads::new(Some(NonZeroUsize::MIN))?;
    for line in std::io::stdin().lock().lines() {
        let seconds = match line?.as_str() {
            "int8" => seconds(|| gemm.multiply(&bytes, false)),
            "f32" => threads.install(|| {
                seconds(|| {
                    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
                    let mut run =
                        Run { simd, stop: &stop, done: &done, poll: &mut || (), scratch: Vec::new() };
                    linear(&mut run, &x, Weight::matrix(&weights, cols), &mut out);
                })
            }),
            other => return Err(format!("{other} is neither int8 nor f32").into()),
        };
        println!("{seconds}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

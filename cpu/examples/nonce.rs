//! Distances of nonces with their cost: `nonce --params testnet --threads 2 --nonces 0,1 [--simd avx2]`.

use sphere_pow_core::gonka::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions, weight_pool};
use sphere_pow_cpu::simd::SimdLevel;
use sphere_pow_cpu::threads::Threads;
use std::collections::HashMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut options: HashMap<&str, &str> = HashMap::new();
    for pair in args.chunks(2) {
        let [name, value] = pair else { return Err("options come as --name value".into()) };
        options.insert(name.trim_start_matches("--"), value);
    }
    let get = |name: &str, default| options.get(name).copied().unwrap_or(default);
    let params = Preset::from_name(get("params", "dev-test")).ok_or("no such preset")?.params();
    let puzzle = Puzzle::new(&params, &BlockHash::new(get("block-hash", "block"))?);
    let key = PublicKey::new(get("public-key", "key"))?;
    let nonces: Vec<_> = get("nonces", "0").split(',').map(str::parse).collect::<Result<_, _>>()?;
    let threads = options.get("threads").map(|n| n.parse()).transpose()?;
    let simd = match options.get("simd") {
        None => None,
        Some(name) => Some(SimdLevel::from_name(name).ok_or("no such level")?),
    };

    let start = Instant::now();
    let pool = Threads::new(threads)?.install(|| weight_pool(&params, puzzle.block()));
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "pool: {} weights, {seconds:.3} s, {:.3} ns each",
        pool.len(),
        seconds * 1e9 / pool.len() as f64
    );

    let options = CpuOptions { threads, simd };
    let mut executor = CpuExecutor::new(&params, puzzle.block(), Arc::new(pool), options)?;
    println!("{}", executor.description());
    let inputs: Vec<_> = nonces.iter().flat_map(|nonce| puzzle.input(&key, *nonce)).collect();
    let repeat: usize = get("repeat", "1").parse()?;
    for _ in 0..repeat {
        let (start, cpu_start) = (Instant::now(), cpu_seconds());
        let logits = executor.logits(&inputs, &mut |_| ControlFlow::Continue(()))?;
        let each = start.elapsed().as_secs_f64() / nonces.len() as f64;
        let rate = params.flops_per_nonce() as f64 / each / 1e9;
        let cpu = (cpu_seconds() - cpu_start) / nonces.len() as f64;
        println!("forward: {each:.4} s a nonce, {cpu:.2} CPU s a nonce, {rate:.1} GFLOP/s");
        for (nonce, logits) in nonces.iter().zip(logits.chunks_exact(params.vocab())) {
            println!("nonce {nonce}: distance {}", puzzle.distance(&key, *nonce, logits));
        }
    }
    Ok(())
}

/// Processor time of this process, which a busy machine distorts less than the clock; 0 where unknown.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // User and system time in hundredths of a second.
    let ticks = |i: usize| fields.get(i).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

//! Digests of nonces of the `exact` profile with their cost:
//! `exact_nonce --params standard --nonces 8 [--threads 2] [--kernels avx2] [--memory MB] [--repeat 3]`.

use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Kernels};
use std::collections::HashMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut options: HashMap<&str, &str> = HashMap::new();
    for pair in args.chunks(2) {
        let [name, value] = pair else { return Err("options come as --name value".into()) };
        options.insert(name.trim_start_matches("--"), value);
    }
    let get = |name: &str, default| options.get(name).copied().unwrap_or(default);
    let params = Preset::from_name(get("params", "nano")).ok_or("no such preset")?.params();
    let puzzle = Puzzle::new(&params, &BlockHash::new(get("block-hash", "block"))?);
    let key = PublicKey::new(get("public-key", "key"))?;
    let kernels = match options.get("kernels") {
        None => None,
        Some(name) => Some(Kernels::from_name(name).ok_or("no such kernels")?),
    };
    let megabytes: Option<usize> = options.get("memory").map(|n| n.parse()).transpose()?;
    let options = CpuOptions {
        threads: options.get("threads").map(|n| n.parse()).transpose()?,
        kernels,
        memory_limit_bytes: megabytes.map(|n| n << 20),
    };

    let start = Instant::now();
    let mut executor = CpuExecutor::new(&puzzle, options)?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes = params.n_weights() as f64;
    println!("{}, batches of {}", executor.description(), executor.preferred_batch());
    println!("ready after {seconds:.3} s: {:.2} GB/s if it made weights", bytes / seconds / 1e9);

    let count: u64 = get("nonces", "1").parse()?;
    let first: u64 = get("first", "0").parse()?;
    let nonces: Vec<Nonce> = (first..first + count).map(Nonce::new).collect::<Result<_, _>>()?;
    let cost = Plan::new(&params).cost(&params) as f64;
    let mut logits = Vec::new();
    for _ in 0..get("repeat", "1").parse::<usize>()? {
        let start = Instant::now();
        logits = executor.logits(&key, &nonces, &mut |_| ControlFlow::Continue(()))?;
        let seconds = start.elapsed().as_secs_f64();
        let rate = count as f64 * cost / seconds / 1e9;
        println!("{count} nonces in {seconds:.3} s: {:.2} nonces/s, {rate:.1} GOP/s", count as f64 / seconds);
    }
    for (nonce, logits) in nonces.iter().zip(logits.chunks_exact(params.vocab())).take(8) {
        let (digest, verdict) = puzzle.judge(&key, *nonce, logits);
        println!(
            "{nonce} {} {:.6}{}",
            digest.to_hex(),
            verdict.distance(),
            if verdict.won { " won" } else { "" }
        );
    }
    Ok(())
}

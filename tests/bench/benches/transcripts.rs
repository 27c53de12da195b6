//! What transcripts of the `exact` profile cost: mining with and without them, taken in turns, and 200 openings repeated
//! against one whole nonce. `cargo bench -p sphere-pow-bench --bench transcripts -- [preset]`, `standard` by default.

use sphere_pow_bench::{median, seconds};
use sphere_pow_core::exact::transcript::Keys;
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Kernels, Progress};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// Openings of a check.
const OPENINGS: usize = 200;
/// Pairs of runs.
const ROUNDS: usize = 15;

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn main() {
    let named = std::env::args().skip(1).find_map(|name| Preset::from_name(&name));
    let preset = named.unwrap_or(Preset::Standard);
    let params = preset.params();
    let puzzle = Puzzle::new(&params, &BlockHash::new("bench").expect("a hash"));
    let key = PublicKey::new("key").expect("a key");
    let keys = Keys::new(&puzzle, &key);
    for kernels in Kernels::available().filter(|kernels| *kernels != Kernels::Portable) {
        for threads in [1, 2] {
            let options = CpuOptions {
                threads: NonZeroUsize::new(threads),
                kernels: Some(kernels),
                memory_limit_bytes: Some(400 << 20),
            };
            let mut executor = CpuExecutor::new(&puzzle, options).expect("an executor");
            let count = executor.preferred_batch().get() as u64;
            let nonces: Vec<Nonce> = (0..count).map(|n| Nonce::new(n).expect("small")).collect();
            let (mut ratios, mut best) = (Vec::new(), (f64::MAX, f64::MAX));
            for _ in 0..ROUNDS {
                let mut plain = || drop(executor.logits(&key, &nonces, &mut go_on));
                let plain = seconds(&mut plain);
                let with = seconds(|| drop(executor.transcripts(&keys, &key, &nonces, &mut go_on)));
                ratios.push(with / plain);
                best = (best.0.min(plain), best.1.min(with));
            }
            println!(
                "{}: {} with transcripts takes {:.2} % more by the best of each, {:.2} % by the median of {ROUNDS} pairs of {count} nonces",
                executor.description(),
                preset.name(),
                100.0 * (best.1 / best.0 - 1.0),
                100.0 * (median(ratios) - 1.0)
            );
            // Runs of a tenth of a millisecond find a quiet moment where whole batches do not.
            let state = vec![255_i16; params.tokens() * params.dim()];
            let one = || {
                std::hint::black_box(keys.leaf(1, &state));
            };
            let leaf = (0..2000).map(|_| seconds(one)).fold(f64::MAX, f64::min);
            println!(
                "  one leaf takes {:.1} us ({:.2} GB/s), {} of them {:.2} % of a nonce on one thread",
                1e6 * leaf,
                2e-9 * state.len() as f64 / leaf,
                params.layers(),
                100.0 * leaf * params.layers() as f64 * count as f64 / (best.0 * threads as f64)
            );
            // A verifier keeps no weights: each layer's are made once for all its openings.
            let lean =
                CpuExecutor::new(&puzzle, CpuOptions { memory_limit_bytes: Some(64 << 20), ..options });
            let Ok(mut lean) = lean else { continue };
            let whole = seconds(|| drop(lean.logits(&key, &nonces[..1], &mut go_on)));
            let openings = seconds(|| {
                for layer in 0..params.layers() {
                    // Of 200 openings over the layers as a sample spreads them.
                    let n = (layer + 1) * OPENINGS / params.layers() - layer * OPENINGS / params.layers();
                    let nonces: Vec<Nonce> = (0..n as u64).map(|n| Nonce::new(n).expect("small")).collect();
                    let states = state.repeat(n);
                    let (next, _) =
                        lean.repeat(&key, &nonces, layer, &states, &mut go_on).expect("not stopped");
                    let width = next.len() / n.max(1);
                    for next in next.chunks_exact(width.max(1)) {
                        std::hint::black_box((keys.leaf(layer, &state), keys.leaf(layer + 1, next)));
                    }
                }
            });
            println!(
                "{}: {OPENINGS} openings repeated in {openings:.2} s, {:.1} times one whole nonce ({whole:.2} s)",
                lean.description(),
                openings / whole
            );
        }
    }
}

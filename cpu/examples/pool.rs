//! Times the weight pool: `pool PRESET THREADS REPEATS`. Prints JSON lines for `tests/bench/compare.py`.

use sphere_pow_core::gonka::Preset;
use sphere_pow_core::identity::BlockHash;
use sphere_pow_cpu::gonka::weight_pool;
use sphere_pow_cpu::threads::Threads;
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [preset, threads, repeats] = &args[..] else { return Err("pool PRESET THREADS REPEATS".into()) };
    let params = Preset::from_name(preset).ok_or("no such preset")?.params();
    let (block, threads) = (BlockHash::new("block")?, Threads::new(Some(threads.parse()?))?);
    for _ in 0..repeats.parse()? {
        let start = Instant::now();
        let pool = threads.install(|| weight_pool(&params, &block));
        let seconds = start.elapsed().as_secs_f64();
        let checksum: u64 = pool.iter().map(|w| u64::from(w.to_bits())).sum();
        println!(
            r#"{{"seconds": {seconds}, "weights": {}, "checksum": {checksum}, "threads": {}}}"#,
            pool.len(),
            threads.count()
        );
    }
    Ok(())
}

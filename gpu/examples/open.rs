//! How long an adapter takes until its first result: opening, self-tests and tuning of each profile at its smallest
//! preset, with nothing remembered and then with what the first opening left.
//!
//! `cargo run --release -p sphere-pow-gpu --example open -- [ADAPTER]`

use pollster::block_on;
use sphere_pow_core::gonka::weights::weight_pool;
use sphere_pow_core::identity::BlockHash;
use sphere_pow_core::{exact, gonka};
use sphere_pow_gpu::exact::CachePlace;
use sphere_pow_gpu::{
    DeviceInfo, DeviceSelector, ExactGpuExecutor, ExactGpuOptions, GpuError, GpuExecutor, GpuOptions,
};
use std::fs;
use std::ops::ControlFlow;
use std::time::Instant;

fn go_on(_: f32) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Seconds of processor time of all threads so far; Linux tells it, in hundredths.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

fn timed<T>(what: &str, open: impl FnOnce() -> Result<T, GpuError>) -> Result<T, GpuError> {
    let (start, before) = (Instant::now(), cpu_seconds());
    let opened = open()?;
    let cpu = before.and_then(|before| Some(cpu_seconds()? - before));
    let cpu = cpu.map_or(String::new(), |seconds| format!(", {seconds:.2} s of CPU time"));
    println!("{what}: {:.2} s{cpu}", start.elapsed().as_secs_f64());
    Ok(opened)
}

fn open_exact(info: &DeviceInfo, cache: &CachePlace) -> Result<String, GpuError> {
    let block = BlockHash::new("open").expect("a hash");
    let puzzle = exact::Puzzle::new(&exact::Preset::Nano.params(), &block);
    let options = ExactGpuOptions { cache: cache.clone(), ..ExactGpuOptions::default() };
    Ok(block_on(ExactGpuExecutor::new(info, &puzzle, options, &mut go_on))?.description())
}

fn open_gonka(info: &DeviceInfo) -> Result<String, GpuError> {
    let puzzle = gonka::known_answer::puzzle();
    let pool = weight_pool(puzzle.params(), puzzle.block());
    let (params, options) = (puzzle.params(), GpuOptions::default());
    let opened = block_on(GpuExecutor::new(info, params, puzzle.block(), &pool, options, &mut go_on))?;
    Ok(format!("{:?} tiles", opened.tile()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let selector = std::env::args().nth(1).map_or(Ok(DeviceSelector::Best), |text| text.parse())?;
    let info = block_on(selector.find())?;
    println!("{} ({}, {})", info.name, info.backend, info.driver);
    let directory = tempfile::tempdir()?;
    let cache = CachePlace::In(directory.path().to_owned());
    for what in ["exact, first time", "exact, again"] {
        println!("  {}", timed(what, || open_exact(&info, &cache))?);
    }
    for what in ["gonka, first time", "gonka, again"] {
        println!("  {}", timed(what, || open_gonka(&info))?);
    }
    Ok(())
}

//! Rates of every variant of the `exact` profile's `linear` on one adapter, after the self-test.
//!
//! `cargo run --release -p sphere-pow-gpu --example exact_linear -- [ROWS [DIM [ADAPTER]]]`

use pollster::block_on;
use sphere_pow_gpu::context::Gpu;
use sphere_pow_gpu::exact::choose::{candidates, compile, rate};
use sphere_pow_gpu::exact::self_test::linear_is_exact;
use sphere_pow_gpu::pace::Pace;
use sphere_pow_gpu::{DeviceSelector, device::MatrixUnits};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().map_or(Ok(128), |text| text.parse())?;
    let dim: usize = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let selector = arguments.next().map_or(Ok(DeviceSelector::Best), |text| text.parse())?;
    let info = block_on(selector.find())?;
    println!("{} ({}, {}), [{rows}, {dim}] x [{dim}, {dim}]", info.name, info.backend, info.driver);
    let features =
        if info.matrix_units.is_some() { MatrixUnits::features() } else { wgpu::Features::empty() };
    let gpu = block_on(Gpu::open(&info, features))?;
    let mut pace = Pace::default();
    for variant in candidates(&info, None) {
        let linear = block_on(compile(&gpu, variant, false))?;
        let exact = block_on(linear_is_exact(&gpu, &linear))?;
        // The best of five: what else the machine does only ever slows it down.
        let rates = (0..5)
            .map(|_| block_on(rate(&gpu, &linear, &mut pace, rows, dim)))
            .collect::<Result<Vec<_>, _>>()?;
        let best = rates.into_iter().fold(0.0, f64::max);
        println!("{variant:<36} {:8.2} GOP/s  {exact:?}", best / 1e9);
    }
    Ok(())
}

//! burn's f32 matrix product on wgpu against the kernels of the `exact` profile: same shape, same adapter, same run.
//!
//! `cargo run --release [-- ROWS [DIM]]` in this folder; `CUBECL_WGPU_DEFAULT_DEVICE=Cpu` for software drivers.
//! Rounds of all take turns and the best of each counts, so that what else the machine does slows all alike.

use pollster::block_on;
use burn::tensor::{Device, Distribution, Tensor};
use sphere_pow_gpu::DeviceSelector;
use sphere_pow_gpu::context::Gpu;
use sphere_pow_gpu::device::MatrixUnits;
use sphere_pow_gpu::exact::Method;
use sphere_pow_gpu::exact::choose::{candidates, compile, rate};
use sphere_pow_gpu::exact::self_test::linear_is_exact;
use sphere_pow_gpu::pace::Pace;
use std::collections::BTreeMap;
use std::time::Instant;

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().map_or(Ok(128), |text| text.parse())?;
    let dim: usize = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let info = block_on(DeviceSelector::Best.find())?;
    println!("{} ({}, {}), [{rows}, {dim}] x [{dim}, {dim}]", info.name, info.backend, info.driver);
    let features = info.matrix_units.map_or(wgpu::Features::empty(), |_| MatrixUnits::features());
    let gpu = block_on(Gpu::bare(&info, features))?;
    let mut pace = Pace::default();
    let mut linears = Vec::new();
    for variant in candidates(&info, None) {
        let linear = block_on(compile(&gpu, variant, false))?;
        block_on(linear_is_exact(&gpu, &linear))??;
        linears.push((linear, 0.0_f64));
    }
    let device = Device::default();
    let [x, weight] =
        [[rows, dim], [dim, dim]].map(|shape| Tensor::<2>::random(shape, Distribution::Default, &device));
    let mut burn: f64 = 0.0;
    for _ in 0..ROUNDS {
        for (linear, best) in &mut linears {
            *best = best.max(block_on(rate(&gpu, linear, &mut pace, rows, dim))?);
        }
        burn = burn.max(burn_rate(&device, &x, &weight)?);
    }
    println!("{:<36} {:8.2} GFLOP/s", "burn", burn / 1e9);
    let mut of_method = BTreeMap::new();
    for (linear, best) in &linears {
        println!("{:<36} {:8.2} GOP/s, {:5.2} times burn", linear.variant.to_string(), best / 1e9, best / burn);
        let of_method = of_method.entry(linear.variant.method.name()).or_insert(0.0_f64);
        *of_method = of_method.max(*best);
    }
    if let [Some(dp4a), Some(f32)] = [Method::Dp4a, Method::F32].map(|m| of_method.get(m.name())) {
        println!("dp4a / f32 {:.2}, dp4a / burn {:.2}, f32 / burn {:.2}", dp4a / f32, dp4a / burn, f32 / burn);
    }
    Ok(())
}

/// Operations per second of `x weight`, from a run of a quarter second at least.
fn burn_rate(
    device: &Device,
    x: &Tensor<2>,
    weight: &Tensor<2>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let [rows, dim] = x.dims();
    let cost = 2.0 * (rows * dim * dim) as f64;
    let mut repeats = 1;
    loop {
        device.sync()?;
        let since = Instant::now();
        let mut last = None;
        for _ in 0..repeats {
            last = Some(x.clone().matmul(weight.clone()));
        }
        device.sync()?;
        let time = since.elapsed().as_secs_f64();
        drop(last);
        if time >= 0.25 {
            return Ok(cost * f64::from(repeats) / time);
        }
        repeats *= 2;
    }
}

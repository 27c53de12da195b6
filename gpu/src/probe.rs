//! Whether a driver can be trusted with matrix units, found out where it costs nothing.
//!
//! They are experimental in wgpu, and a driver may crash on a kernel for them, which nothing in this process could catch. So
//! everything such a kernel goes through is tried in another process first ([`in_child`]), and what came of it is
//! remembered for the adapter, its driver and these kernels.

#[cfg(not(target_family = "wasm"))]
mod child;
#[cfg(not(target_family = "wasm"))]
pub use child::in_child;

use crate::cache;
use crate::context::Gpu;
use crate::device::{DeviceInfo, MatrixUnits};
use crate::error::GpuError;
use crate::exact::Method;
use crate::exact::choose::{candidates, compile};
use crate::exact::self_test as exact_test;
use crate::gonka::kernels::linear::{Leaves, Tile};
use crate::gonka::kernels::{KernelOptions, Kernels};
use crate::gonka::self_test as gonka_test;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::run;
use sphere_pow_core::exact::ops::Requant;

/// See the kernel's file.
pub const SUBGROUP_WIDTH: Kernel = Kernel {
    name: "subgroup_width",
    entry_point: "subgroup_width",
    source: sphere_pow_shaders::probe::SUBGROUP_WIDTH,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; threads),
    buffers: &[Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Threads that write.
    pub threads: u32,
}

/// Values of k in the products tried: what is asked is whether they run at all.
const K: usize = 64;

/// What a probe is remembered by: adapter, driver, and the texts of the kernels.
#[must_use]
pub fn key(info: &DeviceInfo) -> String {
    let tiles = Tile::on_matrix_units(info);
    let ours = tiles.flat_map(|tile| Leaves::ALL.map(|leaves| tile.kernel(leaves).source));
    let exact = candidates(info, None).into_iter().map(|variant| variant.kernel().source);
    cache::key(info, ours.chain(exact))
}

/// Threads of a subgroup as a kernel of `threads` threads gets them: the fewest that any of its threads is told, and no more
/// than its subgroups leave.
///
/// # Errors
/// As the device fails.
pub async fn subgroup_threads(gpu: &Gpu, threads: u32) -> Result<u32, GpuError> {
    let constants = [("THREADS", f64::from(threads))];
    let kernel = gpu.compile_kernel(&SUBGROUP_WIDTH, &constants, false).await?;
    let out = gpu.buffer("widths", u64::from(threads) * 8);
    let dims = Dims { threads };
    run(gpu, |recorder| recorder.dispatch(&kernel, bytemuck::bytes_of(&dims), &[&out], [1, 1], 1.0)).await?;
    let got: Vec<[u32; 2]> = bytemuck::pod_collect_to_vec(&gpu.read(&out, u64::from(threads) * 8).await?);
    let width = |[width, subgroups]: &[u32; 2]| (*width).min(threads / (*subgroups).max(1));
    Ok(got.iter().map(width).min().unwrap_or(0))
}

/// Takes an adapter's matrix units through all that mining would: measures its subgroups, compiles every kernel that uses the
/// units and runs each once. Gives the units as they are.
///
/// # Errors
/// [`GpuError::NoKernel`] when there are no units or no kernel for them is right, else as the device fails. A driver may do
/// worse: call it where that does no harm.
pub async fn probe(info: &DeviceInfo) -> Result<MatrixUnits, GpuError> {
    let no_kernel = |reasons: String| GpuError::NoKernel { name: info.name.clone(), reasons };
    let told = info.matrix_units.ok_or_else(|| no_kernel("it has no matrix units".into()))?;
    let gpu = Gpu::open(info, MatrixUnits::features()).await?;
    let threads = info.limits.workgroup_threads.min(256);
    let measured = MatrixUnits { subgroup_threads: subgroup_threads(&gpu, threads).await?, ..told };
    let info = DeviceInfo { matrix_units: Some(measured), ..info.clone() };
    let (mut right, mut reasons) = (0, Vec::new());
    let mut note = |tried: Result<(), String>| match tried {
        Ok(()) => right += 1,
        Err(reason) => reasons.push(reason),
    };
    let tiles: Vec<Tile> = std::iter::once(Tile::Flat).chain(Tile::on_matrix_units(&info)).collect();
    let mut kernels = Kernels::new(&gpu, KernelOptions::default(), &tiles).await?;
    for tile in tiles.into_iter().filter(|tile| matches!(tile, Tile::Matrix(_))) {
        if kernels.tiles().any(|one| one == tile) {
            let tried = match kernels.choose(&gpu, [tile; 3]).await {
                Ok(()) => gonka_test::products_are_right(&gpu, &kernels, tile, [K; 2]).await,
                refused => refused,
            };
            note(tried.map_err(|error| error.to_string()));
        }
    }
    for method in [Method::Coop8, Method::Coop16] {
        for variant in candidates(&info, Some(method)) {
            let linear = compile(&gpu, variant, false).await?;
            let x = exact_test::paint(1, variant.rows() * K, 127);
            let weight = exact_test::paint(2, variant.columns() * K, 46);
            let got = exact_test::linear_on_device(&gpu, &linear, &x, &weight, K, Requant::Raw).await?;
            let want = exact_test::linear_on_twin(&x, &weight, K, Requant::Raw);
            let compared = exact_test::compare(&variant.to_string(), &got, &want);
            note(compared.map_err(|mismatch| mismatch.to_string()));
        }
    }
    if right == 0 {
        let reasons = if reasons.is_empty() { "no kernel fits them".to_owned() } else { reasons.join("; ") };
        return Err(no_kernel(reasons));
    }
    Ok(measured)
}

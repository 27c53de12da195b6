//! The host side of the kernels in `shaders/exact/`, one module per op, all with the kernel's stem.
//!
//! A module holds the kernel's `Dims` as WGSL lays them out, its bindings in order, and a `record` function that
//! cuts the work into dispatches of bounded time. The three kernels of [`linear`] share one.

use crate::context::Gpu;
use crate::error::GpuError;
pub use crate::kernel::WG;
use crate::kernel::{Compiled, Kernel, assert_holds, u32_of};
use linear::Operand;
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::tables::{EXP2, NORMAL, SILU};
use sphere_pow_core::f16;

pub mod attention;
pub mod embed;
pub mod leaf;
pub mod linear;
pub mod merge;
pub mod norm;
pub mod stream;
pub mod swiglu;
pub mod take_last;

/// Every kernel of the profile.
pub const ALL: [&Kernel; 19] = [
    &stream::KERNELS[0],
    &stream::KERNELS[1],
    &embed::KERNEL,
    &norm::KERNELS[0],
    &norm::KERNELS[1],
    &attention::KERNELS[0],
    &attention::KERNELS[1],
    &swiglu::KERNELS[0],
    &swiglu::KERNELS[1],
    &merge::KERNEL,
    &take_last::KERNEL,
    &leaf::CHUNKS,
    &leaf::ROOT,
    &linear::DP4A,
    &linear::DP4A_WIDE,
    &linear::F32,
    &linear::F32_WIDE,
    &linear::COOP_8,
    &linear::COOP_16,
];

/// Compiles kernels that have no constants but their workgroup's size.
///
/// # Errors
/// [`GpuError::Internal`] when the driver refuses one.
async fn compile<const N: usize>(
    gpu: &Gpu,
    kernels: [&Kernel; N],
    checked: bool,
) -> Result<[Compiled; N], GpuError> {
    let jobs = kernels.map(|kernel| (kernel, vec![("WG", f64::from(WG))]));
    let compiled: Result<Vec<_>, _> = gpu.compile_kernels(&jobs, checked).await.into_iter().collect();
    Ok(compiled?.try_into().expect("one for each"))
}

/// A ChaCha20 or BLAKE3 key as kernels take it.
fn key_words(key: &StreamKey) -> [[u32; 4]; 2] {
    let words: [u32; 8] = bytemuck::pod_read_unaligned(key.as_bytes());
    let [a, b, c, d, e, f, g, h] = words.map(u32::from_le);
    [[a, b, c, d], [e, f, g, h]]
}

/// Cost of four values in the kernels that read and write each value once, in operations of [`linear`].
const WORD_COST: f64 = 60.0;

/// The kernels that are neither [`linear`] nor [`leaf`], compiled for products of one operand, with the tables they read.
#[derive(Debug)]
pub struct Kernels {
    operand: Operand,
    stream: Compiled,
    /// The same where it leaves what products read.
    weights: Compiled,
    embed: Compiled,
    norm: Compiled,
    attention: Compiled,
    swiglu: Compiled,
    merge: Compiled,
    take_last: Compiled,
    normal_table: wgpu::Buffer,
    /// The same as products read it.
    weights_table: wgpu::Buffer,
    silu_table: wgpu::Buffer,
    exp2_table: wgpu::Buffer,
}

impl Kernels {
    /// Compiles them for products that read `operand`, with wgpu's bounds checks if `checked`.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses one.
    pub async fn new(gpu: &Gpu, operand: Operand, checked: bool) -> Result<Self, GpuError> {
        let own = operand as usize;
        let kernels = [
            &stream::KERNELS[0],
            &embed::KERNEL,
            &norm::KERNELS[own],
            &attention::KERNELS[own],
            &swiglu::KERNELS[own],
            &merge::KERNEL,
            &take_last::KERNEL,
        ];
        let [stream, embed, norm, attention, swiglu, merge, take_last] =
            compile(gpu, kernels, checked).await?;
        let weights = match operand {
            Operand::Int8 => stream.clone(),
            Operand::F16 => {
                let [weights] = compile(gpu, [&stream::KERNELS[own]], checked).await?;
                weights
            }
        };
        let table = |label, entries: [u32; 256]| {
            let buffer = gpu.buffer(label, 1024);
            gpu.write(&buffer, 0, bytemuck::cast_slice(&entries));
            buffer
        };
        let normal = NORMAL.map(|x| x.cast_unsigned().into());
        let stored = |x: i8| match operand {
            Operand::Int8 => x.cast_unsigned().into(),
            Operand::F16 => f16::from_f32(x.into()).to_bits().into(),
        };
        Ok(Self {
            operand,
            stream,
            weights,
            embed,
            norm,
            attention,
            swiglu,
            merge,
            take_last,
            normal_table: table("normal", normal),
            weights_table: table("normal", NORMAL.map(stored)),
            silu_table: table("silu", SILU.map(|x| i32::from(x).cast_unsigned())),
            exp2_table: table("exp2", EXP2.map(u32::from)),
        })
    }

    /// What products read.
    #[must_use]
    pub fn operand(&self) -> Operand {
        self.operand
    }

    /// The kernel that stores streams so, and its table.
    fn stream(&self, stored: Operand) -> (&Compiled, &wgpu::Buffer) {
        if stored == Operand::Int8 {
            (&self.stream, &self.normal_table)
        } else {
            assert_eq!(stored, self.operand, "these kernels were compiled for other products");
            (&self.weights, &self.weights_table)
        }
    }
}

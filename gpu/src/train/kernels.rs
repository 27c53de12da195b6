//! The host side of the kernels in `shaders/train/`: `Dims` as WGSL lays them out, bindings in order, and functions that
//! record one op each.
//!
//! A model has 1024 rows of 1024 values at most, so that no op takes more than 2^31 multiplications, and none is cut.

use crate::context::Gpu;
use crate::error::GpuError;
pub use crate::kernel::WG;
use crate::kernel::{Compiled, Kernel, assert_holds, u32_of};
use crate::recorder::Recorder;
use product::{Method, Sides};
use sphere_pow_core::exact::tables::EXP2;

pub mod attention;
pub mod product;
pub mod rows;
pub mod tensors;

/// Operations that a group of four values costs in a kernel that is no product.
const WORD_COST: f64 = 64.0;

/// The exponent that kernels give a row of gradients that are all zero.
pub const NONE: i32 = -0x4000_0000;

/// A kernel with its `Dims`, in a module of the kernel's name.
macro_rules! kernel {
    ($(#[$doc:meta])* $name:ident = $source:ident, { $($member:ident: $type:ty),+ $(,)? }, [$($access:ident),+]) => {
        $(#[$doc])*
        pub mod $name {
            use crate::kernel::{Access, Kernel, members};

            /// `Dims` as the kernel's file describes them.
            #[repr(C)]
            #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
            #[allow(missing_docs, reason = "the kernel's file says what each is")]
            pub struct Dims {
                $(pub $member: $type),+
            }

            /// See the kernel's file.
            pub const KERNEL: Kernel = Kernel {
                name: stringify!($name),
                entry_point: stringify!($name),
                source: sphere_pow_shaders::train::$source,
                dims_bytes: size_of::<Dims>(),
                dims_members: members!(Dims; $($member),+),
                buffers: &[$(Access::$access),+],
            };
        }
    };
}
pub(crate) use kernel;

/// Every kernel that is no product.
pub const PLAIN: [&Kernel; 21] = [
    &rows::embed::KERNEL,
    &rows::norm::KERNEL,
    &rows::norm_backward::KERNEL,
    &rows::join_branch::KERNEL,
    &rows::add_gradients::KERNEL,
    &rows::squared_relu::KERNEL,
    &rows::squared_relu_backward::KERNEL,
    &rows::quantise::KERNEL,
    &rows::cross_entropy::KERNEL,
    &rows::align_rows::KERNEL,
    &rows::embed_backward::KERNEL,
    &attention::queries::KERNEL,
    &attention::keys::KERNEL,
    &attention::shares::KERNEL,
    &attention::by_shares::KERNEL,
    &attention::join_qkv::KERNEL,
    &tensors::largest::KERNEL,
    &tensors::copy_int8::KERNEL,
    &tensors::plan_step::KERNEL,
    &tensors::moments::KERNEL,
    &tensors::parameters::KERNEL,
];

/// Every kernel.
#[must_use]
pub fn all() -> Vec<&'static Kernel> {
    PLAIN.into_iter().chain([&product::DP4A, &product::F32]).collect()
}

/// A kernel with what it is compiled with, beside its workgroup's size: a name for it, and constants.
pub type Variant = (String, &'static Kernel, Vec<(&'static str, f64)>);

/// Every kernel in every variant that is run, by the methods given.
#[must_use]
pub fn variants(methods: &[Method]) -> Vec<Variant> {
    let threads = ("WG", f64::from(WG));
    let plain = PLAIN.into_iter().flat_map(|kernel| {
        let bits: &[f64] = if kernel.name == "quantise" { &[7.0, 14.0] } else { &[] };
        let by_bits = bits
            .iter()
            .map(move |bits| (format!("{} {bits}", kernel.name), kernel, vec![threads, ("BITS", *bits)]));
        let only = bits.is_empty().then(|| (kernel.name.to_owned(), kernel, vec![threads]));
        by_bits.chain(only).collect::<Vec<_>>()
    });
    let products = methods.iter().flat_map(|method| Sides::ALL.map(|sides| (*method, sides)));
    let products = products.map(|(method, sides)| {
        let constants = [vec![threads], sides.constants()].concat();
        (format!("{} {}", method.name(), sides.name()), method.kernel(), constants)
    });
    plain.chain(products.collect::<Vec<_>>()).collect()
}

/// The kernels on a device, with one way to multiply, and the table that some read.
#[derive(Debug)]
pub struct Kernels {
    method: Method,
    compiled: Vec<(String, Compiled)>,
    exp2_table: wgpu::Buffer,
    /// For bindings that a variant does not read.
    unread: wgpu::Buffer,
}

impl Kernels {
    /// Compiles them, with wgpu's bounds checks if `checked`.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses one.
    pub async fn new(gpu: &Gpu, method: Method, checked: bool) -> Result<Self, GpuError> {
        let variants = variants(&[method]);
        let jobs: Vec<_> =
            variants.iter().map(|(_, kernel, constants)| (*kernel, constants.clone())).collect();
        let all = gpu.compile_kernels(&jobs, checked).await;
        let names = variants.into_iter().map(|(name, ..)| name);
        let compiled: Result<_, _> = names.zip(all).map(|(name, one)| Ok((name, one?))).collect();
        let exp2_table = gpu.buffer("exp2", 1024);
        gpu.write(&exp2_table, 0, bytemuck::cast_slice(&EXP2.map(u32::from)));
        Ok(Self { method, compiled: compiled?, exp2_table, unread: gpu.buffer("unread", 4) })
    }

    /// How they multiply.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    fn get(&self, name: &str) -> &Compiled {
        let found = self.compiled.iter().find(|(other, _)| other == name);
        &found.unwrap_or_else(|| panic!("{name} is compiled")).1
    }
}

/// Rows of mantissas on the device, each with an exponent; a clone is the same memory.
#[derive(Clone, Debug)]
pub struct Rows {
    /// `[rows, width]`: int8, four to a word, or gradients, four to two words.
    pub values: wgpu::Buffer,
    /// `[rows]` i32; [`NONE`] for gradients that are all zero.
    pub exponents: wgpu::Buffer,
}

impl Rows {
    /// Room for int8.
    #[must_use]
    pub fn int8(gpu: &Gpu, rows: usize, width: usize) -> Self {
        let values = gpu.buffer("int8", (rows * width) as u64);
        Self { values, exponents: gpu.buffer("exponents", 4 * rows as u64) }
    }

    /// Room for gradients.
    #[must_use]
    pub fn gradients(gpu: &Gpu, rows: usize, width: usize) -> Self {
        Self::int8(gpu, rows, 2 * width).with_exponents(gpu, rows)
    }

    fn with_exponents(self, gpu: &Gpu, rows: usize) -> Self {
        Self { exponents: gpu.buffer("exponents", 4 * rows as u64), ..self }
    }

    fn hold_int8(&self, rows: usize, width: usize) {
        assert_holds(&self.values, rows, width);
        assert_holds(&self.exponents, rows, 4);
    }

    fn hold_gradients(&self, rows: usize, width: usize) {
        assert_holds(&self.values, rows, 2 * width);
        assert_holds(&self.exponents, rows, 4);
    }
}

/// An int8 copy's exponent: a word of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Exponent<'a> {
    /// Exponents of the copies.
    pub of: &'a wgpu::Buffer,
    /// Which.
    pub at: usize,
}

impl Exponent<'_> {
    fn hold(self) -> u32 {
        assert_holds(self.of, self.at + 1, 4);
        u32_of(self.at)
    }
}

/// What ops are recorded with.
#[derive(Debug)]
pub struct Pass<'a, 'r> {
    /// Where to.
    pub recorder: &'a mut Recorder<'r>,
    /// The kernels.
    pub kernels: &'a Kernels,
}

impl Pass<'_, '_> {
    fn dispatch<D: bytemuck::Pod>(
        &mut self,
        name: &str,
        dims: &D,
        buffers: &[&wgpu::Buffer],
        groups: [usize; 2],
        cost: f64,
    ) -> Result<(), GpuError> {
        let compiled = self.kernels.get(name);
        self.recorder.dispatch(compiled, bytemuck::bytes_of(dims), buffers, groups.map(u32_of), cost)
    }

    /// A kernel with a workgroup for each row of `words` fours of values.
    fn by_rows<D: bytemuck::Pod>(
        &mut self,
        name: &str,
        dims: &D,
        buffers: &[&wgpu::Buffer],
        rows: usize,
        words: usize,
    ) -> Result<(), GpuError> {
        // A row shorter than the workgroup costs as much as one that fills it.
        let cost = WORD_COST * rows as f64 * words.max(WG as usize) as f64;
        self.dispatch(name, dims, buffers, [rows, 1], cost)
    }
}

//! The host side of the kernels in `shaders/`, one module per kernel, all with the kernel's stem.
//!
//! A module holds the kernel's `Dims` as WGSL lays them out, its bindings in order, and a `record` function that
//! cuts the work into dispatches of bounded time.

use super::context::KernelOptions;

pub mod add;
pub mod attention;
pub mod linear;
pub mod linear_wide;
pub mod narrow_all;
pub mod repack;
pub mod rms_norm;
pub mod rope;
pub mod swiglu;
pub mod take_last;
pub mod tile;
pub mod widen_all;

/// Threads in a workgroup of the kernels that are not [`linear`].
pub const WG: u32 = 64;

/// Names and offsets of the members of a `Dims`, for the test that holds them against the kernel's.
macro_rules! members {
    ($dims:ty; $($member:ident),+) => {
        &[$((stringify!($member), std::mem::offset_of!($dims, $member))),+]
    };
}
pub(super) use members;

/// What a kernel does with a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    Write,
}

/// A kernel as its file has it. Binding 0 is always its `Dims`, a uniform; the buffers follow from 1.
#[derive(Debug)]
pub struct Kernel {
    /// The file's stem.
    pub name: &'static str,
    /// The entry point, the stem again.
    pub entry_point: &'static str,
    /// The whole WGSL text.
    pub source: &'static str,
    /// Size of its `Dims` in bytes.
    pub dims_bytes: usize,
    /// Members of its `Dims` with their offsets in bytes.
    pub dims_members: &'static [(&'static str, usize)],
    /// Its storage buffers from binding 1.
    pub buffers: &'static [Access],
}

/// A compiled kernel.
#[derive(Debug)]
pub struct Compiled {
    pub(super) name: &'static str,
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) pipeline: wgpu::ComputePipeline,
}

/// A kernel with its override constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the module of that name")]
pub enum KernelId {
    Repack,
    RmsNorm,
    /// [`linear`] by tiles of [`linear::Tile::Flat`].
    LinearFlat,
    /// [`linear`] by tiles of [`linear::Tile::Square`].
    LinearSquare,
    /// [`linear_wide`] by tiles of [`linear::Tile::Wide`].
    LinearWide,
    /// [`linear_wide`] by tiles of [`linear::Tile::Large`].
    LinearLarge,
    Rope,
    Attention,
    Swiglu,
    Add,
    TakeLast,
    WidenAll,
    NarrowAll,
}

impl KernelId {
    /// Every kernel, in the order of the enum.
    pub const ALL: [Self; 13] = [
        Self::Repack,
        Self::RmsNorm,
        Self::LinearFlat,
        Self::LinearSquare,
        Self::LinearWide,
        Self::LinearLarge,
        Self::Rope,
        Self::Attention,
        Self::Swiglu,
        Self::Add,
        Self::TakeLast,
        Self::WidenAll,
        Self::NarrowAll,
    ];

    /// The kernel behind it.
    #[must_use]
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Self::Repack => &repack::KERNEL,
            Self::RmsNorm => &rms_norm::KERNEL,
            Self::LinearFlat | Self::LinearSquare => &linear::KERNEL,
            Self::LinearWide | Self::LinearLarge => &linear_wide::KERNEL,
            Self::Rope => &rope::KERNEL,
            Self::Attention => &attention::KERNEL,
            Self::Swiglu => &swiglu::KERNEL,
            Self::Add => &add::KERNEL,
            Self::TakeLast => &take_last::KERNEL,
            Self::WidenAll => &widen_all::KERNEL,
            Self::NarrowAll => &narrow_all::KERNEL,
        }
    }

    /// Its override constants by name.
    #[must_use]
    pub fn constants(self, options: KernelOptions) -> Vec<(&'static str, f64)> {
        let native = ("NATIVE_UNPACK", f64::from(u8::from(options.native_unpack)));
        let wg = ("WG", f64::from(WG));
        if let Some(tile) = self.tile() {
            return tile.constants(native);
        }
        match self {
            Self::Repack | Self::TakeLast => vec![wg],
            Self::Attention => vec![wg, native, ("MAX_SEQ", f64::from(options.max_seq.max(1)))],
            _ => vec![wg, native],
        }
    }

    /// Threads of a workgroup along x and y.
    #[must_use]
    pub fn workgroup_size(self) -> [u32; 2] {
        self.tile().map_or([WG, 1], linear::Tile::threads)
    }

    fn tile(self) -> Option<linear::Tile> {
        linear::Tile::ALL.into_iter().find(|tile| tile.kernel() == self)
    }
}

impl Kernel {
    /// The bindings as wgpu wants them declared.
    #[must_use]
    pub fn layout_entries(&self) -> Vec<wgpu::BindGroupLayoutEntry> {
        let entry = |binding, ty, has_dynamic_offset, min_binding_size| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size },
            count: None,
        };
        let dims_bytes = std::num::NonZeroU64::new(self.dims_bytes as u64);
        let dims = entry(0, wgpu::BufferBindingType::Uniform, true, dims_bytes);
        let buffers = (1..).zip(self.buffers).map(|(binding, access)| {
            let read_only = *access == Access::Read;
            entry(binding, wgpu::BufferBindingType::Storage { read_only }, false, None)
        });
        std::iter::once(dims).chain(buffers).collect()
    }

    /// Compiles the text, without wgpu's own run-time checks unless `checked`.
    #[allow(unsafe_code, reason = "bounds checks cost a quarter to a third of the speed of linear")]
    pub(super) fn module(&self, device: &wgpu::Device, checked: bool) -> wgpu::ShaderModule {
        let source = wgpu::ShaderSource::Wgsl(self.source.into());
        let descriptor = wgpu::ShaderModuleDescriptor { label: Some(self.name), source };
        if checked {
            return device.create_shader_module(descriptor);
        }
        // SAFETY: the text is our own and compiled in. No index leaves its buffer: `layout` pads rows and
        // columns of every buffer to whole tiles, the `record` functions assert that the buffers they are given
        // hold the padded shape, and threads beyond the work return first. Every loop counts up to a bound that
        // does not change in it, or halves down to zero. No divisor is zero: they are widths and lengths, at
        // least 1 by `Params`. The tests run every kernel with the checks on as well.
        unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
    }
}

/// Asserts that `buffer` holds `[rows, stride]` f16 values.
///
/// # Panics
/// When it is too short: the kernels would run over its end.
pub(super) fn assert_holds(buffer: &wgpu::Buffer, rows: usize, stride: usize) {
    let needed = rows as u64 * stride as u64 * 2;
    assert!(buffer.size() >= needed, "a buffer of {} bytes for [{rows}, {stride}] f16", buffer.size());
}

/// A size that WGSL counts in u32.
///
/// # Panics
/// When it does not fit: buffers are below 2^31 bytes.
pub(super) fn u32_of(size: usize) -> u32 {
    u32::try_from(size).expect("buffers are below 2^31 bytes")
}

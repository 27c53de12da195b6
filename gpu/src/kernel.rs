//! A kernel as its file has it, and compiled; what the host sides of all kernels share.

/// Threads in a workgroup of the kernels that are no products.
pub const WG: u32 = 64;

/// Names and offsets of the members of a `Dims`, for the test that holds them against the kernel's.
macro_rules! members {
    ($dims:ty; $($member:ident),+) => {
        &[$((stringify!($member), std::mem::offset_of!($dims, $member))),+]
    };
}
pub(crate) use members;

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

/// A compiled kernel; a clone is the same pipeline.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(crate) name: &'static str,
    pub(crate) layout: wgpu::BindGroupLayout,
    pub(crate) pipeline: wgpu::ComputePipeline,
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
    fn module(&self, device: &wgpu::Device, checked: bool) -> wgpu::ShaderModule {
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

impl Compiled {
    pub(crate) fn new(
        device: &wgpu::Device,
        kernel: &Kernel,
        constants: &[(&str, f64)],
        checked: bool,
    ) -> Self {
        let entries = kernel.layout_entries();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(kernel.name),
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let module = kernel.module(device, checked);
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.entry_point),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                // Every kernel writes workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        Self { name: kernel.name, layout, pipeline }
    }
}

/// Asserts that `buffer` holds `rows` rows of `row_bytes`.
///
/// # Panics
/// When it is too short: the kernels would run over its end.
pub(crate) fn assert_holds(buffer: &wgpu::Buffer, rows: usize, row_bytes: usize) {
    let needed = rows as u64 * row_bytes as u64;
    assert!(buffer.size() >= needed, "a buffer of {} bytes for {rows} rows of {row_bytes}", buffer.size());
}

/// A size that WGSL counts in u32.
///
/// # Panics
/// When it does not fit: buffers are below 2^31 bytes.
pub(crate) fn u32_of(size: usize) -> u32 {
    u32::try_from(size).expect("buffers are below 2^31 bytes")
}

//! Adapters: which there are, where they sit, which are usable.

/// An adapter as the machine lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// Place in [`devices`], from 0.
    pub index: usize,
    /// As the driver gives it; where several adapters have the same, with what tells them apart.
    pub name: String,
    /// Where it sits, as `0000:01:00.0`; where the driver says.
    pub pci_address: Option<String>,
    /// The device's own number, the same under every driver and interface; where the driver says.
    pub uuid: Option<String>,
    /// `vulkan`, `metal`, `dx12` or `webgpu`.
    pub backend: String,
    /// Driver name and version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`.
    pub device_type: &'static str,
    /// Memory of the device in bytes, where the backend says it (Vulkan does).
    pub memory_bytes: Option<u64>,
    /// What one buffer and one binding may hold and how large a workgroup may be.
    pub limits: DeviceLimits,
    /// Matrix units for f16 in and f32 out, where the backend tells of them.
    pub matrix_units: Option<MatrixUnits>,
    /// Whether the kernels run on it, else the reason.
    pub usable: Result<(), String>,
}

/// What matrix units multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixUnits {
    /// Rows and columns of a block: 8 or 16.
    pub block: u32,
    /// Threads of the largest subgroup.
    pub subgroup_threads: u32,
}

impl MatrixUnits {
    /// The features a device must be opened with to use them.
    #[must_use]
    pub fn features() -> wgpu::Features {
        wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
            | wgpu::Features::SHADER_F16
            | wgpu::Features::SUBGROUP
    }

    /// The features to open `info` with: those of [`Self::features`] where it has matrix units, else none.
    #[must_use]
    pub fn features_of(info: &DeviceInfo) -> wgpu::Features {
        info.matrix_units.map_or(wgpu::Features::empty(), |_| Self::features())
    }

    fn of(adapter: &wgpu::Adapter) -> Option<Self> {
        use wgpu::CooperativeScalarType::{F16, F32};
        if !adapter.features().contains(Self::features()) {
            return None;
        }
        let fits = |p: &wgpu::CooperativeMatrixProperties| {
            p.m_size == p.n_size && p.n_size == p.k_size && p.ab_type == F16 && p.cr_type == F32
        };
        let blocks = adapter.cooperative_matrix_properties();
        let block = blocks.iter().filter(|p| fits(p)).map(|p| p.m_size).max()?;
        Some(Self { block, subgroup_threads: adapter.get_info().subgroup_max_size })
    }
}

/// The limits that decide what fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceLimits {
    /// Largest buffer in bytes.
    pub buffer_bytes: u64,
    /// Largest storage binding in bytes.
    pub binding_bytes: u64,
    /// Workgroup memory in bytes.
    pub workgroup_bytes: u32,
    /// Threads in a workgroup.
    pub workgroup_threads: u32,
    /// Workgroups in one dimension of a dispatch.
    pub workgroups: u32,
}

/// Beyond this drivers fail though they allow it (Vulkan on Linux, DX12), and 32-bit offsets run out.
const LARGEST_BYTES: u64 = (1 << 31) - (1 << 16);
/// Memory taken where the backend does not say how much there is.
const UNKNOWN_MEMORY_BYTES: u64 = 4_000_000_000;
/// Least workgroup memory the kernels ask for.
pub(super) const WORKGROUP_BYTES: u32 = 16 << 10;
/// Largest workgroup the kernels ask for.
pub(super) const WORKGROUP_THREADS: u32 = 256;
const BINDING_BYTES: u64 = 16 << 20;

impl DeviceLimits {
    /// What `limits` allows, capped where drivers promise more than they keep.
    #[must_use]
    pub fn new(limits: &wgpu::Limits) -> Self {
        let buffer_bytes = limits.max_buffer_size.min(LARGEST_BYTES);
        Self {
            buffer_bytes,
            binding_bytes: limits.max_storage_buffer_binding_size.min(buffer_bytes),
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            workgroup_threads: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x),
            workgroups: limits.max_compute_workgroups_per_dimension.min(65535),
        }
    }

    fn reason_against(&self) -> Option<String> {
        let below = |what, got: u64, least: u64| {
            (got < least).then(|| format!("{what} is {got}, the kernels need {least}"))
        };
        below("workgroup memory in bytes", self.workgroup_bytes.into(), WORKGROUP_BYTES.into())
            .or(below("threads in a workgroup", self.workgroup_threads.into(), WORKGROUP_THREADS.into()))
            .or(below("workgroups in a dimension", self.workgroups.into(), 65535))
            .or(below("storage binding in bytes", self.binding_bytes, BINDING_BYTES))
    }
}

impl DeviceInfo {
    pub(super) fn rank(&self) -> (bool, u8) {
        let kind = match self.device_type {
            "discrete" => 0,
            "integrated" => 1,
            "virtual" => 2,
            "other" => 3,
            _ => 4,
        };
        (self.usable.is_err(), kind)
    }

    /// The memory an executor may take unless told otherwise: four fifths, or 4 GB where the backend does not tell.
    #[must_use]
    pub fn default_memory_bytes(&self) -> u64 {
        self.memory_bytes.map_or(UNKNOWN_MEMORY_BYTES, |bytes| bytes / 5 * 4)
    }

    /// Where in `all`, listed anew, this adapter stands: others may have come or gone meanwhile.
    #[must_use]
    pub fn find_among(&self, all: &[&Self]) -> Option<usize> {
        let driver = |info: &Self| (info.backend.clone(), info.driver.clone(), info.device_type);
        let place = |info: &Self| (info.uuid.clone(), info.pci_address.clone());
        let is_same = |info: &Self| driver(info) == driver(self) && place(info) == place(self);
        let same: Vec<usize> = (0..all.len()).filter(|ix| is_same(all[*ix])).collect();
        match same[..] {
            [only] if place(self) != (None, None) => Some(only),
            _ => same.into_iter().find(|ix| all[*ix].index == self.index),
        }
    }

    /// The name as the driver gives it, without what tells adapters of one name apart.
    fn plain_name(&self) -> &str {
        let number = format!(" number {}", self.index);
        let place = self.pci_address.as_ref().map(|place| format!(" at {place}"));
        let name = self.name.strip_suffix(&number).unwrap_or(&self.name);
        place.and_then(|place| name.strip_suffix(&place)).unwrap_or(name)
    }

    /// Whether two entries may be one device: by where it sits where both say it, else by name.
    fn may_be(&self, other: &Self) -> bool {
        match (&self.pci_address, &other.pci_address) {
            (Some(one), Some(other)) => one == other,
            _ => self.plain_name() == other.plain_name(),
        }
    }

    /// Whether it is a software driver on the CPU.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.device_type == "cpu"
    }
}

/// One entry for each physical device: Windows lists a GPU for Vulkan and for DX12. Vulkan's is kept where both are there.
#[must_use]
pub fn one_of_each(all: Vec<DeviceInfo>) -> Vec<DeviceInfo> {
    // performance: Vulkan is the faster way where both are there.
    let (mut kept, dx12): (Vec<_>, Vec<_>) = all.into_iter().partition(|info| info.backend != "dx12");
    let mut twins: Vec<DeviceInfo> = kept.iter().filter(|info| info.backend == "vulkan").cloned().collect();
    for info in dx12 {
        match twins.iter().position(|twin| twin.may_be(&info)) {
            // Each stands for one: of two cards of a name, the one that Vulkan lacks is not lost.
            Some(place) => drop(twins.swap_remove(place)),
            None => kept.push(info),
        }
    }
    kept
}

/// Every adapter of the machine in the order of its drivers, usable or not.
pub async fn devices() -> Vec<DeviceInfo> {
    adapters().await.into_iter().map(|(info, _)| info).collect()
}

pub(super) async fn adapters() -> Vec<(DeviceInfo, wgpu::Adapter)> {
    let adapters = listed().await;
    let described = adapters.into_iter().enumerate();
    let described = described.map(|(index, (adapter, note))| (describe(index, &adapter, note), adapter));
    let mut all: Vec<_> = described.collect();
    name_apart(all.iter_mut().map(|(info, _)| info).collect());
    all
}

/// Adapters, with what is to be said of how they are driven.
#[cfg(target_family = "wasm")]
async fn listed() -> Vec<(wgpu::Adapter, &'static str)> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    let adapters = wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::BROWSER_WEBGPU).await;
    adapters.into_iter().map(|adapter| (adapter, "")).collect()
}

/// Adapters, with what is to be said of how they are driven.
#[cfg(not(target_family = "wasm"))]
async fn listed() -> Vec<(wgpu::Adapter, &'static str)> {
    use wgpu::Dx12Compiler::Fxc;
    let of = async |backends, compiler: wgpu::Dx12Compiler| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = backends;
        descriptor.backend_options.dx12.shader_compiler = compiler;
        wgpu::Instance::new(descriptor).enumerate_adapters(backends).await
    };
    let dxc = wgpu::Dx12Compiler::default_dynamic_dxc();
    let others = of(wgpu::Backends::VULKAN | wgpu::Backends::METAL, dxc.clone()).await;
    let mut all: Vec<_> = others.into_iter().map(|adapter| (adapter, "")).collect();
    // The old compiler takes packed dot products apart and is slow: it is used where there is no other, and said then.
    let by_dxc = of(wgpu::Backends::DX12, dxc).await;
    if by_dxc.is_empty() {
        let by_fxc = of(wgpu::Backends::DX12, Fxc).await;
        all.extend(
            by_fxc.into_iter().map(|adapter| (adapter, "compiled by FXC: dxcompiler.dll is not found")),
        );
    } else {
        all.extend(by_dxc.into_iter().map(|adapter| (adapter, "")));
    }
    all
}

/// Tells adapters of one name apart, by where they sit or else by index: every message then says which is meant.
pub(super) fn name_apart(mut all: Vec<&mut DeviceInfo>) {
    let names: Vec<String> = all.iter().map(|info| info.name.clone()).collect();
    let places: Vec<Option<String>> = all.iter().map(|info| info.pci_address.clone()).collect();
    for (ix, info) in all.iter_mut().enumerate() {
        let others = (0..names.len()).filter(|other| *other != ix && names[*other] == names[ix]);
        let others: Vec<usize> = others.collect();
        if others.is_empty() {
            continue;
        }
        match &places[ix] {
            Some(place) if others.iter().all(|other| places[*other] != places[ix]) => {
                info.name.push_str(&format!(" at {place}"));
            }
            _ => info.name.push_str(&format!(" number {}", info.index)),
        }
    }
}

fn describe(index: usize, adapter: &wgpu::Adapter, note: &str) -> DeviceInfo {
    let info = adapter.get_info();
    let limits = DeviceLimits::new(&adapter.limits());
    let capabilities = adapter.get_downlevel_capabilities();
    let lacks = |flag, what: &str| (!capabilities.flags.contains(flag)).then(|| format!("it has no {what}"));
    let against = lacks(wgpu::DownlevelFlags::COMPUTE_SHADERS, "compute shaders")
        .or(lacks(wgpu::DownlevelFlags::SHADER_F16_IN_F32, "conversions from f16 to f32"))
        .or(limits.reason_against());
    DeviceInfo {
        index,
        // Browsers may keep it to themselves.
        name: if info.name.is_empty() { "unnamed".to_owned() } else { info.name },
        pci_address: Some(info.device_pci_bus_id.to_lowercase()).filter(|address| !address.is_empty()),
        #[cfg(not(target_family = "wasm"))]
        uuid: vulkan_uuid(adapter),
        #[cfg(target_family = "wasm")]
        uuid: None,
        backend: info.backend.to_string(),
        driver: format!("{} {} {note}", info.driver, info.driver_info).trim().to_owned(),
        device_type: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "cpu",
            wgpu::DeviceType::Other => "other",
        },
        #[cfg(not(target_family = "wasm"))]
        memory_bytes: vulkan_memory(adapter),
        #[cfg(target_family = "wasm")]
        memory_bytes: None,
        limits,
        matrix_units: MatrixUnits::of(adapter),
        usable: against.map_or(Ok(()), Err),
    }
}

/// Size of the largest device-local heap; `None` on other backends, which do not tell through wgpu.
#[cfg(not(target_family = "wasm"))]
#[allow(unsafe_code, reason = "wgpu has no safe way to ask for the size of the memory")]
fn vulkan_memory(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the hal adapter is only read, by a query that every Vulkan 1.0 driver has and that takes no more
    // than the physical device it belongs to; nothing is destroyed or kept.
    unsafe {
        let vulkan = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = vulkan.shared_instance().raw_instance();
        let memory = instance.get_physical_device_memory_properties(vulkan.raw_physical_device());
        let heaps = memory.memory_heaps.iter().take(memory.memory_heap_count as usize);
        // Bit 0 of the flags is VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.
        heaps.filter(|heap| heap.flags.as_raw() & 1 == 1).map(|heap| heap.size).max()
    }
}

/// The device's UUID, in the form `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`; `None` on other backends and under Vulkan 1.0.
#[cfg(not(target_family = "wasm"))]
#[allow(unsafe_code, reason = "wgpu has no safe way to ask for the UUID")]
fn vulkan_uuid(adapter: &wgpu::Adapter) -> Option<String> {
    const VULKAN_1_1: u32 = ash::vk::API_VERSION_1_1;
    // SAFETY: as above; the query is part of Vulkan 1.1, which instance and device are asked for first, and writes
    // into structures that live as long as the call.
    let bytes = unsafe {
        let vulkan = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let shared = vulkan.shared_instance();
        let (instance, device) = (shared.raw_instance(), vulkan.raw_physical_device());
        let version = instance.get_physical_device_properties(device).api_version;
        if shared.instance_api_version().min(version) < VULKAN_1_1 {
            return None;
        }
        let mut ids = ash::vk::PhysicalDeviceIDProperties::default();
        let mut properties = ash::vk::PhysicalDeviceProperties2::default().push_next(&mut ids);
        instance.get_physical_device_properties2(device, &mut properties);
        ids.device_uuid
    };
    let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]];
    bytes.iter().any(|byte| *byte != 0).then(|| parts.map(hex).join("-"))
}

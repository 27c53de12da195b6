//! What kernels declare against what their host side says, by naga's reflection.

use naga::back::PipelineConstants;
use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess, TypeInner};
use sphere_pow_gpu::device::{DeviceInfo, DeviceLimits, MatrixUnits};
use sphere_pow_gpu::exact;
use sphere_pow_gpu::exact::choose::candidates;
use sphere_pow_gpu::gonka::kernels::KernelId;
use sphere_pow_gpu::gonka::kernels::KernelOptions;
use sphere_pow_gpu::gonka::kernels::linear::{Leaves, Tile};
use sphere_pow_gpu::gonka::kernels::linear_matrix::MatrixTile;
use sphere_pow_gpu::kernel::{Access, Kernel};
use sphere_pow_gpu::probe::SUBGROUP_WIDTH;
use sphere_pow_gpu::train;

/// A kernel with the constants it is compiled with.
#[derive(Clone, Debug)]
pub struct Variant {
    /// `gonka`, `exact`, `train`, or `probe` for what measures a device.
    pub profile: &'static str,
    /// Profile, kernel and what sets it apart from the kernel's other variants.
    pub name: String,
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Its override constants.
    pub constants: Vec<(&'static str, f64)>,
}

impl Variant {
    /// Whether it multiplies on matrix units.
    #[must_use]
    pub fn needs_matrix_units(&self) -> bool {
        self.kernel.source.contains("enable wgpu_cooperative_matrix;")
    }

    /// Whether it computes with f16.
    #[must_use]
    pub fn needs_f16(&self) -> bool {
        self.kernel.source.contains("enable f16;")
    }

    /// The capabilities of naga that it needs: what wgpu grants a device opened for it.
    pub fn capabilities(&self) -> Capabilities {
        let plain = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
        if self.needs_f16() && !self.needs_matrix_units() {
            plain | Capabilities::SHADER_FLOAT16
        } else if self.needs_matrix_units() {
            plain | Capabilities::SHADER_FLOAT16 | Capabilities::COOPERATIVE_MATRIX | Capabilities::SUBGROUP
        } else {
            plain
        }
    }
}

/// An adapter that has everything, blocks of `block` included.
#[must_use]
pub fn ideal(block: u32) -> DeviceInfo {
    let limits = wgpu::Limits { max_compute_workgroup_storage_size: 32 << 10, ..wgpu::Limits::default() };
    DeviceInfo {
        index: 0,
        name: "ideal".into(),
        pci_address: None,
        uuid: None,
        backend: "vulkan".into(),
        driver: String::new(),
        device_type: "discrete",
        memory_bytes: None,
        limits: DeviceLimits::new(&limits),
        matrix_units: Some(MatrixUnits { block, subgroup_threads: 32 }),
        usable: Ok(()),
    }
}

/// Every tile that a device may make `gonka`'s products by, with its name.
#[must_use]
pub fn gonka_tiles() -> Vec<(String, Tile)> {
    let plain = Tile::PLAIN.into_iter().chain([Tile::Halves]);
    let plain = plain.map(|tile| (format!("Linear{tile:?}"), tile));
    let metal = DeviceInfo { backend: "metal".into(), ..ideal(8) };
    // AMD's subgroups are of 32 or of 64 threads.
    let wide = MatrixUnits { block: 16, subgroup_threads: 64 };
    let wide = DeviceInfo { matrix_units: Some(wide), ..ideal(16) };
    let devices = [metal, ideal(8), ideal(16), wide];
    let matrix = devices.iter().flat_map(MatrixTile::for_device).map(|tile| {
        let (rows, columns, threads) = (tile.rows(), tile.columns(), tile.threads());
        let MatrixTile { block, form, .. } = tile;
        let name = format!("LinearMatrix coop{block} {form:?} {rows}x{columns} by {threads} threads");
        (name, Tile::Matrix(tile))
    });
    let matrix = matrix.collect::<Vec<_>>();
    plain.chain(matrix).collect()
}

/// Every tile with what it may leave, by name.
#[must_use]
pub fn gonka_products() -> Vec<(String, Tile, Leaves)> {
    let tiles = gonka_tiles().into_iter();
    let both = tiles.flat_map(|(name, tile)| {
        let gated = format!("{name} gated");
        [(name, tile, Leaves::Sums), (gated, tile, Leaves::Gated)]
    });
    both.collect()
}

/// Every kernel of both profiles in every variant that a device may run.
#[must_use]
pub fn variants() -> Vec<Variant> {
    let mut all = Vec::new();
    for native in [false, true] {
        let options = KernelOptions {
            checked: false,
            native_unpack: native,
            native_pack: native,
            ahead: true,
            max_seq: 1024,
        };
        let plain = KernelId::ALL.map(|id| (format!("{id:?}"), id.kernel(), id.constants(options)));
        let products = gonka_products().into_iter();
        let products =
            products.map(|(name, tile, leaves)| (name, tile.kernel(leaves), tile.constants(options)));
        for (name, kernel, constants) in plain.into_iter().chain(products) {
            let has_native = constants.iter().any(|(name, _)| *name == "NATIVE_UNPACK");
            if has_native || !native {
                let name = format!("gonka {name}{}", if native { " native" } else { "" });
                all.push(Variant { profile: "gonka", name, kernel, constants });
            }
        }
    }
    let constants = vec![("THREADS", 256.0)];
    let (profile, kernel) = ("probe", &SUBGROUP_WIDTH);
    all.push(Variant { profile, name: "probe subgroup_width".into(), kernel, constants });
    for kernel in exact::kernels::ALL.into_iter().filter(|kernel| !kernel.name.starts_with("linear")) {
        let constants = vec![("WG", f64::from(exact::kernels::WG))];
        // One text for products of int8, another for those of f16.
        let is_second = all.iter().any(|one| one.profile == "exact" && one.kernel.name == kernel.name);
        let name = format!("exact {}{}", kernel.name, if is_second { " f16" } else { "" });
        all.push(Variant { profile: "exact", name, kernel, constants });
    }
    // Both blocks are alike in what has no matrix units.
    let coop8 = candidates(&ideal(8), Some(exact::Method::Coop8));
    for variant in coop8.into_iter().chain(candidates(&ideal(16), None)) {
        let (name, constants) = (format!("exact {variant}"), variant.constants());
        all.push(Variant { profile: "exact", name, kernel: variant.kernel(), constants });
    }
    for (name, kernel, constants) in train::kernels::variants(&train::Method::ALL) {
        all.push(Variant { profile: "train", name: format!("train {name}"), kernel, constants });
    }
    all
}

/// A variant as a driver gets it: validated, its constants put in.
///
/// # Panics
/// When naga refuses it, or it does not declare one of its constants.
#[must_use]
pub fn resolve(variant: &Variant) -> (Module, ModuleInfo) {
    let kernel = variant.kernel;
    let module = parse(kernel);
    let mut constants = PipelineConstants::default();
    for (name, value) in &variant.constants {
        let declared = module.overrides.iter().any(|(_, other)| other.name.as_deref() == Some(name));
        assert!(declared, "{}: {name} is not declared", variant.name);
        constants.insert((*name).to_owned(), *value);
    }
    let mut validator = Validator::new(ValidationFlags::all(), variant.capabilities());
    let info = validator.validate(&module);
    let info = info.unwrap_or_else(|e| panic!("{}: {}", variant.name, e.emit_to_string(kernel.source)));
    put_constants(&variant.name, kernel.entry_point, &module, &info, &constants)
}

/// A text of no constants, validated.
///
/// # Panics
/// With naga's message, when it is not WGSL or not valid.
#[must_use]
pub fn resolve_text(entry_point: &str, source: &str) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source);
    let module = module.unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    let info = info.unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    put_constants(entry_point, entry_point, &module, &info, &PipelineConstants::default())
}

fn put_constants(
    name: &str,
    entry_point: &str,
    module: &Module,
    info: &ModuleInfo,
    constants: &PipelineConstants,
) -> (Module, ModuleInfo) {
    let entry = Some((ShaderStage::Compute, entry_point));
    let resolved = process_overrides(module, info, entry, constants);
    let (module, info) = resolved.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    (module.into_owned(), info.into_owned())
}

/// Parses a kernel's text.
///
/// # Panics
/// With naga's message, when it is not WGSL.
#[must_use]
pub fn parse(kernel: &Kernel) -> Module {
    naga::front::wgsl::parse_str(kernel.source)
        .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(kernel.source)))
}

/// Names of what differs, so that the planted faults below can be seen to be caught.
#[must_use]
pub fn differences(kernel: &Kernel, module: &Module) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    let bound = module.global_variables.iter().filter_map(|(_, var)| Some((var, var.binding?)));
    let bound: Vec<_> = bound.collect();
    expect(bound.len() == 1 + kernel.buffers.len(), format!("{} bindings", bound.len()));
    for (var, place) in bound {
        let name = var.name.clone().unwrap_or_default();
        expect(place.group == 0, format!("{name} is in group {}", place.group));
        if place.binding == 0 {
            expect(var.space == AddressSpace::Uniform, format!("{name} is no uniform"));
            let TypeInner::Struct { members, span } = &module.types[var.ty].inner else {
                expect(false, format!("{name} is no struct"));
                continue;
            };
            expect(*span as usize == kernel.dims_bytes, format!("{name} has {span} bytes"));
            let members: Vec<_> =
                members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset as usize)).collect();
            let ours: Vec<_> = kernel.dims_members.iter().map(|(n, at)| ((*n).to_owned(), *at)).collect();
            expect(members == ours, format!("{name} has {members:?}"));
        } else {
            let access = match var.space {
                AddressSpace::Storage { access } if access == StorageAccess::LOAD => Some(Access::Read),
                AddressSpace::Storage { access } if access == StorageAccess::LOAD | StorageAccess::STORE => {
                    Some(Access::Write)
                }
                _ => None,
            };
            let ours = kernel.buffers.get(place.binding as usize - 1).copied();
            expect(access.is_some() && access == ours, format!("{name} at {} is {access:?}", place.binding));
        }
    }
    let entry_points: Vec<&str> = module.entry_points.iter().map(|e| e.name.as_str()).collect();
    expect(entry_points == [kernel.entry_point], format!("entry points {entry_points:?}"));
    expect(kernel.entry_point == kernel.name, "the entry point has another name than the file".into());
    found
}

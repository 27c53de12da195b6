//! What the kernels of the `exact` profile declare against what their host side says, by naga's reflection. Includes
//! the kernels for matrix units, which software drivers do not have.

use naga::back::PipelineConstants;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ScalarKind, ShaderStage, TypeInner};
use sphere_pow_gpu::exact::choose::candidates;
use sphere_pow_gpu::exact::kernels::{ALL, WG, linear};
use sphere_pow_gpu::kernel::Kernel;
use sphere_pow_tests::layout::{differences, ideal, parse};
use std::collections::BTreeSet;
use std::path::Path;

fn validate(kernel: &Kernel, module: &Module) -> ModuleInfo {
    // Asked of every device.
    let mut needed = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    if kernel.name == "linear_coop" {
        needed |= Capabilities::SHADER_FLOAT16 | Capabilities::COOPERATIVE_MATRIX | Capabilities::SUBGROUP;
    }
    let mut validator = Validator::new(ValidationFlags::all(), needed);
    validator.validate(module).unwrap_or_else(|error| panic!("{}: {error:?}", kernel.name))
}

#[test]
fn bindings_members_and_entry_points_are_what_rust_says() {
    for kernel in ALL {
        assert_eq!(differences(kernel, &parse(kernel)), [""; 0], "{}", kernel.name);
    }
}

#[test]
fn kernels_validate_and_take_every_constant_they_declare() {
    for kernel in ALL.into_iter().filter(|kernel| !kernel.name.starts_with("linear")) {
        let module = parse(kernel);
        validate(kernel, &module);
        let names: Vec<_> = module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
        assert_eq!(names, ["WG"], "{}", kernel.name);
    }
}

#[test]
fn every_variant_of_linear_has_the_threads_and_memory_that_rust_says() {
    let mut methods = BTreeSet::new();
    for variant in [8, 16].into_iter().flat_map(|block| candidates(&ideal(block), None)) {
        methods.insert(variant.method);
        let kernel = variant.kernel();
        let module = parse(kernel);
        let info = validate(kernel, &module);
        let mut constants = PipelineConstants::default();
        for (name, value) in variant.constants() {
            assert!(
                module.overrides.iter().any(|(_, o)| o.name.as_deref() == Some(name)),
                "{variant}: {name}"
            );
            constants.insert(name.to_owned(), value);
        }
        let entry = Some((ShaderStage::Compute, kernel.entry_point));
        let (module, _) =
            naga::back::pipeline_constants::process_overrides(&module, &info, entry, &constants)
                .unwrap_or_else(|error| panic!("{variant}: {error:?}"));
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert_eq!([x, y, z], [variant.wg_x, variant.wg_y, 1], "{variant}");
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes");
        let shared = module.global_variables.iter().filter(|(_, var)| var.space == AddressSpace::WorkGroup);
        let bytes: u32 = shared.map(|(_, var)| layouter[var.ty].size).sum();
        assert_eq!(bytes as usize, variant.workgroup_bytes(), "{variant}");
    }
    assert_eq!(methods.into_iter().collect::<Vec<_>>(), linear::Method::ALL);
}

#[test]
fn other_kernels_keep_to_the_least_workgroup_memory() {
    for kernel in ALL.into_iter().filter(|kernel| !kernel.name.starts_with("linear")) {
        let module = parse(kernel);
        let info = validate(kernel, &module);
        let mut constants = PipelineConstants::default();
        constants.insert("WG".to_owned(), f64::from(WG));
        let entry = Some((ShaderStage::Compute, kernel.entry_point));
        let (module, _) =
            naga::back::pipeline_constants::process_overrides(&module, &info, entry, &constants)
                .unwrap_or_else(|error| panic!("{}: {error:?}", kernel.name));
        assert_eq!(module.entry_points[0].workgroup_size, [WG, 1, 1], "{}", kernel.name);
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes");
        let shared = module.global_variables.iter().filter(|(_, var)| var.space == AddressSpace::WorkGroup);
        let bytes: u32 = shared.map(|(_, var)| layouter[var.ty].size).sum();
        assert!(bytes <= 16 << 10, "{}: {bytes} bytes", kernel.name);
    }
}

#[test]
fn only_kernels_that_say_so_know_floats() {
    for kernel in ALL
        .into_iter()
        .filter(|kernel| !["linear_f32", "linear_f32_wide", "linear_coop"].contains(&kernel.name))
        // Integers go to matrix units as f16.
        .filter(|kernel| !kernel.source.contains("// operand_f16: "))
    {
        let is_float = |inner: &TypeInner| inner.scalar().is_some_and(|s| s.kind == ScalarKind::Float);
        let module = parse(kernel);
        assert!(!module.types.iter().any(|(_, ty)| is_float(&ty.inner)), "{} declares a float", kernel.name);
        let code = kernel.source.lines().map(|line| line.split("//").next().unwrap_or_default());
        assert!(
            code.into_iter().all(|line| !line.contains("f32") && !line.contains("f16")),
            "{}",
            kernel.name
        );
    }
}

#[test]
fn every_kernel_file_has_a_host_side_and_names_its_rule_and_twin() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders/exact");
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let stems: BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("the folder of shaders")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .map(|path| {
            let stem = path.file_stem().expect("a stem").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(text.starts_with(&format!("// {stem}: SPEC §")), "{stem} names its section");
            let twin =
                text.lines().take(3).find_map(|line| line.split(' ').find(|w| w.starts_with("core/src")));
            let twin = twin.unwrap_or_else(|| panic!("{stem} names its twin")).trim_end_matches(',');
            assert!(core.join(twin).exists(), "{stem}: there is no {twin}");
            assert!(text.lines().take(20).any(|line| line.starts_with("// Dispatch: ")), "{stem}: dispatch");
            assert!(text.lines().count() <= 200, "{stem} is too long");
            stem
        })
        .collect();
    let ours: BTreeSet<String> = ALL.iter().map(|kernel| kernel.name.to_owned()).collect();
    assert_eq!(stems, ours);
}

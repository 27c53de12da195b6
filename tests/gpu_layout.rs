//! What the kernels declare against what their host side says, by naga's reflection.

use naga::back::PipelineConstants;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, ShaderStage};
use sphere_pow_gpu::gonka::kernels::KernelId;
use sphere_pow_gpu::gonka::kernels::KernelOptions;
use sphere_pow_gpu::kernel::{Access, Kernel};
use sphere_pow_tests::layout::{differences, parse};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn bindings_members_and_entry_points_are_what_rust_says() {
    for id in KernelId::ALL {
        let kernel = id.kernel();
        assert_eq!(differences(kernel, &parse(kernel)), [""; 0], "{}", kernel.name);
    }
}

#[test]
fn a_moved_member_a_swapped_access_and_a_missing_buffer_are_caught() {
    let kernel = KernelId::Repack.kernel();
    let module = parse(kernel);
    let with = |dims_members, buffers| Kernel {
        name: kernel.name,
        entry_point: kernel.entry_point,
        source: kernel.source,
        dims_bytes: kernel.dims_bytes,
        dims_members,
        buffers,
    };
    let moved = &[("cols", 0), ("rows", 4), ("vecs", 8)];
    assert_eq!(differences(&with(moved, kernel.buffers), &module).len(), 1);
    let swapped = &[Access::Write, Access::Read];
    assert_eq!(differences(&with(kernel.dims_members, swapped), &module).len(), 2);
    assert!(!differences(&with(kernel.dims_members, &[Access::Read]), &module).is_empty());
}

#[test]
fn kernels_validate_and_keep_to_their_threads_and_workgroup_memory() {
    for id in KernelId::ALL {
        let kernel = id.kernel();
        let module = parse(kernel);
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16_IN_FLOAT32);
        let info = validator.validate(&module).unwrap_or_else(|e| panic!("{}: {e:?}", kernel.name));
        let options = KernelOptions { checked: true, native_unpack: true, max_seq: 1024 };
        let mut constants = PipelineConstants::default();
        for (name, value) in id.constants(options) {
            constants.insert(name.to_owned(), value);
        }
        let named: BTreeSet<&str> = id.constants(options).into_iter().map(|(name, _)| name).collect();
        for (_, constant) in module.overrides.iter() {
            let name = constant.name.as_deref().unwrap_or_default();
            let derived = ["THREADS", "ROW_QUADS", "COLUMN_QUADS", "X_TILE", "W_TILE"].contains(&name);
            assert!(derived || named.contains(name), "{id:?}: {name} is left at its default");
        }
        let entry = Some((ShaderStage::Compute, kernel.entry_point));
        let (module, _) =
            naga::back::pipeline_constants::process_overrides(&module, &info, entry, &constants)
                .unwrap_or_else(|e| panic!("{id:?}: {e:?}"));
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert_eq!([x, y], id.workgroup_size(), "{id:?}");
        assert!(z == 1 && x * y <= 256, "{id:?}: {x} by {y} by {z} threads");
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes");
        let shared = module.global_variables.iter().filter(|(_, var)| var.space == AddressSpace::WorkGroup);
        let bytes: u32 = shared.map(|(_, var)| layouter[var.ty].size).sum();
        assert!(bytes <= 16 << 10, "{id:?}: {bytes} bytes of workgroup memory");
    }
}

#[test]
fn every_kernel_file_has_a_host_side_and_names_its_rule_and_twin() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders/gonka");
    let stems: BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("the folder of shaders")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .map(|path| {
            let stem = path.file_stem().expect("a stem").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(text.starts_with(&format!("// {stem}: SPEC §")), "{stem} names its section");
            assert!(text.lines().take(3).any(|line| line.contains("Twin: ")), "{stem} names its twin");
            assert!(text.lines().take(20).any(|line| line.starts_with("// Dispatch: ")), "{stem}: dispatch");
            assert!(text.lines().count() <= 200, "{stem} is too long");
            stem
        })
        .collect();
    let ours: BTreeSet<String> = KernelId::ALL.iter().map(|id| id.kernel().name.to_owned()).collect();
    assert_eq!(stems, ours);
}

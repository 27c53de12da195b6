//! What the kernels of training declare against what their host side says, by naga's reflection.

use naga::{AddressSpace, ScalarKind, TypeInner};
use sphere_pow_gpu::train::kernels::{WG, all};
use sphere_pow_tests::layout::{differences, parse, resolve, variants};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn bindings_members_and_entry_points_are_what_rust_says() {
    for kernel in all() {
        assert_eq!(differences(kernel, &parse(kernel)), [""; 0], "{}", kernel.name);
        // What WebGPU promises at least.
        assert!(kernel.buffers.len() <= 8, "{} has {} buffers", kernel.name, kernel.buffers.len());
    }
}

#[test]
fn variants_set_every_constant_and_keep_to_the_least_workgroup_memory() {
    for variant in variants().iter().filter(|variant| variant.profile == "train") {
        let named: BTreeSet<&str> = variant.constants.iter().map(|(name, _)| *name).collect();
        let declared = parse(variant.kernel);
        let declared: BTreeSet<_> =
            declared.overrides.iter().filter_map(|(_, constant)| constant.name.as_deref()).collect();
        assert_eq!(named, declared, "{}", variant.name);
        let (module, _) = resolve(variant);
        assert_eq!(module.entry_points[0].workgroup_size, [WG, 1, 1], "{}", variant.name);
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes");
        let shared = module.global_variables.iter().filter(|(_, var)| var.space == AddressSpace::WorkGroup);
        let bytes: u32 = shared.map(|(_, var)| layouter[var.ty].size).sum();
        assert!(bytes <= 16 << 10, "{}: {bytes} bytes", variant.name);
    }
}

#[test]
fn only_the_kernel_that_says_so_knows_floats() {
    for kernel in all().into_iter().filter(|kernel| kernel.name != "product_f32") {
        let is_float = |inner: &TypeInner| inner.scalar().is_some_and(|s| s.kind == ScalarKind::Float);
        let module = parse(kernel);
        assert!(!module.types.iter().any(|(_, ty)| is_float(&ty.inner)), "{} declares a float", kernel.name);
        let code = kernel.source.lines().map(|line| line.split("//").next().unwrap_or_default());
        assert!(code.into_iter().all(|line| !line.contains("f32")), "{}", kernel.name);
    }
}

#[test]
fn every_kernel_file_has_a_host_side_and_names_its_rule_and_twin() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = std::fs::read_dir(root.join("shaders/train")).expect("the folder of shaders");
    let files = files.map(|entry| entry.expect("an entry").path());
    let stems: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .map(|path| {
            let stem = path.file_stem().expect("a stem").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(text.starts_with(&format!("// {stem}: SPEC §IV.")), "{stem} names its section");
            let twin =
                text.lines().next().and_then(|line| line.split(' ').find(|w| w.starts_with("core/src")));
            let twin = twin.unwrap_or_else(|| panic!("{stem} names its twin")).trim_end_matches(',');
            assert!(root.join(twin).exists(), "{stem}: there is no {twin}");
            assert!(text.lines().take(20).any(|line| line.starts_with("// Dispatch: ")), "{stem}: dispatch");
            stem
        })
        .collect();
    let ours: BTreeSet<String> = all().iter().map(|kernel| kernel.name.to_owned()).collect();
    assert_eq!(stems, ours);
}

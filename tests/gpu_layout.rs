//! What the kernels declare against what their host side says, by naga's reflection.

use naga::AddressSpace;
use sphere_pow_gpu::gonka::kernels::{KernelId, KernelOptions};
use sphere_pow_gpu::kernel::{Access, Kernel, WG};
use sphere_pow_tests::layout::{Variant, differences, gonka_products, parse, resolve};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn bindings_members_and_entry_points_are_what_rust_says() {
    let products = gonka_products().into_iter().map(|(_, tile, leaves)| tile.kernel(leaves));
    for kernel in KernelId::ALL.map(KernelId::kernel).into_iter().chain(products) {
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

/// A kernel with its constants and what the host says of it: threads, and most bytes of workgroup memory.
fn hold(
    name: &str,
    kernel: &'static Kernel,
    constants: Vec<(&'static str, f64)>,
    threads: [u32; 2],
    most: usize,
) {
    let declared = parse(kernel);
    let named: BTreeSet<&str> = constants.iter().map(|(name, _)| *name).collect();
    for (_, constant) in declared.overrides.iter() {
        let constant = constant.name.as_deref().unwrap_or_default();
        let of_plain =
            ["THREADS", "ROW_QUADS", "QUADS", "TILE", "TILES", "BLOCKS", "X_BLOCKS", "SIDE", "ROUND"];
        let of_attention = ["QUERY_WORDS", "SCORES", "SHARE"];
        let of_matrix = ["COLUMNS", "PARTS", "X_PARTS", "W_PARTS", "STAGE", "W_TILE"];
        let derived = match kernel.name {
            "linear_matrix" => &of_matrix[..],
            "attention" => &of_attention,
            _ => &of_plain,
        };
        assert!(
            derived.contains(&constant) || named.contains(constant),
            "{name}: {constant} is left at its default"
        );
    }
    let variant = Variant { profile: "gonka", name: name.to_owned(), kernel, constants };
    let (module, _) = resolve(&variant);
    let [x, y, z] = module.entry_points[0].workgroup_size;
    assert_eq!([x, y], threads, "{name}");
    assert!(z == 1 && x * y <= 256, "{name}: {x} by {y} by {z} threads");
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).expect("sizes");
    let shared = module.global_variables.iter().filter(|(_, var)| var.space == AddressSpace::WorkGroup);
    let bytes: u32 = shared.map(|(_, var)| layouter[var.ty].size).sum();
    assert!(bytes as usize <= most, "{name}: {bytes} bytes of workgroup memory");
}

#[test]
fn kernels_validate_and_keep_to_their_threads_and_workgroup_memory() {
    let options =
        KernelOptions { checked: true, native_unpack: true, native_pack: true, ahead: true, max_seq: 1024 };
    for id in KernelId::ALL {
        hold(&format!("{id:?}"), id.kernel(), id.constants(options), [WG, 1], 16 << 10);
    }
    for (name, tile, leaves) in gonka_products() {
        hold(&name, tile.kernel(leaves), tile.constants(options), tile.threads(), tile.workgroup_bytes());
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
    let products = gonka_products().into_iter().map(|(_, tile, leaves)| tile.kernel(leaves));
    let ours = KernelId::ALL.map(KernelId::kernel).into_iter().chain(products);
    let ours: BTreeSet<String> = ours.map(|kernel| kernel.name.to_owned()).collect();
    assert_eq!(stems, ours);
}

//! Every kernel and variant through naga to what Vulkan, Metal and DX12 get, without any of them: nothing is refused,
//! and each needs of a device what shaders/README.md says.

use naga::back::hlsl::ShaderModel;
use naga::back::spv::Capability;
use naga::{Expression, Handle, TypeInner};
use sphere_pow_tests::layout::{Variant, resolve, variants};
use sphere_pow_tests::translate::{DOT_PRODUCTS, declared, direct_x, metal, spirv};
use std::collections::{BTreeMap, BTreeSet};

/// What a device opened with `MatrixUnits::features` has beyond the least.
const MATRIX_UNITS: [Capability; 4] = [
    Capability::Float16,
    Capability::GroupNonUniform,
    Capability::CooperativeMatrixKHR,
    Capability::VulkanMemoryModel,
];

/// What naga is offered for a variant: what its text enables.
fn offered(variant: &Variant) -> &'static [Capability] {
    match (variant.needs_matrix_units(), variant.needs_f16()) {
        (true, _) => &MATRIX_UNITS,
        (false, true) => &MATRIX_UNITS[..1],
        (false, false) => &[],
    }
}

/// Column "needs" of the tables in shaders/README.md, by path of the kernel.
fn needs_in_readme() -> BTreeMap<String, BTreeSet<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders/README.md");
    let text = std::fs::read_to_string(path).expect("the README");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let quoted =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let needs: BTreeSet<String> = quoted(cells[5]).into_iter().collect();
        quoted(cells[1]).into_iter().map(move |kernel| (kernel, needs.clone())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_variant_becomes_spirv_and_needs_what_the_readme_says() {
    let readme = needs_in_readme();
    let mut seen = BTreeSet::new();
    for variant in variants() {
        let place = format!("{}/{}.wgsl", variant.profile, variant.kernel.name);
        let needs = readme.get(&place).unwrap_or_else(|| panic!("shaders/README.md has no row of {place}"));
        for version in [(1, 3), (1, 5), (1, 6)] {
            let words = spirv(&variant, version, offered(&variant));
            let words = words.unwrap_or_else(|error| panic!("{}: {error}", variant.name));
            assert_eq!(&declared(&words), needs, "{} as SPIR-V {version:?}", variant.name);
        }
        // Where the device has packed dot products, they are all that is added.
        let all = [offered(&variant), &DOT_PRODUCTS].concat();
        let words = spirv(&variant, (1, 6), &all).unwrap_or_else(|error| panic!("{}: {error}", variant.name));
        let added: BTreeSet<String> = &declared(&words) - needs;
        let multiplies_words = variant.kernel.source.contains("dot4I8Packed");
        let dot = BTreeSet::from(["DotProduct", "DotProductInput4x8BitPacked"].map(str::to_owned));
        assert_eq!(added, if multiplies_words { dot } else { BTreeSet::new() }, "{}", variant.name);
        println!("{}: {:?}", variant.name, declared(&words));
        seen.insert(place);
    }
    assert_eq!(seen, readme.into_keys().collect(), "rows of shaders/README.md");
}

/// What Metal has not, though naga writes it: the sum of two matrices, and a matrix loaded from vectors.
fn foreign_to_metal(variant: &Variant) -> Vec<&'static str> {
    let (module, info) = resolve(variant);
    let mut found = Vec::new();
    let entry = (&module.entry_points[0].function, info.get_entry_point(0));
    for (function, info) in module.functions.iter().map(|(at, function)| (function, &info[at])).chain([entry])
    {
        for (at, expression) in function.expressions.iter() {
            let inner = |at: Handle<Expression>| info[at].ty.inner_with(&module.types);
            match expression {
                Expression::Binary { .. } if matches!(inner(at), TypeInner::CooperativeMatrix { .. }) => {
                    found.push("a sum of matrices");
                }
                Expression::CooperativeLoad { data, .. } => {
                    let from = inner(data.pointer).pointer_base_type().expect("a pointer");
                    if !matches!(from.inner_with(&module.types), TypeInner::Scalar(_)) {
                        found.push("a load from vectors");
                    }
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn what_metal_has_not_is_seen() {
    let all = variants();
    let quads =
        all.iter().find(|variant| variant.name.contains("coop8 Quads")).expect("a variant for Vulkan");
    let found = foreign_to_metal(quads);
    for what in ["a sum of matrices", "a load from vectors"] {
        assert!(found.contains(&what), "{found:?}");
    }
}

#[test]
fn every_variant_becomes_msl() {
    for variant in variants() {
        // Matrix units want 2.3, and blocks of 16 are not Metal's.
        let versions: &[(u8, u8)] = if variant.needs_matrix_units() { &[(2, 3)] } else { &[(2, 0), (3, 0)] };
        for version in versions {
            let text = metal(&variant, *version).unwrap_or_else(|error| panic!("{}: {error}", variant.name));
            assert!(
                text.contains(&format!("kernel void {}", variant.kernel.entry_point)),
                "{}",
                variant.name
            );
            let is_metals = variant.profile == "exact" || variant.name.contains("Halves");
            if variant.needs_matrix_units() && variant.name.contains("coop8") && is_metals {
                assert!(text.contains("simdgroup_half8x8"), "{}", variant.name);
                assert_eq!(foreign_to_metal(&variant), [""; 0], "{}", variant.name);
            }
        }
    }
}

#[test]
fn every_variant_but_those_for_matrix_units_becomes_hlsl() {
    // naga has no matrix units for DX12, and wgpu offers them on none of its adapters.
    for variant in variants().iter().filter(|variant| !variant.needs_matrix_units()) {
        for model in [ShaderModel::V5_1, ShaderModel::V6_0, ShaderModel::V6_4, ShaderModel::V6_6] {
            let text = direct_x(variant, model).unwrap_or_else(|error| panic!("{}: {error}", variant.name));
            let calls_dot = text.contains("dot4add_i8packed(");
            let may = model >= ShaderModel::V6_4 && variant.kernel.source.contains("dot4I8Packed");
            assert_eq!(calls_dot, may, "{} for {model:?}: the packed dot product", variant.name);
        }
    }
}

#[test]
fn a_capability_that_is_not_offered_is_refused() {
    let all = variants();
    let coop = all.iter().find(|variant| variant.needs_matrix_units()).expect("a variant for matrix units");
    let error = spirv(coop, (1, 6), &[Capability::Float16]).expect_err("no matrix units are offered");
    assert!(error.contains("CooperativeMatrix"), "{error}");
}

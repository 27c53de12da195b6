//! Kernels as drivers get them: through naga with the options that wgpu-hal 30 gives it for trusted modules without
//! initialised workgroup memory (`vulkan/device.rs`, `metal/device.rs`, `dx12/device.rs`).

use crate::layout::{Variant, resolve};
use naga::back::spv::Capability;
use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::{ResourceBinding, ShaderStage};
use std::collections::BTreeSet;

const UNCHECKED: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Unchecked,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

/// What packed dot products are made of where a Vulkan device has them.
pub const DOT_PRODUCTS: [Capability; 3] =
    [Capability::DotProduct, Capability::DotProductInput4x8BitPacked, Capability::DotProductInput4x8Bit];

fn bindings(variant: &Variant) -> impl Iterator<Item = (ResourceBinding, u32)> {
    let count = u32::try_from(variant.kernel.buffers.len()).expect("few buffers");
    (0..=count).map(|binding| (ResourceBinding { group: 0, binding }, binding))
}

/// SPIR-V of the version, `offered` being what the device was opened with beyond the least.
///
/// # Errors
/// What naga says.
pub fn spirv(variant: &Variant, version: (u8, u8), offered: &[Capability]) -> Result<Vec<u32>, String> {
    let (module, info) = resolve(variant);
    let least = [Capability::Shader, Capability::Matrix, Capability::DerivativeControl];
    let options = spv::Options {
        lang_version: version,
        flags: spv::WriterFlags::LABEL_VARYINGS,
        capabilities: Some(least.into_iter().chain(offered.iter().copied()).collect()),
        bounds_check_policies: UNCHECKED,
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        // Nothing goes between stages.
        use_storage_input_output_16: false,
        ..spv::Options::default()
    };
    let entry_point = variant.kernel.entry_point.to_owned();
    let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point };
    spv::write_vec(&module, &info, &options, Some(&pipeline)).map_err(|error| error.to_string())
}

/// The capabilities that a SPIR-V module declares, by name, but for `Shader`, which all have.
#[must_use]
pub fn declared(words: &[u32]) -> BTreeSet<String> {
    // OpCapability is 17, and all of them come first.
    let mut rest = &words[5..];
    let mut found = BTreeSet::new();
    while let [0x0002_0011, number, tail @ ..] = rest {
        found.extend(Capability::from_u32(*number).map(|capability| format!("{capability:?}")));
        rest = tail;
    }
    found.remove("Shader");
    found
}

/// MSL of the version.
///
/// # Errors
/// What naga says.
pub fn metal(variant: &Variant, version: (u8, u8)) -> Result<String, String> {
    let (module, info) = resolve(variant);
    let entry_point = variant.kernel.entry_point.to_owned();
    let target = |(binding, slot): (ResourceBinding, u32)| {
        let buffer = Some(u8::try_from(slot).expect("few buffers"));
        let mutable =
            slot > 0 && variant.kernel.buffers[slot as usize - 1] == sphere_pow_gpu::kernel::Access::Write;
        (binding, msl::BindTarget { buffer, mutable, ..msl::BindTarget::default() })
    };
    let resources = msl::EntryPointResources {
        resources: bindings(variant).map(target).collect(),
        sizes_buffer: Some(30),
        ..msl::EntryPointResources::default()
    };
    let options = msl::Options {
        lang_version: version,
        per_entry_point_map: [(entry_point.clone(), resources)].into(),
        fake_missing_bindings: false,
        bounds_check_policies: UNCHECKED,
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        ..msl::Options::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, entry_point)),
        ..msl::PipelineOptions::default()
    };
    let written = msl::write_string(&module, &info, &options, &pipeline);
    let (text, info) = written.map_err(|error| error.to_string())?;
    // A binding that is missing shows here.
    info.entry_point_names[0].as_ref().map_err(ToString::to_string)?;
    Ok(text)
}

/// HLSL for a shader model: 5.1 is FXC's.
///
/// # Errors
/// What naga says.
pub fn direct_x(variant: &Variant, shader_model: hlsl::ShaderModel) -> Result<String, String> {
    let (module, info) = resolve(variant);
    let target =
        |(binding, register)| (binding, hlsl::BindTarget { register, ..hlsl::BindTarget::default() });
    let options = hlsl::Options {
        shader_model,
        binding_map: bindings(variant).map(target).collect(),
        fake_missing_bindings: false,
        zero_initialize_workgroup_memory: false,
        restrict_indexing: false,
        force_loop_bounding: false,
        ..hlsl::Options::default()
    };
    let entry_point = Some((ShaderStage::Compute, variant.kernel.entry_point.to_owned()));
    let pipeline = hlsl::PipelineOptions { entry_point };
    let mut text = String::new();
    let mut writer = hlsl::Writer::new(&mut text, &options, &pipeline);
    let reflection = writer.write(&module, &info, None).map_err(|error| error.to_string())?;
    reflection.entry_point_names[0].as_ref().map_err(ToString::to_string)?;
    Ok(text)
}

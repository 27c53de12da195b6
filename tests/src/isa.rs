//! Kernels through a Vulkan driver's own compiler, without running them: `VK_KHR_pipeline_executable_properties` tells
//! what it made. By `ash`, because wgpu submits work when it opens a device, which a device without hardware loses.
#![allow(unsafe_code, reason = "Vulkan has no safe interface that compiles and does not submit")]

use crate::layout::{Variant, variants};
use crate::translate::{DOT_PRODUCTS, spirv};
use ash::{khr, vk};
use naga::back::spv::Capability;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};

/// What a compiler made of a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compiled {
    /// [`Variant::name`].
    pub name: String,
    /// The driver's statistics by its own names, whole numbers.
    pub statistics: BTreeMap<String, u64>,
    /// The assembly.
    pub assembly: String,
}

/// A driver and what it made of every variant it can take.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The device's name.
    pub device: String,
    /// Every variant, but those for matrix units where it has none.
    pub compiled: Vec<Compiled>,
}

/// Compiles every variant with `part` in its name on the first device of the Vulkan driver in the environment.
///
/// # Errors
/// The first call that failed, or the kernel that was refused.
pub fn report(part: &str) -> Result<Report, String> {
    // SAFETY: the loader is the system's; calling into it is what this program is for.
    let entry = unsafe { ash::Entry::load() }.map_err(|error| error.to_string())?;
    let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
    let create = vk::InstanceCreateInfo::default().application_info(&application);
    // SAFETY: `create` holds valid pointers for the call.
    let instance = unsafe { entry.create_instance(&create, None) }.map_err(|error| error.to_string())?;
    // SAFETY: `instance` is alive here and outlives what `Compiler` makes of it; it is left to the process's end.
    let compiler = unsafe { Compiler::open(&instance) }.map_err(|error| error.to_string())?;
    let mut compiled = Vec::new();
    for variant in variants().into_iter().filter(|variant| variant.name.contains(part)) {
        if variant.needs_matrix_units() && !compiler.has_matrix_units {
            continue;
        }
        // SAFETY: naga validated the module and made SPIR-V that the device's features cover.
        let one = unsafe { compiler.compile(&variant) };
        compiled.push(one.map_err(|error| format!("{}: {error}", variant.name))?);
    }
    Ok(Report { device: compiler.name.clone(), compiled })
}

struct Compiler {
    name: String,
    device: ash::Device,
    executables: khr::pipeline_executable_properties::Device,
    has_matrix_units: bool,
}

impl Compiler {
    /// # Safety
    /// `instance` must be alive, and outlive the compiler.
    unsafe fn open(instance: &ash::Instance) -> Result<Self, vk::Result> {
        // SAFETY: by the caller's promise, and every structure holds pointers to locals that outlive the call.
        unsafe {
            let all = instance.enumerate_physical_devices()?;
            let physical = *all.first().ok_or(vk::Result::ERROR_INITIALIZATION_FAILED)?;
            let properties = instance.get_physical_device_properties(physical);
            let name = CStr::from_ptr(properties.device_name.as_ptr()).to_string_lossy().into_owned();
            let extensions = instance.enumerate_device_extension_properties(physical)?;
            let has = |wanted: &CStr| {
                extensions.iter().any(|have| CStr::from_ptr(have.extension_name.as_ptr()) == wanted)
            };
            let has_matrix_units = has(khr::cooperative_matrix::NAME);
            let mut names = vec![khr::pipeline_executable_properties::NAME.as_ptr()];
            if has_matrix_units {
                names.push(khr::cooperative_matrix::NAME.as_ptr());
            }
            let mut v13 = vk::PhysicalDeviceVulkan13Features::default().shader_integer_dot_product(true);
            let mut v12 = vk::PhysicalDeviceVulkan12Features::default()
                .shader_float16(true)
                .vulkan_memory_model(true)
                .vulkan_memory_model_device_scope(true);
            let mut v11 = vk::PhysicalDeviceVulkan11Features::default()
                .storage_buffer16_bit_access(true)
                .uniform_and_storage_buffer16_bit_access(true);
            let mut executable = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
                .pipeline_executable_info(true);
            let mut matrices =
                vk::PhysicalDeviceCooperativeMatrixFeaturesKHR::default().cooperative_matrix(true);
            let queue = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
            let mut create = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queue)
                .enabled_extension_names(&names)
                .push_next(&mut v13)
                .push_next(&mut v12)
                .push_next(&mut v11)
                .push_next(&mut executable);
            if has_matrix_units {
                create = create.push_next(&mut matrices);
            }
            let device = instance.create_device(physical, &create, None)?;
            let executables = khr::pipeline_executable_properties::Device::new(instance, &device);
            Ok(Self { name, device, executables, has_matrix_units })
        }
    }

    /// # Safety
    /// The variant's SPIR-V must be valid for the device.
    unsafe fn compile(&self, variant: &Variant) -> Result<Compiled, String> {
        let matrices = [
            Capability::Float16,
            Capability::GroupNonUniform,
            Capability::CooperativeMatrixKHR,
            Capability::VulkanMemoryModel,
        ];
        let offered = [&DOT_PRODUCTS[..], &matrices].concat();
        let words = spirv(variant, (1, 6), &offered)?;
        let name = CString::new(variant.kernel.entry_point).map_err(|error| error.to_string())?;
        let count = u32::try_from(variant.kernel.buffers.len()).expect("few buffers");
        let binding = |binding| {
            let ty = if binding == 0 {
                vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC
            } else {
                vk::DescriptorType::STORAGE_BUFFER
            };
            vk::DescriptorSetLayoutBinding::default()
                .binding(binding)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
                .descriptor_type(ty)
        };
        let bindings: Vec<_> = (0..=count).map(binding).collect();
        // SAFETY: by the caller's promise; every structure holds pointers to locals that outlive its call. What is
        // made here is left to the end of the process.
        let made = unsafe {
            let set = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            let set = self.device.create_descriptor_set_layout(&set, None).map_err(|e| e.to_string())?;
            let sets = [set];
            let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = self.device.create_pipeline_layout(&layout, None).map_err(|e| e.to_string())?;
            let module = vk::ShaderModuleCreateInfo::default().code(&words);
            let module = self.device.create_shader_module(&module, None).map_err(|e| e.to_string())?;
            // As wgpu does where it opens a device with subgroups.
            let flags = if variant.needs_matrix_units() {
                vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE
            } else {
                vk::PipelineShaderStageCreateFlags::empty()
            };
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(&name)
                .flags(flags);
            let create = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout).flags(
                vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                    | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
            );
            self.device.create_compute_pipelines(vk::PipelineCache::null(), &[create], None)
        };
        let pipeline = made.map_err(|(_, error)| error.to_string())?[0];
        let executable = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(0);
        // SAFETY: the pipeline was just made, with the flags that these calls want, and has one executable.
        let statistics = unsafe { self.executables.get_pipeline_executable_statistics(&executable) };
        let statistics = statistics.map_err(|error| error.to_string())?;
        let number = |statistic: &vk::PipelineExecutableStatisticKHR<'_>| {
            // SAFETY: the driver ended the name with a zero, and `format` says which member of the union it set.
            let (name, value) = unsafe {
                let is_number = statistic.format == vk::PipelineExecutableStatisticFormatKHR::UINT64;
                let value = if is_number { Some(statistic.value.u64) } else { None };
                (CStr::from_ptr(statistic.name.as_ptr()), value)
            };
            value.map(|value| (name.to_string_lossy().into_owned(), value))
        };
        let statistics = statistics.iter().filter_map(number).collect();
        // SAFETY: as above.
        let assembly = unsafe { self.assembly(&executable) }.map_err(|error| error.to_string())?;
        Ok(Compiled { name: variant.name.clone(), statistics, assembly })
    }

    /// The last of the representations: what the hardware would run.
    ///
    /// # Safety
    /// The executable must be of a pipeline that captures its representations.
    unsafe fn assembly(&self, executable: &vk::PipelineExecutableInfoKHR<'_>) -> Result<String, vk::Result> {
        let call = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        let device = self.device.handle();
        let mut count = 0;
        // SAFETY: Vulkan's way to ask for an array: how many, then their sizes, then their contents into memory of
        // those sizes, which lives until the end.
        unsafe {
            call(device, executable, &mut count, std::ptr::null_mut()).result()?;
            let mut all = vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
            call(device, executable, &mut count, all.as_mut_ptr()).result()?;
            let mut texts: Vec<Vec<u8>> = all.iter().map(|one| vec![0; one.data_size]).collect();
            for (one, text) in all.iter_mut().zip(&mut texts) {
                one.p_data = text.as_mut_ptr().cast();
            }
            call(device, executable, &mut count, all.as_mut_ptr()).result()?;
            let text = texts.pop().unwrap_or_default();
            Ok(String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned())
        }
    }
}

/// Instructions that multiply and add, as AMD's assembly begins them.
const MULTIPLIES: [&str; 5] = ["v_fma", "v_fmac", "v_dual_fmac", "v_dot4", "v_wmma"];

/// A loop in assembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Instructions from its label to its branch back.
    pub instructions: usize,
    /// Those that multiply and add.
    pub multiplies: usize,
}

/// The loop of AMD's assembly whose share of multiplying instructions is largest, if any loop multiplies.
#[must_use]
pub fn inner_loop(assembly: &str) -> Option<Loop> {
    let mut labels = BTreeMap::new();
    let mut code: Vec<&str> = Vec::new();
    for line in assembly.lines() {
        let line = line.split(';').next().unwrap_or_default().trim();
        match line.strip_suffix(':') {
            Some(label) => drop(labels.insert(label, code.len())),
            None if line.is_empty() => {}
            None => code.push(line),
        }
    }
    let backward = code.iter().enumerate().filter_map(|(at, line)| {
        let (op, target) = line.split_once(' ')?;
        let first = *labels.get(target.trim())?;
        (op.starts_with("s_branch") || op.starts_with("s_cbranch")).then_some(first..at + 1)
    });
    let loops = backward.filter(|range| !range.is_empty()).map(|range| Loop {
        instructions: range.len(),
        multiplies: code[range].iter().filter(|line| MULTIPLIES.iter().any(|m| line.starts_with(m))).count(),
    });
    loops.filter(|one| one.multiplies > 0).max_by_key(|one| one.multiplies * 1_000_000 / one.instructions)
}

/// Code of every loop of AMD's assembly that multiplies on matrix units, without loops around it.
fn matrix_loops(assembly: &str) -> Vec<Vec<&str>> {
    let blocks = assembly.split("\nBB").map(|block| block.lines().map(str::trim).collect::<Vec<_>>());
    // A block that multiplies and is gone back to; the prototype's and ours are a block each.
    let is_loop = |block: &Vec<&str>| block.iter().any(|line| line.starts_with("v_wmma"));
    blocks.filter(is_loop).collect()
}

/// The first register of each operand that an instruction names as `v[8:15]` or `v8`.
fn registers(line: &str) -> Vec<u32> {
    let operands = line.split(';').next().unwrap_or_default().split_whitespace().skip(1);
    let number = |operand: &str| {
        let rest = operand.trim_end_matches(',').strip_prefix('v')?;
        let rest = rest.strip_prefix('[').map_or(rest, |range| range.split(':').next().unwrap_or_default());
        rest.parse().ok()
    };
    operands.filter_map(number).collect()
}

/// How many instructions of the loops that multiply on matrix units copy an accumulator, and how many those loops have for each
/// multiplication, rounded up; `None` where there is no such loop.
#[must_use]
pub fn accumulator_moves(assembly: &str) -> Option<(usize, usize)> {
    let mut most = None;
    for code in matrix_loops(assembly) {
        let products = code.iter().filter(|line| line.starts_with("v_wmma")).count();
        let first: BTreeSet<u32> =
            code.iter().filter(|line| line.starts_with("v_wmma")).map(|line| registers(line)[0]).collect();
        // A block of 256 f32 takes 8 registers of a wave of 32 and 4 of one of 64, for which the text names 8, too.
        let overlap = first.iter().zip(first.iter().skip(1)).any(|(low, high)| high - low < 8);
        let size = if overlap { 4 } else { 8 };
        let is_sum = |register: &u32| first.iter().any(|first| (*first..first + size).contains(register));
        let copies = |line: &&&str| line.starts_with("v_mov") || line.starts_with("v_dual_mov");
        let moves = code.iter().filter(copies).filter(|line| registers(line).iter().any(&is_sum)).count();
        let instructions = code.iter().filter(|line| !line.is_empty() && !line.starts_with(';')).count();
        let (known, length) = most.unwrap_or((0, 0));
        most = Some((known + moves, length.max(instructions.div_ceil(products))));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_of_an_accumulator_is_seen() {
        let text = |line: &str| {
            format!(
                "BB0:\n\tv_mov_b32_e32 v8, v9 ; x\nBB1:\n\tv_wmma_f32_16x16x16_f16 v[8:15], v[24:31], v[40:47], v[8:15]\n\
                 \tv_wmma_f32_16x16x16_f16 v[16:23], v[24:31], v[40:47], v[16:23]\n\t{line} ; y\n\ts_branch BB1\n"
            )
        };
        assert_eq!(accumulator_moves(&text("v_mov_b32_e32 v24, v50")), Some((0, 3)));
        assert_eq!(accumulator_moves(&text("v_mov_b32_e32 v50, v22")), Some((1, 3)));
        assert_eq!(accumulator_moves(&text("v_mov_b32_e32 v11, v22")), Some((1, 3)));
        assert_eq!(accumulator_moves("BB0:\n\tv_mov_b32_e32 v8, v9\n"), None);
        // Waves of 64: v[8:15] and v[12:19] are four registers each.
        let wide = text("v_mov_b32_e32 v20, v50").replace("v[16:23]", "v[12:19]");
        assert_eq!(accumulator_moves(&wide), Some((0, 3)));
    }

    #[test]
    fn the_inner_loop_is_the_one_that_multiplies_most() {
        let text = "BB0:\n\ts_nop 0 ; bf80\nBB1:\n\tv_mov v0, 1\nBB2:\n\tv_fmac_f32 v0, v1, v2 ; a\n\tds_read v3\n\
                    \tv_dot4_i32 v0\n\ts_cbranch_scc1 BB2 ; b\n\tv_fma_f32 v0\n\ts_branch BB1\n\ts_branch BB9\nBB9:\n";
        assert_eq!(inner_loop(text), Some(Loop { instructions: 4, multiplies: 2 }));
        assert_eq!(inner_loop("BB0:\n\tv_fma_f32 v0\n\ts_branch BB1\nBB1:\n"), None);
    }
}

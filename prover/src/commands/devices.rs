//! `sphere-pow devices`.

use super::output::Output;
use crate::error::ProverError;
use serde::Serialize;
use sphere_pow_core::gonka::Preset;
use sphere_pow_cpu::simd::Simd;
use sphere_pow_gpu::{DeviceInfo, GpuExecutor, devices};
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Serialize)]
struct Devices {
    cpu: Cpu,
    adapters: Vec<Adapter>,
}

#[derive(Serialize)]
struct Cpu {
    instructions: &'static str,
    threads: usize,
    presets: Vec<PresetFit>,
}

#[derive(Serialize)]
struct Adapter {
    index: usize,
    name: String,
    backend: String,
    driver: String,
    kind: &'static str,
    memory_bytes: Option<u64>,
    max_buffer_bytes: u64,
    max_binding_bytes: u64,
    max_workgroup_bytes: u32,
    /// Why it cannot be used; null when it can.
    unusable: Option<String>,
    presets: Vec<PresetFit>,
}

#[derive(Serialize)]
struct PresetFit {
    preset: &'static str,
    /// Memory needed for one nonce at a time.
    needed_bytes: u64,
    /// Why it cannot be mined; null when it can.
    unfit: Option<String>,
}

pub(super) fn run(out: &Output) -> Result<ExitCode, ProverError> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let cpu = Cpu { instructions: Simd::best().level().name(), threads, presets: cpu_presets() };
    let found = Devices { cpu, adapters: pollster::block_on(devices()).into_iter().map(adapter).collect() };
    out.result(&found, || describe(&found))?;
    Ok(ExitCode::SUCCESS)
}

fn cpu_presets() -> Vec<PresetFit> {
    let needed = |preset: Preset| {
        let params = preset.params();
        // The pool in f16 and the widest activations in f32: gate and up.
        2 * params.pool_len() as u64 + 8 * (params.seq_len() * params.hidden()) as u64
    };
    Preset::ALL
        .into_iter()
        .map(|preset| PresetFit { preset: preset.name(), needed_bytes: needed(preset), unfit: None })
        .collect()
}

fn adapter(info: DeviceInfo) -> Adapter {
    let fit = |preset: Preset| {
        let params = preset.params();
        let needed_bytes = GpuExecutor::memory_needed(&params, 1).unwrap_or(0);
        let memory = GpuExecutor::default_memory_bytes(&info);
        let unfit = match (&info.usable, GpuExecutor::max_batch(&info, &params, memory)) {
            (Err(reason), _) => Some(reason.clone()),
            (Ok(()), Err(limit)) => Some(limit.to_string()),
            (Ok(()), Ok(0)) => Some(format!("needs {} of {} usable", bytes(needed_bytes), bytes(memory))),
            (Ok(()), Ok(_)) => None,
        };
        PresetFit { preset: preset.name(), needed_bytes, unfit }
    };
    let presets = Preset::ALL.into_iter().map(fit).collect();
    Adapter {
        index: info.index,
        name: info.name,
        backend: info.backend,
        driver: info.driver,
        kind: info.device_type,
        memory_bytes: info.memory_bytes,
        max_buffer_bytes: info.limits.buffer_bytes,
        max_binding_bytes: info.limits.binding_bytes,
        max_workgroup_bytes: info.limits.workgroup_bytes,
        unusable: info.usable.err(),
        presets,
    }
}

/// Bytes in the unit that reads best.
fn bytes(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let n = n as f64;
    if n >= 1e9 { format!("{:.1} GB", n / 1e9) } else { format!("{:.0} MB", n / 1e6) }
}

fn describe(found: &Devices) -> String {
    let mut text = format!("CPU: {}, {} threads\n", found.cpu.instructions, found.cpu.threads);
    describe_presets(&mut text, &found.cpu.presets);
    if found.adapters.is_empty() {
        text.push_str("\nNo GPU adapter: install a Vulkan, Metal or DX12 driver.\n");
    }
    for adapter in &found.adapters {
        let memory = adapter.memory_bytes.map_or("memory unknown".into(), |n| format!("{} memory", bytes(n)));
        let _ = writeln!(
            text,
            "\nGPU {}: {} ({}, {}, {})\n  {memory}, buffers to {}, bindings to {}, workgroup memory {} kB",
            adapter.index,
            adapter.name,
            adapter.kind,
            adapter.backend,
            adapter.driver,
            bytes(adapter.max_buffer_bytes),
            bytes(adapter.max_binding_bytes),
            adapter.max_workgroup_bytes / 1024,
        );
        match &adapter.unusable {
            Some(reason) => {
                let _ = writeln!(text, "  not usable: {reason}");
            }
            None => describe_presets(&mut text, &adapter.presets),
        }
    }
    text
}

fn describe_presets(text: &mut String, presets: &[PresetFit]) {
    for fit in presets {
        let verdict = fit.unfit.as_deref().unwrap_or("can be mined");
        let _ = writeln!(text, "  {:<9} {:>7}  {verdict}", fit.preset, bytes(fit.needed_bytes));
    }
}

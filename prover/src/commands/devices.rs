//! `sphere-pow devices`.

use crate::console::Output;
use crate::error::ProverError;
use crate::memory;
use crate::profiles::{Machine, Visitor, with_profile};
use serde::Serialize;
use sphere_pow_core::profile::{Model, ProfileName};
use sphere_pow_cpu::simd::Simd;
use sphere_pow_gpu::{DeviceInfo, devices};
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Devices {
    cpu: Cpu,
    adapters: Vec<Adapter>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cpu {
    instructions: &'static str,
    threads: usize,
    presets: Vec<PresetFit>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adapter {
    index: usize,
    name: String,
    /// As `0000:01:00.0`; null where the driver does not say.
    pci_address: Option<String>,
    /// Null where the driver does not say.
    uuid: Option<String>,
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
#[serde(rename_all = "camelCase")]
struct PresetFit {
    profile: ProfileName,
    preset: &'static str,
    /// Memory needed for one nonce at a time.
    needed_bytes: u64,
    /// Why it cannot be mined; null when it can.
    unfit: Option<String>,
}

pub(super) fn run(out: &Output) -> Result<ExitCode, ProverError> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let cpu = Cpu { instructions: Simd::best().level().name(), threads, presets: presets(None) };
    let found = Devices { cpu, adapters: pollster::block_on(devices()).into_iter().map(adapter).collect() };
    out.result(&found, || describe(&found))?;
    Ok(ExitCode::SUCCESS)
}

/// Every preset of a profile, on an adapter or on the CPU.
struct Fits<'a>(Option<&'a DeviceInfo>);

impl Visitor for Fits<'_> {
    type Output = Vec<PresetFit>;
    fn visit<P: Machine>(self) -> Vec<PresetFit> {
        let fit = |preset: &&'static str| {
            let params = P::Params::from_name(preset)?;
            let (needed_bytes, unfit) = match self.0 {
                None => cpu_fit(P::cpu_bytes(&params)),
                Some(info) => P::gpu_fit(info, &params),
            };
            let unfit = self.0.and_then(|info| info.usable.clone().err()).or(unfit);
            Some(PresetFit { profile: P::NAME, preset, needed_bytes, unfit })
        };
        P::Params::PRESETS.iter().filter_map(fit).collect()
    }
}

/// The need, and why it cannot be met by the memory that is left here: the machine's, the container's or the process's.
fn cpu_fit(needed_bytes: u64) -> (u64, Option<String>) {
    let left = memory::available_bytes().filter(|left| *left < needed_bytes);
    let unfit =
        |left: u64| format!("needs {} of {} MB left", needed_bytes.div_ceil(1_000_000), left / 1_000_000);
    (needed_bytes, left.map(unfit))
}

fn presets(info: Option<&DeviceInfo>) -> Vec<PresetFit> {
    ProfileName::ALL.into_iter().flat_map(|name| with_profile(name, Fits(info))).collect()
}

fn adapter(info: DeviceInfo) -> Adapter {
    Adapter {
        presets: presets(Some(&info)),
        index: info.index,
        name: info.name,
        pci_address: info.pci_address,
        uuid: info.uuid,
        backend: info.backend,
        driver: info.driver,
        kind: info.device_type,
        memory_bytes: info.memory_bytes,
        max_buffer_bytes: info.limits.buffer_bytes,
        max_binding_bytes: info.limits.binding_bytes,
        max_workgroup_bytes: info.limits.workgroup_bytes,
        unusable: info.usable.err(),
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
        let places = [("PCI", &adapter.pci_address), ("UUID", &adapter.uuid)];
        let places: Vec<String> =
            places.iter().filter_map(|(what, value)| Some(format!("{what} {}", value.as_ref()?))).collect();
        if !places.is_empty() {
            let _ = writeln!(text, "  {}", places.join(", "));
        }
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
        let _ = writeln!(
            text,
            "  {:<6} {:<9} {:>7}  {verdict}",
            fit.profile.as_str(),
            fit.preset,
            bytes(fit.needed_bytes)
        );
    }
}

//! Every kernel through AMD's compiler for cards that are not here: Mesa's RADV makes a device without hardware. No
//! kernel spills or takes scratch memory, waves stay where they are, and inner loops mostly multiply.
//! Kernels for matrix units go through a newer RADV, which `tests/drivers` unpacks.
#![cfg(target_os = "linux")]

use sphere_pow_tests::isa::{Report, accumulator_moves, inner_loop};
use sphere_pow_tests::layout::variants;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cards, as `RADV_FORCE_FAMILY` calls them.
const FAMILIES: [(&str, &str); 2] = [("navi21", "RDNA2"), ("gfx1100", "RDNA3")];

/// What holds for a kernel whose name begins so, the longest such beginning counts.
struct Bound {
    name: &'static str,
    /// Waves per SIMD at least, on RDNA2 and RDNA3.
    waves: [u64; 2],
    /// Share of multiplying instructions in the inner loop at least, in percent; 0 where products are not the point.
    multiplies: usize,
    /// Vector registers that may be spilled, on RDNA2 and RDNA3.
    spilled: [u64; 2],
}

const fn bound(name: &'static str, waves: [u64; 2], multiplies: usize) -> Bound {
    Bound { name, waves, multiplies, spilled: [0, 0] }
}

const BOUNDS: [Bound; 28] = [
    bound("gonka", [24, 32], 0),
    bound("gonka Attention", [6, 6], 0),
    // A wave of 64 rows of 64 columns fills what workgroup memory allows.
    bound("gonka LinearFlat", [8, 8], 81),
    bound("gonka LinearSquare", [16, 16], 81),
    bound("gonka LinearWide", [4, 4], 90),
    bound("gonka LinearLarge", [10, 16], 90),
    // Two tiles of 16 KiB.
    bound("gonka LinearStaged", [8, 8], 90),
    // f16 in v_fma_mix_f32.
    bound("gonka LinearHalves", [8, 8], 89),
    bound("exact", [24, 32], 0),
    bound("exact attention", [8, 8], 0),
    bound("exact leaf", [20, 32], 0),
    bound("exact dp4a 128x64", [8, 12], 87),
    bound("exact dp4a 128x64 by 128 threads, k 64 in 2 stages", [6, 6], 87),
    bound("exact dp4a 64x64 by 64 ", [8, 8], 87),
    bound("exact dp4a 64x64 by 256 ", [20, 32], 60),
    bound("exact dp4a 32x64", [20, 22], 60),
    bound("exact dp4a 32x32", [16, 16], 60),
    bound("exact dp4a 8x64", [10, 12], 50),
    bound("exact dp4a", [14, 14], 60),
    // The i32 totals beside the f32 sums: this version of the driver runs out of registers on RDNA3; 25.0 does not.
    Bound { spilled: [0, 36], ..bound("exact f32 128x64", [6, 10], 89) },
    Bound { spilled: [0, 49], ..bound("exact f32 64x64 by 64 ", [4, 4], 89) },
    bound("exact f32 64x64 by 256 ", [16, 16], 78),
    // The whole tile is unrolled, with its loads.
    bound("exact f32 8x64", [12, 14], 50),
    bound("exact f32", [8, 8], 78),
    bound("train", [24, 32], 0),
    bound("train dp4a", [20, 22], 40),
    // Rows are aligned as they are loaded.
    bound("train dp4a gradient", [16, 22], 31),
    // Tiles of 12 KiB.
    bound("train f32", [6, 6], 69),
];

/// The file that names RADV to the Vulkan loader.
fn driver() -> PathBuf {
    if let Some(path) = std::env::var_os("SPHERE_POW_RADV") {
        return path.into();
    }
    let folder = std::fs::read_dir("/usr/share/vulkan/icd.d").expect("a folder of Vulkan drivers");
    let mut files = folder.map(|entry| entry.expect("an entry").path());
    let is_radv = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("radeon_icd"))
    };
    files.find(is_radv).expect("Mesa's driver for AMD (Debian's mesa-vulkan-drivers)")
}

/// The file that names a RADV with matrix units to the loader: Debian's backports', as `tests/drivers` unpacks it.
fn driver_with_matrix_units() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/drivers/radv/icd.json");
    let path = std::env::var_os("SPHERE_POW_RADV_MATRIX").map_or(unpacked, PathBuf::from);
    assert!(path.exists(), "{} is not there: run tests/drivers", path.display());
    path
}

fn report(driver: PathBuf, family: &str, part: &str) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_isa"))
        .arg(part)
        .env("VK_DRIVER_FILES", driver)
        .env("RADV_FORCE_FAMILY", family)
        .output()
        .expect("the program that asks the driver");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{family}: {complaint}");
    serde_json::from_slice(&output.stdout).expect("a report")
}

#[test]
fn no_kernel_spills_and_inner_loops_multiply() {
    for (column, (family, generation)) in FAMILIES.into_iter().enumerate() {
        let report = report(driver(), family, "");
        println!("{generation}, {}: registers, waves, inner loop", report.device);
        let plain = variants().into_iter().filter(|variant| !variant.needs_matrix_units()).count();
        assert!(report.compiled.len() >= plain, "{} of {plain} variants", report.compiled.len());
        let mut wrong = Vec::new();
        for one in &report.compiled {
            let of = |name: &str| *one.statistics.get(name).unwrap_or_else(|| panic!("no {name:?} is told"));
            let fits = BOUNDS.iter().filter(|bound| one.name.starts_with(bound.name));
            let bound = fits.max_by_key(|bound| bound.name.len()).expect("a bound for every kernel");
            let inner = inner_loop(&one.assembly);
            let share = inner.map_or(0, |inner| 100 * inner.multiplies / inner.instructions);
            let (registers, waves) = (of("VGPRs"), of("Subgroups per SIMD"));
            println!("{:44} {registers:4} {waves:3} {inner:?} {share} %", one.name);
            let mut hold = |holds: bool, what: String| {
                if !holds {
                    wrong.push(format!("{}: {what}", one.name));
                }
            };
            let spilled = of("Spilled VGPRs") + of("Spilled SGPRs");
            hold(spilled <= bound.spilled[column], format!("{spilled} registers are spilled"));
            let may_scratch = bound.spilled[column] > 0;
            hold(may_scratch || of("Scratch size") == 0, format!("{} bytes of scratch", of("Scratch size")));
            hold(waves >= bound.waves[column], format!("{waves} waves of {}", bound.waves[column]));
            hold(share >= bound.multiplies, format!("{share} % of {} % multiply", bound.multiplies));
            let is_dot = one.name.contains("dp4a");
            let is_mixed = one.name.contains("LinearHalves");
            hold(!is_mixed || one.assembly.contains("v_fma_mix_f32"), "f16 is widened by itself".into());
            hold(!is_dot || one.assembly.contains("v_dot4"), "packed dot products are taken apart".into());
        }
        assert!(wrong.is_empty(), "{generation}: {wrong:#?}");
    }
}

/// What holds for a kernel for matrix units whose name begins so, on RDNA3.
struct MatrixBound {
    name: &'static str,
    /// Waves per SIMD at least.
    waves: u64,
    /// Instructions of the loop for each multiplication at most.
    instructions: usize,
}

const MATRIX_BOUNDS: [MatrixBound; 2] = [
    MatrixBound { name: "gonka LinearMatrix", waves: 8, instructions: 10 },
    MatrixBound { name: "exact coop16", waves: 8, instructions: 9 },
];

#[test]
fn kernels_for_matrix_units_keep_their_sums_where_they_are() {
    // AMD has blocks of 16 only.
    let report = report(driver_with_matrix_units(), "navi31", "coop16");
    println!("RDNA3, {}: registers, waves, scratch, instructions a multiplication", report.device);
    let wanted = variants().into_iter().filter(|variant| variant.name.contains("coop16")).count();
    assert_eq!(report.compiled.len(), wanted, "variants by blocks of 16");
    let mut wrong = Vec::new();
    for one in &report.compiled {
        let of = |name: &str| *one.statistics.get(name).unwrap_or_else(|| panic!("no {name:?} is told"));
        let bound = MATRIX_BOUNDS.iter().find(|bound| one.name.starts_with(bound.name));
        let bound = bound.unwrap_or_else(|| panic!("{} has no bound", one.name));
        let (waves, scratch) = (of("Subgroups per SIMD"), of("Scratch size"));
        let spilled = of("Spilled VGPRs") + of("Spilled SGPRs");
        let (moves, instructions) = accumulator_moves(&one.assembly).unwrap_or((usize::MAX, usize::MAX));
        println!("{:58} {:4} {waves:3} {scratch:6} {instructions:3}", one.name, of("VGPRs"));
        let holds = [
            (moves == 0, format!("{moves} moves of accumulators in the loop")),
            (spilled == 0, format!("{spilled} registers are spilled")),
            (scratch == 0, format!("{scratch} bytes of scratch")),
            (waves >= bound.waves, format!("{waves} waves of {}", bound.waves)),
            (instructions <= bound.instructions, format!("{instructions} of {}", bound.instructions)),
        ];
        wrong.extend(
            holds.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| format!("{}: {what}", one.name)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_newer_driver_and_rdna4_spill_nothing() {
    // This version offers no matrix units there, so these are all the others.
    let report = report(driver_with_matrix_units(), "gfx1201", "");
    let plain = variants().into_iter().filter(|variant| !variant.needs_matrix_units()).count();
    assert!(report.compiled.len() >= plain, "{} of {plain} variants", report.compiled.len());
    for one in &report.compiled {
        for what in ["Scratch size", "Spilled VGPRs", "Spilled SGPRs"] {
            assert!(one.statistics[what] == 0, "RDNA4, {}: {what} {}", one.name, one.statistics[what]);
        }
    }
    println!("RDNA4, {}: {} variants, no scratch, no spill", report.device, report.compiled.len());
}

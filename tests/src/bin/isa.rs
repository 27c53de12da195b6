//! Prints what the Vulkan driver in the environment makes of every kernel, as JSON. For a GPU that is not there, with
//! Mesa's driver for AMD: `VK_DRIVER_FILES=…/radeon_icd.x86_64.json RADV_FORCE_FAMILY=gfx1100 isa [PART OF A KERNEL'S NAME]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match sphere_pow_tests::isa::report(&std::env::args().nth(1).unwrap_or_default()) {
        Ok(report) => {
            println!("{}", serde_json::to_string(&report).expect("a report is JSON"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

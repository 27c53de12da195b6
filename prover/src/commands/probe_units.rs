//! `sphere-pow probe-matrix-units`, which the other commands start: what it does may crash a driver, and with it the process.

use crate::error::ProverError;
use pollster::block_on;
use sphere_pow_gpu::probe::{key, probe};
use sphere_pow_gpu::{GpuError, devices};
use std::process::ExitCode;

/// Arguments of `probe-matrix-units`.
#[derive(Debug, clap::Args)]
pub(super) struct ProbeArgs {
    /// What the adapter is remembered by
    key: String,
}

/// Prints the threads of a subgroup, or why the units are not to be used: for the process that asked.
pub(super) fn run(args: &ProbeArgs) -> Result<ExitCode, ProverError> {
    let all = block_on(devices());
    let found = all.iter().map(|info| info.name.as_str()).collect::<Vec<_>>().join(", ");
    let info = all.iter().find(|info| info.matrix_units.is_some() && key(info) == args.key);
    let info = info.ok_or_else(|| GpuError::NoSuchAdapter { wanted: args.key.clone(), found })?;
    match block_on(probe(info)) {
        Ok(units) => {
            println!("{}", units.subgroup_threads);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("{error}");
            Ok(ExitCode::from(3))
        }
    }
}

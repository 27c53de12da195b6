//! Arguments that several commands share.

use crate::error::ProverError;
use crate::ledger::MAX_LINE_NONCES;
use crate::profiles::Setup;
use clap::{Args, ValueEnum};
use sphere_pow_core::profile::Profile;
use sphere_pow_core::verify::GivenError;
use std::num::NonZeroUsize;

/// A line of a proof file holds no more.
const MOST_AT_ONCE: NonZeroUsize = NonZeroUsize::new(MAX_LINE_NONCES).expect("lines hold something");

/// On what to compute.
#[derive(Clone, Debug, Args)]
pub struct DeviceArgs {
    /// auto takes a hardware GPU if there is one, else the CPU; gpu never falls back
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,
    /// Adapter by index, PCI address, UUID, or a name that fits one only, see `sphere-pow devices`; mine takes several
    #[arg(long, value_name = "INDEX|PCI|UUID|NAME")]
    pub adapter: Vec<String>,
    /// CPU threads; all by default, and never more than there are
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Nonces computed at once, at most 65536; chosen from the memory by default
    #[arg(long, value_name = "N")]
    pub batch: Option<NonZeroUsize>,
    /// Most memory to take, of the device or of the CPU's; weights that do not fit are made as they are used (exact)
    #[arg(long, value_name = "MB")]
    pub memory: Option<NonZeroUsize>,
    /// As [`Setup::is_lean`].
    #[arg(skip)]
    pub is_lean: bool,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    /// A GPU or nothing.
    Gpu,
    /// The CPU.
    Cpu,
}

impl DeviceArgs {
    /// What is here, without options.
    #[must_use]
    pub fn any() -> Self {
        Self {
            backend: Backend::Auto,
            adapter: Vec::new(),
            threads: None,
            batch: None,
            memory: None,
            is_lean: false,
        }
    }

    /// How devices of profile `P` are to be set up.
    ///
    /// # Errors
    /// [`ProverError::Given`] for an option that the profile has no use for.
    pub fn setup<P: Profile>(&self) -> Result<Setup, ProverError> {
        if self.memory.is_some() && !P::OPTIONS.contains(&"memory") {
            return Err(GivenError::Unknown { option: "memory", profile: P::NAME.as_str() }.into());
        }
        let there = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        if let Some(wanted) = self.threads.filter(|wanted| *wanted > there) {
            tracing::warn!(
                "--threads {wanted}: {there} can run here, more would gain nothing; taking {there}"
            );
        }
        let memory_bytes = self.memory.map(|megabytes| (megabytes.get() as u64).saturating_mul(1_000_000));
        Ok(Setup {
            threads: self.threads.map(|wanted| wanted.min(there)),
            batch: self.batch.map(|wanted| wanted.min(MOST_AT_ONCE)),
            memory_bytes,
            is_portable: false,
            is_lean: self.is_lean,
        })
    }

    /// The same when at most one adapter may be named.
    ///
    /// # Errors
    /// [`ProverError::Argument`] when several were.
    pub fn check_single(&self) -> Result<(), ProverError> {
        if self.adapter.len() > 1 {
            let (got, expected) = (self.adapter.join(", "), "one adapter for this command".into());
            return Err(ProverError::Argument { what: "--adapter", got, expected });
        }
        Ok(())
    }
}

/// The option that supplies what a document leaves out, by the judge's name for what is missing or wrong.
#[must_use]
pub fn option_for(code: &str) -> Option<&'static str> {
    Some(match code {
        "missing-key" | "wrong-key" => "--public-key",
        "missing-block" | "wrong-block" => "--block-hash",
        "missing-params" | "wrong-params" => "--params",
        "wrong-beacon" => "--beacon",
        "wrong-samples" => "--samples",
        "no-participant" => "--participant",
        "no-claims" => "sphere-pow distance --document",
        _ => return None,
    })
}

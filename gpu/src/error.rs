//! What can go wrong with a device.

/// A device that cannot be had, cannot take the model, or failed at work.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// The machine has no adapter at all.
    #[error("no GPU adapter found; install a Vulkan, Metal or DX12 driver")]
    NoAdapter,
    /// No adapter is the one asked for.
    #[error("no adapter is {wanted}; found: {found}")]
    NoSuchAdapter {
        /// The selector as given.
        wanted: String,
        /// Those found, with all that tells them apart.
        found: String,
    },
    /// Several adapters are.
    #[error("more than one adapter is {wanted}: {found}; name one by index, PCI address or UUID")]
    Ambiguous {
        /// The selector as given.
        wanted: String,
        /// Those that fit, with all that tells them apart.
        found: String,
    },
    /// The adapter cannot run the kernels.
    #[error("adapter {name:?} is unusable: {reason}")]
    Unusable {
        /// The adapter.
        name: String,
        /// Why.
        reason: String,
    },
    /// The model does not fit what the adapter allows.
    #[error("{what} is {needed}, adapter {name:?} allows {limit}")]
    Limit {
        /// The adapter.
        name: String,
        /// The size in question, with its unit.
        what: &'static str,
        /// How much the model needs.
        needed: u64,
        /// How much the adapter or the option allows.
        limit: u64,
    },
    /// The driver refused to give memory.
    #[error("adapter {name:?} is out of memory; {needed_bytes} bytes are needed in all")]
    OutOfMemory {
        /// The adapter.
        name: String,
        /// What the executor needs in all.
        needed_bytes: u64,
    },
    /// The device is gone: reset, removed, hung or destroyed. Rebuild the executor to go on.
    #[error("adapter {name:?} was lost: {reason}")]
    DeviceLost {
        /// The adapter.
        name: String,
        /// What the driver said.
        reason: String,
    },
    /// wgpu refused a call: a bug of ours or of the driver.
    #[error("adapter {name:?}: {reason}")]
    Internal {
        /// The adapter.
        name: String,
        /// What wgpu said.
        reason: String,
    },
    /// The known-answer test came out wrong: the device must not be used.
    #[error("adapter {name:?} computes wrongly: {what} is {got}, expected {expected}")]
    SelfTest {
        /// The adapter.
        name: String,
        /// Which value.
        what: String,
        /// As computed by the device.
        got: String,
        /// As known, with the tolerance.
        expected: String,
    },
    /// Every kernel that could multiply was refused or computed wrongly: the device must not be used.
    #[error("adapter {name:?} has no kernel left to multiply with: {reasons}")]
    NoKernel {
        /// The adapter.
        name: String,
        /// What was wrong with each.
        reasons: String,
    },
    /// The caller gave no whole number of nonces, or more than a batch.
    #[error("{got} input values, expected 1 to {batch} times {per_nonce}")]
    Inputs {
        /// Values given.
        got: usize,
        /// Most nonces.
        batch: usize,
        /// Values of a nonce.
        per_nonce: usize,
    },
    /// The weight pool is not the one of the model.
    #[error("a weight pool of {got} values, expected {expected}")]
    Pool {
        /// Values given.
        got: usize,
        /// Values of the pool.
        expected: usize,
    },
    /// The weights of a block were not all brought onto the device: what brought them was interrupted, or failed.
    #[error("adapter {name:?} has no whole model: bring a block onto it first")]
    NotLoaded {
        /// The adapter.
        name: String,
    },
    /// The progress callback stopped the work.
    #[error("interrupted")]
    Interrupted,
}

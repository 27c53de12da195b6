//! The `gonka` profile on the CPU.

pub use sphere_pow_core::gonka::weights::weight_pool;

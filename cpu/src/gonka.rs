//! The `gonka` profile on the CPU: [`weight_pool`] makes a block's weights, [`CpuExecutor`] turns inputs into
//! logits, running core's plan with [`ops`] over [`Activation`]s.

mod activation;
mod engine;
mod executor;
mod kernels;
pub mod ops;
pub(crate) mod pool;

pub use activation::Activation;
pub use engine::CpuEngine;
pub use executor::{CpuError, CpuExecutor, CpuOptions, Progress};
pub use kernels::LANES;
pub use pool::{GrowingPool, LentPool, Pool, PoolMaker, weight_pool, weight_pool_with};

//! What the GPU tests share.

use sphere_pow_prover::gpu::{DeviceInfo, DeviceSelector};
use std::ops::ControlFlow;

/// The adapter under test: `SPHERE_POW_ADAPTER` (an index or a part of a name), else the best there is.
///
/// # Panics
/// When there is none: a test must fail then, never skip.
#[must_use]
pub fn adapter() -> DeviceInfo {
    let selector = std::env::var("SPHERE_POW_ADAPTER").map_or(DeviceSelector::Best, |text| {
        text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
    });
    let info = selector.find().unwrap_or_else(|error| panic!("the GPU tests need an adapter: {error}"));
    println!("adapter: {} ({}, {})", info.name, info.backend, info.driver);
    info
}

/// A progress callback that never stops the work.
pub fn go_on(_: f32) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

//! What all devices share, whatever they compute.

use serde::Serialize;
use std::ops::ControlFlow;

/// Gets the share done, 0 to 1, and says whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(f32) -> ControlFlow<()>;

/// Which device computed something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackendInfo {
    /// `gpu` or `cpu`.
    pub backend: &'static str,
    /// The adapter's name and driver interface, or the CPU's instruction set and threads.
    pub adapter: String,
}

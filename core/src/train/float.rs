//! Lanes whose steps are in floats (SPEC §IV.10): no machine repeats another's to the bit, so a segment is judged by how
//! far it lies from one's own.
//!
//! Only the steps differ from [`super::lane`]: batches, first parameters, schedule, trees, deltas and the outer step are
//! those of integers. Who computes steps is another crate; here is what is pure: [`state`] and its bytes, [`tolerance`]
//! with its calibration and the verdict over segments, and [`opening`].

pub mod opening;
pub mod state;
pub mod tolerance;

use super::lane::Run;
use super::stream::RunId;

pub use opening::{FloatOpening, Found};
pub use state::{FloatState, FloatStateError};
pub use tolerance::{Distance, Judged, Tolerance, calibrate};

/// A run of float lanes: another run's sizes, text, batches and first parameters under a name of its own.
#[derive(Clone, Debug)]
pub struct FloatRun {
    run: Run,
    id: RunId,
}

impl FloatRun {
    /// The float run of the same sizes and text.
    #[must_use]
    pub fn new(run: Run) -> Self {
        let id = run.id().float();
        Self { run, id }
    }

    /// The run of integers: sizes, text, batches, first parameters.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Its name: what seeds, leaves, nodes, deltas and roots are hashed under.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }
}

//! A device ready to compute, whichever kind it is and whatever it computes.

use crate::error::ProverError;
use crate::profiles::{Machine, Transcriber};
use pollster::block_on;
use serde::Serialize;
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};
use sphere_pow_gpu::measure::{OpTime, OpTimes, ProductTime};
use std::sync::Arc;

/// A device that holds the model of one block.
pub trait Device<P: Machine>: Send {
    /// Which device this is.
    fn info(&self) -> &EngineInfo;

    /// How many nonces it likes to take at once.
    fn batch(&self) -> usize;

    /// What each nonce of `key` comes to, in the order given.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`] when `progress` breaks, else the device's.
    fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<P::Outcome>, ProverError>;

    /// From now on makes a transcript of every nonce beside its outcome; tells whether it can.
    fn keep_roots(&mut self) -> bool;

    /// The roots of the transcripts of the last outcomes, as documents write them, in their order.
    fn take_roots(&mut self) -> Vec<String>;

    /// What makes and repeats transcripts on it; none where the profile has none.
    fn transcriber(&mut self) -> Option<&mut dyn Transcriber>;

    /// Takes another block, of a model of the same sizes, and keeps all that does not hang on the block.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`] when `progress` breaks, else the device's: it is to be opened anew then.
    fn set_block(
        &mut self,
        puzzle: &P::Puzzle,
        shared: &Arc<P::Shared>,
        progress: OnProgress<'_>,
    ) -> Result<(), ProverError>;

    /// Makes the device anew after it was lost.
    ///
    /// # Errors
    /// The device's, when it cannot be had again.
    fn rebuild(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError>;

    /// Times the widest product of the model, where the executor runs it alone.
    ///
    /// # Errors
    /// The device's.
    fn product(&mut self) -> Result<Option<Product>, ProverError>;

    /// Times what the device does by its own clock or over many runs, where the executor tells it.
    ///
    /// # Errors
    /// The device's.
    fn measure(&mut self) -> Result<Measured, ProverError>;
}

/// What a device was timed by.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Products of a model's layer at the rows of a full batch, without readback.
    pub products: Vec<ProductRate>,
    /// What people call 10^12 of their operations a second.
    #[serde(skip)]
    pub unit: &'static str,
    /// Each kernel in a full batch, on the device's own clock; none where it has no timestamps.
    pub ops: Vec<OpShare>,
}

impl Measured {
    /// Of what a GPU was timed by.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub fn new(unit: &'static str, products: Vec<ProductTime>, ops: OpTimes) -> Self {
        let product = |ProductTime { name, rows, k, columns, seconds }: ProductTime| {
            let tera_operations_per_second = 2e-12 * (rows * k * columns) as f64 / seconds;
            ProductRate { name: name.to_owned(), rows, k, columns, seconds, tera_operations_per_second }
        };
        let all: f64 = ops.values().map(|op| op.seconds).sum();
        let share = |(name, op): (&'static str, OpTime)| {
            let (seconds, dispatches) = (op.seconds, op.dispatches);
            // A clock too coarse for so small a model gives nothing.
            let share = if all > 0.0 { seconds / all } else { 0.0 };
            OpShare { name: name.to_owned(), seconds, dispatches, share }
        };
        let mut ops: Vec<OpShare> = ops.into_iter().map(share).collect();
        ops.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        Self { products: products.into_iter().map(product).collect(), unit, ops }
    }
}

/// A product `[rows, k]` by `[columns, k]`ᵀ over many runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductRate {
    /// The weight's name.
    pub name: String,
    /// Rows of the left side.
    pub rows: usize,
    /// What is summed over.
    pub k: usize,
    /// Rows of the weight.
    pub columns: usize,
    /// Of one run.
    pub seconds: f64,
    /// A multiplication and an addition are two.
    pub tera_operations_per_second: f64,
}

/// A kernel's part of a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpShare {
    /// The kernel.
    pub name: String,
    /// Of all its dispatches together.
    pub seconds: f64,
    /// How many there are.
    pub dispatches: u32,
    /// Of the time of all kernels.
    pub share: f64,
}

/// A timed product `[rows, k]` by `[columns, k]`ᵀ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Rows of the left side.
    pub rows: usize,
    /// Rows of the weight.
    pub columns: usize,
    /// What is summed over.
    pub k: usize,
    /// The best of several runs.
    pub seconds: f64,
    /// Sum of all results.
    pub checksum: f64,
}

/// What a device can do beside computing nonces.
pub trait Rig<P: Machine> {
    /// As [`Device::keep_roots`].
    fn keep_roots(&mut self) -> bool {
        false
    }

    /// As [`Device::take_roots`].
    fn take_roots(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// As [`Device::transcriber`].
    fn transcriber(&mut self) -> Option<&mut dyn Transcriber> {
        None
    }

    /// As [`Device::set_block`]; a CPU is opened anew, which takes no longer than its weights.
    ///
    /// # Errors
    /// As [`Device::set_block`].
    fn set_block(
        &mut self,
        puzzle: &P::Puzzle,
        shared: &Arc<P::Shared>,
        progress: OnProgress<'_>,
    ) -> Result<(), ProverError> {
        let _ = (puzzle, shared, progress);
        Err(ProverError::NoDevice { reason: "it keeps nothing from one block to the next".into() })
    }

    /// As [`Device::rebuild`]; a CPU is never lost.
    ///
    /// # Errors
    /// As [`Device::rebuild`].
    fn rebuild(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        let _ = progress;
        Ok(())
    }

    /// As [`Device::product`].
    ///
    /// # Errors
    /// As [`Device::product`].
    fn product(&mut self) -> Result<Option<Product>, ProverError> {
        Ok(None)
    }

    /// As [`Device::measure`].
    ///
    /// # Errors
    /// As [`Device::measure`].
    fn measure(&mut self) -> Result<Measured, ProverError> {
        Ok(Measured::default())
    }
}

impl<P: Machine, E: Engine<P> + Rig<P> + Send> Device<P> for E
where
    E::Error: Into<ProverError>,
{
    fn info(&self) -> &EngineInfo {
        Engine::info(self)
    }

    fn batch(&self) -> usize {
        Engine::batch(self)
    }

    fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<P::Outcome>, ProverError> {
        block_on(Engine::outcomes(self, key, nonces, progress)).map_err(Into::into)
    }

    fn keep_roots(&mut self) -> bool {
        Rig::keep_roots(self)
    }

    fn take_roots(&mut self) -> Vec<String> {
        Rig::take_roots(self)
    }

    fn transcriber(&mut self) -> Option<&mut dyn Transcriber> {
        Rig::transcriber(self)
    }

    fn set_block(
        &mut self,
        puzzle: &P::Puzzle,
        shared: &Arc<P::Shared>,
        progress: OnProgress<'_>,
    ) -> Result<(), ProverError> {
        Rig::set_block(self, puzzle, shared, progress)
    }

    fn rebuild(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        Rig::rebuild(self, progress)
    }

    fn product(&mut self) -> Result<Option<Product>, ProverError> {
        Rig::product(self)
    }

    fn measure(&mut self) -> Result<Measured, ProverError> {
        Rig::measure(self)
    }
}

#[cfg(test)]
pub(crate) mod fake;

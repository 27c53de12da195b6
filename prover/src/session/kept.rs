//! Devices that stay open from one block to the next.

use super::{AnyDevice, one, one_with};
use crate::console::{advance, bar};
use crate::device::Device;
use crate::error::ProverError;
use crate::options::DeviceArgs;
use crate::profiles::Machine;
use crate::signals::Stop;
use crate::watch::{Roster, Row};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_gpu::DeviceInfo;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// A device that was kept open, under what is known of it.
pub(super) type Kept<P> = (Arc<Row>, AnyDevice<P>);

/// Those of `kept` that `roster` knows as adapters that are to be used.
pub(super) fn still_meant<P: Machine>(
    kept: Vec<AnyDevice<P>>,
    chosen: &[DeviceInfo],
    roster: &Roster,
) -> Vec<Kept<P>> {
    let rows: Vec<Arc<Row>> = chosen.iter().map(|info| roster.of_adapter(info)).collect();
    let known = kept.into_iter().filter_map(|device| Some((roster.of_device(device.info())?, device)));
    known.filter(|(row, _)| rows.iter().any(|one| Arc::ptr_eq(one, row))).collect()
}

/// Takes that of a row, if it is there.
pub(super) fn take_kept<P: Machine>(kept: &Mutex<Vec<Kept<P>>>, row: &Arc<Row>) -> Option<AnyDevice<P>> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let place = kept.iter().position(|(one, _)| Arc::ptr_eq(one, row))?;
    Some(kept.swap_remove(place).1)
}

/// A model on a device.
struct Loaded<P: Machine> {
    params: P::Params,
    block: BlockHash,
    device: AnyDevice<P>,
}

/// One device over many proofs: those of a stage share block and model, and a model takes seconds to load.
pub struct Session<'a> {
    args: &'a DeviceArgs,
    stop: &'a Stop,
    loaded: Option<Box<dyn Any>>,
}

impl<'a> Session<'a> {
    /// A session on the first device that `args` name; nothing is opened yet.
    ///
    /// # Errors
    /// [`ProverError::Argument`] when they name several.
    pub fn new(args: &'a DeviceArgs, stop: &'a Stop) -> Result<Self, ProverError> {
        args.check_single()?;
        Ok(Self { args, stop, loaded: None })
    }

    /// The device, holding that model.
    ///
    /// # Errors
    /// As [`super::mining`].
    pub fn device<P: Machine>(
        &mut self,
        params: &P::Params,
        block: &BlockHash,
    ) -> Result<&mut dyn Device<P>, ProverError> {
        let is_there = self
            .loaded
            .as_ref()
            .and_then(|any| any.downcast_ref::<Loaded<P>>())
            .is_some_and(|it| it.params == *params && it.block == *block);
        if !is_there {
            let device = self.take_block::<P>(params, block)?;
            let loaded = Loaded::<P> { params: params.clone(), block: block.clone(), device };
            self.loaded = Some(Box::new(loaded));
        }
        let any = self.loaded.as_mut().expect("loaded above");
        let loaded = any.downcast_mut::<Loaded<P>>().expect("of this profile, see above");
        Ok(loaded.device.as_mut())
    }

    /// A GPU that holds a model of these sizes takes the new block; else the old model's memory goes before the new one's is
    /// taken.
    fn take_block<P: Machine>(
        &mut self,
        params: &P::Params,
        block: &BlockHash,
    ) -> Result<AnyDevice<P>, ProverError> {
        let puzzle = P::puzzle(params, block);
        let kept = self.loaded.take().and_then(|any| any.downcast::<Loaded<P>>().ok());
        let kept = kept.filter(|it| it.params == *params && it.device.info().engine == "gpu");
        let Some(Loaded { mut device, .. }) = kept.map(|it| *it) else {
            return one::<P>(self.args, &puzzle, self.stop);
        };
        let shared = Arc::new(P::share(&puzzle, self.stop)?);
        let bar = bar(&format!("loading {}", device.info().device));
        let taken = device.set_block(&puzzle, &shared, &mut advance(&bar, self.stop));
        bar.finish_and_clear();
        match taken {
            Ok(()) => Ok(device),
            Err(ProverError::Interrupted) => Err(ProverError::Interrupted),
            Err(error) => {
                tracing::warn!("{} is opened anew: {error}", device.info().device);
                drop(device);
                one_with::<P>(self.args, &puzzle, Some(shared), self.stop)
            }
        }
    }

    /// Recomputes nonces of a key, with a bar.
    ///
    /// # Errors
    /// As [`super::mining`], and the device's.
    pub fn outcomes<P: Machine>(
        &mut self,
        (params, block, key): (&P::Params, &BlockHash, &PublicKey),
        nonces: &[Nonce],
    ) -> Result<Vec<P::Outcome>, ProverError> {
        let stop = self.stop;
        let device = self.device::<P>(params, block)?;
        let bar = bar("recomputing");
        let progress = advance(&bar, stop);
        let mut outcomes = Vec::with_capacity(nonces.len());
        #[expect(clippy::cast_precision_loss, reason = "a share for display")]
        for part in nonces.chunks(device.batch().max(1)) {
            let (done, share, total) = (outcomes.len() as f32, part.len() as f32, nonces.len() as f32);
            outcomes.extend(device.outcomes(key, part, &mut |p| progress((done + p * share) / total))?);
        }
        bar.finish_and_clear();
        Ok(outcomes)
    }
}

//! Transcripts on a watched device: its thread makes them.

use super::Watched;
use crate::error::ProverError;
use crate::profiles::{Machine, Transcriber};
use sphere_pow_core::exact::transcript::Remade;
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::OnProgress;
use std::collections::BTreeSet;

impl<P: Machine> Transcriber for Watched<P> {
    fn remake(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: OnProgress<'_>,
    ) -> Result<Vec<Remade>, ProverError> {
        let (n, key, nonces, wanted) = (nonces.len(), key.clone(), nonces.to_vec(), wanted.to_vec());
        self.ask(n, progress, move |device, progress| {
            let transcriber = device.transcriber().expect("it had one");
            transcriber.remake(&key, &nonces, &wanted, progress)
        })
    }

    fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i16>, Vec<i32>), ProverError> {
        let (n, key, nonces, states) = (nonces.len(), key.clone(), nonces.to_vec(), states.to_vec());
        self.ask(n, progress, move |device, progress| {
            let transcriber = device.transcriber().expect("it had one");
            transcriber.repeat(&key, &nonces, layer, &states, progress)
        })
    }
}

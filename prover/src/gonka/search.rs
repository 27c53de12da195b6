//! The search for nonces within the radius.

use super::backend::{Backend, distances};
use crate::device::{BackendInfo, OnProgress};
use crate::error::ProverError;
use crate::mine::{Searcher, Won};
use serde_json::{Map, Value, json};
use sphere_pow_core::gonka::Puzzle;
use sphere_pow_core::gonka::proof::TargetRadius;
use sphere_pow_core::identity::{Nonce, PublicKey};

/// A device that searches for one key.
pub struct GonkaSearcher {
    /// The device, holding the model.
    pub backend: Box<dyn Backend>,
    /// Block and model.
    pub puzzle: Puzzle,
    /// Who mines.
    pub key: PublicKey,
    /// The radius to win.
    pub r_target: TargetRadius,
}

/// What every line of a ledger says of the run, SPEC §I.7.
#[must_use]
pub fn ledger_header(
    puzzle: &Puzzle,
    key: &PublicKey,
    r_target: TargetRadius,
    block_height: i64,
) -> Map<String, Value> {
    let header = json!({
        "public_key": key.as_str(),
        "block_hash": puzzle.block().as_str(),
        "block_height": block_height,
        "r_target": r_target,
        "params": puzzle.params().raw(),
    });
    let Value::Object(header) = header else { unreachable!("json! of braces is an object") };
    header
}

impl Searcher for GonkaSearcher {
    fn info(&self) -> &BackendInfo {
        self.backend.info()
    }

    fn batch(&self) -> usize {
        self.backend.batch()
    }

    fn search(&mut self, nonces: &[Nonce], progress: OnProgress<'_>) -> Result<Won, ProverError> {
        let found = distances(self.backend.as_mut(), &self.puzzle, &self.key, nonces, progress)?;
        let pairs = nonces.iter().zip(found).filter(|(_, distance)| self.r_target.is_won(*distance));
        let (nonces, dist): (Vec<u64>, Vec<f64>) = pairs.map(|(nonce, d)| (nonce.get(), d)).unzip();
        let count = nonces.len() as u64;
        Ok(Won { count, columns: [("nonces", json!(nonces)), ("dist", json!(dist))] })
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        self.backend.rebuild()
    }
}

//! The search for nonces that win.

use super::backend::ExactBackend;
use crate::device::{BackendInfo, OnProgress};
use crate::error::ProverError;
use crate::mine::{Searcher, Won};
use serde_json::{Map, Value, json};
use sphere_pow_core::exact::params::VERSION;
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};

/// A device that searches for one key.
pub struct ExactSearcher {
    /// The device, holding the model.
    pub backend: Box<dyn ExactBackend>,
    /// Who mines.
    pub key: PublicKey,
}

/// What every line of a ledger says of the run: the head of a proof's JSON, SPEC §II.9.2.
#[must_use]
pub fn ledger_header(puzzle: &Puzzle, key: &PublicKey) -> Map<String, Value> {
    let header = json!({
        "profile": "exact",
        "version": VERSION,
        "params": puzzle.params().raw(),
        "block_hash": puzzle.block().as_str(),
        "public_key": key.as_str(),
    });
    let Value::Object(header) = header else { unreachable!("json! of braces is an object") };
    header
}

/// The chance of a nonce to win.
#[must_use]
pub fn win_probability(params: &Params) -> f64 {
    params.win_rate()
}

impl Searcher for ExactSearcher {
    fn info(&self) -> &BackendInfo {
        self.backend.info()
    }

    fn batch(&self) -> usize {
        self.backend.batch()
    }

    fn search(&mut self, nonces: &[Nonce], progress: OnProgress<'_>) -> Result<Won, ProverError> {
        let judged = self.backend.judge(&self.key, nonces, progress)?;
        let won = nonces.iter().zip(judged).filter(|(_, (_, verdict))| verdict.won);
        let (nonces, digests): (Vec<String>, Vec<String>) =
            won.map(|(nonce, (digest, _))| (nonce.to_string(), digest.to_hex())).unzip();
        let count = nonces.len() as u64;
        Ok(Won { count, columns: [("nonces", json!(nonces)), ("digests", json!(digests))] })
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        self.backend.rebuild()
    }
}

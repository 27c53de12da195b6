//! Harness shared by the tests that need more than one crate.

pub mod cases;
#[cfg(feature = "gpu")]
pub mod exact_bench;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "gpu")]
pub mod isa;
#[cfg(feature = "gpu")]
pub mod layout;
#[cfg(feature = "gpu")]
pub mod race;
#[cfg(feature = "gpu")]
pub mod train_bench;
pub mod train_rounds;
pub mod train_values;
pub mod transcript;
#[cfg(feature = "gpu")]
pub mod translate;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sphere_pow_core::f16;
use sphere_pow_core::gonka::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};

/// Reads `tests/vectors/{name}`.
///
/// # Panics
/// When the file is missing or no JSON: a test must fail then.
#[must_use]
pub fn vectors(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The bytes that hex digits spell.
///
/// # Panics
/// When they are none.
#[must_use]
pub fn bytes_of_hex(hex: &str) -> Vec<u8> {
    let byte = |ix| u8::from_str_radix(&hex[ix..ix + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// The lower-case hex SHA-256 of little-endian bytes.
#[must_use]
pub fn sha256_hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let bytes: Vec<u8> = bytes.into_iter().collect();
    Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of f16 values, little-endian.
#[must_use]
pub fn sha256_f16(values: &[f16]) -> String {
    sha256_hex(values.iter().flat_map(|v| v.to_bits().to_le_bytes()))
}

/// A `gonka_*.json` file: known distances of the network's own scheme.
#[derive(Debug)]
pub struct GonkaCase {
    /// The whole file.
    pub json: Value,
    /// The puzzle it poses.
    pub puzzle: Puzzle,
    /// Who mines.
    pub key: PublicKey,
    /// The nonces tried.
    pub nonces: Vec<Nonce>,
    /// The reference's distance of each.
    pub distances: Vec<f64>,
}

impl GonkaCase {
    /// Loads `tests/vectors/gonka_{name}.json`.
    ///
    /// # Panics
    /// When the file is not as its README says.
    #[must_use]
    pub fn load(name: &str) -> Self {
        let json = vectors(&format!("gonka_{name}.json"));
        let text = |field: &str| json[field].as_str().expect(field).to_owned();
        let list = |field: &str| json[field].as_array().expect(field).clone();
        let params = Params::from_json(&json["params"].to_string()).expect("valid parameters");
        Self {
            puzzle: Puzzle::new(&params, &BlockHash::new(&text("block_hash")).expect("a hash")),
            key: PublicKey::new(&text("public_key")).expect("a key"),
            nonces: list("nonces").iter().map(|n| n.to_string().parse().expect("a nonce")).collect(),
            distances: list("dist").iter().map(|d| d.as_f64().expect("a number")).collect(),
            json,
        }
    }

    /// The same with its first `n` nonces only, for what is slow.
    #[must_use]
    pub fn first(mut self, n: usize) -> Self {
        self.nonces.truncate(n);
        self.distances.truncate(n);
        self
    }

    /// Holds an executor against the known distances: SPEC §I.8's bound, 5e-6 rms and 2e-5 at most.
    ///
    /// `logits` gets the inputs `[batch * seq_len, dim]` of up to `batch` nonces and gives `[batch, vocab]`.
    /// A planted fault (one logit of the first nonce changed by its own size) must be caught.
    ///
    /// # Panics
    /// When a distance is off, or the planted fault is not.
    pub fn check(&self, batch: usize, mut logits: impl FnMut(&[f16]) -> Vec<f32>) {
        let vocab = self.puzzle.params().vocab();
        let mut squares = 0.0;
        for (nonces, want) in self.nonces.chunks(batch).zip(self.distances.chunks(batch)) {
            let inputs: Vec<f16> = nonces.iter().flat_map(|n| self.puzzle.input(&self.key, *n)).collect();
            let mut out = logits(&inputs);
            assert_eq!(out.len(), nonces.len() * vocab, "logits are [batch, vocab]");
            for ((nonce, want), logits) in nonces.iter().zip(want).zip(out.chunks_exact_mut(vocab)) {
                let error = self.puzzle.distance(&self.key, *nonce, logits) - want;
                assert!(error.abs() <= 2e-5, "nonce {nonce}: distance is {error:e} from the reference's");
                squares += error * error;
                let largest = logits.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs())).expect("logits");
                *largest = -*largest;
                let faulty = (self.puzzle.distance(&self.key, *nonce, logits) - want).abs();
                assert!(
                    faulty > 2e-5,
                    "nonce {nonce}: a planted fault moved the distance by {faulty:e} only"
                );
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of nonces")]
        let rms = (squares / self.nonces.len() as f64).sqrt();
        println!("rms distance error {rms:.2e} over {} nonces", self.nonces.len());
        assert!(rms <= 5e-6, "rms distance error is {rms:e}");
    }
}

//! What a host opens of a drawn step (SPEC §II.12.6): the transcript, its path, and the state before the layer.

mod json;
mod stream;

pub use stream::OpeningsReader;

use super::TranscriptError;
use super::hash::Hash;
use super::sample::{MAX_SAMPLES, MIN_SAMPLES};
use super::tree::path_len;
use crate::exact::Digest;
use crate::exact::fields::{Reader, put_count, put_text};
use crate::exact::params::{Params, VERSION};
use crate::identity::{Beacon, Nonce};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

const MAGIC: [u8; 4] = *b"SPXO";
/// Longest path: of a tree over 2^48 transcripts.
const MAX_PATH: u64 = 48;

/// What is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commitment's hash.
    pub commitment: Hash,
    /// What drew the steps.
    pub beacon: Beacon,
    /// How many it was to draw, from 20 to 4096.
    pub samples: u32,
}

impl Head {
    /// Checks the number of samples.
    ///
    /// # Errors
    /// [`TranscriptError::Count`].
    pub fn check_samples(samples: u64) -> Result<u32, TranscriptError> {
        let (min, max) = (MIN_SAMPLES.into(), MAX_SAMPLES.into());
        let error = TranscriptError::Count { what: "samples", got: samples, min, max };
        u32::try_from(samples).ok().filter(|n| (MIN_SAMPLES..=MAX_SAMPLES).contains(n)).ok_or(error)
    }

    /// The head as bytes, SPEC §II.12.7.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.commitment.as_bytes());
        put_text(&mut out, self.beacon.as_str());
        out.extend(self.samples.to_le_bytes());
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, TranscriptError> {
        reader.magic(MAGIC)?;
        let commitment = Hash::from_bytes(reader.array("commitment")?);
        let beacon = Beacon::new(reader.text("beacon")?)?;
        let samples = Self::check_samples(reader.word("samples")?.into())?;
        Ok(Self { commitment, beacon, samples })
    }
}

/// One step opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The nonce.
    pub nonce: Nonce,
    /// The layer.
    pub layer: usize,
    /// The leaves of all states, `[layers + 1]`.
    pub leaves: Vec<Hash>,
    /// The digest of the logits.
    pub digest: Digest,
    /// The partners from the transcript up to the interval's root.
    pub path: Vec<Hash>,
    /// The state before the layer, `[tokens, dim]`; nothing before layer 0, which the verifier makes itself.
    pub state: Vec<i16>,
}

/// A nonce computed again for its openings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remade {
    /// The leaves of all states, `[layers + 1]`.
    pub leaves: Vec<Hash>,
    /// The digest of the logits.
    pub digest: Digest,
    /// The states that were wanted, by their numbers, `[tokens, dim]` each.
    pub states: BTreeMap<usize, Vec<i16>>,
}

impl Remade {
    /// Its opening before `layer`, with the path of its transcript.
    ///
    /// # Panics
    /// When the state was not wanted; before layer 0 none is.
    #[must_use]
    pub fn open(&self, nonce: Nonce, layer: usize, path: Vec<Hash>) -> Opening {
        let state = if layer == 0 { Vec::new() } else { self.states[&layer].clone() };
        Opening { nonce, layer, leaves: self.leaves.clone(), digest: self.digest, path, state }
    }
}

/// Values of the state that an opening of `layer` carries.
#[must_use]
pub fn state_len(params: &Params, layer: usize) -> usize {
    if layer == 0 { 0 } else { params.tokens() * params.dim() }
}

/// Bytes of an opening of `layer` with a path of `path` nodes, without its length in front.
#[must_use]
pub fn bytes(params: &Params, layer: usize, path: usize) -> usize {
    8 + 4 + 4 + 32 * (params.layers() + 2 + path) + 2 * state_len(params, layer)
}

/// Bytes of the largest opening of a model, without its length in front.
#[must_use]
pub fn max_bytes(params: &Params) -> usize {
    bytes(params, 1, path_len(0, 1 << MAX_PATH))
}

impl Opening {
    /// The opening as bytes, its length in front, SPEC §II.12.7.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let hashes = self.leaves.len() + 1 + self.path.len();
        let mut out = Vec::with_capacity(20 + 32 * hashes + 2 * self.state.len());
        put_count(&mut out, 8 + 4 + 4 + 32 * hashes + 2 * self.state.len());
        out.extend(self.nonce.get().to_le_bytes());
        put_count(&mut out, self.layer);
        self.leaves.iter().for_each(|leaf| out.extend(leaf.as_bytes()));
        out.extend(self.digest.as_bytes());
        put_count(&mut out, self.path.len());
        self.path.iter().for_each(|node| out.extend(node.as_bytes()));
        out.extend(self.state.iter().flat_map(|value| value.to_le_bytes()));
        out
    }

    /// Reads an opening from the bytes behind its length. Total, and allocates no more than the bytes are long.
    ///
    /// # Errors
    /// [`TranscriptError`].
    pub fn from_bytes(params: &Params, bytes: &[u8]) -> Result<Self, TranscriptError> {
        let mut reader = Reader(bytes);
        let nonce = Nonce::new(reader.long("nonce")?)?;
        let layer = check_layer(params, reader.word("layer")?.into())?;
        let hashes = |reader: &mut Reader<'_>, field, n: usize| -> Result<Vec<Hash>, TranscriptError> {
            let (all, _) = reader.take(field, 32 * n)?.as_chunks::<32>();
            Ok(all.iter().copied().map(Hash::from_bytes).collect())
        };
        let leaves = hashes(&mut reader, "leaves", params.layers() + 1)?;
        let digest = Digest::from_bytes(reader.array("digest")?);
        let len = check_path(reader.word("path")?.into())?;
        let path = hashes(&mut reader, "path", len)?;
        let (state, _) = reader.take("state", 2 * state_len(params, layer))?.as_chunks::<2>();
        let state = state.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
        super::check_end(&reader)?;
        Ok(Self { nonce, layer, leaves, digest, path, state })
    }
}

fn check_layer(params: &Params, layer: u64) -> Result<usize, TranscriptError> {
    let layers = params.layers();
    let found = usize::try_from(layer).ok().filter(|layer| *layer < layers);
    let max = layers as u64 - 1;
    found.ok_or(TranscriptError::Count { what: "layers before the step", got: layer, min: 0, max })
}

fn check_path(got: u64) -> Result<usize, TranscriptError> {
    let error = TranscriptError::Count { what: "nodes of a path", got, min: 0, max: MAX_PATH };
    usize::try_from(got).ok().filter(|_| got <= MAX_PATH).ok_or(error)
}

//! Keys (SPEC §IV.1): the only file that knows domains and their encoding.

use super::params::{Params, VERSION};
use crate::exact::stream::StreamKey;
use crate::exact::transcript::hash::Hash;
use crate::exact::transcript::tree::Nodes;
use alloc::vec::Vec;
use sha2::{Digest as _, Sha256};

/// First bytes of everything that training hashes.
pub const TAG: &[u8; 16] = b"sphere-pow train";

/// What a hash is for: no two uses share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Run = 1,
    Init = 2,
    Batch = 3,
    Leaf = 4,
    Node = 5,
    Root = 6,
    Seed = 7,
    Delta = 8,
    Float = 9,
}

fn key(domain: Domain, fields: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new_with_prefix(TAG);
    sha.update(VERSION.to_le_bytes());
    sha.update((domain as u32).to_le_bytes());
    for field in fields {
        sha.update(u32::try_from(field.len()).expect("fields are short").to_le_bytes());
        sha.update(field);
    }
    sha.finalize().into()
}

/// BLAKE3's keyed hash.
fn hash(key: &[u8; 32], parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    Hash::from_bytes(*hasher.finalize().as_bytes())
}

/// A run: the hash over all its sizes, its schedule and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunId([u8; 32]);

impl RunId {
    /// That of sizes and a text of `length` bytes with that SHA-256.
    #[must_use]
    pub fn new(params: &Params, text: &[u8; 32], length: u64) -> Self {
        let words: Vec<u8> = params.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        let knots =
            params.raw().schedule.iter().flat_map(|(step, rate)| [step.to_le_bytes(), rate.to_le_bytes()]);
        let knots: Vec<u8> = knots.flatten().collect();
        let (length, run_seed) = (length.to_le_bytes(), params.raw().run_seed);
        let fields: [&[u8]; 5] = [&words, &knots, text, &length, &run_seed.to_le_bytes()];
        // Runs of the run seed 0 keep the name that they had before there was one.
        Self(key(Domain::Run, if run_seed == 0 { &fields[..4] } else { &fields }))
    }

    /// The name of the run by the same sizes and text whose lanes' steps are in floats (SPEC §IV.10).
    #[must_use]
    pub fn float(&self) -> Self {
        Self(key(Domain::Float, &[&self.0]))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Stream n gives the first values of tensor n.
    #[must_use]
    pub fn init(&self) -> StreamKey {
        StreamKey::from_bytes(key(Domain::Init, &[&self.0]))
    }

    /// Stream i gives the batch of a lane's step i.
    #[must_use]
    pub fn batches(&self, round: u32, lane: u32, seed: &[u8; 32]) -> StreamKey {
        StreamKey::from_bytes(key(Domain::Batch, &[&self.0, &round.to_le_bytes(), &lane.to_le_bytes(), seed]))
    }

    /// Leaf j of a lane: the hash of a state's bytes.
    #[must_use]
    pub fn leaf(&self, round: u32, lane: u32, j: u32, state: &[u8]) -> Hash {
        let place = [round, lane, j].map(u32::to_le_bytes);
        hash(&key(Domain::Leaf, &[&self.0, &place[0], &place[1], &place[2]]), &[state])
    }

    /// What a lane's delta is published under.
    #[must_use]
    pub fn delta(&self, round: u32, lane: u32, delta: &[u8]) -> Hash {
        hash(&key(Domain::Delta, &[&self.0, &round.to_le_bytes(), &lane.to_le_bytes()]), &[delta])
    }

    /// The root before round `round`: of the weights and the outer momentum, as bytes.
    #[must_use]
    pub fn root(&self, round: u32, theta: &[u8], momentum: &[u8]) -> Hash {
        hash(&key(Domain::Root, &[&self.0, &round.to_le_bytes()]), &[theta, momentum])
    }

    /// A round's seed: of the root before it, and a beacon that nobody knew when that root was made.
    #[must_use]
    pub fn seed(&self, round: u32, root: &Hash, beacon: &[u8]) -> [u8; 32] {
        key(Domain::Seed, &[&self.0, &round.to_le_bytes(), root.as_bytes(), beacon])
    }

    /// How two nodes of a lane's tree become one.
    #[must_use]
    pub fn nodes(&self) -> NodeKey {
        NodeKey(key(Domain::Node, &[&self.0]))
    }
}

/// The key of a run's trees.
#[derive(Clone, Debug)]
pub struct NodeKey([u8; 32]);

impl Nodes for NodeKey {
    fn node(&self, left: &Hash, right: &Hash) -> Hash {
        hash(&self.0, &[left.as_bytes(), right.as_bytes()])
    }
}

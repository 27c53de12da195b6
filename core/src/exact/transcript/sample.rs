//! Which steps a beacon draws (SPEC §II.12.5).

use super::commitment::Commitment;
use super::hash::Keys;
use crate::exact::stream::StreamKey;
use crate::identity::Beacon;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Fewest openings: with fewer, the best cheat would pay.
pub const MIN_SAMPLES: u32 = 20;
/// Most openings.
pub const MAX_SAMPLES: u32 = 4096;

/// One layer of one nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The layer, from 0: ordered by it, so that whoever repeats steps makes each layer's weights once.
    pub layer: usize,
    /// The nonce's place among all that are committed, from 0.
    pub position: u64,
}

/// Whole numbers from a keystream, without bias.
struct Draws {
    key: StreamKey,
    offset: u64,
}

impl Draws {
    /// A number from 0 to n - 1, n at least 1: words of 64 bits below the largest multiple of n, modulo n.
    fn below(&mut self, n: u64) -> u64 {
        loop {
            let mut word = [0; 8];
            self.key.read(0, self.offset, &mut word);
            self.offset += 8;
            let word = u64::from_le_bytes(word);
            // 2^64 mod n words at the top would make the smallest numbers likelier.
            let surplus = (u64::MAX % n + 1) % n;
            if word <= u64::MAX - surplus {
                return word % n;
            }
        }
    }
}

/// The `n` steps that `beacon` draws, ascending; all there are when there are no more. A step drawn before is passed
/// over.
#[must_use]
pub fn sample(commitment: &Commitment, keys: &Keys, beacon: &Beacon, n: u32) -> Vec<Step> {
    let (puzzle, key) = (commitment.puzzle(), commitment.key());
    let (params, root) = (puzzle.params(), commitment.hash(keys));
    let key = StreamKey::sample(params, puzzle.block(), key, root.as_bytes(), beacon.as_str());
    let mut draws = Draws { key, offset: 0 };
    let (nonces, layers) = (commitment.nonces(), params.layers() as u64);
    let wanted = u64::from(n.min(MAX_SAMPLES)).min(nonces.saturating_mul(layers));
    let mut steps = BTreeSet::new();
    while (steps.len() as u64) < wanted {
        let position = draws.below(nonces);
        let layer = usize::try_from(draws.below(layers)).expect("at most 256 layers");
        steps.insert(Step { layer, position });
    }
    steps.into_iter().collect()
}

//! Hosts that break the rules: rewriters of what an honest state machine sends.

use crate::block::Block;
use crate::identity::{Hash, Key};
use crate::signed::Signed;
use crate::wire::Message;
use arc_malachitebft_core_types::NilOrVal;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::sync::Arc;

/// A rewriter of one's own: to the host of this index, instead of these bytes, those of the list.
pub type Rewrite = Box<dyn FnMut(usize, &[u8], &mut ChaCha8Rng) -> Vec<Vec<u8>> + Send>;

/// What a host does to the messages that it sends, simulated or over TCP. Hosts are meant by their index in the network.
#[derive(Default)]
pub enum Behaviour {
    /// Nothing.
    #[default]
    Honest,
    /// It says nothing at all.
    Silent,
    /// It keeps back this many of a million.
    Drops(u32),
    /// It sends everything twice.
    Repeats,
    /// It tells hosts of odd index something else than the others: votes for another block or none, and proposals of
    /// another block, properly signed.
    Equivocates,
    /// It turns random bits of this many of a million messages.
    Garbles(u32),
    /// Something else.
    Rewrites(Rewrite),
}

impl Behaviour {
    /// What goes to the host of index `to` instead of `bytes`.
    pub(crate) fn rewrite(
        &mut self,
        key: &Key,
        chain: &Hash,
        to: usize,
        bytes: Arc<Vec<u8>>,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Arc<Vec<u8>>> {
        match self {
            Self::Honest => vec![bytes],
            Self::Silent => Vec::new(),
            Self::Drops(ppm) => {
                if rng.next_u32() % 1_000_000 < *ppm {
                    Vec::new()
                } else {
                    vec![bytes]
                }
            }
            Self::Repeats => vec![bytes.clone(), bytes],
            Self::Equivocates if to % 2 == 1 => vec![contradict(key, chain, &bytes).map_or(bytes, Arc::new)],
            Self::Equivocates => vec![bytes],
            Self::Garbles(ppm) => {
                if rng.next_u32() % 1_000_000 >= *ppm {
                    return vec![bytes];
                }
                let mut garbled = Arc::unwrap_or_clone(bytes);
                for _ in 0..=rng.next_u32() % 8 {
                    let at = rng.next_u64() % garbled.len().max(1) as u64;
                    if let Some(byte) = usize::try_from(at).ok().and_then(|at| garbled.get_mut(at)) {
                        *byte ^= 1 << (rng.next_u32() % 8);
                    }
                }
                vec![Arc::new(garbled)]
            }
            Self::Rewrites(rewrite) => rewrite(to, &bytes, rng).into_iter().map(Arc::new).collect(),
        }
    }
}

/// The opposite of what `key`'s host says in `bytes`, signed by it; `None` for what is not its own vote or proposal.
fn contradict(key: &Key, chain: &Hash, bytes: &[u8]) -> Option<Vec<u8>> {
    let message = match Message::from_bytes(bytes).ok()? {
        Message::Vote(vote) if vote.message.host == key.id() => {
            let mut vote = vote.message;
            vote.block = match vote.block {
                NilOrVal::Nil => NilOrVal::Val(Hash::of(&[b"no such block"])),
                NilOrVal::Val(_) => NilOrVal::Nil,
            };
            Message::Vote(Signed::new(vote, key, chain))
        }
        Message::Proposal(proposal, block) if proposal.message.host == key.id() => {
            let header = block.header();
            // An application takes no payload or it takes a stray byte, or the block is invalid: a contradiction
            // either way.
            let payload = if block.payload().is_empty() { vec![0] } else { Vec::new() };
            let evidence = block.evidence().to_vec();
            let other = Block::new(header.height, header.previous, key.id(), header.state, payload, evidence);
            let mut proposal = proposal.message;
            proposal.block = other.hash();
            Message::Proposal(Signed::new(proposal, key, chain), Arc::new(other))
        }
        _ => return None,
    };
    Some(message.to_bytes())
}

//! Blocks, and the certificates that make them final.

use crate::context::{Agreement, Height};
use crate::evidence::Evidence;
use crate::identity::{Hash, HostId};
use arc_malachitebft_core_types as types;
use arc_malachitebft_signing_ed25519::Signature;
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use types::Round;

/// The most bytes that an application may put into a block.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// What a block's hash covers: its place in the chain, and its content by hashes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The first block has height 1.
    pub height: u64,
    /// The hash of the block below; the network's name for the first.
    pub previous: Hash,
    /// Who made the block. Another may have proposed it again in a later round.
    pub proposer: HostId,
    /// SHA-256 of the payload.
    pub payload: Hash,
    /// SHA-256 of the evidence's encoding.
    pub evidence: Hash,
    /// What the application said of its state after the block below.
    pub state: Hash,
}

impl Header {
    /// The block's hash, the name by which hosts vote for it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&[b"sphere-pow-consensus/block/1", &encode(self)])
    }
}

/// A block. Its header's hashes are its content's, however it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    header: Header,
    payload: Vec<u8>,
    evidence: Vec<Evidence>,
    hash: Hash,
}

impl Block {
    pub(crate) fn new(
        height: u64,
        previous: Hash,
        proposer: HostId,
        state: Hash,
        payload: Vec<u8>,
        evidence: Vec<Evidence>,
    ) -> Self {
        let header = Header {
            height,
            previous,
            proposer,
            payload: Hash::of(&[&payload]),
            evidence: Hash::of(&[&encode(&evidence)]),
            state,
        };
        let hash = header.hash();
        Self { header, payload, evidence, hash }
    }

    /// What its hash covers.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The application's bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }
}

impl BorshSerialize for Block {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        (&self.header, &self.payload, &self.evidence).serialize(writer)
    }
}

impl BorshDeserialize for Block {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let (header, payload, evidence) = <(Header, Vec<u8>, Vec<Evidence>)>::deserialize_reader(reader)?;
        let block =
            Self::new(header.height, header.previous, header.proposer, header.state, payload, evidence);
        if block.header == header {
            Ok(block)
        } else {
            Err(std::io::Error::other("a block whose header does not hash its content"))
        }
    }
}

/// Precommits of validators with more than two thirds of the power for one block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    pub(crate) round: u32,
    pub(crate) signatures: Vec<(HostId, [u8; 64])>,
}

impl Certificate {
    /// The round in which the block was decided; 0 when all went well.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Who signed.
    pub fn signers(&self) -> impl ExactSizeIterator<Item = HostId> + '_ {
        self.signatures.iter().map(|(host, _)| *host)
    }

    pub(crate) fn of_engine(commit: &types::CommitCertificate<Agreement>) -> Self {
        let signatures = commit.commit_signatures.iter().map(|s| (s.address, s.signature.to_bytes()));
        Self { round: commit.round.as_u32().unwrap_or(0), signatures: signatures.collect() }
    }

    pub(crate) fn to_engine(&self, block: &Block) -> types::CommitCertificate<Agreement> {
        let signatures = self.signatures.iter();
        types::CommitCertificate {
            height: Height(block.header.height),
            round: Round::new(self.round),
            value_id: block.hash,
            commit_signatures: signatures
                .map(|(id, bytes)| types::CommitSignature::new(*id, Signature::from_bytes(*bytes)))
                .collect(),
        }
    }
}

/// A block with its certificate: what is stored, and what a late host is given.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Decided {
    /// The block.
    pub block: Arc<Block>,
    /// Why it is final.
    pub certificate: Certificate,
}

impl Decided {
    /// As [`Decided::from_bytes`] reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`Decided::to_bytes`] wrote. The certificate's signatures are not checked here.
    ///
    /// # Errors
    /// Bytes of another shape, or a header that does not hash its content.
    pub fn from_bytes(bytes: &[u8]) -> std::io::Result<Self> {
        borsh::from_slice(bytes)
    }
}

pub(crate) fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("a Vec takes all that is written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Key;

    #[test]
    fn a_block_whose_header_hashes_something_else_is_not_read() {
        let host = Key::from_seed([1; 32]).id();
        let block = Block::new(1, Hash([2; 32]), host, Hash([3; 32]), b"pay".to_vec(), Vec::new());
        let bytes = encode(&block);
        assert_eq!(borsh::from_slice::<Block>(&bytes).unwrap(), block);
        let at = bytes.windows(3).position(|window| window == b"pay").unwrap();
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert!(borsh::from_slice::<Block>(&other).is_err());
        assert!(borsh::from_slice::<Block>(&[&bytes[..], &[0]].concat()).is_err(), "a byte too many");
    }

    #[test]
    fn the_hash_covers_every_field() {
        let host = Key::from_seed([1; 32]).id();
        let header = Block::new(1, Hash([2; 32]), host, Hash([3; 32]), Vec::new(), Vec::new()).header;
        let with = |change: fn(&mut Header)| {
            let mut other = header.clone();
            change(&mut other);
            other.hash()
        };
        let hashes = [
            header.hash(),
            with(|h| h.height += 1),
            with(|h| h.previous.0[0] ^= 1),
            with(|h| h.proposer.0[0] ^= 1),
            with(|h| h.payload.0[0] ^= 1),
            with(|h| h.evidence.0[0] ^= 1),
            with(|h| h.state.0[0] ^= 1),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }
}

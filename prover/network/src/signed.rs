//! Messages as transactions of a block: signed by their sender, and what a block holds of them.

use crate::message::HostId;
use borsh::{BorshDeserialize, BorshSerialize};
use sphere_pow_consensus::{self as consensus, Hash, Key, Pending};
use std::collections::BTreeSet;

/// A message with its sender's signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Signed<M> {
    pub(crate) sender: HostId,
    pub(crate) message: M,
    signature: [u8; 64],
}

impl<M: BorshSerialize + BorshDeserialize> Signed<M> {
    /// A transaction, whoever signed it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        borsh::from_slice(bytes).ok()
    }
}

/// What signatures of one network are over: no message of one kind of network, or of one of its networks, is of use in another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domain {
    /// Of all networks of this kind.
    pub(crate) label: &'static [u8],
    /// Of this network.
    pub(crate) chain: Hash,
}

impl Domain {
    fn bytes(&self, message: &impl BorshSerialize) -> Vec<u8> {
        let mut bytes = self.label.to_vec();
        bytes.extend(self.chain.0);
        message.serialize(&mut bytes).expect("bytes in memory");
        bytes
    }

    /// A transaction.
    pub(crate) fn sign<M: BorshSerialize>(&self, key: &Key, sender: HostId, message: M) -> Vec<u8> {
        let signature = key.sign(&self.bytes(&message));
        borsh::to_vec(&Signed { sender, message, signature }).expect("bytes in memory")
    }

    /// A transaction of one of the hosts, whose keys are given by number, its signature checked.
    pub(crate) fn read<M: BorshSerialize + BorshDeserialize>(
        &self,
        bytes: &[u8],
        key: impl Fn(HostId) -> Option<consensus::HostId>,
    ) -> Option<Signed<M>> {
        let signed = Signed::<M>::decode(bytes)?;
        key(signed.sender)?.has_signed(&self.bytes(&signed.message), &signed.signature).then_some(signed)
    }
}

/// The transactions of a payload, or nothing where one of them comes twice.
pub(crate) fn transactions(payload: &[u8]) -> Option<Vec<Vec<u8>>> {
    let list: Vec<Vec<u8>> = borsh::from_slice(payload).ok()?;
    let distinct: BTreeSet<&Vec<u8>> = list.iter().collect();
    (distinct.len() == list.len()).then_some(list)
}

/// A payload of those pending that are ready, as many as fit. Their signatures were checked when they were let in.
pub(crate) fn payload(pending: &Pending<'_>, is_ready: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut list: Vec<&[u8]> = Vec::new();
    // The list's length, and each entry's.
    let mut len = 4;
    for bytes in pending.iter() {
        let fits = len + 4 + bytes.len() <= consensus::MAX_PAYLOAD_BYTES;
        if is_ready(bytes) && fits {
            len += 4 + bytes.len();
            list.push(bytes);
        }
    }
    borsh::to_vec(&list).expect("bytes in memory")
}

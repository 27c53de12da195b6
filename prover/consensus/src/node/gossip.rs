//! Messages as they come, and transactions.

use super::{Node, Output, TimerKind};
use crate::application::Application;
use crate::identity::HostId;
use crate::mempool::{MAX_TRANSACTION_BYTES, Refused};
use crate::wire::{Dropped, Message};
use std::collections::{BTreeMap, VecDeque};

/// The most bytes of messages that wait for their height.
const BACKLOG_BYTES: usize = 16 << 20;
/// The most messages of one peer that wait.
const BACKLOG_OF_PEER: usize = 8192;
/// The most bytes of own transactions that are said again at once, but for the first.
const SAID_AGAIN_BYTES: usize = 256 << 10;

/// Messages for a height that the engine has not begun.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: BTreeMap<u64, VecDeque<(HostId, Message, usize)>>,
    of_peer: BTreeMap<HostId, usize>,
    bytes: usize,
}

impl Backlog {
    fn add(&mut self, height: u64, from: HostId, message: Message, bytes: usize) -> Result<(), Dropped> {
        let of_peer = self.of_peer.entry(from).or_default();
        if *of_peer >= BACKLOG_OF_PEER || self.bytes + bytes > BACKLOG_BYTES {
            return Err(Dropped::Full);
        }
        *of_peer += 1;
        self.bytes += bytes;
        self.waiting.entry(height).or_default().push_back((from, message, bytes));
        Ok(())
    }

    /// The next message for `height` if it `is_running`. Those of lower heights go.
    pub(super) fn next(&mut self, height: u64, is_running: bool) -> Option<(HostId, Message)> {
        loop {
            let mut first = self.waiting.first_entry()?;
            let of = *first.key();
            if of > height || of == height && !is_running {
                return None;
            }
            let Some((from, message, bytes)) = first.get_mut().pop_front() else {
                first.remove();
                continue;
            };
            self.bytes -= bytes;
            if let Some(count) = self.of_peer.get_mut(&from) {
                *count -= 1;
            }
            if of == height {
                return Some((from, message));
            }
        }
    }
}

impl<A: Application> Node<A> {
    pub(super) fn on_message(&mut self, from: HostId, message: Message, bytes: usize) {
        match message {
            Message::Status { height } => self.on_claim(from, height),
            Message::Transaction(bytes) => self.on_transaction(Some(from), bytes),
            Message::Evidence(evidence) => {
                if self.evidence.keep(&evidence, &mut self.shell.verifier) {
                    self.shell.broadcast(&Message::Evidence(evidence), vec![from]);
                } else {
                    self.drop_message(from, Dropped::NoEvidence);
                }
            }
            Message::Ask { from: height } => {
                if height <= self.tip.height {
                    self.shell.outputs.push(Output::Serve { to: from, from: height });
                }
            }
            Message::Blocks(blocks) => self.on_blocks(from, blocks),
            message => {
                if let Some(height) = message.height() {
                    self.on_message_of_height(height, from, message, bytes);
                }
            }
        }
    }

    fn on_message_of_height(&mut self, height: u64, from: HostId, message: Message, bytes: usize) {
        let at = self.tip.height + 1;
        // Who votes on a height has the one below.
        self.on_claim(from, height.saturating_sub(1));
        if height == at && self.is_running {
            self.on_agreement(from, message);
        } else if height == at || height == at + 1 {
            if let Err(reason) = self.backlog.add(height, from, message, bytes) {
                self.drop_message(from, reason);
            }
        } else {
            self.drop_message(from, Dropped::OtherHeight { got: height, at });
        }
    }

    /// Takes a transaction of a peer, or of this host.
    pub(super) fn on_transaction(&mut self, from: Option<HostId>, bytes: Vec<u8>) {
        if let Err(reason) = self.take_transaction(from, bytes) {
            self.shell.outputs.push(Output::Dropped { from, reason });
        }
    }

    fn take_transaction(&mut self, from: Option<HostId>, bytes: Vec<u8>) -> Result<(), Dropped> {
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(Dropped::TransactionTooLong { got: bytes.len() });
        }
        if self.mempool.knows(&bytes) {
            return Err(Dropped::Known);
        }
        if !self.app.admit(&bytes) {
            return Err(Dropped::Refused);
        }
        self.mempool.add(bytes.clone(), from.is_none()).map_err(|refused| match refused {
            Refused::Known => Dropped::Known,
            Refused::Full => Dropped::Full,
        })?;
        if from.is_none() || self.shell.config.relay {
            self.shell.broadcast(&Message::Transaction(bytes), from.into_iter().collect());
        }
        Ok(())
    }

    pub(super) fn say_status(&mut self) {
        self.shell.broadcast(&Message::Status { height: self.tip.height }, Vec::new());
        self.set_timer(TimerKind::Status, self.shell.config.timeouts.status());
    }

    /// Says again what may have been lost on its way to some proposer.
    pub(super) fn say_own_transactions(&mut self) {
        for bytes in self.mempool.own(SAID_AGAIN_BYTES) {
            self.shell.broadcast(&Message::Transaction(bytes), Vec::new());
        }
    }
}

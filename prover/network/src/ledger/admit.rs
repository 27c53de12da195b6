//! Which messages the ledger takes, and which may still wait for their time.

use super::{Checks, Ledger};
use crate::message::{HostId, Message, Refusal};
use crate::seed::{Deal, commitment};
use crate::sortition::Output;

impl Ledger {
    /// Whether [`Self::apply`] would take a message in the next block.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn admits(&self, sender: HostId, message: &Message) -> Result<(), Refusal> {
        self.admitted(sender, message).map(|_| ())
    }

    /// As [`Self::admits`]; with what a draw's proof comes to, so that nobody verifies it again.
    pub(super) fn admitted(&self, sender: HostId, message: &Message) -> Result<Option<Output>, Refusal> {
        let hosts = self.accounts.len();
        if sender as usize >= hosts {
            return Err(Refusal::Stranger {
                got: sender,
                hosts: u32::try_from(hosts).expect("as join has it"),
            });
        }
        if message.epoch() != self.epoch {
            return Err(Refusal::Epoch { got: message.epoch(), expected: self.epoch });
        }
        let (what, (after, to)) = (message.what(), self.window(message));
        let height = self.height + 1;
        if height <= after || height > to {
            return Err(Refusal::Window { what, height, from: after + 1, to });
        }
        match message {
            Message::Commit { .. } if self.round.commitment(sender).is_some() => {
                Err(Refusal::Repeated { what })
            }
            Message::Commit { dealing, .. } => self.round.may_bind(dealing.as_deref()),
            Message::Reveal { epoch, dealer, secret } => {
                let bound = self.round.commitment(*dealer).ok_or(Refusal::NoPart { what })?;
                if self.round.is_revealed(*dealer) {
                    return Err(Refusal::Repeated { what });
                }
                let leads = *bound == commitment(*epoch, *dealer, secret);
                if leads { Ok(()) } else { Err(Refusal::WrongSecret { dealer: *dealer }) }
            }
            Message::Share { epoch, dealer, shares } => {
                self.round.may_share(&Deal { epoch: *epoch, dealer: *dealer }, sender, shares)
            }
            Message::Claim { claim, .. } if claim.count == 0 => Err(Refusal::Nothing),
            Message::Claim { claim, .. } => self.books.may_claim(sender, claim),
            Message::Draw { .. } if !self.must_draw(sender) => Err(Refusal::NoPart { what }),
            Message::Draw { .. } if self.books.output(sender).is_some() => Err(Refusal::Repeated { what }),
            Message::Draw { proof, .. } => {
                return self.verified(sender, proof).map(Some).ok_or(Refusal::WrongProof);
            }
            Message::Open { .. } => self.books.may_open(sender),
            Message::Vote { host, checks, fault, .. } => self.books.may_vote(sender, *host, *fault, *checks),
        }
        .map(|()| None)
    }

    /// Whether a message will never be taken, at this height or a later one: what a host that passes messages on
    /// need not keep. Messages may arrive before their windows, from hosts that are a block ahead.
    #[must_use]
    pub fn is_stale(&self, sender: HostId, message: &Message) -> bool {
        if sender as usize >= self.accounts.len() || message.epoch() < self.epoch {
            return true;
        }
        // Not a Sprint ahead: that would be a way to fill others' memory.
        if message.epoch() > self.epoch + 1 {
            return true;
        }
        if message.epoch() > self.epoch {
            return false;
        }
        let (after, to) = self.window(message);
        match self.height + 1 {
            height if height > to => true,
            height if height <= after => false,
            _ => self.admits(sender, message).is_err(),
        }
    }

    /// The heights after which, and up to which, a block may hold the message.
    fn window(&self, message: &Message) -> (u64, u64) {
        let t = self.times;
        match message {
            Message::Commit { .. } => (t.round, t.reveals),
            Message::Reveal { .. } => (t.reveals, t.start),
            Message::Share { .. } => (t.shares, t.start),
            Message::Claim { .. } => (t.start, t.claims_end),
            Message::Draw { .. } => (t.beacon, t.drawn),
            Message::Open { .. } => (t.drawn, t.opened),
            Message::Vote { checks: Checks::Committee, .. } => (t.opened, t.trial),
            Message::Vote { checks: Checks::Jury, .. } => (t.trial, t.weights),
        }
    }
}

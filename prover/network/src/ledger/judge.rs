//! Who checks which claim, and what their votes come to.

use super::Ledger;
use super::books::{Checks, Entry, Member, Outcome};
use crate::message::HostId;
use crate::sortition::Output;
use sphere_pow_core::network::committee::Seats;
use sphere_pow_core::network::majority::{Decision, Tally};

impl Ledger {
    /// Draws a committee for each claim, by what the beacon fixed after the claims were closed: its hash, or what
    /// validators drew from it.
    pub(super) fn draw_committees(&mut self) {
        let (accounts, electorate, rules) = (&self.accounts, &self.electorate, &self.rules);
        let Some(beacon) = self.books.beacon().copied() else { return };
        let outputs = rules.has_sortition.then(|| self.books.outputs().clone());
        for (host, entry) in self.books.entries_mut() {
            let (claimant, seats) =
                (host as usize, Seats::of(rules.seats, &accounts[host as usize].standing, rules.floor));
            let drawn = match &outputs {
                None => electorate.committee(&beacon, claimant, &seats),
                Some(outputs) => {
                    let seats = |(host, output): (&HostId, &Output)| {
                        (*host as usize, electorate.sortition(output, *host as usize, claimant, &seats))
                    };
                    outputs.iter().map(seats).filter(|(_, seats)| *seats > 0).collect()
                }
            };
            entry.committee = members(drawn);
        }
        self.books.index(Checks::Committee);
    }

    /// Draws a jury for each claim in which fraud was found, after all said so.
    pub(super) fn draw_juries(&mut self, randomness: &[u8; 32]) {
        let (accounts, electorate, rules) = (&self.accounts, &self.electorate, &self.rules);
        let validators = accounts.iter().filter(|account| account.power > 0).count();
        for (host, entry) in self.books.entries_mut() {
            if entry.accused().is_empty() {
                continue;
            }
            entry.jury = Some(if validators <= rules.jury as usize {
                let everybody = (0..).zip(accounts).filter(|(id, account)| account.power > 0 && *id != host);
                everybody.map(|(host, account)| Member { host, votes: account.power, vote: None }).collect()
            } else {
                members(electorate.committee(randomness, host as usize, &Seats::jury(rules.jury)))
            });
        }
        self.books.index(Checks::Jury);
    }

    /// What becomes of a claim.
    pub(super) fn outcome(&self, entry: &Entry) -> Outcome {
        if entry.is_void() {
            return Outcome::Void;
        }
        if entry.is_drawn() && entry.openings().is_none() {
            return Outcome::Withheld;
        }
        let Some(jury) = &entry.jury else { return Outcome::Accepted };
        let mut tally = Tally::default();
        for member in jury {
            let part = match member.vote {
                Some(None) => &mut tally.valid,
                Some(Some(_)) => &mut tally.fraud,
                None => &mut tally.silent,
            };
            *part += u128::from(member.votes);
        }
        // Silence counts against the claim.
        match tally.majority() {
            Decision::Accepted => Outcome::Cleared,
            Decision::Rejected => Outcome::Convicted,
        }
    }
}

fn members(drawn: Vec<(usize, u32)>) -> Vec<Member> {
    let member = |(host, seats)| Member {
        host: HostId::try_from(host).expect("a host's number"),
        votes: u64::from(seats),
        vote: None,
    };
    drawn.into_iter().map(member).collect()
}

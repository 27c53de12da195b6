//! What is planned, block by block: a queue of so many events that a single heap of them would be most of the work.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// An event and its time; among equals what was planned first comes first.
struct Planned<E> {
    at_ms: u64,
    number: u64,
    event: E,
}

impl<E> Planned<E> {
    fn key(&self) -> (u64, u64) {
        (self.at_ms, self.number)
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Planned<E> {}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Events by the block before which they happen.
pub(super) struct Agenda<E> {
    block_ms: u64,
    /// The block that is being made: what happens before it and was known when it began, the last first.
    height: u64,
    sorted: Vec<Planned<E>>,
    /// What came up since.
    added: BinaryHeap<Reverse<Planned<E>>>,
    later: BTreeMap<u64, Vec<Planned<E>>>,
    number: u64,
}

impl<E> Agenda<E> {
    pub(super) fn new(block_ms: u64) -> Self {
        Self {
            block_ms,
            height: 0,
            sorted: Vec::new(),
            added: BinaryHeap::new(),
            later: BTreeMap::new(),
            number: 0,
        }
    }

    /// Goes on to the events before a block; those before earlier ones must have been taken.
    pub(super) fn begin(&mut self, height: u64) {
        self.height = height;
        self.sorted = self.later.remove(&height).unwrap_or_default();
        self.sorted.sort_unstable_by_key(|planned| Reverse(planned.key()));
    }

    /// The next event before the block, and its time.
    pub(super) fn next(&mut self) -> Option<(u64, E)> {
        let is_added = match (self.sorted.last(), self.added.peek()) {
            (Some(known), Some(Reverse(added))) => added < known,
            (None, Some(_)) => true,
            _ => false,
        };
        let planned = if is_added { self.added.pop().map(|Reverse(added)| added) } else { self.sorted.pop() };
        planned.map(|planned| (planned.at_ms, planned.event))
    }

    /// Plans an event; block `h` is made at `h` times the blocks' distance, and what happens then is after it.
    pub(super) fn plan(&mut self, at_ms: u64, event: E) {
        self.number += 1;
        let planned = Planned { at_ms, number: self.number, event };
        let height = at_ms / self.block_ms + 1;
        if height <= self.height {
            self.added.push(Reverse(planned));
        } else {
            self.later.entry(height).or_default().push(planned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_their_times() {
        let mut agenda = Agenda::new(100);
        for at_ms in [250, 30, 199, 30, 100, 0] {
            agenda.plan(at_ms, at_ms);
        }
        let mut seen = Vec::new();
        for height in 1..=3 {
            agenda.begin(height);
            while let Some((at_ms, event)) = agenda.next() {
                assert_eq!(at_ms, event);
                assert!(at_ms < height * 100, "{at_ms} before block {height}");
                seen.push(at_ms);
                if at_ms == 100 {
                    // Some within the block, one after it.
                    [150, 120, 290].into_iter().for_each(|at_ms| agenda.plan(at_ms, at_ms));
                }
            }
        }
        assert_eq!(seen, [0, 30, 30, 100, 120, 150, 199, 250, 290]);
    }
}

//! The timers of one host.

use crate::node::Timer;
use std::collections::BTreeMap;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeMap<(Instant, u64), Timer>,
    set: BTreeMap<Timer, (Instant, u64)>,
    next: u64,
}

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.cancel(timer);
        let key = (at, self.next);
        self.next += 1;
        self.by_time.insert(key, timer);
        self.set.insert(timer, key);
    }

    pub(super) fn cancel(&mut self, timer: Timer) {
        if let Some(key) = self.set.remove(&timer) {
            self.by_time.remove(&key);
        }
    }

    /// When the first runs out.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes a timer that has run out.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        if self.first()? > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.set.remove(&timer);
        Some(timer)
    }
}

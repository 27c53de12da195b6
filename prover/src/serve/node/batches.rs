//! Batches that wait to be judged, on the disk and in memory.

use super::{DISK_WAIT, Node};
use crate::error::ProverError;
use crate::serve::store::{Parcel, Queued};
use crate::signals::Stop;
use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

/// A batch that waits.
pub(in crate::serve) struct Waiting {
    /// Its number in the store.
    pub(in crate::serve) id: u64,
    pub(in crate::serve) batch: Queued,
    /// How often devices failed on it.
    failures: usize,
}

impl Waiting {
    pub(in crate::serve) fn new(id: u64, batch: Queued) -> Self {
        Self { id, batch, failures: 0 }
    }
}

impl Node {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Batches that wait to be judged.
    pub(in crate::serve) fn queue_len(&self) -> usize {
        self.queue().len()
    }

    /// Puts a batch at the end of the queue.
    pub(in crate::serve) fn push_batch(&self, batch: Waiting) {
        self.queue().push_back(batch);
        self.arrived.notify_one();
    }

    /// The batch at the head of the queue, once there is one; `None` when `stop` is asked before.
    pub(in crate::serve) fn take_batch(&self, stop: &Stop) -> Option<Waiting> {
        let waits = |queue: &mut VecDeque<Waiting>| queue.is_empty() && !stop.is_asked();
        loop {
            // Whoever asks to stop may not hold the queue's lock.
            let tick = Duration::from_millis(200);
            let waited = self.arrived.wait_timeout_while(self.queue(), tick, waits);
            let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if stop.is_asked() {
                return None;
            }
            if let Some(batch) = queue.pop_front() {
                return Some(batch);
            }
        }
    }

    /// Puts a batch back at the head of the queue.
    pub(in crate::serve) fn put_back(&self, batch: Waiting) {
        self.queue().push_front(batch);
        self.arrived.notify_one();
    }

    /// Replaces a batch by the verdict on it; where the disk does not take that, waits for it, or judges again later.
    pub(in crate::serve) fn settle(&self, batch: Waiting, verdict: &Parcel, stop: &Stop) {
        while let Err(error) = self.store.judged(batch.id, verdict.clone()) {
            tracing::error!("a verdict waits for the disk: {error}");
            if stop.is_asked() {
                return self.put_back(batch);
            }
            std::thread::sleep(DISK_WAIT);
        }
        self.wake.notify_one();
    }

    /// Sets aside a batch that cannot be judged.
    pub(in crate::serve) fn refuse(&self, id: u64, why: &str) {
        tracing::warn!("a batch is not judged: {why}");
        if let Err(error) = self.store.refuse(id, why) {
            tracing::error!("{error}");
        }
    }

    /// Puts a batch that a device failed on at the end of the queue, or aside after `most` times.
    pub(in crate::serve) fn put_aside(&self, mut batch: Waiting, most: usize, error: &ProverError) {
        batch.failures += 1;
        if batch.failures < most {
            self.push_batch(batch);
        } else {
            self.refuse(batch.id, &error.to_string());
        }
    }
}

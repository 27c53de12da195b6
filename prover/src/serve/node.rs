//! The node: what it was told to do, what it does, and what others may know of it.
//!
//! Requests change the order; the crew carries out the newest and nothing older. `state` is true at every moment: POW from
//! the order's acceptance on, STOPPED as soon as it failed, so that the API node's next poll mends what went wrong.

use super::Settings;
use super::courier::Counters;
use super::init::Init;
use super::store::{Parcel, Queued, Store, StoreError};
use crate::error::ProverError;
use crate::search::Tally;
use crate::signals::Stop;
use serde::{Deserialize, Serialize};
use sphere_pow_core::profile::EngineInfo;
use sphere_pow_gpu::DeviceInfo;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What a stage's node is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Phase {
    /// The model is loaded, and waits.
    Idle,
    /// Nonces are searched.
    Generating,
    /// Others' claims are judged.
    Validating,
}

/// What runs, one of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Service {
    Pow,
    Inference,
    Train,
    Stopped,
}

impl Service {
    /// As the reference's messages spell it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Pow => "ServiceState.POW",
            Self::Inference => "ServiceState.INFERENCE",
            Self::Train => "ServiceState.TRAIN",
            Self::Stopped => "ServiceState.STOPPED",
        }
    }
}

/// A stage and its phase.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assignment {
    pub(super) init: Init,
    pub(super) phase: Phase,
}

/// What the crew is to do.
#[derive(Clone)]
pub(super) struct Order {
    /// Grows with each.
    pub(super) number: u64,
    /// Nothing, with the devices free for others.
    pub(super) assignment: Option<Arc<Assignment>>,
    /// Asked when a newer order came.
    pub(super) stop: Arc<Stop>,
    /// Whether the process ends.
    pub(super) is_last: bool,
}

/// The devices at work, for whoever asks.
#[derive(Clone, Default)]
pub(super) struct Devices {
    pub(super) infos: Vec<EngineInfo>,
    pub(super) tallies: Arc<Vec<Tally>>,
    /// The share of nonces that should win.
    pub(super) win_rate: f64,
}

struct State {
    order: Order,
    /// The newest order whose model is loaded, or whose devices are free.
    reached: u64,
    /// Why the last stage was given up; a stage that loads shows that it is mended.
    failure: Option<String>,
    has_inference: bool,
    devices: Devices,
}

/// A batch that waits.
pub(super) struct Waiting {
    /// Its number in the store.
    pub(super) id: u64,
    pub(super) batch: Queued,
    /// How often devices failed on it.
    failures: usize,
}

impl Waiting {
    pub(super) fn new(id: u64, batch: Queued) -> Self {
        Self { id, batch, failures: 0 }
    }
}

/// How long to wait before a full disk is tried again.
pub(super) const DISK_WAIT: Duration = Duration::from_secs(1);

pub(super) struct Node {
    pub(super) settings: Settings,
    pub(super) store: Store,
    state: Mutex<State>,
    changed: Condvar,
    queue: Mutex<VecDeque<Waiting>>,
    arrived: Condvar,
    /// Tells the courier that there is something to send.
    pub(super) wake: tokio::sync::Notify,
    pub(super) counters: Counters,
    /// Adapters of this machine, once they are known.
    pub(super) adapters: OnceLock<Vec<DeviceInfo>>,
    pub(super) started: Instant,
}

/// What of an order survives the process.
#[derive(Serialize, Deserialize)]
struct Remembered {
    body: String,
    phase: Phase,
    at_ms: u64,
}

impl Node {
    /// # Errors
    /// [`StoreError`].
    pub(super) fn new(settings: Settings, store: Store) -> Result<Self, StoreError> {
        let queue = store.queue()?.into_iter().map(|(id, batch)| Waiting::new(id, batch)).collect();
        let order = Order { number: 0, assignment: None, stop: Arc::default(), is_last: false };
        let devices = Devices::default();
        let state = State { order, reached: 0, failure: None, has_inference: false, devices };
        Ok(Self {
            settings,
            store,
            state: Mutex::new(state),
            changed: Condvar::new(),
            queue: Mutex::new(queue),
            arrived: Condvar::new(),
            wake: tokio::sync::Notify::new(),
            counters: Counters::default(),
            adapters: OnceLock::new(),
            started: Instant::now(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which service runs.
    pub(super) fn service(&self) -> Service {
        let state = self.state();
        match (&state.order.assignment, state.has_inference) {
            (Some(_), _) => Service::Pow,
            (None, true) => Service::Inference,
            (None, false) => Service::Stopped,
        }
    }

    /// What it was told to do last, and whether its model is loaded.
    pub(super) fn current(&self) -> Option<(Arc<Assignment>, bool)> {
        let state = self.state();
        let assignment = state.order.assignment.clone()?;
        Some((assignment, state.reached == state.order.number))
    }

    /// Why the last stage was given up, until another one loads.
    pub(super) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// The devices at work.
    pub(super) fn devices(&self) -> Devices {
        self.state().devices.clone()
    }

    /// Makes `devices` known.
    pub(super) fn set_devices(&self, devices: Devices) {
        self.state().devices = devices;
    }

    /// Marks the inference backend as up or down.
    pub(super) fn set_inference(&self, is_up: bool) {
        self.state().has_inference = is_up;
    }

    /// Gives a new order, unless it is the one that is carried out.
    pub(super) fn assign(&self, assignment: Assignment) {
        let mut state = self.state();
        if state.order.assignment.as_deref() == Some(&assignment) {
            return;
        }
        let before = state.order.assignment.as_ref();
        let keeps = before.is_some_and(|before| before.init.is_same_model(&assignment.init));
        let is_loaded = keeps && state.reached == state.order.number;
        self.order(&mut state, Some(Arc::new(assignment)), false);
        if is_loaded {
            state.reached = state.order.number;
        }
    }

    /// Ends what runs and frees the devices. Whether anything ran.
    pub(super) fn stop(&self) -> bool {
        let mut state = self.state();
        let ran = state.order.assignment.is_some() || state.has_inference;
        state.has_inference = false;
        if state.order.assignment.is_some() {
            self.order(&mut state, None, false);
        }
        ran
    }

    /// Waits until the devices are free, or `patience` is over.
    pub(super) fn wait_until_free(&self, patience: Duration) {
        let is_busy =
            |state: &mut State| state.order.assignment.is_none() && state.reached != state.order.number;
        let _ = self.changed.wait_timeout_while(self.state(), patience, is_busy);
    }

    /// Ends the crew.
    pub(super) fn quit(&self) {
        self.order(&mut self.state(), None, true);
    }

    fn order(&self, state: &mut State, assignment: Option<Arc<Assignment>>, is_last: bool) {
        state.order.stop.halt();
        let number = state.order.number + 1;
        state.order = Order { number, assignment, stop: Arc::default(), is_last };
        self.changed.notify_all();
        self.arrived.notify_all();
        self.wake.notify_one();
    }

    /// The newest order's number.
    pub(super) fn order_number(&self) -> u64 {
        self.state().order.number
    }

    /// The order after number `done`, once there is one.
    pub(super) fn next_order(&self, done: u64) -> Order {
        let waits = |state: &mut State| state.order.number == done;
        let state = self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        state.order.clone()
    }

    /// The model of order `number` is loaded, or its devices are free.
    pub(super) fn reached(&self, number: u64) {
        let mut state = self.state();
        state.reached = state.reached.max(number);
        if state.order.number == number && state.order.assignment.is_some() {
            state.failure = None;
        }
        self.changed.notify_all();
    }

    /// Order `number` ended by itself.
    pub(super) fn ended(&self, number: u64, why: Option<&ProverError>) {
        let mut state = self.state();
        if state.order.number != number {
            return;
        }
        if let Some(why) = why {
            state.failure = Some(why.to_string());
        }
        self.order(&mut state, None, false);
    }

    /// Notes for the next process what this one was told. A disk that fails here costs nothing but that.
    pub(super) fn remember(&self, assignment: Option<&Assignment>) {
        let text = assignment.map(|assignment| {
            let Assignment { init, phase } = assignment;
            let remembered =
                Remembered { body: init.body.clone(), phase: *phase, at_ms: super::store::now_ms() };
            serde_json::to_string(&remembered).expect("plain data")
        });
        if let Err(error) = self.store.assign(text.as_deref()) {
            tracing::warn!("what the node was told is not remembered: {error}");
        }
    }

    /// Goes on with what an earlier process was told, where that is not long ago.
    pub(super) fn resume(&self) {
        let text = self.store.assigned().ok().flatten();
        let Some(remembered) = text.and_then(|text| serde_json::from_str::<Remembered>(&text).ok()) else {
            return;
        };
        let age_ms = super::store::now_ms().saturating_sub(remembered.at_ms);
        if age_ms > u64::try_from(self.settings.window.as_millis()).unwrap_or(u64::MAX) {
            return;
        }
        let Remembered { body, phase, .. } = remembered;
        if let Ok(init) = Init::read(&body, self.settings.profile, &self.settings.callback_hosts) {
            tracing::info!("going on with the stage of block {} after a restart", init.block_hash);
            self.assign(Assignment { init, phase });
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Batches that wait to be judged.
    pub(super) fn queue_len(&self) -> usize {
        self.queue().len()
    }

    /// Puts a batch at the end of the queue.
    pub(super) fn push_batch(&self, batch: Waiting) {
        self.queue().push_back(batch);
        self.arrived.notify_one();
    }

    /// The batch at the head of the queue, once there is one; `None` when `stop` is asked before.
    pub(super) fn take_batch(&self, stop: &Stop) -> Option<Waiting> {
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
    pub(super) fn put_back(&self, batch: Waiting) {
        self.queue().push_front(batch);
        self.arrived.notify_one();
    }

    /// Replaces a batch by the verdict on it; where the disk does not take that, waits for it, or judges again later.
    pub(super) fn settle(&self, batch: Waiting, verdict: &Parcel, stop: &Stop) {
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
    pub(super) fn refuse(&self, id: u64, why: &str) {
        tracing::warn!("a batch is not judged: {why}");
        if let Err(error) = self.store.refuse(id, why) {
            tracing::error!("{error}");
        }
    }

    /// Puts a batch that a device failed on at the end of the queue, or aside after `most` times.
    pub(super) fn put_aside(&self, mut batch: Waiting, most: usize, error: &ProverError) {
        batch.failures += 1;
        if batch.failures < most {
            self.push_batch(batch);
        } else {
            self.refuse(batch.id, &error.to_string());
        }
    }
}

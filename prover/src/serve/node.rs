//! The node: what it was told to do, what it does, and what others may know of it.
//!
//! Requests change the order; the crew carries out the newest and nothing older. `state` is true at every moment: POW from
//! the order's acceptance on, STOPPED as soon as it failed, so that the API node's next poll mends what went wrong.

mod batches;
mod devices;
mod recall;

pub(super) use batches::Waiting;
pub(super) use devices::{Devices, View};

use super::Settings;
use super::backends::Backends;
use super::courier::Counters;
use super::init::Init;
use super::rates::{History, Totals};
use super::store::{Store, StoreError};
use crate::clock::now_ms;
use crate::error::ProverError;
use crate::sensors::{Reading, Sensors};
use crate::signals::Stop;
use crate::watch::Roster;
use devices::Book;
use serde::{Deserialize, Serialize};
use sphere_pow_gpu::DeviceInfo;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicBool;
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
    /// Whether devices rest, their model kept.
    pub(super) is_paused: bool,
    /// Whether the process ends.
    pub(super) is_last: bool,
}

struct State {
    order: Order,
    /// The newest order whose model is loaded, or whose devices are free.
    reached: u64,
    /// Why the last stage was given up; a stage that loads shows that it is mended.
    failure: Option<String>,
    has_inference: bool,
    devices: Devices,
    /// What devices did in earlier orders.
    past: Totals,
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
    pub(super) backends: Backends,
    /// Held while a commitment grows, and while openings are made.
    pub(super) committing: Mutex<()>,
    pub(super) opening: Mutex<()>,
    /// GPUs that were ever opened.
    pub(super) roster: Roster,
    /// Why the process ends by itself.
    doom: Mutex<Option<ProverError>>,
    /// Adapters of this machine, once they are known.
    pub(super) adapters: OnceLock<Vec<DeviceInfo>>,
    history: Mutex<History>,
    book: Mutex<Book>,
    /// Whether the stage's wins are too many or too few.
    is_alarming: AtomicBool,
    pub(super) sensors: Sensors,
    /// The latest, by PCI address.
    readings: Mutex<HashMap<String, Reading>>,
    pub(super) started: Instant,
}

impl Node {
    /// # Errors
    /// [`StoreError`].
    pub(super) fn new(settings: Settings, store: Store) -> Result<Self, StoreError> {
        let window_ms = u64::try_from(settings.window.as_millis()).unwrap_or(u64::MAX);
        let quarantined = store.quarantined(now_ms().saturating_sub(window_ms))?;
        let queue = store.queue()?.into_iter().map(|(id, batch)| Waiting::new(id, batch)).collect();
        let stop = Arc::default();
        let order = Order { number: 0, assignment: None, stop, is_paused: false, is_last: false };
        let devices = Devices::default();
        let past = Totals::default();
        let state = State { order, reached: 0, failure: None, has_inference: false, devices, past };
        let backends = Backends::new(&settings.inference_backends);
        Ok(Self {
            settings,
            store,
            backends,
            state: Mutex::new(state),
            changed: Condvar::new(),
            queue: Mutex::new(queue),
            arrived: Condvar::new(),
            wake: tokio::sync::Notify::new(),
            counters: Counters::default(),
            committing: Mutex::default(),
            opening: Mutex::default(),
            roster: Roster::new(quarantined),
            doom: Mutex::default(),
            adapters: OnceLock::new(),
            history: Mutex::default(),
            book: Mutex::default(),
            is_alarming: AtomicBool::default(),
            sensors: Sensors::default(),
            readings: Mutex::default(),
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

    /// Lets devices rest, their model kept, or work again.
    pub(super) fn pause(&self, is_paused: bool) {
        let mut state = self.state();
        if state.order.is_paused == is_paused {
            return;
        }
        state.order.is_paused = is_paused;
        let (assignment, is_loaded) = (state.order.assignment.clone(), state.reached == state.order.number);
        self.order(&mut state, assignment, false);
        if is_loaded {
            state.reached = state.order.number;
        }
    }

    /// Whether devices rest.
    pub(super) fn is_paused(&self) -> bool {
        self.state().order.is_paused
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
        let is_paused = state.order.is_paused;
        state.order = Order { number, assignment, stop: Arc::default(), is_paused, is_last };
        self.changed.notify_all();
        self.arrived.notify_all();
        self.wake.notify_one();
    }

    /// Whether the process ends.
    pub(super) fn is_ending(&self) -> bool {
        self.state().order.is_last
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

    /// Has the process end by itself.
    pub(super) fn condemn(&self, why: ProverError) {
        tracing::error!("{why}");
        self.state().failure = Some(why.to_string());
        *self.doom.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Whether the process is to end by itself.
    pub(super) fn is_doomed(&self) -> bool {
        self.doom.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Why the process is to end by itself.
    pub(super) fn take_doom(&self) -> Option<ProverError> {
        self.doom.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

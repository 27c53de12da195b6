//! The GPUs that were ever opened, and what became of each: one that was given up stays so from one stage to the next.

use super::Patience;
use serde::Serialize;
use sphere_pow_core::profile::EngineInfo;
use sphere_pow_gpu::DeviceInfo;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Degrees Celsius below the limit at which a device that was too hot goes on.
pub(super) const COOLED: f64 = 5.0;

/// How a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It works, or waits for work.
    #[default]
    Working,
    /// It is too hot to be given work.
    Cooling,
    /// It is opened, and its model made.
    Loading,
    /// It is made anew.
    Resetting,
    /// It could not be opened; the next stage tries again.
    Refused,
    /// It failed too often, and is used no more.
    Disabled,
    /// What it won was false, and it is used no more.
    Quarantined,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Working,
        Self::Cooling,
        Self::Loading,
        Self::Resetting,
        Self::Refused,
        Self::Disabled,
        Self::Quarantined,
    ];

    /// Its word in JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Cooling => "cooling",
            Self::Loading => "loading",
            Self::Resetting => "resetting",
            Self::Refused => "refused",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
        }
    }

    /// Whether it is used no more.
    #[must_use]
    pub fn is_out(self) -> bool {
        matches!(self, Self::Disabled | Self::Quarantined)
    }
}

/// What changes of a device.
#[derive(Debug, Default)]
struct State {
    info: Option<EngineInfo>,
    condition: Condition,
    why: Option<String>,
    /// When it was made anew.
    resets: VecDeque<Instant>,
}

/// One device.
#[derive(Debug)]
pub struct Row {
    name: String,
    backend: String,
    pci_address: Option<String>,
    state: Mutex<State>,
    /// Of the model, in thousandths.
    loaded: AtomicUsize,
    batch: AtomicUsize,
    resets: AtomicU64,
    refusals: AtomicU64,
    is_hot: AtomicBool,
}

impl Row {
    fn new(adapter: &DeviceInfo) -> Self {
        Self::named(&adapter.name, &adapter.backend, adapter.pci_address.clone())
    }

    /// Of a device that is called so.
    #[must_use]
    pub fn named(name: &str, backend: &str, pci_address: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            backend: backend.to_owned(),
            pci_address,
            state: Mutex::default(),
            loaded: AtomicUsize::default(),
            batch: AtomicUsize::default(),
            resets: AtomicU64::default(),
            refusals: AtomicU64::default(),
            is_hot: AtomicBool::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The adapter's name, which no other here has.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it sits, where its driver says so.
    #[must_use]
    pub fn pci_address(&self) -> Option<&str> {
        self.pci_address.as_deref()
    }

    /// How it is, and why it is used no more.
    #[must_use]
    pub fn condition(&self) -> (Condition, Option<String>) {
        let state = self.state();
        if state.condition == Condition::Working && self.is_hot() {
            return (Condition::Cooling, None);
        }
        (state.condition, state.why.clone())
    }

    /// Whether it is to be given no work for now.
    #[must_use]
    pub fn is_hot(&self) -> bool {
        self.is_hot.load(Ordering::Relaxed)
    }

    /// Its chip has so many degrees Celsius, and may have `most`: above, it rests until it has 5 less. One that no
    /// longer tells goes on, as one that never did.
    pub fn feel(&self, degrees: Option<f64>, most: f64) {
        let was = self.is_hot();
        let is = degrees.is_some_and(|degrees| degrees > if was { most - COOLED } else { most });
        if is != was {
            let (name, said) = (&self.name, degrees.map_or_else(|| "no".into(), |d| format!("{d:.0}")));
            if is {
                tracing::warn!("{name} has {said} degrees, more than {most}: it rests");
            } else {
                tracing::info!("{name} has {said} degrees, and goes on");
            }
            self.is_hot.store(is, Ordering::Relaxed);
        }
    }

    /// The share of the model that is on it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
    pub fn loaded(&self) -> f64 {
        self.loaded.load(Ordering::Relaxed) as f64 / 1000.0
    }

    /// It is being opened, a share of its model made.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share for display")]
    pub fn loading(&self, share: f32) {
        self.loaded.store((share.clamp(0.0, 1.0) * 1000.0) as usize, Ordering::Relaxed);
        let mut state = self.state();
        if matches!(state.condition, Condition::Working | Condition::Refused) {
            (state.condition, state.why) = (Condition::Loading, None);
        }
    }

    /// Nonces that it takes at once; 0 before it was opened.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed)
    }

    /// How often it was made anew, and how often its memory was refused.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.resets.load(Ordering::Relaxed), self.refusals.load(Ordering::Relaxed))
    }

    /// It is open, under that name, and takes so many nonces at once.
    pub(super) fn opened(&self, info: &EngineInfo, batch: usize) {
        self.batch.store(batch, Ordering::Relaxed);
        self.loaded.store(1000, Ordering::Relaxed);
        let mut state = self.state();
        state.info = Some(info.clone());
        if !state.condition.is_out() {
            (state.condition, state.why) = (Condition::Working, None);
        }
    }

    /// It is to be made anew: whether that may be, not having been done so often of late.
    pub(super) fn may_reset(&self, Patience { resets, within, .. }: Patience) -> bool {
        let mut state = self.state();
        state.resets.retain(|at| at.elapsed() < within);
        if state.resets.len() >= resets {
            return false;
        }
        state.resets.push_back(Instant::now());
        self.resets.fetch_add(1, Ordering::Relaxed);
        if !state.condition.is_out() {
            state.condition = Condition::Resetting;
        }
        true
    }

    /// The device as it was opened, or as it is called before that.
    #[must_use]
    pub fn info(&self) -> EngineInfo {
        let info = self.state().info.clone();
        info.unwrap_or_else(|| EngineInfo { engine: "gpu", device: self.name.clone() })
    }

    /// It could not be opened.
    pub fn refused(&self, why: String) {
        let mut state = self.state();
        if !state.condition.is_out() {
            (state.condition, state.why) = (Condition::Refused, Some(why));
        }
    }

    pub(super) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes it out of use.
    pub fn dismiss(&self, condition: Condition, why: String) {
        let mut state = self.state();
        (state.condition, state.why) = (condition, Some(why));
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Roster {
    rows: Mutex<Vec<Arc<Row>>>,
    /// Devices that an earlier process quarantined, by name.
    quarantined: Vec<String>,
}

impl Roster {
    /// Nobody yet; devices of these names are quarantined from the first.
    #[must_use]
    pub fn new(quarantined: Vec<String>) -> Self {
        Self { rows: Mutex::default(), quarantined }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Row>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All rows, in the order in which they were first opened.
    #[must_use]
    pub fn rows(&self) -> Vec<Arc<Row>> {
        self.lock().clone()
    }

    /// The row of an adapter, a new one for one that was not here before.
    pub fn of_adapter(&self, adapter: &DeviceInfo) -> Arc<Row> {
        let mut rows = self.lock();
        let known = rows.iter().find(|row| row.name == adapter.name && row.backend == adapter.backend);
        if let Some(row) = known {
            return Arc::clone(row);
        }
        let row = Arc::new(Row::new(adapter));
        if self.quarantined.contains(&row.name) {
            let why = "what it won was false, as a process before this one found".to_owned();
            row.dismiss(Condition::Quarantined, why);
        }
        rows.push(Arc::clone(&row));
        row
    }

    /// A row that no adapter stands for.
    #[cfg(test)]
    pub(crate) fn add(&self, row: Row) -> Arc<Row> {
        let row = Arc::new(row);
        self.lock().push(Arc::clone(&row));
        row
    }

    /// The row of a device that was opened under that name; a CPU has none.
    #[must_use]
    pub fn of_device(&self, info: &EngineInfo) -> Option<Arc<Row>> {
        let rows = self.lock();
        rows.iter().find(|row| row.state().info.as_ref() == Some(info)).cloned()
    }
}

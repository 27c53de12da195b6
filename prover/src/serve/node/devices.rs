//! The devices of a node: what each did, how it is, and how fast it was.

use super::Node;
use crate::rates::Counts;
use crate::search::Tally;
use crate::sensors::Reading;
use crate::serve::rates::{History, Rates, Totals, WINDOWS};
use crate::watch::{Condition, Row};
use sphere_pow_core::profile::EngineInfo;
use sphere_pow_gpu::DeviceInfo;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The devices at work, for whoever asks.
#[derive(Clone, Default)]
pub(in crate::serve) struct Devices {
    pub(in crate::serve) infos: Vec<EngineInfo>,
    /// What becomes of each; a CPU has no row.
    pub(in crate::serve) rows: Vec<Option<Arc<Row>>>,
    pub(in crate::serve) tallies: Arc<Vec<Tally>>,
    /// The share of nonces that should win.
    pub(in crate::serve) win_rate: f64,
    /// Of the nonces that win, those that a guard band leaves out: their share.
    pub(in crate::serve) guard_loss: f64,
}

/// What a device did since the process started, by its name.
#[derive(Debug, Default)]
pub(super) struct Book(BTreeMap<String, Page>);

#[derive(Debug, Default)]
struct Page {
    /// In earlier orders.
    past: Totals,
    checks: (u64, u64),
    history: History,
}

/// A device as an operator sees it.
#[derive(Clone, Debug)]
pub(in crate::serve) struct View {
    pub(in crate::serve) info: EngineInfo,
    pub(in crate::serve) pci_address: Option<String>,
    pub(in crate::serve) condition: Condition,
    pub(in crate::serve) why: Option<String>,
    /// Since the process started.
    pub(in crate::serve) counts: Counts,
    /// Wins recomputed, and false ones among them.
    pub(in crate::serve) checks: (u64, u64),
    pub(in crate::serve) silence: Duration,
    /// The share of the model that is on it.
    pub(in crate::serve) loaded: f64,
    /// Nonces at once; 0 where that is not known.
    pub(in crate::serve) batch: usize,
    pub(in crate::serve) resets: u64,
    pub(in crate::serve) refusals: u64,
    pub(in crate::serve) reading: Reading,
    /// In the order of [`WINDOWS`].
    pub(in crate::serve) rates: [Rates; 3],
}

impl Node {
    /// The devices at work.
    pub(in crate::serve) fn devices(&self) -> Devices {
        self.state().devices.clone()
    }

    /// Makes `devices` known.
    pub(in crate::serve) fn set_devices(&self, devices: Devices) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.devices, devices);
        state.past.add(Tally::total(&before.tallies), before.win_rate);
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        for (info, tally) in before.infos.iter().zip(before.tallies.iter()) {
            let page = book.0.entry(info.device.clone()).or_default();
            page.past.add(tally.counts(), before.win_rate);
            let (checked, bad) = tally.checks();
            page.checks = (page.checks.0 + checked, page.checks.1 + bad);
        }
    }

    /// Totals since the process started.
    pub(in crate::serve) fn totals(&self) -> Totals {
        let state = self.state();
        let mut totals = state.past;
        totals.add(Tally::total(&state.devices.tallies), state.devices.win_rate);
        totals.sent = self.counters.sent_nonces.load(Ordering::Relaxed);
        totals.acknowledged = self.counters.acknowledged.load(Ordering::Relaxed);
        totals
    }

    /// Notes the totals of this second, and warns once for each stage whose wins are too many or too few.
    pub(in crate::serve) fn note_totals(&self) {
        let (now, totals, devices) = (self.started.elapsed(), self.totals(), self.devices());
        self.history.lock().unwrap_or_else(PoisonError::into_inner).note(now, totals);
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        for (info, tally) in devices.infos.iter().zip(devices.tallies.iter()) {
            let page = book.0.entry(info.device.clone()).or_default();
            let mut totals = page.past;
            totals.add(tally.counts(), devices.win_rate);
            page.history.note(now, totals);
        }
        drop(book);
        let counts = Tally::total(&devices.tallies);
        let plausibility = counts.plausibility(devices.win_rate);
        let was = self.is_alarming.swap(plausibility.is_alarming, Ordering::Relaxed);
        if !was {
            plausibility.warn_if_alarming(counts);
        }
    }

    /// Nonces a second over the last `window`.
    pub(in crate::serve) fn rates(&self, window: Duration) -> Rates {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).rates(window)
    }

    /// Every device at work, and every GPU that was ever opened and is not.
    pub(in crate::serve) fn views(&self) -> Vec<View> {
        let at_work = self.devices();
        let mut views: Vec<View> = Vec::new();
        for ((info, row), tally) in at_work.infos.iter().zip(&at_work.rows).zip(at_work.tallies.iter()) {
            let mut view = self.view(info, row.as_deref(), Some((tally, at_work.win_rate)));
            if let Some(given_up) = tally.given_up() {
                view.condition = if given_up.is_wrong { Condition::Quarantined } else { Condition::Disabled };
                view.why = Some(given_up.why.clone());
            }
            views.push(view);
        }
        for row in self.roster.rows() {
            let info = row.info();
            if !at_work.infos.contains(&info) {
                views.push(self.view(&info, Some(&row), None));
            }
        }
        views
    }

    fn view(&self, info: &EngineInfo, row: Option<&Row>, at_work: Option<(&Tally, f64)>) -> View {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let page = book.0.get(&info.device);
        let mut totals = page.map(|page| page.past).unwrap_or_default();
        let (mut checked, mut bad) = page.map(|page| page.checks).unwrap_or_default();
        let mut silence = Duration::ZERO;
        if let Some((tally, win_rate)) = at_work {
            totals.add(tally.counts(), win_rate);
            let own = tally.checks();
            (checked, bad) = (checked + own.0, bad + own.1);
            silence = tally.silence();
        }
        let rates =
            WINDOWS.map(|(_, window)| page.map(|page| page.history.rates(window)).unwrap_or_default());
        let (condition, why) = row.map(Row::condition).unwrap_or_default();
        let (resets, refusals) = row.map(Row::counts).unwrap_or_default();
        let pci_address = row.and_then(Row::pci_address).map(str::to_owned);
        let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = pci_address.as_ref().and_then(|place| readings.get(place).copied()).unwrap_or_default();
        View {
            info: info.clone(),
            pci_address,
            condition,
            why,
            counts: Counts { tried: totals.tried, won: totals.won },
            checks: (checked, bad),
            silence,
            loaded: row.map_or(1.0, Row::loaded),
            batch: row.map(Row::batch).unwrap_or_default(),
            resets,
            refusals,
            reading,
            rates,
        }
    }

    /// An adapter's temperature in whole degrees, where it tells.
    #[expect(clippy::cast_possible_truncation, reason = "degrees")]
    pub(in crate::serve) fn temperature(&self, adapter: &DeviceInfo) -> Option<i64> {
        let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = readings.get(adapter.pci_address.as_deref()?)?;
        reading.temperature_c.map(|degrees| degrees.round() as i64)
    }

    /// Reads the sensors of every adapter; that may take as long as a driver likes.
    pub(in crate::serve) fn read_sensors(&self) {
        let adapters = self.adapters.get().into_iter().flatten();
        let mut places: Vec<String> = adapters.filter_map(|info| info.pci_address.clone()).collect();
        places.extend(self.roster.rows().iter().filter_map(|row| row.pci_address().map(str::to_owned)));
        let readings: HashMap<String, Reading> =
            places.into_iter().map(|place| (place.clone(), self.sensors.read(&place))).collect();
        if let Some(most) = self.settings.max_temperature {
            for row in self.roster.rows() {
                let reading = row.pci_address().and_then(|place| readings.get(place));
                row.feel(reading.and_then(|reading| reading.temperature_c), most);
            }
        }
        *self.readings.lock().unwrap_or_else(PoisonError::into_inner) = readings;
    }
}

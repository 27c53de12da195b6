//! Limits of what devices may draw, for as long as the service runs: set at its start, and what was before restored at its end,
//! by the next process where this one is killed.

use super::node::Node;
use crate::error::ProverError;
use crate::sensors::power::PowerError;
use crate::session;
use std::str::FromStr;
use std::sync::Arc;

/// A limit as an operator writes it: `WATTS` for all GPUs, or `PCI=WATTS` for one.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedLimit {
    /// Whose it is; every GPU's that is used where there is none.
    pub place: Option<String>,
    /// What it may draw.
    pub watts: f64,
}

impl FromStr for WantedLimit {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (place, watts) = match text.split_once('=') {
            Some((place, watts)) => (Some(place.trim().to_lowercase()), watts),
            None => (None, text),
        };
        let is_place = place.as_deref().is_none_or(|place| place.contains(':') && place.contains('.'));
        match watts.trim().parse::<f64>() {
            Ok(watts) if watts.is_finite() && watts > 0.0 && is_place => Ok(Self { place, watts }),
            _ => Err("expected watts above 0, or a PCI address, = and watts, as 0000:03:00.0=200".into()),
        }
    }
}

/// Limits that were set. What was before is restored when this goes.
pub(super) struct Limits {
    node: Arc<Node>,
    places: Vec<String>,
}

impl Limits {
    /// Sets the limits that the settings name. What a process that was killed left behind is restored first where no limit is
    /// wanted now.
    ///
    /// # Errors
    /// [`ProverError::Power`] for the first that cannot be set, with none left set; what keeps devices from being listed.
    pub(super) fn set(node: &Arc<Node>) -> Result<Self, ProverError> {
        let mut limits = Self { node: Arc::clone(node), places: Vec::new() };
        let wanted = wanted(node)?;
        let is_wanted = |place: &String| wanted.iter().any(|(own, _)| own == place);
        for place in node.store.former_power()?.into_keys().filter(|place| !is_wanted(place)) {
            limits.restore(&place);
        }
        for (place, watts) in wanted {
            let before = node.sensors.power_limit(&place)?.now;
            // On the disk before it is changed; what an earlier process found there is older than what it set.
            node.store.note_power(&place, before)?;
            limits.places.push(place.clone());
            node.sensors.set_power_limit(&place, watts)?;
            tracing::info!("the device at {place} may draw {watts} W, {before} W before");
        }
        Ok(limits)
    }

    fn restore(&self, place: &str) {
        let former = self.node.store.former_power().ok().and_then(|all| all.get(place).copied());
        let Some(watts) = former else { return };
        match self.node.sensors.set_power_limit(place, watts) {
            Ok(()) => {
                tracing::info!("the device at {place} may draw {watts} W again");
                if let Err(error) = self.node.store.forget_power(place) {
                    tracing::warn!("that the limit of {place} is restored is not noted: {error}");
                }
            }
            Err(error) => tracing::error!("{error}"),
        }
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.places.iter().for_each(|place| self.restore(place));
    }
}

/// Each device that is to have a limit: those named, and for a limit without a name the GPUs that are used.
fn wanted(node: &Node) -> Result<Vec<(String, f64)>, ProverError> {
    let settings = &node.settings;
    let mut named: Vec<(String, f64)> = Vec::new();
    let own = settings.power_limits.iter().filter_map(|limit| Some((limit.place.clone()?, limit.watts)));
    named.extend(own);
    let Some(all) = settings.power_limits.iter().find(|limit| limit.place.is_none()) else {
        return Ok(named);
    };
    let chosen = session::choose(&settings.devices)?;
    let hardware: Vec<_> = chosen.iter().filter(|info| !info.is_software()).collect();
    if hardware.is_empty() {
        let reason = format!("--power-limit {}: no GPU is used here", all.watts);
        return Err(ProverError::NoDevice { reason });
    }
    for info in hardware {
        let Some(place) = info.pci_address.as_deref().map(str::to_lowercase) else {
            let reason = "its driver does not tell its PCI address".to_owned();
            return Err(PowerError::Unsupported { place: info.name.clone(), reason }.into());
        };
        if !named.iter().any(|(own, _)| *own == place) {
            named.push((place, all.watts));
        }
    }
    Ok(named)
}

//! The node's numbers in Prometheus's text format.

use super::node::{Node, Service};
use super::rates::WINDOWS;
use crate::rates::Counts;
use std::fmt::Write;
use std::sync::atomic::Ordering;

/// Text under construction.
#[derive(Default)]
struct Page(String);

impl Page {
    /// A family of one kind, with what it means.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP sphere_pow_{name} {help}\n# TYPE sphere_pow_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let mut text = String::new();
        for (label, value) in labels {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}{label}=\"{value}\"");
        }
        let labels = if text.is_empty() { text } else { format!("{{{text}}}") };
        let _ = writeln!(self.0, "sphere_pow_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// All numbers.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn page(node: &Node) -> String {
    let mut page = Page::default();
    page.family("info", "gauge", "The version.");
    page.sample("info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    page.one("uptime_seconds", "gauge", "Since the start.", node.started.elapsed().as_secs_f64());
    page.family("state", "gauge", "1 for the service that runs.");
    let running = node.service();
    for (service, name) in [
        (Service::Pow, "POW"),
        (Service::Inference, "INFERENCE"),
        (Service::Train, "TRAIN"),
        (Service::Stopped, "STOPPED"),
    ] {
        page.sample("state", &[("state", name)], f64::from(u8::from(service == running)));
    }
    let is_failed = f64::from(u8::from(node.failure().is_some()));
    page.one("failed", "gauge", "1 after a stage was given up, until another one loads.", is_failed);
    let is_loaded = node.current().is_some_and(|(_, is_loaded)| is_loaded);
    page.one("model_loaded", "gauge", "Whether the stage's model is loaded.", f64::from(u8::from(is_loaded)));
    let totals = node.totals();
    page.one("nonces_tried_total", "counter", "Nonces computed.", totals.tried as f64);
    page.one("nonces_won_total", "counter", "Nonces that won.", totals.won as f64);
    page.one("nonces_expected_total", "counter", "Nonces that should have won.", totals.expected);
    page.one("nonces_sent_total", "counter", "Nonces sent, again counted again.", totals.sent as f64);
    page.one("nonces_acknowledged_total", "counter", "Nonces acknowledged.", totals.acknowledged as f64);
    page.family("rate", "gauge", "Nonces a second.");
    for (name, window) in WINDOWS {
        let rates = node.rates(window);
        for (kind, value) in [
            ("raw", rates.raw),
            ("valid", rates.valid),
            ("expected", rates.expected),
            ("sent", rates.sent),
            ("acknowledged", rates.acknowledged),
        ] {
            page.sample("rate", &[("kind", kind), ("window", name)], value);
        }
    }
    let devices = node.devices();
    let rows = || devices.infos.iter().zip(devices.tallies.iter()).enumerate();
    page.family("device_tried", "gauge", "Nonces computed by a device in this order.");
    page.family("device_bad_wins", "gauge", "Wins of a device that are false when the CPU recomputes them.");
    page.family("device_silent_seconds", "gauge", "Since a device's last sign of life.");
    for (ix, (info, tally)) in rows() {
        let index = ix.to_string();
        let labels = [("index", index.as_str()), ("device", info.device.as_str()), ("engine", info.engine)];
        let Counts { tried, .. } = tally.counts();
        page.sample("device_tried", &labels, tried as f64);
        page.sample("device_bad_wins", &labels, tally.checks().1 as f64);
        page.sample("device_silent_seconds", &labels, tally.silence().as_secs_f64());
    }
    let counters = &node.counters;
    for (name, help, counter) in [
        ("callbacks_sent_total", "Callbacks sent, again counted again.", &counters.sent),
        ("callbacks_failed_total", "Callbacks that failed and are sent again.", &counters.failed),
        ("callbacks_given_up_total", "Callbacks that nobody will take.", &counters.given_up),
        ("callbacks_put_on_retry_total", "Callbacks queued by the receiver.", &counters.put_on_retry),
        ("verdicts_acknowledged_total", "Verdicts acknowledged.", &counters.verdicts),
    ] {
        page.one(name, "counter", help, counter.load(Ordering::Relaxed) as f64);
    }
    if let Ok(waiting) = node.store.waiting() {
        page.family("waiting", "gauge", "What the state directory holds.");
        for (kind, n) in [
            ("wins", waiting.wins),
            ("callbacks", waiting.parcels),
            ("batches", waiting.batches),
            ("given_up", waiting.given_up),
        ] {
            page.sample("waiting", &[("kind", kind)], n as f64);
        }
    }
    page.0
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.sample("x", &[("a", "q\"b\\c\nd"), ("e", "f")], 1.5);
        assert_eq!(page.0, "sphere_pow_x{a=\"q\\\"b\\\\c\\nd\",e=\"f\"} 1.5\n");
    }
}

//! The node's numbers in Prometheus's text format.

use super::node::{Node, Service, View};
use super::rates::WINDOWS;
use crate::watch::Condition;
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
    devices(&mut page, node);
    let counters = &node.counters;
    for (name, help, counter) in [
        ("callbacks_sent_total", "Callbacks sent, again counted again.", &counters.sent),
        ("callbacks_failed_total", "Callbacks that failed and are sent again.", &counters.failed),
        ("callbacks_given_up_total", "Callbacks that nobody will take.", &counters.given_up),
        ("callbacks_in_doubt_total", "Callbacks that left unanswered.", &counters.in_doubt),
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

/// What each device did and how it is.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn devices(page: &mut Page, node: &Node) {
    type Of = fn(&View) -> Option<f64>;
    let views = node.views();
    let families: [(&str, &str, &str, Of); 14] = [
        ("device_tried_total", "counter", "Nonces computed by a device.", |v| Some(v.counts.tried as f64)),
        ("device_won_total", "counter", "Nonces of a device that won.", |v| Some(v.counts.won as f64)),
        ("device_checked_wins_total", "counter", "Wins of a device that the CPU recomputed.", |v| {
            Some(v.checks.0 as f64)
        }),
        ("device_bad_wins_total", "counter", "False ones among them.", |v| Some(v.checks.1 as f64)),
        ("device_silent_seconds", "gauge", "Since a device's last sign of life.", |v| {
            Some(v.silence.as_secs_f64())
        }),
        ("device_loaded_share", "gauge", "Of the stage's model.", |v| Some(v.loaded)),
        ("device_batch", "gauge", "Nonces that a GPU takes at once.", |v| {
            Some(v.batch as f64).filter(|n| *n > 0.0)
        }),
        ("device_resets_total", "counter", "How often a GPU was made anew.", |v| Some(v.resets as f64)),
        ("device_memory_refusals_total", "counter", "How often a GPU's memory was refused.", |v| {
            Some(v.refusals as f64)
        }),
        ("device_temperature_celsius", "gauge", "Of a device's chip.", |v| v.reading.temperature_c),
        ("device_power_watts", "gauge", "What a device draws.", |v| v.reading.power_w),
        ("device_power_limit_watts", "gauge", "What a device may draw.", |v| v.reading.power_limit_w),
        ("device_out_of_use", "gauge", "1 for a device that was given up.", |v| {
            Some(f64::from(u8::from(v.condition.is_out())))
        }),
        ("device_quarantined", "gauge", "1 for a device whose wins were false.", |v| {
            Some(f64::from(u8::from(v.condition == Condition::Quarantined)))
        }),
    ];
    let labels = |ix: usize, view: &View| {
        [
            ("index", ix.to_string()),
            ("device", view.info.device.clone()),
            ("engine", view.info.engine.to_owned()),
        ]
    };
    for (name, kind, help, of) in families {
        page.family(name, kind, help);
        for (ix, view) in views.iter().enumerate() {
            let labels = labels(ix, view);
            if let Some(value) = of(view) {
                page.sample(name, &labels.each_ref().map(|(label, value)| (*label, value.as_str())), value);
            }
        }
    }
    page.family("device_rate", "gauge", "Nonces a second of a device.");
    for (ix, view) in views.iter().enumerate() {
        for ((window, _), rates) in WINDOWS.iter().zip(view.rates) {
            let [index, device, engine] = labels(ix, view);
            let labels = [index, device, engine, ("window", (*window).to_owned())];
            page.sample("device_rate", &labels.each_ref().map(|(l, v)| (*l, v.as_str())), rates.raw);
        }
    }
    page.family("device_state", "gauge", "1 for the state that a device is in.");
    for (ix, view) in views.iter().enumerate() {
        for condition in Condition::ALL {
            let [index, device, engine] = labels(ix, view);
            let labels = [index, device, engine, ("state", condition.as_str().to_owned())];
            let is_so = f64::from(u8::from(view.condition == condition));
            page.sample("device_state", &labels.each_ref().map(|(l, v)| (*l, v.as_str())), is_so);
        }
    }
    let at_work = node.devices();
    let plausibility = crate::search::Tally::total(&at_work.tallies).plausibility(at_work.win_rate);
    let help = "How far the stage's wins are from what is expected, in standard deviations.";
    page.one("wins_sigma", "gauge", help, plausibility.sigma);
    let help =
        "1 when that is beyond what chance explains: a wrong radius, or a device that computes wrongly.";
    page.one("wins_implausible", "gauge", help, f64::from(u8::from(plausibility.is_alarming)));
    page.one("guard_band_loss", "gauge", "Share of wins that the guard band leaves out.", at_work.guard_loss);
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

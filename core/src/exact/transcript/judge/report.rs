//! What a judged commitment comes to (SPEC §II.12.9).

use super::{Fault, Judge};
use crate::exact::Params;
use crate::exact::params::VERSION;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// The chance to find no false step that a bound on their share may leave.
const MISSED: f64 = 0.05;
/// Layers of work that a false step may save: its own, and that of the true step after a chosen state (SPEC §II.12.9).
const SKIPPED_PER_FALSE_STEP: f64 = 2.0;

/// What is said of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every drawn step was opened, and is true.
    Honest,
    /// The same, by a model or beacon that only the documents name.
    Unconfirmed,
    /// A drawn step was not opened.
    Void,
    /// A drawn step is false, as anybody can repeat.
    Fraud,
}

impl Verdict {
    /// The exit code of a command that ends with it: a commitment that its host did not open is not better than a
    /// false one.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Honest => 0,
            Self::Void | Self::Fraud => 1,
            Self::Unconfirmed => 4,
        }
    }
}

/// The verdict with all that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// It in one line.
    pub summary: String,
    /// Version of the software.
    pub software: &'static str,
    /// When it was concluded, as [`crate::text::date`] writes it.
    pub date: String,
    /// `exact`.
    pub profile: &'static str,
    /// Version of its rules.
    pub profile_version: u32,
    /// The model's name; `None` for own sizes.
    pub preset: Option<&'static str>,
    /// Its sizes.
    pub params: Params,
    /// The block.
    pub block_hash: String,
    /// The host.
    pub public_key: String,
    /// The commitment's hash.
    pub commitment: String,
    /// What drew the steps.
    pub beacon: String,
    /// Nonces committed to, decimal.
    pub nonces: String,
    /// Layers of each.
    pub layers: usize,
    /// Steps drawn.
    pub n_drawn: usize,
    /// Steps checked.
    pub n_checked: usize,
    /// With no fault: at most this share of all steps is false, at 95 % confidence.
    pub false_share_bound: Option<f64>,
    /// With no fault: at most this share of the work was skipped, at 95 % confidence.
    pub skipped_bound: Option<f64>,
    /// What only the documents say: `params`, `beacon`.
    pub unconfirmed: Vec<&'static str>,
    /// Failed openings in order.
    pub faults: Vec<Fault>,
}

impl Judge {
    /// Shares of false steps and of skipped work that what was checked so far leaves room for, at 95 % confidence.
    /// Only of use while there is no fault.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    pub fn bounds(&self) -> (f64, f64) {
        let all = self.commitment.nonces().saturating_mul(self.commitment.puzzle().params().layers() as u64);
        let share = match self.checked {
            0 => 1.0,
            n if n as u64 == all => 0.0,
            n => 1.0 - libm::pow(MISSED, 1.0 / n as f64),
        };
        (share, (SKIPPED_PER_FALSE_STEP * share).min(1.0))
    }

    /// The report. Steps that were not taken count as withheld.
    ///
    /// `confirmed`: of model and beacon, what the verifier said itself; a preset is known to everybody. `unix_seconds`:
    /// now, since 1970.
    #[must_use]
    pub fn report(mut self, [has_params, has_beacon]: [bool; 2], unix_seconds: u64) -> Report {
        while self.taken < self.steps.len() {
            self.take(None);
        }
        self.faults.sort_by_key(|fault| fault.index);
        let params = self.commitment.puzzle().params();
        let preset = params.preset().map(crate::exact::Preset::name);
        let mut unconfirmed = Vec::new();
        if !has_params && preset.is_none() {
            unconfirmed.push("params");
        }
        if !has_beacon {
            unconfirmed.push("beacon");
        }
        let first = self.faults.iter().find(|fault| fault.proves_fraud).or(self.faults.first());
        let verdict = match first {
            Some(fault) if fault.proves_fraud => Verdict::Fraud,
            Some(_) => Verdict::Void,
            None if unconfirmed.is_empty() => Verdict::Honest,
            None => Verdict::Unconfirmed,
        };
        let (share, skipped) = self.bounds();
        let of = format!("{} drawn steps of {} nonces", self.steps.len(), self.commitment.nonces());
        let says = match first {
            Some(fault) => format!("{} of {of} fail; {}", self.faults.len(), fault.detail),
            None => format!(
                "all {of} are true: at most {:.1} % of the work was skipped, at 95 % confidence",
                100.0 * skipped
            ),
        };
        let mut summary = format!("{}: {says}", format!("{verdict:?}").to_uppercase());
        if !unconfirmed.is_empty() {
            summary += &format!("; {} as the documents say", unconfirmed.join(" and "));
        }
        Report {
            verdict,
            summary,
            software: env!("CARGO_PKG_VERSION"),
            date: crate::text::date(unix_seconds),
            profile: "exact",
            profile_version: VERSION,
            preset,
            params: *params,
            block_hash: self.commitment.puzzle().block().to_string(),
            public_key: self.commitment.key().to_string(),
            commitment: self.hash.to_hex(),
            beacon: self.beacon.to_string(),
            nonces: self.commitment.nonces().to_string(),
            layers: params.layers(),
            n_drawn: self.steps.len(),
            n_checked: self.checked,
            false_share_bound: first.is_none().then_some(share),
            skipped_bound: first.is_none().then_some(skipped),
            unconfirmed,
            faults: self.faults,
        }
    }
}

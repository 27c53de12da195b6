//! The report: one form on every surface (`tests/vectors/report.schema.json`).

use super::plan::Unjudged;
use super::submission::Sources;
use super::{Source, Verdict};
use crate::document::{Shape, Torn};
use crate::exact::Exact;
use crate::gonka::Gonka;
use crate::profile::{EngineInfo, Profile, ProfileName};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Version of the report's JSON.
pub const REPORT_SCHEMA: u32 = 1;

/// What came of one submission, with all that a third party needs to repeat it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct SubmissionReport<P: Profile> {
    /// The verdict.
    pub verdict: Verdict,
    /// It in one line, with everything it rests on.
    pub summary: String,
    /// Whose rules.
    pub profile: ProfileName,
    /// Version of these rules.
    pub profile_version: u32,
    /// Where in the document.
    pub place: String,
    /// The account that submitted it.
    pub participant: Option<String>,
    /// The block.
    pub block_hash: String,
    /// The host.
    pub public_key: String,
    /// The block's height.
    pub block_height: Option<i64>,
    /// Which of the host's nodes.
    pub node_id: Option<u64>,
    /// The model's name; `None` for own sizes.
    pub preset: Option<&'static str>,
    /// Its sizes.
    pub params: P::Params,
    /// What was judged by.
    pub rule: P::Rule,
    /// The share of nonces that win by it.
    pub win_rate: f64,
    /// Who said all this.
    pub sources: Sources,
    /// Of it, what prices the work and only the document says: `params`, `rule`, `sample`.
    pub unconfirmed: Vec<&'static str>,
    /// Claims in the submission.
    pub n_claimed: usize,
    /// Claims recomputed.
    pub n_checked: usize,
    /// Of these, false ones.
    pub n_bad: usize,
    /// What drew the sample; `None` when everything was checked.
    pub sample_seed: Option<String>,
    /// Who chose it.
    pub sample_source: Source,
    /// What computed.
    pub engine: EngineInfo,
    /// What the findings show together.
    pub evidence: P::Evidence,
    /// Likely causes of trouble, in words.
    pub hints: Vec<String>,
    /// By claim, ascending.
    pub results: Vec<P::Finding>,
}

impl<P: Profile> SubmissionReport<P> {
    /// Writes the first line: verdict, what was counted, by which price, and what only the document says.
    pub(super) fn summarised(mut self, rule_words: &str) -> Self {
        let Self { n_checked, n_claimed, n_bad, .. } = self;
        let of = if n_checked == n_claimed {
            format!("all {n_claimed} claims")
        } else {
            format!("{n_checked} of {n_claimed} claims")
        };
        let model = match self.preset {
            Some(name) => format!("model {name}"),
            None if self.sources.params == Source::Verifier => String::from("the model given"),
            None => String::from("a model of the document's own"),
        };
        let rule = if rule_words.is_empty() { String::new() } else { format!(", {rule_words}") };
        let rate = 100.0 * self.win_rate;
        let mut text = format!(
            "{}: {n_bad} bad in {of}{}; {model}{rule} ({rate:.3} % of nonces win)",
            self.verdict.word(),
            P::remark(&self.evidence).map(|remark| format!(" ({remark})")).unwrap_or_default(),
        );
        let open = self.unconfirmed.iter().map(|name| match *name {
            "params" => "model",
            "rule" => P::PRICE_WORD,
            other => other,
        });
        let open: Vec<&str> = open.collect();
        if !open.is_empty() {
            text.push_str(&format!("; not confirmed by the verifier: {}", open.join(", ")));
        }
        let said: Vec<&str> = [("block", self.sources.block_hash), ("key", self.sources.public_key)]
            .into_iter()
            .filter(|(_, source)| *source == Source::Document)
            .map(|(name, _)| name)
            .collect();
        if !said.is_empty() {
            text.push_str(&format!("; {} as the document says", said.join(" and ")));
        }
        self.summary = text;
        self
    }
}

/// The report of a submission of whichever profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AnyReport {
    /// Of [`Gonka`].
    Gonka(SubmissionReport<Gonka>),
    /// Of [`Exact`].
    Exact(SubmissionReport<Exact>),
}

impl From<SubmissionReport<Gonka>> for AnyReport {
    fn from(report: SubmissionReport<Gonka>) -> Self {
        Self::Gonka(report)
    }
}

impl From<SubmissionReport<Exact>> for AnyReport {
    fn from(report: SubmissionReport<Exact>) -> Self {
        Self::Exact(report)
    }
}

impl AnyReport {
    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Gonka(report) => report.verdict,
            Self::Exact(report) => report.verdict,
        }
    }

    /// Its first line.
    #[must_use]
    pub fn summary(&self) -> &str {
        match self {
            Self::Gonka(report) => &report.summary,
            Self::Exact(report) => &report.summary,
        }
    }
}

/// What is said of a whole document: the gravest of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportVerdict {
    /// Every submission is honest.
    Honest,
    /// At least one sample could not tell; nothing graver.
    Inconclusive,
    /// At least one rests on a price that only the document names; nothing graver.
    Unconfirmed,
    /// At least one part could not be judged, and at least one was not found false.
    Incomplete,
    /// Nothing could be judged.
    Refused,
    /// At least one is fraud.
    Fraud,
}

impl ReportVerdict {
    /// All of them, the mildest first.
    pub const ALL: [Self; 6] =
        [Self::Honest, Self::Inconclusive, Self::Unconfirmed, Self::Incomplete, Self::Refused, Self::Fraud];

    /// The exit code of a command that ends with it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Honest => 0,
            Self::Fraud => 1,
            Self::Refused => 2,
            Self::Unconfirmed => 4,
            Self::Inconclusive => 5,
            Self::Incomplete => 6,
        }
    }
}

impl From<Verdict> for ReportVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Honest => Self::Honest,
            Verdict::Unconfirmed => Self::Unconfirmed,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Fraud => Self::Fraud,
        }
    }
}

/// What came of a whole document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: u32,
    /// Version of the software.
    pub software: &'static str,
    /// When it was concluded, as [`crate::text::date`] writes it.
    pub date: String,
    /// The gravest verdict.
    pub verdict: ReportVerdict,
    /// The document's shape.
    pub shape: Shape,
    /// The tail that was cut off, where there is one.
    pub torn: Option<Torn>,
    /// One for each submission judged.
    pub submissions: Vec<AnyReport>,
    /// What could not be judged, and why.
    pub unjudged: Vec<Unjudged>,
}

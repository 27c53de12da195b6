//! One judge for every profile and every surface (SPEC, "Verification").
//!
//! Whoever verifies sets the price: which models count, by which radius a nonce wins, which block and key are meant.
//! [`Given`] is what a verifier says, [`Expectations`] is that for one profile. A document's own numbers are held
//! against them; what the verifier did not confirm is listed in the report and in its first line, and where it prices
//! the work the verdict is never [`Verdict::Honest`].
//!
//! The way of a proof: [`crate::document::read`] gives batches; [`plan`] joins them into [`Submission`]s, one for each
//! host and block; the caller recomputes the nonces of a [`Sample`] with any [`crate::profile::Engine`];
//! [`Submission::report`] judges, and [`Plan::conclude`] gives the [`Report`] of the whole document.

mod given;
mod plan;
mod report;
mod submission;

pub use given::{Expectations, Given, GivenError};
pub use plan::{AnySubmission, Plan, Unjudged, plan};
pub use report::{AnyReport, REPORT_SCHEMA, Report, ReportVerdict, SubmissionReport};
pub use submission::{DEFAULT_SAMPLE, Sample, SampleSize, Sources, Submission, sample_indices};

use crate::profile::Profile;
use serde::Serialize;

/// Who said what a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Whoever verifies.
    Verifier,
    /// The network: a preset that has a name, or its radius at that height.
    Network,
    /// The document, and so perhaps the prover.
    Document,
    /// The verifier's randomness, drawn after the document was fixed.
    Random,
    /// Nobody had to: everything was checked.
    Whole,
}

/// What is said of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As far as the sample shows, the claims are true, by a price that the verifier or the network set.
    Honest,
    /// As [`Self::Honest`], but by a model or radius that only the document names.
    Unconfirmed,
    /// The sample cannot tell.
    Inconclusive,
    /// False claims beyond what honest hardware explains.
    Fraud,
}

impl Verdict {
    /// The word that a report's first line begins with.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Honest => "HONEST",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fraud => "FRAUD",
        }
    }
}

/// What a document says of the price of a win.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a, P: Profile> {
    /// The model that the work is of.
    pub params: &'a P::Params,
    /// What else prices a win, where the document says.
    pub price: Option<&'a P::Price>,
    /// The block's height, where the document says.
    pub block_height: Option<i64>,
}

/// A rule, and who set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled<R> {
    /// The rule to judge by.
    pub rule: R,
    /// Who set what prices a win in it.
    pub source: Source,
    /// It in words, for the first line: a radius with its name.
    pub words: alloc::string::String,
    /// Whether a verdict by it stands: false where only the document vouches for a looser price than the network's.
    pub is_confirmed: bool,
}

#[cfg(test)]
mod tests;

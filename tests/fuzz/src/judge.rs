//! The judge: a verifier's words, a document, and what recomputing gave.

use crate::check_message;
use sphere_pow_core::document::read;
use sphere_pow_core::exact::{Digest, Exact, Verdict as ExactVerdict};
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::profile::{EngineInfo, Model, Profile};
use sphere_pow_core::verify::{
    AnyReport, AnySubmission, Given, ReportVerdict, SampleSize, Source, Submission, SubmissionReport,
    Verdict, plan,
};

/// A profile whose outcomes can be made up.
trait MadeUp: Profile {
    /// What recomputing a nonce would give if the claim were true.
    fn repeats(claim: &Self::Claim) -> Self::Outcome;
    /// What it would give if it were not.
    fn differs(claim: &Self::Claim) -> Self::Outcome;
}

impl MadeUp for Gonka {
    fn repeats(claim: &Self::Claim) -> f64 {
        claim.get()
    }

    fn differs(claim: &Self::Claim) -> f64 {
        if claim.get() < 1.0 { 2.0 } else { f64::NAN }
    }
}

/// Numbers of a nonce that wins.
const WON: ExactVerdict = ExactVerdict { dot: 1, logits_squared: 1, target_squared: 1, won: true };

impl MadeUp for Exact {
    fn repeats(claim: &Digest) -> (Digest, ExactVerdict) {
        (*claim, WON)
    }

    fn differs(claim: &Digest) -> (Digest, ExactVerdict) {
        (*claim, ExactVerdict { won: false, ..WON })
    }
}

/// What the first bytes choose: what is given, how much is sampled, which claims are true.
#[derive(Clone, Copy)]
struct Choices {
    given: u8,
    sample: u8,
    lies: u8,
}

impl Choices {
    fn given(self) -> Given {
        let bit = |n: u8| self.given >> n & 1 == 1;
        Given {
            params: bit(0).then(|| if bit(1) { "nano" } else { "dev-test" }.into()),
            r_target: bit(2).then_some(if bit(3) { 1.414 } else { 3.0 }),
            fraud_threshold: bit(4).then_some(1e-3),
            block_height: bit(5).then_some(1_820_000),
            public_key: bit(6).then(|| "02abc".to_owned()),
            block_hash: bit(7).then(|| "deadbeef".to_owned()),
            participant: None,
        }
    }

    fn size(self) -> SampleSize {
        if self.sample == u8::MAX { SampleSize::All } else { SampleSize::Count(usize::from(self.sample)) }
    }

    /// Whether the claim at `index` is a lie.
    fn is_lie(self, index: usize) -> bool {
        match self.lies {
            0 => false,
            u8::MAX => true,
            share => index.is_multiple_of(usize::from(share)),
        }
    }
}

/// Plans and judges whatever is read.
pub(crate) fn judge(bytes: &[u8]) {
    let Some((&[given, sample, lies], rest)) = bytes.split_first_chunk() else { return };
    let choices = Choices { given, sample, lies };
    let Ok(document) = read(rest) else { return };
    let planned = match plan(document, &choices.given()) {
        Ok(planned) => planned,
        Err(error) => return check_message(&error.to_string()),
    };
    for part in &planned.unjudged {
        check_message(&part.message);
        check_message(&part.place);
        assert!(!part.code.is_empty());
    }
    let judged = |submission: &AnySubmission| match submission {
        AnySubmission::Gonka(submission) => AnyReport::from(judged_by(choices, submission)),
        AnySubmission::Exact(submission) => AnyReport::from(judged_by(choices, submission)),
    };
    let reports: Vec<AnyReport> = planned.submissions.iter().map(judged).collect();
    let is_empty = reports.is_empty();
    let report = planned.conclude(reports, 0);
    assert_eq!(is_empty, report.verdict == ReportVerdict::Refused, "{:?}", report.verdict);
    if !report.unjudged.is_empty() {
        assert!(!matches!(report.verdict, ReportVerdict::Honest | ReportVerdict::Unconfirmed));
    }
    let json = serde_json::to_string(&report).expect("a report is JSON");
    let _: serde_json::Value = serde_json::from_str(&json).expect("its own JSON");
}

fn judged_by<P: MadeUp>(choices: Choices, submission: &Submission<P>) -> SubmissionReport<P> {
    let (nonces, claims) = (submission.nonces(), submission.claims());
    assert!(!nonces.is_empty() && nonces.len() == claims.len());
    let sample = submission.sample(choices.size(), "seed", Source::Random);
    let indices = sample.indices();
    assert!(indices.windows(2).all(|pair| pair[0] < pair[1]), "a claim is sampled once: {indices:?}");
    assert_eq!(submission.sampled_nonces(&sample).len(), indices.len());
    let outcome = |ix: &usize| {
        let claim = &claims[*ix];
        if choices.is_lie(*ix) { P::differs(claim) } else { P::repeats(claim) }
    };
    let outcomes: Vec<P::Outcome> = indices.iter().map(outcome).collect();
    let engine = EngineInfo { engine: "cpu", device: "made up".into() };
    let report = submission.report(&sample, &outcomes, &engine);
    check_message(&report.summary);
    assert!(report.summary.starts_with(report.verdict.word()));
    assert_eq!((report.n_checked, report.n_claimed), (indices.len(), claims.len()));
    // Whoever lies in all that was looked at is never called honest, and whoever does not lie is no fraud.
    let n_lies = indices.iter().filter(|ix| choices.is_lie(**ix)).count();
    assert!(report.n_bad >= n_lies, "{} of {n_lies} lies were found", report.n_bad);
    if n_lies == indices.len() {
        assert!(!matches!(report.verdict, Verdict::Honest | Verdict::Unconfirmed), "{}", report.summary);
    }
    if report.n_bad == 0 {
        assert_ne!(report.verdict, Verdict::Fraud, "{}", report.summary);
    }
    // A model that nobody but the document vouches for never makes a verdict honest.
    if submission.params.preset().is_none() && choices.given().params.is_none() {
        assert_ne!(report.verdict, Verdict::Honest, "{}", report.summary);
    }
    report
}

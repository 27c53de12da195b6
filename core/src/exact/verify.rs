//! The `exact` profile for the judge (SPEC §II.10): a claim is true to the bit, or proves fraud.
//!
//! There is no tolerance: one claim that does not repeat exactly proves fraud, and a third party repeats it from the
//! fault alone.

use super::params::{Params, Preset, VERSION};
use super::plan::Plan;
use super::puzzle::Puzzle;
use super::verdict::{self, Digest};
use crate::identity::{BlockHash, Nonce, PublicKey};
use crate::profile::{Model, Profile, ProfileName};
use crate::verify::{Facts, Given, GivenError, Settled, Source, Verdict};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The chance to find no false claim that a bound on their share may leave.
const MISSED: f64 = 0.05;
/// A sample that leaves room for a larger share of false claims tells too little.
const MAX_FALSE_SHARE: f64 = 0.05;

/// Integers end to end (SPEC Part II).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exact;

/// The rule that convicts: nothing is left to choose. What prices a win is a parameter of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {}

/// One claim, checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Place in the submission, from 0.
    pub index: usize,
    /// Decimal text: may pass 2^53.
    pub nonce: String,
    /// The digest claimed.
    pub claimed_digest: String,
    /// The digest of the logits recomputed.
    pub digest: String,
    /// Whether these are the same.
    pub digest_matches: bool,
    /// Whether the nonce wins.
    pub won: bool,
    /// Sum of logit times target, decimal.
    pub dot: String,
    /// Sum of squared logits, decimal.
    pub logits_squared: String,
    /// Sum of squared target entries, decimal.
    pub target_squared: String,
    /// For display only: nothing is decided by it.
    pub distance: f64,
    /// Whether the digest is right and the nonce wins.
    pub valid: bool,
}

/// What findings show together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// With no false claim found: at most this share of all claims is false, at 95 % confidence.
    pub false_share_bound: Option<f64>,
    /// No digest is right: another block hash, key or model was mined, or the claims are invented.
    pub nothing_agrees: bool,
    /// The first false claim.
    pub fault: Option<Fault>,
}

/// Why a claim proves fraud; its numbers are those of the finding at `index`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// `digest`: it is not that of the nonce's logits. `not-won`: it is, but the nonce does not win.
    pub code: &'static str,
    /// The same in words.
    pub detail: String,
    /// Place in the submission, from 0.
    pub index: usize,
    /// The nonce, decimal.
    pub nonce: String,
}

impl Fault {
    fn new(finding: &Finding) -> Self {
        let Finding { index, nonce, claimed_digest, digest, .. } = finding;
        let (code, why) = if finding.digest_matches {
            let Finding { dot, logits_squared, target_squared, .. } = finding;
            ("not-won", format!("does not win with dot {dot}, squares {logits_squared} and {target_squared}"))
        } else {
            ("digest", format!("digest is {claimed_digest}, the logits give {digest}"))
        };
        let detail = format!("claim {index}, nonce {nonce}: {why}");
        Self { code, detail, index: *index, nonce: nonce.clone() }
    }
}

impl Model for Params {
    const PRESETS: &'static [&'static str] = &["standard", "large", "nano"];

    fn from_name(name: &str) -> Option<Self> {
        Preset::from_name(name).map(Preset::params)
    }

    fn from_json(text: &str) -> Result<Self, String> {
        Self::from_json(text).map_err(|error| error.to_string())
    }

    fn preset(&self) -> Option<&'static str> {
        Self::preset(self).map(Preset::name)
    }

    fn work_per_nonce(&self) -> u64 {
        Plan::new(self).cost(self)
    }
}

impl Profile for Exact {
    const NAME: ProfileName = ProfileName::Exact;
    const VERSION: u32 = VERSION;
    const OPTIONS: &'static [&'static str] = &["memory", "keep_weights"];
    const CLAIM_COLUMN: &'static str = "digests";
    const PRICE_WORD: &'static str = "threshold";

    type Params = Params;
    type Puzzle = Puzzle;
    type Outcome = (Digest, verdict::Verdict);
    type Claim = Digest;
    /// Nothing: the threshold is one of the parameters.
    type Price = ();
    type Terms = ();
    type Rule = Rule;
    type Finding = Finding;
    type Evidence = Evidence;

    fn puzzle(params: &Params, block: &BlockHash) -> Puzzle {
        Puzzle::new(params, block)
    }

    fn terms(_: &Given) -> Result<(), GivenError> {
        Ok(())
    }

    fn settle((): &(), _: &Facts<'_, Self>) -> Settled<Rule> {
        // The threshold is confirmed, or not, with the model that it is part of.
        Settled { rule: Rule {}, source: Source::Network, words: String::new(), is_confirmed: true }
    }

    fn mining_rule((): &()) -> Rule {
        Rule {}
    }

    fn win_rate(params: &Params, _: &Rule) -> f64 {
        params.win_rate()
    }

    fn won(_: &Rule, (digest, verdict): &Self::Outcome) -> Option<Digest> {
        verdict.won.then_some(*digest)
    }

    fn file_head(
        params: &Params,
        _: &Rule,
        block: &BlockHash,
        key: &PublicKey,
        _: Option<i64>,
    ) -> Map<String, Value> {
        let head = json!({
            "profile": Self::NAME.as_str(),
            "version": VERSION,
            "params": params.raw(),
            "block_hash": block.as_str(),
            "public_key": key.as_str(),
        });
        let Value::Object(head) = head else { unreachable!("json! of braces is an object") };
        head
    }

    fn columns(won: &[(Nonce, Digest)]) -> [Value; 2] {
        let nonces: Vec<String> = won.iter().map(|(nonce, _)| nonce.to_string()).collect();
        let digests: Vec<String> = won.iter().map(|(_, digest)| digest.to_hex()).collect();
        [json!(nonces), json!(digests)]
    }

    fn check(_: &Rule, index: usize, nonce: Nonce, claim: &Digest, outcome: &Self::Outcome) -> Finding {
        let (digest, verdict) = outcome;
        let digest_matches = claim == digest;
        Finding {
            index,
            nonce: nonce.to_string(),
            claimed_digest: claim.to_hex(),
            digest: digest.to_hex(),
            digest_matches,
            won: verdict.won,
            dot: verdict.dot.to_string(),
            logits_squared: verdict.logits_squared.to_string(),
            target_squared: verdict.target_squared.to_string(),
            distance: verdict.distance(),
            valid: digest_matches && verdict.won,
        }
    }

    fn is_good(finding: &Finding) -> bool {
        finding.valid
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn conclude(_: &Rule, n_claimed: usize, findings: &[Finding]) -> (Verdict, Evidence) {
        let n = findings.len();
        let fault = findings.iter().find(|finding| !finding.valid).map(Fault::new);
        let bound = if n == n_claimed { 0.0 } else { 1.0 - libm::pow(MISSED, 1.0 / n as f64) };
        let nothing_agrees = n >= 3 && findings.iter().all(|finding| !finding.digest_matches);
        let verdict = match fault {
            Some(_) => Verdict::Fraud,
            None if bound <= MAX_FALSE_SHARE => Verdict::Honest,
            None => Verdict::Inconclusive,
        };
        let false_share_bound = fault.is_none().then_some(bound);
        (verdict, Evidence { false_share_bound, nothing_agrees, fault })
    }

    fn remark(evidence: &Evidence) -> Option<String> {
        if evidence.nothing_agrees {
            return Some("no digest is right: another block hash, key or model, or invented".into());
        }
        if let Some(fault) = &evidence.fault {
            return Some(fault.detail.clone());
        }
        let bound = evidence.false_share_bound.filter(|bound| *bound > 0.0)?;
        Some(format!("at most {:.1} % of the claims are false, at 95 % confidence", 100.0 * bound))
    }
}

//! The `gonka` profile for the judge: what the network's rule makes of recomputed distances, and what we add to it as
//! advice (SPEC §I.7 to §I.9).

use super::params::{Params, Preset};
use super::puzzle::Puzzle;
use super::rule::{Binomial, Distance, Rule, TargetRadius};
use crate::identity::{BlockHash, IdentityError, Nonce, PublicKey};
use crate::profile::{Model, Profile, ProfileName};
use crate::statistics::cap_probability;
use crate::verify::{Facts, Given, GivenError, Settled, Source, Verdict};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// How often an honest prover's nonce is taken for a bad one: the network's constant.
pub const PROBABILITY_MISMATCH: f64 = 5e-4;
/// The network's default: a batch less probable than this is fraud.
pub const DEFAULT_FRAUD_THRESHOLD: f64 = 1e-7;
/// Root mean square distance error allowed to honest hardware, SPEC §I.8.
pub const RMS_BOUND: f64 = 5e-6;
/// Largest distance error allowed to honest hardware, SPEC §I.8.
pub const MAX_BOUND: f64 = 2e-5;

/// The network's own scheme (SPEC Part I).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gonka;

/// What a verifier or miner says of the price of a win.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The radius to win; without it, the network's.
    pub r_target: Option<TargetRadius>,
    /// A submission less probable than this is fraud.
    pub fraud_threshold: f64,
    /// The height by which the network's radius is known.
    pub block_height: Option<i64>,
}

/// One claim, checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Place in the submission, from 0.
    pub index: usize,
    /// Decimal text: may pass 2^53.
    pub nonce: String,
    /// The distance claimed.
    pub claimed: f64,
    /// The distance recomputed; `None` when it is not a number.
    pub recomputed: Option<f64>,
    /// Claimed minus recomputed.
    pub difference: Option<f64>,
    /// Whether the network's rule lets it pass.
    pub valid: bool,
}

/// What findings show together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The network's test.
    #[serde(flatten)]
    pub binomial: Binomial,
    /// Whether so many nonces could convict anybody.
    pub can_convict: bool,
    /// Hardly any claim agrees with what was recomputed: another block hash, key or model was mined, or the claims
    /// are invented.
    pub nothing_agrees: bool,
    /// What the network does not look at.
    pub advisory: Advisory,
}

/// What claims and recomputed distances say beside the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advisory {
    /// Root mean square of claimed minus recomputed distances. Honest hardware: below 5e-6 (SPEC §I.8). `None` where
    /// a distance is not a number.
    pub rms_error: Option<f64>,
    /// The largest of them in size. Honest hardware: below 2e-5.
    pub max_error: Option<f64>,
    /// Mean of the recomputed distances; near sqrt 2 for random points.
    pub mean_recomputed: Option<f64>,
    /// Claims within 2e-5 of what was recomputed.
    pub n_agreeing: usize,
    /// Whether the errors are those of honest hardware: an opinion, not the verdict.
    pub is_within_hardware_noise: bool,
}

impl Advisory {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn new(findings: &[Finding]) -> Self {
        let n = findings.len() as f64;
        let finite = |value: f64| value.is_finite().then_some(value);
        let errors = || findings.iter().map(|finding| finding.difference.unwrap_or(f64::NAN));
        let rms = libm::sqrt(errors().map(|e| e * e).sum::<f64>() / n);
        // f64::max would drop a NaN, which must show.
        let max = errors().fold(0.0, |max: f64, e| if e.is_nan() || e.abs() > max { e.abs() } else { max });
        let mean = findings.iter().map(|finding| finding.recomputed.unwrap_or(f64::NAN)).sum::<f64>() / n;
        Self {
            rms_error: finite(rms),
            max_error: finite(max),
            mean_recomputed: finite(mean),
            n_agreeing: errors().filter(|e| e.abs() <= MAX_BOUND).count(),
            is_within_hardware_noise: rms <= RMS_BOUND && max <= MAX_BOUND,
        }
    }
}

impl Model for Params {
    const PRESETS: &'static [&'static str] = &["mainnet", "testnet", "default", "dev-test"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &super::params::DEFAULTS;

    fn from_name(name: &str) -> Option<Self> {
        Preset::from_name(name).map(Preset::params)
    }

    fn from_json(text: &str) -> Result<Self, String> {
        Self::from_json(text).map_err(|error| error.to_string())
    }

    fn preset(&self) -> Option<&'static str> {
        Preset::ALL.into_iter().find(|preset| preset.params() == *self).map(Preset::name)
    }

    fn work_per_nonce(&self) -> u64 {
        self.flops_per_nonce()
    }
}

impl Profile for Gonka {
    const NAME: ProfileName = ProfileName::Gonka;
    const VERSION: u32 = 1;
    const OPTIONS: &'static [&'static str] = &["r_target", "fraud_threshold", "block_height"];
    const CLAIM_COLUMN: &'static str = "dist";
    const PRICE_WORD: &'static str = "radius";

    type Params = Params;
    type Puzzle = Puzzle;
    /// The distance; not a number when the logits are all zero or not finite.
    type Outcome = f64;
    type Claim = Distance;
    /// The radius as the document writes it, above 0; above 2 every nonce wins.
    type Price = f64;
    type Terms = Terms;
    type Rule = Rule;
    type Finding = Finding;
    type Evidence = Evidence;

    fn puzzle(params: &Params, block: &BlockHash) -> Puzzle {
        Puzzle::new(params, block)
    }

    fn check_key(key: &PublicKey) -> Result<(), IdentityError> {
        key.refuse_address()
    }

    fn terms(given: &Given) -> Result<Terms, GivenError> {
        let r_target = match given.r_target {
            None => None,
            Some(got) => Some(TargetRadius::new(got).map_err(|_| GivenError::Range {
                option: "r_target",
                got,
                expected: "a number above 0 and at most 2",
            })?),
        };
        let fraud_threshold = given.fraud_threshold.unwrap_or(DEFAULT_FRAUD_THRESHOLD);
        if !(0.0..=1.0).contains(&fraud_threshold) {
            let (option, expected) = ("fraud_threshold", "a number from 0 to 1");
            return Err(GivenError::Range { option, got: fraud_threshold, expected });
        }
        Ok(Terms { r_target, fraud_threshold, block_height: given.block_height })
    }

    fn settle(terms: &Terms, facts: &Facts<'_, Self>) -> Settled<Rule> {
        let settled = |r_target: TargetRadius, source, is_confirmed| {
            let rule = Rule { r_target, fraud_threshold: terms.fraud_threshold };
            Settled { rule, source, words: r_target.words(), is_confirmed }
        };
        if let Some(radius) = terms.r_target {
            return settled(radius, Source::Verifier, true);
        }
        let height = terms.block_height.or(facts.block_height);
        let network = height.map_or(TargetRadius::LAUNCH, TargetRadius::at);
        let Some(own) = facts.price.copied() else { return settled(network, Source::Network, true) };
        // A document may only tighten: what is looser than the network's is nobody's word but its own.
        let radius = TargetRadius::new(own).unwrap_or(TargetRadius::WHOLE);
        let is_named = [network, TargetRadius::DECEMBER_2025].contains(&radius);
        let source = if is_named { Source::Network } else { Source::Document };
        settled(radius, source, radius <= network)
    }

    fn mining_rule(terms: &Terms) -> Rule {
        let network = terms.block_height.map_or(TargetRadius::LAUNCH, TargetRadius::at);
        Rule { r_target: terms.r_target.unwrap_or(network), fraud_threshold: terms.fraud_threshold }
    }

    fn win_rate(params: &Params, rule: &Rule) -> f64 {
        cap_probability(params.vocab_u32(), rule.r_target().get())
    }

    fn won(rule: &Rule, outcome: &f64) -> Option<Distance> {
        Distance::new(*outcome).ok().filter(|distance| rule.r_target().is_won(distance.get()))
    }

    fn file_head(
        params: &Params,
        rule: &Rule,
        block: &BlockHash,
        key: &PublicKey,
        block_height: Option<i64>,
    ) -> Map<String, Value> {
        let head = json!({
            "public_key": key.as_str(),
            "block_hash": block.as_str(),
            "block_height": block_height.unwrap_or(0),
            "r_target": rule.r_target(),
            "params": params.raw(),
        });
        let Value::Object(head) = head else { unreachable!("json! of braces is an object") };
        head
    }

    fn columns(won: &[(Nonce, Distance)]) -> [Value; 2] {
        let nonces: Vec<u64> = won.iter().map(|(nonce, _)| nonce.get()).collect();
        let claims: Vec<Distance> = won.iter().map(|(_, claim)| *claim).collect();
        [json!(nonces), json!(claims)]
    }

    fn check(rule: &Rule, index: usize, nonce: Nonce, claim: &Distance, outcome: &f64) -> Finding {
        let recomputed = outcome.is_finite().then_some(*outcome);
        Finding {
            index,
            nonce: nonce.to_string(),
            claimed: claim.get(),
            recomputed,
            difference: recomputed.map(|own| claim.get() - own),
            valid: !rule.is_bad(*claim, *outcome),
        }
    }

    fn is_good(finding: &Finding) -> bool {
        finding.valid
    }

    fn conclude(rule: &Rule, n_claimed: usize, findings: &[Finding]) -> (Verdict, Evidence) {
        let n = findings.len();
        let n_bad = findings.iter().filter(|finding| !finding.valid).count();
        let binomial = rule.binomial(n, n_bad);
        let can_convict = rule.can_convict(n);
        let advisory = Advisory::new(findings);
        // By chance one invented distance in some hundreds comes that close.
        let nothing_agrees = n >= 3 && n_bad > 0 && advisory.n_agreeing <= n / 50;
        let verdict = if binomial.fraud_detected {
            Verdict::Fraud
        } else if can_convict || (n == n_claimed && n_bad == 0) {
            Verdict::Honest
        } else {
            Verdict::Inconclusive
        };
        (verdict, Evidence { binomial, can_convict, nothing_agrees, advisory })
    }

    fn remark(evidence: &Evidence) -> Option<String> {
        if evidence.nothing_agrees {
            return Some(
                "no claim agrees with what was recomputed: another block hash, key or model, or invented"
                    .into(),
            );
        }
        if evidence.binomial.fraud_detected {
            return Some(format!("honest with probability {:.1e}", evidence.binomial.probability_honest));
        }
        (!evidence.can_convict).then(|| "too few to convict anybody".to_string())
    }
}

//! From batches and votes to voting weight (SPEC §III.4 to §III.6).

use super::check_list;
use super::number::{Fraction, Whole, amounts, refused, texts};
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use sphere_pow_core::network::cap::{DEFAULT_LIMIT, cap_powers, limit_for};
use sphere_pow_core::network::majority::{Ballot, Decision, Revote, Vote};
use sphere_pow_core::network::weight::{
    Candidate, CollateralRule, Counting, GuardianRule, NoWeight, claimed_weight,
};
use sphere_pow_core::text::shown;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimedRequest {
    batches: Vec<Vec<Whole>>,
}

#[derive(Serialize)]
pub(super) struct Claimed {
    all: u64,
    unique: u64,
}

pub(super) fn claimed(request: ClaimedRequest) -> Result<Claimed, Failure> {
    check_list("batches", &request.batches)?;
    let mut batches = Vec::with_capacity(request.batches.len());
    for (ix, batch) in request.batches.iter().enumerate() {
        let nonce = |nonce: &Whole| nonce.signed(&format!("a nonce of batches[{ix}]"));
        batches.push(batch.iter().map(nonce).collect::<Result<Vec<i64>, _>>()?);
    }
    let count = |counting| claimed_weight(batches.iter().map(Vec::as_slice), counting);
    Ok(Claimed { all: count(Counting::All), unique: count(Counting::Unique) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CandidateRequest {
    claimed: Whole,
    has_validator_key: bool,
    is_accepted: bool,
    has_seed: bool,
}

#[derive(Serialize)]
pub(super) struct CandidateAnswer {
    weight: String,
    reason: Option<&'static str>,
    message: Option<String>,
}

pub(super) fn candidate(request: CandidateRequest) -> Result<CandidateAnswer, Failure> {
    let CandidateRequest { claimed, has_validator_key, is_accepted, has_seed } = request;
    let candidate =
        Candidate { claimed: claimed.amount("claimed")?, has_validator_key, is_accepted, has_seed };
    Ok(match candidate.weight() {
        Ok(weight) => CandidateAnswer { weight: weight.to_string(), reason: None, message: None },
        Err(why) => {
            let reason = match why {
                NoWeight::NoClaim => "no-claim",
                NoWeight::NoValidatorKey => "no-validator-key",
                NoWeight::NotAccepted => "not-accepted",
                NoWeight::NoSeed => "no-seed",
                _ => "other",
            };
            CandidateAnswer { weight: "0".into(), reason: Some(reason), message: Some(why.to_string()) }
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackedRequest {
    weight: Whole,
    collateral: Whole,
    epoch: Whole,
    #[serde(default)]
    base: Option<Fraction>,
    #[serde(default)]
    per_weight: Option<Fraction>,
    #[serde(default)]
    grace_end_epoch: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct Weight {
    weight: String,
}

pub(super) fn backed(request: BackedRequest) -> Result<Weight, Failure> {
    let mut rule = CollateralRule::DEFAULT;
    if let Some(base) = request.base {
        rule.base = base.ratio("base")?;
    }
    if let Some(per_weight) = request.per_weight {
        rule.per_weight = per_weight.ratio("perWeight")?;
    }
    if let Some(epoch) = request.grace_end_epoch {
        rule.grace_end_epoch = epoch.amount("graceEndEpoch")?;
    }
    let (weight, collateral) = (request.weight.amount("weight")?, request.collateral.amount("collateral")?);
    Ok(Weight { weight: rule.backed(weight, collateral, request.epoch.amount("epoch")?).to_string() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardianHost {
    power: Whole,
    guardian: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardiansRequest {
    hosts: Vec<GuardianHost>,
    #[serde(default)]
    multiplier: Option<Fraction>,
    #[serde(default)]
    maturity: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct Powers {
    powers: Vec<String>,
}

pub(super) fn guardians(request: GuardiansRequest) -> Result<Powers, Failure> {
    check_list("hosts", &request.hosts)?;
    let mut rule = GuardianRule::DEFAULT;
    if let Some(multiplier) = request.multiplier {
        rule.multiplier = multiplier.ratio("multiplier")?;
    }
    if let Some(maturity) = request.maturity {
        rule.maturity = maturity.amount("maturity")?;
    }
    let host = |host: &GuardianHost| Ok((host.power.amount("a host's power")?, host.guardian));
    let hosts: Vec<(u64, bool)> = request.hosts.iter().map(host).collect::<Result<_, Failure>>()?;
    Ok(Powers { powers: texts(rule.powers(&hosts)) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Validator {
    id: String,
    weight: Whole,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum VoteName {
    Valid,
    Fraud,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cast {
    validator: String,
    vote: VoteName,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RevoteName {
    #[default]
    LastStands,
    FraudStands,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MajorityRule {
    #[default]
    Majority,
    TwoThirds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MajorityRequest {
    validators: Vec<Validator>,
    votes: Vec<Cast>,
    #[serde(default)]
    revote: RevoteName,
    #[serde(default)]
    rule: MajorityRule,
    #[serde(default)]
    guardians: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct MajorityAnswer {
    valid: String,
    fraud: String,
    silent: String,
    total: String,
    accepted: bool,
}

pub(super) fn majority(request: MajorityRequest) -> Result<MajorityAnswer, Failure> {
    check_list("validators", &request.validators)?;
    check_list("votes", &request.votes)?;
    let mut group = BTreeMap::new();
    for Validator { id, weight } in &request.validators {
        if group.insert(id.clone(), weight.amount("a validator's weight")?).is_some() {
            return Err(Failure::range(format!("validator {} comes twice, expected each once", shown(id))));
        }
    }
    let mut ballot = Ballot::new(match request.revote {
        RevoteName::LastStands => Revote::LastStands,
        RevoteName::FraudStands => Revote::FraudStands,
    });
    let participant = String::new();
    for Cast { validator, vote } in request.votes {
        let vote = match vote {
            VoteName::Valid => Vote::Valid,
            VoteName::Fraud => Vote::Fraud,
        };
        ballot.record(participant.clone(), validator, vote);
    }
    let tally = ballot.tally(&participant, &group);
    let decision = match request.rule {
        MajorityRule::Majority => tally.majority(),
        MajorityRule::TwoThirds => {
            let vote = |guardian: &String| {
                let alone = ballot.tally(&participant, &BTreeMap::from([(guardian.clone(), 1)]));
                match (alone.valid, alone.fraud) {
                    (1, _) => Some(Vote::Valid),
                    (_, 1) => Some(Vote::Fraud),
                    _ => None,
                }
            };
            tally.two_thirds(request.guardians.iter().filter_map(vote).collect::<Vec<_>>())
        }
    };
    Ok(MajorityAnswer {
        valid: tally.valid.to_string(),
        fraud: tally.fraud.to_string(),
        silent: tally.silent.to_string(),
        total: tally.total().to_string(),
        accepted: decision == Decision::Accepted,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapRequest {
    powers: Vec<Whole>,
    #[serde(default)]
    limit: Option<Fraction>,
}

#[derive(Serialize)]
pub(super) struct CapAnswer {
    powers: Vec<String>,
    cap: Option<String>,
    limit: LimitAnswer,
}

#[derive(Serialize)]
struct LimitAnswer {
    numerator: u64,
    denominator: u64,
}

pub(super) fn cap(request: CapRequest) -> Result<CapAnswer, Failure> {
    let powers = amounts("powers", &request.powers)?;
    let limit = request.limit.map_or(Ok(DEFAULT_LIMIT), |limit| limit.ratio("limit"))?;
    let capped = cap_powers(&powers, limit).map_err(refused)?;
    let limit = limit_for(powers.len(), limit);
    let part = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
    Ok(CapAnswer {
        powers: texts(capped.powers),
        cap: capped.cap.map(|cap| cap.to_string()),
        limit: LimitAnswer { numerator: part(limit.num()), denominator: part(limit.den()) },
    })
}

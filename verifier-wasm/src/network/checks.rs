//! What validators look at, what that finds, and who looks (SPEC §III.7 to §III.9).

use super::check_list;
use super::number::{Exact, Whole, bytes32, refused, texts};
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use sphere_pow_core::gonka::verify::{DEFAULT_FRAUD_THRESHOLD, PROBABILITY_MISMATCH};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::detection::{BinomialTest, miss_probability as misses};
use sphere_pow_core::network::reputation::{Powers, Standing, ValidationRules};
use sphere_pow_core::network::sample::{
    Beacon, Commitment, DEFAULT_SAMPLE, draw, network_sample as perm, network_seed,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkSampleRequest {
    validator: String,
    block_hash: String,
    height: Whole,
    count: Whole,
    #[serde(default)]
    size: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct NetworkSample {
    seed: String,
    places: Vec<u32>,
}

pub(super) fn network_sample(request: NetworkSampleRequest) -> Result<NetworkSample, Failure> {
    let validator = PublicKey::new(&request.validator)?;
    let block = BlockHash::new(&request.block_hash).map_err(Failure::block_hash)?;
    let (height, count) = (request.height.height("height")?, request.count.small("count")?);
    let size = request.size.map_or(Ok(DEFAULT_SAMPLE), |size| size.small("size"))?;
    let places = perm(&validator, &block, height, count, size).map_err(refused)?;
    Ok(NetworkSample { seed: network_seed(&validator, &block, height).to_string(), places })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitmentRequest {
    root: String,
    count: Whole,
    height: Whole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeaconRequest {
    value: String,
    height: Whole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrawRequest {
    commitment: CommitmentRequest,
    beacon: BeaconRequest,
    validator: String,
    participant: String,
    size: Whole,
}

#[derive(Serialize)]
pub(super) struct Drawn {
    places: Vec<String>,
}

pub(super) fn draw_sample(request: DrawRequest) -> Result<Drawn, Failure> {
    let commitment = Commitment {
        root: bytes32("commitment.root", &request.commitment.root)?,
        count: request.commitment.count.amount("commitment.count")?,
        height: request.commitment.height.amount("commitment.height")?,
    };
    let beacon = Beacon {
        value: bytes32("beacon.value", &request.beacon.value)?,
        height: request.beacon.height.amount("beacon.height")?,
    };
    let (validator, participant) =
        (PublicKey::new(&request.validator)?, PublicKey::new(&request.participant)?);
    let size = request.size.amount("size")?;
    Ok(Drawn { places: texts(draw(&commitment, &beacon, &validator, &participant, size).map_err(refused)?) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DetectionRequest {
    sample: Whole,
    #[serde(default)]
    bad_shares: Vec<f64>,
    #[serde(default)]
    validators: Option<Whole>,
    #[serde(default)]
    flagged: Option<f64>,
    #[serde(default)]
    mismatch: Option<f64>,
    #[serde(default)]
    fraud_threshold: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detection {
    flag_threshold: Option<u32>,
    flagged: Vec<f64>,
    rejected: Option<Vec<f64>>,
    bad_share: Option<f64>,
}

fn check_probability(what: &str, value: f64) -> Result<f64, Failure> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Failure::range(format!("{what} is {value}, expected a probability from 0 to 1")))
}

pub(super) fn detection(request: DetectionRequest) -> Result<Detection, Failure> {
    let sample = request.sample.small("sample")?;
    let most = 10_000;
    if request.bad_shares.len() > most {
        return Err(Failure::range(format!("{} shares, expected at most {most}", request.bad_shares.len())));
    }
    for share in &request.bad_shares {
        check_probability("a share of badShares", *share)?;
    }
    let network = (PROBABILITY_MISMATCH, DEFAULT_FRAUD_THRESHOLD);
    let test = match (request.mismatch, request.fraud_threshold) {
        (None, None) => BinomialTest::NETWORK,
        (mismatch, threshold) => {
            let (mismatch, threshold) = (mismatch.unwrap_or(network.0), threshold.unwrap_or(network.1));
            BinomialTest::new(mismatch, threshold).ok_or_else(|| {
                let message = format!(
                    "mismatch {mismatch} and fraudThreshold {threshold}, expected both between 0 and 1"
                );
                Failure::range(message)
            })?
        }
    };
    let flagged = request.bad_shares.iter().map(|share| test.flag_probability(sample, *share)).collect();
    let rejected = request.validators.map(|validators| {
        let validators = validators.small("validators")?;
        let rejected = |share: &f64| test.majority_probability(validators, sample, *share);
        Ok::<_, Failure>(request.bad_shares.iter().map(rejected).collect())
    });
    let bad_share = match request.flagged {
        None => None,
        Some(flagged) => test.bad_share_at(sample, check_probability("flagged", flagged)?),
    };
    Ok(Detection {
        flag_threshold: test.flag_threshold(sample),
        flagged,
        rejected: rejected.transpose()?,
        bad_share,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MissRequest {
    total: Whole,
    bad: Whole,
    sample: Whole,
}

#[derive(Serialize)]
pub(super) struct Missed {
    missed: f64,
}

pub(super) fn miss_probability(request: MissRequest) -> Result<Missed, Failure> {
    let (total, bad) = (request.total.amount("total")?, request.bad.amount("bad")?);
    let sample = request.sample.amount("sample")?;
    let missed = misses(total, bad, sample).ok_or_else(|| {
        let message = format!(
            "bad is {bad} and sample {sample}, expected neither above total, {total}, nor a sample above 2^20"
        );
        Failure::range(message)
    })?;
    Ok(Missed { missed })
}

/// Parameters other than the network's.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct RulesRequest {
    min_average: Option<Exact>,
    halfway_average: Option<Exact>,
    max_average: Option<Exact>,
    full_traffic: Option<Whole>,
    least_traffic: Option<Whole>,
    epochs_to_max: Option<Whole>,
    miss_cutoff: Option<Exact>,
    miss_penalty: Option<Exact>,
}

impl RulesRequest {
    fn rules(&self) -> Result<ValidationRules, Failure> {
        let network = ValidationRules::NETWORK;
        let exact = |value: Option<Exact>, default| value.map_or(default, |value| value.0);
        let amount =
            |what, value: Option<Whole>, default| value.map_or(Ok(default), |value| value.amount(what));
        let rules = ValidationRules {
            min_average: exact(self.min_average, network.min_average),
            halfway_average: exact(self.halfway_average, network.halfway_average),
            max_average: exact(self.max_average, network.max_average),
            full_traffic: amount("fullTraffic", self.full_traffic, network.full_traffic)?,
            least_traffic: amount("leastTraffic", self.least_traffic, network.least_traffic)?,
            epochs_to_max: match self.epochs_to_max {
                Some(epochs) => epochs.small("epochsToMax")?,
                None => network.epochs_to_max,
            },
            miss_cutoff: exact(self.miss_cutoff, network.miss_cutoff),
            miss_penalty: exact(self.miss_penalty, network.miss_penalty),
        };
        // The rules divide by these, and count from one to the other.
        if rules.full_traffic < 2 || rules.least_traffic >= rules.full_traffic / 2 {
            let message = format!(
                "leastTraffic is {} and fullTraffic {}, expected the former below half of the latter",
                rules.least_traffic, rules.full_traffic
            );
            return Err(Failure::range(message));
        }
        Ok(rules)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReputationRequest {
    epochs: Whole,
    #[serde(default)]
    missed: Vec<Exact>,
    #[serde(default)]
    rules: RulesRequest,
}

#[derive(Serialize)]
pub(super) struct Reputation {
    reputation: u8,
}

pub(super) fn reputation(request: ReputationRequest) -> Result<Reputation, Failure> {
    check_list("missed", &request.missed)?;
    let missed: Vec<Decimal> = request.missed.iter().map(|share| share.0).collect();
    if let Some(share) = missed.iter().find(|share| !(Decimal::ZERO..=Decimal::ONE).contains(share)) {
        return Err(Failure::range(format!("a share of missed is {share}, expected 0 to 1")));
    }
    let rules = request.rules.rules()?;
    if rules.miss_penalty < Decimal::ZERO {
        return Err(Failure::range(format!("missPenalty is {}, expected 0 or more", rules.miss_penalty)));
    }
    let reputation = rules.reputation(request.epochs.small("epochs")?, &missed).map_err(refused)?;
    Ok(Reputation { reputation })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AverageRequest {
    requests: Whole,
    #[serde(default)]
    rules: RulesRequest,
}

#[derive(Serialize)]
pub(super) struct Average {
    average: String,
}

pub(super) fn minimum_average(request: AverageRequest) -> Result<Average, Failure> {
    let requests = request.requests.amount("requests")?;
    let average = request.rules.rules()?.minimum_average(requests).map_err(refused)?;
    Ok(Average { average: average.to_string() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PowersRequest {
    total: Whole,
    validator: Whole,
    executor: Whole,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DutyRequest {
    seed: Whole,
    inference_id: String,
    powers: PowersRequest,
    reputation: Whole,
    requests: Whole,
    #[serde(default)]
    rules: RulesRequest,
}

#[derive(Serialize)]
pub(super) struct DutyAnswer {
    probability: String,
    draw: String,
    due: bool,
}

pub(super) fn duty(request: DutyRequest) -> Result<DutyAnswer, Failure> {
    let powers = Powers {
        total: request.powers.total.amount("powers.total")?,
        validator: request.powers.validator.amount("powers.validator")?,
        executor: request.powers.executor.amount("powers.executor")?,
    };
    let reputation = request.reputation.amount("reputation")?;
    let reputation = u8::try_from(reputation)
        .ok()
        .filter(|reputation| *reputation <= 100)
        .ok_or_else(|| Failure::range(format!("reputation is {reputation}, expected 0 to 100")))?;
    let (seed, requests) = (request.seed.signed("seed")?, request.requests.amount("requests")?);
    let duty = request.rules.rules()?.duty(seed, &request.inference_id, powers, reputation, requests);
    let duty = duty.map_err(refused)?;
    let due = duty.is_due();
    Ok(DutyAnswer { probability: duty.probability.to_string(), draw: duty.draw.to_string(), due })
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Day {
    Work,
    Away,
    Fraud,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StandingRequest {
    days: Vec<Day>,
    #[serde(default)]
    floor: Option<Exact>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StandingAnswer {
    honest_days: u32,
    check_probability: String,
}

pub(super) fn standing(request: StandingRequest) -> Result<StandingAnswer, Failure> {
    check_list("days", &request.days)?;
    let mut standing = Standing::default();
    for day in request.days {
        match day {
            Day::Work => standing.work_honestly(),
            Day::Away => standing.stay_away(),
            Day::Fraud => standing.lose(),
        }
    }
    let floor = request.floor.map_or(ValidationRules::NETWORK.min_average, |floor| floor.0);
    let check_probability = standing.check_probability(floor).to_string();
    Ok(StandingAnswer { honest_days: standing.honest_days(), check_probability })
}

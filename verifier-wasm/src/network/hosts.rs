//! The table of a network's hosts: what each weighs, and who checks whom (SPEC §III.4, §III.6, §III.12).

use super::check_list;
use super::number::{Exact, Fraction, Whole, amounts, bytes32, bytes64, refused};
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use sphere_pow_core::document::{self, AnyBatch, Batch, Shape};
use sphere_pow_core::network::cap::{DEFAULT_LIMIT, cap_powers};
use sphere_pow_core::network::committee::{Electorate, Seats};
use sphere_pow_core::network::reputation::{STANDING_DAYS, Standing, ValidationRules};
use sphere_pow_core::network::weight::{Counting, claimed_weight};
use sphere_pow_core::profile::Profile;
use sphere_pow_network::sortition::request_seed as seed_of;
use std::collections::BTreeMap;

/// Seats of a host without standing, where the caller names none.
const DEFAULT_SEATS: u32 = 8;

fn standing(honest_days: u64) -> Standing {
    let mut standing = Standing::default();
    (0..honest_days.min(STANDING_DAYS.into())).for_each(|_| standing.work_honestly());
    standing
}

fn electorate(weights: &[u64]) -> Result<Electorate, Failure> {
    Electorate::new(weights)
        .ok_or_else(|| Failure::range("the weights pass 2^64 - 1 together, expected less"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CommitteeRequest {
    weights: Vec<Whole>,
    /// What draws all seats.
    #[serde(default)]
    beacon: Option<String>,
    /// What each validator drew for itself; null where it drew nothing.
    #[serde(default)]
    outputs: Option<Vec<Option<String>>>,
    host: Whole,
    #[serde(default)]
    seats: Option<Whole>,
    #[serde(default)]
    honest_days: Option<Whole>,
    #[serde(default)]
    floor: Option<Exact>,
    #[serde(default)]
    jury: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct Committee {
    seats: f64,
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    validator: usize,
    seats: u32,
}

pub(super) fn committee(request: CommitteeRequest) -> Result<Committee, Failure> {
    let weights = amounts("weights", &request.weights)?;
    let host = request.host.place("host", weights.len())?;
    let seats = match request.jury {
        Some(jury) => Seats::jury(jury.small("jury")?),
        None => {
            let full = request.seats.map_or(Ok(DEFAULT_SEATS), |seats| seats.small("seats"))?;
            let days = request.honest_days.map_or(Ok(0), |days| days.amount("honestDays"))?;
            let floor = request.floor.map_or(ValidationRules::NETWORK.min_average, |floor| floor.0);
            Seats::of(full, &standing(days), floor)
        }
    };
    let electorate = electorate(&weights)?;
    let members = match (request.beacon, request.outputs) {
        (Some(beacon), None) => electorate.committee(&bytes32("beacon", &beacon)?, host, &seats),
        (None, Some(outputs)) => {
            if outputs.len() != weights.len() {
                let (got, expected) = (outputs.len(), weights.len());
                return Err(Failure::range(format!(
                    "outputs has {got} entries, expected one for each of {expected} weights"
                )));
            }
            let mut members = Vec::new();
            for (validator, output) in outputs.iter().enumerate() {
                let Some(output) = output else { continue };
                let output = bytes64("outputs", output)?;
                members.push((validator, electorate.sortition(&output, validator, host, &seats)));
            }
            members.retain(|(_, seats)| *seats > 0);
            members
        }
        _ => return Err(Failure::format("expected either beacon or outputs")),
    };
    Ok(Committee {
        seats: f64::from(seats.thousandths()) / 1000.0,
        members: members.into_iter().map(|(validator, seats)| Member { validator, seats }).collect(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedRequest {
    output: String,
    validator: Whole,
}

pub(super) fn request_seed(request: SeedRequest) -> Result<String, Failure> {
    let validator = request.validator.small("validator")?;
    Ok(seed_of(&bytes64("output", &request.output)?, validator).to_string())
}

#[derive(Serialize)]
pub(super) struct Claims {
    shape: Shape,
    participants: Vec<Participant>,
    rejected: Vec<String>,
}

#[derive(Serialize)]
struct Participant {
    name: Option<String>,
    claimed: u64,
    unique: u64,
}

/// Nonces of each host, a list a batch.
type Batches = BTreeMap<Option<String>, Vec<Vec<i64>>>;

fn gather<P: Profile>(batch: &Batch<P>, batches: &mut Batches) {
    let key = || batch.public_key.as_ref().map(|key| key.as_str().to_owned());
    let name = batch.participant.clone().or_else(key);
    let nonces = batch.nonces.iter().filter_map(|nonce| i64::try_from(nonce.get()).ok()).collect();
    batches.entry(name).or_default().push(nonces);
}

pub(super) fn claims(bytes: &[u8]) -> Result<Claims, Failure> {
    let document = document::read(bytes)?;
    let mut batches = Batches::new();
    for batch in &document.batches {
        match batch {
            AnyBatch::Gonka(batch) => gather(batch, &mut batches),
            AnyBatch::Exact(batch) => gather(batch, &mut batches),
        }
    }
    let participant = |(name, batches): (Option<String>, Vec<Vec<i64>>)| {
        let count = |counting| claimed_weight(batches.iter().map(Vec::as_slice), counting);
        Participant { name, claimed: count(Counting::All), unique: count(Counting::Unique) }
    };
    Ok(Claims {
        shape: document.shape,
        participants: batches.into_iter().map(participant).collect(),
        rejected: document.rejected.iter().map(|part| part.error.to_string()).collect(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HostRequest {
    weight: Whole,
    #[serde(default)]
    honest_days: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableRequest {
    hosts: Vec<HostRequest>,
    #[serde(default)]
    limit: Option<Fraction>,
    #[serde(default)]
    seats: Option<Whole>,
    #[serde(default)]
    floor: Option<Exact>,
    /// The host whose checkers are asked for.
    #[serde(default)]
    of: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct Table {
    total: String,
    cap: Option<String>,
    hosts: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    power: String,
    share: f64,
    check_probability: String,
    checked_by: f64,
    checks: f64,
    checks_of: Option<f64>,
}

pub(super) fn table(request: TableRequest) -> Result<Table, Failure> {
    check_list("hosts", &request.hosts)?;
    let weight = |(ix, host): (usize, &HostRequest)| host.weight.amount(&format!("hosts[{ix}].weight"));
    let weights: Vec<u64> = request.hosts.iter().enumerate().map(weight).collect::<Result<_, _>>()?;
    let limit = request.limit.map_or(Ok(DEFAULT_LIMIT), |limit| limit.ratio("limit"))?;
    let capped = cap_powers(&weights, limit).map_err(refused)?;
    let electorate = electorate(&capped.powers)?;
    let of = request.of.map(|of| of.place("of", weights.len())).transpose()?;
    let full = request.seats.map_or(Ok(DEFAULT_SEATS), |seats| seats.small("seats"))?;
    let floor = request.floor.map_or(ValidationRules::NETWORK.min_average, |floor| floor.0);
    let total = electorate.total();
    let mut seats = Vec::with_capacity(weights.len());
    for host in &request.hosts {
        let days = host.honest_days.map_or(Ok(0), |days| days.amount("honestDays"))?;
        let standing = standing(days);
        let seated = f64::from(Seats::of(full, &standing, floor).thousandths()) / 1000.0;
        seats.push((standing.check_probability(floor), seated));
    }
    // A seat falls to a validator with its share of the others' power.
    let per_power = |ix: usize| match total - electorate.weight(ix) {
        0 => 0.0,
        others => seats[ix].1 / others as f64,
    };
    let all: f64 = (0..weights.len()).map(per_power).sum();
    let row = |ix: usize| {
        let power = electorate.weight(ix);
        Row {
            power: power.to_string(),
            share: if total == 0 { 0.0 } else { power as f64 / total as f64 },
            check_probability: seats[ix].0.to_string(),
            checked_by: if total == power { 0.0 } else { seats[ix].1 },
            checks: power as f64 * (all - per_power(ix)).max(0.0),
            checks_of: of.map(|of| if of == ix { 0.0 } else { power as f64 * per_power(of) }),
        }
    };
    Ok(Table {
        total: total.to_string(),
        cap: capped.cap.map(|cap| cap.to_string()),
        hosts: (0..weights.len()).map(row).collect(),
    })
}

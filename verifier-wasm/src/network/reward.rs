//! What hosts earn, and how hard a win is (SPEC §III.10, §III.11).

use super::check_list;
use super::number::{Whole, amounts, refused, texts};
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use sphere_pow_core::network::difficulty::{Difficulty, Goal, Interval, Mark};
use sphere_pow_core::network::reward::{Cycle, Emission, Record, share_by_weight};
use sphere_pow_core::text::shown;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EmissionRequest {
    epoch: Whole,
    #[serde(default)]
    initial: Option<Whole>,
    #[serde(default)]
    decay_millionths: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct Amount {
    amount: String,
}

pub(super) fn emission(request: EmissionRequest) -> Result<Amount, Failure> {
    let mut emission = Emission::NETWORK;
    if let Some(initial) = request.initial {
        emission.initial = initial.amount("initial")?;
    }
    if let Some(decay) = request.decay_millionths {
        emission.decay_millionths = decay.small("decayMillionths")?;
    }
    Ok(Amount { amount: emission.of_epoch(request.epoch.amount("epoch")?).to_string() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShareRequest {
    amount: Whole,
    weights: Vec<Whole>,
}

#[derive(Serialize)]
pub(super) struct Shares {
    shares: Vec<String>,
}

pub(super) fn share(request: ShareRequest) -> Result<Shares, Failure> {
    let weights = amounts("weights", &request.weights)?;
    let shares = share_by_weight(request.amount.amount("amount")?, &weights).map_err(refused)?;
    Ok(Shares { shares: texts(shares) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weighted {
    host: String,
    weight: Whole,
}

/// What happens in a cycle.
#[derive(Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case", deny_unknown_fields)]
enum Entry {
    Emit { amount: Whole, weights: Vec<Weighted> },
    Post { task: Whole, fee: Whole, height: Whole },
    Finish { task: Whole, executor: String, checkers: Vec<String> },
    Refund { task: Whole },
    Expire { height: Whole },
    Forfeit { host: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordRequest {
    host: String,
    work_due: Whole,
    work_done: Whole,
    checks_due: Whole,
    checks_done: Whole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CycleRequest {
    entries: Vec<Entry>,
    #[serde(default)]
    records: Vec<RecordRequest>,
}

#[derive(Serialize)]
struct Paid {
    host: String,
    amount: String,
}

#[derive(Serialize)]
pub(super) struct Settled {
    paid: Vec<Paid>,
    forfeited: String,
    withheld: String,
    refunded: String,
    open: String,
    total: String,
}

/// A map of hosts, each once.
fn by_host<T>(
    entries: impl Iterator<Item = (String, Result<T, Failure>)>,
) -> Result<BTreeMap<String, T>, Failure> {
    let mut map = BTreeMap::new();
    for (host, value) in entries {
        let message = format!("host {} comes twice, expected each once", shown(&host));
        if map.insert(host, value?).is_some() {
            return Err(Failure::range(message));
        }
    }
    Ok(map)
}

impl Entry {
    fn enter(self, cycle: &mut Cycle<String>) -> Result<(), Failure> {
        match self {
            Self::Emit { amount, weights } => {
                check_list("weights", &weights)?;
                let weight = |host: Weighted| (host.host, host.weight.amount("a host's weight"));
                let weights = by_host(weights.into_iter().map(weight))?;
                cycle.emit(amount.amount("amount")?, &weights).map_err(refused)
            }
            Self::Post { task, fee, height } => {
                let (task, fee) = (task.amount("task")?, fee.amount("fee")?);
                cycle.post(task, fee, height.amount("height")?).map_err(refused)
            }
            Self::Finish { task, executor, checkers } => {
                cycle.finish(task.amount("task")?, &executor, &checkers).map_err(refused)
            }
            Self::Refund { task } => cycle.refund(task.amount("task")?).map(drop).map_err(refused),
            Self::Expire { height } => {
                cycle.expire(height.amount("height")?);
                Ok(())
            }
            Self::Forfeit { host } => {
                cycle.forfeit(host);
                Ok(())
            }
        }
    }
}

pub(super) fn settle(request: CycleRequest) -> Result<Settled, Failure> {
    check_list("entries", &request.entries)?;
    check_list("records", &request.records)?;
    let mut cycle = Cycle::default();
    for entry in request.entries {
        entry.enter(&mut cycle)?;
    }
    let record = |record: RecordRequest| {
        let read = || {
            Ok(Record {
                work_due: record.work_due.amount("workDue")?,
                work_done: record.work_done.amount("workDone")?,
                checks_due: record.checks_due.amount("checksDue")?,
                checks_done: record.checks_done.amount("checksDone")?,
            })
        };
        let values = read();
        (record.host, values)
    };
    let records = by_host(request.records.into_iter().map(record))?;
    let settled = cycle.settle(&records);
    let total = settled.total().to_string();
    let paid = |(host, amount): (String, u64)| Paid { host, amount: amount.to_string() };
    Ok(Settled {
        paid: settled.paid.into_iter().map(paid).collect(),
        forfeited: settled.forfeited.to_string(),
        withheld: settled.withheld.to_string(),
        refunded: settled.refunded.to_string(),
        open: settled.open.to_string(),
        total,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DifficultyRequest {
    vocab: Whole,
    #[serde(default)]
    threshold: Option<Whole>,
    #[serde(default)]
    rate: Option<Whole>,
    #[serde(default)]
    wins: Option<Whole>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DifficultyAnswer {
    threshold: u32,
    rate: String,
    win_rate: f64,
    r_target: f64,
    weight: Option<String>,
}

impl DifficultyAnswer {
    fn of(difficulty: &Difficulty, wins: Option<u64>) -> Self {
        Self {
            threshold: difficulty.threshold(),
            rate: difficulty.rate().to_string(),
            win_rate: difficulty.rate() as f64 / 18_446_744_073_709_551_616.0,
            r_target: difficulty.r_target(),
            weight: wins.map(|wins| difficulty.weight(wins).to_string()),
        }
    }
}

pub(super) fn difficulty(request: DifficultyRequest) -> Result<DifficultyAnswer, Failure> {
    let vocab = request.vocab.small("vocab")?;
    let difficulty = match (request.threshold, request.rate) {
        (Some(threshold), None) => Difficulty::new(vocab, threshold.small("threshold")?),
        (None, Some(rate)) => Difficulty::with_rate(vocab, rate.amount("rate")?),
        _ => {
            return Err(Failure::format(
                "the request has threshold and rate or neither, expected one of them",
            ));
        }
    };
    let wins = request.wins.map(|wins| wins.amount("wins")).transpose()?;
    Ok(DifficultyAnswer::of(&difficulty.map_err(refused)?, wins))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MarkRequest {
    height: Whole,
    time_ms: Whole,
    wins: Whole,
}

impl MarkRequest {
    fn mark(&self) -> Result<Mark, Failure> {
        Ok(Mark {
            height: self.height.amount("height")?,
            time_ms: self.time_ms.amount("timeMs")?,
            wins: self.wins.amount("wins")?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GoalRequest {
    wins: Whole,
    duration_ms: Whole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NextRequest {
    vocab: Whole,
    threshold: Whole,
    from: MarkRequest,
    to: MarkRequest,
    goal: GoalRequest,
}

pub(super) fn next_difficulty(request: NextRequest) -> Result<DifficultyAnswer, Failure> {
    let (vocab, threshold) = (request.vocab.small("vocab")?, request.threshold.small("threshold")?);
    let difficulty = Difficulty::new(vocab, threshold).map_err(refused)?;
    let seen = Interval::between(&request.from.mark()?, &request.to.mark()?).map_err(refused)?;
    let goal = &request.goal;
    let goal = Goal::new(goal.wins.amount("goal.wins")?, goal.duration_ms.amount("goal.durationMs")?);
    Ok(DifficultyAnswer::of(&difficulty.next(&seen, &goal.map_err(refused)?), None))
}

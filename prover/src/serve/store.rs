//! What a crash must not take from the service: wins and verdicts that nobody has acknowledged yet, batches to judge, how
//! far the search came, and what the node was told to do. One embedded database, each change on the disk when its
//! function returns.
//!
//! A win goes from `wins` to a parcel, one callback; a parcel is fixed before it is sent, under a key that goes along, so
//! that a receiver that looks at keys takes it once. It is deleted when it was acknowledged.

mod devices;
mod disk;
mod records;
mod roots;

pub use disk::StoreError;
pub(crate) use records::{Columns, Kind, Parcel, Queued, Win, random_key};

use crate::clock::now_ms;
use crate::ledger::{Entry, Progress};
use disk::Disk;
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sphere_pow_core::identity::Nonce;
use std::path::Path;

/// Records as JSON, by a number that only grows.
type Records = TableDefinition<'static, u64, &'static str>;

const WINS: Records = TableDefinition::new("wins");
const PARCELS: Records = TableDefinition::new("parcels");
const QUEUE: Records = TableDefinition::new("queue");
const DEAD: Records = TableDefinition::new("dead");
/// Nonces that were won, by stage: none is sent under two callbacks.
const NONCES: TableDefinition<(u64, u64), ()> = TableDefinition::new("nonces");
/// The last nonce tried, by stage, node, nodes, group, groups.
const REACHED: TableDefinition<(u64, u64, u64, u64, u64), u64> = TableDefinition::new("reached");
/// When a stage was last mined, in milliseconds of the system's clock or more: in the order in which stages were mined.
const STAGES: TableDefinition<u64, u64> = TableDefinition::new("stages");
/// Lines of a file of roots, by stage.
const ROOTS: TableDefinition<(u64, u64), &str> = TableDefinition::new("roots");
/// Commitments to them, by stage.
const COMMITMENTS: Records = TableDefinition::new("commitments");
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");
const ASSIGNED: TableDefinition<&str, &str> = TableDefinition::new("assigned");

/// Stages older than this are forgotten: no network asks for them again.
const STAGE_MS: u64 = 7 * 24 * 3600 * 1000;
/// The latest stages are kept in any case: a clock that is set must not have their nonces sent again.
const KEPT_STAGES: usize = 4;
/// Given-up parcels that are kept for whoever looks.
const MOST_DEAD: u64 = 1000;

/// Where a search's nonces come from: a stage, and a node's share of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    /// Whose model, block and key: the first 8 bytes of a hash over them.
    pub(crate) stage: u64,
    pub(crate) node_id: u64,
    pub(crate) node_count: u64,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Waiting {
    pub(crate) wins: u64,
    pub(crate) parcels: u64,
    pub(crate) batches: u64,
    pub(crate) given_up: u64,
}

/// The database of a state directory.
pub(crate) struct Store(Disk);

impl Store {
    /// Opens the database in `dir`, which is made.
    ///
    /// # Errors
    /// [`StoreError`], when another process has it, too.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::with(Disk::open(dir)?)
    }

    fn with(disk: Disk) -> Result<Self, StoreError> {
        let store = Self(disk);
        store.0.write(|txn| {
            for records in [WINS, PARCELS, QUEUE, DEAD, COMMITMENTS] {
                txn.open_table(records)?;
            }
            txn.open_table(NONCES)?;
            txn.open_table(ROOTS)?;
            txn.open_table(STAGES)?;
            txn.open_table(REACHED)?;
            txn.open_table(NUMBERS)?;
            txn.open_table(ASSIGNED)?;
            devices::open(txn)?;
            forget_old_stages(txn, now_ms())
        })?;
        Ok(store)
    }

    /// Takes what a device won and how far it came, and the line of roots of what it tried. Nonces of the stage that were won
    /// before are left out.
    pub(crate) fn take(
        &self,
        share: &Share,
        entry: &Entry,
        win: &Win,
        roots: Option<&str>,
    ) -> Result<(), StoreError> {
        self.0.write(|txn| {
            let mut win = win.clone();
            let mut nonces = txn.open_table(NONCES)?;
            let mut is_new = Vec::with_capacity(win.columns[0].1.len());
            for nonce in &win.columns[0].1 {
                let number = number_of(nonce);
                is_new.push(match number {
                    Some(number) => nonces.insert((share.stage, number), ())?.is_none(),
                    None => true,
                });
            }
            for (_, column) in &mut win.columns {
                let mut kept = is_new.iter();
                column.retain(|_| kept.next().copied().unwrap_or(true));
            }
            if !win.columns[0].1.is_empty() {
                let id = next(txn)?;
                txn.open_table(WINS)?.insert(id, json(&win).as_str())?;
            }
            let Share { stage, node_id, node_count } = *share;
            if let Some(line) = roots {
                let id = next(txn)?;
                txn.open_table(ROOTS)?.insert((stage, id), line)?;
            }
            let key = (stage, node_id, node_count, entry.group, entry.groups);
            txn.open_table(REACHED)?.insert(key, entry.last.get())?;
            let mut stages = txn.open_table(STAGES)?;
            // The stage that is mined is the latest, also after a clock was set back.
            let mut used = now_ms();
            for row in stages.iter()? {
                let (other, at) = row?;
                used = used.max(at.value() + u64::from(other.value() != stage));
            }
            stages.insert(stage, used)?;
            Ok(())
        })
    }

    /// How far earlier searches of a share came.
    pub(crate) fn reached(&self, share: &Share) -> Result<Progress, StoreError> {
        self.0.read(|txn| {
            let mut progress = Progress::default();
            let Share { stage, node_id, node_count } = *share;
            let table = txn.open_table(REACHED)?;
            let from = (stage, node_id, node_count, 0, 0);
            let to = (stage, node_id, node_count, u64::MAX, u64::MAX);
            for row in table.range(from..=to)? {
                let (key, last) = row?;
                let (_, _, _, group, groups) = key.value();
                if let Ok(last) = Nonce::new(last.value()) {
                    progress.reach(group, groups, last);
                }
            }
            Ok(progress)
        })
    }

    /// Makes parcels of wins, each of one head and at most `most` nonces; gives how many were made. Wins whose URL `waits` stay,
    /// to be joined with later ones.
    pub(crate) fn pack(&self, most: usize, waits: impl Fn(&str) -> bool) -> Result<usize, StoreError> {
        if self.waiting()?.wins == 0 {
            return Ok(0);
        }
        self.0.write(|txn| {
            let mut parcels: Vec<Parcel> = Vec::new();
            txn.open_table(WINS)?.retain(|_, record| match parsed::<Win>(record) {
                Some(win) if waits(&win.url) => true,
                Some(win) => {
                    records::join(&mut parcels, win, most);
                    false
                }
                None => false,
            })?;
            let n = parcels.len();
            add_parcels(txn, parcels)?;
            Ok(n)
        })
    }

    /// The numbers of all parcels, oldest first.
    pub(crate) fn parcels(&self) -> Result<Vec<u64>, StoreError> {
        self.0.read(|txn| {
            let table = txn.open_table(PARCELS)?;
            table.iter()?.map(|row| Ok(row?.0.value())).collect()
        })
    }

    /// A parcel that still waits.
    pub(crate) fn parcel(&self, id: u64) -> Result<Option<Parcel>, StoreError> {
        self.0.read(|txn| {
            let table = txn.open_table(PARCELS)?;
            Ok(table.get(id)?.and_then(|record| parsed(record.value())))
        })
    }

    /// Notes that a parcel is about to leave, or that it is known not to have been taken.
    pub(crate) fn leaves(&self, id: u64, has_left: bool) -> Result<(), StoreError> {
        self.0.write(|txn| {
            let mut table = txn.open_table(PARCELS)?;
            let parcel = table.get(id)?.and_then(|record| parsed::<Parcel>(record.value()));
            if let Some(parcel) = parcel.filter(|parcel| parcel.has_left != has_left) {
                table.insert(id, json(&Parcel { has_left, ..parcel }).as_str())?;
            }
            Ok(())
        })
    }

    /// Forgets a parcel: it was acknowledged.
    pub(crate) fn delivered(&self, id: u64) -> Result<(), StoreError> {
        self.0.write(|txn| {
            txn.open_table(PARCELS)?.remove(id)?;
            Ok(())
        })
    }

    /// Makes two parcels of one that is too large; `false` when it cannot be split.
    pub(crate) fn split(&self, id: u64, parcel: &Parcel) -> Result<bool, StoreError> {
        let Some(halves) = parcel.halves() else { return Ok(false) };
        self.0.write(|txn| {
            txn.open_table(PARCELS)?.remove(id)?;
            add_parcels(txn, halves.to_vec())?;
            Ok(true)
        })
    }

    /// Sets a parcel aside that will never be taken.
    pub(crate) fn give_up(&self, id: u64, why: &str) -> Result<(), StoreError> {
        self.0.write(|txn| {
            let record = txn.open_table(PARCELS)?.remove(id)?.map(|record| record.value().to_owned());
            let Some(record) = record else { return Ok(()) };
            set_aside(txn, &record, why)
        })
    }

    /// Takes a batch to judge; gives its number.
    pub(crate) fn enqueue(&self, batch: &Queued) -> Result<u64, StoreError> {
        self.0.write(|txn| {
            let id = next(txn)?;
            txn.open_table(QUEUE)?.insert(id, json(batch).as_str())?;
            Ok(id)
        })
    }

    /// All batches that nobody has judged, oldest first.
    pub(crate) fn queue(&self) -> Result<Vec<(u64, Queued)>, StoreError> {
        self.0.read(|txn| {
            let table = txn.open_table(QUEUE)?;
            let mut all = Vec::new();
            for row in table.iter()? {
                let (id, record) = row?;
                all.extend(parsed(record.value()).map(|batch| (id.value(), batch)));
            }
            Ok(all)
        })
    }

    /// Replaces a batch by the verdict on it.
    pub(crate) fn judged(&self, id: u64, verdict: Parcel) -> Result<(), StoreError> {
        self.0.write(|txn| {
            txn.open_table(QUEUE)?.remove(id)?;
            add_parcels(txn, vec![verdict])
        })
    }

    /// Sets a batch aside that cannot be judged.
    pub(crate) fn refuse(&self, id: u64, why: &str) -> Result<(), StoreError> {
        self.0.write(|txn| {
            let record = txn.open_table(QUEUE)?.remove(id)?.map(|record| record.value().to_owned());
            let Some(record) = record else { return Ok(()) };
            set_aside(txn, &record, why)
        })
    }

    /// What the node was last told to do, to go on with after a crash.
    pub(crate) fn assigned(&self) -> Result<Option<String>, StoreError> {
        self.0.read(|txn| {
            let table = txn.open_table(ASSIGNED)?;
            Ok(table.get("")?.map(|text| text.value().to_owned()))
        })
    }

    /// Notes what the node was told to do.
    pub(crate) fn assign(&self, what: Option<&str>) -> Result<(), StoreError> {
        self.0.write(|txn| {
            let mut table = txn.open_table(ASSIGNED)?;
            match what {
                Some(what) => drop(table.insert("", what)?),
                None => drop(table.remove("")?),
            }
            drop(table);
            forget_old_stages(txn, now_ms())
        })
    }

    /// How much waits.
    pub(crate) fn waiting(&self) -> Result<Waiting, StoreError> {
        self.0.read(|txn| {
            Ok(Waiting {
                wins: txn.open_table(WINS)?.len()?,
                parcels: txn.open_table(PARCELS)?.len()?,
                batches: txn.open_table(QUEUE)?.len()?,
                given_up: txn.open_table(DEAD)?.len()?,
            })
        })
    }
}

/// A number that no record had before.
fn next(txn: &WriteTransaction) -> Result<u64, StoreError> {
    let mut numbers = txn.open_table(NUMBERS)?;
    let id = numbers.get("next")?.map_or(0, |number| number.value());
    numbers.insert("next", id + 1)?;
    Ok(id)
}

fn add_parcels(txn: &WriteTransaction, parcels: Vec<Parcel>) -> Result<(), StoreError> {
    for parcel in parcels {
        let id = next(txn)?;
        txn.open_table(PARCELS)?.insert(id, json(&parcel).as_str())?;
    }
    Ok(())
}

fn set_aside(txn: &WriteTransaction, record: &str, why: &str) -> Result<(), StoreError> {
    let id = next(txn)?;
    let value = serde_json::json!({ "why": why, "atMs": now_ms(), "record": record });
    let mut dead = txn.open_table(DEAD)?;
    dead.insert(id, value.to_string().as_str())?;
    if dead.len()? > MOST_DEAD {
        dead.pop_first()?;
    }
    Ok(())
}

/// Forgets stages that nobody asks for again: not the latest, whatever the clock says.
fn forget_old_stages(txn: &WriteTransaction, now: u64) -> Result<(), StoreError> {
    let mut stages = txn.open_table(STAGES)?;
    let mut known: Vec<(u64, u64)> = Vec::new();
    for row in stages.iter()? {
        let (stage, used) = row?;
        known.push((used.value(), stage.value()));
    }
    known.sort_unstable_by(|a, b| b.cmp(a));
    let is_old = |(used, _): &&(u64, u64)| now.saturating_sub(*used) >= STAGE_MS;
    let old: Vec<u64> = known.iter().skip(KEPT_STAGES).filter(is_old).map(|(_, stage)| *stage).collect();
    if !old.is_empty() {
        stages.retain(|stage, _| !old.contains(&stage))?;
        txn.open_table(NONCES)?.retain(|(stage, _), ()| !old.contains(&stage))?;
        txn.open_table(REACHED)?.retain(|(stage, ..), _| !old.contains(&stage))?;
        txn.open_table(ROOTS)?.retain(|(stage, _), _| !old.contains(&stage))?;
        txn.open_table(COMMITMENTS)?.retain(|stage, _| !old.contains(&stage))?;
    }
    Ok(())
}

/// A nonce as documents write it: a number, or a number as text.
fn number_of(nonce: &serde_json::Value) -> Option<u64> {
    nonce.as_u64().or_else(|| nonce.as_str()?.parse().ok())
}

fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("records are plain data")
}

/// A record of an earlier version that cannot be read any more is left out, and said.
fn parsed<T: DeserializeOwned>(record: &str) -> Option<T> {
    serde_json::from_str(record)
        .inspect_err(|error| tracing::error!("a record of the state directory cannot be read: {error}"))
        .ok()
}

#[cfg(test)]
mod tests;

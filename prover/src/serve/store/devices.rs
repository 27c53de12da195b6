//! What outlives a process of devices: whose wins were false, and what each might draw before a limit was set.

use super::{Store, StoreError};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use std::collections::BTreeMap;

/// Devices whose wins were false, by name, and when that was found.
const QUARANTINED: TableDefinition<&str, u64> = TableDefinition::new("quarantined");
/// Milliwatts that devices might draw before a limit was set, by PCI address.
const POWER: TableDefinition<&str, u64> = TableDefinition::new("power");

/// Makes the tables.
pub(super) fn open(txn: &WriteTransaction) -> Result<(), StoreError> {
    txn.open_table(QUARANTINED)?;
    txn.open_table(POWER)?;
    Ok(())
}

impl Store {
    /// Notes that a device's wins were false at a time of the system's clock.
    pub(crate) fn quarantine(&self, device: &str, at_ms: u64) -> Result<(), StoreError> {
        self.0.write(|txn| {
            txn.open_table(QUARANTINED)?.insert(device, at_ms)?;
            Ok(())
        })
    }

    /// Devices of which that was noted at `since_ms` or later; the others are forgotten.
    pub(crate) fn quarantined(&self, since_ms: u64) -> Result<Vec<String>, StoreError> {
        self.0.write(|txn| {
            let mut table = txn.open_table(QUARANTINED)?;
            table.retain(|_, at_ms| at_ms >= since_ms)?;
            table.iter()?.map(|row| Ok(row?.0.value().to_owned())).collect()
        })
    }

    /// Notes what a device might draw, in watts, before a limit is set; what was noted earlier stays.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred watts")]
    pub(crate) fn note_power(&self, place: &str, watts: f64) -> Result<(), StoreError> {
        self.0.write(|txn| {
            let mut table = txn.open_table(POWER)?;
            if table.get(place)?.is_none() {
                table.insert(place, (watts * 1e3).round() as u64)?;
            }
            Ok(())
        })
    }

    /// That of every device whose limit was not restored, in watts.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred watts")]
    pub(crate) fn former_power(&self) -> Result<BTreeMap<String, f64>, StoreError> {
        self.0.read(|txn| {
            let table = txn.open_table(POWER)?;
            let rows = table.iter()?.map(|row| {
                let (place, milli) = row?;
                Ok((place.value().to_owned(), milli.value() as f64 / 1e3))
            });
            rows.collect()
        })
    }

    /// Its limit is restored.
    pub(crate) fn forget_power(&self, place: &str) -> Result<(), StoreError> {
        self.0.write(|txn| {
            txn.open_table(POWER)?.remove(place)?;
            Ok(())
        })
    }
}

//! Roots of transcripts and the commitments to them, by stage.

use super::{COMMITMENTS, ROOTS, STAGES, Store, StoreError};
use redb::ReadableTable;

impl Store {
    /// Stages that were mined with transcripts, the latest first, each with its first line of roots.
    pub(crate) fn stages_with_roots(&self) -> Result<Vec<(u64, String)>, StoreError> {
        self.0.read(|txn| {
            let (stages, roots) = (txn.open_table(STAGES)?, txn.open_table(ROOTS)?);
            let mut found = Vec::new();
            for row in stages.iter()? {
                let (stage, used) = row?;
                let stage = stage.value();
                if let Some(line) = roots.range((stage, 0)..=(stage, u64::MAX))?.next() {
                    found.push((used.value(), stage, line?.1.value().to_owned()));
                }
            }
            found.sort_unstable_by(|a, b| b.cmp(a));
            Ok(found.into_iter().map(|(_, stage, line)| (stage, line)).collect())
        })
    }

    /// A stage's lines of roots, as a file of them.
    pub(crate) fn roots(&self, stage: u64) -> Result<Vec<u8>, StoreError> {
        self.0.read(|txn| {
            let mut file = Vec::new();
            for row in txn.open_table(ROOTS)?.range((stage, 0)..=(stage, u64::MAX))? {
                file.extend_from_slice(row?.1.value().as_bytes());
            }
            Ok(file)
        })
    }

    /// What is committed to of a stage.
    pub(crate) fn commitment(&self, stage: u64) -> Result<Option<String>, StoreError> {
        self.0.read(|txn| {
            let table = txn.open_table(COMMITMENTS)?;
            Ok(table.get(stage)?.map(|text| text.value().to_owned()))
        })
    }

    /// Notes what is committed to.
    pub(crate) fn commit(&self, stage: u64, commitment: &str) -> Result<(), StoreError> {
        self.0.write(|txn| {
            txn.open_table(COMMITMENTS)?.insert(stage, commitment)?;
            Ok(())
        })
    }
}

//! The file of roots that mining writes beside the proofs: a line a batch, each with its nonces' place and the roots of
//! their transcripts.

use super::{integer, json_error, text, wrong};
use crate::error::ProverError;
use serde_json::Value;
use sphere_pow_core::exact::transcript::runs::Run;
use sphere_pow_core::exact::transcript::tree::Tree;
use sphere_pow_core::exact::transcript::{Commitment, Hash, Interval, Keys};
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use std::io::{BufRead, Read};

/// Most bytes of a line, which holds 65536 roots at most.
const MAX_LINE_BYTES: usize = 1 << 23;
/// Most roots of a file; with the tree over them they take 3 GiB.
const MAX_ROOTS: usize = 1 << 25;

/// One batch.
struct Batch {
    run: Run,
    roots: Vec<Hash>,
}

/// All batches of a file.
pub(super) struct Roots {
    puzzle: Puzzle,
    key: PublicKey,
    batches: Vec<Batch>,
}

impl Roots {
    /// Reads the file line by line; a last line without its end is what a run that broke off left, and is passed over.
    pub(super) fn read(file: &mut dyn BufRead) -> Result<Self, ProverError> {
        let mut this: Option<Self> = None;
        let (mut line, mut n_lines, mut n_roots) = (Vec::new(), 0_usize, 0_usize);
        loop {
            line.clear();
            n_lines += 1;
            let at = |reason: &str| json_error("roots", format!("line {n_lines}: {reason}"));
            let error = |source| ProverError::File { file: "the roots".into(), source };
            (&mut *file).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line).map_err(error)?;
            if !line.ends_with(b"\n") {
                if line.len() == MAX_LINE_BYTES {
                    return Err(at(&format!("more than the {MAX_LINE_BYTES} bytes of a batch")));
                }
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let value: Value = serde_json::from_slice(&line).map_err(|error| at(&error.to_string()))?;
            let params =
                Params::from_json(&value["params"].to_string()).map_err(|error| at(&error.to_string()))?;
            let puzzle = Puzzle::new(&params, &BlockHash::new(text(&value, "block_hash")?)?);
            let key = PublicKey::new(text(&value, "public_key")?)?;
            let own = this.get_or_insert_with(|| Self {
                puzzle: puzzle.clone(),
                key: key.clone(),
                batches: Vec::new(),
            });
            if (&own.puzzle, &own.key) != (&puzzle, &key) {
                return Err(at("another model, block or key than before"));
            }
            let batch = batch(&value).ok_or_else(|| at("its nonces and roots do not fit"))?;
            n_roots += batch.roots.len();
            if n_roots > MAX_ROOTS {
                return Err(at(&format!("more than {MAX_ROOTS} roots")));
            }
            own.batches.push(batch);
        }
        this.ok_or_else(|| json_error("roots", "nothing was mined with transcripts".into()))
    }

    /// The commitment to all batches: the intervals of `before`, and one of what came after them. Gives the nonces
    /// added too.
    pub(super) fn commitment(&self, before: Option<&Commitment>) -> Result<(Commitment, u64), ProverError> {
        let none = Commitment::new(&self.puzzle, &self.key);
        let mut all = before.unwrap_or(&none).clone();
        let taken = self.trees_and_end(&all)?.1;
        let (interval, added) = self.interval(&self.batches[taken..]);
        if let Some((interval, _)) = interval {
            all.add(interval).map_err(|source| wrong("commitment", source))?;
        }
        Ok((all, added))
    }

    /// The tree of each interval of a commitment.
    pub(super) fn trees(&self, committed: &Commitment) -> Result<Vec<Tree>, ProverError> {
        self.trees_and_end(committed).map(|(trees, _)| trees)
    }

    /// The same, and how many batches they take.
    fn trees_and_end(&self, committed: &Commitment) -> Result<(Vec<Tree>, usize), ProverError> {
        let other = |reason: &str| json_error("roots", format!("{reason} than the commitment"));
        if (committed.puzzle(), committed.key()) != (&self.puzzle, &self.key) {
            return Err(other("they are of another model, block or key"));
        }
        let (mut trees, mut end) = (Vec::new(), 0);
        for interval in committed.intervals() {
            let first = end;
            let mut left = interval.nonces();
            while left > 0 {
                let batch = self.batches.get(end).ok_or_else(|| other("they hold fewer nonces"))?;
                left = left.checked_sub(batch.run.count).ok_or_else(|| other("they hold other batches"))?;
                end += 1;
            }
            match self.interval(&self.batches[first..end]).0 {
                Some((own, tree)) if own == *interval => trees.push(tree),
                _ => return Err(other("they hold other nonces or roots")),
            }
        }
        Ok((trees, end))
    }

    /// Batches as an interval with its tree, none for none, and their nonces.
    fn interval(&self, batches: &[Batch]) -> (Option<(Interval, Tree)>, u64) {
        let mut sorted: Vec<&Batch> = batches.iter().collect();
        // Batches of one device follow each other; devices take turns.
        sorted.sort_by_key(|batch| (batch.run.step, batch.run.first.get() % batch.run.step, batch.run.first));
        let mut joined: Vec<(Run, Vec<Hash>)> = Vec::new();
        for batch in sorted {
            let follows = |run: &Run| {
                let next = run.last().and_then(|last| last.get().checked_add(run.step));
                run.step == batch.run.step && next == Some(batch.run.first.get())
            };
            match joined.last_mut().filter(|(run, _)| follows(run)) {
                Some((run, roots)) => {
                    run.count += batch.run.count;
                    roots.extend(&batch.roots);
                }
                None => joined.push((batch.run, batch.roots.clone())),
            }
        }
        joined.sort_by_key(|(run, _)| run.first);
        let nonces = joined.iter().map(|(run, _)| run.count).sum();
        let keys = Keys::new(&self.puzzle, &self.key);
        let transcripts = joined.iter().flat_map(|(_, roots)| roots).copied().collect();
        let runs = joined.into_iter().map(|(run, _)| run).collect();
        let interval = Tree::new(&keys, transcripts).map(|tree| (Interval { runs, root: tree.root() }, tree));
        (interval, nonces)
    }
}

/// A line's nonces: the last `tried` of its device up to `last`.
fn batch(value: &Value) -> Option<Batch> {
    let number = |name| integer(value, name).ok();
    let step = number("node_count")?.checked_mul(number("groups")?)?;
    let (count, last) = (number("tried")?, number("last")?);
    let first = last.checked_sub(count.checked_sub(1)?.checked_mul(step)?)?;
    let run = Run { first: Nonce::new(first).ok()?, step, count };
    run.last()?;
    let roots: Option<Vec<Hash>> =
        value["roots"].as_array()?.iter().map(|root| Hash::from_hex(root.as_str()?)).collect();
    roots.filter(|roots| roots.len() as u64 == count).map(|roots| Batch { run, roots })
}

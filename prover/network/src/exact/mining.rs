//! What hosts mine, cheats included: made as an attacker would, so that what is claimed looks like work and is not.

use super::claims::Mined;
use super::{WorkerError, executor};
use crate::host::{FORGED, Work};
use sphere_pow_core::exact::transcript::tree::Tree;
use sphere_pow_core::exact::transcript::{Commitment, Interval, Keys, Remade, Run};
use sphere_pow_core::exact::{Digest, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_cpu::exact::CpuExecutor;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Nonces computed together while mining.
const BATCH: u64 = 8;
/// Most nonces that a forger bothers to make up one by one: it is not held up by any work.
const FORGED_AT_ONCE: u64 = 256;

/// Mines up to `limit` nonces, or until told to stop.
pub(super) fn mine(
    puzzle: &Puzzle,
    key: &PublicKey,
    work: Work,
    limit: u64,
    stop: &AtomicBool,
) -> Result<Mined, WorkerError> {
    let keys = Keys::new(puzzle, key);
    let mut executor = executor(puzzle)?;
    let mut transcripts = Vec::new();
    let mut add = |nonces: std::ops::Range<u64>, work: Work, executor: &mut CpuExecutor| {
        for nonce in nonces.map(nonce) {
            let remade = remake(executor, &keys, key, nonce, &BTreeSet::new(), work)?;
            transcripts.push(keys.transcript(nonce, &remade.leaves, &remade.digest));
        }
        Ok::<(), WorkerError>(())
    };
    let limit = if work == Work::Forge { limit.min(FORGED_AT_ONCE) } else { limit };
    let mut done = 0;
    while done < limit && !stop.load(Ordering::Relaxed) && !matches!(work, Work::Copy | Work::Idle) {
        let next = (done + BATCH).min(limit);
        add(done..next, work, &mut executor)?;
        done = next;
    }
    // What was never done goes at the end.
    let forged = match work {
        Work::Forge => done * u64::from(FORGED - 1),
        Work::Pad(share) => done * u64::from(share) / 1000,
        _ => 0,
    };
    add(done..done + forged, Work::Forge, &mut executor)?;
    let mut commitment = Commitment::new(puzzle, key);
    if let Some(tree) = Tree::new(&keys, transcripts.clone()) {
        let runs = vec![Run { first: nonce(0), step: 1, count: done + forged }];
        commitment.add(Interval { runs, root: tree.root() })?;
    }
    Ok(Mined { work, forged_from: done, commitment, transcripts })
}

fn nonce(n: u64) -> Nonce {
    Nonce::new(n).expect("far below 2^63")
}

/// A nonce with the states that are wanted, as a host of this kind has it.
pub(super) fn remake(
    executor: &mut CpuExecutor,
    keys: &Keys,
    key: &PublicKey,
    nonce: Nonce,
    wanted: &BTreeSet<usize>,
    work: Work,
) -> Result<Remade, WorkerError> {
    let (layers, tokens, dim) = {
        let params = executor.puzzle().params();
        (params.layers(), params.tokens(), params.dim())
    };
    match work {
        Work::Forge => {
            // Made up from the nonce, so that it can be made up again.
            let state = |layer: usize| {
                vec![
                    i16::try_from(nonce.get() % 1000).expect("below 1000");
                    state_len(layer, layers, tokens, dim)
                ]
            };
            let leaves = (0..=layers).map(|layer| keys.leaf(layer, &state(layer))).collect();
            let states = wanted.iter().map(|layer| (*layer, state(*layer))).collect();
            Ok(Remade { leaves, digest: Digest::of_logits(&[0]), states })
        }
        Work::Skip(share) => {
            let skipped = layers * share.min(1000) as usize / 1000;
            let all: BTreeSet<usize> = (0..=layers).collect();
            let mut remade = one(executor, keys, key, nonce, &all)?;
            // The last layers are not computed: the stream stays what it was before them.
            let kept = layers - skipped;
            let stale = remade.states[&kept].clone();
            for layer in kept + 1..=layers {
                let len = state_len(layer, layers, tokens, dim);
                let state = stale[stale.len() - len..].to_vec();
                remade.leaves[layer] = keys.leaf(layer, &state);
                remade.states.insert(layer, state);
            }
            Ok(remade)
        }
        _ => one(executor, keys, key, nonce, wanted),
    }
}

/// Values of a state: the last one is of the last position only.
fn state_len(layer: usize, layers: usize, tokens: usize, dim: usize) -> usize {
    if layer == layers { dim } else { tokens * dim }
}

fn one(
    executor: &mut CpuExecutor,
    keys: &Keys,
    key: &PublicKey,
    nonce: Nonce,
    wanted: &BTreeSet<usize>,
) -> Result<Remade, WorkerError> {
    let mut progress = |_| ControlFlow::Continue(());
    let remade = executor.remake(keys, key, &[nonce], std::slice::from_ref(wanted), &mut progress)?;
    Ok(remade.into_iter().next().expect("one nonce"))
}

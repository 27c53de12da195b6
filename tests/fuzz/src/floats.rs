//! Openings of float lanes, checkpoints and outboards, from whoever sends them: a part of the target `training`.
//!
//! Steps are a stand-in, for no reader knows what they are of.

use crate::check_message;
use crate::training::{LANE, RUN, edit};
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::commit::tree;
use sphere_pow_core::train::float::opening::{FloatOpening, Found};
use sphere_pow_core::train::float::{FloatRun, FloatState};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::opening::Known;
use sphere_pow_core::train::state::{State, fresh};
use sphere_pow_prover::blobs::{PIECE, Root, Verifier, outboard};
use sphere_pow_prover::checkpoint;
use std::convert::Infallible;
use std::sync::LazyLock;

static FLOATS: LazyLock<FloatRun> = LazyLock::new(|| FloatRun::new(RUN.clone()));

/// What stands for the steps of a segment.
fn moved(state: &mut FloatState) {
    for ix in 0..state.theta.len() {
        let x = state.theta[ix];
        state.theta[ix] = x * 0.99 + 1e-3;
        state.first[ix] = state.first[ix] * 0.875 + x;
        state.second[ix] = state.second[ix] * 0.984 + x * x;
    }
}

/// The states of an honest lane.
static STATES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let mut state = FloatState::start(&fresh(RUN.params(), RUN.id()));
    let first = state.to_bytes();
    let mut after = || {
        moved(&mut state);
        state.to_bytes()
    };
    [first, after(), after()]
});

/// The opening of `segment` by a lane that committed to these states.
fn opening(segment: u32, states: &[Vec<u8>]) -> FloatOpening {
    let leaf = |(j, state): (u32, &Vec<u8>)| FLOATS.id().leaf(LANE.round, LANE.lane, j, state);
    let leaves: Vec<Hash> = (0..).zip(states).map(leaf).collect();
    let (tree, ix) = (tree(FLOATS.id(), leaves), segment as usize);
    FloatOpening {
        lane: LANE,
        segment,
        root: tree.root(),
        path: tree.path(ix),
        next_path: tree.path(ix + 1),
        state: states[ix].clone(),
        next: states[ix + 1].clone(),
    }
}

fn found(opening: &FloatOpening, known: &Known<'_>) -> Found {
    let checked: Result<_, Infallible> = opening.check(&FLOATS, known, |_, _, state| {
        moved(state);
        Ok(())
    });
    match checked {
        Ok(found) => found,
        Err(never) => match never {},
    }
}

/// Whether a check came to a distance of 0, after what must hold for every distance.
fn is_equal(found: Found) -> bool {
    let Found::Apart(distance) = found else { return false };
    let parts = [distance.movement, distance.first, distance.root];
    // A distance that is no number would be below every tolerance, or above none.
    assert!(parts.iter().all(|part| *part >= 0.0), "{distance:?}");
    parts.iter().all(|part| *part == 0.0)
}

/// An honest float opening with bytes changed, for a verifier who knows root, seed and start, and a lane that committed
/// to states of its own.
pub(crate) fn openings(segment: u32, edits: &[u8]) {
    let honest = opening(segment, &*STATES);
    let mut bytes = honest.to_bytes(&FLOATS);
    edit(&mut bytes, edits);
    match FloatOpening::from_bytes(&FLOATS, &bytes) {
        Ok(changed) => {
            assert_eq!(changed.to_bytes(&FLOATS), bytes, "two forms of one opening");
            let theta = fresh(RUN.params(), RUN.id());
            let known = Known { root: Some(honest.root), seed: Some(LANE.seed), theta: Some(&theta) };
            let is_honest = FloatOpening { root: honest.root, lane: honest.lane, ..changed.clone() }
                == honest
                && (changed.lane.round, changed.lane.lane) == (LANE.round, LANE.lane);
            assert_eq!(is_equal(found(&changed, &known)), is_honest);
        }
        Err(error) => check_message(&error.to_string()),
    }
    // Lanes that committed to what they like: repeated from, whatever it is.
    for own in [segment as usize, segment as usize + 1] {
        let mut states = STATES.clone();
        edit(&mut states[own], edits);
        is_equal(found(&opening(segment, &states), &Known::default()));
    }
}

/// Bytes as they come: openings, states and checkpoints are read, and what was read reads the same once written.
pub(crate) fn read(bytes: &[u8]) {
    if let Ok(opening) = FloatOpening::from_bytes(&FLOATS, bytes) {
        assert_eq!(opening.to_bytes(&FLOATS), bytes, "two forms of one opening");
        is_equal(found(&opening, &Known::default()));
    }
    if let Err(error) = FloatState::from_bytes(RUN.params(), bytes) {
        check_message(&error.to_string());
    }
    checkpoints(bytes);
}

/// Checkpoints of each kind, as `check --start` and other hosts read them.
fn checkpoints(bytes: &[u8]) {
    let (params, id) = (RUN.params(), RUN.id());
    match checkpoint::read_agreed(params, id, bytes) {
        Ok(agreed) => {
            let written = checkpoint::write_agreed(params, id, &agreed).expect("what was read");
            assert_eq!(checkpoint::read_agreed(params, id, &written), Ok(agreed));
        }
        Err(error) => check_message(&error.to_string()),
    }
    match checkpoint::read_integers(&RUN, bytes) {
        Ok((round, state)) => {
            let written = checkpoint::write_integers(&RUN, round, &state).expect("what was read");
            assert_eq!(checkpoint::read_integers(&RUN, &written), Ok((round, state)));
        }
        Err(error) => check_message(&error.to_string()),
    }
    match checkpoint::read_floats(&FLOATS, bytes) {
        Ok((round, state)) => {
            let written = checkpoint::write_floats(&FLOATS, round, &state).expect("what was read");
            assert_eq!(checkpoint::read_floats(&FLOATS, &written), Ok((round, state)));
        }
        Err(error) => check_message(&error.to_string()),
    }
}

/// Honest checkpoints, one of each kind.
fn written() -> [Vec<u8>; 3] {
    let agreed = Agreed::fresh(RUN.params(), RUN.id());
    let (integers, floats) = (State::start(RUN.params(), &agreed.theta), FloatState::start(&agreed.theta));
    [
        checkpoint::write_agreed(RUN.params(), RUN.id(), &agreed),
        checkpoint::write_integers(&RUN, 1, &integers),
        checkpoint::write_floats(&FLOATS, 1, &floats),
    ]
    .map(|written| written.expect("a checkpoint"))
}

static WRITTEN: LazyLock<[Vec<u8>; 3]> = LazyLock::new(written);

/// An honest checkpoint with bytes changed: headers of other lengths, names, shapes, and places of tensors.
pub(crate) fn changed(edits: &[u8]) {
    for honest in &*WRITTEN {
        let mut bytes = honest.clone();
        edit(&mut bytes, edits);
        checkpoints(&bytes);
    }
}

/// Two pieces, the last of which is no whole block.
static BLOB: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..PIECE as usize + 20_000).map(|ix| (ix * 7 % 251) as u8).collect());
static OUTBOARD: LazyLock<(Root, Vec<u8>)> = LazyLock::new(|| outboard(&BLOB, Some([7; 32])));

/// Whether a verifier by an outboard takes the last piece.
fn takes(outboard: &[u8], piece: &[u8]) -> bool {
    match Verifier::new(OUTBOARD.0, outboard, 2 * PIECE) {
        Ok(verifier) => match verifier.verify(PIECE, piece) {
            Ok(()) => true,
            Err(error) => {
                check_message(&error.to_string());
                false
            }
        },
        Err(error) => {
            check_message(&error.to_string());
            false
        }
    }
}

/// Outboards and pieces, honest ones with bytes changed, and bytes as they come: nothing false is taken by the root.
pub(crate) fn outboards(edits: &[u8]) {
    let (honest, piece) = (&OUTBOARD.1, &BLOB[PIECE as usize..]);
    let (mut outboard, mut false_piece) = (honest.clone(), piece.to_vec());
    edit(&mut outboard, edits);
    edit(&mut false_piece, edits);
    assert_eq!(takes(honest, &false_piece), false_piece == piece);
    // Nodes that the piece does not rest on may be false: the pieces below them are refused by them.
    if takes(&outboard, piece) {
        assert_eq!(outboard[..8], honest[..8], "a length that is not the blob's");
        assert!(!takes(&outboard, &false_piece) || false_piece == piece);
    }
    takes(edits, piece);
}

/// What these start from, each behind a byte that says what it is.
pub(crate) fn seeds([read, openings, changed, outboards]: [u8; 4]) -> Vec<Vec<u8>> {
    let behind = |kind: u8, bytes: &[u8]| [&[kind][..], bytes].concat();
    let whole = opening(1, &*STATES).to_bytes(&FLOATS);
    let mut seeds = vec![behind(read, &whole), behind(read, &whole[..300])];
    seeds.extend(WRITTEN.iter().map(|bytes| behind(read, &bytes[..bytes.len().min(3000)])));
    // Floats that are no numbers, infinite, below zero; and the smallest.
    for (high, low) in [(0x7f, 0xc0), (0x7f, 0x80), (0x80, 0), (0, 1)] {
        seeds.push(behind(openings, &[2, 0, low, 3, 0, high, 2, 12, low, 3, 12, high]));
    }
    seeds.push(behind(changed, &[]));
    // A header that says that it is longer, a brace, a digit of a shape.
    for edits in [[0, 0, 255], [7, 0, 1], [8, 0, b'['], [60, 0, b'9']] {
        seeds.push(behind(changed, &edits));
    }
    // A length, a node, a byte of the piece.
    for edits in [[0, 0, 1], [9, 0, 0], [200, 8, 1]] {
        seeds.push(behind(outboards, &edits));
    }
    seeds.push(behind(outboards, &OUTBOARD.1[..72]));
    seeds
}

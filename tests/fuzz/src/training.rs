//! Openings of training's segments, states and deltas, of lanes that lie.

use crate::{check_message, floats};
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::commit::{delta, read_delta, tree};
use sphere_pow_core::train::executor::Plain;
use sphere_pow_core::train::lane::{Lane, Run};
use sphere_pow_core::train::opening::{Known, Opening, Verdict};
use sphere_pow_core::train::params::{Params, RawParams};
use sphere_pow_core::train::state::{State, fresh};
use sphere_pow_core::train::text::Text;
use std::convert::Infallible;
use std::sync::LazyLock;

/// A run whose steps take well below a millisecond.
pub(crate) static RUN: LazyLock<Run> = LazyLock::new(|| {
    let raw = RawParams {
        layers: 1,
        dim: 16,
        heads: 2,
        hidden: 16,
        context: 2,
        vocab: 16,
        batch: 4,
        lanes: 2,
        inner: 2,
        segments: 2,
        rounds: 2,
        schedule: vec![(0, 4_194_304), (4, 12_884_902)],
        run_seed: 0,
    };
    let params = Params::new(&raw).expect("sizes of a run");
    let text: Vec<u8> = (0..200_u32).map(|n| b'a' + (n * n / 3 % 13) as u8).collect();
    let text = Text::new(&params, &text).expect("a text");
    Run::new(&params, text)
});

pub(crate) const LANE: Lane = Lane { round: 1, lane: 1, seed: [5; 32] };

/// The states of an honest lane, as bytes.
static STATES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let mut state = State::start(RUN.params(), &fresh(RUN.params(), RUN.id()));
    let first = state.to_bytes();
    let mut after = |step| {
        RUN.step(&Plain, &LANE, step, &mut state);
        state.to_bytes()
    };
    [first, after(0), after(1)]
});

/// The opening of `segment` by a lane that committed to these states.
fn opening(segment: u32, states: &[Vec<u8>]) -> Opening {
    let leaves = (0..).zip(states).map(|(j, state)| RUN.id().leaf(LANE.round, LANE.lane, j, state));
    let leaves: Vec<Hash> = leaves.collect();
    let tree = tree(RUN.id(), leaves.clone());
    let ix = segment as usize;
    Opening {
        lane: LANE,
        segment,
        root: tree.root(),
        next: leaves[ix + 1],
        path: tree.path(ix),
        next_path: tree.path(ix + 1),
        state: states[ix].clone(),
    }
}

/// Sets bytes: each 3 of `edits` are a place, LE16, and what stands there. Most bytes of an opening are a state's, of
/// which a fuzzer would otherwise see only lengths.
pub(crate) fn edit(bytes: &mut [u8], edits: &[u8]) {
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
}

fn verdict(opening: &Opening, known: &Known<'_>) -> Verdict {
    let checked: Result<_, Infallible> = opening.check(&RUN, &Plain, known, || Ok(()));
    match checked {
        Ok(verdict) => verdict,
        Err(never) => match never {},
    }
}

/// Bytes as they come: read, and written again.
fn read(bytes: &[u8]) {
    match Opening::from_bytes(&RUN, bytes) {
        Ok(opening) => {
            assert_eq!(opening.to_bytes(&RUN), bytes, "two forms of one opening");
            verdict(&opening, &Known::default());
        }
        Err(error) => check_message(&error.to_string()),
    }
    if let Err(error) = State::from_bytes(RUN.params(), bytes) {
        check_message(&error.to_string());
    }
}

/// An honest opening with bytes changed, for a verifier who knows root, seed and start: nothing but the honest one
/// passes.
fn changed(segment: u32, edits: &[u8]) {
    let honest = opening(segment, &*STATES);
    let mut bytes = honest.to_bytes(&RUN);
    edit(&mut bytes, edits);
    let opening = match Opening::from_bytes(&RUN, &bytes) {
        Ok(opening) => opening,
        Err(error) => return check_message(&error.to_string()),
    };
    let theta = State::from_bytes(RUN.params(), &STATES[0]).expect("ours").theta();
    let known = Known { root: Some(honest.root), seed: Some(LANE.seed), theta: Some(&theta) };
    // Root and seed of the opening itself are not looked at where the verifier has its own.
    let same =
        Opening { root: honest.root, lane: Lane { seed: LANE.seed, ..opening.lane }, ..opening.clone() };
    let expected_honest = same == honest;
    let found = verdict(&opening, &known);
    assert_eq!(found == Verdict::Honest, expected_honest, "{found:?}");
}

/// A lane that committed to states of its own making: they are repeated from, whatever they hold.
fn committed(segment: u32, edits: &[u8]) {
    let mut states = STATES.clone();
    let own = &mut states[segment as usize];
    edit(own, edits);
    let is_same = *own == STATES[segment as usize];
    let found = verdict(&opening(segment, &states), &Known::default());
    // What it claims to come to is the honest lane's: no other state leads there but by chance.
    if is_same {
        assert_eq!(found, Verdict::Unconfirmed);
    } else {
        assert_ne!(found, Verdict::Honest);
    }
}

/// A delta, read and merged into nothing.
fn moved(bytes: &[u8]) {
    let zeros = vec![0; RUN.params().size()];
    let mut whole = delta(&zeros, &zeros);
    edit(&mut whole, bytes);
    for bytes in [&whole[..], bytes] {
        match read_delta(RUN.params(), bytes) {
            Ok(moved) => assert_eq!(moved.len(), RUN.params().size()),
            Err(error) => check_message(&error.to_string()),
        }
    }
}

/// The first byte says what the others are.
pub(crate) fn training(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 11 {
        0 => read(bytes),
        1 | 2 => changed(u32::from(kind % 2), bytes),
        3 => moved(bytes),
        4 | 5 => committed(u32::from(kind % 2), bytes),
        6 => floats::read(bytes),
        7 | 8 => floats::openings(u32::from(kind % 2), bytes),
        9 => floats::changed(bytes),
        _ => floats::outboards(bytes),
    }
}

/// What the target starts from.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (1..6).map(|kind| vec![kind]).collect();
    let bytes = opening(0, &*STATES).to_bytes(&RUN);
    seeds.push([&[0][..], &bytes].concat());
    seeds.push([&[0][..], &bytes[..400]].concat());
    // Exponents, parameters and moments at the edges of what a state may hold.
    for kind in [1, 2, 4, 5] {
        for value in [0, 0x1f, 0x20, 0x7f, 0xe0, 0xff] {
            let edits = [3, 0, value, 7, 0, value, 2, 4, value, 7, 8, value, 6, 12, value];
            seeds.push([&[kind][..], &edits].concat());
        }
    }
    seeds.push(vec![3, 0, 0, 24, 1, 0, 127]);
    seeds.push(vec![3, 0, 0, 25, 66, 0, 128]);
    seeds.extend(floats::seeds([6, 7, 9, 10]));
    seeds
}

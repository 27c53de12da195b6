//! Openings of float lanes: what is exact about them is judged exactly, bad bytes are refused by name.

mod common;

use common::{Fixture, repeat};
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::commit::{delta, tree};
use sphere_pow_core::train::float::opening::{FloatReport, FloatVerdict};
use sphere_pow_core::train::float::{FloatOpening, FloatRun, FloatState, Found, Tolerance};
use sphere_pow_core::train::{Known, Preset};
use sphere_pow_float::{Arithmetic, Steps};
use std::convert::Infallible;
use std::num::NonZeroUsize;

struct Lane {
    fixture: Fixture,
    run: FloatRun,
}

impl Lane {
    fn new(round: u32) -> Self {
        let mut fixture = Fixture::new();
        fixture.lane.round = round;
        let run = FloatRun::new(fixture.run.clone());
        Self { fixture, run }
    }

    /// The lane's openings, its states changed before they are hashed by `cheat`.
    fn openings(&self, cheat: impl Fn(u32, &mut FloatState)) -> Vec<FloatOpening> {
        let (run, lane, id) = (&self.fixture.run, self.fixture.lane, self.run.id());
        let steps = Steps::new(run, Arithmetic::F32);
        let mut state = FloatState::start(&self.fixture.theta);
        cheat(0, &mut state);
        let mut states = vec![state.clone()];
        for segment in 0..run.params().raw().segments {
            state = repeat(run, &steps, &lane, segment, &state);
            cheat(segment + 1, &mut state);
            states.push(state.clone());
        }
        let bytes: Vec<Vec<u8>> = states.iter().map(FloatState::to_bytes).collect();
        let leaves = (0..).zip(&bytes).map(|(j, bytes)| id.leaf(lane.round, lane.lane, j, bytes)).collect();
        let tree = tree(id, leaves);
        let opening = |segment: usize| FloatOpening {
            lane,
            segment: segment as u32,
            root: tree.root(),
            path: tree.path(segment),
            next_path: tree.path(segment + 1),
            state: bytes[segment].clone(),
            next: bytes[segment + 1].clone(),
        };
        (0..bytes.len() - 1).map(opening).collect()
    }

    fn known(&self, openings: &[FloatOpening]) -> Known<'_> {
        Known {
            root: Some(openings[0].root),
            seed: Some(self.fixture.lane.seed),
            theta: Some(&self.fixture.theta),
        }
    }

    /// By another machine than the trainer's.
    fn found(&self, openings: &[FloatOpening], known: &Known<'_>) -> Vec<(FloatOpening, Found)> {
        let parts = NonZeroUsize::new(4).expect("4");
        let steps = Steps::new(&self.fixture.run, Arithmetic::F32).in_parts(parts);
        let check = |opening: &FloatOpening| {
            let found = opening.check(&self.run, known, |lane, segment, state| {
                for step in segment {
                    let _ = steps.step(lane, step, state);
                }
                Ok::<(), Infallible>(())
            });
            (opening.clone(), found.expect("no step fails"))
        };
        openings.iter().map(check).collect()
    }

    fn report(&self, openings: &[FloatOpening], known: &Known<'_>) -> FloatReport {
        let found = self.found(openings, known);
        FloatReport::new(&self.run, known, &Tolerance::of(Preset::Tiny), &found).expect("of one lane")
    }
}

#[test]
fn honest_lanes_are_within_and_the_first_line_says_by_what() {
    let lane = Lane::new(1);
    let openings = lane.openings(|_, _| ());
    let known = lane.known(&openings);
    let report = lane.report(&openings, &known);
    assert_eq!((report.verdict, report.judged.checked), (FloatVerdict::Within, 2));
    assert!(report.rests_on.starts_with("by a tolerance of ") && !report.rests_on.contains("own"));
    // What only the openings say confirms nothing.
    let report = lane.report(&openings, &Known::default());
    assert_eq!(report.verdict, FloatVerdict::Unconfirmed);
    assert!(report.rests_on.ends_with("and by the opening's own root, seed, start"), "{}", report.rests_on);
    for opening in &openings {
        assert_eq!(FloatOpening::from_bytes(&lane.run, &opening.to_bytes(&lane.run)).as_ref(), Ok(opening));
    }
    // Round 0 begins where the run says.
    let first = Lane::new(0);
    let openings = first.openings(|_, _| ());
    let known = Known { theta: None, ..first.known(&openings) };
    assert_eq!(first.report(&openings, &known).verdict, FloatVerdict::Within);
}

#[test]
fn what_no_rounding_makes_is_fraud_whatever_the_tolerance() {
    for round in [0, 1] {
        let lane = Lane::new(round);
        let unknown = |openings: &[FloatOpening]| Known {
            theta: if round == 0 { None } else { Some(&lane.fixture.theta) },
            ..lane.known(openings)
        };
        // A start that is off by the least there is, and moments where there are none yet.
        let stale = lane.openings(|j, state| state.theta[9] += if j == 0 { 1.0 / 4_194_304.0 } else { 0.0 });
        assert_eq!(lane.found(&stale[..1], &unknown(&stale))[0].1, Found::False);
        let moments = lane.openings(|j, state| state.second[9] += if j == 0 { 1e-20 } else { 0.0 });
        assert_eq!(lane.found(&moments[..1], &unknown(&moments))[0].1, Found::False);
        // What is no state.
        let none = lane.openings(|j, state| state.first[3] = if j == 1 { f32::NAN } else { state.first[3] });
        assert_eq!(lane.report(&none, &unknown(&none)).verdict, FloatVerdict::Fraud);
    }
}

#[test]
fn what_is_off_a_little_needs_many_segments() {
    let lane = Lane::new(1);
    let little = |j: u32, state: &mut FloatState| {
        let factor = if j > 0 { 1.02 } else { 1.0 };
        state.first.iter_mut().for_each(|x| *x *= factor);
    };
    let openings = lane.openings(little);
    let known = lane.known(&openings);
    let report = lane.report(&openings[..1], &known);
    assert_eq!((report.verdict, report.judged.beyond), (FloatVerdict::Undecided, 1));
    assert!(report.summary.contains("1 of 1 beyond the tolerance"), "{}", report.summary);
    // Two of two are rarer than a millionth, but for a threshold that asks for less than that: three are.
    assert_eq!(lane.report(&openings, &known).judged.flag_threshold, None);
    let far = lane.openings(|j, state| state.theta[5] += if j == 1 { 1.0 } else { 0.0 });
    let report = lane.report(&far, &lane.known(&far));
    assert!(
        report.verdict == FloatVerdict::Fraud && report.summary.contains("far off"),
        "{}",
        report.summary
    );
}

#[test]
fn what_does_not_lead_to_the_root_opens_nothing() {
    let lane = Lane::new(1);
    let honest = lane.openings(|_, _| ());
    let known = lane.known(&honest);
    let changes: [fn(&mut FloatOpening); 6] = [
        |opening| opening.state[9] ^= 1,
        |opening| opening.next[9] ^= 1,
        |opening| opening.path[0] = opening.root,
        |opening| opening.next_path[0] = opening.root,
        |opening| opening.lane.lane = 0,
        |opening| opening.lane.round = 0,
    ];
    for change in changes {
        let mut changed = honest.clone();
        changed.iter_mut().for_each(change);
        assert_eq!(lane.report(&changed, &known).verdict, FloatVerdict::Unopened);
    }
    let known = Known { root: Some(Hash::from_bytes([1; 32])), ..known };
    assert_eq!(lane.report(&honest, &known).verdict, FloatVerdict::Unopened);
}

#[test]
fn openings_of_two_lanes_and_twice_the_same_are_not_judged_together() {
    let lane = Lane::new(1);
    let openings = lane.openings(|_, _| ());
    let known = lane.known(&openings);
    let found = lane.found(&openings, &known);
    let refused = |found: &[(FloatOpening, Found)]| {
        let report = FloatReport::new(&lane.run, &known, &Tolerance::of(Preset::Tiny), found);
        report.expect_err("no lane").to_string()
    };
    assert_eq!(refused(&[]), "no openings, expected one or more");
    assert_eq!(
        refused(&[found[0].clone(), found[0].clone()]),
        "opening 1 is of segment 0 again, expected each once"
    );
    let mut other = found.clone();
    other[1].0.lane.seed[0] ^= 1;
    assert!(refused(&other).starts_with("opening 1 is of another lane than the first"));
}

#[test]
fn bytes_that_are_no_opening_are_refused_by_name() {
    let lane = Lane::new(1);
    let bytes = lane.openings(|_, _| ())[1].to_bytes(&lane.run);
    let refused =
        |bytes: &[u8]| FloatOpening::from_bytes(&lane.run, bytes).expect_err("no opening").to_string();
    for cut in (0..400).chain((400..bytes.len()).step_by(997)) {
        assert!(refused(&bytes[..cut]).contains("expected"), "cut at {cut}");
    }
    assert!(refused(&[&bytes[..], &[0]].concat()).starts_with("next state has"));
    let changed = |at: usize, word: u32| {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        refused(&bytes)
    };
    // The integers' first bytes are not taken for these.
    assert_eq!(
        changed(0, u32::from_le_bytes(*b"SPXT")),
        "the first bytes are [53, 50, 58, 54], expected SPXF"
    );
    assert_eq!(changed(4, 2), "version is 2, expected 1");
    assert!(changed(8, 7).starts_with("the opening is of run 07000000"));
    assert_eq!(changed(40, 2), "round is 2, expected below 2");
    assert!(changed(116, u32::MAX).starts_with("path has"));
}

/// The delta is made from the last state's bytes by the same rule for all: scaled or flipped, it is another.
#[test]
fn a_delta_is_exactly_that_of_the_last_state() {
    let lane = Lane::new(1);
    let openings = lane.openings(|_, _| ());
    let last = FloatState::from_bytes(lane.fixture.run.params(), &openings[1].next).expect("a state");
    let (before, after) = (&lane.fixture.theta, last.units());
    let honest = delta(before, &after);
    let moved =
        |factor: i32| -> Vec<i32> { before.iter().zip(&after).map(|(b, a)| b + factor * (a - b)).collect() };
    assert_eq!(delta(before, &moved(1)), honest);
    for factor in [-1, 2, 0] {
        assert_ne!(delta(before, &moved(factor)), honest, "times {factor}");
    }
}

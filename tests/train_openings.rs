//! Openings of training: honest ones pass on any executor, each way to cheat has its verdict, bad bytes are refused by name.

use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::commit::tree;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::opening::Head;
use sphere_pow_core::train::{Executor, Known, Lane, Opening, Plain, Preset, Run, State, Text, Verdict};
use sphere_pow_cpu::train::TrainExecutor;
use std::convert::Infallible;

struct Fixture {
    run: Run,
    theta: Vec<i32>,
    lane: Lane,
}

impl Fixture {
    fn new() -> Self {
        Self::of_round(1)
    }

    fn of_round(round: u32) -> Self {
        let params = Preset::Tiny.params();
        let bytes: Vec<u8> = (0_u32..900).map(|ix| b'a' + (ix * ix * 5 % 23) as u8).collect();
        let run = Run::new(&params, Text::new(&params, &bytes).expect("a text"));
        let theta = Agreed::fresh(&params, run.id()).theta;
        Self { run, theta, lane: Lane { round, lane: 1, seed: [3; 32] } }
    }

    /// A lane's openings, its states changed before they are hashed by `cheat`.
    fn openings(&self, cheat: impl Fn(u32, &mut State)) -> Vec<Opening> {
        let Self { run, lane, .. } = self;
        let mut state = State::start(run.params(), &self.theta);
        cheat(0, &mut state);
        let mut states = vec![state.to_bytes()];
        for segment in 0..run.params().raw().segments {
            for step in run.segment(segment) {
                run.step(&Plain, lane, step, &mut state);
            }
            cheat(segment + 1, &mut state);
            states.push(state.to_bytes());
        }
        let leaf = |(j, bytes): (u32, &Vec<u8>)| run.id().leaf(lane.round, lane.lane, j, bytes);
        let leaves: Vec<Hash> = (0..).zip(&states).map(leaf).collect();
        let tree = tree(run.id(), leaves.clone());
        let opening = |segment: usize| Opening {
            lane: *lane,
            segment: segment as u32,
            root: tree.root(),
            next: leaves[segment + 1],
            path: tree.path(segment),
            next_path: tree.path(segment + 1),
            state: states[segment].clone(),
        };
        (0..states.len() - 1).map(opening).collect()
    }

    fn known(&self, openings: &[Opening]) -> Known<'_> {
        Known { root: Some(openings[0].root), seed: Some(self.lane.seed), theta: Some(&self.theta) }
    }

    fn verdicts<E: Executor>(&self, executor: &E, openings: &[Opening], known: &Known<'_>) -> Vec<Verdict> {
        let check = |opening: &Opening| {
            let result = opening.check(&self.run, executor, known, || Ok::<(), Infallible>(()));
            result.expect("no step fails")
        };
        openings.iter().map(check).collect()
    }
}

#[test]
fn honest_segments_pass_on_every_executor() {
    let fixture = Fixture::new();
    let openings = fixture.openings(|_, _| ());
    let known = fixture.known(&openings);
    let fast = TrainExecutor::new(None).expect("a best set");
    assert_eq!(fixture.verdicts(&Plain, &openings, &known), [Verdict::Honest; 2]);
    assert_eq!(fixture.verdicts(&fast, &openings, &known), [Verdict::Honest; 2]);
    for opening in &openings {
        let bytes = opening.to_bytes(&fixture.run);
        assert_eq!(Opening::from_bytes(&fixture.run, &bytes).as_ref(), Ok(opening));
    }
    // What only the opening says makes no honest verdict.
    let unconfirmed = [Known { root: None, ..known }, Known { seed: None, ..known }];
    for known in unconfirmed {
        assert_eq!(fixture.verdicts(&fast, &openings, &known), [Verdict::Unconfirmed; 2]);
    }
    let known = Known { theta: None, ..known };
    assert_eq!(known.missing(&openings[0]), ["start"]);
    assert_eq!(fixture.verdicts(&fast, &openings, &known), [Verdict::Unconfirmed, Verdict::Honest]);
}

#[test]
fn each_way_to_cheat_is_fraud() {
    let fixture = Fixture::new();
    use Verdict::{Fraud, Honest};
    // A parameter nudged by one unit between two steps of which the first segment answers for.
    let nudged = fixture.openings(|j, state| state.tensors[3].theta[5] += i32::from(j == 1));
    assert_eq!(fixture.verdicts(&Plain, &nudged, &fixture.known(&nudged)), [Fraud, Honest]);
    // Another start, and moments where there are none yet.
    let stale = fixture.openings(|j, state| state.tensors[0].theta[0] += i32::from(j == 0));
    assert_eq!(fixture.verdicts(&Plain, &stale, &fixture.known(&stale)), [Fraud, Honest]);
    let moments = fixture.openings(|j, state| state.tensors[0].root[0] += i32::from(j == 0));
    let known = Known { theta: None, ..fixture.known(&moments) };
    assert_eq!(fixture.verdicts(&Plain, &moments, &known), [Fraud, Honest]);
    // A state that no step makes.
    let beyond = fixture.openings(|j, state| state.tensors[0].root[0] -= i32::from(j == 1) << 30);
    assert_eq!(fixture.verdicts(&Plain, &beyond[1..], &fixture.known(&beyond)), [Fraud]);
    // Steps left out: the state stands still.
    let theta = &fixture.theta;
    let idle = fixture.openings(|_, state| *state = State::start(fixture.run.params(), theta));
    assert_eq!(fixture.verdicts(&Plain, &idle, &fixture.known(&idle)), [Fraud; 2]);
    // Other data: a seed of its own, and another lane's work.
    let honest = fixture.openings(|_, _| ());
    let known = Known { seed: Some([4; 32]), ..fixture.known(&honest) };
    assert_eq!(fixture.verdicts(&Plain, &honest, &known), [Fraud; 2]);
}

#[test]
fn what_does_not_lead_to_the_root_opens_nothing() {
    let fixture = Fixture::new();
    let honest = fixture.openings(|_, _| ());
    let known = fixture.known(&honest);
    let changes: [fn(&mut Opening); 6] = [
        |opening| opening.state[9] ^= 1,
        |opening| opening.next = opening.root,
        |opening| opening.path[0] = opening.root,
        |opening| opening.next_path[0] = opening.root,
        |opening| opening.lane.lane = 0,
        |opening| opening.lane.round = 0,
    ];
    for change in changes {
        let mut changed = honest.clone();
        changed.iter_mut().for_each(change);
        assert_eq!(fixture.verdicts(&Plain, &changed, &known), [Verdict::Unopened; 2]);
    }
    let known = Known { root: Some(honest[0].next), ..known };
    assert_eq!(fixture.verdicts(&Plain, &honest, &known), [Verdict::Unopened; 2]);
}

#[test]
fn bytes_that_are_no_opening_are_refused_by_name() {
    let fixture = Fixture::new();
    let bytes = fixture.openings(|_, _| ())[1].to_bytes(&fixture.run);
    let refused =
        |bytes: &[u8]| Opening::from_bytes(&fixture.run, bytes).expect_err("no opening").to_string();
    for cut in 0..bytes.len() {
        if cut < 400 || cut % 997 == 0 {
            assert!(refused(&bytes[..cut]).contains("expected"), "cut at {cut}");
        }
    }
    assert!(refused(&[&bytes[..], &[0]].concat()).starts_with("state has"));
    let changed = |at: usize, word: u32| {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        refused(&bytes)
    };
    assert!(changed(0, 0).starts_with("the first bytes are [00, 00, 00, 00]"));
    assert_eq!(changed(4, 2), "version is 2, expected 1");
    assert!(changed(8, 7).starts_with("the opening is of run 07000000"));
    assert_eq!(changed(40, 2), "round is 2, expected below 2");
    assert_eq!(changed(44, 2), "lane is 2, expected below 2");
    assert_eq!(changed(48, 2), "segment is 2, expected below 2");
    assert!(changed(148, u32::MAX).starts_with("path has"));
}

#[test]
fn round_0_begins_where_the_run_says() {
    let fixture = Fixture::of_round(0);
    let known = |openings: &[Opening]| Known { theta: None, ..fixture.known(openings) };
    let honest = fixture.openings(|_, _| ());
    assert!(known(&honest).missing(&honest[0]).is_empty());
    assert_eq!(fixture.verdicts(&Plain, &honest, &known(&honest)), [Verdict::Honest; 2]);
    let moved = fixture.openings(|j, state| state.tensors[0].theta[0] += i32::from(j == 0));
    assert_eq!(fixture.verdicts(&Plain, &moved, &known(&moved)), [Verdict::Fraud, Verdict::Honest]);
    // Later rounds begin where the rounds before led.
    let later = Fixture::new();
    let openings = later.openings(|_, _| ());
    let unknown = Known { theta: None, ..later.known(&openings) };
    assert_eq!(unknown.missing(&openings[0]), ["start"]);
    assert_eq!(later.verdicts(&Plain, &openings, &unknown), [Verdict::Unconfirmed, Verdict::Honest]);
}

#[test]
fn whose_an_opening_is_stands_in_its_first_bytes() {
    let fixture = Fixture::new();
    let openings = fixture.openings(|_, _| ());
    let bytes = openings[1].to_bytes(&fixture.run);
    let head = Head::read(&bytes[..200]).expect("an opening");
    assert_eq!(head.run, *fixture.run.id().as_bytes());
    assert_eq!((head.lane, head.segment, head.root), (fixture.lane, 1, openings[1].root));
    assert!(Head::read(&bytes[..100]).is_err() && Head::read(b"{}").is_err());
}

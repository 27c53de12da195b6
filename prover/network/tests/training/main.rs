//! Networks that train end as the rules say: real training, real checks, agreement on blocks, in simulated time.

use sphere_pow_core::network::lanes::verdict::Outcome;
use sphere_pow_core::text::bytes32;
use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::executor::Plain;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, State};
use sphere_pow_network::host::Strategy;
use sphere_pow_network::scenario::Event;
use sphere_pow_network::training::boxed::Simulated;
use sphere_pow_network::training::replay::Replay;
use sphere_pow_network::training::report::{LaneReport, RoundReport};
use sphere_pow_network::training::scenario::{Scenario, run};

mod faults;

const HOSTS: usize = 5;
const LAST: u32 = 4;
/// As many as attempts are in an epoch of the box.
const ROUNDS: u32 = 4;
/// Units for a lane.
const REWARD: u64 = 1000;

/// Plays a scenario: each attempt, and the last block.
fn play(name: &str, seed: u64) -> (Vec<RoundReport>, String) {
    play_rounds(name, seed, ROUNDS)
}

fn play_rounds(name: &str, seed: u64, rounds: u32) -> (Vec<RoundReport>, String) {
    play_with(name, seed, rounds, 0)
}

fn play_with(name: &str, seed: u64, rounds: u32, standing: u32) -> (Vec<RoundReport>, String) {
    play_scenario(Scenario::named(name).unwrap(), seed, rounds, standing)
}

fn play_scenario(scenario: Scenario, seed: u64, rounds: u32, standing: u32) -> (Vec<RoundReport>, String) {
    let name = scenario.name;
    let mut reports: Vec<RoundReport> = Vec::new();
    let hash = Simulated { scenario, hosts: HOSTS, rounds, seed, standing }.play(&mut |report| {
        reports.push(report.clone());
        true
    });
    let hash = hash.unwrap_or_else(|error| panic!("{name}: {error}"));
    for report in &reports {
        let units: u64 = report.hosts.iter().map(|host| host.paid + host.held).sum();
        assert_eq!(units + report.forfeited, report.minted, "{name}: {report:?}");
        // Of a convicted lane its accusers are paid, and it is trained once more.
        assert!(report.minted <= 2 * REWARD * HOSTS as u64 * report.attempt);
    }
    assert_eq!(reports.iter().filter(|report| report.root.is_some()).count(), rounds as usize, "{name}");
    (reports, hash)
}

fn lane_of(report: &RoundReport, host: u32) -> &LaneReport {
    report.lanes.iter().find(|lane| lane.first_holder == host).unwrap()
}

fn others(report: &RoundReport) -> impl Iterator<Item = &LaneReport> {
    report.lanes.iter().filter(|lane| lane.first_holder != LAST)
}

fn has_part(report: &RoundReport, host: u32) -> bool {
    report.lanes.iter().any(|lane| lane.first_holder == host || lane.checkers.contains(&host))
}

/// All lanes of honest hosts count in all rounds, the last host's ends as said, and after so many it has no part in anything
/// until the next epoch. Gives the rounds in which it trains.
fn last_ends(name: &str, expected: Outcome, caught_after: usize) -> Vec<RoundReport> {
    let (mut reports, _) = play(name, 7);
    for (number, report) in (1..).zip(&reports) {
        for lane in others(report) {
            assert_eq!(lane.outcome, Outcome::Accepted, "{name}: {report:?}");
        }
        assert!(report.root.is_some());
        if number <= caught_after {
            assert_eq!(lane_of(report, LAST).outcome, expected, "{name}, round {}", report.round);
        } else {
            assert!(!has_part(report, LAST) && !report.dissenting.contains(&LAST), "{name}: {report:?}");
        }
        // In the last attempt of an epoch nobody is excluded from the next.
        let is_excluded = (caught_after..ROUNDS as usize).contains(&number);
        assert_eq!(report.hosts[LAST as usize].is_excluded, is_excluded, "{name}: {report:?}");
    }
    reports.truncate(caught_after);
    reports
}

/// The hosts that are not like the others where they are a third of the weight.
const BAND: [u32; 2] = [3, 4];

/// Of a scenario in which nobody is caught.
const NEVER: usize = ROUNDS as usize;

fn earned(reports: &[RoundReport]) -> Vec<u64> {
    reports[reports.len() - 1].hosts.iter().map(|host| host.paid + host.held).collect()
}

#[test]
fn honest_hosts_train_what_anybody_repeats() {
    let reports = last_ends("train-honest", Outcome::Accepted, NEVER);
    let run = run(HOSTS, ROUNDS);
    let mut agreed = Agreed::fresh(run.params(), run.id());
    for report in &reports {
        let deltas = (0..HOSTS as u32).map(|lane| {
            let lane = Lane { round: report.round, lane, seed: bytes32(&report.seed).unwrap() };
            let mut state = State::start(run.params(), &agreed.theta);
            for step in 0..run.params().raw().inner {
                run.step(&Plain, &lane, step, &mut state);
            }
            read_delta(run.params(), &delta(&agreed.theta, &state.theta())).unwrap()
        });
        agreed = agreed.merged(&deltas.collect::<Vec<_>>());
        assert_eq!(report.root, Some(agreed.root(run.id()).to_hex()), "round {}", report.round);
        assert!(report.at_fault.is_empty() && report.dissenting.is_empty());
    }
    assert_eq!(earned(&reports).iter().sum::<u64>(), REWARD * u64::from(ROUNDS) * HOSTS as u64);
    // Two rounds are kept back, two have vested.
    assert!(reports[ROUNDS as usize - 1].hosts.iter().all(|host| host.paid > 0 && host.held > 0));
    assert!(reports[1].hosts.iter().all(|host| host.paid == 0 && host.standing == 2));
    // Standing saves checks.
    let drawn = |report: &RoundReport| report.lanes.iter().map(|lane| lane.drawn.len()).sum::<usize>();
    assert_eq!(drawn(&reports[0]), 4 * HOSTS);
}

#[test]
fn what_a_run_learns_takes_nobodys_word() {
    let (mut reports, _) = play_rounds("train-skip", 7, 6);
    let mut replay = Replay::new(HOSTS, 6).unwrap();
    let first = replay.held_out();
    let points: Vec<_> = reports.iter().map(|report| replay.advance(report).unwrap().unwrap()).collect();
    assert_eq!(points.iter().map(|point| point.round).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert!(points[5].held_out < first && points[5].loss < points[0].loss, "{points:?}");
    // Had the cheater's lane counted, the root would be another.
    let mut replay = Replay::new(HOSTS, 6).unwrap();
    reports[0].lanes[LAST as usize].outcome = Outcome::Accepted;
    let parted = replay.advance(&reports[0]).unwrap_err();
    assert_eq!((parted.round, Some(&parted.got)), (0, reports[0].root.as_ref()));
    reports[0].root = None;
    assert_eq!(replay.advance(&reports[0]), Ok(None));
}

#[test]
fn cheaters_are_convicted_by_all() {
    for name in [
        "train-zero",
        "train-copy",
        "train-skip",
        "train-skip-one",
        "train-extrapolate",
        "train-stale",
        "train-data",
        "train-coarse",
        "train-flip",
        "train-scale",
    ] {
        for report in last_ends(name, Outcome::Convicted, 1) {
            let lane = lane_of(&report, LAST);
            assert_eq!(lane.accusers, lane.checkers, "{name}");
            assert_eq!(report.at_fault, [LAST], "{name}");
            let last = &report.hosts[LAST as usize];
            // What it earned by checking others is lost, too.
            assert_eq!((last.paid, last.held, last.standing), (0, 0, 0), "{name}");
        }
    }
}

#[test]
fn who_was_caught_comes_back_in_the_next_epoch_and_is_checked_whole() {
    let (reports, _) = play_rounds("train-skip", 7, 6);
    let with: Vec<usize> = (0..6).filter(|ix| has_part(&reports[*ix], LAST)).collect();
    assert_eq!(with, [0, 4], "{reports:?}");
    for ix in with {
        let lane = lane_of(&reports[ix], LAST);
        assert_eq!((lane.outcome, &lane.drawn[..]), (Outcome::Convicted, &[0, 1, 2, 3][..]));
    }
    // Its lanes are the others' meanwhile, all of which count; its return finds the parameters of those who went on.
    // And one more after each round that lost one.
    assert!(reports.iter().all(|report| report.root.is_some()));
    let lanes: Vec<usize> = reports.iter().map(|report| report.lanes.len()).collect();
    assert_eq!(lanes, [5, 6, 5, 5, 5, 6]);
    let merged = reports.iter().flat_map(|report| &report.lanes);
    assert_eq!(merged.filter(|lane| lane.outcome.is_accepted()).count(), 6 * HOSTS);
    assert!(others(&reports[5]).all(|lane| lane.outcome == Outcome::Accepted));
}

#[test]
fn a_checker_whose_part_is_true_does_no_wrong() {
    let mut has_agreed = false;
    for seed in 1..=4 {
        let (reports, _) = play_with("train-skip-one", seed, 2, 30);
        for report in &reports {
            assert!(report.at_fault.iter().all(|host| *host == LAST), "{report:?}");
            let convicted = report.lanes.iter().filter(|lane| lane.outcome == Outcome::Convicted);
            has_agreed |= convicted.into_iter().any(|lane| lane.accusers.len() < lane.checkers.len());
        }
    }
    assert!(has_agreed);
}

#[test]
fn two_commitments_and_withheld_openings_cost_what_is_held() {
    // Once withheld is what it held, twice its standing.
    for (name, outcome, after) in
        [("train-twice", Outcome::Void, 1), ("train-withhold", Outcome::Withheld, 2)]
    {
        for report in last_ends(name, outcome, after) {
            assert_eq!(report.at_fault, [LAST], "{name}");
            assert_eq!(report.hosts[LAST as usize].held, 0, "{name}");
        }
    }
}

#[test]
fn who_does_not_look_or_lies_is_found_out() {
    for name in ["train-lazy", "train-accuse"] {
        let (reports, _) = play(name, 7);
        for report in &reports {
            let checks = |lane: &LaneReport| lane.checkers.contains(&LAST);
            for lane in others(report) {
                // A segment has to be drawn for a guess to be wrong.
                let is_found = checks(lane) && (name == "train-accuse" || !lane.drawn.is_empty());
                let expected = if is_found { Outcome::Cleared } else { Outcome::Accepted };
                assert_eq!(lane.outcome, expected, "{name}: {lane:?}");
                assert_eq!(lane.accusers.is_empty(), !is_found, "{name}: {lane:?}");
            }
            let is_at_fault = others(report).any(|lane| lane.outcome == Outcome::Cleared);
            assert_eq!(report.at_fault, if is_at_fault { vec![LAST] } else { vec![] }, "{name}");
        }
        assert!(reports.iter().any(|report| report.at_fault == [LAST]), "{name}");
        assert!(earned(&reports)[LAST as usize] < earned(&reports)[0], "{name}");
    }
}

#[test]
fn a_third_that_lies_loses_what_it_held_and_nobody_else_does() {
    for name in ["train-accuse-third", "train-collude"] {
        let (reports, _) = play(name, 7);
        for report in &reports {
            assert!(report.at_fault.iter().all(|host| BAND.contains(host)), "{name}: {report:?}");
            for lane in report.lanes.iter().filter(|lane| !BAND.contains(&lane.holder)) {
                assert!(lane.outcome.is_accepted(), "{name}: {lane:?}");
                let are_accused =
                    lane.checkers.iter().any(|host| BAND.contains(host)) && name == "train-accuse-third";
                assert_eq!(lane.outcome == Outcome::Cleared, are_accused, "{name}: {lane:?}");
            }
            let are_false = report.lanes.iter().filter(|lane| BAND.contains(&lane.holder));
            for lane in are_false {
                let expected = if name == "train-collude" { Outcome::Convicted } else { Outcome::Accepted };
                assert_eq!(lane.outcome, expected, "{name}: {lane:?}");
                // Its friends stand by it.
                assert!(lane.accusers.iter().all(|host| !BAND.contains(host)), "{name}: {lane:?}");
            }
        }
        for host in BAND {
            // Who accuses is found out when it has a seat, who cheats at once.
            let caught = reports.iter().position(|report| report.at_fault.contains(&host)).unwrap();
            assert!(name == "train-accuse-third" || caught == 0, "{name}");
            let after = &reports[caught].hosts[host as usize];
            assert_eq!((after.held, after.standing), (0, 0), "{name}");
            assert!(!reports[caught + 1..].iter().any(|report| has_part(report, host)), "{name}");
        }
        assert!(earned(&reports)[..3].iter().all(|units| *units >= 4 * REWARD), "{name}: {reports:?}");
    }
}

#[test]
fn weights_follow_sprints_where_the_network_mines_too() {
    let (reports, _) = play_rounds("train-after-sprints", 7, 6);
    for report in &reports {
        let weights: Vec<u64> = report.hosts.iter().map(|host| host.weight).collect();
        // The more a host mines the more it weighs; who was convicted there weighs nothing.
        assert_eq!(weights, [4, 8, 12, 16, 0], "{report:?}");
        assert!(report.lanes.iter().all(|lane| lane.outcome == Outcome::Accepted), "{report:?}");
        assert!(!has_part(report, LAST) && report.at_fault.is_empty(), "{report:?}");
    }
    let lanes = |host: u32| {
        reports.iter().flat_map(|report| &report.lanes).filter(|lane| lane.holder == host).count()
    };
    assert_eq!([0, 1, 2, 3].map(lanes), [3, 6, 9, 12]);
    // Nobody trains before the first Sprint has given weights.
    assert!(reports[0].height > 30, "{reports:?}");
}

#[test]
fn equal_seeds_give_equal_chains() {
    let (_, first) = play("train-skip", 3);
    assert_eq!(play("train-skip", 3).1, first);
    assert_ne!(play("train-skip", 4).1, first);
}

#[test]
fn weights_change_when_a_sprint_changes_powers() {
    let events = &[(62, Event::Kill), (82, Event::Start)];
    let after_sprints = Scenario::named("train-after-sprints").unwrap();
    let scenario = Scenario { mines: Some(Strategy::default()), events, ..after_sprints };
    let mut weights = Vec::new();
    let simulated = Simulated { scenario, hosts: 6, rounds: 9, seed: 7, standing: 0 };
    let played = simulated.play(&mut |report| {
        assert!(report.at_fault.iter().all(|host| *host == 5), "{report:?}");
        weights.push(report.hosts.iter().map(|host| host.weight).collect::<Vec<u64>>());
        true
    });
    played.unwrap();
    // Away during a Sprint, the last host has no power until the next one, and neither lane nor seat.
    weights.dedup();
    let all = vec![4, 8, 12, 16, 20, 24];
    let without = vec![4, 8, 12, 16, 20, 0];
    assert_eq!(weights, [all.clone(), without, all]);
}

#[test]
fn the_design_says_of_each_scenario_what_it_plays() {
    let design = include_str!("../../../../DESIGN.md");
    for scenario in Scenario::ALL {
        assert!(design.contains(&format!("| `{}` |", scenario.name)), "{}", scenario.name);
    }
}

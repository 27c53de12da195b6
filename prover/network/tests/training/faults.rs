//! Hosts that fail, and nobody's fault: killed, cut off, late, silent, out of space, with other parameters.

use super::*;
use sphere_pow_network::training::ledger::Phase;

#[test]
fn lanes_of_late_hosts_are_trained_by_others() {
    let (reports, _) = play("train-late", 7);
    for report in &reports {
        assert!(report.lanes.iter().all(|lane| lane.outcome == Outcome::Accepted), "{report:?}");
        assert_ne!(lane_of(report, LAST).holder, LAST);
        assert!(report.at_fault.is_empty());
        assert_eq!(report.hosts[LAST as usize].standing, 0);
    }
    // It is paid for what it checks.
    assert!(earned(&reports)[LAST as usize] > 0);
}

#[test]
fn silence_is_unpaid_and_no_fraud() {
    let (reports, _) = play("train-silent", 7);
    let mut is_silent = false;
    for report in &reports {
        assert!(report.at_fault.is_empty());
        for lane in &report.lanes {
            // Where it has all seats, nobody has looked.
            let expected = if lane.checkers == [LAST] { Outcome::Unchecked } else { Outcome::Accepted };
            assert_eq!(lane.outcome, expected, "{lane:?}");
            is_silent |= lane.checkers.contains(&LAST);
        }
    }
    assert!(is_silent && earned(&reports)[LAST as usize] < earned(&reports)[0]);
    assert!(earned(&reports).iter().sum::<u64>() < REWARD * u64::from(ROUNDS) * HOSTS as u64);
}

#[test]
fn what_nobody_can_fetch_is_withheld_and_what_one_cannot_is_not() {
    for name in ["train-spoil", "train-hoard"] {
        for report in last_ends(name, Outcome::Withheld, 2) {
            assert_eq!(report.at_fault, [LAST], "{report:?}");
            let lane = lane_of(&report, LAST);
            assert_eq!(lane.missing, lane.checkers);
        }
    }
    let (reports, _) = play("train-miss", 7);
    let mut has_missed = false;
    for report in &reports {
        assert!(report.at_fault.is_empty());
        for lane in &report.lanes {
            let misses = lane.checkers.contains(&LAST);
            assert_eq!(lane.outcome, if misses { Outcome::Cleared } else { Outcome::Accepted }, "{lane:?}");
            has_missed |= misses;
        }
    }
    assert!(has_missed && earned(&reports)[LAST as usize] < earned(&reports)[0]);
}

#[test]
fn a_host_with_other_parameters_fetches_the_agreed_ones() {
    // Its lanes count in all rounds after the first: it trained from what all agree on.
    for report in last_ends("train-stray", Outcome::Accepted, NEVER) {
        assert_eq!(report.dissenting, [LAST]);
    }
}

#[test]
fn a_kill_in_any_phase_costs_nobody_anything() {
    let play = |dies_in| {
        let scenario = Scenario { dies_in, ..Scenario::named("train-honest").unwrap() };
        play_scenario(scenario, 7, 1, 0).0.remove(0)
    };
    let honest = play(None);
    let phases = [
        Phase::Train,
        Phase::Draw,
        Phase::Sortition,
        Phase::Open,
        Phase::Seal,
        Phase::Show,
        Phase::Reveal,
        Phase::Merge,
    ];
    for phase in phases {
        let killed = play(Some(phase));
        // Other blocks, from the kill on, and so other draws; all that the round is for is as if it had never been.
        assert_ne!(killed.hash, honest.hash, "{phase:?}");
        let outcome = |report: &RoundReport| {
            let lanes: Vec<_> = report.lanes.iter().map(|lane| (lane.holder, lane.outcome)).collect();
            let standings: Vec<u32> = report.hosts.iter().map(|host| host.standing).collect();
            (report.root.clone(), lanes, standings, report.at_fault.clone(), report.minted, report.forfeited)
        };
        assert_eq!(outcome(&killed), outcome(&honest), "{phase:?}");
    }
    let of_all = Scenario::ALL.map(|scenario| scenario.dies_in);
    for phase in [Phase::Train, Phase::Sortition, Phase::Seal, Phase::Show, Phase::Merge] {
        assert!(of_all.contains(&Some(phase)), "{phase:?}");
    }
}

#[test]
fn a_third_that_merges_otherwise_fetches_what_is_agreed() {
    let (reports, _) = play("train-stray-third", 7);
    for report in &reports {
        assert_eq!(report.dissenting, BAND);
        assert!(report.lanes.iter().all(|lane| lane.outcome == Outcome::Accepted), "{report:?}");
    }
    let honest = play("train-honest", 7).0;
    assert_eq!(reports.len(), honest.len());
}

#[test]
fn a_third_that_is_cut_off_stops_the_others_until_it_is_back() {
    let (reports, _) = play("train-partition-third", 7);
    for report in &reports {
        assert!(report.root.is_some() && report.at_fault.is_empty(), "{report:?}");
    }
    let last = &reports[reports.len() - 1];
    assert!(last.lanes.iter().all(|lane| lane.outcome == Outcome::Accepted) && last.dissenting.is_empty());
}

#[test]
fn a_host_that_comes_late_and_leaves_twice_trains_when_it_is_there() {
    let (reports, _) = play_rounds("train-join", 7, 6);
    let trains = |report: &&RoundReport| {
        report.lanes.iter().any(|lane| lane.holder == LAST && lane.outcome == Outcome::Accepted)
    };
    assert!(!trains(&&reports[0]), "{reports:?}");
    assert!(reports.iter().filter(trains).count() >= 2, "{reports:?}");
    for report in &reports {
        assert!(others(report).all(|lane| lane.outcome == Outcome::Accepted), "{report:?}");
        assert!(report.at_fault.iter().all(|host| *host == LAST), "{report:?}");
    }
}

#[test]
fn a_host_that_was_killed_goes_on_where_the_others_are() {
    let (reports, _) = play("train-crash", 7);
    for report in &reports {
        assert!(others(report).all(|lane| lane.outcome == Outcome::Accepted), "{report:?}");
    }
    let last = &reports[ROUNDS as usize - 1];
    assert_eq!(lane_of(last, LAST).outcome, Outcome::Accepted, "{reports:?}");
    assert_eq!(lane_of(last, LAST).holder, LAST);
    assert!(last.dissenting.is_empty());
}

#[test]
fn hosts_that_come_and_go_hold_nobody_up() {
    let (reports, _) = play_rounds("train-churn", 7, 6);
    for report in &reports {
        assert!(
            report.root.is_some() && others(report).all(|lane| lane.outcome == Outcome::Accepted),
            "{report:?}"
        );
        assert!(!report.dissenting.contains(&LAST), "{report:?}");
    }
    let took_part = |report: &&RoundReport| {
        report.lanes.iter().any(|lane| lane.holder == LAST && lane.outcome == Outcome::Accepted)
    };
    let missed = |report: &&RoundReport| {
        report.lanes.iter().filter(|lane| lane.holder == LAST).all(|lane| lane.outcome != Outcome::Accepted)
    };
    assert!(
        reports.iter().any(|report| took_part(&report)) && reports.iter().filter(missed).count() >= 2,
        "{reports:?}"
    );
}

#[test]
fn a_host_whose_disk_was_full_goes_on_where_the_others_are() {
    let (reports, _) = play("train-full", 7);
    assert!(reports.iter().flat_map(others).all(|lane| lane.outcome == Outcome::Accepted));
    // The others waited for what it was to open; back in time, it opened it.
    assert!(reports[0].height > 12, "{reports:?}");
    assert_eq!(
        (lane_of(&reports[0], LAST).outcome, lane_of(&reports[0], LAST).holder),
        (Outcome::Accepted, LAST)
    );
    let last = &reports[ROUNDS as usize - 1];
    assert_eq!((lane_of(last, LAST).outcome, lane_of(last, LAST).holder), (Outcome::Accepted, LAST));
    assert!(last.dissenting.is_empty());
}

#[test]
fn a_host_that_was_cut_off_goes_on_where_the_others_are() {
    let (reports, _) = play("train-partition", 7);
    // Meanwhile the others train on, its lane too.
    let is_away = |report: &&RoundReport| {
        let lane = lane_of(report, LAST);
        lane.holder != LAST || lane.outcome != Outcome::Accepted
    };
    assert!(reports.iter().filter(is_away).any(|report| report.root.is_some()));
    let last = &reports[reports.len() - 1];
    assert_eq!((lane_of(last, LAST).outcome, lane_of(last, LAST).holder), (Outcome::Accepted, LAST));
    assert!(last.dissenting.is_empty());
}

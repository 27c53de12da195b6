//! Simulations end as the rules say.

use sphere_pow_network::host::{Strategy, Voting, Work};
use sphere_pow_network::simulate::{Group, Power, Run, Scenario, ScenarioError, run};

fn group(name: &str, share: u32, strategy: Strategy) -> Group {
    Group { name: name.into(), share, strategy, coalition: None, power: 1.0, from: 1 }
}

fn with(work: Work) -> Strategy {
    Strategy { work, ..Strategy::default() }
}

fn coalition(share: u32, work: Work, voting: Voting) -> Group {
    Group {
        coalition: Some(1),
        ..group("coalition", share, Strategy { work, voting, ..Strategy::default() })
    }
}

/// A network in which no message is lost and nobody is away, so that what is rejected is rejected for a reason.
fn scenario(hosts: u32, epochs: u64, groups: Vec<Group>) -> Scenario {
    Scenario { hosts, epochs, lost: 0, away: 0, groups, ..Scenario::default() }
}

fn simulate(scenario: &Scenario) -> Run {
    run(scenario, &mut |_| true).unwrap()
}

#[test]
fn honest_hosts_keep_their_share() {
    let run = simulate(&scenario(200, 40, vec![]));
    assert_eq!(run.rows.len(), 40);
    for row in &run.rows {
        assert_eq!((row.claims, row.false_claims, row.wronged), (200, 0, 0), "{row:?}");
    }
    // Every reveal, claim and opening arrives; a vote may come too late from a slow host.
    assert_eq!(run.groups[0].rejected, 0);
    // A standing host costs its checkers a hundredth of a new one.
    let (first, last) = (&run.rows[0], &run.rows[39]);
    assert!(last.verification < 0.05 * first.verification, "{} {}", first.verification, last.verification);
    // The difficulty has found the goal.
    assert!((last.against_goal - 1.0).abs() < 0.05, "{}", last.against_goal);
}

#[test]
fn who_claims_what_was_not_done_earns_nothing() {
    for work in [Work::Skip(300), Work::Forge, Work::Copy, Work::Pad(500)] {
        let run = simulate(&scenario(300, 10, vec![group("cheaters", 200, with(work))]));
        let cheaters = &run.groups[1];
        assert_eq!((cheaters.rejected, cheaters.never_caught), (cheaters.claims, 0), "{work:?}");
        assert_eq!((cheaters.weight, cheaters.paid), (0.0, 0.0), "{work:?}");
        assert_eq!(run.groups[0].rejected, 0, "{work:?}: honest hosts were wronged");
    }
}

#[test]
fn a_little_junk_is_caught_late_and_pays_nothing_in_those_epochs() {
    // A hundredth: 60 samples show it with 45 %.
    let run = simulate(&scenario(300, 30, vec![group("cheaters", 200, with(Work::Skip(10)))]));
    let cheaters = &run.groups[1];
    assert!(cheaters.caught_after.unwrap() > 0.5, "{cheaters:?}");
    // Whoever is caught every other time earns less than an honest host: 1 - 0.45 against 1 / 0.99.
    assert!(cheaters.paid < 0.7 * cheaters.power, "{cheaters:?}");
    assert_eq!(run.groups[0].rejected, 0);
}

#[test]
fn withholding_costs_what_was_withheld() {
    let closed = Strategy { opens: false, ..Strategy::default() };
    let mute = Strategy { reveals: false, ..Strategy::default() };
    let run = simulate(&scenario(200, 8, vec![group("closed", 100, closed), group("mute", 100, mute)]));
    let (honest, closed, mute) = (&run.groups[0], &run.groups[1], &run.groups[2]);
    assert_eq!((closed.rejected, closed.paid), (closed.claims, 0.0));
    // Its claims are true, its pay is forfeited.
    assert_eq!((mute.rejected, mute.paid), (0, 0.0));
    assert!(mute.weight > 0.0);
    assert_eq!(honest.rejected, 0);
}

#[test]
fn coalitions_below_half_neither_hide_nor_harm() {
    for voting in [Voting::Cover, Voting::Attack] {
        let mut scenario = scenario(400, 10, vec![coalition(300, Work::Skip(500), voting)]);
        scenario.power = Power::Equal;
        let run = simulate(&scenario);
        let (honest, cheaters) = (&run.groups[0], &run.groups[1]);
        // Some of theirs are seen by their own only.
        assert!(cheaters.rejected as f64 > 0.99 * cheaters.claims as f64, "{voting:?}: {cheaters:?}");
        assert_eq!(honest.rejected, 0, "{voting:?}");
    }
}

#[test]
fn a_coalition_of_most_power_decides() {
    let mut scenario = scenario(400, 6, vec![coalition(700, Work::Forge, Voting::Attack)]);
    scenario.power = Power::Equal;
    let run = simulate(&scenario);
    // What no rule of majorities can help: said in the README.
    assert!(run.groups[1].weight > 0.9, "{:?}", run.groups);
    assert!(run.groups[0].rejected > 0);
}

#[test]
fn equal_seeds_give_equal_runs() {
    let mut scenario = scenario(100, 5, vec![group("cheaters", 300, with(Work::Skip(100)))]);
    (scenario.lost, scenario.away) = (20, 100);
    let first = simulate(&scenario);
    assert_eq!(simulate(&scenario), first);
    scenario.seed += 1;
    assert_ne!(simulate(&scenario).hash, first.hash);
}

#[test]
fn late_hosts_start_without_standing_and_power() {
    let late = Group { from: 6, ..group("late", 500, Strategy::default()) };
    let run = simulate(&scenario(100, 10, vec![late]));
    assert!(
        run.rows[..5].iter().all(|row| row.claims == 50) && run.rows[5..].iter().all(|row| row.claims == 100)
    );
    assert!((run.groups[1].weight - run.groups[1].power).abs() < 0.05, "{:?}", run.groups);
    // Twice the power, half the rate: within three Sprints.
    assert!((run.rows[9].against_goal - 1.0).abs() < 0.1, "{:?}", run.rows[9]);
}

#[test]
fn a_run_ends_when_told() {
    let run = run(&scenario(50, 20, vec![]), &mut |row| row.epoch < 3).unwrap();
    assert_eq!(run.rows.len(), 3);
}

#[test]
fn numbers_out_of_range_are_named() {
    let said = |change: fn(&mut Scenario)| {
        let mut scenario = Scenario::default();
        change(&mut scenario);
        match run(&scenario, &mut |_| true) {
            Err(error @ (ScenarioError::Number { .. } | ScenarioError::Rules(_))) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(said(|s| s.hosts = 1), "hosts 1, expected 2 to 1000000");
    assert_eq!(
        said(|s| s.nonces_per_second = f64::NAN),
        "nonces_per_second NaN, expected a number above 0 and up to 1e9"
    );
    assert_eq!(said(|s| s.power = Power::Pareto { alpha: 1.0 }), "alpha 1, expected above 1, up to 100");
    assert_eq!(
        said(|s| s.rules.durations.poc_validation_duration = 3),
        "poc_validation_duration of 3, expected 4 or more"
    );
    assert_eq!(said(|s| s.rules.vocab = 3), "vocab is 3, expected 16 to 1048576");
    assert_eq!(
        said(|s| s.groups = vec![group("all", 1001, Strategy::default())]),
        "the groups' shares 1001, expected 1000 together at most"
    );
}

/// Numbers as JavaScript has them: 0 and 0.0 are one.
fn floats(mut value: serde_json::Value) -> serde_json::Value {
    match &mut value {
        serde_json::Value::Array(list) => list.iter_mut().for_each(|entry| *entry = floats(entry.take())),
        serde_json::Value::Object(map) => map.values_mut().for_each(|entry| *entry = floats(entry.take())),
        serde_json::Value::Number(number) => return number.as_f64().into(),
        _ => {}
    }
    value
}

/// The package's simulation has the same vector: `tests/js/network.test.mjs`.
#[test]
fn a_simulation_is_the_same_on_every_machine() {
    let text = include_str!("../../../tests/vectors/simulation.json");
    let vector: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let scenario: Scenario = serde_json::from_value(vector["scenario"].clone()).expect("a scenario");
    let got = serde_json::to_value(simulate(&scenario)).expect("JSON");
    assert_eq!(floats(got), floats(vector["run"].clone()));
    let other = simulate(&Scenario { seed: scenario.seed + 1, ..scenario });
    assert_ne!(vector["run"]["hash"], other.hash);
}

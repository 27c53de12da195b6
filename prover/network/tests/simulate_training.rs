//! Simulated rounds of training agree with the formulas, and end as the rules say.

use sphere_pow_core::network::reputation::Standing;
use sphere_pow_network::simulate::training::{Group, RuleChoice, Run, Scenario, run};
use sphere_pow_network::simulate::{Power, ScenarioError};

fn group(name: &str, share: u32, fakes: u32) -> Group {
    Group { name: name.into(), share, fakes, hides: false, withholds: false, checks: true }
}

/// Hosts of equal weight that are always there.
fn scenario(hosts: u32, lanes: u32, rounds: u64, groups: Vec<Group>) -> Scenario {
    let rules = RuleChoice { lanes, ..RuleChoice::default() };
    Scenario { hosts, rounds, power: Power::Equal, away: 0, rules, groups, ..Scenario::default() }
}

fn simulate(scenario: &Scenario) -> Run {
    let run = run(scenario, &mut |_| true).unwrap();
    assert_eq!(run.minted, run.paid + run.held + run.forfeited);
    run
}

#[test]
fn cheats_of_ten_thousand_hosts_are_caught_as_often_as_the_formulas_say() {
    let mut groups = vec![group("sixteenth", 50, 62), group("quarter", 50, 250), group("all", 50, 1000)];
    for (seed, hides, withholds, checks) in
        [(1, false, false, true), (2, true, false, true), (3, false, true, true), (4, false, false, false)]
    {
        for group in &mut groups {
            (group.hides, group.withholds, group.checks) = (hides, withholds, checks);
        }
        let mut scenario = scenario(10_000, 1000, 40, groups.clone());
        (scenario.seed, scenario.power, scenario.away) = (seed, Power::LogNormal { sigma: 1.0 }, 20);
        let run = simulate(&scenario);
        for group in &run.groups[1..] {
            assert!(group.caught > 0 && group.deviations.abs() < 3.0, "{group:?}");
        }
        assert!(run.checking_deviations.abs() < 3.0, "{}", run.checking_deviations);
        // A lane that is not checked by anybody who is there does not count; no true one is convicted.
        assert_eq!((run.groups[0].caught, run.groups[0].caught_expected), (0, 0.0));
    }
}

#[test]
fn escapes_follow_the_formula() {
    // A floor of 62 thousandths of 16 segments: 0.992 drawn of each lane.
    let mut scenario =
        scenario(4000, 4000, 60, vec![group("sixteenth", 250, 62), group("quarter", 250, 250)]);
    scenario.rules.floor = 62;
    let run = simulate(&scenario);
    for (group, lanes) in [(1, vec![1, 5, 10, 20, 40, 60]), (2, vec![1, 2, 5, 10])] {
        for lane in lanes {
            let escape = run.groups[group].escapes[lane - 1];
            let formula = f64::powf(1.0 - 0.992 * [0.0, 1.0 / 16.0, 0.25][group], lane as f64);
            assert!((escape.formula - formula).abs() < 1e-12, "{escape:?}");
            // Of 1,000 hosts.
            let deviation = (formula * (1.0 - formula) / 1000.0).sqrt();
            assert!((escape.escaped - formula).abs() < 3.0 * deviation, "{escape:?}");
        }
    }
}

#[test]
fn checking_costs_what_the_formula_says() {
    // q k = 0.01 · 2 of the training; one segment each ten rounds makes a little more of it.
    let run = simulate(&scenario(1000, 1000, 300, vec![]));
    assert!(run.checking_deviations.abs() < 3.0, "{}", run.checking_deviations);
    let each_round = 0.16 / (1.0 - f64::powi(0.84, 10));
    assert!((run.checking / (2.0 * each_round / 16.0) - 1.0).abs() < 0.03, "{}", run.checking);
    assert!(run.rows.iter().all(|row| row.accepted == 1000 && row.wronged == 0));
    // Without standing all of it is repeated.
    let new = simulate(&Scenario { standing: 0, ..scenario(1000, 1000, 1, vec![]) });
    assert!((new.checking - 2.0).abs() < 1e-9);
    // Where as many as may be hide it, they wait as long as that takes.
    assert_eq!(run.wait, 8);
}

#[test]
fn where_hosts_come_and_go_checking_costs_what_their_ages_say() {
    let mut scenario = scenario(1000, 1000, 100, vec![]);
    scenario.stay = 400;
    let run = simulate(&scenario);
    assert!(run.checking_deviations.abs() < 3.0, "{}", run.checking_deviations);
    // Of each lane as much is repeated as its host's days say, which are as many as it has stayed, by two seats.
    let leaves = 1.0 / 400.0;
    let drawn = |days: u32| f64::from(scenario.average(days).thousandths()) / 16_000.0;
    let young: f64 = (0..30).map(|days| leaves * f64::powi(1.0 - leaves, days as i32) * drawn(days)).sum();
    let old = f64::powi(1.0 - leaves, 30);
    let each_round = 0.16 / (1.0 - f64::powi(0.84, 10)) / 16.0;
    let expected = 2.0 * (young + old * each_round);
    // 330 hosts have come in a hundred rounds or shortly before, within three deviations of 18, of three quarters of the cost.
    assert!((run.checking / expected - 1.0).abs() < 0.13, "{} {expected}", run.checking);
    assert!(expected < 0.1 && run.rows.iter().all(|row| row.standing > 28.0));
    let never = simulate(&Scenario { stay: 0, ..scenario.clone() });
    assert!(never.checking < run.checking / 3.0);
}

/// What a host gains by lane in the units of its reward, the work that it saves counted as what it is paid for it.
fn gain(run: &Run, group: usize) -> f64 {
    let share = run.scenario.groups.get(group.wrapping_sub(1)).map_or(0, |group| group.fakes);
    run.groups[group].earned + f64::from(share) / 1000.0
}

#[test]
fn no_share_of_false_segments_pays() {
    for (hosts, withholds) in [(1000, false), (1000, true), (4000, false), (4000, true)] {
        let mut groups = vec![group("sixteenth", 50, 62), group("quarter", 50, 250), group("half", 50, 500)];
        groups.iter_mut().for_each(|group| group.withholds = withholds);
        let run = simulate(&scenario(hosts, 1000, 60 * u64::from(hosts) / 1000, groups));
        for group in 1..=3 {
            assert!(gain(&run, group) < gain(&run, 0), "{hosts} hosts: {:?}", run.groups[group]);
        }
    }
}

#[test]
fn whoever_fakes_one_segment_is_seen_within_the_wait() {
    // 0.992 of 16 segments are drawn, by two seats, a third of which might hide it: 4.606 / (0.062 · 8/9), rounded up.
    let mut scenario = scenario(4000, 4000, 84, vec![group("sixteenth", 250, 62)]);
    (scenario.rules.floor, scenario.rules.waits_to_see) = (62, true);
    let run = simulate(&scenario);
    assert_eq!(run.wait, 84);
    let escape = run.groups[1].escapes[run.wait as usize - 1];
    // By the formula (1 - 0.062)^84 = 0.0046 of 1,000 hosts: three deviations of 0.0021.
    assert!(escape.formula < 0.01 && (escape.escaped - escape.formula).abs() < 0.0064, "{escape:?}");
    // New hosts, of whose lanes all is repeated, wait for less, but no less than what they are asked for when they are none.
    let waits = [0, 10, 20, 30].map(|days| {
        let mut standing = Standing::default();
        (0..days).for_each(|_| standing.work_honestly());
        scenario.wait(&standing)
    });
    assert_eq!(waits, [84; 4]);
    scenario.rules.segments = 4;
    (scenario.rules.floor, scenario.rules.seats) = (250, 6);
    let new = scenario.wait(&Standing::default());
    assert!(new < run.wait && new < 19, "{new}");
}

#[test]
fn without_a_wait_it_pays_to_show_nothing_when_found_out() {
    let mut groups = vec![group("sixteenth", 50, 62)];
    groups[0].withholds = true;
    let mut scenario = scenario(1000, 1000, 60, groups);
    scenario.rules.wait = Some(0);
    let run = simulate(&scenario);
    assert!(gain(&run, 1) > gain(&run, 0), "{:?}", run.groups);
}

#[test]
fn equal_seeds_give_equal_runs() {
    let mut scenario = scenario(300, 100, 20, vec![group("cheaters", 300, 100)]);
    scenario.away = 100;
    let first = simulate(&scenario);
    assert_eq!(simulate(&scenario), first);
    assert!(first.rows.iter().any(|row| row.released > 0));
    scenario.seed += 1;
    assert_ne!(simulate(&scenario).rows, first.rows);
    let short = run(&scenario, &mut |row| row.round < 3).unwrap();
    assert_eq!(short.rows.len(), 3);
}

#[test]
fn numbers_out_of_range_are_named() {
    let said = |change: fn(&mut Scenario)| {
        let mut scenario = Scenario::default();
        change(&mut scenario);
        match run(&scenario, &mut |_| true) {
            Err(error @ ScenarioError::Number { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(said(|s| s.hosts = 1), "hosts 1, expected 2 to 1000000");
    assert_eq!(said(|s| s.rules.lanes = 4097), "lanes 4097, expected 1 to 4096");
    assert_eq!(said(|s| s.rules.segments = 0), "segments 0, expected 1 to 4096");
    assert_eq!(said(|s| s.away = 500), "away 500, expected below 500: most have to be there");
    assert_eq!(said(|s| s.power = Power::Pareto { alpha: 1.0 }), "alpha 1, expected above 1, up to 100");
    assert_eq!(
        said(|s| s.groups = vec![group("all", 1001, 0)]),
        "the groups' shares 1001, expected 1000 together at most"
    );
    assert_eq!(said(|s| s.groups = vec![group("all", 10, 1001)]), "fakes 1001, expected at most 1000");
}

//! How soon cheats are caught, and whether honest hosts are accused, in boxes of five hosts in simulated time, one or two of which
//! cheat: `cargo run --release -p sphere-pow-network --example cheats -- [SEEDS [SCENARIO...]]`. What a host earns is kept back for W
//! rounds, so a cheat has to be caught within these to cost what it brought; W follows from how often it is checked.

use sphere_pow_core::network::reputation::Standing;
use sphere_pow_network::scenario::Event;
use sphere_pow_network::training::boxed::Simulated;
use sphere_pow_network::training::duty::{Checking, HONEST};
use sphere_pow_network::training::scenario::{Scenario, rules, run};
use std::collections::BTreeSet;
use std::io::Write;

const HOSTS: usize = 5;

/// Rounds for which a box keeps back what hosts of so many honest days earn.
fn wait(days: u32) -> u32 {
    let mut standing = Standing::default();
    (0..days).for_each(|_| standing.work_honestly());
    rules(run(HOSTS, 1).params()).wait(&standing).expect("the box's rules deter")
}

/// Those who want something that is not theirs; others are late, silent or away, which costs them their own.
fn cheats(scenario: &Scenario) -> bool {
    let is_there =
        !scenario.events.iter().any(|(_, event)| matches!(event, Event::Kill | Event::Part | Event::Fill));
    let strategy = scenario.strategy;
    let is_passive = matches!(strategy.checking, Checking::Silent | Checking::Miss) || strategy.strays;
    let is_there = is_there && scenario.dies_in.is_none();
    is_there && strategy != HONEST && !is_passive && scenario.name != "train-late"
}

#[derive(Default)]
struct Counts {
    caught: u64,
    first: u64,
    /// Segments of honest lanes that checkers repeated.
    repeated: u64,
    /// Honest hosts that lost something, honest lanes that did not count, honest checkers that accused one of these.
    alarms: u64,
}

fn play(scenario: Scenario, seed: u64, standing: u32, counts: &mut Counts) {
    let (mut attempt, mut caught) = (0, None);
    let odd = scenario.first_odd(HOSTS) as u32..HOSTS as u32;
    let mut free: BTreeSet<u32> = odd.clone().collect();
    let rounds = wait(standing);
    let played = Simulated { scenario, hosts: HOSTS, rounds, seed, standing }.play(&mut |report| {
        attempt += 1;
        free.retain(|host| !report.at_fault.contains(host));
        if free.is_empty() {
            caught = caught.or(Some(attempt));
        }
        counts.alarms += report.at_fault.iter().filter(|host| !odd.contains(*host)).count() as u64;
        for lane in report.lanes.iter().filter(|lane| !odd.contains(&lane.holder)) {
            // What those who lie about it say to have repeated does not count.
            let is_true = scenario.strategy.checking == Checking::Honest;
            counts.repeated += if is_true { lane.repeated.into() } else { 0 };
            counts.alarms += lane.accusers.iter().filter(|host| !odd.contains(*host)).count() as u64;
            counts.alarms += u64::from(!lane.outcome.is_accepted());
        }
        // What it does later is of another round's wait.
        caught.is_none()
    });
    if let (Err(error), None) = (played, caught) {
        panic!("{}, seed {seed}: {error}", scenario.name);
    }
    counts.caught += u64::from(caught.is_some_and(|at| at <= rounds));
    counts.first += u64::from(caught == Some(1));
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().map_or(100, |text| text.parse().expect("a number of seeds"));
    let wanted: Vec<String> = arguments.collect();
    let [new, old] = [0, 30].map(wait);
    println!(
        "caught of {seeds} seeds within {new} rounds (in the first) by hosts of no standing, within {old} of full standing"
    );
    let (mut repeated, mut alarms) = (0, 0);
    let is_wanted =
        |scenario: &Scenario| wanted.is_empty() || wanted.iter().any(|name| name == scenario.name);
    for scenario in Scenario::ALL.into_iter().filter(cheats).filter(is_wanted) {
        print!("{:<18}", scenario.name);
        for standing in [0, 30] {
            let mut counts = Counts::default();
            (1..=seeds).for_each(|seed| play(scenario, seed, standing, &mut counts));
            print!("  {:>4} ({:>4})", counts.caught, counts.first);
            let _ = std::io::stdout().flush();
            repeated += counts.repeated;
            alarms += counts.alarms;
        }
        println!();
    }
    println!("{repeated} repeated segments of honest lanes, {alarms} false alarms");
}

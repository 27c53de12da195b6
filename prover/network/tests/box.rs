//! Networks in a box end as the rules say: real work, real checks, agreement on blocks, in simulated time.

use sphere_pow_consensus::sim::{Behaviour, Change, Link, Simulation};
use sphere_pow_consensus::{Config, Hash, Key};
use sphere_pow_core::exact::Preset;
use sphere_pow_network::exact::{Budget, Worker};
use sphere_pow_network::ledger::{Ledger, Outcome, Settled};
use sphere_pow_network::peer::Peer;
use sphere_pow_network::scenario::{Event, Scenario};
use std::time::Duration;

const HOSTS: usize = 5;
const LAST: usize = HOSTS - 1;
/// Nonces of a host in a Sprint.
const NONCES: u64 = 6;
/// Simulated time is long for whoever waits, not for the test.
const LIMIT: Duration = Duration::from_secs(600);
/// After the third Sprint was paid for.
const END: u64 = 80;

fn keys(seed: u8) -> Vec<Key> {
    (0..HOSTS).map(|ix| Key::from_seed([seed.wrapping_mul(16).wrapping_add(ix as u8 + 1); 32])).collect()
}

fn simulation(scenario: Scenario, seed: u8) -> Simulation<Peer> {
    let keys = keys(seed);
    let ids: Vec<_> = keys.iter().map(Key::id).collect();
    let genesis = scenario.genesis(&ids, [seed; 32]);
    let config = Config::new(genesis.chain());
    let budget = Budget::Nonces(NONCES);
    let mut workers: Vec<Worker> =
        ids.iter().map(|id| Worker::new(Preset::Nano.params(), id, budget)).collect();
    let peer_keys = keys.clone();
    let make = move |ix: usize| {
        let (key, strategy) = (peer_keys[ix].clone(), scenario.strategy(ix, HOSTS));
        Peer::new(genesis.clone(), key, strategy, Scenario::coalitions(HOSTS)).unwrap()
    };
    let run = move |ix: usize, task| (workers[ix].run(task), Duration::from_millis(20));
    Simulation::new(seed.into(), config, keys, Link::default(), make, run)
}

/// Runs a scenario until every host has the last height; what became of each Sprint, and the last ledger.
fn play(scenario: Scenario, seed: u8) -> (Vec<Settled>, Ledger, Vec<Hash>) {
    let mut simulation = simulation(scenario, seed);
    simulation.start_all_but(if scenario.events.first() == Some(&(0, Event::Kill)) { &[LAST] } else { &[] });
    let mut events = scenario.events.iter().filter(|(height, _)| *height > 0).peekable();
    let mut settled: Vec<Settled> = Vec::new();
    for height in 1..=END {
        // While a host is down or cut off, the others go on.
        while simulation.node(0).is_none_or(|node| node.height() < height) {
            assert!(simulation.step() && simulation.now() < LIMIT, "stuck at height {height}");
        }
        let ledger = simulation.node(0).unwrap().app().ledger();
        if let Some(last) =
            ledger.settled().filter(|last| settled.last().is_none_or(|known| known.epoch < last.epoch))
        {
            settled.push(last.clone());
        }
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= height) {
            let change = match event {
                Event::Kill => Change::Crash(LAST),
                Event::Start => Change::Start(LAST),
                Event::Equivocate => Change::Behave(LAST, Behaviour::Equivocates),
                Event::Part => Change::Partition(vec![(0..LAST).collect(), vec![LAST]]),
                Event::Heal => Change::Heal,
            };
            simulation.at(simulation.now(), change);
        }
    }
    assert!(simulation.run_to_height(END, LIMIT), "a host stays behind");
    assert_eq!(simulation.fork(), None);
    for host in 0..HOSTS {
        assert!(simulation.fault(host).is_none(), "host {host}: {:?}", simulation.fault(host));
        let state = simulation.node(host).unwrap().app().ledger();
        assert!(state.height() >= END, "host {host} stands at {}", state.height());
    }
    let ledger = simulation.node(0).unwrap().app().ledger().clone();
    assert_eq!(settled.len(), 3, "Sprints");
    (settled, ledger, simulation.chain().to_vec())
}

fn scenario(name: &str) -> Scenario {
    Scenario::named(name).unwrap()
}

fn outcomes(settled: &Settled) -> Vec<Option<Outcome>> {
    settled.outcomes.iter().map(|outcome| outcome.map(|(_, outcome)| outcome)).collect()
}

/// All honest hosts are accepted in all Sprints, the last one ends as said.
fn last_ends(name: &str, expected: Option<Outcome>) -> (Vec<Settled>, Ledger) {
    let (settled, ledger, _) = play(scenario(name), 7);
    for sprint in &settled {
        let outcomes = outcomes(sprint);
        for host in 0..LAST {
            assert!(outcomes[host].is_some_and(Outcome::is_accepted), "{name}, host {host}: {outcomes:?}");
        }
        assert_eq!(outcomes[LAST], expected, "{name}, Sprint {}", sprint.epoch);
    }
    (settled, ledger)
}

fn paid(ledger: &Ledger) -> Vec<u64> {
    ledger.accounts().iter().map(|account| account.paid).collect()
}

#[test]
fn honest_hosts_share_power_and_pay() {
    let (settled, ledger) = last_ends("honest", Some(Outcome::Accepted));
    for sprint in &settled {
        assert_eq!(sprint.powers, [NONCES; HOSTS]);
        assert!(sprint.checks_due > 0 && sprint.checks_done == sprint.checks_due, "{sprint:?}");
        assert!(sprint.at_fault().next().is_none());
    }
    let paid = paid(&ledger);
    assert!(paid.iter().all(|amount| amount.abs_diff(paid[0]) <= 3), "{paid:?}");
}

#[test]
fn cheaters_are_convicted_by_all() {
    for name in ["skip", "forge", "pad"] {
        let (settled, ledger) = last_ends(name, Some(Outcome::Convicted));
        assert!(settled.iter().all(|sprint| sprint.powers[LAST] == 0), "{name}");
        assert_eq!((ledger.accounts()[LAST].power, paid(&ledger)[LAST]), (0, 0), "{name}");
    }
}

#[test]
fn copied_claims_are_nobodys() {
    // In the first Sprint there is nothing to copy.
    let (settled, ledger, _) = play(scenario("copy"), 7);
    assert_eq!(outcomes(&settled[0])[LAST], None);
    for sprint in &settled[1..] {
        assert_eq!(outcomes(sprint)[LAST], Some(Outcome::Convicted));
        assert_eq!(outcomes(sprint)[0], Some(Outcome::Accepted));
    }
    assert_eq!(paid(&ledger)[LAST], 0);
}

#[test]
fn withholding_is_losing() {
    last_ends("withhold", Some(Outcome::Withheld));
    let (settled, ledger) = last_ends("mute", Some(Outcome::Accepted));
    assert!(settled.iter().all(|sprint| sprint.withheld_reveals == [LAST as u32]));
    assert_eq!(paid(&ledger)[LAST], 0);
}

#[test]
fn silence_costs_pay_and_false_words_cost_power() {
    let (settled, ledger) = last_ends("silent", Some(Outcome::Accepted));
    assert!(settled.iter().any(|sprint| sprint.checks_done < sprint.checks_due));
    let silent = paid(&ledger);
    assert!(silent[LAST] < silent[0], "{silent:?}");
    let (settled, ledger, _) = play(scenario("accuse"), 7);
    assert!(settled.iter().any(|sprint| sprint.false_accusers == [LAST as u32]));
    for sprint in &settled {
        assert!(
            outcomes(sprint).iter().all(|outcome| outcome.is_some_and(Outcome::is_accepted)),
            "{sprint:?}"
        );
        assert!(sprint.false_accusers.is_empty() || sprint.powers[LAST] == 0);
    }
    assert!(paid(&ledger)[LAST] < paid(&ledger)[0]);
}

#[test]
fn late_hosts_and_returned_ones_go_on() {
    let (settled, ledger, _) = play(scenario("late"), 7);
    assert_eq!(outcomes(&settled[1])[LAST], None);
    assert_eq!(outcomes(&settled[2])[LAST], Some(Outcome::Accepted));
    assert_eq!(ledger.accounts()[LAST].power, NONCES);
    for name in ["crash", "partition"] {
        let (settled, ledger, _) = play(scenario(name), 7);
        for sprint in &settled {
            let outcomes = outcomes(sprint);
            assert!(
                outcomes[..LAST].iter().all(|outcome| *outcome == Some(Outcome::Accepted)),
                "{name}: {outcomes:?}"
            );
        }
        assert_eq!(outcomes(&settled[2])[LAST], Some(Outcome::Accepted), "{name}");
        assert_eq!(ledger.accounts()[LAST].power, NONCES, "{name}");
    }
}

#[test]
fn equivocation_is_proven_and_paid_for() {
    let (settled, ledger, _) = play(scenario("equivocate"), 7);
    assert!(settled.iter().any(|sprint| sprint.equivocators == [LAST as u32]), "{settled:?}");
    assert!(paid(&ledger)[LAST] < paid(&ledger)[0]);
}

#[test]
fn equal_seeds_give_equal_chains() {
    let (_, _, first) = play(scenario("skip"), 3);
    assert_eq!(play(scenario("skip"), 3).2, first);
    assert_ne!(play(scenario("skip"), 4).2, first);
}

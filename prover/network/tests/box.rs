//! Networks in a box end as the rules say: real work, real checks, agreement on blocks, in simulated time.

use sphere_pow_core::exact::Preset;
use sphere_pow_network::boxed::Simulated;
use sphere_pow_network::ledger::Outcome;
use sphere_pow_network::report::SprintReport;
use sphere_pow_network::scenario::Scenario;

const HOSTS: usize = 5;
const LAST: usize = HOSTS - 1;
/// Nonces of a host in a Sprint.
const NONCES: u64 = 6;
const SPRINTS: u64 = 3;

/// Plays a scenario: each Sprint, and the last block.
fn play(name: &str, seed: u64) -> (Vec<SprintReport>, String) {
    let scenario = Scenario::named(name).unwrap();
    let params = Preset::Nano.params();
    let simulated = Simulated { scenario, hosts: HOSTS, params, nonces: NONCES, sprints: SPRINTS, seed };
    let mut sprints = Vec::new();
    let hash = simulated.play(&mut |report| {
        sprints.push(report.clone());
        true
    });
    (sprints, hash.unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn outcomes(sprint: &SprintReport) -> Vec<Option<Outcome>> {
    sprint.hosts.iter().map(|host| host.outcome).collect()
}

/// All honest hosts are accepted in all Sprints, the last one ends as said.
fn last_ends(name: &str, expected: Option<Outcome>) -> Vec<SprintReport> {
    let (sprints, _) = play(name, 7);
    for sprint in &sprints {
        let outcomes = outcomes(sprint);
        for host in 0..LAST {
            assert!(outcomes[host].is_some_and(Outcome::is_accepted), "{name}, host {host}: {outcomes:?}");
        }
        assert_eq!(outcomes[LAST], expected, "{name}, Sprint {}", sprint.sprint);
    }
    sprints
}

/// Units paid to each host in all.
fn paid(sprints: &[SprintReport]) -> Vec<u64> {
    sprints[sprints.len() - 1].hosts.iter().map(|host| host.paid).collect()
}

#[test]
fn honest_hosts_share_power_and_pay() {
    let sprints = last_ends("honest", Some(Outcome::Accepted));
    for sprint in &sprints {
        assert!(sprint.hosts.iter().all(|host| host.power == NONCES));
        assert!(sprint.checks_due > 0 && sprint.checks_done == sprint.checks_due, "{sprint:?}");
    }
    let paid = paid(&sprints);
    assert!(paid.iter().all(|amount| amount.abs_diff(paid[0]) <= 3), "{paid:?}");
}

#[test]
fn cheaters_are_convicted_by_all() {
    for name in ["skip", "forge", "pad"] {
        let sprints = last_ends(name, Some(Outcome::Convicted));
        assert!(sprints.iter().all(|sprint| sprint.hosts[LAST].power == 0), "{name}");
        assert_eq!((sprints[2].hosts[LAST].power, paid(&sprints)[LAST]), (0, 0), "{name}");
    }
}

#[test]
fn copied_claims_are_nobodys() {
    // In the first Sprint there is nothing to copy.
    let (sprints, _) = play("copy", 7);
    assert_eq!(outcomes(&sprints[0])[LAST], None);
    for sprint in &sprints[1..] {
        assert_eq!(outcomes(sprint)[LAST], Some(Outcome::Convicted));
        assert_eq!(outcomes(sprint)[0], Some(Outcome::Accepted));
    }
    assert_eq!(paid(&sprints)[LAST], 0);
}

#[test]
fn withholding_is_losing_and_changes_no_seed() {
    last_ends("withhold", Some(Outcome::Withheld));
    let sprints = last_ends("mute", Some(Outcome::Accepted));
    assert!(sprints.iter().all(|sprint| sprint.withheld_reveals == [LAST as u32]));
    assert_eq!(paid(&sprints)[LAST], 0);
    // The seeds are those of a network in which it reveals: the others recover what it withholds.
    assert!(sprints.iter().all(|sprint| sprint.recovered == [LAST as u32]));
    let (honest, _) = play("honest", 7);
    let seeds =
        |sprints: &[SprintReport]| sprints.iter().map(|sprint| sprint.seed.clone()).collect::<Vec<_>>();
    assert_eq!(seeds(&sprints), seeds(&honest));
    assert!(honest.iter().all(|sprint| sprint.recovered.is_empty() && sprint.false_dealers.is_empty()));
}

#[test]
fn silence_costs_pay_and_false_words_cost_power() {
    let sprints = last_ends("silent", Some(Outcome::Accepted));
    assert!(sprints.iter().any(|sprint| sprint.checks_done < sprint.checks_due));
    let silent = paid(&sprints);
    assert!(silent[LAST] < silent[0], "{silent:?}");
    let (sprints, _) = play("accuse", 7);
    assert!(sprints.iter().any(|sprint| sprint.false_accusers == [LAST as u32]));
    for sprint in &sprints {
        assert!(
            outcomes(sprint).iter().all(|outcome| outcome.is_some_and(Outcome::is_accepted)),
            "{sprint:?}"
        );
        assert!(sprint.false_accusers.is_empty() || sprint.hosts[LAST].power == 0);
    }
    assert!(paid(&sprints)[LAST] < paid(&sprints)[0]);
}

#[test]
fn late_hosts_and_returned_ones_go_on() {
    let (sprints, _) = play("late", 7);
    assert_eq!(outcomes(&sprints[1])[LAST], None);
    assert_eq!(outcomes(&sprints[2])[LAST], Some(Outcome::Accepted));
    assert_eq!(sprints[2].hosts[LAST].power, NONCES);
    for name in ["crash", "partition"] {
        let (sprints, _) = play(name, 7);
        for sprint in &sprints {
            let outcomes = outcomes(sprint);
            assert!(
                outcomes[..LAST].iter().all(|outcome| *outcome == Some(Outcome::Accepted)),
                "{name}: {outcomes:?}"
            );
        }
        assert_eq!(outcomes(&sprints[2])[LAST], Some(Outcome::Accepted), "{name}");
        assert_eq!(sprints[2].hosts[LAST].power, NONCES, "{name}");
    }
}

#[test]
fn equivocation_is_proven_and_paid_for() {
    let (sprints, _) = play("equivocate", 7);
    assert!(sprints.iter().any(|sprint| sprint.equivocators == [LAST as u32]), "{sprints:?}");
    assert!(paid(&sprints)[LAST] < paid(&sprints)[0]);
}

#[test]
fn equal_seeds_give_equal_chains() {
    let (_, first) = play("skip", 3);
    assert_eq!(play("skip", 3).1, first);
    assert_ne!(play("skip", 4).1, first);
}

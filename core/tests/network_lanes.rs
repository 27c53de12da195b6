//! Lanes of a network (SPEC §IV.9): `tests/vectors/lanes.json`, a second implementation, and what holds for all inputs.

mod common;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sphere_pow_core::network::committee::{Electorate, Seats};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::lanes::counts_again;
use sphere_pow_core::network::lanes::draw::{OwnDraw, Place, part, runs};
use sphere_pow_core::network::lanes::escrow::{Checked, Escrow, Terms, wait_of};
use sphere_pow_core::network::lanes::lease::{Credits, holders};
use sphere_pow_core::network::lanes::verdict::{Outcome, seal};
use sphere_pow_core::network::reputation::Standing;
use std::collections::{BTreeMap, BTreeSet};

fn cases<T: DeserializeOwned>(list: &str) -> Vec<T> {
    common::cases(include_str!("../../tests/vectors/lanes.json"), list)
}

fn bytes(hex: &str) -> [u8; 32] {
    std::array::from_fn(|ix| u8::from_str_radix(&hex[2 * ix..2 * ix + 2], 16).expect("hex"))
}

fn average(segments: u32, days: u32) -> Seats {
    let mut standing = Standing::default();
    (0..days).for_each(|_| standing.work_honestly());
    Seats::of(segments, &standing, Decimal::hundredths(1))
}

#[derive(Deserialize)]
struct Leases {
    lanes: u32,
    rounds: Vec<LeaseRound>,
}

#[derive(Deserialize)]
struct LeaseRound {
    weights: Vec<u64>,
    counts: Vec<u32>,
    there: Vec<bool>,
    again: Vec<usize>,
}

#[test]
fn leases_are_those_of_a_second_implementation() {
    for case in cases::<Leases>("leases") {
        let mut credits = Credits::default();
        for (t, round) in case.rounds.iter().enumerate() {
            assert_eq!(credits.lease(case.lanes, &round.weights), round.counts, "round {t}");
            assert_eq!(credits.release(3, &round.there), round.again, "round {t}");
        }
    }
}

#[derive(Deserialize)]
struct Draw {
    beacon: String,
    round: u32,
    lane: u32,
    segments: u32,
    days: u32,
    unchecked: u32,
    average: u32,
    drawn: Vec<u32>,
    weights: Vec<u64>,
    host: usize,
    seats: u32,
    checkers: Vec<(usize, u32)>,
}

#[test]
fn draws_are_those_of_a_second_implementation() {
    for case in cases::<Draw>("draws") {
        let place = Place { beacon: bytes(&case.beacon), round: case.round, lane: case.lane };
        let average = average(case.segments, case.days);
        assert_eq!(average.thousandths(), case.average);
        assert_eq!(place.segments(case.segments, &average, case.unchecked), case.drawn, "{}", case.beacon);
        let electorate = Electorate::new(&case.weights).unwrap();
        assert_eq!(place.checkers(&electorate, case.host, case.seats), case.checkers, "{}", case.beacon);
    }
}

#[derive(Deserialize)]
struct Own {
    output: String,
    round: u32,
    lane: u32,
    segments: u32,
    days: u32,
    unchecked: u32,
    weights: Vec<u64>,
    validator: usize,
    host: usize,
    seats: u32,
    count: u32,
    drawn: Vec<u32>,
}

#[test]
fn own_draws_are_those_of_a_second_implementation() {
    for case in cases::<Own>("own_draws") {
        let output =
            std::array::from_fn(|ix| u8::from_str_radix(&case.output[2 * ix..2 * ix + 2], 16).unwrap());
        let own = OwnDraw::new(&output, case.round, case.lane);
        let electorate = Electorate::new(&case.weights).unwrap();
        let count = own.seats(&electorate, case.validator, case.host, case.seats);
        assert_eq!(count, case.count, "{}", case.output);
        if count > 0 {
            let average = average(case.segments, case.days);
            let drawn = own.segments(case.segments, &average, count, case.unchecked);
            assert_eq!(drawn, case.drawn, "{}", case.output);
        }
    }
}

#[derive(Deserialize)]
struct Part {
    all: Vec<u32>,
    own: Vec<u32>,
    part: Vec<u32>,
}

#[test]
fn parts_are_those_of_a_second_implementation() {
    for case in cases::<Part>("parts") {
        assert_eq!(part(&case.all, &case.own), case.part, "{:?} of {:?}", case.own, case.all);
    }
}

#[derive(Deserialize)]
struct Exclusion {
    caught: u64,
    epoch: u64,
    again: u64,
}

#[test]
fn exclusions_are_those_of_a_second_implementation() {
    for case in cases::<Exclusion>("exclusions") {
        assert_eq!(counts_again(case.caught, case.epoch), case.again, "{} of {}", case.caught, case.epoch);
    }
}

#[derive(Deserialize)]
struct Seal {
    checker: String,
    seed: String,
    lane: u32,
    leaves: Vec<String>,
    seal: String,
}

#[test]
fn seals_are_those_of_a_second_implementation() {
    for case in cases::<Seal>("seals") {
        let leaves: Vec<[u8; 32]> = case.leaves.iter().map(|leaf| bytes(leaf)).collect();
        assert_eq!(seal(&bytes(&case.checker), &bytes(&case.seed), case.lane, &leaves), bytes(&case.seal));
    }
}

#[derive(Deserialize)]
struct Split {
    reward: String,
    segments: u32,
    outcome: Outcome,
    checkers: Vec<(u64, bool)>,
    trainer: String,
    paid: Vec<String>,
    unpaid: String,
}

#[test]
fn shares_are_those_of_a_second_implementation() {
    for case in cases::<Split>("splits") {
        let terms = Terms { reward: case.reward.parse().unwrap(), segments: case.segments };
        let checked = |(parts, is_borne_out)| Checked { parts, is_borne_out };
        let shares = terms.shares(case.outcome, &case.checkers.into_iter().map(checked).collect::<Vec<_>>());
        let paid: Vec<String> = shares.checkers.iter().map(u64::to_string).collect();
        assert_eq!(paid, case.paid, "{:?} of {}", case.outcome, case.reward);
        let got = [shares.trainer, shares.unpaid].map(|units| units.to_string());
        assert_eq!(got, [case.trainer, case.unpaid], "{:?} of {}", case.outcome, case.reward);
    }
}

#[derive(Deserialize)]
struct EscrowCase {
    rounds_of: u32,
    lanes: u32,
    weights: Vec<u64>,
    wait: Vec<u64>,
    rounds: Vec<EscrowRound>,
}

#[derive(Deserialize)]
struct EscrowRound {
    earned: Vec<(u32, u64)>,
    at_fault: Vec<u32>,
    vested: Vec<(u32, u64)>,
    forfeited: u64,
    held: Vec<u64>,
}

#[test]
fn escrows_are_those_of_a_second_implementation() {
    for case in cases::<EscrowCase>("escrows") {
        let total = case.weights.iter().sum();
        let wait = |host: &u32| wait_of(case.rounds_of, case.lanes, case.weights[*host as usize], total);
        assert_eq!((0..6).map(|host| wait(&host)).collect::<Vec<_>>(), case.wait);
        let mut escrow = Escrow::default();
        for (t, round) in (0..).zip(case.rounds) {
            let (earned, at_fault) =
                (round.earned.into_iter().collect(), round.at_fault.into_iter().collect());
            let closed = escrow.close(t, &earned, &at_fault, wait);
            assert_eq!(closed.vested, round.vested.into_iter().collect(), "round {t}");
            assert_eq!(closed.forfeited, round.forfeited, "round {t}");
            let held: Vec<u64> = (0..6).map(|host| escrow.held(&host)).collect();
            assert_eq!(held, round.held, "round {t}");
        }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Accepted),
        Just(Outcome::Cleared),
        Just(Outcome::Convicted),
        Just(Outcome::Void),
        Just(Outcome::Withheld),
        Just(Outcome::Undecided),
    ]
}

proptest! {
    #[test]
    fn lanes_are_all_leased_and_by_weight(
        lanes in 1..40_u32, weights in vec(0..1000_u64, 1..12), rounds in 1..60_u32,
    ) {
        let total: u64 = weights.iter().sum();
        prop_assume!(total > 0);
        let mut credits = Credits::default();
        let mut sums = vec![0_u64; weights.len()];
        for _ in 0..rounds {
            let counts = credits.lease(lanes, &weights);
            prop_assert_eq!(holders(&counts).len(), lanes as usize);
            sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += u64::from(*count));
        }
        for (sum, weight) in sums.iter().zip(&weights) {
            // In units of 1 / W lanes, of which two lanes' worth are allowed.
            let due = u64::from(rounds) * u64::from(lanes) * weight;
            prop_assert!((sum * total).abs_diff(due) <= 2 * total, "{} of {due} / {total}", sum);
        }
    }

    #[test]
    fn runs_cover_what_is_drawn(drawn in btree_set(0..64_u32, 0..40)) {
        let drawn: Vec<u32> = drawn.into_iter().collect();
        let of = runs(&drawn);
        let all: Vec<u32> = of.iter().cloned().flatten().collect();
        prop_assert_eq!(all, drawn);
        // Neighbours would be one run: no state that is opened is the answer to a segment.
        prop_assert!(of.windows(2).all(|pair| pair[0].end < pair[1].start));
    }

    #[test]
    fn a_part_is_of_whole_runs_beginnings_and_has_the_own(
        all in btree_set(0..64_u32, 0..40), picks in vec(any::<bool>(), 64),
    ) {
        let all: Vec<u32> = all.into_iter().collect();
        let own: Vec<u32> = all.iter().copied().filter(|segment| picks[*segment as usize]).collect();
        let part = part(&all, &own);
        prop_assert!(part.is_sorted() && own.iter().all(|segment| part.contains(segment)));
        // Nothing is repeated but what leads from an opened state to an own segment.
        let starts: Vec<u32> = runs(&all).into_iter().map(|run| run.start).collect();
        for run in runs(&part) {
            prop_assert!(starts.contains(&run.start) && own.contains(&(run.end - 1)));
        }
    }

    #[test]
    fn a_lanes_reward_is_shared_to_the_unit(
        reward in any::<u64>(), segments in 1..4096_u32, outcome in outcome(),
        checkers in vec((0..1_000_000_u64, any::<bool>()), 0..20),
    ) {
        let checked = |(parts, is_borne_out)| Checked { parts, is_borne_out };
        let checkers: Vec<Checked> = checkers.into_iter().map(checked).collect();
        let shares = Terms { reward, segments }.shares(outcome, &checkers);
        let paid: u128 = shares.checkers.iter().map(|units| u128::from(*units)).sum();
        prop_assert_eq!(u128::from(shares.trainer) + paid + u128::from(shares.unpaid), u128::from(reward));
        prop_assert_eq!(shares.checkers.len(), checkers.len());
    }

    #[test]
    fn every_unit_that_is_earned_vests_is_held_or_is_forfeited(
        waits in vec(0..8_u64, 6),
        rounds in vec((btree_map(0..6_u8, 0..1000_u64, 0..6), btree_set(0..6_u8, 0..3)), 1..30),
    ) {
        let mut escrow = Escrow::default();
        let wait = |host: &u8| waits[usize::from(*host)];
        let (mut earned, mut vested, mut forfeited) = (0, 0, 0);
        for (t, (units, at_fault)) in (0..).zip(&rounds) {
            earned += units.values().sum::<u64>();
            let closed = escrow.close(t, units, at_fault, wait);
            vested += closed.vested.values().sum::<u64>();
            forfeited += closed.forfeited;
            let held: u64 = (0..6).map(|host| escrow.held(&host)).sum();
            prop_assert_eq!(earned, vested + held + forfeited);
            prop_assert!(at_fault.iter().all(|host| escrow.held(host) == 0));
        }
        // Nothing is held for longer than it has to be.
        let none = (BTreeMap::new(), BTreeSet::new());
        let end = rounds.len() as u64;
        for t in end..=end + 8 {
            escrow.close(t, &none.0, &none.1, wait);
        }
        prop_assert_eq!(escrow.entries().count(), 0);
    }
}

//! For how long rewards are kept back, and which lanes are trained again (SPEC §IV.9.1, §IV.9.7): `tests/vectors/lanes.json`, by
//! exact fractions.

mod common;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sphere_pow_core::network::committee::Seats;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::lanes::escrow::{
    least_rounds, least_rounds_of_own_draws, rounds_to_see, rounds_to_see_by_own_draws, wait_of_standing,
};
use sphere_pow_core::network::lanes::{leased, owed};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reputation::Standing;

fn cases<T: DeserializeOwned>(list: &str) -> Vec<T> {
    common::cases(include_str!("../../tests/vectors/lanes.json"), list)
}

fn standing(days: u32) -> Standing {
    let mut standing = Standing::default();
    (0..days).for_each(|_| standing.work_honestly());
    standing
}

fn average(segments: u32, days: u32) -> Seats {
    Seats::of(segments, &standing(days), Decimal::hundredths(1))
}

#[derive(Deserialize)]
struct Wait {
    segments: u32,
    days: u32,
    num: u32,
    den: u32,
    seats: u32,
    rounds: Option<u32>,
}

#[test]
fn waits_are_those_of_exact_fractions() {
    for case in cases::<Wait>("waits") {
        let hiding = Ratio::new(case.num, case.den).unwrap();
        let got = least_rounds(&average(case.segments, case.days), hiding, case.seats);
        assert_eq!(got, case.rounds, "{} of {}, {} days", case.num, case.den, case.days);
    }
}

#[test]
fn waits_of_own_draws_are_those_of_exact_fractions() {
    for case in cases::<Wait>("own_waits") {
        let hiding = Ratio::new(case.num, case.den).unwrap();
        let got = least_rounds_of_own_draws(&average(case.segments, case.days), hiding, case.seats);
        assert_eq!(
            got, case.rounds,
            "{} of {}, {} days, {} seats",
            case.num, case.den, case.days, case.seats
        );
    }
}

#[derive(Deserialize)]
struct Debts {
    lanes: u32,
    rounds: Vec<[u32; 3]>,
}

#[test]
fn lanes_that_are_lost_are_leased_again() {
    for case in cases::<Debts>("debts") {
        let mut debt = 0;
        for [all, accepted, left] in case.rounds {
            assert_eq!(leased(case.lanes, debt), all);
            debt = owed(case.lanes, all, accepted);
            assert_eq!(debt, left, "{} lanes", case.lanes);
        }
    }
}

#[derive(Deserialize)]
struct Sight {
    segments: u32,
    days: u32,
    num: u32,
    den: u32,
    seats: u32,
    rounds: [Option<u32>; 2],
}

#[test]
fn rounds_to_see_are_those_of_exact_fractions() {
    for case in cases::<Sight>("sights") {
        let (average, hiding) = (average(case.segments, case.days), Ratio::new(case.num, case.den).unwrap());
        let got = [rounds_to_see, rounds_to_see_by_own_draws]
            .map(|of| of(&average, case.segments, hiding, case.seats));
        let Sight { segments, days, num, den, seats, rounds } = case;
        assert_eq!(got, rounds, "{segments} segments, {days} days, {num} of {den}, {seats} seats");
    }
}

#[derive(Deserialize)]
struct StandingCase {
    segments: u32,
    floor: u32,
    seats: u32,
    days: u32,
    rounds: u32,
}

#[test]
fn waits_by_standing_are_those_of_a_second_implementation() {
    let third = Ratio::new(1, 3).unwrap();
    for case in cases::<StandingCase>("standings") {
        let asked = |standing: &Standing| {
            let average = Seats::of(case.segments, standing, Decimal::hundredths(case.floor));
            let deters = least_rounds_of_own_draws(&average, third, case.seats)?;
            Some(deters.max(rounds_to_see_by_own_draws(&average, case.segments, third, case.seats)?))
        };
        assert_eq!(wait_of_standing(&standing(case.days), asked), Some(case.rounds), "{} days", case.days);
    }
}

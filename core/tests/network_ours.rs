//! `tests/vectors/network_ours.json`, a second implementation of our own rules (SPEC Part III), against core.

mod common;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sphere_pow_core::identity::PublicKey;
use sphere_pow_core::network::difficulty::{CapRates, Difficulty, Goal, Interval, Mark};
use sphere_pow_core::network::reward::Emission;
use sphere_pow_core::network::sample::{Beacon, Commitment, draw};

fn cases<T: DeserializeOwned>(list: &str) -> Vec<T> {
    common::cases(include_str!("../../tests/vectors/network_ours.json"), list)
}

#[derive(Deserialize)]
struct Draw {
    root: String,
    count: String,
    committed: u64,
    value: String,
    revealed: u64,
    validator: String,
    participant: String,
    size: u64,
    places: Vec<String>,
}

fn bytes(hex: &str) -> [u8; 32] {
    std::array::from_fn(|ix| u8::from_str_radix(&hex[2 * ix..2 * ix + 2], 16).expect("hex"))
}

#[test]
fn our_draws_are_those_of_a_second_implementation() {
    for case in cases::<Draw>("draws") {
        let (root, count) = (bytes(&case.root), case.count.parse().unwrap());
        let commitment = Commitment { root, count, height: case.committed };
        let beacon = Beacon { value: bytes(&case.value), height: case.revealed };
        let key = |text: &str| PublicKey::new(text).unwrap();
        let (validator, participant) = (key(&case.validator), key(&case.participant));
        let places = draw(&commitment, &beacon, &validator, &participant, case.size).unwrap();
        let places: Vec<_> = places.iter().map(u64::to_string).collect();
        assert_eq!(places, case.places, "{} of {count}", case.size);
    }
}

#[derive(Deserialize)]
struct EmissionCase {
    initial: String,
    epoch: String,
    reward: String,
}

#[test]
fn emissions_are_those_of_a_second_implementation() {
    for case in cases::<EmissionCase>("emissions") {
        let emission = Emission { initial: case.initial.parse().unwrap(), decay_millionths: 475 };
        let reward = emission.of_epoch(case.epoch.parse().unwrap()).to_string();
        assert_eq!(reward, case.reward, "{} in epoch {}", case.initial, case.epoch);
    }
}

#[derive(Deserialize)]
struct Rate {
    vocab: u32,
    threshold: u32,
    rate: String,
}

#[test]
fn rates_are_those_of_a_second_implementation() {
    for Rate { vocab, threshold, rate } in cases("rates") {
        let got = CapRates::new(vocab).unwrap().rate(threshold).to_string();
        assert_eq!(got, rate, "vocab {vocab}, threshold {threshold}");
    }
}

#[derive(Deserialize)]
struct Step {
    vocab: u32,
    threshold: u32,
    wins: String,
    duration: String,
    goal_wins: String,
    goal_duration: String,
    next: u32,
}

#[test]
fn steps_are_those_of_a_second_implementation() {
    for case in cases::<Step>("steps") {
        let number = |text: &str| text.parse::<u64>().unwrap();
        let now = Difficulty::new(case.vocab, case.threshold).unwrap();
        let to = Mark { height: 1, time_ms: number(&case.duration), wins: number(&case.wins) };
        let seen = Interval::between(&Mark { height: 0, time_ms: 0, wins: 0 }, &to).unwrap();
        let goal = Goal::new(number(&case.goal_wins), number(&case.goal_duration)).unwrap();
        assert_eq!(now.next(&seen, &goal).threshold(), case.next, "{} from {}", case.vocab, case.threshold);
    }
}

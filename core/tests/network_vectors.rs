//! `tests/vectors/network.json`, what Go and the chain's decimal library answer (SPEC Part III), against core.

mod common;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::network::cap::cap_powers;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::go_rand::GoRand;
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reputation::{Powers, ValidationRules};
use sphere_pow_core::network::reward::Emission;
use sphere_pow_core::network::sample::{DEFAULT_SAMPLE, network_sample, network_seed};

const BOUNDS: [u64; 10] =
    [1, 2, 3, 10, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, 3 << 61, (1 << 63) - 1];

fn cases<T: DeserializeOwned>(list: &str) -> Vec<T> {
    common::cases(include_str!("../../tests/vectors/network.json"), list)
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

#[derive(Deserialize)]
struct Generator {
    seed: String,
    words: Vec<String>,
    bounded: Vec<String>,
    perms: Vec<Vec<u32>>,
}

#[test]
fn the_generator_is_gos() {
    for case in cases::<Generator>("generators") {
        let mut rand = GoRand::new(case.seed.parse().unwrap());
        let mut words: Vec<u64> = (0..3).map(|_| rand.next_u64()).collect();
        words.push((0..701).map(|_| rand.next_u64()).last().unwrap());
        assert_eq!(words.iter().map(u64::to_string).collect::<Vec<_>>(), case.words, "seed {}", case.seed);
        let bounded: Vec<_> = BOUNDS.iter().map(|n| rand.intn(*n).to_string()).collect();
        assert_eq!(bounded, case.bounded, "seed {}", case.seed);
        let perms: Vec<_> = [0, 1, 2, 13].iter().map(|n| rand.perm(*n)).collect();
        assert_eq!(perms, case.perms, "seed {}", case.seed);
    }
}

#[derive(Deserialize)]
struct Sample {
    validator: String,
    block_hash: String,
    height: u64,
    n: u32,
    seed: String,
    first: Vec<u32>,
    count: usize,
    sha256: String,
}

#[test]
fn samples_are_those_that_go_draws() {
    for case in cases::<Sample>("samples") {
        let validator = PublicKey::new(&case.validator).unwrap();
        let block = BlockHash::new(&case.block_hash).unwrap();
        assert_eq!(network_seed(&validator, &block, case.height).to_string(), case.seed);
        let places = network_sample(&validator, &block, case.height, case.n, DEFAULT_SAMPLE).unwrap();
        assert_eq!(places.len(), case.count);
        assert_eq!(places[..case.first.len()], case.first);
        let bytes: Vec<u8> = places.iter().flat_map(|place| place.to_le_bytes()).collect();
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, case.sha256, "n {}", case.n);
    }
}

#[derive(Deserialize)]
struct Reputation {
    epochs: u32,
    epochs_to_max: u32,
    miss_cutoff: String,
    missed: Vec<String>,
    reputation: u8,
}

#[test]
fn reputations_round_as_the_reference_does() {
    let mut lost_to_rounding = 0;
    for case in cases::<Reputation>("reputations") {
        let rules = ValidationRules {
            epochs_to_max: case.epochs_to_max,
            miss_cutoff: decimal(&case.miss_cutoff),
            ..ValidationRules::NETWORK
        };
        let missed: Vec<_> = case.missed.iter().map(|share| decimal(share)).collect();
        let reputation = rules.reputation(case.epochs, &missed).unwrap();
        assert_eq!(reputation, case.reputation, "{} epochs, {} missed", case.epochs, missed.len());
        // In exact numbers: all of these misses are halves, and above the cutoff.
        if case.missed.iter().all(|share| share == "0.5") {
            let halves = u32::try_from(missed.len()).unwrap();
            let exact = 50 * (2 * case.epochs).saturating_sub(halves) / case.epochs_to_max;
            lost_to_rounding += u32::from(exact.min(100) != u32::from(reputation));
        }
    }
    assert!(lost_to_rounding > 0, "the cases do not show the reference's rounding");
}

#[derive(Deserialize)]
struct Average {
    requests: u64,
    average: String,
}

#[test]
fn averages_are_the_references() {
    for case in cases::<Average>("averages") {
        let average = ValidationRules::NETWORK.minimum_average(case.requests).unwrap();
        assert_eq!(average.to_string(), case.average, "{} requests", case.requests);
    }
}

#[derive(Deserialize)]
struct DutyCase {
    seed: String,
    id: String,
    total: u64,
    validator: u64,
    executor: u64,
    reputation: u8,
    requests: u64,
    draw: String,
    probability: String,
    due: bool,
}

#[test]
fn duties_fall_to_the_same_validators() {
    let mut due = [0, 0];
    for case in cases::<DutyCase>("duties") {
        let powers = Powers { total: case.total, validator: case.validator, executor: case.executor };
        let (seed, id) = (case.seed.parse().unwrap(), &case.id);
        let duty = ValidationRules::NETWORK.duty(seed, id, powers, case.reputation, case.requests).unwrap();
        assert_eq!(duty.draw.to_string(), case.draw, "{id}");
        assert_eq!(duty.probability.to_string(), case.probability, "{id}");
        assert_eq!(duty.is_due(), case.due, "{id}");
        due[usize::from(case.due)] += 1;
    }
    assert!(due.iter().all(|n| *n > 10), "{due:?}");
}

#[derive(Deserialize)]
struct Cap {
    percent: u32,
    powers: Vec<u64>,
    cap: i64,
}

#[test]
fn caps_are_the_references_but_for_its_floats() {
    let mut differing = 0;
    for case in cases::<Cap>("caps") {
        let exact = cap_powers(&case.powers, Ratio::percent(case.percent)).unwrap();
        let exact = exact.cap.map_or(-1, |cap| i64::try_from(cap).unwrap());
        if case.percent == 25 && case.powers.len() > 3 {
            assert_eq!(exact, case.cap, "{:?}", case.powers);
        }
        assert!((exact - case.cap).abs() <= 1, "{exact} for {} of {:?}", case.cap, case.powers);
        differing += u32::from(exact != case.cap);
    }
    assert!(differing > 0, "the cases do not show the reference's floats");
}

#[derive(Deserialize)]
struct EmissionCase {
    initial: String,
    epoch: u64,
    reward: String,
}

#[test]
fn emissions_are_the_references_but_for_its_floats() {
    for case in cases::<EmissionCase>("emissions") {
        let emission = Emission { initial: case.initial.parse().unwrap(), decay_millionths: 475 };
        let (got, want) = (emission.of_epoch(case.epoch), case.reward.parse::<u64>().unwrap());
        // An f64 power is right to 2^-52 of itself: a unit where the reward is near 2^48.
        assert!(got.abs_diff(want) <= want >> 47, "{got} for {want}");
    }
}

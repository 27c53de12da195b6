//! One epoch from messages to rewards by our rules: who gets what, and that no order within a window matters
//! (SPEC Part III).

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use sphere_pow_core::identity::PublicKey;
use sphere_pow_core::network::cap::{DEFAULT_LIMIT, cap_powers};
use sphere_pow_core::network::epoch::{EpochParams, Stages};
use sphere_pow_core::network::majority::{Ballot, Decision, Revote, Vote};
use sphere_pow_core::network::message::{BatchMessage, accept_batch, accept_validation};
use sphere_pow_core::network::reward::{Cycle, Emission, Record, Settlement};
use sphere_pow_core::network::sample::{Beacon, Commitment, DEFAULT_SAMPLE, draw};
use sphere_pow_core::network::weight::{Candidate, CollateralRule, Counting, NoWeight, claimed_weight};
use std::collections::{BTreeMap, BTreeSet};

/// Junk nonces have this bit, for the test's validators to see.
const JUNK: i64 = 1 << 40;

#[derive(Clone, Debug)]
struct Batch {
    sender: u8,
    height: u64,
    nonces: Vec<i64>,
}

/// What an epoch leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    claims: BTreeMap<u8, u64>,
    refused: BTreeMap<u8, NoWeight>,
    powers: BTreeMap<u8, u64>,
    settled: Settlement<u8>,
}

fn key(host: u8) -> PublicKey {
    PublicKey::new(&format!("02{host:064x}")).unwrap()
}

/// Votes as honest validators cast them: fraud where the sample drawn for them holds junk.
fn votes(stages: &Stages, claims: &BTreeMap<u8, BTreeSet<i64>>, validators: &[u8]) -> Vec<(u8, u8, Vote)> {
    let close = *stages.batch_window().end();
    let beacon = Beacon { value: [5; 32], height: close + 1 };
    let mut votes = Vec::new();
    for (participant, nonces) in claims {
        let nonces: Vec<i64> = nonces.iter().copied().collect();
        let bytes: Vec<u8> = nonces.iter().flat_map(|nonce| nonce.to_le_bytes()).collect();
        let root = Sha256::digest(&bytes).into();
        let commitment = Commitment { root, count: nonces.len() as u64, height: close };
        for validator in validators {
            let (own, other) = (key(*validator), key(*participant));
            let places = draw(&commitment, &beacon, &own, &other, DEFAULT_SAMPLE.into()).unwrap();
            let is_junk = |place: &u64| nonces[usize::try_from(*place).unwrap()] & JUNK != 0;
            let vote = if places.iter().any(is_junk) { Vote::Fraud } else { Vote::Valid };
            votes.push((*participant, *validator, vote));
        }
    }
    votes
}

/// Runs the epoch on batches and, for the vote, on what `order` makes of the votes cast.
fn run(
    batches: &[Batch],
    group: &BTreeMap<u8, u64>,
    silent: &[u8],
    order: impl Fn(&mut Vec<(u8, u8, Vote)>),
) -> Result {
    let stages = EpochParams::MAINNET.epoch(2).unwrap();
    let start = i64::try_from(stages.start()).unwrap();
    let mut submitted: BTreeMap<u8, Vec<&[i64]>> = BTreeMap::new();
    for Batch { sender, height, nonces } in batches {
        let distances = vec![1.0; nonces.len()];
        let message = BatchMessage { stage_start: start, nonces, distances: &distances };
        if accept_batch(&stages, *height, &message).is_ok() {
            submitted.entry(*sender).or_default().push(nonces);
        }
    }
    let claims: BTreeMap<u8, u64> = submitted
        .iter()
        .map(|(host, batches)| (*host, claimed_weight(batches.iter().copied(), Counting::Unique)))
        .collect();
    let sets =
        submitted.iter().map(|(host, batches)| (*host, batches.concat().into_iter().collect())).collect();
    let awake: Vec<u8> = group.keys().filter(|host| !silent.contains(host)).copied().collect();
    let mut cast = votes(&stages, &sets, &awake);
    order(&mut cast);
    let mut ballot = Ballot::new(Revote::FraudStands);
    for (participant, validator, vote) in cast {
        accept_validation(&stages, stages.validation_start() + 1, start).unwrap();
        ballot.record(participant, validator, vote);
    }
    let (mut refused, mut weights) = (BTreeMap::new(), BTreeMap::new());
    for (host, claimed) in &claims {
        let is_accepted = ballot.tally(host, group).majority() == Decision::Accepted;
        let candidate = Candidate { claimed: *claimed, has_validator_key: true, is_accepted, has_seed: true };
        match candidate.weight() {
            Ok(weight) => drop(weights.insert(*host, CollateralRule::DEFAULT.backed(weight, 0, 2))),
            Err(why) => drop(refused.insert(*host, why)),
        }
    }
    let capped = cap_powers(&weights.values().copied().collect::<Vec<_>>(), DEFAULT_LIMIT).unwrap();
    let powers: BTreeMap<u8, u64> = weights.keys().copied().zip(capped.powers).collect();
    let mut cycle = Cycle::default();
    if !powers.is_empty() {
        cycle.emit(Emission::NETWORK.of_epoch(2), &powers).unwrap();
    }
    // Host 1 did half of its checks.
    let record = Record { checks_due: 2, checks_done: 1, ..Record::default() };
    refused.keys().for_each(|host| cycle.forfeit(*host));
    let settled = cycle.settle(&BTreeMap::from([(1, record)]));
    Result { claims, refused, powers, settled }
}

fn honest(sender: u8, batches: i64, each: i64) -> Vec<Batch> {
    let batch = |ix: i64| {
        let nonces = (0..each).map(|n| i64::from(sender) + 100 * (ix * each + n)).collect();
        Batch { sender, height: 17_581 + ix.unsigned_abs(), nonces }
    };
    (0..batches).map(batch).collect()
}

/// Five hosts mine alike; 6 pads a tenth with junk, 7 submits everything twice, 8 submits after the window.
fn scene() -> Vec<Batch> {
    let mut batches: Vec<Batch> = (1..=5).flat_map(|host| honest(host, 10, 100)).collect();
    let mut padded = honest(6, 10, 100);
    padded.iter_mut().for_each(|batch| batch.nonces[..10].iter_mut().for_each(|nonce| *nonce |= JUNK));
    let twice = honest(7, 10, 100);
    batches.extend(padded.into_iter().chain(twice.clone()).chain(twice));
    batches.extend(honest(8, 1, 100).into_iter().map(|batch| Batch { height: 17_646, ..batch }));
    batches
}

fn group() -> BTreeMap<u8, u64> {
    (1..=7).map(|host| (host, 100)).collect()
}

#[test]
fn cheats_gain_nothing_and_honest_hosts_share_the_epoch() {
    let result = run(&scene(), &group(), &[6], |_| ());
    // Twice the same nonces weigh once, and batches after the window do not exist.
    assert_eq!(result.claims, (1..=7).map(|host| (host, 1000)).collect());
    assert_eq!(result.refused, BTreeMap::from([(6, NoWeight::NotAccepted)]));
    assert_eq!(result.powers, [1, 2, 3, 4, 5, 7].map(|host| (host, 1000)).into());
    // 284,729 by six: 47,454 each, and the five units left to the first five hosts.
    let paid = [(1, 23_727), (2, 47_455), (3, 47_455), (4, 47_455), (5, 47_455), (7, 47_454)];
    assert_eq!(result.settled.paid, paid.into());
    assert_eq!(result.settled.withheld, 23_728);
    assert_eq!(result.settled.total(), 284_729);
}

#[test]
fn half_of_the_weight_silent_stops_every_claim() {
    let result = run(&scene(), &group(), &[1, 2, 3, 4], |_| ());
    assert!(result.powers.is_empty() && result.refused.len() == 7);
    // Three silent of seven leave a majority.
    assert_eq!(run(&scene(), &group(), &[1, 2, 3], |_| ()).powers.len(), 6);
}

#[test]
fn a_large_host_is_cut_to_a_quarter() {
    let mut batches = scene();
    batches.extend(honest(9, 50, 200));
    let powers = run(&batches, &group(), &[], |_| ()).powers;
    // Six of 1000: cap = 6000 / 4 / (1 - 1/4).
    assert_eq!(powers[&9], 2000);
    assert_eq!(powers.values().sum::<u64>(), 8000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_result_depends_on_an_order_within_a_window(seed: u64, repeats in 0..40_usize) {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 16
        };
        let mut batches = scene();
        // Within the window a batch may come at any height, and its nonces in any order.
        for batch in batches.iter_mut().filter(|batch| batch.sender != 8) {
            batch.height = 17_581 + next() % 65;
            batch.nonces.sort_by_cached_key(|_| next());
        }
        batches.sort_by_cached_key(|_| next());
        // Three are silent, so each vote counts; validators repeat themselves, and one equivocates on host 5.
        let silent = [2, 3, 4];
        let equivocate = |votes: &mut Vec<_>| votes.extend([(5, 1, Vote::Fraud), (5, 1, Vote::Valid)]);
        let keys: Vec<u64> = (0..200).map(|_| next()).collect();
        let shuffle = |votes: &mut Vec<(u8, u8, Vote)>| {
            equivocate(votes);
            votes.extend(votes.clone().into_iter().take(repeats));
            let mut keys = keys.iter();
            votes.sort_by_cached_key(|_| *keys.next().unwrap());
        };
        let straight = run(&scene(), &group(), &silent, equivocate);
        prop_assert!(straight.refused.contains_key(&5) && straight.powers.contains_key(&4));
        prop_assert_eq!(run(&batches, &group(), &silent, shuffle), straight);
    }
}

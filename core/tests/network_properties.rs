//! What must hold of the network's rules whatever the input (SPEC Part III).

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sphere_pow_core::identity::PublicKey;
use sphere_pow_core::network::cap::{cap_powers, limit_for};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::detection::BinomialTest;
use sphere_pow_core::network::epoch::{Durations, EpochParams, Phase};
use sphere_pow_core::network::majority::{Ballot, Revote, Vote};
use sphere_pow_core::network::message::{BatchMessage, accept_batch, accept_validation};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reputation::{Powers, ValidationRules};
use sphere_pow_core::network::reward::{Cycle, Record, share_by_weight};
use sphere_pow_core::network::sample::{Beacon, Commitment, draw};
use sphere_pow_core::network::weight::{CollateralRule, Counting, GuardianRule, claimed_weight};
use std::collections::{BTreeMap, BTreeSet};

fn durations() -> impl Strategy<Value = Durations> {
    let part = 0..300_u64;
    (part.clone(), part.clone(), part.clone(), part.clone(), part.clone(), part.clone(), part.clone(), part)
        .prop_map(|(slack, shift, generation, exchange, delay, validation, validators, cutoff)| {
            let (delay, generation, validation) = (exchange + delay, generation + 1, validation + 1);
            let length = generation + delay + validation + validators + 2 + slack;
            Durations {
                epoch_length: length,
                epoch_shift: shift % length,
                poc_stage_duration: generation,
                poc_exchange_duration: exchange,
                poc_validation_delay: delay,
                poc_validation_duration: validation,
                set_new_validators_delay: validators,
                inference_validation_cutoff: cutoff % length,
            }
        })
}

proptest! {
    #[test]
    fn windows_never_meet_and_phases_never_go_back(durations in durations(), index in 1..1_000_000_u64) {
        let params = EpochParams::new(durations).unwrap();
        let stages = params.epoch(index).unwrap();
        prop_assert_eq!(params.epoch_at(stages.start()), index);
        prop_assert_eq!(params.epoch_at(stages.next_start() - 1), index);
        let (batches, validations) = (stages.batch_window(), stages.validation_window());
        // Nothing is taken at the stage's start, and a batch never after validation has begun.
        prop_assert!(stages.start() < *batches.start() && batches.end() < validations.start());
        prop_assert!(*validations.end() <= stages.new_validators() && stages.claim() < stages.next_start());
        let phases: Vec<_> = (stages.start()..stages.next_start()).map(|h| stages.phase(h)).collect();
        let rank = |phase: &Phase| match phase {
            Phase::Inference => 4,
            Phase::Generate => 0,
            Phase::GenerateWindDown => 1,
            Phase::Validate => 2,
            Phase::ValidateWindDown => 3,
        };
        prop_assert!(phases.is_sorted_by_key(rank));
        prop_assert_eq!(stages.next_start(), params.epoch(index + 1).unwrap().start());
    }

    #[test]
    fn any_message_gets_an_answer(
        start: i64, height: u64, nonces in vec(any::<i64>(), 0..5), distances in vec(any::<f64>(), 0..5),
    ) {
        let stages = EpochParams::MAINNET.epoch(7).unwrap();
        let batch = BatchMessage { stage_start: start, nonces: &nonces, distances: &distances };
        if let Err(refusal) = accept_batch(&stages, height, &batch) {
            prop_assert!([18, 1107, 1108].contains(&refusal.code().code));
        }
        if let Err(refusal) = accept_validation(&stages, height, start) {
            prop_assert!([1107, 1108].contains(&refusal.code().code));
        }
    }

    #[test]
    fn claims_do_not_depend_on_the_order_of_batches(
        batches in vec(vec(0..40_i64, 0..20), 0..10), turn in 0..10_usize,
    ) {
        let mut turned = batches.clone();
        turned.rotate_left(turn % batches.len().max(1));
        turned.iter_mut().for_each(|batch| batch.reverse());
        let weight = |batches: &[Vec<i64>], counting| claimed_weight(batches.iter().map(Vec::as_slice), counting);
        for counting in [Counting::All, Counting::Unique] {
            prop_assert_eq!(weight(&batches, counting), weight(&turned, counting));
        }
        let different: BTreeSet<_> = batches.iter().flatten().collect();
        prop_assert_eq!(weight(&batches, Counting::Unique), different.len() as u64);
        prop_assert!(weight(&batches, Counting::Unique) <= weight(&batches, Counting::All));
    }

    #[test]
    fn votes_decide_alike_in_any_order(
        votes in vec((0..4_u8, 0..12_u8, any::<bool>()), 0..60),
        keys in vec(any::<u64>(), 60),
        weights in btree_map(0..10_u8, any::<u64>(), 0..10),
    ) {
        let mut shuffled: Vec<_> = votes.iter().zip(&keys).collect();
        shuffled.sort_by_key(|(_, key)| **key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(vote, _)| *vote).collect();
        let ballot = |revote, votes: &[(u8, u8, bool)]| {
            let mut ballot = Ballot::new(revote);
            for (participant, validator, valid) in votes {
                ballot.record(*participant, *validator, if *valid { Vote::Valid } else { Vote::Fraud });
            }
            ballot
        };
        prop_assert_eq!(ballot(Revote::FraudStands, &votes), ballot(Revote::FraudStands, &shuffled));
        // The network's rule too, as long as no validator votes twice on a claim.
        let mut seen = BTreeSet::new();
        let is_first = |vote: &&(u8, u8, bool)| seen.insert((vote.0, vote.1));
        let once: Vec<_> = votes.iter().filter(is_first).copied().collect();
        let again: Vec<_> = shuffled.iter().filter(|vote| once.contains(vote)).copied().collect();
        if once.len() == again.len() {
            prop_assert_eq!(ballot(Revote::LastStands, &once), ballot(Revote::LastStands, &again));
        }
        for participant in 0..4 {
            let tally = ballot(Revote::FraudStands, &votes).tally(&participant, &weights);
            prop_assert_eq!(tally.total(), weights.values().map(|weight| u128::from(*weight)).sum::<u128>());
        }
    }

    #[test]
    fn no_capped_power_passes_the_limit(
        powers in vec(prop_oneof![0..100_u64, 0..1_000_000_u64, any::<u64>()], 1..40), percent in 1..=100_u32,
        turn in 0..40_usize,
    ) {
        let n = powers.len();
        let limit = limit_for(n, Ratio::percent(percent));
        let Ok(capped) = cap_powers(&powers, Ratio::percent(percent)) else {
            prop_assert!(limit.num() * (n as u128) < limit.den());
            return Ok(());
        };
        let total: u128 = capped.powers.iter().map(|power| u128::from(*power)).sum();
        let largest = u128::from(*capped.powers.iter().max().unwrap());
        prop_assert!(largest * limit.den() <= limit.num() * total);
        // Only what was above the cap was cut, to the cap, and a second cap cuts nothing.
        for (old, new) in powers.iter().zip(&capped.powers) {
            prop_assert_eq!(*new, capped.cap.map_or(*old, |cap| cap.min(*old)));
        }
        prop_assert_eq!(&cap_powers(&capped.powers, limit).unwrap().powers, &capped.powers);
        let mut turned = powers.clone();
        turned.rotate_left(turn % n);
        prop_assert_eq!(cap_powers(&turned, Ratio::percent(percent)).unwrap().cap, capped.cap);
        // One unit more would pass it.
        if let Some(cap) = capped.cap {
            let raised = powers.iter().map(|power| u128::from((*power).min(cap.saturating_add(1))));
            let more: u128 = raised.sum();
            prop_assert!((u128::from(cap) + 1) * limit.den() > limit.num() * more);
        }
    }

    #[test]
    fn backed_weight_grows_with_collateral_up_to_the_weight(
        weight: u64, collateral: u64, more in 0..u64::MAX, base in 0..=100_u32, num in 0..=u32::MAX, den in 1..=u32::MAX,
    ) {
        let per_weight = Ratio::new(num, den).unwrap();
        let rule = CollateralRule { base: Ratio::percent(base), per_weight, ..CollateralRule::DEFAULT };
        let backed = rule.backed(weight, collateral, 181);
        prop_assert!(rule.base.of(weight) <= backed && backed <= weight);
        prop_assert!(backed <= rule.backed(weight, collateral.saturating_add(more), 181));
        prop_assert_eq!(rule.backed(weight, collateral, 180), weight);
    }

    #[test]
    fn guardians_leave_others_alone(hosts in vec((0..200_000_u64, any::<bool>()), 0..30)) {
        let powers = GuardianRule::DEFAULT.powers(&hosts);
        let others: u64 = hosts.iter().filter(|host| !host.1).map(|host| host.0).sum();
        let mut guardians = Vec::new();
        for ((old, is_guardian), new) in hosts.iter().zip(&powers) {
            if *is_guardian {
                guardians.push(*new);
            } else {
                prop_assert_eq!(old, new);
            }
        }
        let is_young = hosts.iter().map(|host| host.0).sum::<u64>() < 2_000_000 && hosts.len() > 1;
        if is_young && !guardians.is_empty() {
            let sum: u64 = guardians.iter().sum();
            prop_assert!(sum <= others * 52 / 100 && others * 52 / 100 < sum + guardians.len() as u64 + 1);
        }
    }

    #[test]
    fn shares_add_up_and_are_within_a_unit(amount: u64, weights in vec(any::<u64>(), 1..50)) {
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        prop_assume!(total > 0);
        let shares = share_by_weight(amount, &weights).unwrap();
        prop_assert_eq!(shares.iter().map(|share| u128::from(*share)).sum::<u128>(), u128::from(amount));
        for (share, weight) in shares.iter().zip(&weights) {
            let floor = u128::from(amount) * u128::from(*weight) / total;
            prop_assert!(u128::from(*share) == floor || u128::from(*share) == floor + 1);
        }
        // More weight never earns less.
        let mut pairs: Vec<_> = weights.iter().zip(&shares).collect();
        pairs.sort_unstable();
        prop_assert!(pairs.windows(2).all(|two| two[0].0 == two[1].0 || two[0].1 <= two[1].1));
    }
}

#[derive(Clone, Debug)]
enum Entry {
    Emit(u64, BTreeMap<u8, u64>),
    Post(u64, u64, u64),
    Finish(u64, u8, Vec<u8>),
    Refund(u64),
    Expire(u64),
    Forfeit(u8),
    Settle(BTreeMap<u8, (u64, u64, u64, u64)>),
}

fn entry() -> impl Strategy<Value = Entry> {
    let task = 0..12_u64;
    let amount = prop_oneof![0..1000_u64, 0..1_000_000_000_000_u64, any::<u64>()];
    let quarter = (0..20_u64, 0..20_u64, 0..20_u64, 0..20_u64);
    prop_oneof![
        (amount.clone(), btree_map(0..6_u8, any::<u64>(), 0..6))
            .prop_map(|(amount, w)| Entry::Emit(amount, w)),
        (task.clone(), amount, 0..400_u64).prop_map(|(task, fee, height)| Entry::Post(task, fee, height)),
        (task.clone(), 0..6_u8, vec(0..6_u8, 0..4)).prop_map(|(task, e, c)| Entry::Finish(task, e, c)),
        task.prop_map(Entry::Refund),
        (0..5_u64).prop_map(|hundreds| Entry::Expire(100 * hundreds)),
        (0..6_u8).prop_map(Entry::Forfeit),
        btree_map(0..6_u8, quarter, 0..6).prop_map(Entry::Settle),
    ]
}

proptest! {
    #[test]
    fn cycles_conserve_every_unit(entries in vec(entry(), 0..80)) {
        let mut cycle = Cycle::default();
        let (mut minted, mut gone) = (0_u128, 0_u128);
        let mut fraud = BTreeSet::new();
        for entry in entries.into_iter().chain([Entry::Settle(BTreeMap::new())]) {
            // What a refused entry would have moved is not counted: the books are then unchanged.
            match entry {
                Entry::Emit(amount, weights) => {
                    minted += u128::from(amount) * u128::from(cycle.emit(amount, &weights).is_ok());
                }
                Entry::Post(task, fee, height) => {
                    minted += u128::from(fee) * u128::from(cycle.post(task, fee, height).is_ok());
                }
                Entry::Finish(task, executor, checkers) => drop(cycle.finish(task, &executor, &checkers)),
                Entry::Refund(task) => drop(cycle.refund(task)),
                Entry::Expire(height) => drop(cycle.expire(height)),
                Entry::Forfeit(host) => {
                    fraud.insert(host);
                    cycle.forfeit(host);
                }
                Entry::Settle(records) => {
                    let accrued: BTreeMap<u8, u64> = (0..6).map(|host| (host, cycle.accrued(&host))).collect();
                    let deposits = cycle.deposits();
                    let records = records.into_iter().map(|(host, (a, b, c, d))| {
                        (host, Record { work_due: a, work_done: b, checks_due: c, checks_done: d })
                    });
                    let settled = cycle.settle(&records.collect());
                    prop_assert_eq!(settled.total(), u128::from(deposits));
                    for (host, paid) in &settled.paid {
                        prop_assert!(!fraud.contains(host) && *paid <= accrued[host]);
                    }
                    let lost: u64 = fraud.iter().map(|host| accrued[host]).sum();
                    prop_assert_eq!(settled.forfeited, lost);
                    gone += settled.total() - u128::from(settled.open);
                    prop_assert_eq!(minted, gone + u128::from(settled.open));
                    fraud.clear();
                }
            }
        }
    }

    #[test]
    fn earnings_do_not_depend_on_the_order_of_results(
        tasks in vec((0..1_000_000_u64, 0..6_u8, 0..6_u8), 1..30), keys in vec(any::<u64>(), 30),
    ) {
        let run = |order: &[usize]| {
            let mut cycle = Cycle::default();
            for (task, (fee, ..)) in (0..).zip(&tasks) {
                cycle.post(task, *fee, 0).unwrap();
            }
            for ix in order {
                let (_, executor, checker) = tasks[*ix];
                let checkers: &[u8] = if executor == checker { &[] } else { &[checker] };
                cycle.finish(*ix as u64, &executor, checkers).unwrap();
            }
            cycle
        };
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        let straight = run(&order);
        order.sort_by_key(|ix| keys[*ix]);
        prop_assert_eq!(straight, run(&order));
    }

    #[test]
    fn shortfalls_only_cost(accrued: u64, due: u64, done: u64, more: u64) {
        let record = |done| Record { work_due: due, work_done: done, checks_due: 7, checks_done: 6 };
        let paid = record(done).payable(accrued);
        prop_assert!(paid <= record(done.saturating_add(more)).payable(accrued));
        prop_assert!(u128::from(paid) <= u128::from(accrued) * 6 / 7);
    }

    #[test]
    fn quotients_are_the_nearest_decimals(a in -1_000_000_000_000_i64..1_000_000_000_000, b in 1..1_000_000_000_i64, s in 0..8_u32) {
        for b in [b, -b] {
            let (top, bottom) = (Decimal::new(a.into(), s).unwrap(), Decimal::new(b.into(), 2).unwrap());
            let quotient = top.checked_div(bottom).unwrap();
            // |quotient · bottom - top| <= |bottom| · 10^-16 / 2.
            let error = quotient.checked_mul(bottom).unwrap().checked_sub(top).unwrap();
            let half = Decimal::new(i128::from(b.abs()) * 5, 19).unwrap();
            prop_assert!(error <= half && Decimal::ZERO.checked_sub(error).unwrap() <= half);
            prop_assert_eq!(quotient.to_string().parse::<Decimal>().unwrap(), quotient);
            prop_assert_eq!(top.cmp(&bottom), top.checked_sub(bottom).unwrap().cmp(&Decimal::ZERO));
        }
    }

    #[test]
    fn reputation_rises_with_epochs_and_falls_with_misses(
        epochs in 0..60_u32, missed in vec(0..=100_u32, 0..20), extra in 0..=100_u32,
    ) {
        let rules = ValidationRules::NETWORK;
        let mut missed: Vec<_> = missed.into_iter().map(Decimal::hundredths).collect();
        let reputation = rules.reputation(epochs, &missed).unwrap();
        prop_assert!(reputation <= 100 && reputation <= rules.reputation(epochs + 1, &missed).unwrap());
        missed.push(Decimal::hundredths(extra));
        prop_assert!(rules.reputation(epochs, &missed).unwrap() <= reputation);
    }

    #[test]
    fn duties_are_shared_out_by_power(
        powers in vec(1..1_000_000_u64, 2..20), reputation in 0..=100_u8, requests in 0..12_000_u64,
    ) {
        let rules = ValidationRules::NETWORK;
        let floor = rules.minimum_average(requests).unwrap();
        prop_assert!(rules.min_average <= floor && floor <= rules.max_average);
        prop_assert!(floor >= rules.minimum_average(requests + 1).unwrap());
        // Host 0 executes; the others' probabilities add up to the wanted average of checks, but for rounding.
        let total = powers.iter().sum();
        let mut sum = Decimal::ZERO;
        for validator in &powers[1..] {
            let powers = Powers { total, validator: *validator, executor: powers[0] };
            let duty = rules.duty(1, "id", powers, reputation, requests).unwrap();
            prop_assert!(duty.probability <= Decimal::ONE && duty.is_due() == (duty.draw < duty.probability));
            sum = sum.checked_add(duty.probability).unwrap();
        }
        let range = Decimal::ONE.checked_sub(floor).unwrap();
        let wanted = Decimal::ONE.checked_sub(range.checked_mul(Decimal::hundredths(reputation.into())).unwrap()).unwrap();
        let error = sum.checked_sub(wanted).unwrap().to_f64().abs();
        prop_assert!(error < 20.0 * 0.5e-16 + 1e-18, "{} for {}", sum, wanted);
    }

    #[test]
    fn samples_change_with_every_field(count in 1000..u64::MAX, field in 0..5_usize, bit in 0..256_usize) {
        let commitment = Commitment { root: [3; 32], count, height: 10 };
        let beacon = Beacon { value: [4; 32], height: 11 };
        let key = |name: &str| PublicKey::new(name).unwrap();
        let places = draw(&commitment, &beacon, &key("v"), &key("p"), 20).unwrap();
        prop_assert!(places.is_sorted_by(|a, b| a < b) && places.len() == 20 && places[19] < count);
        let (mut other, mut late, mut names) = (commitment, beacon, ["v", "p"]);
        match field {
            0 => other.root[bit / 8] ^= 1 << (bit % 8),
            1 => late.value[bit / 8] ^= 1 << (bit % 8),
            2 => other.height -= 1,
            3 => late.height += 1,
            _ => names.swap(0, 1),
        }
        prop_assert_ne!(places, draw(&other, &late, &key(names[0]), &key(names[1]), 20).unwrap());
    }

    #[test]
    fn larger_samples_need_more_bad_nonces_and_a_smaller_share(sample in 3..20_000_u32) {
        let test = BinomialTest::NETWORK;
        let (now, next) = (test.flag_threshold(sample).unwrap(), test.flag_threshold(sample + 1).unwrap());
        prop_assert!(now == next || now + 1 == next);
        let caught = |sample| test.flag_probability(sample, 0.05);
        prop_assert!(caught(2 * sample) >= caught(sample));
    }
}

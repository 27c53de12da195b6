//! The difficulty controller: it converges, steps within bounds, and pays work alone (SPEC §III.11).

use proptest::collection::vec;
use proptest::prelude::*;
use sphere_pow_core::network::difficulty::{
    CapRates, Difficulty, DifficultyError, Goal, Interval, MAX_RATE, MAX_VOCAB, MIN_RATE, Mark,
};
use sphere_pow_core::statistics::cap_probability;

const STAGE_MS: u64 = 324_000;

/// A chain of stages: marks only, as a node keeps them.
struct Chain {
    difficulty: Difficulty,
    goal: Goal,
    last: Mark,
    /// Wins counted alike, whatever the radius.
    count: u128,
    /// Wins priced by the radius.
    weight: u128,
}

impl Chain {
    fn new(difficulty: Difficulty, goal: Goal) -> Self {
        Self { difficulty, goal, last: Mark { height: 0, time_ms: 0, wins: 0 }, count: 0, weight: 0 }
    }

    /// Mines `wins` in a stage of `duration_ms`, by the chain's own clock.
    fn stage(&mut self, wins: u64, duration_ms: u64) {
        let Mark { height, time_ms, wins: before } = self.last;
        let mark = Mark { height: height + 60, time_ms: time_ms + duration_ms, wins: before + wins };
        self.count += u128::from(wins);
        self.weight += self.difficulty.weight(wins);
        let interval = Interval::between(&self.last, &mark).unwrap();
        self.difficulty = self.difficulty.next(&interval, &self.goal);
        self.last = mark;
    }

    /// Wins that `work` nonces bring on average, by the float cap probability, which shares no code with the
    /// controller's.
    fn wins_of(&self, vocab: u32, work: f64) -> f64 {
        work * cap_probability(vocab, self.difficulty.r_target())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and far below 2^63")]
fn whole(x: f64) -> u64 {
    x as u64
}

#[expect(clippy::cast_precision_loss, reason = "a comparison")]
fn float(x: u128) -> f64 {
    x as f64
}

fn vocab() -> impl Strategy<Value = u32> {
    prop_oneof![Just(256_u32), Just(1024), Just(4096), Just(8196), 16..20_000_u32]
}

proptest! {
    #[test]
    fn it_converges_from_any_start(
        vocab in vocab(), start in MIN_RATE..=MAX_RATE, start_shift in 0..18_u32,
        wanted in 0.0_f64..17.0, per_stage in 20_000..10_000_000_u64,
    ) {
        // The goal is met at a rate between 2^-19 and 2^-2.
        let work = float(u128::from(per_stage)) * libm::exp2(2.0 + wanted);
        let start = Difficulty::with_rate(vocab, start >> start_shift).unwrap();
        let mut chain = Chain::new(start, Goal::new(per_stage, STAGE_MS).unwrap());
        for _ in 0..20 {
            chain.stage(whole(chain.wins_of(vocab, work)), STAGE_MS);
        }
        let settled = chain.wins_of(vocab, work) / float(u128::from(per_stage));
        // One win in 20,000, and what one step of the threshold changes in the rate.
        let finest = f64::from(vocab) / 4e9;
        prop_assert!((settled - 1.0).abs() < 1e-4 + 2.0 * finest, "{} of the goal", settled);
    }

    #[test]
    fn rates_fall_with_every_threshold(vocab in prop_oneof![vocab(), 16..=MAX_VOCAB], share in 0.0_f64..30.0) {
        let rates = CapRates::new(vocab).unwrap();
        let first = u32::try_from(whole((share / f64::from(vocab)).min(0.99) * 4_294_967_296.0)).unwrap();
        // Strictly where difficulties are, and never back there: so halving finds the smallest threshold of a rate.
        for threshold in first..first + 8 {
            let (now, next) = (rates.rate(threshold), rates.rate(threshold + 1));
            prop_assert!(next < now || now < MIN_RATE && next < MIN_RATE, "{} at {}", vocab, threshold);
        }
    }

    #[test]
    fn a_step_is_at_most_twofold(
        vocab in vocab(), rate in MIN_RATE..=MAX_RATE, shift in 0..18_u32,
        wins: u64, duration in 1..u64::MAX, goal_wins in 1..u64::MAX, goal_duration in 1..u64::MAX,
    ) {
        let now = Difficulty::with_rate(vocab, rate >> shift).unwrap();
        let from = Mark { height: 1, time_ms: 0, wins: 0 };
        let interval = Interval::between(&from, &Mark { height: 2, time_ms: duration, wins }).unwrap();
        prop_assert_eq!((interval.wins(), interval.duration_ms()), (wins, duration));
        let next = now.next(&interval, &Goal::new(goal_wins, goal_duration).unwrap());
        // The rate aimed at, exactly; the rate hit is the nearest below that a threshold has, at the lower bound
        // the nearest above.
        let ratio = float(u128::from(goal_wins)) / float(u128::from(goal_duration))
            * (float(u128::from(duration)) / float(u128::from(wins)));
        let aimed = (float(u128::from(now.rate())) * ratio.clamp(0.5, 2.0))
            .clamp(float(u128::from(MIN_RATE)), float(u128::from(MAX_RATE)));
        let hit = float(u128::from(next.rate()));
        let finest = 2.0 * f64::from(vocab) / 4e9 + 1e-9;
        let above = if aimed > float(u128::from(MIN_RATE)) * (1.0 + finest) { 1e-9 } else { finest };
        prop_assert!(hit <= aimed * (1.0 + above) && hit >= aimed * (1.0 - finest), "{} for {}", hit, aimed);
        prop_assert!((MIN_RATE..=MAX_RATE).contains(&next.rate()));
    }

    #[test]
    fn no_pattern_of_power_and_time_is_paid_more_than_its_work(
        vocab in vocab(), start in MIN_RATE..=MAX_RATE,
        stages in vec((0.0_f64..1e9, 1..100 * STAGE_MS), 1..40),
    ) {
        let start = Difficulty::with_rate(vocab, start).unwrap();
        let mut chain = Chain::new(start, Goal::new(10_000, STAGE_MS).unwrap());
        let mut all_work = 0.0;
        for (work, duration) in &stages {
            chain.stage(whole(chain.wins_of(vocab, *work)), *duration);
            all_work += work;
        }
        let weight = float(chain.weight);
        prop_assert!(weight <= all_work * (1.0 + 2e-6) + 1.0, "{} for {}", weight, all_work);
        // Nor less: but for the win begun in each stage, at most 2^20 nonces.
        let begun = float(stages.len() as u128) * 1_048_577.0;
        prop_assert!(weight >= all_work * (1.0 - 2e-6) - begun, "{} for {}", weight, all_work);
    }

    #[test]
    fn chance_moves_it_by_chance_only(seed: u64, per_stage in 1000..100_000_u64) {
        let work = float(u128::from(per_stage)) * 64.0;
        let mut chain =
            Chain::new(Difficulty::with_rate(1024, MAX_RATE / 16).unwrap(), Goal::new(per_stage, STAGE_MS).unwrap());
        let mut state = seed;
        let mut deviate = || {
            // The sum of 12 uniform numbers is near enough to a normal one.
            let uniform = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                f64::from(u32::try_from(state >> 32).unwrap()) / 4_294_967_296.0
            };
            (0..12).map(uniform).sum::<f64>() - 6.0
        };
        for _ in 0..50 {
            let mean = chain.wins_of(1024, work);
            // No drift: a stage answers to the last one alone, whose deviation is the root of its wins.
            let bound = 6.5 / libm::sqrt(float(u128::from(per_stage))) + 1e-3;
            prop_assert!((mean / float(u128::from(per_stage)) - 1.0).abs() < bound * 1.2);
            chain.stage(whole(mean + deviate() * libm::sqrt(mean)), STAGE_MS);
        }
    }
}

#[test]
fn time_cannot_be_banked() {
    let goal = Goal::new(10_000, STAGE_MS).unwrap();
    let start = || Chain::new(Difficulty::with_rate(1024, MAX_RATE / 16).unwrap(), goal);
    let work = 640_000.0;
    let run = |works: &[f64]| {
        let mut chain = start();
        for work in works {
            chain.stage(whole(chain.wins_of(1024, *work)), STAGE_MS);
        }
        chain
    };
    let steady = run(&[work; 40]);
    // The same work, saved up: four stages idle, then five stages' work in one.
    let banked: Vec<f64> = (0..40).map(|ix| if ix % 5 == 4 { 5.0 * work } else { 0.0 }).collect();
    let banked = run(&banked);
    // Counted alike, wins at the radius that idling has opened pay several times: the fault that pricing repairs.
    assert!(banked.count > 2 * steady.count, "{} to {}", banked.count, steady.count);
    let gain = float(banked.weight) / float(steady.weight);
    assert!(gain < 1.0001, "{gain}");
}

#[test]
fn a_small_branch_with_the_networks_clock_weighs_what_it_worked() {
    let goal = Goal::new(10_000, STAGE_MS).unwrap();
    let start = Difficulty::with_rate(1024, MAX_RATE / 1024).unwrap();
    let run = |work: f64| {
        let mut chain = Chain::new(start.clone(), goal);
        (0..200).for_each(|_| chain.stage(whole(chain.wins_of(1024, work)), STAGE_MS));
        chain
    };
    let (network, branch) = (run(40_960_000.0), run(40_960.0 * 2.0));
    // A five-hundredth of the power: its radius follows, so by count it all but keeps up.
    assert!(branch.count * 10 > network.count * 9, "{} to {}", branch.count, network.count);
    let share = float(branch.weight) / float(network.weight);
    assert!((share * 500.0 - 1.0).abs() < 1e-3, "{share}");
}

#[test]
fn launch_and_december_radii_are_difficulties() {
    for (r_target, rate, nonces) in [(1.401_356_466_045_817_3, 0.0506, 19.7), (1.398_077, 0.02, 50.0)] {
        let cosine: f64 = 1.0 - r_target * r_target / 2.0;
        let threshold = u32::try_from(whole(cosine * cosine * 4_294_967_296.0)).unwrap();
        let difficulty = Difficulty::new(8196, threshold).unwrap();
        assert!((difficulty.r_target() - r_target).abs() < 1e-8);
        assert!(
            (float(u128::from(difficulty.rate())) / 18_446_744_073_709_551_616.0 / rate - 1.0).abs() < 2e-3
        );
        // A win weighs the nonces that it takes.
        assert!((float(difficulty.weight(1000)) / 1000.0 - nonces).abs() < 0.1);
    }
}

#[test]
fn what_is_no_interval_goal_or_difficulty_is_refused() {
    let mark = |height, time_ms, wins| Mark { height, time_ms, wins };
    let refused = |to: Mark| match Interval::between(&mark(5, 50, 500), &to) {
        Err(DifficultyError::Interval { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(mark(5, 60, 600)), "height");
    assert_eq!(refused(mark(6, 50, 600)), "time");
    assert_eq!(refused(mark(6, 60, 499)), "wins");
    assert!(Interval::between(&mark(5, 50, 500), &mark(6, 51, 500)).is_ok());
    assert_eq!(Goal::new(0, 1), Err(DifficultyError::Goal { wins: 0, duration_ms: 1 }));
    assert!(Goal::new(1, 0).is_err());
    assert_eq!(Difficulty::new(15, 1), Err(DifficultyError::Vocab { got: 15 }));
    assert!(matches!(Difficulty::new(1024, 0), Err(DifficultyError::Threshold { got: 0, .. })));
    assert!(Difficulty::new(1024, u32::MAX).is_err());
    let rates = CapRates::new(1024).unwrap();
    assert!(Difficulty::new(1024, rates.threshold(MAX_RATE)).is_ok());
    // Asked for more or less than the bounds, it stays within them.
    for rate in [0, 1, MIN_RATE, MAX_RATE, u64::MAX] {
        for vocab in [16, 17, 256, 8196, 1 << 20] {
            assert!((MIN_RATE..=MAX_RATE).contains(&Difficulty::with_rate(vocab, rate).unwrap().rate()));
        }
    }
}

#[test]
fn no_wins_at_all_open_the_radius_until_its_bound() {
    let goal = Goal::new(10_000, STAGE_MS).unwrap();
    let mut chain = Chain::new(Difficulty::with_rate(8196, MIN_RATE).unwrap(), goal);
    (0..18).for_each(|_| chain.stage(0, STAGE_MS));
    let rate = chain.difficulty.rate();
    assert!(rate <= MAX_RATE && MAX_RATE - rate < MAX_RATE >> 10, "{rate}");
    (0..18).for_each(|_| chain.stage(u64::MAX >> 6, STAGE_MS));
    assert!(chain.difficulty.rate() < MIN_RATE + (MIN_RATE >> 10));
}

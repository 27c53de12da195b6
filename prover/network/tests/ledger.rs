//! The ledger decides by what was said in time, in whatever order.

use proptest::prelude::*;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::epoch::{Durations, EpochParams};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reward::Emission;
use sphere_pow_network::ledger::{BlockMark, Checks, Ledger, Outcome};
use sphere_pow_network::message::{Claim, HostId, Message, Refusal};
use sphere_pow_network::rules::{Pricing, Rules, RulesError};
use sphere_pow_network::seed::{commitment, secret};

const HOSTS: u32 = 5;

fn durations() -> Durations {
    Durations {
        epoch_length: 24,
        epoch_shift: 16,
        poc_stage_duration: 4,
        poc_exchange_duration: 2,
        poc_validation_delay: 2,
        poc_validation_duration: 7,
        set_new_validators_delay: 1,
        inference_validation_cutoff: 0,
    }
}

fn rules() -> Rules {
    Rules {
        durations: EpochParams::new(durations()).unwrap(),
        pricing: Pricing::Nonces,
        seats: 3,
        jury: 100,
        floor: Decimal::new(1, 2).unwrap(),
        cap: Ratio::percent(40),
        emission: Emission::NETWORK,
        recovery: None,
        has_sortition: false,
    }
}

fn ledger() -> Ledger {
    Ledger::new(rules(), &[100; HOSTS as usize], [9; 32]).unwrap()
}

/// Ends blocks up to a height.
fn advance(ledger: &mut Ledger, to: u64) {
    while ledger.height() < to {
        let height = ledger.height() + 1;
        ledger.end_block(&BlockMark { hash: [height as u8; 32], time_ms: height * 1000 });
    }
}

/// Ends a number of blocks.
fn pass(ledger: &mut Ledger, blocks: u64) {
    let to = ledger.height() + blocks;
    advance(ledger, to);
}

fn claim(epoch: u64, count: u64) -> Message {
    Message::Claim { epoch, claim: Claim { count, document: vec![] } }
}

fn open(epoch: u64) -> Message {
    Message::Open { epoch, openings: vec![1] }
}

/// A Sprint in which everybody claims `counts` and opens, except those of `closed`; `found` says what a checker says of a
/// host in a round of checks.
fn sprint(
    ledger: &mut Ledger,
    counts: &[u64],
    closed: &[HostId],
    found: impl Fn(HostId, HostId, Checks) -> Option<Option<u32>>,
) {
    let (epoch, t) = (ledger.epoch(), *ledger.times());
    advance(ledger, t.generation_end);
    for (host, count) in (0..).zip(counts) {
        ledger.apply(host, claim(epoch, *count)).unwrap();
    }
    advance(ledger, t.beacon);
    for host in (0..counts.len() as u32).filter(|host| !closed.contains(host)) {
        ledger.apply(host, open(epoch)).unwrap();
    }
    for (height, checks) in [(t.opened, Checks::Committee), (t.trial, Checks::Jury)] {
        advance(ledger, height);
        for checker in 0..counts.len() as u32 {
            let duties: Vec<HostId> = ledger.duties(checker, checks).collect();
            for host in duties {
                if let Some(fault) = found(checker, host, checks) {
                    ledger.apply(checker, Message::Vote { epoch, host, checks, fault }).unwrap();
                }
            }
        }
    }
    advance(ledger, t.weights);
}

fn outcome(ledger: &Ledger, host: usize) -> Outcome {
    ledger.settled().unwrap().outcomes[host].unwrap().1
}

fn paid(ledger: &Ledger) -> Vec<u64> {
    ledger.accounts().iter().map(|account| account.paid).collect()
}

#[test]
fn an_honest_sprint_gives_power_and_pay_by_work() {
    let mut ledger = ledger();
    let counts = [100, 200, 300, 200, 200];
    sprint(&mut ledger, &counts, &[], |_, _, _| Some(None));
    assert_eq!(ledger.settled().unwrap().powers, counts);
    // Not in force yet, not paid yet.
    assert!(ledger.accounts().iter().all(|account| account.power == 100 && account.paid == 0));
    pass(&mut ledger, 1);
    assert_eq!(ledger.accounts()[2].power, 300);
    pass(&mut ledger, 1);
    let minted = Emission::NETWORK.of_epoch(1);
    assert_eq!(paid(&ledger).iter().sum::<u64>(), minted);
    assert_eq!(ledger.accounts()[2].paid, minted * 3 / 10);
    assert!(ledger.accounts().iter().all(|account| account.standing.honest_days() == 1));
}

#[test]
fn fraud_is_tried_by_all_and_costs_everything() {
    let mut ledger = ledger();
    sprint(&mut ledger, &[100; 5], &[], |_, _, _| Some(None));
    // Host 3 cheats; its checkers, and then all others, find it.
    let found = |_, host, _| Some((host == 3).then_some(7));
    sprint(&mut ledger, &[100, 100, 100, 999, 100], &[], found);
    assert_eq!(outcome(&ledger, 3), Outcome::Convicted);
    assert_eq!(ledger.settled().unwrap().powers, [100, 100, 100, 0, 100]);
    let before = paid(&ledger);
    pass(&mut ledger, 2);
    assert_eq!(paid(&ledger)[3], before[3]);
    assert_eq!(ledger.accounts()[3].standing.honest_days(), 0);
    assert_eq!(ledger.accounts()[0].standing.honest_days(), 2);
}

#[test]
fn false_accusers_lose_and_the_accused_does_not() {
    let mut ledger = ledger();
    // Whoever sits on the committee for host 1 accuses it; the jury finds nothing.
    let found = |_, host, checks| Some(((host, checks) == (1, Checks::Committee)).then_some(0));
    sprint(&mut ledger, &[100; 5], &[], found);
    assert_eq!(outcome(&ledger, 1), Outcome::Cleared);
    let settled = ledger.settled().unwrap();
    assert!(!settled.false_accusers.is_empty() && !settled.false_accusers.contains(&1));
    let accusers = settled.false_accusers.clone();
    pass(&mut ledger, 2);
    for accuser in accusers {
        let account = &ledger.accounts()[accuser as usize];
        assert_eq!((account.paid, account.standing.honest_days()), (0, 0));
    }
    assert!(ledger.accounts()[1].paid > 0);
}

#[test]
fn silence_counts_against_and_costs_the_silent() {
    let mut ledger = ledger();
    // Two of four jurors say nothing, one finds nothing, one fraud: no majority of W stands by the claim.
    let found = |checker, host, checks| match (host, checks) {
        (0, Checks::Committee) => Some(Some(1)),
        (0, Checks::Jury) => [None, Some(None), Some(Some(1)), None, None][checker as usize],
        _ => Some(None),
    };
    sprint(&mut ledger, &[100; 5], &[], found);
    assert_eq!(outcome(&ledger, 0), Outcome::Convicted);
    let settled = ledger.settled().unwrap();
    assert_eq!(settled.checks_due - settled.checks_done, 2);
    pass(&mut ledger, 2);
    assert!(ledger.accounts()[4].paid < ledger.accounts()[2].paid, "{:?}", paid(&ledger));
}

#[test]
fn what_is_not_opened_does_not_count() {
    let mut ledger = ledger();
    sprint(&mut ledger, &[100; 5], &[2], |_, _, _| Some(None));
    assert_eq!(outcome(&ledger, 2), Outcome::Withheld);
    // Nobody owes a check of it.
    let settled = ledger.settled().unwrap();
    assert_eq!(settled.checks_due, settled.checks_done);
    assert_eq!(settled.powers[2], 0);
}

#[test]
fn two_claims_void_each_other_in_either_order() {
    for counts in [[5, 6], [6, 5]] {
        let mut ledger = ledger();
        let (epoch, t) = (ledger.epoch(), *ledger.times());
        advance(&mut ledger, t.start);
        for count in counts {
            ledger.apply(0, claim(epoch, count)).unwrap();
        }
        assert_eq!(ledger.apply(0, claim(epoch, counts[0])), Err(Refusal::Repeated { what: "claim" }));
        advance(&mut ledger, t.weights);
        assert_eq!(outcome(&ledger, 0), Outcome::Void);
    }
}

#[test]
fn messages_count_within_their_windows_only() {
    let mut ledger = ledger();
    let (epoch, t) = (ledger.epoch(), *ledger.times());
    let early = ledger.apply(0, claim(epoch, 1));
    assert_eq!(early, Err(Refusal::Window { what: "claim", height: 1, from: t.start + 1, to: t.claims_end }));
    assert_eq!(ledger.apply(9, claim(epoch, 1)), Err(Refusal::Stranger { got: 9, hosts: 5 }));
    assert_eq!(ledger.apply(0, claim(epoch + 1, 1)), Err(Refusal::Epoch { got: 2, expected: 1 }));
    advance(&mut ledger, t.start);
    assert_eq!(ledger.apply(0, claim(epoch, 0)), Err(Refusal::Nothing));
    advance(&mut ledger, t.claims_end);
    let late = ledger.apply(0, claim(epoch, 1));
    assert_eq!(
        late,
        Err(Refusal::Window { what: "claim", height: t.claims_end + 1, from: t.start + 1, to: t.claims_end })
    );
    advance(&mut ledger, t.beacon);
    assert_eq!(ledger.apply(0, open(epoch)), Err(Refusal::NoPart { what: "opening" }));
    advance(&mut ledger, t.opened);
    let vote = Message::Vote { epoch, host: 1, checks: Checks::Committee, fault: Some(0) };
    assert_eq!(ledger.apply(0, vote), Err(Refusal::NoPart { what: "vote" }));
}

#[test]
fn seeds_are_made_of_all_that_was_revealed() {
    let seed = |revealing: &[HostId]| {
        let mut ledger = ledger();
        let (epoch, t) = (ledger.epoch(), *ledger.times());
        let secret_of = |host: HostId| secret(&[host as u8; 32], epoch);
        for host in 0..3 {
            let commitment = commitment(epoch, host, &secret_of(host));
            ledger.apply(host, Message::Commit { epoch, commitment, dealing: None }).unwrap();
        }
        let twice = ledger.apply(0, Message::Commit { epoch, commitment: [0; 32], dealing: None });
        assert_eq!(twice, Err(Refusal::Repeated { what: "commitment" }));
        advance(&mut ledger, t.reveals);
        let wrong = Message::Reveal { epoch, dealer: 1, secret: secret_of(0) };
        assert_eq!(ledger.apply(1, wrong), Err(Refusal::WrongSecret { dealer: 1 }));
        let unbound = Message::Reveal { epoch, dealer: 4, secret: secret_of(4) };
        assert_eq!(ledger.apply(4, unbound), Err(Refusal::NoPart { what: "reveal" }));
        for host in revealing {
            // Anyone who knows a secret may say it.
            ledger.apply(4, Message::Reveal { epoch, dealer: *host, secret: secret_of(*host) }).unwrap();
        }
        advance(&mut ledger, t.weights);
        (*ledger.seed(), ledger.settled().unwrap().withheld_reveals.clone())
    };
    let (all, none_withheld) = seed(&[0, 1, 2]);
    assert!(none_withheld.is_empty());
    assert_eq!(seed(&[2, 0, 1]).0, all);
    let (fewer, withheld) = seed(&[0, 2]);
    assert_eq!(withheld, [1]);
    assert_ne!(fewer, all);
}

#[test]
fn a_network_without_claims_keeps_its_validators() {
    let mut ledger = ledger();
    advance(&mut ledger, 60);
    assert!(
        ledger.epoch() > 2
            && ledger.accounts().iter().all(|account| account.power == 100 && account.paid == 0)
    );
}

#[test]
fn hosts_join_and_earn_power() {
    let mut ledger = ledger();
    assert_eq!(ledger.join(), 5);
    assert_eq!(ledger.accounts()[5].power, 0);
    sprint(&mut ledger, &[100; 6], &[], |_, _, _| Some(None));
    pass(&mut ledger, 1);
    assert_eq!(ledger.accounts()[5].power, 100);
}

#[test]
fn windows_too_short_are_refused() {
    let short = |change: fn(&mut Durations)| {
        let mut durations = durations();
        change(&mut durations);
        Ledger::new(Rules { durations: EpochParams::new(durations).unwrap(), ..rules() }, &[1], [0; 32])
            .map(drop)
    };
    assert_eq!(short(|d| d.poc_validation_duration = 3), Err(RulesError::Validation { got: 3, expected: 4 }));
    assert_eq!(short(|d| d.poc_exchange_duration = 0), Err(RulesError::Exchange { got: 0 }));
    assert_eq!(short(|d| d.epoch_shift = 21), Err(RulesError::FirstStart { got: 3 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Messages of one window, whatever their order and however they fall into its blocks, lead to one state.
    #[test]
    fn no_decision_depends_on_order(
        counts in prop::collection::vec(1_u64..1000, 5),
        votes in prop::collection::vec((0_u32..5, 0_u32..5, prop::option::of(0_u32..3)), 0..40),
        opened in prop::collection::vec(any::<bool>(), 5),
        shuffles in prop::collection::vec(any::<u64>(), 8),
    ) {
        let run = |shuffle: u64| {
            let mut ledger = ledger();
            let (epoch, t) = (ledger.epoch(), *ledger.times());
            // Says a list of messages in an order, in one block or over two.
            let say = |ledger: &mut Ledger, mut list: Vec<(HostId, Message)>| {
                let n = list.len().max(1);
                list.rotate_left(shuffle as usize % n);
                if shuffle & 256 != 0 {
                    list.reverse();
                }
                let cut = shuffle as usize / 512 % (n + 1);
                for (ix, (host, message)) in list.into_iter().enumerate() {
                    if ix == cut {
                        pass(ledger, 1);
                    }
                    let _ = ledger.apply(host, message);
                }
            };
            advance(&mut ledger, t.start);
            say(&mut ledger, (0..).zip(&counts).map(|(host, count)| (host, claim(epoch, *count))).collect());
            advance(&mut ledger, t.beacon);
            say(&mut ledger, (0..5).filter(|host| opened[*host as usize]).map(|host| (host, open(epoch))).collect());
            for (height, checks) in [(t.opened, Checks::Committee), (t.trial, Checks::Jury)] {
                advance(&mut ledger, height);
                                let say_of = |(from, host, fault): &(u32, u32, Option<u32>)| {
                    (*from, Message::Vote { epoch, host: *host, checks, fault: *fault })
                };
                say(&mut ledger, votes.iter().map(say_of).collect());
            }
            advance(&mut ledger, t.settled);
            let total: u64 = paid(&ledger).iter().sum();
            assert!(total <= Emission::NETWORK.of_epoch(1));
            ledger.fingerprint()
        };
        let first = run(0);
        for shuffle in shuffles {
            prop_assert_eq!(run(shuffle), first);
        }
    }
}

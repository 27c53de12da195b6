//! A seed does not depend on whether one of those who made it withholds its secret.

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use sphere_pow_consensus::Key;
use sphere_pow_network::ledger::{BlockMark, Ledger};
use sphere_pow_network::message::{HostId, Message, Refusal};
use sphere_pow_network::rules::Rules;
use sphere_pow_network::scenario::rules;
use sphere_pow_network::seed::{Deal, Dealing, Opener, Part, SHARE_BYTES, SealKey, commitment, secret};

const HOSTS: u32 = 5;
const LAST: HostId = HOSTS - 1;
const EPOCH: u64 = 1;

fn key(host: HostId) -> Key {
    Key::from_seed([host as u8 + 1; 32])
}

fn seal_key(host: HostId) -> SealKey {
    SealKey::of_ed25519(&key(host).id().0).unwrap()
}

fn opener(host: HostId) -> Opener {
    Opener::new(key(host).exchange_secret())
}

fn secret_of(host: HostId) -> [u8; 32] {
    secret(&[host as u8; 32], EPOCH)
}

/// Five hosts of equal power: 12 or 13 of 64 seats each, of which 27 recover.
fn ledger() -> Ledger {
    let keys = (0..HOSTS).map(|host| Some(seal_key(host))).collect();
    Ledger::new(rules(), &[100; HOSTS as usize], [9; 32]).unwrap().with_seal_keys(keys)
}

fn advance(ledger: &mut Ledger, to: u64) {
    while ledger.height() < to {
        let height = ledger.height() + 1;
        ledger.end_block(&BlockMark { hash: [height as u8; 32], time_ms: height * 1000 });
    }
}

fn commit(ledger: &Ledger, host: HostId) -> Message {
    let secret = secret_of(host);
    let dealing = ledger.dealing(host, &secret).map(Box::new);
    Message::Commit { epoch: EPOCH, commitment: commitment(EPOCH, host, &secret), dealing }
}

fn reveal(dealer: HostId) -> Message {
    Message::Reveal { epoch: EPOCH, dealer, secret: secret_of(dealer) }
}

/// All shares that a host can give.
fn shares(ledger: &Ledger, host: HostId) -> Vec<(HostId, Message)> {
    let open = |(dealer, part): (HostId, &_)| {
        let shares = Deal { epoch: EPOCH, dealer }.open(host, part, &opener(host))?;
        Some((host, Message::Share { epoch: EPOCH, dealer, shares }))
    };
    ledger.unopened(host).filter_map(open).collect()
}

/// What is made of a true dealing.
type Change<'a> = &'a dyn Fn(&Ledger, &mut Dealing);

/// What a round comes to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    seed: [u8; 32],
    withheld: Vec<HostId>,
    recovered: Vec<HostId>,
    false_dealers: Vec<HostId>,
}

/// A round in which all reveal but the last host does only if it `reveals`, and `sharing` give their shares. The last
/// host's commitment is what `dealt` makes of a true one; without, it makes none.
fn round(dealt: Option<Change<'_>>, reveals: bool, sharing: &[HostId]) -> Outcome {
    let mut ledger = ledger();
    for host in 0..LAST {
        let message = commit(&ledger, host);
        ledger.apply(host, message).unwrap();
    }
    if let Some(change) = dealt {
        let mut message = commit(&ledger, LAST);
        if let Message::Commit { dealing: Some(dealing), .. } = &mut message {
            change(&ledger, dealing);
        }
        ledger.apply(LAST, message).unwrap();
    }
    let t = *ledger.times();
    advance(&mut ledger, t.reveals);
    for host in (0..HOSTS).filter(|host| *host != LAST || (reveals && dealt.is_some())) {
        ledger.apply(host, reveal(host)).unwrap();
    }
    advance(&mut ledger, t.shares);
    for host in sharing {
        for (host, message) in shares(&ledger, *host) {
            ledger.apply(host, message).unwrap();
        }
    }
    advance(&mut ledger, t.weights);
    let settled = ledger.settled().unwrap();
    let (withheld, false_dealers) = (settled.withheld_reveals.clone(), settled.false_dealers.clone());
    let at_fault: Vec<HostId> = settled.at_fault().collect();
    assert!(withheld.iter().chain(&false_dealers).all(|host| at_fault.contains(host)));
    Outcome { seed: settled.seed, withheld, recovered: settled.recovered.clone(), false_dealers }
}

const TRUE: Option<Change<'static>> = Some(&|_, _| {});

#[test]
fn withholding_changes_nothing_but_the_fault() {
    let revealed = round(TRUE, true, &[]);
    assert_eq!((revealed.withheld.len(), revealed.recovered.len()), (0, 0));
    // Any three of the others are enough, whichever.
    for sharing in [&[0, 1, 2, 3][..], &[0, 1, 2], &[3, 1, 0], &[3, 2, 1]] {
        let withheld = round(TRUE, false, sharing);
        assert_eq!(withheld.seed, revealed.seed, "{sharing:?}");
        assert_eq!((&withheld.withheld[..], &withheld.recovered[..]), (&[LAST][..], &[LAST][..]));
        assert!(withheld.false_dealers.is_empty());
    }
}

#[test]
fn too_few_shares_leave_a_secret_out_for_all() {
    let without = round(None, false, &[]);
    let withheld = round(TRUE, false, &[0, 1]);
    assert_eq!(withheld.seed, without.seed);
    assert_ne!(withheld.seed, round(TRUE, true, &[]).seed);
    assert_eq!((&withheld.withheld[..], withheld.recovered.len()), (&[LAST][..], 0));
    // That is what withholding always does where nothing is shared.
    let unshared = |revealing: u32| {
        let rules = Rules { recovery: None, ..rules() };
        let mut ledger = Ledger::new(rules, &[100; HOSTS as usize], [9; 32]).unwrap();
        for host in 0..HOSTS {
            let message = commit(&ledger, host);
            assert!(matches!(message, Message::Commit { dealing: None, .. }));
            ledger.apply(host, message).unwrap();
        }
        let t = *ledger.times();
        advance(&mut ledger, t.reveals);
        (0..revealing).for_each(|host| ledger.apply(host, reveal(host)).unwrap());
        advance(&mut ledger, t.start);
        *ledger.seed()
    };
    assert_ne!(unshared(LAST), unshared(HOSTS));
}

#[test]
fn false_dealings_count_neither_revealed_nor_recovered() {
    let without = round(None, false, &[]).seed;
    let other = |ledger: &Ledger| ledger.dealing(LAST, &[7; 32]).unwrap();
    let changes: [Change<'_>; 5] = [
        // What one host cannot open, or has a wrong digest of; the others could recover.
        &|_, dealing| dealing.parts[0].sealed[3] ^= 1,
        &|_, dealing| dealing.parts[0].encapsulated[0] ^= 1,
        &|_, dealing| dealing.parts[0].digest[0] ^= 1,
        // Another secret's, true in itself.
        &|ledger, dealing| *dealing = other(ledger),
        // Shares of two secrets, each as its digest says.
        &|ledger, dealing| dealing.parts[..2].clone_from_slice(&other(ledger).parts[..2]),
    ];
    for (ix, change) in changes.into_iter().enumerate() {
        for (reveals, sharing) in [(true, &[][..]), (true, &[0, 1, 2, 3]), (false, &[0, 1, 2, 3])] {
            let outcome = round(Some(change), reveals, sharing);
            assert_eq!(outcome.seed, without, "change {ix}");
            assert_eq!(outcome.false_dealers, [LAST], "change {ix}");
            assert_eq!((outcome.recovered.len(), outcome.withheld.is_empty()), (0, reveals), "change {ix}");
        }
        // Too few to find it out: withheld, as a true one would be.
        let outcome = round(Some(change), false, &[2]);
        assert_eq!((outcome.seed, &outcome.withheld[..]), (without, &[LAST][..]));
    }
}

#[test]
fn dealings_and_shares_that_do_not_fit_are_refused() {
    let mut ledger = ledger();
    let t = *ledger.times();
    let dealt = |change: &dyn Fn(&mut Vec<Part>)| {
        let mut message = commit(&ledger, 0);
        let Message::Commit { dealing: Some(dealing), .. } = &mut message else { panic!("{message:?}") };
        change(&mut dealing.parts);
        ledger.admits(0, &message)
    };
    assert_eq!(dealt(&|_| {}), Ok(()));
    assert_eq!(dealt(&|parts| parts.truncate(4)), Err(Refusal::Parts { got: 4, expected: 5 }));
    assert_eq!(dealt(&|parts| parts.push(parts[0].clone())), Err(Refusal::Parts { got: 6, expected: 5 }));
    let seats = usize::from(ledger.seating().unwrap().seats()[2].count);
    let expected = seats * SHARE_BYTES + 16;
    let short = dealt(&|parts| parts[2].sealed.truncate(expected - 1));
    assert_eq!(short, Err(Refusal::PartLength { host: 2, got: expected - 1, expected }));
    let none = Message::Commit { epoch: EPOCH, commitment: [0; 32], dealing: None };
    assert_eq!(ledger.admits(0, &none), Err(Refusal::Parts { got: 0, expected: 5 }));
    let unasked = Ledger::new(Rules { recovery: None, ..rules() }, &[100; 5], [9; 32]).unwrap();
    assert_eq!(unasked.admits(0, &commit(&ledger, 0)), Err(Refusal::Parts { got: 5, expected: 0 }));

    for host in [0, 1] {
        let message = commit(&ledger, host);
        ledger.apply(host, message).unwrap();
    }
    advance(&mut ledger, t.shares - 1);
    let (_, mine) = shares(&ledger, 2).remove(0);
    let window = Refusal::Window { what: "share", height: t.shares, from: t.shares + 1, to: t.start };
    assert_eq!(ledger.apply(2, mine.clone()), Err(window));
    advance(&mut ledger, t.shares);
    assert_eq!(ledger.apply(3, mine.clone()), Err(Refusal::WrongShare { dealer: 0 }));
    for wrong in [vec![], vec![0; seats * SHARE_BYTES], vec![0; 1 << 20]] {
        let wrong = Message::Share { epoch: EPOCH, dealer: 0, shares: wrong };
        assert_eq!(ledger.apply(2, wrong), Err(Refusal::WrongShare { dealer: 0 }));
    }
    let unbound = Message::Share { epoch: EPOCH, dealer: 4, shares: vec![] };
    assert_eq!(ledger.apply(2, unbound), Err(Refusal::NoPart { what: "share" }));
    ledger.apply(2, mine.clone()).unwrap();
    assert_eq!(ledger.apply(2, mine), Err(Refusal::Repeated { what: "share" }));
    // A host that joins has nothing to give.
    let late = ledger.join();
    let none = Message::Share { epoch: EPOCH, dealer: 0, shares: vec![] };
    assert_eq!(ledger.apply(late, none), Err(Refusal::NoPart { what: "share" }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Reveals and shares, right and wrong, in any order and however they fall into the blocks, lead to one state.
    #[test]
    fn no_seed_depends_on_order(
        bound in prop::collection::vec(any::<bool>(), 5),
        is_false in prop::collection::vec(any::<bool>(), 5),
        revealed in prop::collection::vec(any::<bool>(), 5),
        sharing in prop::collection::vec(any::<bool>(), 5),
        junk in prop::collection::vec((0..5_u32, 0..5_u32, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        orders in prop::collection::vec(any::<u64>(), 6),
    ) {
        let run = |order: u64| {
            let mut ledger = ledger();
            let t = *ledger.times();
            let say = |ledger: &mut Ledger, mut list: Vec<(HostId, Message)>, order: u64| {
                list.sort_by_cached_key(|message| {
                    let mut sha = Sha256::new_with_prefix(order.to_le_bytes());
                    sha.update(format!("{message:?}"));
                    <[u8; 32]>::from(sha.finalize())
                });
                let cut = order as usize % (list.len() + 1);
                for (ix, (host, message)) in list.into_iter().enumerate() {
                    if ix == cut {
                        let height = ledger.height() + 1;
                        advance(ledger, height);
                    }
                    let _ = ledger.apply(host, message);
                }
            };
            let mut list = Vec::new();
            for host in (0..HOSTS).filter(|host| bound[*host as usize]) {
                let mut message = commit(&ledger, host);
                if let Message::Commit { dealing: Some(dealing), .. } = &mut message && is_false[host as usize] {
                    dealing.parts[1].sealed[0] ^= 1;
                }
                list.push((host, message));
            }
            say(&mut ledger, list, order);
            advance(&mut ledger, t.shares);
            let mut list: Vec<(HostId, Message)> =
                (0..HOSTS).filter(|host| revealed[*host as usize]).map(|host| (host, reveal(host))).collect();
            for host in (0..HOSTS).filter(|host| sharing[*host as usize]) {
                list.extend(shares(&ledger, host));
            }
            list.extend(junk.iter().map(|(host, dealer, shares)| {
                (*host, Message::Share { epoch: EPOCH, dealer: *dealer, shares: shares.clone() })
            }));
            say(&mut ledger, list, order);
            // States are compared at one height.
            advance(&mut ledger, t.shares + 1);
            let before = ledger.fingerprint();
            advance(&mut ledger, t.weights);
            (before, ledger.fingerprint(), *ledger.seed())
        };
        let first = run(0);
        for order in orders {
            let (before, after, seed) = run(order);
            prop_assert_eq!((after, seed), (first.1, first.2));
            prop_assert_eq!(before, first.0);
        }
    }

    /// Whatever bytes come, a message is read or not, taken or refused, and the round ends.
    #[test]
    fn no_bytes_break_a_round(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut ledger = ledger();
        let t = *ledger.times();
        let mut list = vec![bytes];
        for message in [commit(&ledger, 0), reveal(0)] {
            let mut bytes = borsh::to_vec(&message).unwrap();
            for (at, byte) in &flips {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
            list.push(bytes);
        }
        for height in [0, t.reveals, t.shares] {
            advance(&mut ledger, height);
            for bytes in &list {
                if let Ok(message) = borsh::from_slice::<Message>(bytes) {
                    let _ = (ledger.is_stale(0, &message), ledger.apply(0, message));
                }
            }
            for host in 0..HOSTS {
                for (host, message) in shares(&ledger, host) {
                    let _ = ledger.apply(host, message);
                }
            }
        }
        advance(&mut ledger, t.weights);
    }
}

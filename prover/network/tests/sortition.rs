//! Validators draw whose claims they check, as SPEC §III.12 has it, and nobody can draw for another one or twice.

use serde_json::Value;
use sphere_pow_core::network::committee::{Electorate, Seats};
use sphere_pow_core::text::{bytes32, hex};
use sphere_pow_network::ledger::{BlockMark, Checks, Ledger};
use sphere_pow_network::message::{Claim, HostId, Message, Refusal};
use sphere_pow_network::rules::{Rules, RulesError};
use sphere_pow_network::scenario::rules;
use sphere_pow_network::sortition::{Proof, SortitionKey, SortitionSecret, input, request_seed};

const VECTORS: &str = include_str!("../../../tests/vectors/sortition.json");
const HOSTS: u32 = 5;

fn unhex(text: &str) -> Vec<u8> {
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(digit).collect()
}

fn secret(host: HostId) -> SortitionSecret {
    SortitionSecret::new([host as u8 + 1; 32])
}

#[test]
fn draws_and_seats_are_the_oracles() {
    let told: Value = serde_json::from_str(VECTORS).unwrap();
    let weights: Vec<Vec<u64>> = serde_json::from_value(told["weights"].clone()).unwrap();
    for case in told["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let number = |name: &str| case[name].as_u64().unwrap();
        let secret = SortitionSecret::new(bytes32(text("secret")).unwrap());
        let key = SortitionKey::new(bytes32(text("key")).unwrap()).unwrap();
        assert_eq!(secret.key(), key);
        let input = input(number("epoch"), &bytes32(text("beacon")).unwrap());
        let proof = secret.prove(&input).unwrap();
        assert_eq!(hex(&proof), text("proof"));
        let output = key.verify(&input, &proof).unwrap();
        assert_eq!(hex(&output), text("output"));
        let validator = number("validator");
        assert_eq!(request_seed(&output, validator as HostId).to_string(), text("requestSeed"));
        let seats = Seats::averaging(number("thousandths") as u32);
        for (weights, expected) in weights.iter().zip(case["seats"].as_array().unwrap()) {
            let electorate = Electorate::new(weights).unwrap();
            let drawn = (0..5).map(|host| electorate.sortition(&output, validator as usize, host, &seats));
            assert_eq!(serde_json::json!(drawn.collect::<Vec<_>>()), *expected, "{weights:?}");
        }
    }
}

#[test]
fn draws_of_lanes_are_the_oracles() {
    let told: Value = serde_json::from_str(include_str!("../../../tests/vectors/lanes.json")).unwrap();
    for case in told["own_draws"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let secret = SortitionSecret::new(bytes32(text("secret")).unwrap());
        let attempt = case["attempt"].as_u64().unwrap();
        let input = sphere_pow_network::training::ledger::input(attempt, &bytes32(text("beacon")).unwrap());
        assert_eq!(hex(&input), text("input"));
        let proof = secret.prove(&input).unwrap();
        assert_eq!(hex(&proof), text("proof"));
        assert_eq!(hex(&secret.key().verify(&input, &proof).unwrap()), text("output"));
    }
}

/// Examples 16 and 17 of RFC 9381, appendix B.3.
#[test]
fn the_function_is_the_rfcs() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            &b""[..],
            "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d97\
             27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
            "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af02679\
             8e8f81cd2e333de5cdf4f3e140fdd8ae",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            &[0x72],
            "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465\
             301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
            "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848\
             a0bef4553a41befc57663b56373a5031",
        ),
    ];
    for (secret, input, proof, output) in cases {
        let secret = SortitionSecret::new(bytes32(secret).unwrap());
        let shown = secret.prove(input).unwrap();
        assert_eq!(hex(&shown), proof);
        assert_eq!(hex(&secret.key().verify(input, &shown).unwrap()), output);
    }
}

#[test]
fn only_the_one_proof_of_the_owner_over_the_input_verifies() {
    let (own, other) = (secret(0), secret(1));
    let input = input(1, &[7; 32]);
    let proof = own.prove(&input).unwrap();
    assert!(own.key().verify(&input, &proof).is_some());
    assert_eq!(other.key().verify(&input, &proof), None);
    assert_eq!(own.key().verify(&[&input[..], b" "].concat(), &proof), None);
    for bit in 0..8 * proof.len() {
        let mut changed = proof;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(own.key().verify(&input, &changed), None, "bit {bit}");
    }
    // The scalar plus the group's order: the same to whoever reduces it.
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut again = proof;
    let mut carry = 0;
    for (byte, more) in again[48..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(own.key().verify(&input, &again), None);
}

#[test]
fn keys_without_an_owner_are_refused() {
    // The neutral point, a point of order 8, and no point.
    let order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for key in [neutral, bytes32(order_8).unwrap(), [2; 32]] {
        assert_eq!(SortitionKey::new(key), None, "{}", hex(&key));
    }
    assert!(SortitionKey::new(*secret(3).key().bytes()).is_some());
    assert_eq!(format!("{:?}", secret(3)), "SortitionSecret");
}

/// A Sprint whose beacon is fixed: everybody has claimed as much.
fn at_beacon() -> Ledger {
    let keys = (0..HOSTS).map(|host| Some(secret(host).key())).collect();
    let mut ledger = Ledger::new(rules(), &[100; HOSTS as usize], [9; 32]).unwrap().with_sortition_keys(keys);
    let (epoch, t) = (ledger.epoch(), *ledger.times());
    advance(&mut ledger, t.generation_end);
    for host in 0..HOSTS {
        let claim = Claim { count: 10, document: vec![] };
        ledger.apply(host, Message::Claim { epoch, claim }).unwrap();
    }
    assert_eq!(ledger.draws(0), None, "nothing to draw from yet");
    advance(&mut ledger, t.beacon);
    ledger
}

fn advance(ledger: &mut Ledger, to: u64) {
    while ledger.height() < to {
        let height = ledger.height() + 1;
        ledger.end_block(&BlockMark { hash: [height as u8; 32], time_ms: height * 1000 });
    }
}

fn draw(ledger: &Ledger, host: HostId) -> Message {
    let proof = secret(host).prove(&ledger.draws(host).unwrap()).unwrap();
    Message::Draw { epoch: ledger.epoch(), proof }
}

#[test]
fn a_committee_is_of_those_who_drew_it() {
    let mut ledger = at_beacon();
    let (epoch, t) = (ledger.epoch(), *ledger.times());
    let beacon = *ledger.beacon().unwrap();
    for host in 0..HOSTS - 1 {
        let message = draw(&ledger, host);
        ledger.apply(host, message).unwrap();
        assert_eq!(ledger.draws(host), None, "once is enough");
    }
    // Nothing is known before all had time to draw.
    assert_eq!((0..HOSTS).flat_map(|host| ledger.duties(host, Checks::Committee)).count(), 0);
    advance(&mut ledger, t.drawn);
    let electorate = Electorate::new(&[100; HOSTS as usize]).unwrap();
    let seats = Seats::jury(rules().seats);
    for checker in 0..HOSTS {
        let input = input(epoch, &beacon);
        let output = secret(checker).key().verify(&input, &secret(checker).prove(&input).unwrap()).unwrap();
        let sits =
            |host: &HostId| electorate.sortition(&output, checker as usize, *host as usize, &seats) > 0;
        // The last host did not draw: it sits nowhere.
        let expected: Vec<HostId> = (0..HOSTS).filter(sits).filter(|_| checker < HOSTS - 1).collect();
        let duties: Vec<HostId> = ledger.duties(checker, Checks::Committee).collect();
        assert_eq!(duties, expected, "checker {checker}");
    }
    // It pays for it: its record lacks a check that was due.
    for host in 0..HOSTS {
        ledger.apply(host, Message::Open { epoch, openings: vec![1] }).unwrap();
    }
    advance(&mut ledger, t.opened);
    for checker in 0..HOSTS {
        for host in ledger.duties(checker, Checks::Committee).collect::<Vec<_>>() {
            let vote = Message::Vote { epoch, host, checks: Checks::Committee, fault: None };
            ledger.apply(checker, vote).unwrap();
        }
    }
    advance(&mut ledger, t.settled);
    let settled = ledger.settled().unwrap();
    assert_eq!(settled.checks_due - settled.checks_done, 1);
    let paid: Vec<u64> = ledger.accounts().iter().map(|account| account.paid).collect();
    assert!(paid[..4].iter().all(|amount| *amount > paid[4]), "{paid:?}");
}

#[test]
fn draws_that_are_not_ones_own_are_refused() {
    let mut ledger = at_beacon();
    let (epoch, t) = (ledger.epoch(), *ledger.times());
    let own = draw(&ledger, 0);
    let before = ledger.fingerprint();
    assert_eq!(ledger.apply(1, own.clone()), Err(Refusal::WrongProof));
    let junk: Proof = [0xff; 80];
    assert_eq!(ledger.apply(0, Message::Draw { epoch, proof: junk }), Err(Refusal::WrongProof));
    assert_eq!(ledger.fingerprint(), before);
    ledger.apply(0, own.clone()).unwrap();
    assert_ne!(ledger.fingerprint(), before);
    assert_eq!(ledger.apply(0, own), Err(Refusal::Repeated { what: "draw" }));
    let late = draw(&ledger, 1);
    // Openings come once committees are known.
    let open = Message::Open { epoch, openings: vec![1] };
    assert!(matches!(ledger.apply(0, open), Err(Refusal::Window { what: "opening", .. })));
    advance(&mut ledger, t.drawn);
    assert!(matches!(ledger.apply(1, late), Err(Refusal::Window { what: "draw", .. })));
}

#[test]
fn hosts_without_power_or_key_draw_nothing() {
    let keys = vec![Some(secret(0).key()), Some(secret(1).key()), Some(secret(2).key()), None];
    let mut ledger = Ledger::new(rules(), &[100, 100, 0, 100], [9; 32]).unwrap().with_sortition_keys(keys);
    let (epoch, t) = (ledger.epoch(), *ledger.times());
    advance(&mut ledger, t.beacon);
    assert!(ledger.draws(0).is_some() && ledger.draws(1).is_some());
    for host in [2, 3] {
        assert_eq!(ledger.draws(host), None);
        let proof = secret(host).prove(&input(epoch, ledger.beacon().unwrap())).unwrap();
        let refused = ledger.apply(host, Message::Draw { epoch, proof });
        assert_eq!(refused, Err(Refusal::NoPart { what: "draw" }));
    }
}

#[test]
fn draws_take_a_block_of_their_own() {
    let short = |duration, has_sortition| {
        let mut durations = *rules().durations.durations();
        durations.poc_validation_duration = duration;
        let durations = sphere_pow_core::network::epoch::EpochParams::new(durations).unwrap();
        Ledger::new(Rules { durations, has_sortition, ..rules() }, &[1; 4], [0; 32]).map(|_| ())
    };
    assert_eq!(short(4, false), Ok(()));
    assert_eq!(short(4, true), Err(RulesError::Validation { got: 4, expected: 5 }));
    assert_eq!(short(5, true), Ok(()));
    // In the box there are two.
    let t = *at_beacon().times();
    assert!(t.beacon < t.drawn && t.drawn < t.opened && t.opened < t.trial && t.trial < t.weights, "{t:?}");
}

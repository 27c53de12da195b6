//! What `sphere-pow serve` sends, while receivers misbehave and while it is killed: nothing that was won is lost, nothing that was
//! acknowledged is sent again.
#![cfg(unix)]

mod common;

use common::Dir;
use common::service::{Manner, Receiver, Service, init, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

/// Callbacks that a service has under way at most.
const AT_ONCE: usize = 8;

/// Wins in the state directory and on their way, none: all that was won was sent.
fn drained(service: &Service) -> Option<()> {
    let waiting = service.status()["waiting"].clone();
    (waiting["wins"] == 0 && waiting["parcels"] == 0).then_some(())
}

/// How often each nonce was taken.
fn times(receiver: &Receiver) -> BTreeMap<u64, usize> {
    receiver.nonces().into_iter().fold(BTreeMap::new(), |mut times, nonce| {
        *times.entry(nonce).or_default() += 1;
        times
    })
}

#[test]
fn a_receiver_that_fails_gets_everything_once_it_works_again() {
    let dir = Dir::tiny();
    // Nobody listens there yet.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = Service::start(&dir, &["--timeout", "1", "--batch", "64"]);
    let url = format!("http://{address}/v1/poc-batches");
    service.post("/api/v1/pow/init/generate", Some(&init(&url)));
    until("wins that wait", || (service.status()["waiting"]["parcels"].as_u64()? > 2).then_some(()));
    let receiver = Receiver::at(TcpListener::bind(address).unwrap());
    receiver.wait(1, "/generated");
    for manner in [
        Manner::Refuses(500, "{\"error\":\"failed to broadcast\"}"),
        Manner::Refuses(502, "<html>bad gateway</html>"),
        Manner::Garbage,
        Manner::Silent,
        Manner::Closes,
    ] {
        receiver.set(manner.clone());
        let before = receiver.came();
        until(&format!("a request while it is {manner:?}"), || (receiver.came() > before).then_some(()));
    }
    receiver.set(Manner::Takes);
    service.post("/api/v1/pow/init/validate", Some(&init(&url)));
    // The switch to validation drops nothing.
    until("an empty outbox", || drained(&service));
    let status = service.status();
    let won = status["callbacks"]["acknowledged"].as_u64().unwrap();
    let times = times(&receiver);
    assert_eq!(times.len() as u64, won);
    assert!(times.values().all(|times| *times == 1), "a nonce was taken twice: {times:?}");
    assert!(status["callbacks"]["failed"].as_u64().unwrap() >= 5, "{status}");
    assert_eq!(status["callbacks"]["givenUp"], 0);
}

#[test]
fn answers_that_mean_it_is_queued_too_large_or_never_are_understood() {
    let dir = Dir::tiny();
    let (service, receiver) = (Service::start(&dir, &["--batch", "64"]), Receiver::start());
    let stage = init(&receiver.url());
    receiver.set(Manner::TakesBut(500, "{\"error\":\"failed to broadcast and put on retry\"}"));
    service.post("/api/v1/pow/init/generate", Some(&stage));
    receiver.wait(2, "/generated");
    receiver.set(Manner::Refuses(500, "{\"error\":\"tx too large\"}"));
    // Halved until it fits or one nonce is all there is, which is given up.
    until("one that cannot be halved", || {
        (service.status()["callbacks"]["givenUp"].as_u64()? > 0).then_some(())
    });
    receiver.set(Manner::Refuses(503, "{\"error\":\"V1 endpoints disabled when poc_v2_enabled=true\"}"));
    service.post("/api/v1/pow/init/validate", Some(&stage));
    until("an empty outbox", || drained(&service));
    let status = service.status();
    assert!(status["callbacks"]["putOnRetry"].as_u64().unwrap() >= 2);
    let taken = times(&receiver);
    assert!(taken.values().all(|times| *times == 1), "what was put on retry was sent again");
    assert_eq!(status["callbacks"]["acknowledged"].as_u64().unwrap(), taken.len() as u64);
    assert_eq!(status["waiting"]["givenUp"], status["callbacks"]["givenUp"]);
}

#[test]
fn verdicts_wait_for_their_receiver_and_one_batch_does_not_hold_up_another() {
    let dir = Dir::tiny();
    let mut service = Service::start(&dir, &[]);
    let receiver = Receiver::start();
    let stage = init(&receiver.url());
    service.post("/api/v1/pow/init/validate", Some(&stage));
    let batch = |nonces: Vec<u64>, dist: f64| {
        let dist = vec![dist; nonces.len()];
        json!({"public_key": "02abc", "block_hash": "DEADBEEF", "block_height": 240, "nonces": nonces, "dist": dist,
            "node_id": 0})
    };
    receiver.set(Manner::Refuses(500, ""));
    // A claim at the radius or beyond killed the reference's sender; a nonce stands twice.
    for body in [batch(vec![1, 2], 1.5), batch(vec![3, 3, 3], 1.3), batch(vec![i64::MAX as u64], 0.0)] {
        service.post("/api/v1/pow/validate", Some(&body));
    }
    until("tries", || (receiver.came() > 2).then_some(()));
    // Taken batches and verdicts survive the process.
    service.kill();
    receiver.set(Manner::Takes);
    let service = Service::start(&dir, &[]);
    let verdicts = receiver.wait(3, "/validated");
    let of = |nonce: u64| {
        let is_it = |body: &&Value| body["nonces"][0].as_u64() == Some(nonce);
        verdicts.iter().map(|taken| &taken.body).find(is_it).unwrap().clone()
    };
    assert_eq!(of(1)["n_invalid"], 2, "claims at the radius or beyond count as false");
    assert_eq!(of(3)["advisory"]["nDuplicates"], 2);
    assert_eq!(of(i64::MAX as u64)["received_dist"], json!([0.0]));
    assert_eq!(service.get("/api/v1/pow/status")["status"], "VALIDATING", "it goes on where it was");
    until("nothing that waits", || drained(&service));
}

#[test]
fn kills_lose_nothing_that_was_won_and_repeat_nothing_that_was_acknowledged() {
    // `SPHERE_POW_KILLS=100` for the long run.
    let kills = std::env::var("SPHERE_POW_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(8);
    let dir = Dir::tiny();
    let receiver = Receiver::start();
    let stage = init(&receiver.url());
    let args = ["--send-every", "0.02", "--batch", "8"];
    // How many callbacks were taken when each process was dead.
    let mut taken_before = Vec::new();
    for kill in 0..kills {
        let mut service = Service::start(&dir, &args);
        service.post("/api/v1/pow/init/generate", Some(&stage));
        let before = receiver.came();
        if kill % 4 > 0 {
            until("a callback of this process", || (receiver.came() > before).then_some(()));
        }
        std::thread::sleep(Duration::from_micros(kill as u64 * 7919 % 50_000));
        service.kill();
        taken_before.push(receiver.taken("/generated").len());
    }
    let service = Service::start(&dir, &args);
    service.post("/api/v1/pow/init/validate", Some(&stage));
    until("an empty outbox", || drained(&service));
    // A receiver that looks at keys has each callback once; without keys it may see those twice that were under way when a
    // process died, before it could know that they were taken.
    let mut by_key: BTreeMap<String, Value> = BTreeMap::new();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut repeated = 0;
    for (index, taken) in receiver.taken("/generated").into_iter().enumerate() {
        let earlier = *first.entry(taken.key.clone()).or_insert(index);
        if let Some(body) = by_key.insert(taken.key, taken.body.clone()) {
            assert_eq!(body, taken.body, "one key, two callbacks");
            let was_under_way = |before: &usize| (earlier..=earlier + AT_ONCE).contains(before);
            assert!(
                taken_before.iter().any(was_under_way),
                "callback {earlier} was acknowledged and sent again"
            );
            repeated += 1;
        }
    }
    let mut nonces: Vec<u64> = by_key
        .values()
        .flat_map(|body| body["nonces"].as_array().unwrap().iter().map(|nonce| nonce.as_u64().unwrap()))
        .collect();
    nonces.sort_unstable();
    let n = nonces.len();
    nonces.dedup();
    assert_eq!(nonces.len(), n, "a nonce stands in two callbacks");
    // The same search without any kill wins the same nonces: as far as it came, none is missing.
    let last = *nonces.last().unwrap();
    dir.write("node.json", &stage["params"].to_string());
    let count = last.to_string();
    let puzzle = ["--params", "node.json", "--block-hash", "DEADBEEF", "--public-key", "02abc"];
    let search = ["mine", "--count", &count, "--node-id", "1", "--out", "all.jsonl", "--backend", "cpu"];
    dir.json(0, &[&search[..], &["--r-target", "1.414"], &puzzle[..]].concat());
    let won: Vec<u64> = common::proofs(&dir.path("all.jsonl")).into_iter().map(|(nonce, _)| nonce).collect();
    assert_eq!(nonces, won, "a nonce that wins was lost");
    let _ = writeln!(
        std::io::stderr(),
        "{kills} kills: {n} nonces taken of {} that win, in {} callbacks, {repeated} of them twice under one key",
        won.len(),
        by_key.len(),
    );
}

#[test]
fn what_nobody_takes_within_the_window_is_set_aside_and_counted() {
    let dir = Dir::tiny();
    let (service, receiver) = (Service::start(&dir, &["--window", "1", "--batch", "64"]), Receiver::start());
    receiver.set(Manner::Refuses(500, "{\"error\":\"busy\"}"));
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    until("an empty outbox", || {
        let is_over = service.get("/api/v1/state")["state"] == "STOPPED";
        drained(&service).filter(|()| is_over)
    });
    let status = service.status();
    assert!(status["waiting"]["givenUp"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(status["waiting"]["givenUp"], status["callbacks"]["givenUp"]);
    assert_eq!(status["callbacks"]["acknowledged"], 0);
}

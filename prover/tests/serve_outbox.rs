//! What `sphere-pow serve` sends, while receivers misbehave and while it is killed: nothing that was won is lost, nothing that was
//! acknowledged is sent again.
#![cfg(unix)]

mod common;

use common::Dir;
use common::service::{Manner, Receiver, Service, drained, init, until, won_until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

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
    until("wins that wait", || {
        let waiting = &service.status()["waiting"];
        (waiting["parcels"].as_u64()? > 0 && waiting["wins"].as_u64()? > 2).then_some(())
    });
    let receiver = Receiver::at(TcpListener::bind(address).unwrap());
    receiver.wait(1, "/generated");
    for manner in [
        Manner::Refuses(500, "{\"error\":\"failed to broadcast\"}"),
        Manner::Refuses(502, "<html>bad gateway</html>"),
        Manner::Garbage,
        Manner::Silent,
        Manner::Trickles,
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
fn a_receiver_that_is_away_holds_up_no_other() {
    let dir = Dir::tiny();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (service, receiver) = (Service::start(&dir, &["--batch", "64"]), Receiver::start());
    service.post("/api/v1/pow/init/generate", Some(&init(&format!("http://{away}/v1/poc-batches"))));
    until("wins that wait", || (service.status()["waiting"]["wins"].as_u64()? > 2).then_some(()));
    let mut next = init(&receiver.url());
    next["block_hash"] = json!("AB");
    service.post("/api/v1/pow/init/generate", Some(&next));
    receiver.wait(2, "/generated");
    let waiting = &service.status()["waiting"];
    assert!(
        waiting["parcels"].as_u64().unwrap() <= 4,
        "an outage makes a callback of each moment: {waiting}"
    );
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

/// Starts, mines, sends and is killed so many times; then everything is sent. Gives how many callbacks were taken when each
/// process was dead, and the last status.
fn killed(kills: usize, receiver: &Receiver, dir: &Dir, more: &[&str]) -> (Vec<usize>, Value) {
    let stage = init(&receiver.url());
    let args = [&["--send-every", "0.02", "--batch", "8"], more].concat();
    let mut taken_before = Vec::new();
    for kill in 0..kills {
        let mut service = Service::start(dir, &args);
        service.post("/api/v1/pow/init/generate", Some(&stage));
        let before = receiver.came();
        if kill % 4 > 0 {
            until("a callback of this process", || (receiver.came() > before).then_some(()));
        }
        std::thread::sleep(Duration::from_micros(kill as u64 * 7919 % 50_000));
        service.kill();
        taken_before.push(receiver.taken("/generated").len());
    }
    let service = Service::start(dir, &args);
    service.post("/api/v1/pow/init/validate", Some(&stage));
    until("an empty outbox", || drained(&service));
    (taken_before, service.status())
}

/// `SPHERE_POW_KILLS=100` for the long run.
fn n_kills(usual: usize) -> usize {
    std::env::var("SPHERE_POW_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(usual)
}

#[test]
fn kills_lose_nothing_that_was_won_and_repeat_nothing_that_was_acknowledged() {
    let kills = n_kills(8);
    let (dir, receiver) = (Dir::tiny(), Receiver::start());
    let (taken_before, _) = killed(kills, &receiver, &dir, &[]);
    // A receiver that looks at keys has each callback once; without keys it may see that one twice that was under way when a
    // process died, before it could know that it was taken.
    let mut by_key: BTreeMap<String, Value> = BTreeMap::new();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut repeated = 0;
    for (index, taken) in receiver.taken("/generated").into_iter().enumerate() {
        let earlier = *first.entry(taken.key.clone()).or_insert(index);
        if let Some(body) = by_key.insert(taken.key, taken.body.clone()) {
            assert_eq!(body, taken.body, "one key, two callbacks");
            // The latest when a process died, or one that was on its way then and taken just after.
            let was_under_way = |before: &usize| (earlier..=earlier + 1).contains(before);
            assert!(
                taken_before.iter().any(was_under_way),
                "callback {earlier} was acknowledged and sent again"
            );
            repeated += 1;
        }
    }
    assert!(repeated <= kills, "{repeated} callbacks were in doubt after {kills} kills");
    let mut nonces: Vec<u64> = by_key
        .values()
        .flat_map(|body| body["nonces"].as_array().unwrap().iter().map(|nonce| nonce.as_u64().unwrap()))
        .collect();
    nonces.sort_unstable();
    let n = nonces.len();
    nonces.dedup();
    assert_eq!(nonces.len(), n, "a nonce stands in two callbacks");
    // A chain that counts a participant's nonces once each counts them as one that looks at keys.
    assert_eq!(times(&receiver).len(), n);
    // As far as it came, none is missing.
    let won = won_until(&dir, &init(""), *nonces.last().unwrap());
    assert_eq!(nonces, won, "a nonce that wins was lost");
    let _ = writeln!(
        std::io::stderr(),
        "{kills} kills: {n} nonces taken of {} that win, in {} callbacks, {repeated} of them twice under one key",
        won.len(),
        by_key.len(),
    );
}

#[test]
fn kills_repeat_nothing_at_all_where_what_is_in_doubt_is_set_aside() {
    let kills = n_kills(4);
    let (dir, receiver) = (Dir::tiny(), Receiver::start());
    let (_, status) = killed(kills, &receiver, &dir, &["--in-doubt", "aside"]);
    let times = times(&receiver);
    assert!(times.values().all(|times| *times == 1), "a nonce was taken twice: {times:?}");
    let set_aside = status["waiting"]["givenUp"].as_u64().unwrap();
    assert!(set_aside <= kills as u64, "more than one callback a kill: {status}");
    let won = won_until(&dir, &init(""), *times.keys().last().unwrap());
    let missing = won.iter().filter(|nonce| !times.contains_key(nonce)).count();
    assert!(missing == 0 || set_aside > 0, "{missing} nonces were lost, and no callback was set aside");
    let _ = writeln!(
        std::io::stderr(),
        "{kills} kills: {} nonces taken of {} that win, none twice; {set_aside} callbacks set aside",
        times.len(),
        won.len(),
    );
}

#[test]
fn a_process_leaves_one_callback_of_wins_in_doubt_which_comes_again_the_same_or_not_at_all() {
    for (choice, times_sent) in [("again", 2), ("aside", 1)] {
        let (dir, receiver) = (Dir::tiny(), Receiver::start());
        let args = ["--timeout", "100", "--batch", "64", "--in-doubt", choice];
        let mut service = Service::start(&dir, &args);
        receiver.set(Manner::Swallows);
        let stage = init(&receiver.url());
        service.post("/api/v1/pow/init/generate", Some(&stage));
        let in_doubt = receiver.wait(1, "/generated").remove(0);
        until("more wins", || (service.status()["waiting"]["wins"].as_u64()? > 2).then_some(()));
        service.kill();
        receiver.set(Manner::Takes);
        let service = Service::start(&dir, &args);
        service.post("/api/v1/pow/init/validate", Some(&stage));
        until("an empty outbox", || drained(&service));
        let taken = receiver.taken("/generated");
        let same: Vec<_> = taken.iter().filter(|taken| taken.key == in_doubt.key).collect();
        assert_eq!(same.len(), times_sent, "{choice}");
        assert!(same.iter().all(|taken| taken.body == in_doubt.body), "one key, two bodies");
        let others = taken.len() - same.len();
        let keys: std::collections::BTreeSet<&str> = taken.iter().map(|taken| taken.key.as_str()).collect();
        assert!(others > 0 && keys.len() == others + 1, "what nobody doubts was sent twice");
        let status = service.status();
        assert_eq!(status["callbacks"]["inDoubt"], 1, "{status}");
        assert_eq!(status["callbacks"]["givenUp"], u64::from(choice == "aside"), "{status}");
    }
}

/// Has the system refuse all that a process writes to files, or nothing any more.
#[cfg(target_os = "linux")]
fn refuse_writes(service: &Service, is_full: bool) {
    let size = if is_full { "--fsize=0:" } else { "--fsize=unlimited:" };
    let pid = service.child.id().to_string();
    let limited = std::process::Command::new("prlimit").args(["--pid", &pid, size]).status();
    assert!(limited.unwrap().success(), "prlimit of util-linux");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_loses_nothing_and_mining_goes_on_when_there_is_room() {
    let (dir, receiver) = (Dir::tiny(), Receiver::start());
    let service = Service::start(&dir, &["--batch", "16"]);
    let stage = init(&receiver.url());
    service.post("/api/v1/pow/init/generate", Some(&stage));
    receiver.wait(1, "/generated");
    for _ in 0..3 {
        refuse_writes(&service, true);
        // The database cannot be opened until there is room.
        until("a disk that refuses", || service.status()["waiting"].is_null().then_some(()));
        assert_eq!(service.get("/api/v1/pow/status")["status"], "GENERATING");
        refuse_writes(&service, false);
        let before = receiver.nonces().len();
        until("more wins", || (receiver.nonces().len() > before).then_some(()));
    }
    service.post("/api/v1/pow/init/validate", Some(&stage));
    until("an empty outbox", || drained(&service));
    let times = times(&receiver);
    assert!(times.values().all(|times| *times == 1), "a nonce was taken twice: {times:?}");
    let taken: Vec<u64> = times.keys().copied().collect();
    assert_eq!(taken, won_until(&dir, &init(""), *taken.last().unwrap()), "a nonce that wins was lost");
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

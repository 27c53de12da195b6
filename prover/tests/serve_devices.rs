//! A service on a GPU that goes wrong, behind a Vulkan layer that makes it do so: it is made anew, given up, kept out of use.
#![cfg(target_os = "linux")]

mod common;

use common::rig::{CARD, Rig};
use common::service::{Receiver, Service, Taken, init, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn serve(rig: &Rig, more: &[&str]) -> Service {
    let own = ["--backend", "gpu", "--batch", "8", "--profile", "exact", "--state-dir", "state"];
    Service::start_with(&rig.0, &[&own[..], more].concat(), &rig.environment())
}

/// A stage of the exact profile's smallest model.
fn stage(receiver: &Receiver) -> Value {
    let params = sphere_pow_core::exact::Preset::Nano.params();
    let mut body = init(&receiver.url());
    body["params"] = serde_json::from_str(&params.to_string()).unwrap();
    body
}

fn begin(service: &Service, receiver: &Receiver) {
    service.post("/api/v1/pow/init/generate", Some(&stage(receiver)));
    until("a win", || (!receiver.nonces().is_empty()).then_some(()));
}

fn device(service: &Service) -> Value {
    service.status()["devices"][0].clone()
}

fn code_of(service: &mut Service) -> Option<i32> {
    until("the end of the process", || service.child.try_wait().unwrap()).code()
}

fn assert_no_nonce_twice(receiver: &Receiver) {
    let nonces = receiver.nonces();
    assert_eq!(nonces.iter().collect::<BTreeSet<_>>().len(), nonces.len());
}

#[test]
fn a_driver_that_hangs_is_left_alone_and_the_device_made_anew_goes_on() {
    let rig = Rig::new();
    let receiver = Receiver::start();
    let service = serve(&rig, &["--device-timeout", "8", "--device-resets", "50"]);
    begin(&service, &receiver);
    let own = device(&service);
    assert!(own["device"].as_str().unwrap().starts_with(CARD), "{own}");
    // What a busy machine resets is no fault of the test.
    let before = own["resets"].as_u64().unwrap();
    assert_eq!(own["batch"], 32, "{own}");
    rig.begin("hang");
    until("a reset", || (device(&service)["resets"].as_u64().unwrap() > before).then_some(()));
    // Requests are answered meanwhile.
    assert_eq!(service.get("/api/v1/state")["state"], "POW");
    rig.end();
    let before = receiver.nonces().len();
    until("more wins", || (receiver.nonces().len() > before).then_some(()));
    until("a device that works", || (device(&service)["state"] == "working").then_some(()));
    let (_, text) = service.operate("GET", "/metrics", "");
    let resets = text.lines().find(|line| line.starts_with("sphere_pow_device_resets_total{")).unwrap();
    assert!(resets.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() >= 1.0, "{resets}");
    assert_no_nonce_twice(&receiver);
}

#[test]
fn without_a_device_left_the_exit_code_says_so_and_a_new_process_goes_on_with_the_stage() {
    let rig = Rig::new();
    let receiver = Receiver::start();
    let mut service = serve(&rig, &[]);
    begin(&service, &receiver);
    rig.begin("lose");
    assert_eq!(code_of(&mut service), Some(7), "{}", std::fs::read_to_string(rig.0.path("log")).unwrap());
    rig.end();
    let before = receiver.nonces().len();
    let _service = serve(&rig, &[]);
    until("more wins without an init", || (receiver.nonces().len() > before).then_some(()));
    assert_no_nonce_twice(&receiver);
    let log = std::fs::read_to_string(rig.0.path("log")).unwrap();
    assert!(log.contains("is disabled") && log.contains("no device is left"), "{log}");
}

#[test]
fn a_device_that_wins_what_is_false_is_quarantined() {
    let rig = Rig::new();
    let receiver = Receiver::start();
    let mut service = serve(&rig, &[]);
    begin(&service, &receiver);
    rig.begin("skip");
    assert_eq!(code_of(&mut service), Some(7));
    let log = std::fs::read_to_string(rig.0.path("log")).unwrap();
    assert!(log.contains("is quarantined") && log.contains("computes wrongly"), "{log}");
    // Started anew it is not believed either while the stage lasts, and the state says that nothing runs.
    rig.end();
    let service = serve(&rig, &[]);
    until("the stage to be given up", || service.status()["error"].as_str().is_some().then_some(()));
    let own = device(&service);
    assert_eq!(
        (&own["state"], &service.status()["state"]),
        (&json!("quarantined"), &json!("STOPPED")),
        "{own}"
    );
}

#[test]
fn a_gpu_takes_block_after_block_and_what_it_wins_of_each_is_true() {
    let rig = Rig::new();
    let receiver = Receiver::start();
    let service = serve(&rig, &[]);
    begin(&service, &receiver);
    for block in ["AB01", "AB02"] {
        let mut next = stage(&receiver);
        next["block_hash"] = json!(block);
        service.post("/api/v1/pow/init/generate", Some(&next));
        let is_of_block = |taken: &Taken| taken.body["block_hash"] == block;
        until("a win of the block", || receiver.taken("/generated").iter().any(is_of_block).then_some(()));
        // A false one would have it quarantined.
        let own = device(&service);
        assert_eq!((&own["state"], &own["nBad"]), (&json!("working"), &json!(0)), "{own}");
        assert!(own["nChecked"].as_u64().unwrap() > 0, "{own}");
    }
    let log = std::fs::read_to_string(rig.0.path("log")).unwrap();
    assert!(log.contains("the model of block AB02 is loaded") && !log.contains("is opened anew"), "{log}");
}

//! Power limits of `sphere-pow serve`, with NVIDIA's library as a test has it; those of other vendors are files, which
//! `sensors::power` tests.
#![cfg(target_os = "linux")]

mod common;

use common::made::{self, Environment};
use common::service::Service;
use common::{Dir, signal};
use serde_json::Value;

/// A folder whose first card may draw 320 W.
fn rig() -> (Dir, Environment) {
    let dir = Dir::new();
    let environment = made::nvml(&dir);
    dir.write("nvml", "320000");
    (dir, environment)
}

fn limit(dir: &Dir) -> String {
    std::fs::read_to_string(dir.path("nvml")).unwrap()
}

fn start((dir, environment): &(Dir, Environment), more: &[&str]) -> Service {
    Service::start_with(dir, more, environment)
}

fn end(mut service: Service) {
    signal(&service.child, "-TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_power_limit_holds_while_the_service_runs_and_the_former_one_comes_back() {
    let rig = rig();
    let own = ["--power-limit", "0000:01:00.0=250"];
    let service = start(&rig, &own);
    assert_eq!(limit(&rig.0), "250000");
    end(service);
    assert_eq!(limit(&rig.0), "320000");
    // What a killed process left is no former limit of the next.
    start(&rig, &own).kill();
    assert_eq!(limit(&rig.0), "250000");
    let service = start(&rig, &["--power-limit", "0000:01:00.0=200.5"]);
    assert_eq!(limit(&rig.0), "200500");
    end(service);
    assert_eq!(limit(&rig.0), "320000");
    // And comes back when the next has none.
    start(&rig, &own).kill();
    let service = start(&rig, &[]);
    assert_eq!(limit(&rig.0), "320000");
    end(service);
}

#[test]
fn a_power_limit_that_cannot_be_set_keeps_the_service_from_starting() {
    let rig = rig();
    for (wish, exit, code, says) in [
        ("0000:01:00.0=99", 2, "power-range", "expected 100 to 400 W"),
        ("0000:01:00.0=401", 2, "power-range", "expected 100 to 400 W"),
        ("0000:02:00.0=200", 3, "power-denied", "expected root"),
        ("0000:03:00.0=200", 3, "power-failed", "has 300 W"),
        ("0000:04:00.0=200", 3, "power-unsupported", "no power limit that can be set"),
        ("0000:07:00.0=200", 3, "power-unsupported", "no power limit that can be set"),
        ("200", 3, "no-device", "no GPU is used here"),
    ] {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--backend", "cpu", "--json"];
        // The first card's is set before, and must not stay.
        let args = [&listen[..], &["--power-limit", "0000:01:00.0=250", "--power-limit", wish]].concat();
        let mut command = rig.0.command(&args);
        let output = command.envs(rig.1.iter().map(|(name, value)| (*name, value))).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &said["error"];
        assert_eq!(
            (output.status.code(), &error["code"]),
            (Some(exit), &Value::from(code)),
            "{wish}: {said}"
        );
        assert!(error["message"].as_str().unwrap().contains(says), "{wish}: {said}");
        assert_eq!(limit(&rig.0), "320000", "{wish}");
    }
    for wish in ["0", "-5", "much", "card=5", "nan"] {
        let output = rig.0.run(&["serve", &format!("--power-limit={wish}")]);
        assert_eq!(output.status.code(), Some(2), "{wish}");
    }
}

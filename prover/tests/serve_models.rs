//! `sphere-pow serve` on the network's small model, on a GPU, and with another profile: mined, delivered and judged through HTTP.
#![cfg(unix)]

mod common;

use common::Dir;
use common::service::{Receiver, Service, init, until};
use serde_json::{Value, json};

/// Mines a stage, has what was won judged as it is and with `forge` done to it, and gives both verdicts.
fn own_and_forged(service: &Service, stage: &Value, column: &str, forge: impl Fn(&mut Value)) -> [Value; 2] {
    let receiver = Receiver::start();
    let mut stage = stage.clone();
    stage["url"] = json!(receiver.url());
    service.post("/api/v1/pow/init/generate", Some(&stage));
    // At least three claims: fewer convict nobody.
    let enough = |n: &usize| *n >= 3;
    until("wins", || {
        Some(receiver.taken("/generated").iter().map(|taken| len(&taken.body)).sum()).filter(enough)
    });
    service.post("/api/v1/pow/init/validate", Some(&stage));
    let head = &receiver.taken("/generated")[0].body;
    let mut own = json!({"public_key": head["public_key"], "block_hash": head["block_hash"],
        "block_height": head["block_height"], "node_id": 0});
    for name in ["nonces", column] {
        let parts = receiver.taken("/generated");
        let all = parts.iter().flat_map(|taken| taken.body[name].as_array().unwrap().clone());
        own[name] = all.take(12).collect();
    }
    let mut forged = own.clone();
    forged[column].as_array_mut().unwrap().iter_mut().for_each(forge);
    [own, forged].map(|batch| {
        let before = receiver.taken("/validated").len();
        assert_eq!(service.post("/api/v1/pow/validate", Some(&batch)), Value::Null);
        let verdict = receiver.wait(before + 1, "/validated").pop().unwrap().body;
        assert_eq!(verdict["nonces"], batch["nonces"]);
        assert_eq!(verdict[format!("received_{column}")], batch[column]);
        verdict
    })
}

fn len(batch: &Value) -> usize {
    batch["nonces"].as_array().unwrap().len()
}

#[test]
fn the_networks_dev_test_model_is_mined_and_judged_through_http() {
    let dir = Dir::new();
    let service = Service::start(&dir, &["--threads", "2"]);
    let stage = json!({
        "block_hash": "2832E92ACC78E278013A8816BC56AD7C83FEE30E54F10F4ECA4BC05329A723A3", "block_height": 17280,
        "public_key": "021438798db085d15c4dffa4d803b7d383ea5305cede835fd97189597a7d5a3e56", "batch_size": 100,
        "r_target": 1.4013564660458173, "fraud_threshold": 1e-7, "node_id": 1, "node_count": 1,
        "params": {"dim": 512, "n_layers": 16, "n_heads": 16, "n_kv_heads": 16, "vocab_size": 8192,
            "ffn_dim_multiplier": 1.3, "multiple_of": 1024, "norm_eps": 1e-5, "rope_theta": 500000,
            "use_scaled_rope": true, "seq_len": 4},
    });
    let [own, forged] = own_and_forged(&service, &stage, "dist", |dist| *dist = json!(1.5));
    assert_eq!((&own["n_invalid"], &own["fraud_detected"]), (&json!(0), &json!(false)), "{own}");
    assert_eq!(own["advisory"]["isWithinHardwareNoise"], true, "{own}");
    assert_eq!(
        (&forged["n_invalid"], &forged["fraud_detected"]),
        (&json!(len(&own)), &json!(true)),
        "{forged}"
    );
}

#[test]
fn a_gpu_mines_and_judges_through_http_and_another_profile_comes_through_the_same_routes() {
    let dir = Dir::tiny();
    let service = Service::start(&dir, &["--backend", "gpu", "--batch", "16"]);
    let [own, forged] = own_and_forged(&service, &init(""), "dist", |dist| *dist = json!(1.5));
    assert_eq!((&own["n_invalid"], &own["fraud_detected"]), (&json!(0), &json!(false)), "{own}");
    assert_eq!(forged["fraud_detected"], true, "{forged}");
    let device = &service.status()["devices"][0];
    assert_eq!(device["engine"], "gpu", "{device}");
    let stage = json!({
        "profile": "exact", "block_hash": "AB12", "block_height": 7, "public_key": "02ab", "node_id": 0,
        "node_count": 1, "params": {"dim": 64, "heads": 4, "hidden": 64, "layers": 40, "threshold": 39535115, "tokens": 8,
            "vocab": 256},
    });
    // One digit of each digest.
    let flip = |digest: &mut Value| {
        let text = digest.as_str().unwrap();
        let first = if text.starts_with('0') { '1' } else { '0' };
        *digest = json!(format!("{first}{}", &text[1..]));
    };
    let [own, forged] = own_and_forged(&service, &stage, "digests", flip);
    assert_eq!((&own["n_invalid"], &own["fraud_detected"]), (&json!(0), &json!(false)), "{own}");
    assert_eq!(
        (&forged["fraud_detected"], &forged["probability_honest"]),
        (&json!(true), &json!(0.0)),
        "{forged}"
    );
}

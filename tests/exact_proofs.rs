//! Proofs of the `exact` profile: the oracle's bytes and JSON, what is refused and by which error, and that
//! decoding never panics.

use proptest::prelude::*;
use serde_json::Value;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::verify::{Check, Report, VerifyError};
use sphere_pow_core::exact::{DecodeError, Proof, Puzzle};
use sphere_pow_tests::vectors;

fn bytes(value: &Value) -> Vec<u8> {
    let hex = value.as_str().expect("hex");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

fn base() -> Proof {
    Proof::from_bytes(&bytes(&vectors("exact_proof.json")["bytes"])).expect("a proof")
}

/// The name of an enum's variant, from its Debug form.
fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// Recomputes every claim.
fn verify(model: &ReferenceExecutor, base: &Proof, proof: &Proof) -> Result<usize, VerifyError> {
    let mut check = Check::new(model.puzzle(), base.key(), proof)?;
    for (index, claim) in proof.claims().iter().enumerate() {
        check.claim(index, &model.logits(base.key(), &[claim.nonce]))?;
    }
    Ok(check.finish().n_checked())
}

fn model_of(proof: &Proof) -> ReferenceExecutor {
    ReferenceExecutor::new(&Puzzle::new(proof.params(), proof.block()))
}

#[test]
fn the_oracles_proof_reads_writes_and_verifies() {
    let all = vectors("exact_proof.json");
    let proof = base();
    assert_eq!(proof.to_bytes(), bytes(&all["bytes"]));
    let json: Value = serde_json::from_str(&proof.to_json()).expect("JSON");
    assert_eq!(json, all["json"]);
    assert_eq!(Proof::from_json(&all["json"].to_string()), Ok(proof.clone()));
    let empty = Proof::from_bytes(&bytes(&all["empty_bytes"])).expect("a proof");
    assert!(empty.claims().is_empty());
    let model = model_of(&proof);
    assert_eq!(verify(&model, &proof, &proof), Ok(8));
    assert_eq!(verify(&model, &proof, &empty), Ok(0));
}

#[test]
fn every_reject_vector_gives_its_named_error() {
    let base = base();
    let model = model_of(&base);
    let all = vectors("exact_reject.json");
    let cases = all["cases"].as_array().expect("cases");
    assert!(cases.len() > 30);
    for case in cases {
        let data = bytes(&case["bytes"]);
        let error = match (case["stage"].as_str(), Proof::from_bytes(&data)) {
            (Some("decode"), Err(error)) => variant(&error),
            (Some("verify"), Ok(proof)) => {
                let error = verify(&model, &base, &proof).expect_err(&case["name"].to_string());
                let report = serde_json::to_value(Report::new(&proof, 0, Some(&error))).expect("JSON");
                assert_eq!(report["accepted"], false);
                assert_eq!(report["fault"]["code"], error.code());
                variant(&error)
            }
            (_, other) => panic!("{}: {other:?}", case["name"]),
        };
        assert_eq!(case["error"], error, "{}", case["name"]);
    }
}

/// Decodes and verifies; a true claim is not recomputed twice.
fn is_refused(base: &Proof, model: &ReferenceExecutor, data: &[u8]) -> bool {
    let Ok(proof) = Proof::from_bytes(data) else { return true };
    let Ok(mut check) = Check::new(model.puzzle(), base.key(), &proof) else { return true };
    let changed = proof.claims().iter().enumerate().filter(|(ix, claim)| base.claims()[*ix] != **claim);
    let mut refused = false;
    for (index, claim) in changed {
        refused |= check.claim(index, &model.logits(base.key(), &[claim.nonce])).is_err();
    }
    refused
}

#[test]
fn every_changed_bit_is_refused() {
    let base = base();
    let model = model_of(&base);
    let data = base.to_bytes();
    for bit in 0..8 * data.len() {
        let mut changed = data.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(is_refused(&base, &model, &changed), "bit {bit} does not matter");
    }
}

#[test]
fn bad_json_is_refused_by_name() {
    let good = vectors("exact_proof.json")["json"].clone();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut json = good.clone();
        change(&mut json);
        variant(&Proof::from_json(&json.to_string()).expect_err("changed"))
    };
    assert_eq!(refused(&|j| j["profile"] = "gonka".into()), "Profile");
    assert_eq!(refused(&|j| j["version"] = 2.into()), "Version");
    assert_eq!(refused(&|j| j["version"] = (-1).into()), "Json");
    assert_eq!(refused(&|j| j["params"]["dim"] = 65.into()), "Params");
    assert_eq!(refused(&|j| j["params"]["extra"] = 1.into()), "Json");
    assert_eq!(refused(&|j| j["extra"] = 1.into()), "Json");
    assert_eq!(refused(&|j| j["block_hash"] = "".into()), "Identity");
    assert_eq!(refused(&|j| j["public_key"] = "k\u{e9}y".into()), "Identity");
    assert_eq!(refused(&|j| j["nonces"][0] = "-1".into()), "Nonce");
    assert_eq!(refused(&|j| j["nonces"][0] = 1.into()), "Json");
    assert_eq!(refused(&|j| j["nonces"][1] = j["nonces"][0].clone()), "Order");
    assert_eq!(refused(&|j| j["nonces"] = Value::Array(Vec::new())), "Lists");
    assert_eq!(refused(&|j| j["digests"][0] = "00".into()), "Digest");
    assert_eq!(refused(&|j| *j = Value::Null), "Json");
    assert!(matches!(Proof::from_json("{"), Err(DecodeError::Json { .. })));
    let deep = "[".repeat(100_000);
    assert!(matches!(Proof::from_json(&deep), Err(DecodeError::Json { .. })));
}

proptest! {
    #[test]
    fn decoding_never_panics(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Proof::from_bytes(&data);
        let _ = Proof::from_json(&String::from_utf8_lossy(&data));
    }

    #[test]
    fn decoding_a_damaged_proof_never_panics(cut in 0_usize..600, at in 0_usize..600, byte in any::<u8>()) {
        let mut data = base().to_bytes();
        let at = at % data.len();
        data[at] = byte;
        data.truncate(cut);
        if let Ok(proof) = Proof::from_bytes(&data) {
            prop_assert_eq!(proof.to_bytes(), data);
        }
    }

    #[test]
    fn what_is_written_is_read(n in 0_usize..50, step in 1_u64..1 << 50) {
        let base = base();
        let claims = (0..n as u64).map(|i| {
            let nonce = sphere_pow_core::identity::Nonce::new(i * step).expect("small");
            sphere_pow_core::exact::Claim { nonce, digest: base.claims()[0].digest }
        });
        let proof = Proof::new(base.params(), base.block(), base.key(), claims.collect()).expect("ascending");
        prop_assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
        prop_assert_eq!(Proof::from_json(&proof.to_json()), Ok(proof));
    }
}

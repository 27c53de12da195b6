//! Proofs of the `exact` profile: the oracle's bytes and JSON, what is refused and by which error, and that every bit of
//! a proof matters.

use proptest::prelude::*;
use serde_json::Value;
use sphere_pow_core::document::{AnyBatch, Batch, read};
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::proof::{Claim, Proof};
use sphere_pow_core::exact::{Digest, Exact, Puzzle};
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::profile::EngineInfo;
use sphere_pow_core::verify::{AnySubmission, Given, SampleSize, Source, Submission, Verdict, plan};
use sphere_pow_tests::{bytes_of_hex, vectors};

fn bytes(value: &Value) -> Vec<u8> {
    bytes_of_hex(value.as_str().expect("hex"))
}

fn base() -> Proof {
    Proof::from_bytes(&bytes(&vectors("exact_proof.json")["bytes"])).expect("a proof")
}

fn model_of(proof: &Proof) -> ReferenceExecutor {
    ReferenceExecutor::new(&Puzzle::new(proof.params(), proof.block()))
}

/// What somebody says who expects proofs of the job of `base`.
fn given(base: &Proof) -> Given {
    Given {
        params: Some(base.params().to_string()),
        block_hash: Some(base.block().to_string()),
        public_key: Some(base.key().to_string()),
        ..Given::default()
    }
}

/// The only batch of a document.
fn only(document: &[u8]) -> Batch<Exact> {
    let mut document = read(document).expect("a document");
    assert_eq!((document.batches.len(), document.rejected.len()), (1, 0));
    match document.batches.remove(0) {
        AnyBatch::Exact(batch) => batch,
        AnyBatch::Gonka(batch) => panic!("of the other profile: {batch:?}"),
    }
}

/// The only submission of a document, or why it cannot be judged.
fn submission(document: &[u8], base: &Proof) -> Result<Submission<Exact>, &'static str> {
    let document = read(document).map_err(|error| error.kind.code())?;
    let mut plan = plan(document, &given(base)).expect("options of the profile");
    match (plan.submissions.pop(), plan.unjudged.first()) {
        (Some(AnySubmission::Exact(submission)), None) => Ok(submission),
        (None, Some(part)) => Err(part.code),
        other => panic!("{other:?}"),
    }
}

/// The verdict on all claims, with the code of the first fault.
fn judged(model: &ReferenceExecutor, submission: &Submission<Exact>) -> (Verdict, Option<&'static str>) {
    let sample = submission.sample(SampleSize::All, "", Source::Random);
    let outcomes: Vec<_> = submission
        .nonces()
        .iter()
        .map(|nonce| {
            let logits = model.logits(&submission.public_key, &[*nonce]);
            model.puzzle().judge(&submission.public_key, *nonce, &logits)
        })
        .collect();
    let engine = EngineInfo { engine: "cpu", device: "reference".into() };
    let report = submission.report(&sample, &outcomes, &engine);
    (report.verdict, report.evidence.fault.map(|fault| fault.code))
}

#[test]
fn the_oracles_proof_reads_writes_and_verifies() {
    let all = vectors("exact_proof.json");
    let proof = base();
    assert_eq!(proof.to_bytes(), bytes(&all["bytes"]));
    let json: Value = serde_json::from_str(&proof.to_json()).expect("JSON");
    assert_eq!(json, all["json"]);
    assert_eq!(only(&proof.to_bytes()), only(all["json"].to_string().as_bytes()));
    let submission = submission(&proof.to_bytes(), &proof).expect("a submission");
    assert_eq!(submission.nonces().len(), 8);
    assert_eq!(judged(&model_of(&proof), &submission), (Verdict::Honest, None));
    let empty = bytes(&all["empty_bytes"]);
    assert!(Proof::from_bytes(&empty).expect("a proof").claims().is_empty());
    assert_eq!(self::submission(&empty, &proof), Err("no-nonces"));
}

#[test]
fn every_reject_vector_gives_its_named_error() {
    let base = base();
    let model = model_of(&base);
    let all = vectors("exact_reject.json");
    let cases = all["cases"].as_array().expect("cases");
    assert!(cases.len() > 35);
    for case in cases {
        let data = bytes(&case["hex"]);
        let is_read = read(&data).is_ok();
        let (stage, code) = match submission(&data, &base) {
            Err(code) => (if is_read { "expect" } else { "read" }, code),
            Ok(submission) => {
                let (verdict, fault) = judged(&model, &submission);
                assert_eq!(verdict, Verdict::Fraud, "{}", case["name"]);
                ("claim", fault.expect("a fault"))
            }
        };
        assert_eq!((&case["stage"], &case["code"]), (&stage.into(), &code.into()), "{}", case["name"]);
    }
}

#[test]
fn bytes_alone_say_what_they_lack() {
    let data = base().to_bytes();
    assert_eq!(Proof::from_bytes(&data[..3]).expect_err("cut").code(), "truncated");
    assert_eq!(Proof::from_bytes(b"RPXP and more").expect_err("foreign").code(), "magic");
}

/// Whether a verifier that expects the job of `base` refuses it; a true claim is not recomputed twice.
fn is_refused(base: &Proof, model: &ReferenceExecutor, data: &[u8]) -> bool {
    let Ok(submission) = submission(data, base) else { return true };
    let claims = submission.nonces().iter().zip(submission.claims()).zip(base.claims()).enumerate();
    let mut changed =
        claims.filter(|(_, ((nonce, digest), claim))| (claim.nonce, claim.digest) != (**nonce, **digest));
    changed.any(|(index, ((nonce, _), _))| {
        let logits = model.logits(base.key(), &[*nonce]);
        let outcome = model.puzzle().judge(base.key(), *nonce, &logits);
        submission.check(index, &outcome).is_some_and(|finding| !finding.valid)
    })
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
fn one_proof_holds_at_most_65536_claims_and_a_file_may_hold_more() {
    let base = base();
    let digest = base.claims()[0].digest;
    let claims = |range: std::ops::Range<u64>| -> Vec<Claim> {
        range.map(|nonce| Claim { nonce: Nonce::new(nonce).expect("small"), digest }).collect()
    };
    let proof = |claims| Proof::new(base.params(), base.block(), base.key(), claims);
    assert_eq!(proof(claims(0..65_537)).expect_err("too many").code(), "count");
    let halves = [proof(claims(0..65_536)), proof(claims(65_536..131_072))];
    let file: Vec<String> = halves.into_iter().map(|half| half.expect("a proof").to_json()).collect();
    assert_eq!(submission(file.join("\n").as_bytes(), &base).expect("a submission").nonces().len(), 131_072);
    let twice = [file[0].as_str(), &file[0]].concat();
    assert_eq!(submission(twice.as_bytes(), &base), Err("duplicate"));
    let joined = file[0].replacen("\"nonces\":[", "\"nonces\":[\"0\",", 1);
    assert_eq!(read(joined.as_bytes()).expect_err("one too many").kind.code(), "count");
}

proptest! {
    #[test]
    fn decoding_never_panics(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Proof::from_bytes(&data);
        let _ = read(&[b"SPXP", data.as_slice()].concat());
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
            let nonce = Nonce::new(i * step).expect("small");
            Claim { nonce, digest: base.claims()[0].digest }
        });
        let proof = Proof::new(base.params(), base.block(), base.key(), claims.collect()).expect("ascending");
        prop_assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
        let batch = only(proof.to_json().as_bytes());
        let digests: Vec<Digest> = proof.claims().iter().map(|claim| claim.digest).collect();
        let nonces: Vec<Nonce> = proof.claims().iter().map(|claim| claim.nonce).collect();
        prop_assert_eq!((batch.nonces, batch.claims), (nonces, Some(digests)));
    }
}

//! The judge over hand-made batches: what joins, what is refused, and by whose word a verdict stands.

use super::*;
use crate::document::{AnyBatch, Batch, Document, Place, Shape};
use crate::exact::{self, Digest, Exact};
use crate::gonka::rule::{DECEMBER_2025_HEIGHT, Distance, TargetRadius};
use crate::gonka::{self, Gonka, Preset};
use crate::identity::{BlockHash, Nonce, PublicKey};
use crate::network::sample::network_sample;
use crate::profile::EngineInfo;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use serde_json::{Value, json};

fn batch(nonces: core::ops::Range<u64>) -> Batch<Gonka> {
    let n = usize::try_from(nonces.end - nonces.start).expect("small");
    Batch {
        place: Place(format!("nonce {}", nonces.start)),
        participant: Some("host".into()),
        public_key: Some(PublicKey::new("02ab").expect("a key")),
        block_hash: Some(BlockHash::new("AB").expect("a hash")),
        block_height: None,
        node_id: None,
        params: Some(Preset::DevTest.params()),
        price: None,
        nonces: nonces.map(|nonce| Nonce::new(nonce).expect("small")).collect(),
        claims: Some(alloc::vec![Distance::new(1.39).expect("a length"); n]),
        progress: None,
    }
}

fn planned(batches: Vec<Batch<Gonka>>, given: &Given) -> Plan {
    let batches = batches.into_iter().map(AnyBatch::Gonka).collect();
    let document = Document { shape: Shape::ProofFile, batches, rejected: Vec::new(), torn: None };
    plan(document, given).expect("the options can be")
}

fn only(plan: &Plan) -> &Submission<Gonka> {
    match plan.submissions.as_slice() {
        [AnySubmission::Gonka(submission)] => submission,
        other => panic!("one submission expected, got {other:?} and {:?}", plan.unjudged),
    }
}

#[test]
fn the_networks_own_sample_is_drawn_and_confirms_nothing() {
    let plan = planned(alloc::vec![batch(0..500)], &Given::default());
    let (submission, validator) = (only(&plan), PublicKey::new("03cd").expect("a key"));
    let sample = submission.network_sample(&validator, 240, SampleSize::default()).expect("few nonces");
    let hash = BlockHash::new("AB").expect("a hash");
    let mut places = network_sample(&validator, &hash, 240, 500, 200).expect("few nonces");
    places.sort_unstable();
    assert_eq!(sample.indices(), places.iter().map(|place| *place as usize).collect::<Vec<_>>());
    assert_eq!(
        (sample.seed(), submission.unconfirmed(&sample)),
        (Some("03cd:AB:240"), alloc::vec!["sample"])
    );
    let other = submission.network_sample(&validator, 241, SampleSize::default()).expect("few nonces");
    assert_ne!(other.indices(), sample.indices());
    let whole = submission.network_sample(&validator, 240, SampleSize::All).expect("few nonces");
    assert_eq!((whole.indices().len(), whole.source()), (500, Source::Whole));
}

/// The report of a submission whose nonces all come to `distance`.
fn judged(plan: &Plan, size: SampleSize, source: Source, distance: f64) -> SubmissionReport<Gonka> {
    let submission = only(plan);
    let sample = submission.sample(size, "seed", source);
    let outcomes = alloc::vec![distance; sample.indices().len()];
    let engine = EngineInfo { engine: "cpu", device: "none".into() };
    submission.report(&sample, &outcomes, &engine)
}

fn verdict(batches: Vec<Batch<Gonka>>, given: &Given, distance: f64) -> Verdict {
    judged(&planned(batches, given), SampleSize::default(), Source::Random, distance).verdict
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.unjudged.iter().map(|part| part.code).collect()
}

#[test]
fn honest_claims_are_honest_and_false_ones_fraud() {
    let given = Given::default();
    assert_eq!(verdict(alloc::vec![batch(0..200)], &given, 1.39), Verdict::Honest);
    assert_eq!(verdict(alloc::vec![batch(0..200)], &given, 1.42), Verdict::Fraud);
    let report =
        judged(&planned(alloc::vec![batch(0..300)], &given), SampleSize::default(), Source::Random, 1.42);
    assert!(report.summary.starts_with("FRAUD: 200 bad in 200 of 300 claims"), "{}", report.summary);
    assert!(report.evidence.nothing_agrees);
    assert!(report.summary.contains("model dev-test, radius 1.4013564660458173 (the network's at launch)"));
    assert!(report.summary.ends_with("block and key as the document says"), "{}", report.summary);
}

#[test]
fn a_file_split_into_small_batches_is_one_submission() {
    let split: Vec<_> = (0..100).map(|i| batch(2 * i..2 * i + 2)).collect();
    assert_eq!(verdict(split, &Given::default(), 1.42), Verdict::Fraud);
}

#[test]
fn lines_of_another_radius_model_or_height_are_refused_together() {
    let mut radius = 1.39;
    let prices = (0..100).map(|i| {
        radius = f64::next_up(radius);
        Batch { price: Some(radius), ..batch(2 * i..2 * i + 2) }
    });
    let plan = planned(prices.collect(), &Given::default());
    assert!(plan.submissions.is_empty());
    assert_eq!(codes(&plan), ["mixed"]);
    let model = Batch { params: Some(Preset::Default.params()), ..batch(2..4) };
    assert_eq!(codes(&planned(alloc::vec![batch(0..2), model], &Given::default())), ["mixed"]);
    let height = |h, range| Batch { block_height: Some(h), ..batch(range) };
    assert_eq!(codes(&planned(alloc::vec![height(1, 0..2), height(2, 2..4)], &Given::default())), ["mixed"]);
    assert_eq!(codes(&planned(alloc::vec![batch(0..2), batch(1..3)], &Given::default())), ["duplicate"]);
    assert_eq!(
        planned(Vec::new(), &Given::default()).conclude(Vec::new(), 0).verdict,
        ReportVerdict::Refused
    );
}

#[test]
fn a_document_may_tighten_the_radius_and_not_loosen_it() {
    let with = |price, height| Batch { price: Some(price), block_height: height, ..batch(0..200) };
    let launch = TargetRadius::LAUNCH.get();
    let given = Given::default();
    assert_eq!(verdict(alloc::vec![with(2.0, None)], &given, 1.39), Verdict::Unconfirmed);
    assert_eq!(verdict(alloc::vec![with(10.0, None)], &given, 1.39), Verdict::Unconfirmed);
    assert_eq!(verdict(alloc::vec![with(launch, None)], &given, 1.39), Verdict::Honest);
    assert_eq!(verdict(alloc::vec![with(1.395, None)], &given, 1.39), Verdict::Honest);
    assert_eq!(verdict(alloc::vec![with(1.395, None)], &given, 1.396), Verdict::Fraud);
    // From December 2025 the launch radius is looser than the network's.
    assert_eq!(
        verdict(alloc::vec![with(launch, Some(DECEMBER_2025_HEIGHT))], &given, 1.39),
        Verdict::Unconfirmed
    );
    let chain = Batch { block_height: Some(DECEMBER_2025_HEIGHT), ..batch(0..200) };
    assert_eq!(verdict(alloc::vec![chain], &given, 1.4), Verdict::Fraud);
    let own = Given { r_target: Some(1.45), ..Given::default() };
    assert_eq!(verdict(alloc::vec![with(2.0, None)], &own, 1.42), Verdict::Honest);
    assert_eq!(verdict(alloc::vec![with(2.0, None)], &own, 1.46), Verdict::Fraud);
}

#[test]
fn small_samples_and_foreign_seeds_convince_nobody() {
    let plan = planned(alloc::vec![batch(0..200)], &Given::default());
    for n in [1, 2] {
        assert_eq!(judged(&plan, SampleSize::Count(n), Source::Random, 1.39).verdict, Verdict::Inconclusive);
    }
    assert_eq!(judged(&plan, SampleSize::Count(3), Source::Random, 1.39).verdict, Verdict::Honest);
    let foreign = judged(&plan, SampleSize::Count(50), Source::Document, 1.39);
    assert_eq!((foreign.verdict, foreign.unconfirmed), (Verdict::Unconfirmed, alloc::vec!["sample"]));
    let few = planned(alloc::vec![batch(0..2)], &Given::default());
    assert_eq!(judged(&few, SampleSize::All, Source::Whole, 1.39).verdict, Verdict::Honest);
    assert_eq!(judged(&few, SampleSize::All, Source::Whole, 1.42).verdict, Verdict::Inconclusive);
}

#[test]
fn the_verifiers_words_fill_in_and_contradict() {
    let bare = || Batch { params: None, block_hash: None, public_key: None, ..batch(0..3) };
    assert_eq!(codes(&planned(alloc::vec![bare()], &Given::default())), ["missing-key"]);
    let text = |text: &str| Some(String::from(text));
    let given = Given {
        params: Some(json!("dev-test").to_string()),
        block_hash: text("AB"),
        public_key: text("02ab"),
        ..Given::default()
    };
    assert_eq!(only(&planned(alloc::vec![bare()], &given)).sources.block_hash, Source::Verifier);
    for (field, code) in [("block", "wrong-block"), ("key", "wrong-key"), ("model", "wrong-params")] {
        let mut given = given.clone();
        match field {
            "block" => given.block_hash = text("AC"),
            "key" => given.public_key = text("02ac"),
            _ => given.params = Some(json!("testnet").to_string()),
        }
        assert_eq!(codes(&planned(alloc::vec![batch(0..3)], &given)), [code]);
    }
    let other = Given { participant: text("nobody"), ..Given::default() };
    assert_eq!(codes(&planned(alloc::vec![batch(0..3)], &other)), ["no-participant"]);
    let blind = Batch { claims: None, ..batch(0..3) };
    assert_eq!(codes(&planned(alloc::vec![blind], &Given::default())), ["no-claims"]);
    let plan = planned(
        alloc::vec![batch(0..200), Batch { params: None, public_key: None, ..batch(0..9) }],
        &Given::default(),
    );
    let report = judged(&plan, SampleSize::All, Source::Whole, 1.39);
    assert_eq!(plan.conclude(alloc::vec![report.into()], 0).verdict, ReportVerdict::Incomplete);
}

#[test]
fn an_unnamed_model_is_unconfirmed_unless_the_verifier_names_it() {
    let raw = crate::gonka::params::RawParams { vocab_size: 2, ..Preset::DevTest.params().raw().clone() };
    let own = crate::gonka::Params::new(&raw).expect("valid");
    let odd = || Batch { params: Some(own.clone()), ..batch(0..200) };
    let report =
        judged(&planned(alloc::vec![odd()], &Given::default()), SampleSize::All, Source::Whole, 1.39);
    assert_eq!(
        (report.verdict, report.unconfirmed.as_slice()),
        (Verdict::Unconfirmed, ["params"].as_slice())
    );
    assert!(report.summary.contains("a model of the document's own"), "{}", report.summary);
    let given = Given { params: Some(own.to_string()), ..Given::default() };
    assert_eq!(verdict(alloc::vec![odd()], &given, 1.39), Verdict::Honest);
}

fn exact(n: u64, claims: impl Fn(usize) -> Digest) -> Plan {
    let batch = Batch::<Exact> {
        place: Place(String::new()),
        participant: None,
        public_key: Some(PublicKey::new("k").expect("a key")),
        block_hash: Some(BlockHash::new("b").expect("a hash")),
        block_height: None,
        node_id: None,
        params: Some(crate::exact::Preset::Nano.params()),
        price: None,
        nonces: (0..n).map(|nonce| Nonce::new(nonce).expect("small")).collect(),
        claims: Some((0..usize::try_from(n).expect("small")).map(claims).collect()),
        progress: None,
    };
    let document = Document {
        shape: Shape::ExactProof,
        batches: alloc::vec![AnyBatch::Exact(batch)],
        rejected: Vec::new(),
        torn: None,
    };
    plan(document, &Given::default()).expect("nothing given")
}

fn exact_report(plan: &Plan, size: SampleSize, won: bool) -> SubmissionReport<Exact> {
    let [AnySubmission::Exact(submission)] = plan.submissions.as_slice() else { panic!("one expected") };
    let sample = submission.sample(size, "seed", Source::Random);
    let verdict = crate::exact::Verdict { dot: 1, logits_squared: 1, target_squared: 1, won };
    let outcomes: Vec<_> = sample.indices().iter().map(|_| (Digest::from_bytes([7; 32]), verdict)).collect();
    let engine = EngineInfo { engine: "cpu", device: "none".into() };
    submission.report(&sample, &outcomes, &engine)
}

#[test]
fn one_false_digest_is_fraud_and_a_small_sample_tells_little() {
    let right = Digest::from_bytes([7; 32]);
    let honest = exact(100, |_| right);
    assert_eq!(exact_report(&honest, SampleSize::All, true).verdict, Verdict::Honest);
    assert_eq!(exact_report(&honest, SampleSize::Count(58), true).verdict, Verdict::Inconclusive);
    let sampled = exact_report(&honest, SampleSize::Count(59), true);
    assert_eq!(sampled.verdict, Verdict::Honest);
    assert!(sampled.summary.contains("at most 5.0 % of the claims are false"), "{}", sampled.summary);
    let lost = exact_report(&honest, SampleSize::All, false);
    assert_eq!(lost.evidence.fault.as_ref().map(|fault| fault.code), Some("not-won"));
    let forged = exact(100, |ix| if ix == 40 { Digest::from_bytes([8; 32]) } else { right });
    let report = exact_report(&forged, SampleSize::All, true);
    assert_eq!((report.verdict, report.n_checked, report.n_bad), (Verdict::Fraud, 100, 1));
    let fault = report.evidence.fault.as_ref().expect("a fault");
    assert_eq!((fault.code, fault.index, fault.nonce.as_str()), ("digest", 40, "40"));
    assert_eq!(report.public_key, "k");
}

#[test]
fn options_of_another_profile_are_refused_by_name() {
    let given = Given { r_target: Some(1.4), ..Given::default() };
    let Err(error) = Expectations::<Exact>::new(&given) else { panic!("accepted") };
    assert_eq!(error.to_string(), "r_target is no option of profile exact");
    assert!(Expectations::<Gonka>::new(&given).is_ok());
    for bad in [0.0, -1.0, 2.1, f64::NAN] {
        let given = Given { r_target: Some(bad), ..Given::default() };
        assert!(Expectations::<Gonka>::new(&given).is_err(), "{bad}");
    }
}

#[test]
fn options_are_read_from_json_and_refused_by_name() {
    let all = r#"{"params": "nano", "blockHash": "AB", "publicKey": null, "participant": "p\u0041",
        "rTarget": 1.25, "fraudThreshold": 1e-2, "blockHeight": 1820000}"#;
    let want = Given {
        params: Some("\"nano\"".into()),
        block_hash: Some("AB".into()),
        public_key: None,
        participant: Some("pA".into()),
        r_target: Some(1.25),
        fraud_threshold: Some(0.01),
        block_height: Some(1_820_000),
    };
    assert_eq!(Given::from_json(all), Ok(want));
    assert_eq!(Given::from_json(" {} "), Ok(Given::default()));
    for (bad, word) in [
        ("{\"rtarget\": 1}", "rtarget"),
        ("{\"rTarget\": 1, \"rTarget\": 1}", "rTarget stands twice"),
        ("{\"rTarget\": \"1\"}", "rTarget is \"1\""),
        ("{\"blockHeight\": 1.5}", "blockHeight is 1.5"),
        ("{\"blockHeight\": \"1\"}", "blockHeight"),
        ("{\"blockHash\": 1}", "blockHash is 1"),
        ("[]", "an object"),
        ("{\"rTarget\": 1", "EOF"),
    ] {
        let error = Given::from_json(bad).expect_err(bad).to_string();
        assert!(error.contains(word), "{bad}: {error}");
    }
}

#[test]
fn sizes_are_shown_as_documents_have_them() {
    fn same<M: crate::profile::Model>() {
        for name in M::PRESETS {
            let params = M::from_name(name).expect("a preset");
            let shown: Value = serde_json::from_str(&params.to_string()).expect("JSON");
            assert_eq!(shown, json!(params), "{name}");
            assert_eq!(M::from_json(&params.to_string()).as_ref(), Ok(&params), "{name}");
        }
    }
    same::<gonka::Params>();
    same::<exact::Params>();
}

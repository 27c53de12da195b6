//! Transcripts of the `exact` profile against the oracle's (`tests/vectors/transcripts.py`), on the readable executor and on
//! every set of kernels of this machine; and what the judge says of openings that are not what they should be.

use serde_json::Value;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::transcript::{Commitment, Hash, Judge, Run, Verdict};
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::{Beacon, BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions};
use sphere_pow_tests::transcript::{Host, Machine, judged};
use sphere_pow_tests::{sha256_hex, vectors};

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text"))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("{field} is no list"))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn runs_of(interval: &Value) -> Vec<Run> {
    let number = |value: &Value| -> u64 { value.as_str().expect("text").parse().expect("a number") };
    let run = |run: &Value| Run {
        first: Nonce::new(number(&run[0])).expect("a nonce"),
        step: number(&run[1]),
        count: number(&run[2]),
    };
    list(interval, "runs").iter().map(run).collect()
}

fn identity(case: &Value) -> (Puzzle, PublicKey, Beacon, u32) {
    let raw: RawParams = serde_json::from_value(case["params"].clone()).expect("sizes");
    let block = BlockHash::new(text(case, "block_hash")).expect("a hash");
    let key = PublicKey::new(text(case, "public_key")).expect("a key");
    let samples = u32::try_from(case["samples"].as_u64().expect("a count")).expect("small");
    (Puzzle::new(&Params::new(&raw).expect("valid"), &block), key, beacon(case), samples)
}

fn beacon(case: &Value) -> Beacon {
    Beacon::new(text(case, "beacon")).expect("a beacon")
}

#[test]
fn transcripts_commitments_samples_and_openings_are_the_oracles_on_every_executor() {
    let all = vectors("exact_transcript.json");
    for case in list(&all, "cases") {
        let (puzzle, key, beacon, samples) = identity(case);
        let intervals: Vec<Vec<Run>> = list(&case["commitment"], "intervals").iter().map(runs_of).collect();
        for mut machine in Machine::all(&puzzle) {
            let name = format!("{} on {}", case["name"], machine.name());
            let host = Host::new(&mut machine, &puzzle, &key, &intervals);
            let first: Nonce = text(case, "first_nonce").parse().expect("a nonce");
            let leaves: Vec<String> = host.records[&first].1.iter().map(Hash::to_hex).collect();
            assert_eq!(Value::from(leaves), case["first_leaves"], "{name}");
            for (nonces, tree) in &host.intervals {
                for (nonce, transcript) in nonces.iter().zip(tree.transcripts()) {
                    assert_eq!(transcript.to_hex(), case["transcripts"][nonce.to_string()], "{name}");
                }
            }
            let commitment = &host.commitment;
            assert_eq!(hex(&commitment.to_bytes()), text(case, "commitment_bytes"), "{name}");
            assert_eq!(
                serde_json::from_str::<Value>(&commitment.to_json()).expect("JSON"),
                case["commitment"]
            );
            assert_eq!(Commitment::from_bytes(&commitment.to_bytes()).as_ref(), Ok(commitment));
            assert_eq!(Commitment::from_json(&commitment.to_json()).as_ref(), Ok(commitment));
            assert_eq!(commitment.hash(&host.keys).to_hex(), text(case, "hash"), "{name}");

            let judge = Judge::new(commitment, &beacon, samples).expect("valid");
            let steps: Vec<Value> = judge
                .steps()
                .iter()
                .map(|step| serde_json::json!([step.position.to_string(), step.layer]))
                .collect();
            assert_eq!(Value::from(steps), case["steps"], "{name}");
            let (mut data, mut lines) = (judge.head().to_bytes(), judge.head().to_json());
            for index in 0..judge.steps().len() {
                let opening = host.open(&judge, index);
                data.extend(opening.to_bytes());
                lines += &opening.to_json();
            }
            assert_eq!(sha256_hex(data.iter().copied()), text(case, "sha256_of_openings"), "{name}");
            if let Some(whole) = case["openings_bytes"].as_str() {
                assert_eq!(hex(&data), whole);
                let first: Value =
                    serde_json::from_str(lines.lines().nth(1).expect("an opening")).expect("JSON");
                assert_eq!(first, case["first_opening"]);
            }
            for (form, piece) in [(data.as_slice(), data.len()), (&data, 97), (lines.as_bytes(), 1009)] {
                let report = judged(&judge, form, &mut machine, piece);
                assert_eq!(report.verdict, Verdict::Honest, "{name}: {}", report.summary);
                assert_eq!((report.n_drawn, report.n_checked), (judge.steps().len(), judge.steps().len()));
            }
        }
    }
}

#[test]
fn every_opening_that_is_not_what_it_should_be_has_its_fault() {
    let all = vectors("exact_transcript.json");
    let small = &all["cases"][0];
    let commitment = Commitment::from_bytes(&bytes(text(small, "commitment_bytes"))).expect("valid");
    let judge = Judge::new(&commitment, &beacon(small), 21).expect("valid");
    let data = bytes(text(small, "openings_bytes"));
    let (head, mut rest) = data.split_at(judge.head().to_bytes().len());
    let mut parts = Vec::new();
    while let Some((size, _)) = rest.split_first_chunk::<4>() {
        let (part, left) = rest.split_at(4 + u32::from_le_bytes(*size) as usize);
        parts.push(part.to_vec());
        rest = left;
    }
    let mut machine = Machine::Twin(ReferenceExecutor::new(commitment.puzzle()));
    for case in list(&all, "rejects") {
        let index = usize::try_from(case["index"].as_u64().expect("an index")).expect("small");
        let mut changed = parts.clone();
        changed[index] = bytes(text(case, "part"));
        let data = [head, &changed.concat()].concat();
        let report = judged(&judge, &data, &mut machine, 4096);
        let name = text(case, "name");
        assert_eq!(report.verdict, Verdict::Void, "{name}: {}", report.summary);
        let fault = &report.faults[0];
        assert_eq!(serde_json::to_value(fault.code).expect("text"), case["code"], "{name}: {}", fault.detail);
        assert_eq!((fault.index, fault.proves_fraud), (index, false), "{name}");
        assert!(report.skipped_bound.is_none());
    }
}

#[test]
fn a_commitment_to_a_falsehood_is_fraud_at_every_step_that_shows_it() {
    let all = vectors("exact_transcript_false.json");
    for case in list(&all, "cases") {
        let commitment = Commitment::from_bytes(&bytes(text(case, "commitment_bytes"))).expect("valid");
        let judge = Judge::new(&commitment, &beacon(&all), 21).expect("valid");
        for mut machine in Machine::all(commitment.puzzle()) {
            let report = judged(&judge, &bytes(text(case, "hex")), &mut machine, 1 << 20);
            let name = text(case, "name");
            assert_eq!(report.verdict, Verdict::Fraud, "{name}");
            let found: Vec<Value> =
                report.faults.iter().map(|fault| serde_json::json!([fault.index, fault.code])).collect();
            assert_eq!(Value::from(found), case["faults"], "{name}");
            assert!(report.faults.iter().all(|fault| fault.proves_fraud), "{name}");
        }
    }
}

#[test]
fn the_bound_is_what_the_number_of_openings_leaves_room_for() {
    let all = vectors("exact_transcript.json");
    let nano = &all["cases"][2];
    let (puzzle, key, beacon, samples) = identity(nano);
    let intervals: Vec<Vec<Run>> = list(&nano["commitment"], "intervals").iter().map(runs_of).collect();
    let mut machine = Machine::Cpu(CpuExecutor::new(&puzzle, CpuOptions::default()).expect("an executor"));
    let host = Host::new(&mut machine, &puzzle, &key, &intervals);
    let judge = Judge::new(&host.commitment, &beacon, samples).expect("valid");
    let mut data = judge.head().to_bytes();
    (0..judge.steps().len()).for_each(|index| data.extend(host.open(&judge, index).to_bytes()));
    let report = judged(&judge, &data, &mut machine, 1 << 20);
    // 60 openings: 1 - 0.05^(1/60) of the steps, and twice that of the work.
    let share = report.false_share_bound.expect("no fault");
    assert!(
        (share - 0.048_7).abs() < 1e-4
            && (report.skipped_bound.expect("no fault") - 2.0 * share).abs() < 1e-12
    );
    assert!(
        report
            .summary
            .starts_with("HONEST: all 60 drawn steps of 17 nonces are true: at most 9.7 % of the work")
    );
    let unconfirmed = judge.clone().report([true, false], 0);
    assert_eq!((unconfirmed.verdict, unconfirmed.faults.len()), (Verdict::Void, 60));
    for samples in [0, 19, 4097, u32::MAX] {
        assert_eq!(
            Judge::new(&host.commitment, &beacon, samples).expect_err("too few or many").code(),
            "count"
        );
    }
}

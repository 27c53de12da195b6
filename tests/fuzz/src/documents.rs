//! The reader of documents: every shape, models, proofs in bytes.

use crate::check_message;
use serde_json::Value;
use sphere_pow_core::document::{
    AnyBatch, Batch, MAX_BATCHES, MAX_NONCES, ReadError, Shape, read, read_model,
};
use sphere_pow_core::exact::proof::{MAX_CLAIMS, Proof};
use sphere_pow_core::exact::{Exact, Params as ExactParams};
use sphere_pow_core::gonka::{Gonka, Params as GonkaParams};
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::profile::{Model, Profile};
use sphere_pow_core::verify::{Expectations, Given};

fn check_refusal(error: &ReadError) {
    check_message(&error.to_string());
    assert!(!error.kind.code().is_empty());
}

/// A document of any shape: within its limits, and each batch reads the same from a line of a proof file.
pub(crate) fn document(bytes: &[u8]) {
    let document = match read(bytes) {
        Ok(document) => document,
        Err(error) => return check_refusal(&error),
    };
    document.rejected.iter().for_each(|part| check_refusal(&part.error));
    assert!(document.batches.len() + document.rejected.len() <= MAX_BATCHES);
    let mut nonces = 0;
    for batch in &document.batches {
        nonces += match batch {
            AnyBatch::Gonka(batch) => check_batch(batch, as_gonka),
            AnyBatch::Exact(batch) => check_batch(batch, as_exact),
        };
    }
    // A nonce takes a byte at least.
    assert!(nonces <= MAX_NONCES && nonces <= bytes.len());
}

fn as_gonka(any: &AnyBatch) -> Option<&Batch<Gonka>> {
    if let AnyBatch::Gonka(batch) = any { Some(batch) } else { None }
}

fn as_exact(any: &AnyBatch) -> Option<&Batch<Exact>> {
    if let AnyBatch::Exact(batch) = any { Some(batch) } else { None }
}

/// Holds a batch to the limits and, where it says all that a line of a proof file does, writes it as one and reads that.
fn check_batch<P: Profile>(batch: &Batch<P>, own: fn(&AnyBatch) -> Option<&Batch<P>>) -> usize {
    check_message(&batch.place.to_string());
    let n = batch.nonces.len();
    let Some(claims) = &batch.claims else { return n };
    assert_eq!(claims.len(), n, "a claim for each nonce");
    let (Some(key), Some(block)) = (&batch.public_key, &batch.block_hash) else { return n };
    if n > MAX_CLAIMS {
        return n;
    }
    let preset = || P::Params::from_name(P::Params::PRESETS[0]).expect("a preset");
    let params = batch.params.clone().unwrap_or_else(preset);
    let terms = Expectations::<P>::new(&Given::default()).expect("nothing is wrong with nothing").terms;
    let mut line = P::file_head(&params, &P::mining_rule(&terms), block, key, batch.block_height);
    let won: Vec<(Nonce, P::Claim)> = batch.nonces.iter().copied().zip(claims.iter().cloned()).collect();
    let [nonces, column] = P::columns(&won);
    let last = batch.nonces.iter().max().copied().unwrap_or(Nonce::MAX);
    let count = |n: u64| Value::from(n);
    for (name, value) in [
        ("nonces", nonces),
        (P::CLAIM_COLUMN, column),
        ("node_id", count(batch.node_id.unwrap_or(0))),
        ("node_count", count(1)),
        ("group", count(0)),
        ("groups", count(1)),
        ("tried", count(n.max(1) as u64)),
        ("last", count(last.get())),
    ] {
        line.insert(name.to_owned(), value);
    }
    let text = Value::Object(line).to_string();
    let again = read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(again.shape, Shape::ProofFile, "{text}");
    let read =
        again.batches.first().and_then(own).unwrap_or_else(|| panic!("no batch of {:?}: {text}", P::NAME));
    assert_eq!((&read.nonces, read.claims.as_ref()), (&batch.nonces, Some(claims)), "{text}");
    assert_eq!((read.public_key.as_ref(), read.block_hash.as_ref()), (Some(key), Some(block)));
    assert_eq!(read.params, Some(params));
    n
}

/// A model file: what is taken for the model's sizes reads the same when written, and its work can be counted.
pub(crate) fn model(bytes: &[u8]) {
    match bytes.split_first() {
        Some((profile, rest)) if profile % 2 == 0 => model_of::<GonkaParams>(rest),
        Some((_, rest)) => model_of::<ExactParams>(rest),
        None => {}
    }
}

fn model_of<M: Model>(bytes: &[u8]) {
    match read_model::<M>(bytes) {
        Err(error) => check_refusal(&error),
        Ok(file) => {
            file.notes.iter().for_each(|note| check_message(note));
            assert!(file.params.work_per_nonce() > 0);
            let text = file.params.to_string();
            assert_eq!(M::from_json(&text).as_ref(), Ok(&file.params));
            let again = read_model::<M>(text.as_bytes()).expect("what we wrote");
            assert_eq!((again.params, again.notes), (file.params, Vec::new()));
        }
    }
}

/// A proof in bytes: one form, and the same claims through JSON and through the reader of documents.
pub(crate) fn exact_bytes(bytes: &[u8]) {
    let proof = match Proof::from_bytes(bytes) {
        Ok(proof) => proof,
        Err(error) => {
            check_message(&error.to_string());
            if bytes.starts_with(b"SPXP") {
                let code = read(bytes).expect_err("no proof").kind.code();
                assert_eq!(code, error.code());
            }
            return;
        }
    };
    assert_eq!(proof.to_bytes(), bytes, "two forms of one proof");
    let claims: Vec<_> = proof.claims().iter().map(|claim| (claim.nonce, claim.digest)).collect();
    for text in [bytes.to_vec(), proof.to_json().into_bytes()] {
        let document = read(&text).expect("a proof is a document");
        let Some(AnyBatch::Exact(batch)) = document.batches.first() else { panic!("no batch of exact") };
        let digests = batch.claims.clone().expect("claims");
        assert_eq!(batch.nonces.iter().copied().zip(digests).collect::<Vec<_>>(), claims);
        assert_eq!(batch.params.as_ref(), Some(proof.params()));
    }
}

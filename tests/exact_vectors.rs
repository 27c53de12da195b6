//! Every `exact` vector against core. `tests/vectors/oracle.py` made them, written from SPEC Part II alone.

use serde_json::Value;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::ops::{self, AttentionShape, Requant};
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::weights::{LayerTensor, Tensor};
use sphere_pow_core::exact::{Digest, Inputs, Params, Preset, Puzzle, tables};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_tests::{sha256_hex, vectors};

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

fn count(value: &Value, field: &str) -> usize {
    usize::try_from(value[field].as_u64().unwrap_or_else(|| panic!("{field} in {value}"))).expect("small")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("{field} is no list in {value}"))
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value, field: &str) -> T {
    text(value, field).parse().expect("a number")
}

fn nonce(value: &Value) -> Nonce {
    number(value, "nonce")
}

fn params(value: &Value) -> Params {
    let raw: RawParams = serde_json::from_value(value["params"].clone()).expect("parameters");
    Params::new(&raw).expect("valid parameters")
}

fn puzzle_and_key(case: &Value) -> (Puzzle, PublicKey) {
    let block = BlockHash::new(text(case, "block_hash")).expect("a hash");
    let key = PublicKey::new(text(case, "public_key")).expect("a key");
    (Puzzle::new(&params(case), &block), key)
}

fn sha_i8(values: &[i8]) -> String {
    sha256_hex(values.iter().map(|x| x.cast_unsigned()))
}

fn sha_i16(values: &[i32]) -> String {
    sha256_hex(values.iter().flat_map(|x| i16::try_from(*x).expect("fits i16").to_le_bytes()))
}

fn sha_i32(values: &[i32]) -> String {
    sha256_hex(values.iter().flat_map(|x| x.to_le_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn json<T: serde::Serialize>(values: T) -> Value {
    serde_json::to_value(values).expect("numbers")
}

#[test]
fn tables_are_those_of_their_recipes() {
    let all = vectors("exact_tables.json");
    let checks = [
        ("normal", json(tables::NORMAL.to_vec()), sha_i8(&tables::NORMAL), "sha256_i8"),
        ("silu", json(tables::SILU.to_vec()), sha_i8(&tables::SILU), "sha256_i8"),
        (
            "exp2",
            json(tables::EXP2.to_vec()),
            sha256_hex(tables::EXP2.iter().flat_map(|x| x.to_le_bytes())),
            "sha256_u16",
        ),
    ];
    for (name, values, sha, field) in checks {
        assert_eq!(values, all[name]["values"], "{name}");
        assert_eq!(sha, all[name][field], "{name}");
    }
}

#[test]
fn keys_and_streams_are_the_oracles() {
    let all = vectors("exact_streams.json");
    for case in list(&all, "keys") {
        let (puzzle, key) = puzzle_and_key(case);
        assert_eq!(hex(puzzle.weights_key().as_bytes()), text(case, "weights_key"));
        assert_eq!(hex(puzzle.inputs_key(&key).as_bytes()), text(case, "input_key"));
    }
    let (puzzle, key) = puzzle_and_key(&all["keys"][0]);
    for slice in list(&all, "slices") {
        let want = text(slice, "bytes");
        let mut got = vec![0; want.len() / 2];
        puzzle.weights_key().read(number(slice, "stream"), number(slice, "offset"), &mut got);
        assert_eq!(hex(&got), want, "{slice}");
    }
    for case in list(&all, "tensors") {
        let role = LayerTensor::ALL.into_iter().find(|t| t.name() == text(case, "role"));
        let tensor = role.map_or(Tensor::Output, |t| Tensor::Layer(count(case, "layer"), t));
        let (outputs, inputs) = tensor.shape(puzzle.params());
        assert_eq!(json([outputs, inputs]), case["shape"]);
        assert_eq!(json(tensor.stream(puzzle.params())), case["stream"]);
        let values = puzzle.weights().tensor(tensor);
        assert_eq!(json(&values[..16]), case["first16"]);
        assert_eq!(sha_i8(&values), text(case, "sha256_i8"));
    }
    let large = Puzzle::new(&Preset::Large.params(), puzzle.block());
    let mut tile = vec![0; 96];
    large.weights().read_tile(Tensor::Layer(35, LayerTensor::W2), 4095..4096, 4000..4096, &mut tile);
    assert_eq!(json(tile), all["large_tile"]);
    for case in list(&all, "inputs") {
        let input = puzzle.input(&key, nonce(case));
        let mut stream = vec![0; input.len()];
        ops::embed(&input, &mut stream);
        assert_eq!(json(&stream[..16]), case["first16"]);
        assert_eq!(sha_i16(&stream), text(case, "sha256_i16"));
        let rounds = 2 * puzzle.params().layers();
        let keys = puzzle.round_keys(&key, nonce(case), 0..rounds);
        assert_eq!(sha_i8(&keys), text(case, "sha256_round_keys_i8"));
        assert_eq!(json(&keys[keys.len() - 4..]), case["last4_round_keys"]);
        let one = puzzle.round_keys(&key, nonce(case), 7..8);
        assert_eq!(one, keys[7 * puzzle.params().dim()..][..puzzle.params().dim()]);
        let drawn = puzzle.inputs(&key, &[nonce(case)]);
        assert_eq!(drawn, Inputs { tokens: input, round_keys: keys });
    }
    for case in list(&all, "targets") {
        let digest = Digest::from_hex(text(case, "digest")).expect("a digest");
        let target = puzzle.target(&key, nonce(case), &digest);
        assert_eq!(json(&target[..16]), case["first16"]);
        assert_eq!(sha_i8(&target), text(case, "sha256_i8"));
    }
}

#[test]
fn reading_a_stream_in_any_pieces_gives_the_same_bytes() {
    let block = BlockHash::new("pieces").expect("a hash");
    let key = StreamKey::weights(&Preset::Nano.params(), &block);
    let mut whole = vec![0; 1000];
    key.read(7, 0, &mut whole);
    for from in 0..140 {
        for len in [0, 1, 2, 3, 5, 64, 257] {
            let mut piece = vec![0; len];
            key.read(7, from as u64, &mut piece);
            assert_eq!(piece, whole[from..from + len], "{len} bytes from {from}");
        }
    }
}

/// The oracle's paint: `low + (x >> 16) mod (high - low + 1)` over a linear congruential sequence.
fn paint(seed: usize, n: usize, low: i32, high: i32) -> Vec<i32> {
    let mut x = u32::try_from(seed).expect("small");
    let span = (high - low + 1).cast_unsigned();
    (0..n)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            low + ((x >> 16) % span).cast_signed()
        })
        .collect()
}

fn paint8(seed: usize, n: usize, bound: i32) -> Vec<i8> {
    paint(seed, n, -bound, bound).into_iter().map(|x| i8::try_from(x).expect("int8")).collect()
}

fn check_op(case: &Value) {
    let int8 = |acc: &[i32], requant: Requant, k: usize| -> Vec<i32> {
        acc.iter().map(|acc| requant.apply(*acc, k)).collect()
    };
    match text(case, "op") {
        "linear" => {
            let (seed, rows, n, k) =
                (count(case, "seed"), count(case, "rows"), count(case, "outputs"), count(case, "inputs"));
            let mut acc = vec![0; rows * n];
            ops::linear(&paint8(seed, rows * k, 127), &paint8(seed + 100, n * k, 46), k, &mut acc);
            assert_eq!(json(&acc[..4.min(acc.len())]), case["first_acc"]);
            assert_eq!(sha_i32(&acc), text(case, "sha256_acc_i32"));
            let narrow: Vec<i8> = int8(&acc, Requant::Int8, k).into_iter().map(ops::clamp_int8).collect();
            assert_eq!(sha_i8(&narrow), text(case, "sha256_int8"));
            assert_eq!(sha_i32(&int8(&acc, Requant::Branch, k)), text(case, "sha256_branch_i32"));
        }
        "norm" => {
            let (rows, dim, size) = (count(case, "rows"), count(case, "dim"), count(case, "size"));
            let size = i32::try_from(size).expect("small");
            let x = paint(count(case, "seed"), rows * dim, -size, size);
            let mut normed = vec![0; x.len()];
            ops::norm(&x, dim, &mut normed);
            assert_eq!(json(&normed[..4]), case["first4"]);
            assert_eq!(sha_i16(&normed), text(case, "sha256_i16"));
            let mut lanes = vec![0; x.len()];
            let round_key = paint8(count(case, "seed") + 50, dim, 46);
            for (key, sha) in [(None, "sha256_lanes_i8"), (Some(&round_key[..]), "sha256_keyed_lanes_i8")] {
                for (row, lanes) in lanes.chunks_exact_mut(dim).enumerate() {
                    ops::lanes(&normed[row * dim..][..dim], key, count(case, "position") + row, lanes);
                }
                assert_eq!(sha_i8(&lanes), text(case, sha));
            }
        }
        "norm_spike" => {
            let mut x = vec![0; count(case, "dim")];
            let at = count(case, "index");
            x[at] = i32::try_from(case["value"].as_i64().expect("a value")).expect("small");
            let mut normed = vec![0; x.len()];
            ops::norm(&x, x.len(), &mut normed);
            assert_eq!(json(normed[at]), case["result"]);
        }
        "attention" => {
            let shape = AttentionShape {
                queries: count(case, "queries"),
                tokens: count(case, "tokens"),
                heads: count(case, "heads"),
                head_dim: count(case, "head_dim"),
            };
            let (seed, dim) = (count(case, "seed"), shape.heads * shape.head_dim);
            let shrink = i8::try_from(count(case, "shrink")).expect("small");
            let query = paint8(seed, shape.queries * dim, 127);
            let key: Vec<i8> =
                paint8(seed + 100, shape.tokens * dim, 127).into_iter().map(|k| k / shrink).collect();
            let value = paint8(seed + 200, shape.tokens * dim, 127);
            let mut out = vec![0; query.len()];
            ops::attention(&query, &key, &value, shape, &mut out);
            assert_eq!(json(&out[..8]), case["first8"]);
            assert_eq!(sha_i8(&out), text(case, "sha256_i8"));
        }
        "swiglu" => {
            let n = count(case, "len");
            let mut gate = paint8(30, n, 127);
            ops::swiglu(&mut gate, &paint8(31, n, 127));
            assert_eq!(json(&gate[..8]), case["first8"]);
            assert_eq!(sha_i8(&gate), text(case, "sha256_i8"));
        }
        "merge" => {
            let (rows, dim) = (count(case, "rows"), count(case, "dim"));
            let normed = paint(40, rows * dim, -900, 900);
            let branch = paint(41, rows * dim, -2000, 2000);
            let mut stream = vec![0; rows * dim];
            ops::merge(&normed, &branch, dim, &mut stream);
            assert_eq!(json(&stream[..4]), case["first4"]);
            assert_eq!(sha_i16(&stream), text(case, "sha256_i16"));
        }
        other => panic!("no op {other}"),
    }
}

#[test]
fn every_op_is_the_oracles() {
    let all = vectors("exact_ops.json");
    assert!(list(&all, "cases").len() > 20);
    list(&all, "cases").iter().for_each(check_op);
}

/// Logits, digests and verdicts of a case of `exact_forward.json`.
fn check_forward(case: &Value, batch: usize) {
    let (puzzle, key) = puzzle_and_key(case);
    let model = ReferenceExecutor::new(&puzzle);
    let first: u64 = number(case, "first_nonce");
    let nonces: Vec<Nonce> =
        (first..).take(count(case, "count")).map(|n| Nonce::new(n).expect("below 2^63")).collect();
    let (mut digests, mut won, mut listed) = (Vec::new(), 0, list(case, "nonces").iter());
    for (batch_ix, nonces) in nonces.chunks(batch).enumerate() {
        let logits = model.logits(&key, nonces);
        if batch_ix == 0 {
            assert_eq!(json(&logits[..8]), case["first8_logits"], "{}", case["name"]);
        }
        for (nonce, logits) in nonces.iter().zip(logits.chunks_exact(puzzle.params().vocab())) {
            let (digest, verdict) = puzzle.judge(&key, *nonce, logits);
            if let Some(want) = listed.next() {
                assert_eq!(nonce.to_string(), text(want, "nonce"));
                assert_eq!(digest.to_hex(), text(want, "digest"));
                assert_eq!(verdict.dot.to_string(), text(want, "dot"));
                assert_eq!(verdict.logits_squared.to_string(), text(want, "logits_squared"));
                assert_eq!(verdict.target_squared.to_string(), text(want, "target_squared"));
                assert_eq!(json(verdict.won), want["won"]);
            }
            won += usize::from(verdict.won);
            digests.extend(*digest.as_bytes());
        }
    }
    assert_eq!(sha256_hex(digests), text(case, "sha256_of_digests"), "{}", case["name"]);
    assert_eq!(won, count(case, "won"));
}

fn check_forward_named(wanted: impl Fn(&str) -> bool, batch: usize) {
    let all = vectors("exact_forward.json");
    let cases: Vec<&Value> = list(&all, "cases").iter().filter(|case| wanted(text(case, "name"))).collect();
    assert!(!cases.is_empty());
    cases.into_iter().for_each(|case| check_forward(case, batch));
}

#[test]
fn nano_digests_are_the_oracles() {
    check_forward_named(|name| name.starts_with("nano"), 32);
}

#[test]
fn odd_shapes_digests_are_the_oracles() {
    check_forward_named(|name| !name.starts_with("nano") && name != "standard", 2);
}

#[test]
fn standard_digests_are_the_oracles() {
    check_forward_named(|name| name == "standard", 6);
}

//! Every `gonka` vector against core: random numbers, tensors, inputs, permutations and targets bit for bit,
//! distances of the reference executor within the bound.

use serde_json::Value;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::forward::ReferenceExecutor;
use sphere_pow_core::gonka::params::Preset;
use sphere_pow_core::gonka::rng::{
    NumpyRng, SeedSequence, f16_through_f32, weight_from_normal, ziggurat_tables,
};
use sphere_pow_core::gonka::seed::Seed;
use sphere_pow_core::gonka::weights::{self, LayerTensor, Tensor, TensorView};
use sphere_pow_core::identity::BlockHash;
use sphere_pow_core::statistics::binomial_tail;
use sphere_pow_cpu::gonka::{weight_pool, weight_pool_with};
use sphere_pow_cpu::threads::Threads;
use sphere_pow_tests::{GonkaCase, sha256_f16, sha256_hex, vectors};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("an array").iter().map(|v| v.as_str().expect("text")).collect()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().expect("an array").iter().map(|v| v.as_u64().expect("a number")).collect()
}

#[test]
fn random_numbers_are_numpys_bit_for_bit() {
    let cases = vectors("rng.json");
    let cases = cases.as_array().expect("cases");
    assert!(cases.len() >= 5);
    for case in cases {
        let n_hashes = u32::try_from(case["num_hashes"].as_u64().expect("hashes")).expect("few");
        let seed = Seed::from_text(case["seed"].as_str().expect("seed"), n_hashes);
        let entropy = seed.entropy();
        assert_eq!(entropy.iter().map(|w| u64::from(*w)).collect::<Vec<_>>(), numbers(&case["entropy_u32"]));
        let state = SeedSequence::new(&entropy).generate_u64x4().map(|w| w.to_string());
        assert_eq!(state.to_vec(), texts(&case["generate_state_u64"]));

        let mut rng = NumpyRng::new(&seed);
        let raw: Vec<String> = (0..8).map(|_| rng.next_u64().to_string()).collect();
        assert_eq!(raw, texts(&case["raw_u64"]));

        let normals = NumpyRng::new(&seed).standard_normals(1_000_000);
        let first: Vec<String> = normals[..16].iter().map(|z| format!("{:016x}", z.to_bits())).collect();
        assert_eq!(first, texts(&case["normal_first16_f64_be"]));
        let hash = sha256_hex(normals.iter().flat_map(|z| z.to_le_bytes()));
        assert_eq!(hash, case["normal_1e6_sha256_f64_le"]);
        let extreme = |pick: fn(f64, f64) -> f64| {
            format!("{:016x}", normals.iter().copied().reduce(pick).expect("normals").to_bits())
        };
        assert_eq!(extreme(f64::min), case["min"]);
        assert_eq!(extreme(f64::max), case["max"]);

        let pool: Vec<f16> = normals[..100_000].iter().map(|z| weight_from_normal(*z)).collect();
        assert_eq!(sha256_f16(&pool), case["pool_100k_sha256_f16_le"]);

        let hash = |n| {
            let order = NumpyRng::new(&seed).permutation(n);
            sha256_hex(order.into_iter().flat_map(|ix| i64::from(ix).to_le_bytes()))
        };
        let order = NumpyRng::new(&seed).permutation(128);
        assert_eq!(order.into_iter().map(u64::from).collect::<Vec<_>>(), numbers(&case["perm128"]));
        assert_eq!(hash(8192), case["perm8192_sha256_i64_le"]);
        assert_eq!(hash(8196), case["perm8196_sha256_i64_le"]);
    }
}

#[test]
fn advancing_equals_drawing() {
    let seed = Seed::from_text("advance", 2);
    let (mut a, mut b) = (NumpyRng::new(&seed), NumpyRng::new(&seed));
    for _ in 0..1000 {
        a.next_u64();
    }
    b.advance(1000);
    assert_eq!(a.next_u64(), b.next_u64());
}

#[test]
fn ziggurat_tables_are_numpys() {
    let json = vectors("ziggurat_normal.json");
    let hex = |table: &[u64; 256]| table.iter().map(|v| format!("{v:016x}")).collect::<Vec<_>>();
    assert_eq!(hex(&ziggurat_tables::KI), texts(&json["ki"]));
    assert_eq!(hex(&ziggurat_tables::WI_BITS), texts(&json["wi"]));
    assert_eq!(hex(&ziggurat_tables::FI_BITS), texts(&json["fi"]));
    assert_eq!(format!("{:016x}", ziggurat_tables::R_BITS), json["r"]);
    assert_eq!(format!("{:016x}", ziggurat_tables::INV_R_BITS), json["inv_r"]);
}

#[test]
fn binomial_tails_are_scipys() {
    for case in vectors("binomial.json").as_array().expect("cases") {
        let (n, k) = (case["n"].as_u64().expect("n"), case["k"].as_u64().expect("k"));
        let (got, want) = (binomial_tail(n, k, 5e-4), case["pvalue"].as_f64().expect("a number"));
        assert!((got - want).abs() <= 1e-9 * want, "P(X >= {k}) of {n}: {got:e}, want {want:e}");
    }
}

fn tensor_named(name: &str) -> Tensor {
    let layers = (0..64).flat_map(|i| LayerTensor::ALL.map(|t| Tensor::Layer(i, t)));
    let all = [Tensor::TokEmbeddings, Tensor::Norm, Tensor::Output].into_iter().chain(layers);
    all.into_iter().find(|t| t.name() == name).unwrap_or_else(|| panic!("no tensor {name}"))
}

/// Everything of a case but its distances.
fn check_parts(name: &str) {
    let case = GonkaCase::load(name);
    let (json, puzzle) = (&case.json, &case.puzzle);
    let params = puzzle.params();
    assert_eq!(params.n_parameters(), json["total_params"].as_u64().expect("a number"));
    if let Some(len) = json.get("pool_size") {
        assert_eq!(params.pool_len() as u64, len.as_u64().expect("a number"));
    }

    let pool = weight_pool(params, puzzle.block());
    if let Some(hash) = json.get("pool_sha256_f16_le") {
        assert_eq!(&sha256_f16(&pool), hash);
    }
    let tensors = json["tensors"].as_object().expect("tensors");
    assert!(tensors.len() > 10);
    for (name, want) in tensors {
        let view = TensorView::new(params, puzzle.block(), tensor_named(name));
        let mut values = vec![f16::ZERO; view.len()];
        view.read(&pool, 0, &mut values);
        assert_eq!(sha256_f16(&values), want["sha256_f16_le"], "{name}");
        // Any part read alone is the same part of the whole.
        let (from, len) = (view.len() / 3, (view.len() / 2).min(10_000));
        let mut part = vec![f16::ZERO; len];
        view.read(&pool, from, &mut part);
        assert_eq!(part, values[from..from + len], "{name}");
    }

    let target = puzzle.target().coordinates();
    assert_eq!(sha256_hex(target.iter().flat_map(|x| x.to_le_bytes())), json["target_sha256_f64_le"]);
    for (i, hash) in texts(&json["input_sha256_f16_le"]).into_iter().enumerate() {
        assert_eq!(sha256_f16(&puzzle.input(&case.key, case.nonces[i])), hash, "input {i}");
    }
    for (i, hash) in texts(&json["perm_sha256_i64_le"]).into_iter().enumerate() {
        let order = puzzle.permutation(&case.key, case.nonces[i]);
        let got = sha256_hex(order.into_iter().flat_map(|ix| i64::from(ix).to_le_bytes()));
        assert_eq!(got, hash, "permutation {i}");
    }
}

#[test]
fn tiny_parts_are_the_networks_bit_for_bit() {
    check_parts("tiny");
}

#[test]
fn small_parts_are_the_networks_bit_for_bit() {
    check_parts("small");
}

#[test]
fn devtest_parts_are_the_networks_bit_for_bit() {
    check_parts("devtest");
}

#[test]
fn testnet_parts_are_the_networks_bit_for_bit() {
    check_parts("testnet");
}

fn check_pool(params: &Params) {
    let block = BlockHash::new("pool").expect("a hash");
    let want = weights::weight_pool(params, &block);
    for threads in [1, 2, 3, 7] {
        let threads = Threads::new(NonZeroUsize::new(threads)).expect("threads");
        assert!(threads.install(|| weight_pool(params, &block)) == want);
    }
    let stopped = weight_pool_with(params, &block, &|_| ControlFlow::Break(()));
    assert_eq!(stopped, None);
}

#[test]
fn the_least_pool_is_cores_at_any_thread_count() {
    let mut raw = Preset::DevTest.params().raw().clone();
    (raw.dim, raw.n_layers, raw.vocab_size, raw.multiple_of) = (64, 2, 500, 32);
    (raw.n_heads, raw.n_kv_heads) = (4, 4);
    let params = Params::new(&raw).expect("valid parameters");
    assert_eq!(params.pool_len(), 50_000);
    check_pool(&params);
}

#[test]
fn pools_of_devtest_that_fill_no_whole_segment_are_cores() {
    check_pool(&Preset::DevTest.params());
}

fn check_reference(name: &str, n_nonces: usize) {
    let case = GonkaCase::load(name).first(n_nonces);
    let model = ReferenceExecutor::new(case.puzzle.params(), case.puzzle.block());
    case.check(4, |inputs| model.logits(inputs));
}

#[test]
fn reference_distances_of_tiny_are_the_networks() {
    check_reference("tiny", 64);
}

#[test]
fn reference_distances_of_small_are_the_networks() {
    check_reference("small", 16);
}

#[test]
fn reference_distances_of_devtest_are_the_networks() {
    check_reference("devtest", 8);
}

#[test]
fn first_logits_are_the_networks() {
    for name in ["tiny", "small", "devtest"] {
        let case = GonkaCase::load(name);
        let model = ReferenceExecutor::new(case.puzzle.params(), case.puzzle.block());
        let logits = model.logits(&case.puzzle.input(&case.key, case.nonces[0]));
        let want = case.json["logits_nonce0_first16"].as_array().expect("logits");
        for (got, want) in logits.iter().zip(want) {
            let want = want.as_f64().expect("a number");
            assert!((f64::from(*got) - want).abs() <= 2e-3 * want.abs().max(1e-3), "{got} {want}");
        }
    }
}

#[test]
fn f64_is_rounded_to_f16_twice() {
    // Above half a unit of f16 by less than half a unit of f32: rounded once it would go up.
    let tie = 1.0 + 1.0 / 2048.0;
    assert_eq!(f16_through_f32(tie + 1e-12), f16::ONE);
    assert_eq!(f16_through_f32(tie + 1e-6), f16::ONE + f16::EPSILON);
}

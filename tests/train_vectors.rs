//! core's integer trainer against vectors of a second implementation (`tests/vectors/train.py`), SPEC Part IV.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sphere_pow_core::train::commit::{delta, read_delta, root_of, tree};
use sphere_pow_core::train::executor::Plain;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::ops::attention::{Shape, attention, attention_backward};
use sphere_pow_core::train::ops::feed_forward::{squared_relu, squared_relu_backward};
use sphere_pow_core::train::ops::norm::{norm, norm_backward};
use sphere_pow_core::train::ops::optimise::{Step, corrections};
use sphere_pow_core::train::ops::softmax::cross_entropy;
use sphere_pow_core::train::ops::stream::{add_branch, add_gradients};
use sphere_pow_core::train::state::{Tensor, to_words};
use sphere_pow_core::train::values::largest;
use sphere_pow_core::train::{Lane, Preset, Run, State, Text};

fn json(name: &str) -> Value {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect("the vectors")).expect("JSON")
}

fn list<T: TryFrom<i64>>(case: &Value, name: &str) -> Vec<T> {
    let values = case[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
    let value =
        |x: &Value| T::try_from(x.as_i64().expect("an integer")).unwrap_or_else(|_| panic!("{name}: {x}"));
    values.iter().map(value).collect()
}

fn int(case: &Value, name: &str) -> i32 {
    i32::try_from(case[name].as_i64().unwrap_or_else(|| panic!("{name} is no integer"))).expect("i32")
}

fn cases(name: &str) -> Vec<Value> {
    let all = json("train_ops.json")[name].as_array().expect("cases").clone();
    assert!(!all.is_empty());
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[test]
fn norm_is_the_vectors() {
    for case in cases("norm") {
        let (row, g): (Vec<i32>, Vec<i16>) = (list(&case, "row"), list(&case, "g"));
        let mut y = vec![0; row.len()];
        let (e, kept) = norm(&row, &mut y);
        assert_eq!((&y, e), (&list(&case, "y"), int(&case, "exponent")));
        assert_eq!((kept.factor, kept.exponent), (int(&case, "factor"), int(&case, "kept")));
        let mut back = vec![0; row.len()];
        let back_e = norm_backward(&g, int(&case, "g_exponent"), &y, e, kept, &mut back);
        assert_eq!((back, back_e), (list(&case, "back"), int(&case, "back_exponent")));
    }
}

#[test]
fn squared_relu_is_the_vectors() {
    for case in cases("squared_relu") {
        let (acc, g): (Vec<i32>, Vec<i16>) = (list(&case, "acc"), list(&case, "g"));
        let (mut a, mut f, mut back) = (vec![0; acc.len()], vec![0; acc.len()], vec![0; acc.len()]);
        let (ea, ef) = squared_relu(&acc, int(&case, "exponent"), &mut a, &mut f);
        assert_eq!((&a, ea), (&list(&case, "a"), int(&case, "a_exponent")));
        assert_eq!((f, ef), (list(&case, "f"), int(&case, "f_exponent")));
        let e = squared_relu_backward(&g, int(&case, "g_exponent"), &a, ea, &mut back);
        assert_eq!((back, e), (list(&case, "back"), int(&case, "back_exponent")));
    }
}

#[test]
fn the_streams_sums_are_the_vectors() {
    for case in cases("add_branch") {
        let mut stream: Vec<i32> = list(&case, "stream");
        add_branch(&list::<i32>(&case, "acc"), int(&case, "exponent"), &mut stream);
        assert_eq!(stream, list::<i32>(&case, "out"));
    }
    for case in cases("add_gradients") {
        let (a, b): (Vec<i16>, Vec<i16>) = (list(&case, "a"), list(&case, "b"));
        let mut out = vec![0; a.len()];
        let e = add_gradients((&a, int(&case, "a_exponent")), (&b, int(&case, "b_exponent")), &mut out);
        assert_eq!((out, e), (list(&case, "out"), int(&case, "exponent")));
    }
}

#[test]
fn cross_entropy_is_the_vectors() {
    for case in cases("cross_entropy") {
        let acc: Vec<i32> = list(&case, "acc");
        let mut g = vec![0; acc.len()];
        let target = usize::try_from(int(&case, "target")).expect("a target");
        let loss = cross_entropy(&acc, int(&case, "exponent"), target, &mut g);
        assert_eq!((g, Some(loss)), (list(&case, "g"), case["loss"].as_i64()));
    }
}

#[test]
fn attention_is_the_vectors() {
    for case in cases("attention") {
        let [context, dim, heads] =
            ["context", "dim", "heads"].map(|name| usize::try_from(int(&case, name)).expect("a size"));
        let shape = Shape { context, dim, heads };
        let (mut out, mut out_e) = (vec![0; context * dim], vec![0; context]);
        let kept = attention(
            &Plain,
            shape,
            &list::<i32>(&case, "qkv"),
            &list::<i32>(&case, "exponents"),
            &mut out,
            &mut out_e,
        );
        assert_eq!((out, out_e), (list(&case, "out"), list(&case, "out_exponents")), "{shape:?}");
        let (mut back, mut back_e) = (vec![0; 3 * context * dim], vec![0; context]);
        let (g, e) = (list::<i16>(&case, "g"), list::<i32>(&case, "g_exponents"));
        attention_backward(&Plain, shape, &g, &e, &kept, &mut back, &mut back_e);
        assert_eq!((back, back_e), (list(&case, "back"), list(&case, "back_exponents")), "{shape:?}");
    }
}

#[test]
fn the_optimiser_is_the_vectors() {
    for case in cases("optimise") {
        let mut tensor = Tensor {
            theta: list(&case, "theta"),
            first: list(&case, "first"),
            root: list(&case, "root"),
            exponent: int(&case, "exponent"),
        };
        let gradient: Vec<i32> = list(&case, "gradient");
        let [rate, correction] = ["rate", "correction"].map(|name| int(&case, name).unsigned_abs());
        let grown = (largest(&gradient), int(&case, "gradient_exponent"));
        let moments = (largest(&tensor.first).max(largest(&tensor.root)), tensor.exponent);
        let step = Step::new(moments, grown, rate, correction);
        let top = step.moments(&gradient, &mut tensor.first, &mut tensor.root);
        step.parameters(top, &tensor.first, &tensor.root, &mut tensor.theta);
        tensor.exponent = step.exponent();
        assert_eq!(tensor.first, list::<i32>(&case, "new_first"));
        assert_eq!(tensor.root, list::<i32>(&case, "new_root"));
        assert_eq!(tensor.theta, list::<i32>(&case, "new_theta"));
        assert_eq!(tensor.exponent, int(&case, "new_exponent"));
    }
    let want: Vec<u32> = list(&json("train_ops.json"), "corrections");
    assert_eq!(corrections(64), want);
}

#[test]
fn deltas_are_the_vectors_and_bad_ones_are_refused() {
    for case in cases("delta") {
        let got = delta(&list::<i32>(&case, "before"), &list::<i32>(&case, "after"));
        assert_eq!(Some(hex(&got).as_str()), case["delta"].as_str());
    }
    let params = Preset::Tiny.params();
    let zeros = vec![0; params.size()];
    let mut bytes = delta(&zeros, &zeros);
    assert_eq!(read_delta(&params, &bytes).map(|delta| delta.iter().all(|x| *x == 0)), Ok(true));
    bytes[65] = 25;
    let refused = |bytes: &[u8]| read_delta(&params, bytes).expect_err("no delta").to_string();
    assert_eq!(refused(&bytes), "exponent 1 of the delta is 25, expected 24 at most");
    (bytes[65], bytes[67]) = (24, 128);
    assert_eq!(refused(&bytes), "mantissa 65 of the delta is -128, expected -127 to 127");
    assert_eq!(refused(&bytes[1..]), "the delta has 5329 bytes, expected 5330");
}

/// Two rounds of two lanes of train-tiny: every start, loss, state, leaf, root and delta.
#[test]
fn a_whole_run_is_the_vectors() {
    let want = json("train_round.json");
    let params = Preset::Tiny.params();
    let text = Text::new(&params, want["text"].as_str().expect("a text").as_bytes()).expect("a text");
    let run = Run::new(&params, text);
    assert_eq!(Some(hex(run.id().as_bytes()).as_str()), want["run"].as_str());
    let seeded = params.clone().with_run_seed(7);
    let seeded = run.text().run(&seeded);
    assert_eq!(Some(hex(seeded.as_bytes()).as_str()), want["run_of_seed_7"].as_str());
    let rates: Vec<u32> = (0..9).map(|step| params.rate(step)).collect();
    assert_eq!(rates, list::<u32>(&want, "rates"));
    let mut agreed = Agreed::fresh(&params, run.id());
    assert_eq!(Some(sha(&to_words(&agreed.theta)).as_str()), want["init"].as_str());
    let beacon = want["beacon"].as_str().expect("a beacon").as_bytes();
    for (round, want) in (0..).zip(want["rounds"].as_array().expect("rounds")) {
        let root = agreed.root(run.id());
        assert_eq!(Some(root.to_hex().as_str()), want["root"].as_str(), "round {round}");
        let seed = run.id().seed(round, &root, beacon);
        assert_eq!(Some(hex(&seed).as_str()), want["seed"].as_str());
        let mut deltas = Vec::new();
        for (lane, want) in (0..).zip(want["lanes"].as_array().expect("lanes")) {
            let at = Lane { round, lane, seed };
            let mut state = State::start(&params, &agreed.theta);
            let mut leaves = vec![run.id().leaf(round, lane, 0, &state.to_bytes())];
            for (step, want) in (0..).zip(want["steps"].as_array().expect("steps")) {
                let starts: Vec<usize> = list(want, "starts");
                assert_eq!(run.starts(&at, step), starts, "round {round} lane {lane} step {step}");
                let loss = run.step(&Plain, &at, step, &mut state);
                assert_eq!(Some(loss), want["loss"].as_i64(), "round {round} lane {lane} step {step}");
                let bytes = state.to_bytes();
                assert_eq!(
                    Some(sha(&bytes).as_str()),
                    want["state"].as_str(),
                    "round {round} lane {lane} step {step}"
                );
                assert_eq!(State::from_bytes(&params, &bytes).as_ref(), Ok(&state));
                if (step + 1) % params.segment() == 0 {
                    leaves.push(run.id().leaf(round, lane, (step + 1) / params.segment(), &bytes));
                }
            }
            let hexes: Vec<String> = leaves.iter().map(|leaf| leaf.to_hex()).collect();
            assert_eq!(serde_json::to_value(&hexes).expect("texts"), want["leaves"]);
            let of_lane = tree(run.id(), leaves.clone());
            assert_eq!(Some(of_lane.root().to_hex().as_str()), want["root"].as_str());
            for (j, leaf) in (0..).zip(&leaves) {
                let path = of_lane.path(j as usize);
                assert_eq!(root_of(run.id(), &params, *leaf, j, &path), Some(of_lane.root()));
                let other = (j + 1) % leaves.len() as u32;
                assert_ne!(root_of(run.id(), &params, *leaf, other, &path), Some(of_lane.root()));
            }
            let bytes = delta(&agreed.theta, &state.theta());
            assert_eq!(Some(sha(&bytes).as_str()), want["delta"].as_str());
            assert_eq!(
                Some(run.id().delta(round, lane, &bytes).to_hex().as_str()),
                want["delta_hash"].as_str()
            );
            deltas.push(read_delta(&params, &bytes).expect("a delta"));
        }
        agreed = agreed.merged(&deltas);
    }
    assert_eq!(Some(agreed.root(run.id()).to_hex().as_str()), want["root"].as_str());
}

#[test]
fn states_that_no_step_makes_are_refused() {
    let params = Preset::Tiny.params();
    let bytes = State::start(&params, &vec![0; params.size()]).to_bytes();
    let refused = |at: usize, word: i32| {
        let mut bytes = bytes.clone();
        bytes[4 * at..4 * at + 4].copy_from_slice(&word.to_le_bytes());
        State::from_bytes(&params, &bytes).expect_err("no state").to_string()
    };
    assert_eq!(refused(0, 4097), "exponent 0 of tensor 0 is 4097, expected within 4096");
    assert_eq!(refused(1, i32::MIN), "parameter 0 of tensor 0 is -2147483648, expected within 2^29");
    assert_eq!(
        refused(1 + 512, 1 << 29),
        "first moment 0 of tensor 0 is 536870912, expected below 2^29 in size"
    );
    assert_eq!(refused(1 + 1024, -1), "root 0 of tensor 0 is -1, expected from 0 to below 2^29");
    let short = State::from_bytes(&params, &bytes[..9]).expect_err("short").to_string();
    assert!(short.starts_with("the state has 9 bytes, expected 630"), "{short}");
}

#[test]
fn roots_of_24_rounds_are_the_vectors() {
    sphere_pow_tests::train_rounds::LongRun::read().hold("core", |run, lane, steps, state| {
        for step in steps {
            run.step(&Plain, lane, step, state);
        }
    });
}

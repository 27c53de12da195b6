//! Float lanes by the command: a run resumed, segments opened and judged together by a tolerance, checkpoints written and read.

mod common;

use common::{Dir, stdout};
use serde_json::{Value, json};
use sphere_pow_core::train::float::{FloatRun, FloatState};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Preset, Run, State, Text};
use sphere_pow_prover::checkpoint;

const TINY: [&str; 4] = ["--params", "train-tiny", "--dir", "run"];

fn with_text() -> Dir {
    let dir = Dir::new();
    dir.write("text", &text());
    dir
}

fn text() -> String {
    (0_u32..900).map(|ix| char::from(b'a' + (ix * ix * 5 % 23) as u8)).collect()
}

fn run() -> Run {
    let params = Preset::Tiny.params();
    Run::new(&params, Text::new(&params, text().as_bytes()).expect("a text"))
}

fn train(dir: &Dir, more: &[&str]) -> Value {
    dir.json(0, &[&["train", "text", "--float"], &TINY[..], more].concat())
}

fn open(dir: &Dir, segment: &str, more: &[&str]) -> Value {
    let out = format!("{segment}.bin");
    let args = ["train", "open", "1", "1", segment, "--float", "--text", "text", "--out", &out];
    dir.json(0, &[&args, &TINY[..], more].concat())
}

fn check(dir: &Dir, code: i32, more: &[&str]) -> Value {
    let args = ["train", "check", "0.bin", "1.bin", "--float", "--text", "text", "--params", "train-tiny"];
    dir.json(code, &[&args, more].concat())
}

#[test]
fn a_float_run_learns_goes_on_and_is_no_run_of_integers() {
    let dir = with_text();
    let whole = train(&dir, &[]);
    let after = |round: usize| whole["rounds"][round]["heldOut"].as_f64().expect("a loss");
    assert!(after(1) < after(0) && after(0) < whole["heldOut"].as_f64().expect("a loss"), "{whole}");
    assert_eq!(whole["float"], json!(true));
    let stopped = with_text();
    train(&stopped, &["--until", "1", "--threads", "1"]);
    // On one machine the same bits, whatever the threads: a lane is on one.
    assert_eq!(train(&stopped, &[])["root"], whole["root"]);
    let integers = dir.error(2, &[&["train", "text"], &TINY[..]].concat());
    assert!(integers.contains("by the model, text and arithmetic given"), "{integers}");
    let other = with_text();
    let integers = other.json(0, &[&["train", "text"], &TINY[..]].concat());
    assert_eq!(integers["float"], Value::Null);
    assert_ne!(integers["run"], whole["run"]);
    // The same steps but for roundings: losses are near.
    let apart = integers["rounds"][0]["heldOut"].as_f64().expect("a loss") - after(0);
    assert!(apart.abs() < 0.05, "{apart}");
}

#[test]
fn segments_are_judged_together_by_a_tolerance() {
    let dir = with_text();
    train(&dir, &[]);
    let opened = open(&dir, "0", &[]);
    open(&dir, "1", &["--threads", "1"]);
    let (root, seed) = (opened["root"].as_str().expect("a root"), opened["seed"].as_str().expect("a seed"));
    let known = ["--root", root, "--seed", seed, "--start", "run/round-0001/start.bin"];
    let honest = check(&dir, 0, &known);
    assert_eq!((&honest["verdict"], &honest["judged"]["checked"]), (&json!("within"), &json!(2)));
    assert_eq!(honest["segments"][1]["nearness"], "within");
    // What the verdict rests on is said first.
    let args = ["train", "check", "0.bin", "1.bin", "--float", "--text", "text", "--params", "train-tiny"];
    let said = stdout(&dir.run(&[&args[..], &known].concat()));
    assert!(
        said.starts_with("by a tolerance of 8.40e-4 of the movement, not by equality\nwithin: "),
        "{said}"
    );
    let said = stdout(&dir.run(&args));
    assert!(said.contains("by the opening's own root, seed, start: say what you know with --root"), "{said}");
    assert_eq!(check(&dir, 4, &[])["verdict"], "unconfirmed");
    // Other data, another start, another root.
    assert_eq!(check(&dir, 1, &["--root", root, "--seed", root])["verdict"], "fraud");
    let start = [&known[..4], &["--start", "run/round-0000/start.bin"]].concat();
    assert_eq!(check(&dir, 1, &start)["verdict"], "fraud");
    assert_eq!(check(&dir, 1, &["--root", seed])["verdict"], "unopened");
    // Whoever verifies says which rule it is, and how near is near.
    let refused = |args: &[&str]| dir.error(2, args);
    let exact = refused(&["train", "check", "0.bin", "--text", "text", "--params", "train-tiny"]);
    assert!(exact.contains("expected SPXT"), "{exact}");
    assert!(refused(&[&args[..], &["--tolerance", "0.05"]].concat()).contains("below 0.05"));
    let twice = [&args[..3], &["0.bin"], &args[4..]].concat();
    assert!(refused(&twice).contains("segment 0 again"));
    // A tolerance below roundings holds nobody honest: another machine would be beyond it, this one gives its own bits.
    assert_eq!(check(&dir, 0, &[&known[..], &["--tolerance", "1e-12"]].concat())["verdict"], "within");
}

#[test]
fn checkpoints_are_written_and_read_back() {
    let dir = with_text();
    train(&dir, &["--until", "1"]);
    let export = |more: &[&str]| {
        dir.json(0, &[&["train", "export"], more, &["--float", "--text", "text"], &TINY[..]].concat());
    };
    let read = |name: &str| std::fs::read(dir.path(name)).expect("a checkpoint");
    let (run, id) = (FloatRun::new(run()), FloatRun::new(run()).id().to_owned());
    let params = Preset::Tiny.params();
    export(&["1", "--out", "agreed"]);
    let agreed = checkpoint::read_agreed(&params, &id, &read("agreed")).expect("ours");
    let start = std::fs::read(dir.path("run/round-0001/start.bin")).expect("a start");
    assert_eq!(agreed, Agreed::from_bytes(&params, 1, &start).expect("a start"));
    export(&["0", "--lane", "1", "--segment", "1", "--out", "state"]);
    let (round, state) = checkpoint::read_floats(&run, &read("state")).expect("ours");
    assert_eq!(round, 0);
    assert!(state.second.iter().any(|v| *v > 0.0));
    export(&["0", "--values", "--out", "values"]);
    let values = read("values");
    let values = safetensors::SafeTensors::deserialize(&values).expect("for others");
    assert_eq!(values.tensor("layers.1.down").expect("a tensor").shape(), [16, 32]);
    // A check takes it for what was agreed, when it is of the round.
    train(&dir, &[]);
    open(&dir, "0", &[]);
    let args = ["train", "check", "0.bin", "--float", "--text", "text", "--params", "train-tiny"];
    let by = |start: &str, code| dir.json(code, &[&args[..], &["--start", start]].concat());
    assert_eq!(by("agreed", 4)["byTheOpening"], json!(["root", "seed"]));
    export(&["0", "--out", "first"]);
    let other = dir.error(2, &[&args[..], &["--start", "first"]].concat());
    assert!(other.contains("the round is 0, expected 1"), "{other}");
    assert!(dir.error(2, &[&args[..], &["--start", "state"]].concat()).contains("the kind is"));
    let late = ["train", "export", "3", "--out", "o", "--float", "--text", "text"];
    assert!(dir.error(2, &[&late[..], &TINY[..]].concat()).contains("expected 2 at most"));
}

#[test]
fn states_of_integers_go_through_a_checkpoint() {
    let run = run();
    let theta = Agreed::fresh(run.params(), run.id()).theta;
    let mut state = State::start(run.params(), &theta);
    for (ix, tensor) in state.tensors.iter_mut().enumerate() {
        tensor.exponent = -(ix as i32);
        tensor.first[ix] = 5 - ix as i32;
        tensor.root[ix + 1] = 7;
    }
    let bytes = checkpoint::write_integers(&run, 1, &state).expect("written");
    assert_eq!(bytes, checkpoint::write_integers(&run, 1, &state).expect("written"), "the same bytes twice");
    assert_eq!(checkpoint::read_integers(&run, &bytes), Ok((1, state.clone())));
    state.tensors[2].root[9] = -1;
    let bytes = checkpoint::write_integers(&run, 1, &state).expect("written");
    let refused = checkpoint::read_integers(&run, &bytes).expect_err("no step makes it").to_string();
    assert_eq!(refused, "root 9 of tensor 2 is -1, expected from 0 to below 2^29");
}

#[test]
fn bytes_that_are_no_checkpoint_are_refused_by_name() {
    let run = FloatRun::new(run());
    let state = FloatState::start(&vec![1; run.run().params().size()]);
    let good = checkpoint::write_floats(&run, 1, &state).expect("written");
    let refused = |bytes: &[u8]| checkpoint::read_floats(&run, bytes).expect_err("none").to_string();
    for cut in (0..3000).chain((3000..good.len()).step_by(997)) {
        assert!(refused(&good[..cut]).starts_with("no safetensors"), "cut at {cut}");
    }
    assert!(refused(&[&good[..], &[0]].concat()).starts_with("no safetensors"));
    let header = |length: u64| refused(&[&length.to_le_bytes()[..], &good[8..]].concat());
    assert!(header(u64::MAX).starts_with("the header has 18446744073709551615 bytes"));
    assert!(header(1 << 20).starts_with("no safetensors"));
    let length = u64::from_le_bytes(good[..8].try_into().expect("8 bytes")) as usize;
    // The header with one text in place of another, its length kept right.
    let with = |from: &str, to: &str| {
        let text = std::str::from_utf8(&good[8..8 + length]).expect("JSON");
        assert!(text.contains(from), "{from} in {text}");
        let text = text.replacen(from, to, 1);
        refused(&[&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &good[8 + length..]].concat())
    };
    assert_eq!(with("float state", "agreed"), "the kind is \"agreed\", expected float state");
    assert!(with("\\\"round\\\":1", "\\\"round\\\":3").starts_with("the round is 3, expected 2 at most"));
    assert!(with("\\\"round\\\":1", "\\\"round\\\":-3").starts_with("the entry sphere-pow is "));
    assert!(with("\"sphere-pow\":", "\"format\":").starts_with("the metadata is missing"));
    assert!(with("\\\"unit\\\"", "\\\"unite\\\"").contains("unknown field"));
    assert!(with("[32,16]", "[16,32]").ends_with(" is F32 [16, 32], expected F32 [32, 16]"));
    assert_eq!(with("\"symbols\"", "\"symbol\""), "tensor symbols is missing, expected F32 [32, 16]");
    assert!(with("\"F32\",\"shape\":[32,16]", "\"I32\",\"shape\":[32,16]").contains("is I32 [32, 16]"));
    // Another run's, and values that no step makes.
    let other = FloatRun::new(Run::new(
        &Preset::Tiny.params(),
        Text::new(&Preset::Tiny.params(), "abcdefgh".repeat(60).as_bytes()).expect("a text"),
    ));
    assert!(checkpoint::read_floats(&other, &good).expect_err("none").to_string().starts_with("the run is "));
    let mut state = state;
    state.second[0] = -1.0;
    let bytes = checkpoint::write_floats(&run, 1, &state).expect("written");
    assert_eq!(refused(&bytes), "second moment 0 is -1, expected a finite number, 0 or more");
}

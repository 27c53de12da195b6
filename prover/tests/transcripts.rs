//! The whole round of a commitment by the command: mined with transcripts, committed to interval by interval, opened as a
//! beacon draws, checked; and what is said of files that do not go together.

mod common;

use common::{Dir, stdout};
use serde_json::{Value, json};

const IDENTITY: [&str; 6] = ["--profile", "exact", "--block-hash", "block-a", "--public-key", "key-a"];
const BEACON: [&str; 2] = ["--beacon", "a-later-block"];

fn mine(dir: &Dir, more: &[&str]) -> Value {
    let args = ["mine", "--params", "nano", "--backend", "cpu", "--out", "p.jsonl"];
    dir.json(0, &[&args[..], &IDENTITY, more].concat())
}

fn check(dir: &Dir, code: i32, openings: &str, more: &[&str]) -> Value {
    let args = ["verify", "p.jsonl.commitment", "--openings", openings];
    dir.json(code, &[&args[..], more].concat())
}

fn lines(dir: &Dir, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.path(name)).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_spoilt_line_of_roots_is_repaired_on_request_as_one_of_proofs_is() {
    let dir = Dir::new();
    mine(&dir, &["--count", "16", "--batch", "8"]);
    let whole = std::fs::read_to_string(dir.path("p.jsonl.roots")).expect("roots");
    let (first, second) = whole.split_at(whole.find('\n').expect("lines") + 1);
    dir.write("p.jsonl.roots", &format!("{first}{{\"roots\": [\n{second}"));
    let args = ["mine", "--params", "nano", "--backend", "cpu", "--out", "p.jsonl", "--count", "8"];
    let args = [&args[..], &IDENTITY].concat();
    let error = dir.json(2, &args);
    let message = error["error"]["message"].as_str().expect("words");
    assert!(message.contains("p.jsonl.roots") && message.contains("--repair"), "{message}");
    dir.json(0, &[&args[..], &["--repair"]].concat());
    assert!(std::fs::read_to_string(dir.path("p.jsonl.roots")).expect("roots").starts_with(&whole));
    assert_eq!(
        std::fs::read_to_string(dir.path("p.jsonl.roots.torn")).expect("what was moved"),
        "{\"roots\": [\n"
    );
    assert_eq!(dir.json(0, &["commit", "p.jsonl"])["nonces"], "24");
}

#[test]
fn a_gpus_transcripts_are_the_cpus() {
    let dir = Dir::new();
    mine(&dir, &["--count", "24"]);
    let args =
        ["mine", "--params", "nano", "--backend", "gpu", "--batch", "3", "--count", "24", "--out", "g.jsonl"];
    dir.json(0, &[&args[..], &IDENTITY].concat());
    let all = |name: &str| -> Vec<Value> {
        lines(&dir, name).iter().flat_map(|line| line["roots"].as_array().expect("roots").clone()).collect()
    };
    let want = all("p.jsonl.roots");
    assert_eq!(want.len(), 24);
    assert_eq!(all("g.jsonl.roots"), want);

    // Either opens to the same bytes, and repeats what either opened.
    dir.json(0, &["commit", "g.jsonl"]);
    let open = |backend, out| {
        let args = ["open", "g.jsonl", "--samples", "60", "--backend", backend, "--out", out];
        dir.json(0, &[&args[..], &BEACON].concat());
        std::fs::read(dir.path(out)).expect("openings")
    };
    assert!(open("gpu", "by-gpu") == open("cpu", "by-cpu"));
    let verify = |backend| {
        let args = ["verify", "g.jsonl.commitment", "--openings", "by-gpu", "--backend", backend];
        let output = dir.run(&[&args[..], &BEACON].concat());
        assert_eq!(output.status.code(), Some(0));
        stdout(&output)
    };
    let (gpu, cpu) = (verify("gpu"), verify("cpu"));
    let repeated = |text: &str| text.lines().find(|line| line.contains("repeated on")).map(str::to_owned);
    assert!(repeated(&gpu).expect("a line").contains("repeated on gpu ("), "{gpu}");
    assert!(repeated(&cpu).expect("a line").contains("repeated on cpu ("), "{cpu}");
    assert_eq!(gpu.lines().next(), cpu.lines().next());
}

#[test]
fn roots_of_giant_lines_are_refused_and_devices_are_chosen_as_elsewhere() {
    let dir = Dir::new();
    let giant = format!("{{\"roots\":[\"{}\"]}}\n", "0".repeat(9_000_000));
    dir.write("giant.jsonl.roots", &giant);
    let error = dir.json(2, &["commit", "giant.jsonl"]);
    assert!(error["error"]["message"].as_str().expect("words").contains("line 1: more than"), "{error}");
    mine(&dir, &["--count", "8"]);
    dir.json(0, &["commit", "p.jsonl"]);
    for (more, what) in [
        (&["--adapter", "none-such"][..], "none-such"),
        (&["--backend", "cpu", "--adapter", "0"], "--adapter"),
        (&["--adapter", "0", "--adapter", "1"], "one adapter"),
    ] {
        let error = dir.run(&[&["open", "p.jsonl", "--json"][..], &BEACON, more].concat());
        let words = stdout(&error);
        assert!(words.contains(what) && !dir.path("p.jsonl.openings").exists(), "{words}");
    }
}

#[test]
fn what_was_mined_is_committed_to_opened_and_true() {
    let dir = Dir::new();
    mine(&dir, &["--count", "90", "--batch", "30"]);
    let first = dir.json(0, &["commit", "p.jsonl"]);
    assert_eq!((&first["nonces"], &first["intervals"]), (&json!("90"), &json!(1)));
    mine(&dir, &["--count", "70", "--batch", "7"]);
    let second = dir.json(0, &["commit", "p.jsonl"]);
    assert_eq!(
        (&second["nonces"], &second["added"], &second["intervals"]),
        (&json!("160"), &json!("70"), &json!(2))
    );
    assert_eq!(dir.json(0, &["commit", "p.jsonl"])["commitment"], second["commitment"]);
    let commitment = &lines(&dir, "p.jsonl.commitment")[0];
    assert_eq!(commitment["intervals"][1]["runs"], json!([["90", "1", "70"]]));

    let opened = dir.json(0, &[&["open", "p.jsonl"][..], &BEACON].concat());
    assert_eq!(opened["openings"], 200);
    let report = check(&dir, 0, "p.jsonl.openings", &BEACON);
    assert_eq!((&report["verdict"], &report["commitment"]), (&json!("honest"), &second["commitment"]));
    assert_eq!(
        (&report["nDrawn"], &report["nChecked"], &report["faults"]),
        (&json!(200), &json!(200), &json!([]))
    );
    assert!((report["skippedBound"].as_f64().expect("a bound") - 0.029_7).abs() < 1e-3);
    assert_eq!(check(&dir, 4, "p.jsonl.openings", &[])["unconfirmed"], json!(["beacon"]));
    // The lottery's claims of the same nonces are true as before.
    assert_eq!(dir.json(0, &["verify", "p.jsonl", "--backend", "cpu"])["verdict"], "honest");

    let few = [&["open", "p.jsonl", "--samples", "20", "--out", "few"][..], &BEACON].concat();
    dir.json(0, &few);
    let report = check(&dir, 0, "few", &BEACON);
    assert!((report["skippedBound"].as_f64().expect("a bound") - 0.278).abs() < 1e-3);
    for (more, what) in [
        (&["--beacon", "another"][..], "beacon"),
        (&["--samples", "60"], "samples"),
        (&["--samples", "19"], "samples"),
        (&["--block-hash", "block-b"], "--block-hash"),
        (&["--public-key", "key-b"], "--public-key"),
        (&["--params", "standard"], "--params"),
    ] {
        let error = check(&dir, 2, "few", more);
        let message = error["error"]["message"].as_str().expect("words");
        assert!(message.contains(what), "{message}");
    }
    assert_eq!(check(&dir, 2, "p.jsonl", &[])["error"]["code"], "json");
}

#[test]
fn openings_kept_back_cut_or_changed_void_the_commitment() {
    let dir = Dir::new();
    mine(&dir, &["--count", "40"]);
    dir.json(0, &["commit", "p.jsonl"]);
    dir.json(0, &[&["open", "p.jsonl", "--samples", "30"][..], &BEACON].concat());
    let whole = std::fs::read(dir.path("p.jsonl.openings")).expect("a file");
    let mut changed = whole.clone();
    *changed.last_mut().expect("not empty") ^= 1;
    for (name, bytes, code) in [
        ("cut", &whole[..whole.len() / 2], "withheld"),
        ("one-byte", &whole[..whole.len() - 1], "withheld"),
        ("changed", &changed, "leaf"),
    ] {
        std::fs::write(dir.path(name), bytes).expect("written");
        let report = check(&dir, 1, name, &BEACON);
        assert_eq!((&report["verdict"], &report["faults"][0]["code"]), (&json!("void"), &json!(code)));
        assert_eq!(report["skippedBound"], Value::Null);
    }
    std::fs::write(dir.path("longer"), [whole.as_slice(), b"more"].concat()).expect("written");
    assert_eq!(check(&dir, 2, "longer", &BEACON)["error"]["code"], "length");
    for bytes in [&b""[..], b"SPXO", b"{}", &whole[..40], &[0; 100]] {
        std::fs::write(dir.path("bad"), bytes).expect("written");
        assert!(check(&dir, 2, "bad", &BEACON)["error"]["code"].is_string());
    }
}

#[test]
fn a_run_that_breaks_off_keeps_what_it_committed_and_tries_no_nonce_twice() {
    let dir = Dir::new();
    mine(&dir, &["--count", "60", "--batch", "20"]);
    dir.json(0, &["commit", "p.jsonl"]);
    // The last line of the proofs is lost, that of the roots is not; and a torn line follows.
    let path = dir.path("p.jsonl");
    let text = std::fs::read_to_string(&path).expect("a file");
    let kept: String = text.split_inclusive('\n').take(2).collect();
    std::fs::write(&path, kept).expect("written");
    let roots = dir.path("p.jsonl.roots");
    let mut bytes = std::fs::read(&roots).expect("a file");
    bytes.extend(b"{\"block_hash\":\"blo");
    std::fs::write(&roots, bytes).expect("written");
    dir.json(0, &["commit", "p.jsonl"]);
    mine(&dir, &["--count", "20", "--batch", "20"]);
    let last: Vec<Value> = lines(&dir, "p.jsonl.roots").iter().map(|line| line["last"].clone()).collect();
    assert_eq!(last, [json!(19), json!(39), json!(59), json!(79)]);
    assert_eq!(dir.json(0, &["commit", "p.jsonl"])["nonces"], "80");
    dir.json(0, &[&["open", "p.jsonl"][..], &BEACON].concat());
    assert_eq!(check(&dir, 0, "p.jsonl.openings", &BEACON)["verdict"], "honest");
}

#[test]
fn roots_that_were_not_mined_are_found_before_they_are_opened() {
    let dir = Dir::new();
    mine(&dir, &["--count", "20"]);
    let roots = dir.path("p.jsonl.roots");
    let mut line = lines(&dir, "p.jsonl.roots").remove(0);
    line["roots"][7] = json!("0".repeat(64));
    let before = std::fs::read_to_string(&roots).expect("a file");
    std::fs::write(&roots, format!("{line}\n")).expect("written");
    dir.json(0, &["commit", "p.jsonl"]);
    // 20 nonces of 40 layers: 800 draws take them all.
    let all = [&["open", "p.jsonl", "--samples", "800"][..], &BEACON].concat();
    let error = dir.json(2, &all);
    assert!(error["error"]["message"].as_str().expect("words").contains("nonce 7"), "{error}");
    assert!(!dir.path("p.jsonl.openings").exists());
    // The true roots are not those committed to.
    std::fs::write(&roots, before).expect("written");
    assert_eq!(dir.json(2, &all)["error"]["code"], "json");
    assert_eq!(dir.json(2, &["commit", "p.jsonl"])["error"]["code"], "json");
    std::fs::remove_file(dir.path("p.jsonl.commitment")).expect("removed");
    dir.json(0, &["commit", "p.jsonl"]);
    dir.json(0, &all);
    let report = check(&dir, 0, "p.jsonl.openings", &BEACON);
    assert_eq!((&report["nDrawn"], &report["skippedBound"]), (&json!(800), &json!(0.0)));
    assert_eq!(dir.json(2, &["commit", "absent.jsonl"])["error"]["code"], "file");
}

#[test]
fn the_demo_shows_the_whole_round() {
    let output = Dir::new().run(&["demo", "--profile", "exact"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for step in 1..=9 {
        assert!(text.contains(&format!("{step}. ")), "{text}");
    }
    assert!(text.contains("9. HONEST: all 200 drawn steps of 1000 nonces are true: at most 3.0 %"), "{text}");
}

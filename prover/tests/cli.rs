//! The command as a user runs it: what nonces come to on each device, devices, bad input.
//!
//! The model is that of `tests/vectors/gonka_tiny.json`, its distances known. A Vulkan driver must be there (a
//! software one will do): no adapter is a failure.

mod common;

use common::{Dir, JUDGE, PUZZLE, lines, proofs, stderr, vector};
use serde_json::{Value, json};
use std::process::Stdio;

#[test]
fn distances_are_the_networks_on_every_backend() {
    let dir = Dir::tiny();
    let want = vector("gonka_tiny.json");
    for backend in ["cpu", "gpu", "auto"] {
        let mut args = vec!["distance", "--nonces", "0,3-5", "--backend", backend];
        args.extend(PUZZLE);
        let got = dir.json(0, &args);
        assert_eq!(got["profile"], "gonka");
        assert_eq!(got["nonces"], json!(["0", "3", "4", "5"]));
        if backend != "auto" {
            assert_eq!(got["engine"]["engine"], backend);
        }
        for (got, ix) in got["dist"].as_array().unwrap().iter().zip([0, 3, 4, 5]) {
            let error = got.as_f64().unwrap() - want["dist"][ix].as_f64().unwrap();
            assert!(error.abs() < 2e-5, "{backend}: {error}");
        }
    }
}

#[test]
fn a_benchmark_tells_products_and_each_kernels_share() {
    let dir = Dir::tiny();
    let args = ["bench", "--params", "tiny.json", "--backend", "gpu", "--batch", "16", "--seconds", "0"];
    let got = dir.json(0, &args);
    let names = |got: &Value| -> Vec<String> {
        let products = got["products"].as_array().unwrap();
        for one in products {
            let number = |name: &str| one[name].as_f64().unwrap();
            let rate = 2e-12 * number("rows") * number("k") * number("columns") / number("seconds");
            let told = number("teraOperationsPerSecond");
            assert!(number("seconds") > 0.0 && (rate / told - 1.0).abs() < 1e-9, "{one}");
        }
        products.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let hold_shares = |got: &Value, kernels: &[&str]| {
        // Llvmpipe and SwiftShader have timestamps; a driver that has none gives no shares.
        let Some(ops) = got.get("ops") else { return };
        let ops = ops.as_array().unwrap();
        let sum: f64 = ops.iter().map(|op| op["share"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{ops:?}");
        for kernel in kernels {
            assert!(ops.iter().any(|op| op["name"] == *kernel), "{kernel} is not among {ops:?}");
        }
        assert!(ops.iter().any(|op| op["name"].as_str().unwrap().starts_with("linear")), "{ops:?}");
    };
    assert_eq!(names(&got), ["w1+w3", "w2", "wq"]);
    hold_shares(&got, &["repack", "attention", "rms_norm", "add"]);
    assert_eq!(got["gemm"]["rows"], 16 * 8);
    let args = ["bench", "--profile", "exact", "--params", "nano", "--seconds", "0"];
    // A GPU is asked for four batches at once.
    let on_cpu = dir.json(0, &[&args[..], &["--backend", "cpu", "--batch", "16"]].concat());
    assert!(on_cpu.get("products").is_none() && on_cpu["nonces"]["seconds"].as_f64().unwrap() > 0.0);
    let on_gpu = dir.json(0, &[&args[..], &["--backend", "gpu", "--batch", "4"]].concat());
    assert_eq!(names(&on_gpu), ["w1", "w2", "wq"]);
    hold_shares(&on_gpu, &["stream", "embed", "norm", "attention", "swiglu", "merge"]);
    assert_eq!(on_gpu["nonces"]["checksum"], on_cpu["nonces"]["checksum"], "the same bits");
}

#[test]
fn a_probe_of_an_adapter_that_is_not_there_is_machine_trouble() {
    let error = Dir::tiny().json(3, &["probe-matrix-units", "no such adapter"]);
    assert!(error["error"]["message"].as_str().unwrap().contains("no such adapter"), "{error}");
}

#[test]
fn gpu_is_refused_where_there_is_none_and_auto_says_that_it_takes_the_cpu() {
    let dir = Dir::tiny();
    let mut args = vec!["distance", "--nonces", "0", "--backend", "gpu"];
    args.extend(PUZZLE);
    let output = dir.command(&args).env("VK_DRIVER_FILES", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    args.truncate(3);
    args.extend(PUZZLE);
    let output = dir.command(&args).env("VK_DRIVER_FILES", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("using the CPU"), "{}", stderr(&output));
}

#[test]
fn what_one_path_mines_the_other_verifies() {
    let dir = Dir::tiny();
    for (mined_on, verified_on) in [("cpu", "gpu"), ("gpu", "cpu")] {
        let file = format!("{mined_on}.jsonl");
        let summary = dir.mine("64", &file, &["--backend", mined_on]);
        assert_eq!(summary["tried"], 64);
        // Of a GPU's wins some are recomputed on the CPU at once.
        let checked = summary["devices"][0]["nChecked"].as_u64().unwrap();
        assert_eq!((checked > 0, &summary["nBad"]), (mined_on == "gpu", &json!(0)), "{summary}");
        assert!(!proofs(&dir.path(&file)).is_empty());
        let args = [&["verify", &file], &JUDGE[..4], &["--backend", verified_on]].concat();
        let report = dir.json(0, &args);
        assert_eq!(report["verdict"], "honest");
        let submission = &report["submissions"][0];
        assert_eq!((&submission["nBad"], &submission["engine"]["engine"]), (&json!(0), &json!(verified_on)));
        assert_eq!(submission["evidence"]["advisory"]["isWithinHardwareNoise"], true);
        assert_eq!(submission["results"].as_array().unwrap().len(), proofs(&dir.path(&file)).len());
    }
}

#[test]
fn bad_input_is_refused_by_name_with_exit_code_2() {
    let dir = Dir::tiny();
    let tiny = vector("gonka_tiny.json")["params"].clone();
    let with = |field: &str, value: Value| {
        let mut params = tiny.clone();
        params[field] = value;
        params.to_string()
    };
    let distance = |params: &str, hash: &str, key: &str, nonces: &str| {
        let args = ["--params", params, "--block-hash", hash, "--public-key", key, "--nonces", nonces];
        dir.error(2, &[&["distance", "--backend", "cpu"][..], &args].concat())
    };
    for (field, value, words) in [
        ("dim", json!(0), "dim is 0"),
        ("dim", json!(65), "n_heads"),
        ("dim", json!(-64), "dim is -64"),
        ("dim", json!(1_u64 << 60), "dim"),
        ("dim", Value::Null, "dim"),
        ("n_layers", json!(100_000), "n_layers is 100000"),
        ("vocab_size", json!(1), "vocab_size is 1"),
        ("n_kv_heads", json!(3), "n_kv_heads is 3"),
        ("multiple_of", json!(0), "multiple_of is 0"),
        ("norm_eps", json!(-1.0), "norm_eps is -1"),
        ("seq_len", json!(1e9), "seq_len is 1000000000"),
        ("rope_theta", json!(0), "rope_theta is 0"),
    ] {
        dir.write("bad.json", &with(field, value));
        let error = distance("bad.json", "ab", "cd", "0");
        assert!(error.contains(words), "{field}: {error}");
    }
    for text in ["", "{", "[]", "NaN", "{\"dim\": NaN}", "\u{feff}{}"] {
        dir.write("bad.json", text);
        distance("bad.json", "ab", "cd", "0");
    }
    assert!(distance("nonesuch", "ab", "cd", "0").contains("\"nonesuch\""));
    assert!(distance("tiny.json", "", "cd", "0").contains("block hash is empty"));
    assert!(distance("tiny.json", "a b", "cd", "0").contains("block hash"));
    assert!(distance("tiny.json", "ab", &"c".repeat(300), "0").contains("public key has 300"));
    for nonces in ["", "-1", "1-", "9223372036854775808", "1,1", "5-3", "0-99999999", "x", "1.5"] {
        distance("tiny.json", "ab", "cd", nonces);
    }

    let mine = |option: &str, value: &str| {
        let args =
            [&["mine", "--out", "new.jsonl", "--backend", "cpu"][..], &PUZZLE, &[option, value]].concat();
        let output = dir.run(&args);
        assert_eq!(output.status.code(), Some(2), "{option} {value}: {}", stderr(&output));
        assert!(stderr(&output).contains(value), "{option} {value}: {}", stderr(&output));
    };
    for value in ["0", "-1", "2.1", "10", "NaN", "inf", "x"] {
        mine("--r-target", value);
    }
    for value in ["0", "-1", "NaN", "1e30"] {
        mine("--seconds", value);
    }
    mine("--node-count", "0");
    mine("--count", "-1");
    assert!(!dir.path("new.jsonl").exists() || lines(&dir.path("new.jsonl")).is_empty());
    for out in ["no/such/dir/file", "."] {
        let args = [&["mine", "--count", "1", "--backend", "cpu", "--out", out][..], &PUZZLE].concat();
        assert_eq!(dir.run(&args).status.code(), Some(2), "{out}");
    }
    dir.write("foreign.txt", "my diary\n");
    let args = [&["mine", "--count", "1", "--backend", "cpu", "--out", "foreign.txt"][..], &PUZZLE].concat();
    assert_eq!(dir.run(&args).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(dir.path("foreign.txt")).unwrap(), "my diary\n");
}

#[test]
fn r_target_converts_both_ways() {
    let dir = Dir::tiny();
    let radius = dir.json(0, &["r-target", "--vocab", "8196", "--probability", "0.05"]);
    let back = radius["rTarget"].to_string();
    let chance = dir.json(0, &["r-target", "--vocab", "8196", "--r-target", &back]);
    assert!((chance["probability"].as_f64().unwrap() - 0.05).abs() < 1e-9);
    for args in [
        &["--vocab", "8196", "--probability", "0"][..],
        &["--vocab", "8196", "--probability", "1.5"],
        &["--vocab", "8196", "--r-target", "2.5"],
        &["--vocab", "1", "--probability", "0.5"],
        &["--vocab", "8196"],
        &["--vocab", "8196", "--probability", "0.5", "--r-target", "1"],
    ] {
        assert_eq!(dir.run(&[&["r-target"][..], args].concat()).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn devices_lists_an_adapter_and_what_it_can_mine() {
    let found = Dir::tiny().json(0, &["devices"]);
    assert!(found["cpu"]["threads"].as_u64().unwrap() >= 1);
    let adapters = found["adapters"].as_array().unwrap();
    assert!(!adapters.is_empty(), "no GPU adapter: install a Vulkan driver, a software one will do");
    for adapter in adapters {
        assert_eq!(adapter["presets"].as_array().unwrap().len(), 7, "{adapter}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_display_its_libraries_say_nothing() {
    let dir = Dir::tiny();
    let mut command = dir.command(&["devices"]);
    for name in ["XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "NODEVICE_SELECT"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn devices_says_what_the_limits_of_this_process_leave() {
    let run = "ulimit -v 1000000; exec \"$0\" devices --json";
    let output = std::process::Command::new("bash")
        .args(["-c", run, env!("CARGO_BIN_EXE_sphere-pow")])
        .env("VK_DRIVER_FILES", "/nonexistent")
        .output()
        .unwrap();
    let found: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let presets = found["cpu"]["presets"].as_array().unwrap();
    let unfit = |name: &str| presets.iter().find(|preset| preset["preset"] == name).unwrap()["unfit"].clone();
    assert!(unfit("mainnet").as_str().is_some_and(|why| why.contains("needs 1877 of")), "{found}");
    assert!(unfit("nano").is_null(), "{found}");
}

/// One software driver under two names: a rig of two cards of one kind.
#[cfg(target_os = "linux")]
#[test]
fn adapters_of_one_name_are_told_apart_and_an_ambiguous_name_is_refused() {
    let dir = Dir::tiny();
    let found = dir.json(0, &["devices"]);
    let name = found["adapters"][0]["name"].as_str().unwrap();
    let drivers = std::env::var("VK_DRIVER_FILES").or_else(|_| {
        let folder = std::fs::read_dir("/usr/share/vulkan/icd.d").map_err(drop)?;
        let files = folder.filter_map(|entry| entry.ok()?.path().into_os_string().into_string().ok());
        files.into_iter().find(|file| file.contains("lvp_icd")).ok_or(())
    });
    let driver = drivers.expect("a Vulkan driver").split(':').next().unwrap().to_owned();
    std::fs::copy(&driver, dir.path("second.json")).unwrap();
    let both = format!("{driver}:{}", dir.path("second.json").display());
    let run = |args: &[&str]| dir.command(args).env("VK_DRIVER_FILES", &both).output().unwrap();
    let distance = |more: &[&str]| run(&[&["distance", "--nonces", "0", "--json"], more, &PUZZLE].concat());

    let listed: Value = serde_json::from_slice(&run(&["devices", "--json"]).stdout).unwrap();
    let names: Vec<&str> = listed["adapters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|adapter| adapter["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, [format!("{name} number 0"), format!("{name} number 1")]);
    assert!(listed["adapters"][0]["uuid"].as_str().is_some_and(|uuid| uuid.len() == 36), "{listed}");
    let refused = distance(&["--adapter", name]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    for word in names {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
    // By index, and by the name that messages use.
    for adapter in ["1", &format!("{name} number 1")] {
        let output = distance(&["--adapter", adapter]);
        let got: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        assert!(got["engine"]["device"].as_str().unwrap().contains("number 1"), "{got}");
    }
    // The one of its UUID, where it has one of its own.
    let uuid = found["adapters"][0]["uuid"].as_str().unwrap();
    assert_eq!(
        dir.json(0, &[&["distance", "--nonces", "0", "--adapter", uuid], &PUZZLE[..]].concat())["profile"],
        "gonka"
    );
}

#[test]
fn the_demo_mines_and_verifies() {
    for (profile, nonces) in [("gonka", 200), ("exact", 1000)] {
        let demo = Dir::new().json(0, &["demo", "--profile", profile]);
        assert_eq!(demo["tried"], nonces);
        assert!(demo["won"].as_u64().unwrap() > 0);
        assert_eq!(demo["verified"]["verdict"], "honest");
        let submission = &demo["verified"]["submissions"][0];
        assert!(submission["nChecked"].as_u64().unwrap() > 0);
        assert_ne!(submission["engine"], demo["minedOn"][0], "the same path twice");
    }
}

#[test]
fn more_threads_than_there_are_gain_nothing_and_are_not_started() {
    let dir = Dir::tiny();
    let args = ["distance", "--nonces", "0", "--backend", "cpu", "--threads", "100000"];
    let output = dir.run(&[&args[..], &PUZZLE].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("--threads 100000"), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_that_does_not_fit_is_refused_with_its_need() {
    let dir = Dir::new();
    let run = "ulimit -v 600000; exec \"$0\" distance --params mainnet --block-hash A1 --public-key k --nonces 0 \
               --backend cpu --threads 1";
    let output = std::process::Command::new("bash")
        .args(["-c", run, env!("CARGO_BIN_EXE_sphere-pow")])
        .current_dir(dir.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("needs 1777 MB of memory"), "{}", stderr(&output));
}

#[test]
fn a_missing_reader_does_not_upset_the_command() {
    let dir = Dir::tiny();
    let mut child = dir.command(&["devices"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

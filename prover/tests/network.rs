//! `sphere-pow network` and `sphere-pow simulate`, as somebody runs them.

mod common;

use common::{Dir, stderr, stdout};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn sprints(told: &Value) -> &Vec<Value> {
    told["sprints"].as_array().unwrap()
}

/// Runs a copy of the command that is removed once all hosts have begun: those that come back are of the same program.
fn without_its_file(dir: &Dir, args: &[&str]) -> Value {
    let copy = dir.path("sphere-pow-copy");
    std::fs::copy(env!("CARGO_BIN_EXE_sphere-pow"), &copy).unwrap();
    let mut command = Command::new(&copy);
    command.current_dir(copy.parent().unwrap()).args(args).arg("--json").stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let has_begun = || (0..4).all(|host| dir.path(&format!("box/host-{host}.blocks")).exists());
    let limit = Instant::now() + Duration::from_secs(60);
    while !has_begun() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    #[cfg(target_os = "linux")]
    std::fs::remove_file(&copy).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn processes_agree_on_a_cheater_though_hosts_are_killed() {
    let dir = Dir::new();
    let args = [
        "network",
        "--hosts",
        "4",
        "--scenario",
        "skip",
        "--sprints",
        "2",
        "--kills",
        "3",
        "--state-dir",
        "box",
    ];
    let told = without_its_file(&dir, &args);
    assert_eq!(told["kills"], 3);
    assert_eq!(sprints(&told).len(), 2);
    for sprint in sprints(&told) {
        // Whoever was killed may have lost its Sprint; the cheater never wins one.
        assert_ne!(sprint["hosts"][3]["outcome"], "accepted", "{sprint}");
        assert_eq!(
            (sprint["hosts"][3]["power"].as_u64(), sprint["hosts"][3]["paid"].as_u64()),
            (Some(0), Some(0))
        );
        let accepted = (0..3).filter(|host| sprint["hosts"][host]["outcome"] == "accepted").count();
        assert!(accepted >= 1, "{sprint}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = dir.path("box/host-0.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a key that others can read");
    }
    // The box goes on where it stood: its hosts have all blocks, and tell the Sprints again.
    let again = dir
        .json(0, &args[..args.len() - 4].iter().chain(&["--state-dir", "box"]).copied().collect::<Vec<_>>());
    assert_eq!(sprints(&again), sprints(&told));
}

/// Whether this machine lets us make network namespaces.
fn has_namespaces() -> bool {
    let name = format!("sphere-pow-test-{}", std::process::id());
    let ip = |what: &str| Command::new("ip").args(["netns", what, &name]).output();
    let made = ip("add").is_ok_and(|output| output.status.success());
    made && ip("delete").is_ok_and(|output| output.status.success())
}

#[test]
fn a_process_that_is_cut_off_comes_back() {
    let dir = Dir::new();
    let args = ["network", "--hosts", "4", "--scenario", "partition", "--sprints", "3"];
    if !has_namespaces() {
        let said = dir.error(3, &args);
        assert!(said.contains("network namespaces") && said.contains("--simulated"), "{said}");
        return;
    }
    let child =
        dir.command(&args).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Boxes of others may run beside this one.
    let own = format!("sphere-pow-{}-", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    // That it ends well is that all hosts, the one that was away too, tell the same of all Sprints.
    assert_eq!(sprints(&told).len(), 3);
    let missed = |sprint: &Value| {
        sprint["hosts"][3]["outcome"] != "accepted" || sprint["checksDone"] != sprint["checksDue"]
    };
    assert!(sprints(&told).iter().any(missed), "nobody was away: {told}");
    for sprint in sprints(&told) {
        // On a busy machine a host may be late for a block; the others go on without the one that is away.
        let accepted = (0..3).filter(|host| sprint["hosts"][host]["outcome"] == "accepted").count();
        assert!(accepted >= 1, "{sprint}");
    }
    let listed = stdout(&Command::new("ip").args(["netns", "list"]).output().unwrap());
    assert!(!listed.contains(&own), "namespaces that were left behind: {listed}");
}

#[test]
fn a_scenario_can_be_a_file() {
    let dir = Dir::new();
    let two = r#"
        about = "one host skips, one stays silent and is killed"
        hosts = [
            { number = 1, strategy = { work = { skip = 900 } } },
            { number = 4, strategy = { voting = "silent" } },
        ]
        events = [{ height = 20, what = "kill" }, { height = 26, what = "start" }]
    "#;
    dir.write("two.toml", two);
    let simulated = ["network", "--simulated", "--scenario", "two.toml", "--sprints", "2", "--nonces", "4"];
    let told = dir.json(0, &simulated);
    assert_eq!(told["about"], "one host skips, one stays silent and is killed");
    for sprint in sprints(&told) {
        assert_eq!(sprint["hosts"][1]["outcome"], "convicted", "{sprint}");
        assert_eq!(sprint["hosts"][0]["outcome"], "accepted", "{sprint}");
        assert!(sprint["checksDone"].as_u64() < sprint["checksDue"].as_u64(), "{sprint}");
    }
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/network/scenarios/box.toml");
    let six =
        ["network", "--simulated", "--hosts", "6", "--sprints", "1", "--nonces", "4", "--scenario", shipped];
    let told_of_six = dir.json(0, &six);
    assert_eq!(sprints(&told_of_six)[0]["hosts"][4]["outcome"], "convicted", "{told_of_six}");
    // Processes go by what the file said, also once it says something else.
    let hosts = ["network", "--hosts", "5", "--scenario", "two.toml", "--sprints", "1", "--state-dir", "box"];
    let told = dir.json(0, &hosts);
    assert_eq!(sprints(&told)[0]["hosts"][1]["outcome"], "convicted", "{told}");
    dir.write("two.toml", "");
    let refused = |args: &[&str]| dir.error(2, args);
    let said = refused(&hosts);
    assert!(
        said.contains("box.json") && said.contains("expected a box of 5 hosts in scenario two.toml"),
        "{said}"
    );
    for (text, reason) in [
        ("hosts = [{ number = 5, strategy = {} }]", "it has host 5, expected below 5"),
        ("hosts = [{ number = 1, strategy = {} }, { number = 1, strategy = {} }]", "host 1 twice"),
        ("events = [{ height = 0, what = 'kill' }]", "expected ascending ones from 1"),
        ("events = [{ height = 9, what = 'burn' }]", "unknown variant `burn`"),
        ("host = 1", "unknown field `host`"),
    ] {
        dir.write("two.toml", text);
        let said = refused(&simulated);
        assert!(said.contains("two.toml") && said.contains(reason), "{said}");
    }
}

#[test]
fn simulated_boxes_repeat() {
    let dir = Dir::new();
    let args = ["network", "--simulated", "--scenario", "equivocate", "--sprints", "2", "--nonces", "4"];
    let first = dir.json(0, &args);
    assert_eq!(dir.json(0, &args), first);
    assert!(sprints(&first).iter().any(|sprint| sprint["equivocators"] == serde_json::json!([4])), "{first}");
    let text = stdout(&dir.run(&args));
    assert!(text.contains("voted for two blocks") && text.contains("all 5 hosts agree, block "), "{text}");
}

#[test]
fn boxes_that_cannot_be_are_refused() {
    let dir = Dir::new();
    let list = stdout(&dir.run(&["network", "--scenario", "list"]));
    assert!(list.lines().count() == 49 && list.contains("skip ") && list.contains("train-skip "), "{list}");
    let said = |args: &[&str]| dir.error(2, &[&["network"], args].concat());
    assert!(said(&["--scenario", "nothing"]).contains("expected a file, or one of honest, skip"));
    assert_eq!(said(&["--hosts", "3"]), "--hosts is \"3\", expected 4 to 64");
    assert!(said(&["--simulated", "--kills", "1"]).contains("--kills"));
    assert!(said(&["--profile", "gonka"]).contains("exact"));
    assert!(said(&["--params", "none-such"]).contains("none-such"));
    assert!(said(&["--svg", "loss.svg"]).contains("a scenario of training"));
    assert!(said(&["--params", "standard"]).contains("a model whose openings"));
}

fn lane(round: &Value, host: u64) -> &Value {
    let lanes = round["lanes"].as_array().unwrap();
    lanes.iter().find(|lane| lane["firstHolder"] == host).unwrap()
}

#[test]
fn processes_that_train_convict_a_cheater() {
    let dir = Dir::new();
    let told = dir.json(0, &["network", "--hosts", "4", "--scenario", "train-flip", "--sprints", "2"]);
    let rounds = told["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 2);
    let count = |round: &Value| {
        let lanes = round["lanes"].as_array().unwrap();
        lanes.iter().filter(|lane| lane["firstHolder"] != 3 && lane["outcome"] == "accepted").count()
    };
    for round in rounds {
        assert!(round["root"].is_string() && round["dissenting"] == serde_json::json!([]), "{round}");
    }
    assert_eq!((&lane(&rounds[0], 3)["outcome"], count(&rounds[0])), (&"convicted".into(), 3), "{rounds:?}");
    assert_eq!(rounds[0]["atFault"], serde_json::json!([3]));
    // Until the next epoch its lanes are others', the one that was lost too, and it checks none.
    assert_eq!((&rounds[1]["atFault"], count(&rounds[1])), (&serde_json::json!([]), 5), "{rounds:?}");
    assert!(
        rounds[1]["lanes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|lane| !lane["checkers"].as_array().unwrap().contains(&3.into()))
    );
}

#[test]
fn processes_that_train_come_back_after_kills() {
    let dir = Dir::new();
    let args =
        ["network", "--hosts", "4", "--scenario", "train-kill-check", "--sprints", "4", "--state-dir", "box"];
    let told = dir.json(0, &args);
    assert_eq!(told["kills"], 1);
    let rounds = told["rounds"].as_array().unwrap();
    let last = &rounds[rounds.len() - 1];
    // It has the agreed parameters again, and its lane counts.
    assert_eq!(lane(last, 3)["outcome"], "accepted", "{rounds:?}");
    assert_eq!(last["dissenting"], serde_json::json!([]));
    // The box goes on where it stood: its hosts have all blocks, and tell the rounds again.
    assert_eq!(dir.json(0, &args)["rounds"], told["rounds"]);
}

#[test]
fn a_process_whose_disk_is_full_says_so_and_goes_on_when_there_is_space() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let dir = Dir::new();
    let args = [
        "--json",
        "network",
        "--hosts",
        "4",
        "--scenario",
        "train-full",
        "--sprints",
        "3",
        "--state-dir",
        "box",
    ];
    let output = dir.run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("host 3 stopped: ") && said.contains("the store: "), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Nobody killed it. What it had said stands: all tell the same blocks, itself after its return, too, and its lane counts.
    assert_eq!(told["kills"], 0);
    let rounds = told["rounds"].as_array().unwrap();
    let last = &rounds[rounds.len() - 1];
    assert_eq!(lane(last, 3)["outcome"], "accepted", "{rounds:?}");
    assert_eq!(last["dissenting"], serde_json::json!([]));
}

#[test]
fn simulated_training_repeats() {
    let dir = Dir::new();
    let args = ["network", "--simulated", "--scenario", "train-copy", "--sprints", "2", "--svg", "loss.svg"];
    let first = dir.json(0, &args);
    let curve = &first["curve"];
    assert!(curve["heldOut"].as_f64() > Some(0.0) && curve["parted"].is_null(), "{curve}");
    assert_eq!(curve["rounds"].as_array().unwrap().len(), 2);
    assert!(curve["rounds"][1]["loss"].as_f64() < curve["rounds"][0]["loss"].as_f64(), "{curve}");
    let svg = std::fs::read_to_string(dir.path("loss.svg")).unwrap();
    assert!(
        svg.contains("train-copy: loss")
            && svg.ends_with("</svg>\n")
            && svg.matches("<polyline").count() >= 2
    );
    assert_eq!(dir.json(0, &args), first);
    let text = stdout(&dir.run(&args));
    assert!(text.contains("convicted by all") && text.contains("all 5 hosts agree, root "), "{text}");
    assert!(text.contains("loss held out "), "{text}");
    assert!(dir.error(2, &["network", "--scenario", "train-copy", "--hosts", "3"]).contains("4 to 64"));
}

#[test]
fn training_of_many_is_simulated() {
    let dir = Dir::new();
    let scenario = "hosts = 200\nrounds = 8\n[rules]\nlanes = 100\n[[groups]]\nname = \"fakers\"\nshare = 200\nfakes = 500\n";
    dir.write("train.toml", scenario);
    let args = ["simulate", "--training", "--scenario", "train.toml", "--csv", "t.csv", "--svg", "t.svg"];
    let told = dir.json(0, &args);
    assert_eq!(told["rows"].as_array().unwrap().len(), 8);
    assert!(told["groups"][1]["caught"].as_u64() > Some(0) && told["groups"][0]["caught"] == 0, "{told}");
    let csv = std::fs::read_to_string(dir.path("t.csv")).unwrap();
    assert!(csv.starts_with("round,accepted,") && csv.lines().count() == 9, "{csv}");
    assert!(std::fs::read_to_string(dir.path("t.svg")).unwrap().ends_with("</svg>\n"));
    let text = stdout(&dir.run(&args));
    assert!(text.contains("fakers, never caught after") && text.contains("by the formula"), "{text}");
    let shown = dir.run(&["simulate", "--training", "--scenario", "train.toml", "--hosts", "300", "--show"]);
    dir.write("shown.toml", &stdout(&shown));
    let again = dir.json(0, &["simulate", "--training", "--scenario", "shown.toml", "--epochs", "2"]);
    assert_eq!((&again["scenario"]["hosts"], &again["scenario"]["rounds"]), (&300.into(), &2.into()));
    dir.write("bad.toml", "lanes = 3\n");
    assert!(
        dir.error(2, &["simulate", "--training", "--scenario", "bad.toml"]).contains("unknown field `lanes`")
    );
}

#[test]
fn simulations_give_table_csv_json_and_plot() {
    let dir = Dir::new();
    let scenario = r#"
        hosts = 60
        epochs = 4
        [[groups]]
        name = "cheaters"
        share = 200
        strategy = { work = { skip = 500 } }
    "#;
    dir.write("net.toml", scenario);
    let args = ["simulate", "--scenario", "net.toml", "--csv", "net.csv", "--svg", "net.svg"];
    let told = dir.json(0, &args);
    assert_eq!(told["rows"].as_array().unwrap().len(), 4);
    assert_eq!(told["groups"][1]["weight"], 0.0);
    let csv = std::fs::read_to_string(dir.path("net.csv")).unwrap();
    assert!(csv.starts_with("epoch,claims,") && csv.lines().count() == 5, "{csv}");
    assert!(std::fs::read_to_string(dir.path("net.svg")).unwrap().ends_with("</svg>\n"));
    let text = stdout(&dir.run(&args));
    assert!(text.contains("cheaters") && text.contains("rejected"), "{text}");
    // Options go before the file; --show prints what would be run, as a file that can be.
    let shown = dir.run(&["simulate", "--scenario", "net.toml", "--hosts", "80", "--show"]);
    dir.write("shown.toml", &stdout(&shown));
    let again = dir.json(0, &["simulate", "--scenario", "shown.toml"]);
    assert_eq!(again["scenario"]["hosts"], 80);
}

#[test]
fn simulations_that_cannot_be_are_refused() {
    let dir = Dir::new();
    dir.write("bad.toml", "hosts = 60\nhots = 1\n");
    assert!(dir.error(2, &["simulate", "--scenario", "bad.toml"]).contains("unknown field `hots`"));
    dir.write("bad.toml", "hosts = {");
    assert!(dir.error(2, &["simulate", "--scenario", "bad.toml"]).contains("a scenario in TOML"));
    assert_eq!(dir.error(2, &["simulate", "--hosts", "1"]), "hosts is \"1\", expected 2 to 1000000");
    dir.error(2, &["simulate", "--csv", "no/such/folder.csv"]);
    let none = dir.run(&["simulate", "--scenario", "none.toml"]);
    assert_eq!(none.status.code(), Some(2), "{}", stderr(&none));
}

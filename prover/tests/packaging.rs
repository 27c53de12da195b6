//! The files for operators in `packaging/`: each is read the way its reader reads it, and names only what there is.
#![cfg(target_os = "linux")]

mod common;

use common::service::{Service, exchange};
use common::{Dir, stderr, stdout};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

/// Files below a folder whose names end so.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| path.to_str().unwrap().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

/// The documents of a YAML file.
fn yaml(path: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("no text: {item}")).to_owned()).collect()
}

/// The command takes these arguments: with --help behind them it reads them and does nothing.
fn assert_known(dir: &Dir, arguments: &[String]) {
    let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
    all.push("--help");
    let output = dir.run(&all);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
}

#[test]
fn a_planted_flag_would_be_seen() {
    let output = Dir::new().run(&["serve", "--no-such-flag=1", "--help"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn yaml_is_read_and_names_only_flags_and_files_that_there_are() {
    let dir = Dir::new();
    let all = files(&packaging(), &[".yaml", ".yml"]);
    assert!(all.len() >= 6, "{all:?}");
    for path in &all {
        assert!(yaml(path).iter().all(Value::is_object), "{path:?}");
    }
    let compose = &yaml(&packaging().join("compose.yaml"))[0];
    assert_known(&dir, &strings(&compose["services"]["sphere-pow"]["command"]));
    let test = strings(&compose["services"]["sphere-pow"]["healthcheck"]["test"]);
    assert_eq!(&test[..2], ["CMD", "sphere-pow"]);
    assert_known(&dir, &test[2..]);
    let volumes: BTreeSet<&String> = compose["volumes"].as_object().unwrap().keys().collect();
    for service in compose["services"].as_object().unwrap().values() {
        for mount in strings(&service["volumes"]) {
            let from = mount.split(':').next().unwrap().to_owned();
            let is_there = if from.starts_with('.') {
                packaging().join(&from).exists()
            } else {
                volumes.contains(&from)
            };
            assert!(is_there, "{mount}");
        }
    }
    // The admin's numbers are asked where they are.
    let targets = &yaml(&packaging().join("prometheus.yml"))[0]["scrape_configs"][0];
    assert_eq!(
        (&targets["metrics_path"], &targets["static_configs"][0]["targets"]),
        (&json!("/metrics"), &json!(["sphere-pow:8081"]))
    );
}

#[test]
fn kubernetes_manifests_use_the_commands_flags_ports_and_exit_codes() {
    let dir = Dir::new();
    let serve = yaml(&packaging().join("kubernetes/serve.yaml"));
    let kind = |kind: &str| serve.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    let (deployment, service) = (kind("Deployment"), kind("Service"));
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let arguments = strings(&container["args"]);
    assert_known(&dir, &arguments);
    let ports: Vec<&Value> = container["ports"].as_array().unwrap().iter().collect();
    for (name, flag) in
        [("pow", "--listen"), ("inference", "--inference-listen"), ("admin", "--admin-listen")]
    {
        let port = &ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"];
        assert!(arguments.contains(&format!("{flag}=0.0.0.0:{port}")), "{flag} {port}");
    }
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate", "two pods would have one state");
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"]);
    assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
    let claim = &pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"];
    assert_eq!(*claim, kind("PersistentVolumeClaim")["metadata"]["name"]);
    // Probes ask routes that are there.
    let own = Dir::tiny();
    let running = Service::start(&own, &[]);
    for (probe, address) in [("livenessProbe", running.admin), ("readinessProbe", running.address)] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(exchange(address, request.as_bytes()).0, 200, "{path}");
    }
    let job = &yaml(&packaging().join("kubernetes/verify.yaml"))[0];
    assert_eq!((&job["kind"], &job["spec"]["completionMode"]), (&json!("Job"), &json!("Indexed")));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never", "a policy on failures asks for it");
    let container = &pod["containers"][0];
    assert_known(&dir, &strings(&container["args"]));
    let variable = &container["env"][0]["name"];
    assert!(strings(&container["args"])[1].contains(&format!("$({})", variable.as_str().unwrap())));
    let rules = &job["spec"]["podFailurePolicy"]["rules"];
    let codes =
        &rules.as_array().unwrap().iter().find(|rule| rule["action"] == "FailIndex").unwrap()["onExitCodes"];
    assert_eq!((&codes["containerName"], &codes["values"]), (&container["name"], &json!([1, 2, 4, 5, 6])));
    // Those of verdicts: all that the command has but 0, machine trouble, the service's own and a signal's.
    let help = stdout(&dir.run(&["--help"]));
    let listed = help.split("Exit codes:").nth(1).unwrap().lines().filter_map(|line| {
        let code = line.split_whitespace().next()?.parse::<u64>().ok()?;
        (!line.contains("serve:") && ![0, 3, 130].contains(&code)).then_some(code)
    });
    assert_eq!(json!(listed.collect::<Vec<_>>()), codes["values"]);
}

/// The lines `KEY=VALUE` of a section of a unit.
fn section(unit: &str, name: &str) -> Vec<(String, String)> {
    let after = unit.split(&format!("[{name}]\n")).nth(1).unwrap_or_else(|| panic!("no [{name}]"));
    let lines = after.lines().take_while(|line| !line.starts_with('['));
    let lines = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        assert!(key.bytes().all(|b| b.is_ascii_alphanumeric()), "{line}");
        (key.to_owned(), value.to_owned())
    };
    lines.map(pair).collect()
}

#[test]
fn systemd_units_run_flags_that_there_are_as_nobody_in_particular() {
    let dir = Dir::new();
    for path in files(&packaging(), &[".service"]) {
        let unit = read(&path);
        assert!(!section(&unit, "Unit").is_empty() && !section(&unit, "Install").is_empty(), "{path:?}");
        let service = section(&unit, "Service");
        let of = |key: &str| -> Vec<&str> {
            service.iter().filter(|(own, _)| own == key).map(|(_, value)| value.as_str()).collect()
        };
        let mut command = of("ExecStart")[0].replace("%S", "/var/lib").replace("%i", "first");
        for line in read(&packaging().join("example.env")).lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once('=').unwrap_or(("nothing", ""));
            for written in [format!("${{{name}}}"), format!("${name}")] {
                command = command.replace(&written, value.trim_matches('"'));
            }
        }
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        assert_eq!(words[0], "/usr/local/bin/sphere-pow", "{path:?}");
        assert!(!command.contains('$'), "{command}");
        assert_known(&dir, &words[1..]);
        for (key, value) in [("DynamicUser", "yes"), ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict")]
        {
            assert_eq!(of(key), [value], "{path:?}");
        }
        // Bad options will not mend by themselves; a service whose devices were given up may.
        assert_eq!(of("RestartPreventExitStatus"), ["2"], "{path:?}");
        assert!(of("StateDirectory").len() == 1 && of("TimeoutStopSec").len() == 1, "{path:?}");
    }
}

#[test]
fn the_container_builds_what_there_is_and_runs_as_its_own_user() {
    let text = read(&packaging().join("Containerfile")).replace("\\\n", " ");
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line}")))
        .collect();
    let of =
        |word: &str| lines.iter().filter(|(own, _)| *own == word).map(|(_, rest)| *rest).collect::<Vec<_>>();
    let known =
        ["FROM", "WORKDIR", "COPY", "RUN", "ARG", "USER", "VOLUME", "ENV", "STOPSIGNAL", "ENTRYPOINT", "CMD"];
    assert!(lines.iter().all(|(word, _)| known.contains(word)), "{lines:?}");
    assert!(of("RUN")[0].contains(&format!("-p {} --bin sphere-pow", env!("CARGO_PKG_NAME"))));
    assert!(of("FROM")[0].contains(&format!("rust:{}-", env!("CARGO_PKG_RUST_VERSION"))), "{:?}", of("FROM"));
    let user: u32 = of("USER")[0].split(':').next().unwrap().parse().unwrap();
    assert!(user > 0 && of("RUN").iter().any(|run| run.contains(&format!("--uid {user}"))));
    let list = |word: &str| strings(&serde_json::from_str(of(word)[0]).unwrap());
    assert_eq!(list("ENTRYPOINT"), ["sphere-pow"]);
    assert_known(&Dir::new(), &list("CMD"));
    assert_eq!(of("VOLUME"), of("WORKDIR")[1..]);
}

#[test]
fn the_dashboard_asks_for_numbers_that_there_are() {
    let dashboard: Value = serde_json::from_str(&read(&packaging().join("grafana/sphere-pow.json"))).unwrap();
    let dir = Dir::tiny();
    let service = Service::start(&dir, &[]);
    let (_, text) = service.operate("GET", "/metrics", "");
    let there: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let mut asked = BTreeSet::new();
    let panels = dashboard["panels"].as_array().unwrap();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let expression = target["expr"].as_str().unwrap();
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        asked.extend(words.filter(|word| word.starts_with("sphere_pow_")).map(str::to_owned));
        assert!(expression.contains("instance=~\"$instance\""), "{expression}");
    }
    assert!(asked.len() >= 15, "{asked:?}");
    let missing: Vec<&String> = asked.iter().filter(|name| !there.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?} of {there:?}");
    let mut ids = BTreeSet::new();
    assert!(panels.iter().all(|panel| ids.insert(panel["id"].as_u64().unwrap())), "an id stands twice");
}

/// A miner's folder as a rig has it, with a command that says a recorded status and what it was called with.
fn rig(system: &str) -> Dir {
    let dir = Dir::new();
    for path in files(&packaging().join(system), &[".sh", ".conf"]) {
        std::fs::copy(&path, dir.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
    }
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/status.json");
    let command =
        dir.write("sphere-pow", &format!("#!/bin/sh\necho \"$@\" >>called\ncat {}\n", recorded.display()));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(command, mode).unwrap();
    dir
}

fn bash(dir: &Dir, script: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(dir.path("")).env_remove("CUSTOM_CONFIG_FILENAME");
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{script}: {}", stderr(&output));
    output
}

#[test]
fn shell_files_are_shell() {
    let all = files(&packaging(), &[".sh"]);
    assert!(all.len() >= 4, "{all:?}");
    let has_shellcheck = Command::new("shellcheck").arg("--version").output().is_ok();
    for path in all {
        let checked = Command::new("bash").arg("-n").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{path:?}: {}", stderr(&checked));
        if has_shellcheck {
            let checked =
                Command::new("shellcheck").arg("-x").arg(&path).current_dir(path.parent().unwrap()).output();
            let checked = checked.unwrap();
            assert!(checked.status.success(), "{path:?}: {}", stdout(&checked));
        }
    }
}

#[test]
fn hiveos_is_told_rates_buses_and_temperatures() {
    let dir = rig("hiveos");
    let output = bash(&dir, ". ./h-stats.sh; echo \"$khs\"; echo \"$stats\"", &[]);
    let text = stdout(&output);
    let (khs, stats) = text.trim().split_once('\n').unwrap();
    assert_eq!(khs, "0.01225");
    let stats: Value = serde_json::from_str(stats).unwrap();
    assert_eq!(
        stats,
        json!({"hs": [12.25, 0], "hs_units": "hs", "temp": [62, 0], "fan": [0, 0], "uptime": 11520, "ver": "0.1.0",
            "ar": [700, 0, 7], "algo": "gonka", "bus_numbers": [3, 10]})
    );
    // A service that does not answer is no rate, and no error of the agent.
    dir.write("sphere-pow", "#!/bin/sh\nexit 3\n");
    assert_eq!(stdout(&bash(&dir, ". ./h-stats.sh; echo \"$khs $stats\"", &[])).trim(), "0 null");
}

#[test]
fn hiveos_flight_sheet_becomes_a_configuration_that_the_service_takes() {
    let dir = rig("hiveos");
    let conf = dir.path("made.toml").to_str().unwrap().to_owned();
    let log = dir.path("log").to_str().unwrap().to_owned();
    let extra = "backend = \"cpu\"\nsend-every = 2.5\n";
    let sheet = [
        ("CUSTOM_CONFIG_FILENAME", conf.as_str()),
        ("CUSTOM_LOG_BASENAME", &log),
        ("CUSTOM_URL", "api:9100"),
        ("CUSTOM_USER_CONFIG", extra),
    ];
    bash(&dir, ". ./h-config.sh", &sheet);
    let text = std::fs::read_to_string(&conf).unwrap();
    for line in [
        "callback = [\"api:9100\"]",
        "admin_listen = \"127.0.0.1:8081\"",
        "backend = \"cpu\"",
        "send-every = 2.5",
    ] {
        assert!(text.lines().any(|own| own == line), "no {line}: {text}");
    }
    let service = Service::start(&dir, &["--config", &conf, "--state-dir", "state"]);
    assert_eq!(service.status()["state"], "STOPPED");
    // And the run file starts it with that.
    drop(service);
    let manifest = format!("CUSTOM_CONFIG_FILENAME={conf}\nCUSTOM_LOG_BASENAME={log}/x/miner\n");
    std::fs::remove_file(&log).unwrap();
    dir.write("h-manifest.conf", &manifest);
    bash(&dir, "./h-run.sh", &[]);
    assert_eq!(std::fs::read_to_string(dir.path("called")).unwrap().trim(), format!("serve --config {conf}"));
}

#[test]
fn mmpos_is_told_rates_and_buses() {
    let dir = rig("mmpos");
    let stats: Value = serde_json::from_str(&stdout(&bash(&dir, "./mmp-stats.sh", &[]))).unwrap();
    assert_eq!(
        stats,
        json!({"busid": [3, 10], "hash": [12.25, 0], "units": "hs", "air": ["700", "7", "0"],
            "miner_name": "sphere-pow", "miner_version": "0.1.0"})
    );
    for name in ["EXTERNAL_VERSION", "CUSTOM_VERSION"] {
        let conf = files(&packaging(), &["mmp-external.conf", "h-manifest.conf"]);
        let line = format!("{name}={}\n", env!("CARGO_PKG_VERSION"));
        assert!(conf.iter().any(|path| read(path).contains(&line)), "{line}");
    }
}

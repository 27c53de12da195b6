//! What keeps the tree one tree: who imports whom, what may stand where, and that two copies of a fact agree.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Files that git tracks under `folder` with one of the endings, by their path in the repository.
fn tracked(folder: &str, endings: &[&str]) -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "-z", folder]).current_dir(root()).output();
    let listed = listed.expect("git runs").stdout;
    let names = listed.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
    let found: Vec<String> = names
        .filter(|name| endings.iter().any(|ending| name.ends_with(ending)))
        .filter(|name| root().join(name).is_file())
        .collect();
    assert!(!found.is_empty(), "no files with {endings:?} in {folder}");
    found
}

/// Crates of this workspace that each may depend on, tests aside.
const IMPORTS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("chain", &["core"]),
    ("shaders", &[]),
    ("cpu", &["core"]),
    ("gpu", &["core", "shaders"]),
    ("soundness", &["core", "cpu"]),
    ("bench", &["core", "cpu"]),
    ("consensus", &[]),
    ("float", &["core"]),
    ("network", &["core", "consensus", "cpu"]),
    ("prover", &["core", "chain", "consensus", "cpu", "float", "gpu", "network", "soundness"]),
    ("verifier-wasm", &["core", "chain", "cpu", "network", "soundness"]),
    ("verifier-webgpu", &["core", "cpu", "gpu", "verifier-wasm"]),
    ("fuzz", &["chain", "core", "prover"]),
    ("vulkan-layer", &[]),
    ("tests", &["core", "cpu", "gpu", "shaders", "soundness"]),
];

#[test]
fn crates_import_in_one_direction() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo's metadata");
    let allowed: BTreeMap<_, _> = IMPORTS.iter().copied().collect();
    let packages = metadata["packages"].as_array().expect("packages");
    assert_eq!(packages.len(), allowed.len(), "IMPORTS names each crate of the workspace");
    for package in packages {
        let short = |name: &str| name.strip_prefix("sphere-pow-").unwrap_or(name).to_owned();
        let name = short(package["name"].as_str().expect("a name"));
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("IMPORTS leaves out {name}"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let is_ours = dependency["path"].is_string() && dependency["kind"].is_null();
            let on = short(dependency["name"].as_str().expect("a name"));
            assert!(!is_ours || may.contains(&on.as_str()), "{name} may not depend on {on}");
        }
    }
}

/// The sections that SPEC has: headings, and numbered paragraphs that begin in bold.
fn spec_sections() -> BTreeSet<String> {
    let spec = read("SPEC.md");
    let numbers = spec.lines().filter_map(|line| {
        let line =
            line.strip_prefix('#').map(|line| line.trim_start_matches('#')).or(line.strip_prefix("**"))?;
        line.split_whitespace().next().map(|word| word.trim_end_matches(['.', ':']).to_owned())
    });
    numbers.filter(|number| number.starts_with(['0', 'I'])).collect()
}

/// Section numbers named in `text` after a section sign.
fn references(text: &str) -> Vec<String> {
    let after = text.split('§').skip(1);
    let number = |rest: &str| {
        let end = rest.find(|c: char| !(c == '.' || c == 'I' || c.is_ascii_digit())).unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').to_owned()
    };
    after.map(number).filter(|number| number.contains('.')).collect()
}

#[test]
fn every_section_referred_to_exists() {
    let sections = spec_sections();
    assert!(sections.contains("I.7") && sections.contains("II.6.3"), "{sections:?}");
    assert_eq!(references("SPEC §II.6.3, and §I.2."), ["II.6.3", "I.2"]);
    let endings = [".rs", ".wgsl", ".md", ".ts", ".tsx", ".js", ".mjs", ".py"];
    let mut missing = Vec::new();
    for name in tracked(".", &endings) {
        for number in references(&read(&name)) {
            if number.starts_with('I') && !sections.contains(&number) {
                missing.push(format!("{name}: SPEC §{number}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Numbers that decide something and stand in core: what runs in JavaScript asks for them.
const CORES_NUMBERS: &[&str] = &[
    "1.4013564660458173",
    "1.398077",
    "1820000",
    "1820_000",
    "1_820_000",
    "5e-4",
    "0.0005",
    "2e-5",
    "0.00002",
    "5e-6",
];

#[test]
fn constants_of_core_stand_in_no_javascript() {
    let mut found = Vec::new();
    let files = ["verifier-wasm/js", "web/src"]
        .into_iter()
        .flat_map(|folder| tracked(folder, &[".js", ".ts", ".tsx"]));
    for name in files.filter(|name| !name.ends_with(".d.ts")) {
        for (ix, line) in read(&name).lines().enumerate() {
            // Comments and texts may name a number; code may not hold it.
            let code = line.split("//").next().unwrap_or_default();
            let is_text = code.trim_start().starts_with('*') || code.contains("'") && code.contains(": '");
            for number in CORES_NUMBERS.iter().filter(|number| !is_text && holds_number(code, number)) {
                found.push(format!("{name}:{}: {number}", ix + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether `code` has `number` as a number of its own, not as part of a longer one.
fn holds_number(code: &str, number: &str) -> bool {
    code.match_indices(number).any(|(at, _)| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        !is_part(code[..at].chars().next_back()) && !is_part(code[at + number.len()..].chars().next())
    })
}

#[test]
fn a_planted_constant_would_be_seen() {
    assert!(holds_number("const r = 1.398077;", "1.398077"));
    assert!(!holds_number("const r = 11.3980771;", "1.398077"));
}

/// The number in `text` between `before` and `after`.
fn number_between(text: &str, before: &str, after: &str) -> u64 {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is not there")).1;
    let number = rest.split_once(after).unwrap_or_else(|| panic!("{after:?} is not there")).0;
    number.trim().replace('_', "").parse().unwrap_or_else(|e| panic!("{number:?}: {e}"))
}

#[test]
fn designs_numbers_that_name_a_constant_agree_with_it() {
    let (design, pace) = (read("DESIGN.md"), read(tracked("gpu/src", &["/pace.rs"])[0].as_str()));
    let constant =
        |name: &str| number_between(&pace, &format!("{name}: Duration = Duration::from_millis("), ")");
    assert_eq!(number_between(&design, "sizes dispatches to ", " ms"), constant("const DISPATCH"));
    assert_eq!(number_between(&design, " ms and submits to ", " ms"), constant("const SUBMIT"));
}

#[test]
fn the_shaders_readmes_list_each_kernel() {
    let readmes: String = tracked("shaders", &["README.md"]).iter().map(|name| read(name)).collect();
    let kernels = tracked("shaders", &[".wgsl"]);
    assert!(kernels.len() > 10);
    for name in kernels.iter().filter(|name| !name.contains("/shared/")) {
        let file = name.trim_start_matches("shaders/");
        assert!(readmes.contains(&format!("`{file}`")), "no README in shaders lists {file}");
    }
}

/// Cases from the field that the table of tests must hold, documents aside.
const FIELD_CASES: &[&str] = &[
    "5", "10", "13", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "J1", "J2",
    "J3", "J4", "J6", "F1", "F3", "F4", "F5", "F6", "F7", "rigs",
];

/// The tests that a cell names: file and words of it.
fn tests_named(cell: &str) -> Vec<(String, String)> {
    let parts = cell.split('`').collect::<Vec<_>>();
    let named = parts[1..].chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default()));
    named.map(|(file, words)| (file.to_owned(), words.trim().trim_end_matches(',').to_owned())).collect()
}

#[test]
fn each_case_names_tests_that_are_there() {
    let readme = read("tests/cases/README.md");
    let mut cases = BTreeSet::new();
    let mut missing = Vec::new();
    for row in readme.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        let named: Vec<_> = cells[2..].iter().flat_map(|cell| tests_named(cell)).collect();
        assert!(!named.is_empty(), "no test of case {}", cells[0]);
        for (file, words) in named {
            let text = fs::read_to_string(root().join(&file)).unwrap_or_default();
            // Test names as they are written in strings of JavaScript.
            let is_there =
                [words.clone(), words.replace('\'', "\\'")].iter().any(|words| text.contains(words));
            if words.is_empty() || !is_there {
                missing.push(format!("{}: `{file}` {words}", cells[0]));
            }
        }
        cases.insert(cells[0].to_owned());
    }
    assert!(missing.is_empty(), "tests/cases/README.md names what is not there: {missing:#?}");
    for case in FIELD_CASES {
        assert!(cases.contains(*case), "tests/cases/README.md has no row for case {case}");
    }
}

/// Longer than this, a file owns more than one thing.
const MOST_LINES: usize = 400;
/// Tables, and text that is nothing but texts.
const LONGER: &[&str] = &["ziggurat_tables.rs", "strings.ts", ".d.ts"];

#[test]
fn no_file_is_past_four_hundred_lines() {
    let mut long = Vec::new();
    for name in tracked(".", &[".rs", ".ts", ".tsx", ".js", ".mjs", ".wgsl"]) {
        let lines = read(&name).lines().count();
        if lines > MOST_LINES && !LONGER.iter().any(|ending| name.ends_with(ending)) {
            long.push(format!("{name}: {lines}"));
        }
    }
    assert!(long.is_empty(), "split by what they own: {long:#?}");
}

#[test]
fn no_command_decides_by_a_profiles_name() {
    let mut found = Vec::new();
    let names = tracked("prover/src", &[".rs"]);
    assert!(names.iter().any(|name| name.starts_with("prover/src/commands/")), "no command found: {names:?}");
    for name in names.iter().filter(|name| !name.starts_with("prover/src/profiles")) {
        for (ix, line) in read(name).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let decides = ["ProfileName::Exact", "ProfileName::Gonka", "== \"exact\"", "== \"gonka\""];
            if decides.iter().any(|word| code.contains(word)) && !code.contains("default_value") {
                found.push(format!("{name}:{}", ix + 1));
            }
        }
    }
    assert!(found.is_empty(), "a profile's name stands in the table of profiles, in no command: {found:#?}");
}

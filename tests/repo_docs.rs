//! What documents say of the tree: links and paths lead somewhere, and versions agree wherever they stand.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All files that git tracks or would track.
fn files() -> BTreeSet<String> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(args).current_dir(root()).output().expect("git runs").stdout;
    let names = listed.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
    names.filter(|name| root().join(name).is_file()).collect()
}

fn documents(files: &BTreeSet<String>) -> Vec<&String> {
    let found: Vec<_> = files.iter().filter(|name| name.ends_with(".md")).collect();
    assert!(found.len() >= 12, "{found:?}");
    found
}

/// A document without its fenced blocks: what is left is prose.
fn prose(text: &str) -> String {
    let mut is_fenced = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fence && !is_fenced
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where the links and pictures of a document lead: what stands in `](…)`.
fn links(text: &str) -> Vec<String> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(to, _)| to.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

/// Headings as anchors: lower case, blanks to hyphens, everything else but letters, digits, hyphens and underscores out.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let slug = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

/// `to` as seen from the folder of `document`; `None` when that is outside of the tree.
fn resolved(document: &str, to: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in Path::new(document).parent()?.join(to).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()?),
            _ => {}
        }
    }
    Some(parts.join("/"))
}

fn is_there(files: &BTreeSet<String>, path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    files.contains(path) || files.iter().any(|name| name.starts_with(&folder))
}

fn broken_links(files: &BTreeSet<String>, document: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for link in links(&prose(text)) {
        if link.starts_with("https://") || link.starts_with("http://localhost") {
            continue;
        }
        let (to, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if to.is_empty() { Some(document.to_owned()) } else { resolved(document, to) };
        let Some(target) = target.filter(|path| is_there(files, path)) else {
            broken.push(format!("{document}: {link}: no such file"));
            continue;
        };
        let has_anchor = || {
            let text = if target == document { text.to_owned() } else { read(&target) };
            anchors(&prose(&text)).contains(anchor)
        };
        if !anchor.is_empty() && !has_anchor() {
            broken.push(format!("{document}: {link}: no such heading"));
        }
    }
    broken
}

#[test]
fn every_link_within_the_tree_leads_somewhere() {
    let files = files();
    let broken: Vec<_> =
        documents(&files).into_iter().flat_map(|name| broken_links(&files, name, &read(name))).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_broken_link_would_be_seen() {
    let files = BTreeSet::from(["a/b.md".to_owned(), "c.md".to_owned()]);
    let text = "# One heading!\n[x](../c.md) [y](#one-heading) [z](../a) [w](https://nowhere.example)\n```\n[q](no)\n```";
    assert_eq!(broken_links(&files, "a/b.md", text), Vec::<String>::new());
    for link in ["d.md", "../../c.md", "#another", "../a/c.md"] {
        assert_eq!(broken_links(&files, "a/b.md", &format!("[x]({link})")).len(), 1, "{link}");
    }
}

/// Paths named in code type in a document's prose: those that begin with a folder of this repository.
fn paths(text: &str, folders: &BTreeSet<String>) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
    let words = spans.map(|word| word.trim_matches(|c: char| matches!(c, ',' | ':' | ';' | '(' | ')')));
    let is_path = |word: &&str| {
        word.split_once('/').is_some_and(|(first, _)| folders.contains(first))
            && !word.contains(['*', '<', '{', '$', '…', '='])
    };
    words.filter(is_path).map(str::to_owned).collect()
}

/// Folders that building makes.
const MADE: [&str; 3] = ["verifier-wasm/dist", "web/dist", "target"];

#[test]
fn every_path_named_in_a_document_is_there() {
    let files = files();
    let folders: BTreeSet<String> =
        files.iter().filter_map(|name| name.split_once('/')).map(|(first, _)| first.to_owned()).collect();
    assert_eq!(
        paths("`core/src/lib.rs`, `cat core/x` `core` `core/*.rs`", &folders),
        ["core/src/lib.rs", "core/x"]
    );
    let mut missing = Vec::new();
    for name in documents(&files) {
        let of_crate = Path::new(name).parent().and_then(Path::to_str).unwrap_or_default();
        for path in paths(&prose(&read(name)), &folders) {
            let path = path.trim_end_matches('/');
            let is_made = MADE.iter().any(|made| path.starts_with(made));
            let nearby = format!("{of_crate}/{path}");
            if !is_made && !is_there(&files, path) && !is_there(&files, &nearby) {
                missing.push(format!("{name}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_document_named_in_code_is_there() {
    let files = files();
    let names: BTreeSet<&str> =
        documents(&files).into_iter().filter_map(|name| name.rsplit('/').next()).collect();
    let endings = [".rs", ".ts", ".tsx", ".js", ".mjs", ".wgsl", ".py", ".go", ".toml", ".yml"];
    let mut missing = Vec::new();
    for name in files.iter().filter(|name| endings.iter().any(|ending| name.ends_with(ending))) {
        for word in read(name).split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')) {
            let stem = word.strip_suffix('.').unwrap_or(word).strip_suffix(".md").unwrap_or_default();
            let is_document = stem.len() > 1 && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if is_document && !names.contains(format!("{stem}.md").as_str()) {
                missing.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn json(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The text between `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is not there")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("{after:?} is not there")).0
}

#[test]
fn crates_and_package_are_of_one_version() {
    let cargo = read("Cargo.toml");
    let version = between(&cargo, "[workspace.package]\nversion = \"", "\"");
    let ours: Vec<_> = cargo.lines().filter(|line| line.starts_with("sphere-pow-")).collect();
    assert!(ours.len() >= 7, "{ours:?}");
    for line in ours {
        assert_eq!(between(line, "version = \"", "\""), version, "{line}");
    }
    for name in ["verifier-wasm/package.json", "verifier-wasm/package-lock.json"] {
        assert_eq!(json(name)["version"], version, "{name}");
    }
    let changes = read("CHANGELOG.md");
    assert_eq!(
        between(&changes, "\n## ", " "),
        version,
        "the changelog begins with the version to come or out"
    );
}

#[test]
fn rust_and_node_are_asked_for_in_one_version() {
    let cargo = read("Cargo.toml");
    let rust = between(&cargo, "rust-version = \"", "\"");
    let toolchain = read("rust-toolchain.toml");
    let channel = between(&toolchain, "channel = \"", "\"");
    let minor = |version: &str| version.split('.').nth(1).and_then(|n| n.parse::<u32>().ok());
    let is_enough = channel == "stable" || minor(channel) >= minor(rust);
    assert!(is_enough, "rust-toolchain.toml has {channel}, Cargo.toml asks for {rust}");
    let package = json("verifier-wasm/package.json");
    let node =
        package["engines"]["node"].as_str().and_then(|text| text.strip_prefix(">=")).expect("a least Node");
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = read(name);
        for word in [format!("Rust from {rust}"), format!("Node from {node}")] {
            assert!(text.contains(&word), "{name} says {word:?}");
        }
    }
    let manifests = files().into_iter().filter(|name| name.ends_with("Cargo.toml"));
    for name in manifests {
        let text = read(&name);
        let says = ["rust-version.workspace = true".to_owned(), format!("rust-version = \"{rust}\"")];
        let inherits = says.iter().any(|line| text.contains(line));
        assert!(inherits || text.contains("[workspace]"), "{name} has the workspace's rust-version");
    }
}

#[test]
fn crates_that_are_published_pack_with_their_readme() {
    let dir = std::env::temp_dir().join(format!("sphere-pow-package-{}", std::process::id()));
    let published = files().into_iter().filter(|name| name.ends_with("/Cargo.toml")).filter(|name| {
        let text = read(name);
        text.contains("version.workspace = true") && !text.contains("publish = false")
    });
    let published: Vec<String> =
        published.map(|name| name.trim_end_matches("/Cargo.toml").to_owned()).collect();
    assert!(published.len() >= 6, "{published:?}");
    for folder in &published {
        let manifest = format!("{folder}/Cargo.toml");
        let package = read(&manifest);
        let name = between(&package, "name = \"", "\"");
        assert!(
            package.contains("description = \"") && package.contains("readme = \"README.md\""),
            "{manifest}"
        );
        let args = ["package", "--list", "--allow-dirty", "--offline", "-p", name];
        let listed =
            Command::new(env!("CARGO")).args(args).env("CARGO_TARGET_DIR", &dir).current_dir(root()).output();
        let listed = String::from_utf8(listed.expect("cargo runs").stdout).expect("names");
        let packed: BTreeSet<&str> = listed.lines().collect();
        assert!(packed.contains("README.md") && packed.contains("src/lib.rs"), "{name}: {packed:?}");
        // What is included at compile time has to be in the package.
        for file in packed.iter().filter(|file| file.starts_with("src/") && file.ends_with(".rs")) {
            let text = read(&format!("{folder}/{file}"));
            for included in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split_once('"')) {
                let path = resolved(file, included.0);
                let is_test = file.contains("test") || text.contains("#[cfg(test)]");
                let is_packed = path.as_deref().is_some_and(|path| packed.contains(path));
                assert!(is_packed || is_test, "{name}: {file} includes {}, which is not packed", included.0);
            }
        }
    }
}

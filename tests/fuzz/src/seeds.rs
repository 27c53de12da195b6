//! Where fuzzing starts: the cases and vectors that are in the repository, and what was once found.

use crate::TARGETS;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Files of a folder below `tests`, with their names.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(tests().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .map(|(name, path)| (name, std::fs::read(path).expect("a file")))
        .collect();
    files.sort();
    files
}

fn vectors(name: &str) -> Value {
    let text = std::fs::read(tests().join("vectors").join(name)).expect("vectors");
    serde_json::from_slice(&text).expect("JSON")
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}

/// Documents of every shape, and what is nearly one, from the cases and these lists of vectors.
fn documents(lists: &[&str]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = files("cases")
        .into_iter()
        .filter(|(name, _)| !["table.json", "README.md"].contains(&name.as_str()))
        .map(|(_, bytes)| bytes)
        .collect();
    for name in lists {
        let vectors = vectors(&format!("document_{name}.json"));
        for case in vectors["cases"].as_array().expect("cases") {
            match (case["text"].as_str(), case["hex"].as_str()) {
                (Some(text), _) => all.push(text.as_bytes().to_vec()),
                (None, text) => all.push(hex(text.expect("text or hex"))),
            }
        }
    }
    all
}

/// `bytes` behind each of `heads`.
fn behind(heads: &[&[u8]], all: &[Vec<u8>]) -> Vec<Vec<u8>> {
    all.iter().flat_map(|bytes| heads.iter().map(|head| [*head, bytes].concat())).collect()
}

/// Bodies that begin a stage, one for each profile.
pub(crate) fn inits() -> [Vec<u8>; 2] {
    [
        json!({"block_hash": "AB", "block_height": 7, "public_key": "02ab", "batch_size": 100, "r_target": 1.4,
            "fraud_threshold": 1e-7, "params": {"dim": 64, "n_layers": 2}, "node_id": 1, "node_count": 2,
            "url": "http://api:9100/v1/poc-batches"}),
        json!({"profile": "exact", "block_hash": "AB", "block_height": 7, "public_key": "02ab", "url": "http://api/",
            "params": {"dim": 64, "heads": 4, "hidden": 64, "layers": 40, "threshold": 39535115, "tokens": 8,
                "vocab": 256}}),
    ]
    .map(|init| init.to_string().into_bytes())
}

/// The inputs that `target` starts from.
///
/// # Panics
/// When there is no such target, or the files are not there.
#[must_use]
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let found = files("fuzz/found").into_iter().filter(|(name, _)| name.starts_with(target));
    let mut seeds: Vec<Vec<u8>> = found.map(|(_, bytes)| bytes).collect();
    seeds.extend(match target {
        "document" => documents(&["accept", "mutated", "reject"]),
        "model" => {
            let names = ["params", "init"];
            let is_model = |name: &str| names.iter().any(|word| name.contains(word));
            let cases = files("cases").into_iter().filter(|(name, _)| is_model(name));
            let mut models: Vec<Vec<u8>> = cases.map(|(_, bytes)| bytes).collect();
            let costs = vectors("costs.json");
            let cases = costs["cases"].as_array().expect("cases");
            models.extend(cases.iter().map(|case| case["params"].to_string().into_bytes()));
            behind(&[&[0], &[1]], &models)
        }
        "exact-bytes" => {
            let (proof, reject) = (vectors("exact_proof.json"), vectors("exact_reject.json"));
            let whole = ["bytes", "empty_bytes"].into_iter().filter_map(|name| proof[name].as_str());
            let cases = reject["cases"].as_array().expect("cases").iter();
            whole.chain(cases.filter_map(|case| case["hex"].as_str())).map(hex).collect()
        }
        "ledger" => {
            let is_file = |name: &str| {
                [".jsonl", "_line.json", "strangers", "foreign"].iter().any(|word| name.contains(word))
            };
            let cases = files("cases").into_iter().filter(|(name, _)| is_file(name));
            let files: Vec<Vec<u8>> = cases.map(|(_, bytes)| bytes).collect();
            let cut = |bytes: &Vec<u8>| bytes[..bytes.len() * 2 / 3].to_vec();
            let zeros = |bytes: &Vec<u8>| [bytes, &[b'\n', 0, 0, 0][..]].concat();
            let more: Vec<Vec<u8>> = files.iter().flat_map(|bytes| [cut(bytes), zeros(bytes)]).collect();
            files.into_iter().chain(more).collect()
        }
        "judge" => {
            let heads: [&[u8]; 2] = [&[0, 255, 0], &[13, 3, 2]];
            behind(&heads, &documents(&["accept"]))
        }
        "transcripts" => {
            let (good, reject) = (vectors("exact_transcript.json"), vectors("exact_transcript_reject.json"));
            let mut all = Vec::new();
            let mut add = |kind: u8, bytes: &[u8]| all.push([&[kind][..], bytes].concat());
            for case in good["cases"].as_array().expect("cases") {
                add(1, case["commitment"].to_string().as_bytes());
                case["commitment_bytes"].as_str().into_iter().for_each(|text| add(0, &hex(text)));
                add(3, case["first_opening"].to_string().as_bytes());
                case["openings_bytes"].as_str().into_iter().for_each(|text| add(4, &hex(text)));
                // Behind the head of 64 bytes, each with its length.
                let openings = case["openings_bytes"].as_str().map(hex).unwrap_or_default();
                let len = openings
                    .get(64..68)
                    .map(|len| u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize);
                len.and_then(|len| openings.get(68..68 + len))
                    .into_iter()
                    .for_each(|opening| add(2, opening));
            }
            for case in reject["cases"].as_array().expect("cases") {
                let bytes = hex(case["hex"].as_str().expect("hex"));
                [0, 2].into_iter().for_each(|kind| add(kind, &bytes));
            }
            let lies = vectors("exact_transcript_false.json");
            for case in lies["cases"].as_array().expect("cases") {
                case["commitment_bytes"].as_str().into_iter().for_each(|text| add(0, &hex(text)));
            }
            add(4, b"{\"profile\":\"exact\",\"version\":2,\"commitment\":");
            // Names that steer a terminal, where a member is expected.
            [1, 3].into_iter().for_each(|kind| add(kind, b"{\"\\u001b[2J\": 1}"));
            all
        }
        "requests" => {
            let own = json!({"public_key": "02ab", "block_hash": "AB", "block_height": "7", "node_id": 0});
            let with = |columns: Value| {
                let mut batch = own.as_object().expect("an object").clone();
                batch.extend(columns.as_object().expect("an object").clone());
                Value::Object(batch).to_string().into_bytes()
            };
            let digest = "0123456789abcdef".repeat(4);
            let mut all = inits().to_vec();
            all.push(with(json!({"nonces": [1, 5.0, "9"], "dist": [1.25, 1e-7, 2]})));
            all.push(with(json!({"nonces": ["1", "5"], "digests": [digest, digest]})));
            all.push(with(json!({"nonces": [], "dist": []})));
            all.push(b"{\"url\": 1, \"\\u001b[2J\": {\"value\": \"1\", \"exponent\": -6}}".to_vec());
            all.extend(documents(&["accept"]));
            all
        }
        "texts" => {
            let texts = [
                "0,1,5-9",
                "9223372036854775807",
                "0-99",
                "7 - 3",
                "02abc",
                "1.4013564660458173",
                "-0.0001",
                "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1",
                "0xdeadbeef",
                "exact",
                "gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9",
                "A/gBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "\u{1b}[2J\u{202e}é",
            ];
            texts.iter().map(|text| text.as_bytes().to_vec()).collect()
        }
        "chain" => {
            let vectors = vectors("chain.json");
            let replies = vectors["replies"].as_object().expect("replies");
            let line = |name: &Value| replies[name.as_str().expect("a name")].to_string() + "\n";
            let cases = vectors["cases"].as_array().expect("cases");
            let used = cases.iter().map(|case| case["use"].as_array().expect("names").iter().map(line));
            let whole: BTreeSet<String> = used.map(Iterator::collect).collect();
            let each = replies.values().map(Value::to_string);
            whole.into_iter().chain(each).map(String::into_bytes).collect()
        }
        "training" => crate::training::seeds(),
        other => panic!("no target {other}, expected one of {:?}", TARGETS.map(|(name, _)| name)),
    });
    seeds
}

/// Writes the seeds of `target` into `folder`, and beside it a dictionary of the members' names in them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(target: &str, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let seeds = of(target);
    for (n, bytes) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n}")), bytes)?;
    }
    let mut names = BTreeSet::new();
    for bytes in &seeds {
        let text = String::from_utf8_lossy(bytes);
        let words = text.split('"').filter(|word| (2..32).contains(&word.len()));
        let is_name = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        names.extend(words.filter(is_name).map(|word| format!("\"\\\"{word}\\\"\"\n")));
    }
    // libFuzzer takes no empty dictionary.
    let names = names.into_iter().fold("# members\n".to_owned(), |text, name| text + &name);
    std::fs::write(folder.with_extension("dict"), names)
}

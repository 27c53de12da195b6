//! What the tests by vectors share.

use serde::de::DeserializeOwned;

/// The cases of a list of a file of vectors.
pub(crate) fn cases<T: DeserializeOwned>(file: &str, list: &str) -> Vec<T> {
    let all: serde_json::Value = serde_json::from_str(file).expect("JSON");
    let cases: Vec<T> = serde_json::from_value(all[list].clone()).expect(list);
    assert!(!cases.is_empty(), "no {list}");
    cases
}

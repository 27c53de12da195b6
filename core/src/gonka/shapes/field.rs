//! Reading one object of a document, each field with its place for the error.

use super::ShapeError;
use crate::gonka::params::Params;
use crate::gonka::proof::{Distance, ProofError, TargetRadius};
use crate::identity::{BlockHash, IdentityError, Nonce, PublicKey};
use alloc::string::{String, ToString};
use alloc::{format, vec::Vec};
use core::fmt;
use serde_json::{Map, Value};

/// Where in the document something is, as `poc_batch[3].nonces[7]`.
#[derive(Clone, Debug)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn root() -> Self {
        Self(String::new())
    }

    fn field(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_string()) } else { Self(format!("{}.{name}", self.0)) }
    }

    fn entry(&self, ix: usize) -> Self {
        Self(format!("{}[{ix}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the document" } else { &self.0 })
    }
}

/// A value for an error message: its kind, or its text when short.
pub(super) fn shortened(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&str> = map.keys().take(5).map(String::as_str).collect();
            keys.iter_mut().for_each(|key| *key = key.get(..40).unwrap_or(key));
            format!("an object with {} fields ({})", map.len(), keys.join(", "))
        }
        Value::Array(list) => format!("an array of {}", list.len()),
        Value::String(text) => format!("{:?}", text.chars().take(64).collect::<String>()),
        other => other.to_string().chars().take(64).collect(),
    }
}

/// An object and its place.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: Path,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Map<String, Value>, path: &Path) -> Self {
        Self { object, path: path.clone() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A field's value; null counts as absent, as the network's `omitempty` encoders mean it.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, value: &Value, expected: &'static str) -> ShapeError {
        ShapeError::Field { path: self.path.field(name).to_string(), got: shortened(value), expected }
    }

    fn identity<T>(&self, name: &str, result: Result<T, IdentityError>) -> Result<T, ShapeError> {
        result.map_err(|source| ShapeError::Identity { path: self.path.field(name).to_string(), source })
    }

    fn proof<T>(&self, name: &str, result: Result<T, ProofError>) -> Result<T, ShapeError> {
        result.map_err(|source| ShapeError::Proof { path: self.path.field(name).to_string(), source })
    }

    pub(super) fn is_text(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::is_string)
    }

    /// The first of `names` that is there and not empty.
    pub(super) fn first_text(&self, names: &[&str]) -> Result<Option<String>, ShapeError> {
        for name in names {
            match self.get(name) {
                None => {}
                Some(Value::String(text)) if text.is_empty() => {}
                Some(Value::String(text)) => return Ok(Some(text.clone())),
                Some(other) => return Err(self.wrong(name, other, "text")),
            }
        }
        Ok(None)
    }

    /// A 64-bit integer as a number or a decimal string.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ShapeError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let parsed = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        parsed.map(Some).ok_or_else(|| self.wrong(name, value, "a 64-bit integer"))
    }

    /// The node's number; the chain keeps a name there, which says nothing here.
    pub(super) fn node_id(&self) -> Result<Option<u64>, ShapeError> {
        match self.get("node_id") {
            None => Ok(None),
            Some(Value::String(text)) => Ok(text.parse().ok()),
            // -1 stands for unset.
            Some(value) if value.as_i64() == Some(-1) => Ok(None),
            Some(value) => {
                value.as_u64().map(Some).ok_or_else(|| self.wrong("node_id", value, "a node number"))
            }
        }
    }

    pub(super) fn public_key(&self) -> Result<Option<PublicKey>, ShapeError> {
        for name in ["hex_pub_key", "public_key", "pub_key"] {
            if let Some(text) = self.first_text(&[name])? {
                return self.identity(name, PublicKey::from_network(&text)).map(Some);
            }
        }
        Ok(None)
    }

    pub(super) fn block_hash(&self) -> Result<Option<BlockHash>, ShapeError> {
        match self.first_text(&["block_hash"])? {
            Some(text) => self.identity("block_hash", BlockHash::from_network(&text)).map(Some),
            None => Ok(None),
        }
    }

    /// A float as a number, a decimal string, or the chain's `{"value": "1398077", "exponent": -6}`.
    fn float(&self, name: &str) -> Result<Option<f64>, ShapeError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        float_of(value).map(Some).ok_or_else(|| self.wrong(name, value, "a number"))
    }

    pub(super) fn r_target(&self) -> Result<Option<TargetRadius>, ShapeError> {
        let Some(radius) = self.float("r_target")? else { return Ok(None) };
        self.proof("r_target", TargetRadius::new(radius)).map(Some)
    }

    pub(super) fn fraud_threshold(&self) -> Result<Option<f64>, ShapeError> {
        let Some(got) = self.float("fraud_threshold")? else { return Ok(None) };
        let checked =
            if (0.0..=1.0).contains(&got) { Ok(got) } else { Err(ProofError::FraudThreshold { got }) };
        self.proof("fraud_threshold", checked).map(Some)
    }

    pub(super) fn params(&self) -> Result<Option<Params>, ShapeError> {
        let Some(value) = self.get("params") else { return Ok(None) };
        let path = || self.path.field("params").to_string();
        Params::from_value(value).map(Some).map_err(|source| ShapeError::Params { path: path(), source })
    }

    fn list(&self, name: &str) -> Result<&'a [Value], ShapeError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.wrong(name, other, "an array")),
        }
    }

    pub(super) fn nonces(&self) -> Result<Vec<Nonce>, ShapeError> {
        let path = self.path.field("nonces");
        let list = self.list("nonces")?.iter().enumerate();
        list.map(|(ix, value)| nonce_of(value, || path.entry(ix))).collect()
    }

    pub(super) fn nonce(&self, name: &'static str) -> Result<Nonce, ShapeError> {
        nonce_of(self.required(name, "a nonce")?, || self.path.field(name))
    }

    pub(super) fn distances(&self, name: &'static str) -> Result<Vec<Distance>, ShapeError> {
        let path = self.path.field(name);
        let list = self.list(name)?.iter().enumerate();
        list.map(|(ix, value)| distance_of(value, || path.entry(ix))).collect()
    }

    pub(super) fn distance(&self, name: &'static str) -> Result<Distance, ShapeError> {
        distance_of(self.required(name, "a distance")?, || self.path.field(name))
    }

    fn required(&self, name: &str, expected: &'static str) -> Result<&'a Value, ShapeError> {
        let path = || self.path.field(name).to_string();
        self.get(name).ok_or_else(|| ShapeError::Missing { path: path(), expected })
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ShapeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Fields::new(object, &self.path.field(name)))),
            Some(other) => Err(self.wrong(name, other, "an object")),
        }
    }

    pub(super) fn objects(
        &self,
        name: &'static str,
    ) -> Result<impl Iterator<Item = Result<Fields<'a>, ShapeError>>, ShapeError> {
        let path = self.path.field(name);
        let list = self.list(name)?.iter().enumerate();
        Ok(list.map(move |(ix, value)| match value {
            Value::Object(object) => Ok(Fields::new(object, &path.entry(ix))),
            other => Err(ShapeError::Field {
                path: path.entry(ix).to_string(),
                got: shortened(other),
                expected: "an object",
            }),
        }))
    }
}

fn float_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        // Rust reads "NaN" and "inf" too; whoever asked for the float refuses those by value.
        Value::String(text) => text.parse().ok(),
        Value::Object(object) => {
            let digits = match object.get("value")? {
                Value::String(text) => text.parse::<i64>().ok()?,
                other => other.as_i64()?,
            };
            let exponent = object.get("exponent").map_or(Some(0), Value::as_i64)?;
            // Read as decimal text, so that the nearest f64 results.
            format!("{digits}e{exponent}").parse().ok()
        }
        _ => None,
    }
}

fn nonce_of(value: &Value, path: impl Fn() -> Path) -> Result<Nonce, ShapeError> {
    let parsed = match value {
        Value::String(text) => text.parse(),
        Value::Number(number) => number.to_string().parse(),
        other => Err(IdentityError::Nonce { got: shortened(other) }),
    };
    parsed.map_err(|source| ShapeError::Identity { path: path().to_string(), source })
}

fn distance_of(value: &Value, path: impl Fn() -> Path) -> Result<Distance, ShapeError> {
    let Some(got) = float_of(value) else {
        let expected = "a number from 0 to 2";
        return Err(ShapeError::Field { path: path().to_string(), got: shortened(value), expected });
    };
    Distance::new(got).map_err(|source| ShapeError::Proof { path: path().to_string(), source })
}

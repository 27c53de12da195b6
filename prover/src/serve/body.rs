//! Bodies as the API node writes them: JSON whatever the header says, unknown members ignored, numbers as text or with a
//! point where that is a whole number. What is wrong is said as the reference says it.

use serde::Serialize;
use serde_json::{Value, json};
use sphere_pow_core::json::{self as raw_json, Fields};

/// What is wrong with a member, in the reference's form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fault {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<String>,
    msg: String,
}

impl Fault {
    /// Of a member of the body.
    pub(super) fn value(member: &str, msg: impl Into<String>) -> Self {
        Self { kind: "value_error", loc: vec!["body".into(), member.into()], msg: msg.into() }
    }

    /// What is wrong, in words.
    pub(super) fn message(&self) -> &str {
        &self.msg
    }

    fn whole(kind: &'static str, msg: impl Into<String>) -> Self {
        Self { kind, loc: vec!["body".into()], msg: msg.into() }
    }
}

/// Everything that is wrong with a body.
pub(super) type Faults = Vec<Fault>;

/// Checks that bytes are one JSON value; gives its text.
///
/// # Errors
/// The one fault there is: no text, no JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<&str, Faults> {
    let wrong = |msg: String| vec![Fault::whole("json_invalid", msg)];
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(format!("JSON decode error: {error}")))?;
    if text.trim().is_empty() {
        return Err(vec![Fault::whole("missing", "Field required")]);
    }
    raw_json::only(text).map_err(|error| wrong(format!("JSON decode error: {error}")))
}

/// The members of a body, read one by one; faults are collected.
pub(super) struct Reader<'a> {
    fields: Fields<'a>,
    pub(super) faults: Faults,
}

impl<'a> Reader<'a> {
    /// # Errors
    /// For a value that is no object, and a member that stands twice.
    pub(super) fn new(raw: &'a str, names: &[&'static str]) -> Result<Self, Faults> {
        let expected = "Input should be a valid dictionary or object to extract fields from";
        let fields =
            Fields::read(raw, names).map_err(|_| vec![Fault::whole("model_attributes_type", expected)])?;
        match fields.repeated {
            Some(name) => Err(vec![Fault::value(name, "stands twice")]),
            None => Ok(Self { fields, faults: Vec::new() }),
        }
    }

    /// The text of a member's value; null counts as absent.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.get(name)
    }

    /// Notes that a member is missing or is none of what it should be.
    fn refuse(&mut self, name: &str, kind: &'static str, expected: &str) {
        let loc = vec!["body".into(), name.into()];
        self.faults.push(match self.raw(name) {
            None => Fault { kind: "missing", loc, msg: "Field required".into() },
            Some(raw) => {
                let msg = format!("Input should be {expected}, got {}", raw_json::described(raw));
                Fault { kind, loc, msg }
            }
        });
    }

    pub(super) fn text(&mut self, name: &str) -> String {
        let text = self.raw(name).and_then(raw_json::text).map(std::borrow::Cow::into_owned);
        text.unwrap_or_else(|| {
            self.refuse(name, "string_type", "a valid string");
            String::new()
        })
    }

    pub(super) fn integer(&mut self, name: &str) -> i64 {
        self.raw(name).and_then(raw_json::integer).unwrap_or_else(|| {
            self.refuse(name, "int_parsing", "a valid integer");
            0
        })
    }

    pub(super) fn integer_or(&mut self, name: &str, default: i64) -> i64 {
        if self.raw(name).is_some() { self.integer(name) } else { default }
    }

    pub(super) fn float(&mut self, name: &str) -> f64 {
        // What JSON writes may be too large for a float.
        self.raw(name).and_then(raw_json::float).filter(|x| x.is_finite()).unwrap_or_else(|| {
            self.refuse(name, "float_parsing", "a valid, finite number");
            0.0
        })
    }

    /// Notes a fault of a member's value.
    pub(super) fn fault(&mut self, name: &str, msg: impl Into<String>) {
        self.faults.push(Fault::value(name, msg));
    }
}

/// The body of an answer that says what is wrong.
pub(super) fn detail(faults: &Faults) -> Value {
    json!({ "detail": faults })
}

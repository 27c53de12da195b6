//! Model sizes: those of a document's `params`, and model files (SPEC §0.5).

use super::path::Path;
use super::{ModelFile, ReadError, ReadErrorKind, sequence};
use crate::json::{self, Fields, Stop};
use crate::profile::Model;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// Most bytes of an object with a model's sizes.
const MAX_MODEL_BYTES: usize = 1 << 14;
/// Most bytes of a model file: the chain's whole answer fits.
const MAX_FILE_BYTES: usize = 1 << 20;
/// What files put around a model.
const WRAPPERS: [&str; 4] = ["params", "poc_params", "model_params", "result"];

/// The sizes that an object of a document says.
pub(super) fn sizes<M: Model>(raw: &str) -> Result<M, ReadErrorKind> {
    M::from_value(&Value::Object(object(raw)?)).map_err(|reason| ReadErrorKind::Params { reason })
}

/// An object small enough for a tree, no member twice.
fn object(raw: &str) -> Result<Map<String, Value>, ReadErrorKind> {
    let wrong = |reason| ReadErrorKind::Params { reason };
    if !raw.starts_with('{') {
        return Err(wrong(format!("{}, expected an object with a model's sizes", json::described(raw))));
    }
    if raw.len() > MAX_MODEL_BYTES {
        return Err(wrong(format!("{} bytes, expected at most {MAX_MODEL_BYTES}", raw.len())));
    }
    let mut object = Map::new();
    let walked = json::members(raw, |name, raw| {
        let value = serde_json::from_str(raw).map_err(|error| error.to_string())?;
        match object.insert(name.to_string(), value) {
            None => Ok(()),
            Some(_) => Err(format!("{} stands twice", crate::text::shown(&name))),
        }
    });
    match walked {
        Ok(()) => Ok(object),
        Err(Stop::Own(reason)) => Err(wrong(reason)),
        Err(Stop::Json(error)) => Err(wrong(error.to_string())),
    }
}

/// Reads a model file.
pub(super) fn file<M: Model>(bytes: &[u8]) -> Result<ModelFile<M>, ReadError> {
    let root = Path::value("");
    if bytes.len() > MAX_FILE_BYTES {
        return Err(root.error(ReadErrorKind::Size { got: bytes.len(), max: MAX_FILE_BYTES }));
    }
    within(sequence::only(bytes)?, &root, 0)
}

fn within<M: Model>(raw: &str, path: &Path<'_>, depth: usize) -> Result<ModelFile<M>, ReadError> {
    let fields = if raw.starts_with('{') { Fields::read(raw, &WRAPPERS).ok() } else { None };
    let inner = fields.and_then(|fields| {
        WRAPPERS
            .into_iter()
            .find_map(|name| Some((name, fields.get(name).filter(|raw| raw.starts_with('{'))?)))
    });
    if let Some((name, raw)) = inner
        && depth < WRAPPERS.len()
    {
        return within(raw, &path.member(name), depth + 1);
    }
    let mut object = object(raw).map_err(|kind| path.error(kind))?;
    let is_model = M::DEFAULTS.iter().any(|(name, _)| object.contains_key(*name));
    let mut notes = Vec::new();
    if is_model {
        for (name, default) in M::DEFAULTS {
            if !object.contains_key(*name) {
                let value: Value = serde_json::from_str(default).expect("defaults are JSON");
                notes.push(format!("{name} is left out, the network's default {default} was taken"));
                object.insert((*name).to_string(), value);
            }
        }
    }
    match M::from_value(&Value::Object(object)) {
        Ok(params) => Ok(ModelFile { params, notes }),
        Err(reason) => Err(path.error(ReadErrorKind::Params { reason })),
    }
}

//! Model sizes: those of a document's `params`, and model files (SPEC §0.5).

use super::path::Path;
use super::{ModelFile, ReadError, ReadErrorKind, sequence};
use crate::json::{self, Fields, Stop};
use crate::profile::Model;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::convert::Infallible;

/// Most bytes of an object with a model's sizes.
const MAX_MODEL_BYTES: usize = 1 << 14;
/// Most bytes of a model file: the chain's whole answer fits.
const MAX_FILE_BYTES: usize = 1 << 20;
/// What files put around a model.
const WRAPPERS: [&str; 4] = ["params", "poc_params", "model_params", "result"];

/// The sizes that an object of a document says.
pub(super) fn sizes<M: Model>(raw: &str) -> Result<M, ReadErrorKind> {
    members(raw)?;
    M::from_json(raw).map_err(|reason| ReadErrorKind::Params { reason })
}

/// The names in a small object, ascending, none twice.
fn members(raw: &str) -> Result<Vec<Cow<'_, str>>, ReadErrorKind> {
    let wrong = |reason| ReadErrorKind::Params { reason };
    if !raw.starts_with('{') {
        return Err(wrong(format!("{}, expected an object with a model's sizes", json::described(raw))));
    }
    if raw.len() > MAX_MODEL_BYTES {
        return Err(wrong(format!("{} bytes, expected at most {MAX_MODEL_BYTES}", raw.len())));
    }
    let mut names = Vec::new();
    let walked = json::members(raw, |name, _| {
        names.push(name);
        Ok::<(), Infallible>(())
    });
    if let Err(Stop::Json(error)) = walked {
        return Err(wrong(error.to_string()));
    }
    names.sort_unstable();
    match names.array_windows().find(|[a, b]| a == b) {
        Some([name, _]) => Err(wrong(format!("{} stands twice", crate::text::shown(name)))),
        None => Ok(names),
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
    let names = members(raw).map_err(|kind| path.error(kind))?;
    let has = |name: &str| names.iter().any(|own| own == name);
    let mut whole = Cow::Borrowed(raw);
    let mut notes = Vec::new();
    if let Some(open) = raw.strip_suffix('}')
        && M::DEFAULTS.iter().any(|(name, _)| has(name))
    {
        let mut text = open.to_string();
        for (name, default) in M::DEFAULTS.iter().filter(|(name, _)| !has(name)) {
            notes.push(format!("{name} is left out, the network's default {default} was taken"));
            text.push_str(&format!(",\"{name}\":{default}"));
        }
        text.push('}');
        whole = Cow::Owned(text);
    }
    match M::from_json(&whole) {
        Ok(params) => Ok(ModelFile { params, notes }),
        Err(reason) => Err(path.error(ReadErrorKind::Params { reason })),
    }
}

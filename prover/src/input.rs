//! Files that arguments name, read within bounds; `-` is standard input.

use crate::error::ProverError;
use sphere_pow_core::profile::Model;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Most bytes of a file with model sizes: the chain's whole answer takes some kilobytes.
const MAX_MODEL_BYTES: usize = 1 << 20;

/// The file's bytes, refused above `limit` before they are read.
///
/// # Errors
/// [`ProverError::File`], [`ProverError::Argument`] for one that is larger.
pub fn bytes(file: &Path, limit: usize) -> Result<Vec<u8>, ProverError> {
    let error = |source| ProverError::File { file: name(file), source };
    let too_large = || ProverError::Argument {
        what: "file",
        got: name(file),
        expected: format!("a file of at most {limit} bytes"),
    };
    let limit_bytes = limit as u64;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit_bytes + 1).read_to_end(&mut bytes).map_err(error)?;
    } else {
        let opened = std::fs::File::open(file).map_err(error)?;
        let len = opened.metadata().map_err(error)?.len();
        if len > limit_bytes {
            return Err(too_large());
        }
        opened.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(error)?;
    }
    if bytes.len() > limit { Err(too_large()) } else { Ok(bytes) }
}

/// A file to be read piece by piece.
///
/// # Errors
/// [`ProverError::File`].
pub fn open(file: &Path) -> Result<Box<dyn BufRead>, ProverError> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    match std::fs::File::open(file) {
        Ok(opened) => Ok(Box::new(BufReader::with_capacity(1 << 20, opened))),
        Err(source) => Err(ProverError::File { file: name(file), source }),
    }
}

/// The file's name for a message; what is no UTF-8 in it is replaced.
#[must_use]
pub fn name(file: &Path) -> String {
    if file == Path::new("-") {
        "standard input".into()
    } else {
        sphere_pow_core::text::shown(&file.to_string_lossy())
    }
}

/// The model that `--params` names: a preset, or a file with its sizes. What the file leaves out is said.
///
/// # Errors
/// [`ProverError::Argument`] for a name that is neither, [`ProverError::Document`] for a file that holds no model.
pub fn model<M: Model>(text: &str) -> Result<M, ProverError> {
    if let Some(preset) = M::from_name(text) {
        return Ok(preset);
    }
    let file = Path::new(text);
    if text != "-" && !file.exists() {
        let expected = format!("{} or a JSON file", M::PRESETS.join(", "));
        return Err(ProverError::Argument { what: "--params", got: text.into(), expected });
    }
    let bytes = bytes(file, MAX_MODEL_BYTES)?;
    let read = sphere_pow_core::document::read_model::<M>(&bytes);
    let read = read.map_err(|source| ProverError::Document { file: name(file), source })?;
    for note in &read.notes {
        tracing::info!("{}: {note}", name(file));
    }
    Ok(read.params)
}

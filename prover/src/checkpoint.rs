//! Checkpoints of training as safetensors, which every framework reads: what was agreed before a round, and a lane's
//! states, of integers or floats.
//!
//! Tensors have the names and shapes of the model; one entry of metadata, `sphere-pow`, is JSON that says of which run,
//! of what kind, and in which unit the numbers are. Reading takes nothing on trust: the header's size is bounded before it is
//! parsed, and names, shapes, types and run have to be those expected, all of them and no others.

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use sphere_pow_core::text::{hex, shown};
use sphere_pow_core::train::float::{FloatRun, FloatState, FloatStateError};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::state::{StateError, to_words, words};
use sphere_pow_core::train::stream::RunId;
use sphere_pow_core::train::{Params, Run, State};
use std::collections::HashMap;

/// Most bytes of a header: 64 layers take 60 kB.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// The entry of metadata.
const KEY: &str = "sphere-pow";
/// The unit of integers that are parameters.
const UNIT: &str = "2^-22";

/// Bytes that are no checkpoint of a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// A header past what any checkpoint has.
    #[error("the header has {got} bytes, expected {MAX_HEADER_BYTES} at most")]
    Header {
        /// What its first bytes say.
        got: u64,
    },
    /// No safetensors.
    #[error("no safetensors: {reason}")]
    Format {
        /// What the reader says.
        reason: String,
    },
    /// Metadata of another kind, run or unit, or none.
    #[error("{what} is {got}, expected {expected}")]
    Metadata {
        /// Which part of it.
        what: &'static str,
        /// What it is.
        got: String,
        /// What it is in a checkpoint of this run.
        expected: String,
    },
    /// A tensor that is missing, too many, or of another type or shape.
    #[error("tensor {name} is {got}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What it is.
        got: String,
        /// What it is in a checkpoint of this model.
        expected: String,
    },
    /// Values that no step in integers makes.
    #[error(transparent)]
    Integers(#[from] StateError),
    /// Values that no step in floats makes.
    #[error(transparent)]
    Floats(#[from] FloatStateError),
}

/// What the metadata says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    kind: String,
    run: String,
    round: u32,
    unit: String,
}

/// A kind of checkpoint: its tensors are those of the model once for each prefix.
struct Kind {
    name: &'static str,
    prefixes: &'static [&'static str],
    dtype: Dtype,
    unit: &'static str,
    /// Whether each tensor has an exponent.
    has_exponents: bool,
}

const AGREED: Kind = Kind {
    name: "agreed",
    prefixes: &["", "momentum."],
    dtype: Dtype::I32,
    unit: UNIT,
    has_exponents: false,
};
const VALUES: Kind =
    Kind { name: "parameters", prefixes: &[""], dtype: Dtype::F32, unit: "1", has_exponents: false };
const FLOATS: Kind = Kind {
    name: "float state",
    prefixes: &["", "first.", "second."],
    dtype: Dtype::F32,
    unit: "1",
    has_exponents: false,
};
const INTEGERS: Kind = Kind {
    name: "integer state",
    prefixes: &["", "first.", "root."],
    dtype: Dtype::I32,
    unit: UNIT,
    has_exponents: true,
};
/// The tensor of all exponents.
const EXPONENTS: &str = "exponents";

/// Names of a model's tensors, in the order of [`Params::shapes`].
fn names(params: &Params) -> Vec<String> {
    let mut names = vec!["symbols".to_owned(), "positions".to_owned()];
    for layer in 0..params.raw().layers {
        names.extend(["qkv", "o", "up", "down"].map(|name| format!("layers.{layer}.{name}")));
    }
    names.push("output".to_owned());
    names
}

/// A name with the shape that its tensor has.
type Expected = (String, Vec<usize>);

fn expected(params: &Params, kind: &Kind) -> Vec<Expected> {
    let shapes = params.shapes();
    let model = || names(params).into_iter().zip(&shapes);
    let of = |prefix: &&str| {
        let prefix = (*prefix).to_owned();
        model().map(move |(name, (rows, columns))| (prefix.clone() + &name, vec![*rows, *columns]))
    };
    let exponents = kind.has_exponents.then(|| (EXPONENTS.to_owned(), vec![shapes.len()]));
    kind.prefixes.iter().flat_map(of).chain(exponents).collect()
}

fn format(error: &safetensors::SafeTensorError) -> CheckpointError {
    CheckpointError::Format { reason: shown(&error.to_string()) }
}

/// Writes tensors whose bytes lie one after the other in the order of [`expected`].
fn write(
    params: &Params,
    kind: &Kind,
    id: &RunId,
    round: u32,
    bytes: &[u8],
) -> Result<Vec<u8>, CheckpointError> {
    let about = About { kind: kind.name.into(), run: hex(id.as_bytes()), round, unit: kind.unit.into() };
    let about = serde_json::to_string(&about)
        .map_err(|error| CheckpointError::Format { reason: error.to_string() })?;
    let mut rest = bytes;
    let mut views = Vec::new();
    for (name, shape) in expected(params, kind) {
        let (own, others) = rest.split_at(4 * shape.iter().product::<usize>());
        rest = others;
        views.push((name, TensorView::new(kind.dtype, shape, own).map_err(|error| format(&error))?));
    }
    serialize(views, Some(HashMap::from([(KEY.to_owned(), about)]))).map_err(|error| format(&error))
}

/// Reads what [`write`] wrote: the round, and the tensors' bytes.
fn read(params: &Params, kind: &Kind, id: &RunId, bytes: &[u8]) -> Result<(u32, Vec<u8>), CheckpointError> {
    let got = bytes.first_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length));
    if got > MAX_HEADER_BYTES {
        return Err(CheckpointError::Header { got });
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| format(&error))?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let metadata = |what, got: String, expected: &str| CheckpointError::Metadata {
        what,
        got,
        expected: expected.into(),
    };
    let text = text.ok_or_else(|| metadata("the metadata", "missing".into(), "an entry sphere-pow"))?;
    let about: About = serde_json::from_str(text).map_err(|error| {
        metadata("the entry sphere-pow", shown(&error.to_string()), "kind, run, round and unit")
    })?;
    let fields = [
        ("the kind", &about.kind, kind.name.to_owned()),
        ("the run", &about.run, hex(id.as_bytes())),
        ("the unit", &about.unit, kind.unit.to_owned()),
    ];
    if let Some((what, got, expected)) = fields.into_iter().find(|(_, got, expected)| *got != expected) {
        return Err(metadata(what, shown(got), &expected));
    }
    if about.round > params.raw().rounds {
        let most = format!("{} at most", params.raw().rounds);
        return Err(metadata("the round", about.round.to_string(), &most));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| format(&error))?;
    let expected = expected(params, kind);
    let mut out = Vec::with_capacity(bytes.len());
    for (name, shape) in &expected {
        let wanted = format!("{:?} {shape:?}", kind.dtype);
        let tensor =
            |got: String| CheckpointError::Tensor { name: name.clone(), got, expected: wanted.clone() };
        let view = tensors.tensor(name).map_err(|_| tensor("missing".into()))?;
        if view.dtype() != kind.dtype || view.shape() != shape {
            return Err(tensor(format!("{:?} {:?}", view.dtype(), view.shape())));
        }
        out.extend(view.data());
    }
    if tensors.len() != expected.len() {
        let mut known = expected.iter().map(|(name, _)| name.as_str());
        let other = tensors.names().into_iter().find(|name| !known.any(|known| known == *name));
        return Err(CheckpointError::Tensor {
            name: shown(other.unwrap_or("of that name")),
            got: "there".into(),
            expected: "no such tensor".into(),
        });
    }
    Ok((about.round, out))
}

/// What was agreed before a round of the run `id`: parameters and outer momentum, I32 in units of 2^-22.
///
/// # Errors
/// [`CheckpointError::Format`] where the writer refuses.
pub fn write_agreed(params: &Params, id: &RunId, agreed: &Agreed) -> Result<Vec<u8>, CheckpointError> {
    write(params, &AGREED, id, agreed.round, &agreed.to_bytes())
}

/// The same parameters as F32 values, for other programs; no run goes on from them.
///
/// # Errors
/// [`CheckpointError::Format`] where the writer refuses.
pub fn write_values(params: &Params, id: &RunId, agreed: &Agreed) -> Result<Vec<u8>, CheckpointError> {
    let theta = FloatState::start(&agreed.theta).theta;
    let bytes: Vec<u8> = theta.iter().flat_map(|x| x.to_le_bytes()).collect();
    write(params, &VALUES, id, agreed.round, &bytes)
}

/// Reads [`write_agreed`].
///
/// # Errors
/// [`CheckpointError`] for what is none of the run.
///
/// # Panics
/// Never.
pub fn read_agreed(params: &Params, id: &RunId, bytes: &[u8]) -> Result<Agreed, CheckpointError> {
    let (round, bytes) = read(params, &AGREED, id, bytes)?;
    Ok(Agreed::from_bytes(params, round, &bytes).expect("shapes are the model's"))
}

/// A float lane's state in round `round`: parameters and moments, F32.
///
/// # Errors
/// [`CheckpointError::Format`] where the writer refuses.
pub fn write_floats(run: &FloatRun, round: u32, state: &FloatState) -> Result<Vec<u8>, CheckpointError> {
    write(run.run().params(), &FLOATS, run.id(), round, &state.to_bytes())
}

/// Reads [`write_floats`]: the round and the state.
///
/// # Errors
/// [`CheckpointError`] for what is none of the run.
pub fn read_floats(run: &FloatRun, bytes: &[u8]) -> Result<(u32, FloatState), CheckpointError> {
    let params = run.run().params();
    let (round, bytes) = read(params, &FLOATS, run.id(), bytes)?;
    Ok((round, FloatState::from_bytes(params, &bytes)?))
}

/// An integer lane's state in round `round`: parameters in units of 2^-22, moments and their exponents, I32.
///
/// # Errors
/// [`CheckpointError::Format`] where the writer refuses.
pub fn write_integers(run: &Run, round: u32, state: &State) -> Result<Vec<u8>, CheckpointError> {
    let tensors = || state.tensors.iter();
    let values =
        tensors().map(|t| &t.theta).chain(tensors().map(|t| &t.first)).chain(tensors().map(|t| &t.root));
    let mut bytes: Vec<u8> = values.flat_map(|values| to_words(values)).collect();
    bytes.extend(tensors().flat_map(|tensor| tensor.exponent.to_le_bytes()));
    write(run.params(), &INTEGERS, run.id(), round, &bytes)
}

/// Reads [`write_integers`]: the round and the state.
///
/// # Errors
/// [`CheckpointError`] for what is none of the run.
pub fn read_integers(run: &Run, bytes: &[u8]) -> Result<(u32, State), CheckpointError> {
    let params = run.params();
    let (round, bytes) = read(params, &INTEGERS, run.id(), bytes)?;
    let (size, words) = (params.size(), words(&bytes));
    let (mut at, mut own) = (0, Vec::new());
    // As a state's own bytes have them, whose reader knows what values there are.
    for (tensor, (rows, columns)) in params.shapes().into_iter().enumerate() {
        own.extend(to_words(&words[3 * size + tensor..][..1]));
        for part in 0..3 {
            own.extend(to_words(&words[part * size + at..][..rows * columns]));
        }
        at += rows * columns;
    }
    Ok((round, State::from_bytes(params, &own)?))
}

/// Most bytes of a checkpoint of a model.
#[must_use]
pub fn most_bytes(params: &Params) -> usize {
    12 * params.size() + 4 * params.shapes().len() + 8 + MAX_HEADER_BYTES as usize
}

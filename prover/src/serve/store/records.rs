//! What the database holds, and how wins become parcels.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a callback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// What was won.
    Generated,
    /// What is made of somebody's claims.
    Validated,
}

impl Kind {
    /// The end of the callback's path.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Validated => "validated",
        }
    }
}

/// Lists of a callback by name, each with an entry for each nonce.
pub(crate) type Columns = Vec<(String, Vec<Value>)>;

/// What one batch of a device won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Win {
    /// Where it is sent, without the kind.
    pub(crate) url: String,
    /// What every callback of its stage and node says.
    pub(crate) head: Map<String, Value>,
    /// Nonces, and what is claimed of each.
    pub(crate) columns: [(String, Vec<Value>); 2],
    /// When it was won, in milliseconds of the system's clock.
    pub(crate) at_ms: u64,
}

/// One callback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    /// Goes along as `Idempotency-Key`: the same however often it is sent.
    pub(crate) key: String,
    /// The oldest of what is in it, in milliseconds of the system's clock.
    pub(crate) at_ms: u64,
    pub(crate) head: Map<String, Value>,
    pub(crate) columns: Columns,
    /// Whether it left, and no answer that we know of says that it was not taken.
    #[serde(default)]
    pub(crate) has_left: bool,
}

/// A batch to judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queued {
    /// Where the verdict is sent, without the kind.
    pub(crate) url: String,
    /// The request's body.
    pub(crate) body: String,
    /// When it came, in milliseconds of the system's clock.
    pub(crate) at_ms: u64,
}

impl Parcel {
    /// How many nonces are in it.
    pub(crate) fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The request's body.
    pub(crate) fn body(&self) -> String {
        let mut body = self.head.clone();
        body.extend(self.columns.iter().map(|(name, column)| (name.clone(), Value::from(column.clone()))));
        Value::Object(body).to_string()
    }

    /// Two of it, under keys of their own; `None` where one nonce or a verdict is all there is.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        if self.kind == Kind::Validated || self.len() < 2 {
            return None;
        }
        let half = self.len() / 2;
        let part = |range: std::ops::Range<usize>| {
            let columns =
                self.columns.iter().map(|(name, column)| (name.clone(), column[range.clone()].to_vec()));
            Self { key: random_key(), columns: columns.collect(), has_left: false, ..self.clone() }
        };
        Some([part(0..half), part(half..self.len())])
    }
}

/// Puts a win into the last parcel, or into new ones where that is of another head or full.
pub(super) fn join(parcels: &mut Vec<Parcel>, win: Win, most: usize) {
    let Win { url, head, columns, at_ms } = win;
    let mut columns = columns.to_vec();
    while columns.first().is_some_and(|(_, nonces)| !nonces.is_empty()) {
        let fits = |parcel: &Parcel| parcel.len() < most && parcel.url == url && parcel.head == head;
        if !parcels.last().is_some_and(fits) {
            let empty = columns.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
            let (url, head) = (url.clone(), head.clone());
            parcels.push(Parcel {
                kind: Kind::Generated,
                url,
                key: random_key(),
                at_ms,
                head,
                columns: empty,
                has_left: false,
            });
        }
        let parcel = parcels.last_mut().expect("pushed above");
        let room = most - parcel.len();
        for ((_, to), (_, from)) in parcel.columns.iter_mut().zip(&mut columns) {
            let taken = room.min(from.len());
            to.extend(from.drain(..taken));
        }
    }
}

/// 128 random bits as hex. Without randomness keys are counted from the clock: they need only differ.
pub(crate) fn random_key() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..8].copy_from_slice(&super::now_ms().to_le_bytes());
    }
    sphere_pow_core::text::hex(&bytes)
}

//! From an object to its batches: wrappers are opened, what is no proof is named (SPEC §0.3).

use super::path::Path;
use super::{AnyBatch, Document, MAX_BATCHES, MAX_NESTING, MAX_NONCES, ReadError, ReadErrorKind};
use super::{Rejected, Shape, exact, gonka, other};
use crate::identity::{IdentityError, PublicKey};
use crate::json::{self, Fields, Stop};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The members that mean something in one of the shapes; all others are skipped.
const MEMBERS: &[&str] = &[
    "public_key",
    "hex_pub_key",
    "pub_key",
    "block_hash",
    "block_height",
    "poc_stage_start_block_height",
    "node_id",
    "participant_address",
    "participant",
    "creator",
    "nonces",
    "dist",
    "received_dist",
    "digests",
    "nonce",
    "distance",
    "r_target",
    "params",
    "profile",
    "version",
    "node_count",
    "group",
    "groups",
    "tried",
    "last",
    "fraud_detected",
    "poc_batch",
    "proof_batches",
    "validated_batches",
    "@type",
    "tx",
    "txs",
    "tx_response",
    "tx_responses",
    "body",
    "messages",
    "msgs",
    "result",
    "commits",
    "root_hash",
    "proofs",
    "vector_bytes",
    "poc_validation",
    "message",
    "error",
    "code",
];

/// Lists that hold one object for each batch, or wrappers of such.
const LISTS: [&str; 6] =
    ["poc_batch", "proof_batches", "validated_batches", "txs", "tx_responses", "messages"];

/// What stands around an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing, a list of proofs, or an answer's `result`: the object must be a proof or a wrapper.
    Proofs,
    /// A stage's list: a participant without batches says nothing.
    Stage,
    /// A transaction: other messages say nothing.
    Transaction,
}

/// What an object says for those within it.
#[derive(Clone, Default)]
pub(super) struct Outer {
    pub(super) participant: Option<String>,
    pub(super) public_key: Option<PublicKey>,
}

/// Where an object stands.
#[derive(Clone, Copy)]
struct Here<'a> {
    path: &'a Path<'a>,
    within: Within,
    depth: usize,
    outer: &'a Outer,
}

/// What has been read so far.
#[derive(Default)]
pub(super) struct Walk {
    batches: Vec<AnyBatch>,
    rejected: Vec<Rejected>,
    n_nonces: usize,
    shape: Option<Shape>,
    /// The shape of a list that may turn out to be empty.
    list: Option<Shape>,
    /// Why there is nothing to judge, should there be nothing.
    nothing: Option<ReadError>,
}

impl Walk {
    /// Reads one value of the document.
    ///
    /// # Errors
    /// Only a limit of the whole document; whatever else is wrong is set aside.
    pub(super) fn value(&mut self, raw: &str, path: &Path<'_>) -> Result<(), ReadError> {
        let here = Here { path, within: Within::Proofs, depth: 0, outer: &Outer::default() };
        if !raw.starts_with('[') {
            return self.object(raw, here);
        }
        self.list.get_or_insert(Shape::ProofBatch);
        let outcome = self.entries(raw, here);
        self.settle(None, outcome)
    }

    /// Sets aside what is wrong with a part.
    ///
    /// # Errors
    /// A limit of the whole document.
    pub(super) fn set_aside(
        &mut self,
        participant: Option<String>,
        error: ReadError,
    ) -> Result<(), ReadError> {
        if error.kind.is_limit() {
            return Err(error);
        }
        self.check_room(&error.place)?;
        self.rejected.push(Rejected { participant, error });
        Ok(())
    }

    fn settle(
        &mut self,
        participant: Option<String>,
        outcome: Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        outcome.or_else(|error| self.set_aside(participant, error))
    }

    fn check_room(&self, place: &super::Place) -> Result<(), ReadError> {
        if self.batches.len() + self.rejected.len() < MAX_BATCHES {
            return Ok(());
        }
        let kind = ReadErrorKind::TooMany { what: "batches", max: MAX_BATCHES };
        Err(ReadError { place: place.clone(), kind })
    }

    /// What was read, or the first thing that is wrong when that is all there is.
    pub(super) fn finish(self) -> Result<Document, ReadError> {
        let Self { batches, mut rejected, shape, list, nothing, .. } = self;
        if batches.is_empty() && !rejected.is_empty() {
            return Err(rejected.swap_remove(0).error);
        }
        match (shape.or(list), nothing) {
            (None, Some(error)) => Err(error),
            (shape, _) => {
                Ok(Document { shape: shape.unwrap_or(Shape::ProofBatch), batches, rejected, torn: None })
            }
        }
    }

    /// Reads an object within `here`; what is wrong with it is set aside.
    fn object(&mut self, raw: &str, here: Here<'_>) -> Result<(), ReadError> {
        if !raw.starts_with('{') {
            let kind = match here.depth {
                0 => ReadErrorKind::Foreign { got: json::described(raw) },
                _ => ReadErrorKind::Value { got: json::described(raw), expected: "an object" },
            };
            return self.set_aside(here.outer.participant.clone(), here.path.error(kind));
        }
        let fields = match Fields::read(raw, MEMBERS) {
            Ok(fields) => fields,
            Err(error) => {
                let kind = ReadErrorKind::Json { reason: error.into() };
                return self.set_aside(here.outer.participant.clone(), here.path.error(kind));
            }
        };
        let mut outer = here.outer.clone();
        let outcome = self.open(raw, &fields, here, &mut outer);
        self.settle(outer.participant, outcome)
    }

    /// Reads an object of which the members are known. `outer` becomes what it says for those within it.
    fn open(
        &mut self,
        raw: &str,
        fields: &Fields<'_>,
        here: Here<'_>,
        outer: &mut Outer,
    ) -> Result<(), ReadError> {
        let Here { path, within, depth, .. } = here;
        // First, so that what is wrong with the rest is told of somebody.
        if let Ok(Some(name)) = gonka::participant(fields, path) {
            outer.participant = Some(name);
        }
        if let Some(name) = fields.repeated {
            return Err(path.member(name).error(ReadErrorKind::Repeated));
        }
        if depth > MAX_NESTING {
            return Err(path.error(ReadErrorKind::Nesting));
        }
        if exact::is_exact(fields, path)? {
            let (batch, shape) = exact::batch(fields, path)?;
            return self.push(AnyBatch::Exact(batch), shape, path);
        }
        gonka::participant(fields, path)?;
        let kind = fields.get("@type").and_then(json::text);
        let ends_with = |end: &str| kind.as_ref().is_some_and(|kind| kind.ends_with(end));
        if ends_with("MsgSubmitPocValidation") {
            return self.nothing(here, ReadErrorKind::VerdictOnly);
        }
        if kind.as_ref().is_some_and(|kind| kind.to_ascii_lowercase().contains("pocv2")) {
            return self.nothing(here, ReadErrorKind::V2);
        }
        gonka::participant(fields, path)?;
        if let Some(shape) = gonka::shape(fields, within, ends_with("MsgSubmitPocBatch")) {
            let batch = gonka::batch(fields, shape, path, outer)?;
            return self.push(AnyBatch::Gonka(batch), shape, path);
        }
        if let Some(key) = gonka::public_key(fields, path)? {
            outer.public_key = Some(key);
        }
        if self.wrappers(fields, Here { outer, ..here })? {
            return Ok(());
        }
        match within {
            Within::Stage => Ok(()),
            _ => self.nothing(here, other::what(raw, fields, kind.is_some())),
        }
    }

    /// In a transaction: notes why there may be nothing to judge. Among proofs it is an error.
    fn nothing(&mut self, here: Here<'_>, kind: ReadErrorKind) -> Result<(), ReadError> {
        let error = here.path.error(kind);
        if here.within != Within::Transaction {
            return Err(error);
        }
        self.nothing.get_or_insert(error);
        Ok(())
    }

    /// Opens what wraps proofs. Whether there was such a wrapper.
    fn wrappers(&mut self, fields: &Fields<'_>, here: Here<'_>) -> Result<bool, ReadError> {
        let before = (self.batches.len(), self.rejected.len());
        let mut is_wrapper = false;
        let groups: [&[&'static str]; 4] = [
            &["poc_batch", "proof_batches", "validated_batches"],
            &["result"],
            &["body", "messages", "msgs"],
            // An answer holds a transaction twice, as sent and as executed: the second only where the first is
            // empty.
            &["tx", "txs", "tx_response", "tx_responses"],
        ];
        for (ix, names) in groups.into_iter().enumerate() {
            for name in names.iter().copied().filter(|name| fields.has(name)) {
                let list = match name {
                    "poc_batch" => Some(Shape::ApiBatches),
                    "proof_batches" => Some(Shape::ProofBatch),
                    "validated_batches" => Some(Shape::ValidatedBatch),
                    _ => None,
                };
                self.list = self.list.or(list);
                is_wrapper |= list.is_some();
                // Null is how some encoders write an empty list.
                let Some(raw) = fields.get(name) else { continue };
                is_wrapper = true;
                let is_second = name.starts_with("tx_response");
                if is_second && before != (self.batches.len(), self.rejected.len()) {
                    continue;
                }
                let within = match (ix, name) {
                    (0, "poc_batch") => Within::Stage,
                    (0 | 1, _) => Within::Proofs,
                    _ => Within::Transaction,
                };
                let path = here.path.member(name);
                let inner = Here { path: &path, within, depth: here.depth + 1, ..here };
                if raw.starts_with('[') {
                    self.entries(raw, inner)?;
                } else if LISTS.contains(&name) {
                    let kind = ReadErrorKind::Value { got: json::described(raw), expected: "a list" };
                    return Err(path.error(kind));
                } else {
                    self.object(raw, inner)?;
                }
            }
        }
        if is_wrapper && before == (self.batches.len(), self.rejected.len()) {
            let got = "a transaction without MsgSubmitPocBatch".to_string();
            self.nothing.get_or_insert(here.path.error(ReadErrorKind::Foreign { got }));
        }
        Ok(is_wrapper)
    }

    fn entries(&mut self, raw: &str, here: Here<'_>) -> Result<(), ReadError> {
        let walked = json::elements(raw, |index, raw| {
            let path = here.path.entry(index);
            self.object(raw, Here { path: &path, depth: here.depth + 1, ..here })
        });
        match walked {
            Ok(()) => Ok(()),
            Err(Stop::Own(error)) => Err(error),
            Err(Stop::Json(error)) => Err(here.path.error(ReadErrorKind::Json { reason: error.into() })),
        }
    }

    fn push(&mut self, batch: AnyBatch, shape: Shape, path: &Path<'_>) -> Result<(), ReadError> {
        let n = match &batch {
            AnyBatch::Gonka(batch) => batch.nonces.len(),
            AnyBatch::Exact(batch) => batch.nonces.len(),
        };
        self.n_nonces += n;
        if self.n_nonces > MAX_NONCES {
            return Err(path.error(ReadErrorKind::TooMany { what: "nonces", max: MAX_NONCES }));
        }
        self.check_room(&path.place())?;
        self.shape.get_or_insert(shape);
        self.batches.push(batch);
        Ok(())
    }
}

/// The parser's words without its place, which counts from the value's start.
pub(super) fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_string()
}

/// A text member, where it is there and not empty.
pub(super) fn text_member(
    fields: &Fields<'_>,
    name: &'static str,
    path: &Path<'_>,
) -> Result<Option<String>, ReadError> {
    let Some(raw) = fields.get(name) else { return Ok(None) };
    match json::text(raw) {
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => Ok(Some(text.into_owned())),
        None => {
            let kind = ReadErrorKind::Value { got: json::described(raw), expected: "text" };
            Err(path.member(name).error(kind))
        }
    }
}

/// A hash or key at its place.
pub(super) fn identity<T>(
    result: Result<T, IdentityError>,
    name: &'static str,
    path: &Path<'_>,
) -> Result<T, ReadError> {
    result.map_err(|error| path.member(name).error(error))
}

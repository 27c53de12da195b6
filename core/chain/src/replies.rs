//! Replies of a node's RPC, as values.

use crate::{ChainError, MAX_REPLIES_BYTES};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sphere_pow_core::json;
use sphere_pow_core::text::parser_words;
use std::collections::BTreeMap;
use tendermint::block::Header;
use tendermint::block::signed_header::SignedHeader;
use tendermint::merkle::proof::ProofOps;
use tendermint::validator::{Info, Set};
use tendermint::{PublicKey, vote};

/// Greatest height that is read: heights after it still have successors.
const MAX_HEIGHT: u64 = i64::MAX as u64 - 2;

/// What a node answered, by height.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// Headers, with and without signatures.
    pub(crate) headers: BTreeMap<u64, Header>,
    /// Headers with their signatures.
    pub(crate) commits: BTreeMap<u64, SignedHeader>,
    /// Validator sets.
    pub(crate) validators: BTreeMap<u64, Set>,
    /// Entries of the state.
    pub(crate) queries: Vec<Query>,
}

/// An entry of the state after a block, with its proof.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) height: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) proof: ProofOps,
}

/// Where a reader is.
#[derive(Clone, Copy)]
struct Place {
    nr: usize,
    what: &'static str,
}

impl Place {
    fn wrong(self, reason: impl Into<String>) -> ChainError {
        ChainError::Member { nr: self.nr, what: self.what, reason: reason.into() }
    }

    fn at(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    fn read<T: DeserializeOwned>(self, value: &Value) -> Result<T, ChainError> {
        T::deserialize(value).map_err(|error| self.wrong(parser_words(&error)))
    }

    /// A height, which the RPC writes as text.
    fn height(self, value: &Value) -> Result<u64, ChainError> {
        let height = value.as_str().and_then(json::digits).or_else(|| value.as_u64());
        height.filter(|height| *height <= MAX_HEIGHT).ok_or_else(|| self.wrong("expected a height"))
    }

    fn bytes(self, value: &Value) -> Result<Vec<u8>, ChainError> {
        #[derive(Deserialize)]
        struct Base64(#[serde(with = "tendermint::serializers::bytes::base64string")] Vec<u8>);
        Ok(self.read::<Base64>(value)?.0)
    }
}

/// Reads replies, one after the other.
pub(crate) fn read(text: &str) -> Result<Replies, ChainError> {
    if text.len() > MAX_REPLIES_BYTES {
        return Err(ChainError::Size { got: text.len(), most: MAX_REPLIES_BYTES });
    }
    let mut replies = Replies::default();
    // Pages of validators by height, with the count of all.
    let mut pages: BTreeMap<u64, (Vec<Info>, usize)> = BTreeMap::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    for nr in 1.. {
        let Some(value) = values.next() else { break };
        let value = value.map_err(|error| ChainError::Json { nr, reason: parser_words(&error) })?;
        replies.take(nr, &value, &mut pages)?;
    }
    for (height, (infos, total)) in pages {
        let place = Place { nr: 0, what: "validators" };
        if infos.len() != total {
            return Err(ChainError::NoValidators { height, block: height });
        }
        // The library's sums would panic beyond.
        let power = infos.iter().fold(0_u64, |sum, info| sum.saturating_add(info.power.value()));
        if power > Set::MAX_TOTAL_VOTING_POWER {
            return Err(
                place.wrong(format!("voting power {power} at height {height}, expected at most 2^60"))
            );
        }
        replies.validators.insert(height, Set::without_proposer(infos));
    }
    Ok(replies)
}

impl Replies {
    fn take(
        &mut self,
        nr: usize,
        value: &Value,
        pages: &mut BTreeMap<u64, (Vec<Info>, usize)>,
    ) -> Result<(), ChainError> {
        let place = Place { nr, what: "" };
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            let words = |name| error.get(name).and_then(Value::as_str).unwrap_or_default();
            return Err(ChainError::Refusal {
                nr,
                message: format!("{} {}", words("message"), words("data")),
            });
        }
        let result = value.get("result").unwrap_or(value);
        if let Some((what, reason)) = bad_base64(result) {
            return Err(ChainError::Member { nr, what, reason });
        }
        if let Some(signed) = result.get("signed_header") {
            let signed: SignedHeader = place.at("signed_header").read(signed)?;
            let height = self.header(place, signed.header.clone())?;
            // Of two sets of signatures under one header either may do; the first stays.
            self.commits.entry(height).or_insert(signed);
        } else if let (Some(list), Some(height)) = (result.get("validators"), result.get("block_height")) {
            validators(place, list, height, result.get("total"), pages)?;
        } else if let Some(response) = result.get("response") {
            self.queries.push(query(place, response)?);
        } else if let Some(metas) = result.get("block_metas") {
            for meta in metas.as_array().ok_or_else(|| place.at("block_metas").wrong("expected a list"))? {
                let header = meta.get("header").unwrap_or(&Value::Null);
                self.header(place, place.at("header").read(header)?)?;
            }
        } else if let Some(header) = result.get("header").or_else(|| result.get("block")?.get("header")) {
            self.header(place, place.at("header").read(header)?)?;
        } else {
            return Err(ChainError::Shape { nr, got: described(result) });
        }
        Ok(())
    }

    /// Keeps a header. Gives its height.
    fn header(&mut self, place: Place, header: Header) -> Result<u64, ChainError> {
        let height = header.height.value();
        if height > MAX_HEIGHT {
            return Err(place.at("header").wrong("its height has no successor"));
        }
        let hash = header.hash();
        let kept = self.headers.entry(height).or_insert(header);
        if kept.hash() == hash { Ok(height) } else { Err(ChainError::Conflict { what: "headers", height }) }
    }
}

fn validators(
    place: Place,
    list: &Value,
    height: &Value,
    total: Option<&Value>,
    pages: &mut BTreeMap<u64, (Vec<Info>, usize)>,
) -> Result<(), ChainError> {
    #[derive(Deserialize)]
    struct Row {
        pub_key: PublicKey,
        voting_power: Value,
    }
    let height = place.at("block_height").height(height)?;
    let rows: Vec<Row> = place.at("validators").read(list)?;
    let total = match total {
        Some(total) => place.at("total").height(total)?,
        None => rows.len() as u64,
    };
    let total = usize::try_from(total).map_err(|_| place.at("total").wrong("expected a count"))?;
    let page = pages.entry(height).or_insert_with(|| (Vec::new(), total));
    for row in rows {
        let place = place.at("voting_power");
        let power = vote::Power::try_from(place.height(&row.voting_power)?);
        let power = power.map_err(|error| place.wrong(error.to_string()))?;
        // The address follows from the key, whatever the reply says.
        let info = Info::new(row.pub_key, power);
        // A page that comes twice changes nothing.
        if page.0.iter().all(|known| known.address != info.address) {
            page.0.push(info);
        }
    }
    Ok(())
}

fn query(place: Place, response: &Value) -> Result<Query, ChainError> {
    let code = response.get("code").and_then(Value::as_u64).unwrap_or(0);
    if code != 0 {
        let log = response.get("log").and_then(Value::as_str).unwrap_or_default();
        return Err(ChainError::Refusal { nr: place.nr, message: log.to_owned() });
    }
    let member = |name| response.get(name).unwrap_or(&Value::Null);
    let value = member("value");
    if value.is_null() || value == "" {
        return Err(place.at("value").wrong("the state holds nothing there"));
    }
    let proof = place.at("proofOps");
    let ops = response.get("proofOps").or_else(|| response.get("proof_ops")).unwrap_or(&Value::Null);
    if ops.is_null() {
        return Err(proof.wrong("none, expected a proof: ask with prove=true"));
    }
    Ok(Query {
        height: place.at("height").height(member("height"))?,
        key: place.at("key").bytes(member("key"))?,
        value: place.at("value").bytes(value)?,
        proof: proof.read(ops)?,
    })
}

/// Members of replies that are base64, wherever they stand.
const IN_BASE64: [&str; 4] = ["data", "key", "signature", "value"];

/// The first member of base64 that is none: the library that reads them panics where padding is amiss.
fn bad_base64(value: &Value) -> Option<(&'static str, String)> {
    match value {
        Value::Array(entries) => entries.iter().find_map(bad_base64),
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let what = IN_BASE64.into_iter().find(|known| known == name);
            let wrong = what.zip(member.as_str()).and_then(|(what, text)| {
                let error = STANDARD.decode(text).err()?;
                Some((what, error.to_string()))
            });
            wrong.or_else(|| bad_base64(member))
        }),
        _ => None,
    }
}

/// A value of another shape, in words.
fn described(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let names: Vec<String> =
                members.keys().take(3).map(|name| sphere_pow_core::text::shown(name)).collect();
            format!("an object of {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") })
        }
        Value::Array(_) => "a list".to_owned(),
        other => json::described(&other.to_string()),
    }
}

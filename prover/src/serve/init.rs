//! What a node is told to do: the body of the three init routes.

use super::body::{Fault, Faults, Reader};
use crate::error::ProverError;
use crate::profiles::{Machine, Visitor, with_profile};
use crate::search::Hunt;
use axum::http::Uri;
use axum::http::uri::Authority;
use serde_json::Value;
use sphere_pow_core::identity::{BlockHash, NonceSequence, PublicKey};
use sphere_pow_core::profile::{Model, ProfileName};
use sphere_pow_core::verify::{Expectations, Given, GivenError};

const MEMBERS: [&str; 11] = [
    "profile",
    "block_hash",
    "block_height",
    "public_key",
    "batch_size",
    "r_target",
    "fraud_threshold",
    "params",
    "node_id",
    "node_count",
    "url",
];

/// A radius beyond this takes every nonce: the largest chord of a unit sphere.
const LARGEST_CHORD: f64 = 2.0;

/// A stage: whose work on which block, and how it is judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Init {
    pub(super) profile: ProfileName,
    /// The model's sizes, as its profile writes them.
    pub(super) params: String,
    pub(super) block_hash: BlockHash,
    pub(super) block_height: i64,
    pub(super) public_key: PublicKey,
    /// As given, for the receiver: only where the profile knows the option.
    pub(super) r_target: Option<f64>,
    /// As given, for the receiver.
    pub(super) fraud_threshold: Option<f64>,
    /// Which node this is of how many; `None` while that is unset.
    pub(super) node: Option<(u64, u64)>,
    /// Where callbacks go, without `/generated`.
    pub(super) url: String,
    /// The body, to be read again after a crash.
    pub(super) body: String,
}

/// Checks where callbacks shall go, against the hosts that may be called back; gives it without a slash at its end.
fn check_url(url: &str, allowed: &[String]) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
    let expected = "expected http://HOST:PORT/PATH";
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
    // A port that is no number of 16 bits, and a name and password that would be sent to nobody.
    let is_host = |name: &&Authority| {
        let rest = name.as_str().strip_prefix(name.host());
        rest.is_some_and(|port| port.is_empty() || name.port_u16().is_some())
    };
    let Some(authority) = authority.filter(is_host) else {
        return Err(format!("{}, {expected}", sphere_pow_core::text::shown(url)));
    };
    let is_named = |name: &String| name == authority.as_str() || name == authority.host();
    if !allowed.is_empty() && !allowed.iter().any(is_named) {
        return Err(format!("{authority} is none of the hosts that --callback allows"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

impl Init {
    /// Reads a body; `default` is the profile of one that names none, `allowed` the hosts that may be called back: every one
    /// where there is none.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(raw: &str, default: ProfileName, allowed: &[String]) -> Result<Self, Faults> {
        let mut reader = Reader::new(raw, &MEMBERS)?;
        let profile = match reader.raw("profile").map(|_| reader.text("profile").parse()) {
            None => default,
            Some(Ok(profile)) => profile,
            Some(Err(error)) => return Err(vec![Fault::value("profile", error.to_string())]),
        };
        with_profile(profile, Read { body: raw, reader, allowed })
    }

    /// What is hunted, with everything typed.
    ///
    /// # Errors
    /// For another profile's.
    pub(super) fn hunt<P: Machine>(&self) -> Result<(P::Params, Hunt<P>), ProverError> {
        self.hunt_within(0.0)
    }

    /// The same with the radius smaller by `guard_band`, where the profile has a radius: what is won at its edge here may lie
    /// beyond it on a validator's hardware.
    ///
    /// # Errors
    /// As [`Self::hunt`].
    pub(super) fn hunt_within<P: Machine>(
        &self,
        guard_band: f64,
    ) -> Result<(P::Params, Hunt<P>), ProverError> {
        let params = model::<P>(&self.params).map_err(|reason| ProverError::Argument {
            what: "params",
            got: self.params.clone(),
            expected: reason,
        })?;
        let given = self.given::<P>();
        let r_target = given.r_target.map(|radius| (radius - guard_band).max(0.0));
        let rule = P::mining_rule(&Expectations::<P>::new(&Given { r_target, ..given })?.terms);
        Ok((params, Hunt { key: self.public_key.clone(), rule }))
    }

    fn given<P: Machine>(&self) -> Given {
        let known = |name| P::OPTIONS.contains(&name);
        Given {
            r_target: self.r_target.map(|radius| radius.min(LARGEST_CHORD)),
            fraud_threshold: self.fraud_threshold,
            block_height: Some(self.block_height).filter(|_| known("block_height")),
            ..Given::default()
        }
    }

    /// Whether the model on the devices is the same.
    pub(super) fn is_same_model(&self, other: &Self) -> bool {
        (self.profile, &self.params, &self.block_hash) == (other.profile, &other.params, &other.block_hash)
    }
}

/// A model's sizes; what is left out is the network's default.
fn model<P: Machine>(raw: &str) -> Result<P::Params, String> {
    let mut sizes = match serde_json::from_str(raw) {
        Ok(Value::Object(sizes)) => sizes,
        _ => return Err("params is no object with a model's sizes".into()),
    };
    for (name, default) in P::Params::DEFAULTS {
        if !sizes.contains_key(*name) {
            sizes.insert((*name).to_owned(), serde_json::from_str(default).expect("JSON"));
        }
    }
    P::Params::from_json(&Value::Object(sizes).to_string())
}

struct Read<'a> {
    body: &'a str,
    reader: Reader<'a>,
    allowed: &'a [String],
}

impl Visitor for Read<'_> {
    type Output = Result<Init, Faults>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { body, mut reader, allowed } = self;
        let known = |name| P::OPTIONS.contains(&name);
        let block_hash = reader.text("block_hash");
        let block_height = reader.integer("block_height");
        let public_key = reader.text("public_key");
        let r_target = known("r_target").then(|| reader.float("r_target"));
        let fraud_threshold = known("fraud_threshold").then(|| reader.float("fraud_threshold"));
        let (node_id, node_count) = (reader.integer_or("node_id", -1), reader.integer_or("node_count", -1));
        let url = reader.text("url");
        if !reader.faults.is_empty() {
            return Err(reader.faults);
        }
        let block_hash =
            BlockHash::new(&block_hash).map_err(|error| reader.fault("block_hash", error.to_string())).ok();
        let public_key = PublicKey::new(&public_key)
            .and_then(|key| P::check_key(&key).map(|()| key))
            .map_err(|error| reader.fault("public_key", error.to_string()))
            .ok();
        let url = check_url(&url, allowed).map_err(|reason| reader.fault("url", reason)).ok();
        let params = model::<P>(reader.raw("params").unwrap_or("{}"));
        let params = params.map_err(|reason| reader.fault("params", reason)).ok();
        let node = match (u64::try_from(node_id), u64::try_from(node_count)) {
            (Ok(id), Ok(count)) => {
                let sequence = NonceSequence::new(id, count, 0, 1);
                sequence
                    .map_err(|error| reader.fault("node_count", error.to_string()))
                    .ok()
                    .map(|_| (id, count))
            }
            _ => None,
        };
        let (Some(block_hash), Some(public_key), Some(url), Some(params)) =
            (block_hash, public_key, url, params)
        else {
            return Err(reader.faults);
        };
        let params = params.to_string();
        let (profile, body) = (P::NAME, body.to_owned());
        let init = Init {
            profile,
            params,
            block_hash,
            block_height,
            public_key,
            r_target,
            fraud_threshold,
            node,
            url,
            body,
        };
        match init.hunt::<P>() {
            Ok(_) => {}
            Err(ProverError::Given(error @ GivenError::Range { option, .. })) => {
                reader.fault(option, error.to_string());
            }
            Err(error) => reader.fault("params", error.to_string()),
        }
        if reader.faults.is_empty() { Ok(init) } else { Err(reader.faults) }
    }
}

//! `sphere-pow distance`.

use super::verify::{model, read_document};
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::nonce_list;
use crate::options::DeviceArgs;
use crate::profiles::{BatchVisitor, Machine, Visitor, with_batch, with_profile};
use crate::session::Session;
use crate::signals::Stop;
use clap::Args;
use serde_json::{Map, Value, json};
use sphere_pow_core::document::Batch;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::ProfileName;
use sphere_pow_core::verify::{Expectations, Given};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct DistanceArgs {
    /// Rules to follow: the network's own scheme, or exact integers; a document says it by itself
    #[arg(long, default_value_t = ProfileName::Gonka)]
    profile: ProfileName,
    /// Model: a preset of the profile, see `sphere-pow devices`, or a JSON file
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "document")]
    params: Option<String>,
    /// Hash of the block that starts the Sprint, as text: case matters
    #[arg(long, value_name = "HASH", required_unless_present = "document")]
    block_hash: Option<String>,
    /// Key of the host that mines, as text: case matters
    #[arg(long, value_name = "KEY", required_unless_present = "document")]
    public_key: Option<String>,
    /// Nonces and ranges of nonces
    #[arg(long, value_name = "0,1,5-9", allow_hyphen_values = true, required_unless_present = "document")]
    nonces: Option<String>,
    /// Recompute the nonces of this document, as any that `verify` takes, instead: a second opinion on claims that
    /// may be left out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["nonces", "profile"])]
    document: Option<PathBuf>,
    #[command(flatten)]
    devices: DeviceArgs,
}

pub(super) fn run(args: &DistanceArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let session = Session::new(&args.devices, stop)?;
    let (json, text) = match &args.document {
        None => with_profile(args.profile, Direct { args, session })?,
        Some(file) => of_document(file, args, session)?,
    };
    out.result(&json, || text)?;
    Ok(ExitCode::SUCCESS)
}

type Listed = (Value, String);

struct Direct<'a> {
    args: &'a DistanceArgs,
    session: Session<'a>,
}

impl Visitor for Direct<'_> {
    type Output = Result<Listed, ProverError>;
    fn visit<P: Machine>(mut self) -> Self::Output {
        let text = |option: &Option<String>| option.clone().unwrap_or_default();
        let nonces = nonce_list::parse(&text(&self.args.nonces))?;
        let params = input::model::<P::Params>(&text(&self.args.params))?;
        let block = BlockHash::new(&text(&self.args.block_hash))?;
        let key = PublicKey::new(&text(&self.args.public_key))?;
        P::check_key(&key)?;
        for hint in [block.spelling_hint(), key.spelling_hint()].into_iter().flatten() {
            tracing::warn!("{hint}");
        }
        list::<P>(&mut self.session, (&params, &block, &key), &nonces)
    }
}

/// Recomputes nonces and lists what they come to.
fn list<P: Machine>(
    session: &mut Session<'_>,
    of: (&P::Params, &BlockHash, &PublicKey),
    nonces: &[Nonce],
) -> Result<Listed, ProverError> {
    let outcomes = session.outcomes::<P>(of, nonces)?;
    let info = session.device::<P>(of.0, of.1)?.info().clone();
    let listing = P::listing(&outcomes);
    let mut text = format!("on {}: {}\n", info.engine, info.device);
    for (nonce, line) in nonces.iter().zip(&listing.lines) {
        let _ = writeln!(text, "{nonce:>20}  {line}");
    }
    // Decimal text: nonces may pass 2^53.
    let nonces: Vec<String> = nonces.iter().map(ToString::to_string).collect();
    let mut object = Map::new();
    object.insert("profile".into(), P::NAME.as_str().into());
    object.insert("engine".into(), json!(info));
    object.insert("nonces".into(), json!(nonces));
    object.extend(listing.columns);
    Ok((Value::Object(object), text))
}

fn of_document(
    file: &std::path::Path,
    args: &DistanceArgs,
    session: Session<'_>,
) -> Result<Listed, ProverError> {
    let document = read_document(file)?;
    let given = Given {
        params: args.params.as_deref().map(|name| model(name, &document)).transpose()?,
        block_hash: args.block_hash.clone(),
        public_key: args.public_key.clone(),
        ..Given::default()
    };
    let mut lists = Lists { session, given };
    let (mut batches, mut text) = (Vec::new(), String::new());
    for any in &document.batches {
        let Some((value, lines)) = with_batch(any, &mut lists)? else { continue };
        batches.push(value);
        text.push_str(&lines);
    }
    for part in &document.rejected {
        let _ = writeln!(text, "left out: {}", part.error);
    }
    if batches.is_empty() {
        let expected = "a document with nonces".into();
        return Err(ProverError::Argument { what: "--document", got: input::name(file), expected });
    }
    let rejected: Vec<Value> = document
        .rejected
        .iter()
        .map(|part| json!({"place": part.error.place, "code": part.error.kind.code(), "message": part.error.kind.to_string()}))
        .collect();
    Ok((json!({ "batches": batches, "rejected": rejected }), text))
}

/// Lists batch after batch, what they leave out taken from the options.
struct Lists<'a> {
    session: Session<'a>,
    given: Given,
}

impl BatchVisitor for Lists<'_> {
    type Output = Result<Option<Listed>, ProverError>;
    fn visit<P: Machine>(&mut self, batch: &Batch<P>) -> Self::Output {
        if batch.nonces.is_empty() {
            return Ok(None);
        }
        let given = Expectations::<P>::new(&self.given)?;
        let missing = |what: &'static str| ProverError::Argument {
            what,
            got: String::new(),
            expected: format!("a value, which {} leaves out", batch.place),
        };
        let params = batch.params.clone().or(given.params).ok_or_else(|| missing("--params"))?;
        let block = batch.block_hash.clone().or(given.block_hash).ok_or_else(|| missing("--block-hash"))?;
        let key = batch.public_key.clone().or(given.public_key).ok_or_else(|| missing("--public-key"))?;
        P::check_key(&key)?;
        let (mut value, text) = list::<P>(&mut self.session, (&params, &block, &key), &batch.nonces)?;
        value["place"] = json!(batch.place);
        value["publicKey"] = key.as_str().into();
        value["blockHash"] = block.as_str().into();
        Ok(Some((value, format!("{}: key {key}, block {block}, {text}", batch.place))))
    }
}

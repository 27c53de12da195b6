//! What the state of a chain is proven to hold.

use crate::ChainError;
use crate::headers::Headers;
use crate::replies::Query;
use ics23::{CommitmentProof, HostFunctionsProvider, commitment_proof, iavl_spec, tendermint_spec};
use prost::Message;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sphere_pow_core::gonka::params::Params;
use sphere_pow_core::text::{hex, parser_words};

/// What the state holds after a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// The height of the block.
    pub height: u64,
    /// What it is.
    #[serde(flatten)]
    pub value: Value,
}

/// An entry of the state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Value {
    /// How proofs of work are to be made.
    Model {
        /// The model's sizes, as the network writes them.
        params: serde_json::Value,
        /// The radius to win; absent where the chain holds none, and hosts took what their program had.
        r_target: Option<f64>,
        /// How many nonces validators of the network recompute.
        sample_size: i32,
    },
    /// Who an account is.
    Account {
        /// Its address.
        address: String,
        /// Its key, as hosts put it into their seeds: lower-case hex.
        public_key: String,
    },
    /// An entry that nothing here reads.
    Other {
        /// The store.
        store: String,
        /// The key, in hex.
        key: String,
        /// The value, in hex.
        value: String,
    },
}

/// The network's parameters in store `inference`.
const PARAMS: (&str, &[u8]) = ("inference", b"p_inference");
/// Accounts, in store `acc` under this byte and the address.
const ACCOUNTS: (&str, u8) = ("acc", 1);

/// Parts of the network's messages, by the numbers that its state has.
mod message {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Params {
        #[prost(message, optional, tag = "3")]
        pub(super) poc: Option<PocParams>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct PocParams {
        #[prost(int32, tag = "2")]
        pub(super) validation_sample_size: i32,
        #[prost(message, optional, tag = "5")]
        pub(super) model: Option<ModelParams>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ModelParams {
        #[prost(int32, tag = "1")]
        pub(super) dim: i32,
        #[prost(int32, tag = "2")]
        pub(super) n_layers: i32,
        #[prost(int32, tag = "3")]
        pub(super) n_heads: i32,
        #[prost(int32, tag = "4")]
        pub(super) n_kv_heads: i32,
        #[prost(int32, tag = "5")]
        pub(super) vocab_size: i32,
        #[prost(message, optional, tag = "6")]
        pub(super) ffn_dim_multiplier: Option<Decimal>,
        #[prost(int32, tag = "7")]
        pub(super) multiple_of: i32,
        #[prost(message, optional, tag = "8")]
        pub(super) norm_eps: Option<Decimal>,
        #[prost(int32, tag = "9")]
        pub(super) rope_theta: i32,
        #[prost(bool, tag = "10")]
        pub(super) use_scaled_rope: bool,
        #[prost(int32, tag = "11")]
        pub(super) seq_len: i32,
        #[prost(message, optional, tag = "12")]
        pub(super) r_target: Option<Decimal>,
    }

    /// `value` times ten to the `exponent`.
    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct Decimal {
        #[prost(int64, tag = "1")]
        pub(super) value: i64,
        #[prost(int32, tag = "2")]
        pub(super) exponent: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Any {
        #[prost(string, tag = "1")]
        pub(super) type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct BaseAccount {
        #[prost(string, tag = "1")]
        pub(super) address: String,
        #[prost(message, optional, tag = "2")]
        pub(super) public_key: Option<Any>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct PublicKey {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) key: Vec<u8>,
    }
}

/// The hash of both kinds of tree; others never reach a proof that is of its kind.
struct Hashes;

impl HostFunctionsProvider for Hashes {
    fn sha2_256(message: &[u8]) -> [u8; 32] {
        Sha256::digest(message).into()
    }
    fn sha2_512(_: &[u8]) -> [u8; 64] {
        [0; 64]
    }
    fn sha2_512_truncated(_: &[u8]) -> [u8; 32] {
        [0; 32]
    }
    fn keccak_256(_: &[u8]) -> [u8; 32] {
        [0; 32]
    }
    fn ripemd160(_: &[u8]) -> [u8; 20] {
        [0; 20]
    }
    fn blake2b_512(_: &[u8]) -> [u8; 64] {
        [0; 64]
    }
    fn blake2s_256(_: &[u8]) -> [u8; 32] {
        [0; 32]
    }
    fn blake3(_: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

/// Checks that a header commits to an entry, and reads it.
pub(crate) fn prove(query: &Query, headers: &Headers<'_>) -> Result<Fact, ChainError> {
    let height = query.height;
    let root = headers.root(height).ok_or(ChainError::NoRoot { height })?;
    let [inner, outer] = &query.proof.ops[..] else {
        return Err(false_proof("", query));
    };
    let store = std::str::from_utf8(&outer.key).map_err(|_| false_proof("", query))?;
    let is_true = inner.field_type == "ics23:iavl"
        && outer.field_type == "ics23:simple"
        && inner.key == query.key
        && leads_to(&inner.data, &outer.data, root, outer.key.as_slice(), query);
    if !is_true {
        return Err(false_proof(store, query));
    }
    Ok(Fact { height, value: read(store, query)? })
}

fn false_proof(store: &str, query: &Query) -> ChainError {
    ChainError::Proof { store: store.to_owned(), key: hex(&query.key), height: query.height }
}

/// Whether the entry is in the tree of its store, and that tree's root in the tree of stores.
fn leads_to(inner: &[u8], outer: &[u8], root: &[u8], store: &[u8], query: &Query) -> bool {
    let (Ok(inner), Ok(outer)) = (CommitmentProof::decode(inner), CommitmentProof::decode(outer)) else {
        return false;
    };
    let Some(commitment_proof::Proof::Exist(existence)) = &inner.proof else { return false };
    let Ok(store_root) = ics23::calculate_existence_root::<Hashes>(existence) else { return false };
    ics23::verify_membership::<Hashes>(&inner, &iavl_spec(), &store_root, &query.key, &query.value)
        && ics23::verify_membership::<Hashes>(&outer, &tendermint_spec(), &root.to_vec(), store, &store_root)
}

/// What a proven entry says.
fn read(store: &str, query: &Query) -> Result<Value, ChainError> {
    let is_account = (store, query.key.first().copied()) == (ACCOUNTS.0, Some(ACCOUNTS.1));
    let wrong = |what, reason| ChainError::Value { what, height: query.height, reason };
    if (store, &query.key[..]) == PARAMS {
        return params(&query.value).map_err(|reason| wrong("the network's parameters", reason));
    }
    if is_account {
        // Accounts of other kinds, and those that never signed, have no key to tell of.
        let account = account(&query.value).map_err(|reason| wrong("an account", reason))?;
        if let Some(account) = account {
            return Ok(account);
        }
    }
    Ok(Value::Other { store: store.to_owned(), key: hex(&query.key), value: hex(&query.value) })
}

fn params(bytes: &[u8]) -> Result<Value, String> {
    let read = message::Params::decode(bytes).map_err(|error| parser_words(&error))?;
    let poc = read.poc.ok_or("no parameters of proofs of work")?;
    let model = poc.model.ok_or("no model of proofs of work")?;
    let number = |decimal: Option<message::Decimal>| decimal.map_or(Ok(0.0), float);
    let params = json!({
        "dim": model.dim,
        "n_layers": model.n_layers,
        "n_heads": model.n_heads,
        "n_kv_heads": model.n_kv_heads,
        "vocab_size": model.vocab_size,
        "ffn_dim_multiplier": number(model.ffn_dim_multiplier)?,
        "multiple_of": model.multiple_of,
        "norm_eps": number(model.norm_eps)?,
        "rope_theta": f64::from(model.rope_theta),
        "use_scaled_rope": model.use_scaled_rope,
        "seq_len": model.seq_len,
    });
    Params::from_json(&params.to_string()).map_err(|error| error.to_string())?;
    let r_target = model.r_target.map(float).transpose()?;
    Ok(Value::Model { params, r_target, sample_size: poc.validation_sample_size })
}

/// The number nearest to a decimal.
fn float(decimal: message::Decimal) -> Result<f64, String> {
    let text = format!("{}e{}", decimal.value, decimal.exponent);
    let number: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
    if number.is_finite() { Ok(number) } else { Err(format!("{text} is beyond every number")) }
}

/// The account of an entry, where it is of the plain kind and has a key.
fn account(bytes: &[u8]) -> Result<Option<Value>, String> {
    let wrapped = message::Any::decode(bytes).map_err(|error| parser_words(&error))?;
    if wrapped.type_url != "/cosmos.auth.v1beta1.BaseAccount" {
        return Ok(None);
    }
    let account = message::BaseAccount::decode(&wrapped.value[..]).map_err(|error| parser_words(&error))?;
    let Some(key) = account.public_key.filter(|key| key.type_url == "/cosmos.crypto.secp256k1.PubKey") else {
        return Ok(None);
    };
    let key = message::PublicKey::decode(&key.value[..]).map_err(|error| parser_words(&error))?.key;
    if key.len() != 33 {
        return Err(format!("a key of {} bytes, expected 33", key.len()));
    }
    Ok(Some(Value::Account { address: account.address, public_key: hex(&key) }))
}

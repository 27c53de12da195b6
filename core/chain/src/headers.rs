//! Headers that follow from a trusted one.

use crate::replies::Replies;
use crate::{Binding, Block, ChainError, Period, Trust};
use sphere_pow_core::text::{date, parser_words};
use std::collections::BTreeMap;
use std::time::Duration;
use tendermint::block::Header;
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator::Set;
use tendermint::{Hash, Time};
use tendermint_light_client_verifier::errors::VerificationErrorDetail;
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{TrustThreshold, TrustedBlockState, UntrustedBlockState};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

/// How far a chain's clock may be ahead of the verifier's.
const CLOCK_DRIFT: Duration = Duration::from_secs(10);
const DAY: u64 = 86_400;

/// The headers that follow, by height.
#[derive(Debug)]
pub(crate) struct Headers<'a> {
    bound: BTreeMap<u64, (&'a Header, Binding)>,
    trusted: &'a Header,
}

impl<'a> Headers<'a> {
    /// Follows all headers of the replies from the trusted one: signed ones upwards, each from the one before, then the
    /// rest downwards, each from its successor.
    pub(crate) fn follow(replies: &'a Replies, trust: &Trust, period: &Period) -> Result<Self, ChainError> {
        let height = trust.height;
        let trusted = replies.headers.get(&height).ok_or(ChainError::NoTrusted { height })?;
        let (got, expected) = (trusted.hash(), Hash::Sha256(trust.hash));
        if got != expected {
            let (got, expected) = (got.to_string(), expected.to_string());
            return Err(ChainError::Untrusted { height, got, expected });
        }
        let mut headers = Self { bound: BTreeMap::from([(height, (trusted, Binding::Trusted))]), trusted };
        let mut last = trusted;
        for (height, signed) in replies.commits.range(height + 1..) {
            step(replies, last, signed, period)?;
            last = &replies.headers[height];
            headers.bound.insert(*height, (last, Binding::Signatures));
        }
        for (height, header) in replies.headers.iter().rev() {
            headers.bind(*height, header)?;
        }
        Ok(headers)
    }

    /// Binds a header by its successor, unless it is bound already.
    fn bind(&mut self, height: u64, header: &'a Header) -> Result<(), ChainError> {
        let is_bound = self.bound.contains_key(&height);
        let Some((successor, _)) = self.bound.get(&(height + 1)) else {
            return if is_bound { Ok(()) } else { Err(ChainError::Unbound { height }) };
        };
        let named = successor.last_block_id.map(|id| id.hash).unwrap_or_default();
        let hash = header.hash();
        if named != hash {
            return Err(ChainError::Broken { height, got: hash.to_string(), expected: named.to_string() });
        }
        self.bound.entry(height).or_insert((header, Binding::Successor));
        Ok(())
    }

    /// The root of the state after the block of a height: its successor commits to it.
    pub(crate) fn root(&self, height: u64) -> Option<&[u8]> {
        self.bound.get(&(height + 1)).map(|(header, _)| header.app_hash.as_bytes())
    }

    /// The chain's name and the blocks that follow.
    pub(crate) fn into_blocks(self) -> (String, Vec<Block>) {
        let block = |(height, (header, by)): (u64, (&Header, Binding))| Block {
            height,
            hash: header.hash().to_string(),
            time: header.time.unix_timestamp(),
            by,
        };
        (self.trusted.chain_id.to_string(), self.bound.into_iter().map(block).collect())
    }
}

/// Checks that a signed header follows from the last one that does.
fn step(replies: &Replies, last: &Header, signed: &SignedHeader, period: &Period) -> Result<(), ChainError> {
    let (from, height) = (last.height.value(), signed.header.height.value());
    let of =
        |height, block| replies.validators.get(&height).ok_or(ChainError::NoValidators { height, block });
    let validators = of(height, height)?;
    is_set_of(validators, height, signed.header.validators_hash, height)?;
    // Of the very next block they are the validators that the last one names, which the library compares by hash.
    let next = if height == from + 1 { validators } else { of(from + 1, height)? };
    if height != from + 1 {
        is_set_of(next, from + 1, last.next_validators_hash, from)?;
    }
    let untrusted = UntrustedBlockState { signed_header: signed, validators, next_validators: None };
    let trusted = TrustedBlockState {
        chain_id: &last.chain_id,
        header_time: last.time,
        height: last.height,
        next_validators: next,
        next_validators_hash: last.next_validators_hash,
    };
    let options = Options {
        trust_threshold: TrustThreshold::ONE_THIRD,
        trusting_period: Duration::from_secs(period.trusting.min(u64::from(u32::MAX))),
        clock_drift: CLOCK_DRIFT,
    };
    let now = i64::try_from(period.now).ok().and_then(|now| Time::from_unix_timestamp(now, 0).ok());
    let forged = |reason| ChainError::Forged { height, from, reason };
    let now = now.ok_or_else(|| forged(format!("no clock says {}", period.now)))?;
    match ProdVerifier::default().verify_update_header(untrusted, trusted, &options, now) {
        Verdict::Success => Ok(()),
        Verdict::NotEnoughTrust(_) => Err(ChainError::Step { height, from }),
        Verdict::Invalid(VerificationErrorDetail::NotWithinTrustPeriod(_)) => {
            let time = u64::try_from(last.time.unix_timestamp()).unwrap_or(0);
            let days = period.now.saturating_sub(time) / DAY;
            Err(ChainError::Expired { height: from, date: date(time), days, most: period.trusting / DAY })
        }
        Verdict::Invalid(error) => Err(forged(parser_words(&error))),
    }
}

fn is_set_of(set: &Set, height: u64, hash: Hash, block: u64) -> Result<(), ChainError> {
    if set.hash() == hash { Ok(()) } else { Err(ChainError::Validators { height, block }) }
}

//! Who tries what on which block: [`BlockHash`], [`PublicKey`], [`Nonce`] and the order in which nonces are
//! tried, [`NonceSequence`].
//!
//! Hashes and keys enter every seed as the text given (SPEC §I.2): no hex decoding, case kept.

use crate::text::hex;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine;
use core::fmt;

/// Longest block hash or public key accepted, in bytes. The network's are 64 and 66.
pub const MAX_TEXT_BYTES: usize = 256;

/// A hash, key or nonce that no proof can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The text is empty.
    #[error("{what} is empty, expected 1 to {MAX_TEXT_BYTES} visible ASCII characters")]
    Empty {
        /// `block hash` or `public key`.
        what: &'static str,
    },
    /// The text is longer than [`MAX_TEXT_BYTES`].
    #[error("{what} has {got} bytes, expected at most {MAX_TEXT_BYTES}")]
    TooLong {
        /// `block hash` or `public key`.
        what: &'static str,
        /// Its length in bytes.
        got: usize,
    },
    /// The text has a character that cannot be part of a hash or key.
    #[error("{what} has {got:?} at byte {at}, expected visible ASCII characters only")]
    Character {
        /// `block hash` or `public key`.
        what: &'static str,
        /// The character.
        got: char,
        /// Its byte offset.
        at: usize,
    },
    /// The nonce is negative, above 2^63 - 1, or no integer.
    #[error("nonce {got:?} is not an integer from 0 to 9223372036854775807")]
    Nonce {
        /// The text given, cut to 64 characters.
        got: String,
    },
    /// An account's address stands where its key should.
    #[error("public key is {got}, which is an account's address; its public key begins with 02 or 03")]
    Address {
        /// The address.
        got: String,
    },
    /// The nodes and groups that share the nonces leave none for this one.
    #[error("nonces cannot be shared out: {what} is {got}, expected {expected}")]
    Share {
        /// The field's name.
        what: &'static str,
        /// Its value.
        got: u64,
        /// What would do.
        expected: &'static str,
    },
}

impl IdentityError {
    /// A stable name for the error, the same on every surface (SPEC, "Errors").
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } | Self::TooLong { .. } | Self::Character { .. } => "identity",
            Self::Address { .. } => "address",
            Self::Nonce { .. } => "nonce",
            Self::Share { .. } => "share",
        }
    }
}

fn checked_text(what: &'static str, text: &str) -> Result<String, IdentityError> {
    if text.is_empty() {
        return Err(IdentityError::Empty { what });
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(IdentityError::TooLong { what, got: text.len() });
    }
    match text.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
        Some((at, got)) => Err(IdentityError::Character { what, got, at }),
        None => Ok(text.to_string()),
    }
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Checks a ", $what, ": 1 to 256 visible ASCII characters, kept as given.")]
            ///
            /// # Errors
            /// [`IdentityError::Empty`], [`IdentityError::TooLong`], [`IdentityError::Character`].
            pub fn new(text: &str) -> Result<Self, IdentityError> {
                checked_text($what, text).map(Self)
            }

            /// The text as given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl core::str::FromStr for $name {
            type Err = IdentityError;

            fn from_str(text: &str) -> Result<Self, IdentityError> {
                Self::new(text)
            }
        }
    };
}

text_newtype!(
    /// The hash of the block that starts a Sprint, as text. On the network: 64 upper-case hex digits.
    BlockHash,
    "block hash"
);
text_newtype!(
    /// The key of the host that mines, as text. On the network: 66 lower-case hex digits.
    PublicKey,
    "public key"
);
text_newtype!(
    /// What nobody could foresee when a commitment was made, as text: the hash of a later block.
    Beacon,
    "beacon"
);

impl BlockHash {
    /// A likely mistake in the spelling, in words: the text is taken as given, and a hash spelt otherwise than the
    /// network does makes another model.
    #[must_use]
    pub fn spelling_hint(&self) -> Option<String> {
        let (bytes, spelt) = spelling_of(self.as_str(), &[32])?;
        let network = hex(&bytes).to_ascii_uppercase();
        (network != self.0).then(|| {
            alloc::format!("the block hash is {spelt}, taken as given; the network seeds with {network}")
        })
    }
}

impl PublicKey {
    /// A likely mistake in the spelling, in words: the text is taken as given, and a key spelt otherwise than the
    /// network does has other inputs.
    #[must_use]
    pub fn spelling_hint(&self) -> Option<String> {
        let (bytes, spelt) = spelling_of(self.as_str(), &[33])?;
        let network = hex(&bytes);
        (network != self.0).then(|| {
            alloc::format!("the public key is {spelt}, taken as given; the network seeds with {network}")
        })
    }

    /// Refuses an account's address, which no host mines with.
    ///
    /// # Errors
    /// [`IdentityError::Address`].
    pub fn refuse_address(&self) -> Result<(), IdentityError> {
        let Some(rest) = self.0.strip_prefix("gonka1") else { return Ok(()) };
        // Bech32: 32 letters and digits without 1, b, i and o.
        let is_address =
            rest.len() >= 38 && rest.bytes().all(|b| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&b));
        if is_address { Err(IdentityError::Address { got: self.0.clone() }) } else { Ok(()) }
    }
}

/// The bytes that `text` spells, and how, when their number is one of `lens`.
fn spelling_of(text: &str, lens: &[usize]) -> Option<(Vec<u8>, &'static str)> {
    let plain = text.strip_prefix("0x").unwrap_or(text);
    let bytes = bytes_of(plain, lens)?;
    let is_hex = plain.len() == 2 * bytes.len();
    let spelt = match (plain.len() < text.len(), is_hex) {
        (true, _) => "hex after 0x",
        (false, true) => "hex in other letters",
        (false, false) => "base64",
    };
    Some((bytes, spelt))
}

/// The bytes that `text` spells in hex or in padded base64, when their number is one of `lens`.
fn bytes_of(text: &str, lens: &[usize]) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex && lens.contains(&(text.len() / 2)) {
        let digit = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (pairs, _) = text.as_bytes().as_chunks::<2>();
        return pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    }
    let is_base64_len = lens.iter().any(|len| text.len() == len.div_ceil(3) * 4);
    if !is_base64_len {
        return None;
    }
    base64::engine::general_purpose::STANDARD.decode(text).ok().filter(|bytes| lens.contains(&bytes.len()))
}

/// The number a host varies: 0 to 2^63 - 1 (int64 on the wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(u64);

impl Nonce {
    /// The largest nonce, 2^63 - 1.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Checks a nonce.
    ///
    /// # Errors
    /// [`IdentityError::Nonce`] above 2^63 - 1.
    pub fn new(value: u64) -> Result<Self, IdentityError> {
        if value <= Self::MAX.0 {
            Ok(Self(value))
        } else {
            Err(IdentityError::Nonce { got: value.to_string() })
        }
    }

    /// The nonce as a number, at most 2^63 - 1.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::str::FromStr for Nonce {
    type Err = IdentityError;

    /// Reads decimal digits only: no sign, no space, no exponent.
    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let bad = || IdentityError::Nonce { got: text.chars().take(64).collect() };
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        text.parse().ok().and_then(|value| Self::new(value).ok()).ok_or_else(bad)
    }
}

/// The nonces of one worker: `node + group * nodes + x * (groups * nodes)`, x = 0, 1, 2, … (SPEC §I.7).
///
/// The network hands out node numbers from 1 and counts only the nodes of one tick, so `node >= nodes` is
/// legal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceSequence {
    next: Option<u64>,
    stride: u64,
}

impl NonceSequence {
    /// The sequence of `group` of `groups` on `node` of `nodes`.
    ///
    /// # Errors
    /// [`IdentityError::Share`] when `nodes` or `groups` is zero, `group >= groups`, or the first nonce or
    /// the stride would pass 2^63 - 1.
    pub fn new(node: u64, nodes: u64, group: u64, groups: u64) -> Result<Self, IdentityError> {
        let share = |what, got, expected| Err(IdentityError::Share { what, got, expected });
        if nodes == 0 {
            return share("node count", nodes, "at least 1");
        }
        if groups == 0 {
            return share("group count", groups, "at least 1");
        }
        if group >= groups {
            return share("group", group, "less than the group count");
        }
        let stride = nodes.checked_mul(groups).filter(|s| *s <= Nonce::MAX.0);
        let Some(stride) = stride else {
            return share("node count", nodes, "node count times group count below 2^63");
        };
        let first = group.checked_mul(nodes).and_then(|g| g.checked_add(node)).filter(|f| *f <= Nonce::MAX.0);
        let Some(first) = first else {
            return share("node", node, "a first nonce below 2^63");
        };
        Ok(Self { next: Some(first), stride })
    }

    /// The same sequence from its first nonce above `last` on: how mining resumes.
    #[must_use]
    pub fn after(mut self, last: Nonce) -> Self {
        if let Some(first) = self.next
            && first <= last.0
        {
            let steps = (last.0 - first) / self.stride + 1;
            self.next = steps
                .checked_mul(self.stride)
                .and_then(|s| s.checked_add(first))
                .filter(|n| *n <= Nonce::MAX.0);
        }
        self
    }
}

impl Iterator for NonceSequence {
    type Item = Nonce;

    fn next(&mut self) -> Option<Nonce> {
        let now = self.next?;
        self.next = now.checked_add(self.stride).filter(|n| *n <= Nonce::MAX.0);
        Some(Nonce(now))
    }
}

#[cfg(test)]
mod tests;

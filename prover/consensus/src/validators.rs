//! Who votes on a height, with what power, and who proposes in each round.

use crate::identity::HostId;
use arc_malachitebft_core_types as types;
use arc_malachitebft_signing_ed25519::PublicKey;
use std::fmt;
use std::sync::Arc;

/// The largest sum of powers: three times it is still a `u64`, as the engine's thresholds need.
pub const MAX_TOTAL_POWER: u64 = 1 << 60;
/// The most validators of a height: every message goes to all, and each height verifies two votes of each.
pub const MAX_VALIDATORS: usize = 1024;

/// Why a set of validators is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorsError {
    /// Nobody could decide.
    #[error("no validator, expected at least one")]
    Empty,
    /// More than the engine should be asked to carry.
    #[error("{got} validators, expected at most {MAX_VALIDATORS}")]
    TooMany {
        /// How many came.
        got: usize,
    },
    /// The bytes are no ed25519 public key.
    #[error("validator {0} is no ed25519 public key")]
    NotAKey(HostId),
    /// A host stands twice.
    #[error("validator {0} stands twice")]
    Twice(HostId),
    /// A host without a voice is left out instead.
    #[error("validator {0} has no power, expected at least 1")]
    NoPower(HostId),
    /// The powers' sum.
    #[error("the powers add up to more than {MAX_TOTAL_POWER}")]
    TooMuchPower,
}

/// A validator with the key that checks its signatures.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Validator {
    id: HostId,
    key: PublicKey,
    power: u64,
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.power)
    }
}

/// The validators of a height: at least one, each once, each with a power of 1 or more. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// In order of host.
    list: Arc<[Validator]>,
    total: u64,
}

impl Validators {
    /// The set of these hosts with their powers, in any order.
    ///
    /// # Errors
    /// [`ValidatorsError`] names what is wrong with it.
    pub fn new(powers: impl IntoIterator<Item = (HostId, u64)>) -> Result<Self, ValidatorsError> {
        let mut list = Vec::new();
        let mut total = 0u64;
        for (id, power) in powers {
            let key = PublicKey::from_bytes(id.0).map_err(|_| ValidatorsError::NotAKey(id))?;
            if power == 0 {
                return Err(ValidatorsError::NoPower(id));
            }
            total = total.checked_add(power).ok_or(ValidatorsError::TooMuchPower)?;
            list.push(Validator { id, key, power });
        }
        list.sort_by_key(|validator| validator.id);
        if let Some(pair) = list.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(ValidatorsError::Twice(pair[0].id));
        }
        if list.is_empty() {
            return Err(ValidatorsError::Empty);
        }
        if list.len() > MAX_VALIDATORS {
            return Err(ValidatorsError::TooMany { got: list.len() });
        }
        if total > MAX_TOTAL_POWER {
            return Err(ValidatorsError::TooMuchPower);
        }
        Ok(Self { list: list.into(), total })
    }

    /// The power of `host`, 0 for one that is no validator.
    #[must_use]
    pub fn power(&self, host: &HostId) -> u64 {
        self.find(host).map_or(0, |validator| validator.power)
    }

    /// The sum of all powers.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Hosts and powers, in order of host.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (HostId, u64)> + '_ {
        self.list.iter().map(|validator| (validator.id, validator.power))
    }

    pub(crate) fn find(&self, host: &HostId) -> Option<&Validator> {
        let at = self.list.binary_search_by_key(host, |validator| validator.id).ok()?;
        self.list.get(at)
    }

    /// Who proposes in `round` of `height`.
    ///
    /// A Weyl sequence over the powers: each host proposes in proportion to its power, as evenly as a rotation would,
    /// without a state that a late host would have to learn. Heights step by the golden ratio and rounds by the root
    /// of 2, so that a silent proposer of one round is rarely asked in the next.
    pub(crate) fn proposer(&self, height: u64, round: u32) -> &Validator {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        const ROOT_2: u64 = 0x6a09_e667_f3bc_c909;
        let point = height.wrapping_mul(GOLDEN).wrapping_add(u64::from(round).wrapping_mul(ROOT_2));
        let mut left = (u128::from(point) * u128::from(self.total)) >> 64;
        for validator in self.list.iter() {
            match left.checked_sub(u128::from(validator.power)) {
                Some(rest) => left = rest,
                None => return validator,
            }
        }
        unreachable!("the point lies below the powers' sum")
    }
}

impl Validator {
    pub(crate) fn id(&self) -> HostId {
        self.id
    }

    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = arc_malachitebft_signing_ed25519::Signature::from_bytes(*signature);
        self.key.verify(message, &signature).is_ok()
    }
}

impl types::Validator<crate::context::Agreement> for Validator {
    fn address(&self) -> &HostId {
        &self.id
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

impl types::ValidatorSet<crate::context::Agreement> for Validators {
    fn count(&self) -> usize {
        self.list.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.total
    }

    fn get_by_address(&self, address: &HostId) -> Option<&Validator> {
        self.find(address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.list.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Key;
    use std::collections::BTreeMap;

    fn host(seed: u8) -> HostId {
        Key::from_seed([seed; 32]).id()
    }

    #[test]
    fn refuses_what_is_no_set_and_names_it() {
        let (a, b) = (host(1), host(2));
        let mut no_key = [1; 32];
        no_key[31] = 0;
        assert_eq!(Validators::new([]), Err(ValidatorsError::Empty));
        assert_eq!(Validators::new([(a, 1), (b, 0)]), Err(ValidatorsError::NoPower(b)));
        assert_eq!(Validators::new([(a, 1), (a, 2)]), Err(ValidatorsError::Twice(a)));
        assert_eq!(Validators::new([(a, u64::MAX), (b, 1)]), Err(ValidatorsError::TooMuchPower));
        assert_eq!(Validators::new([(a, MAX_TOTAL_POWER), (b, 1)]), Err(ValidatorsError::TooMuchPower));
        assert_eq!(Validators::new([(HostId(no_key), 1)]), Err(ValidatorsError::NotAKey(HostId(no_key))));
        assert!(Validators::new([(a, MAX_TOTAL_POWER)]).is_ok());
    }

    #[test]
    fn proposes_in_proportion_to_power() {
        let powers = [(host(1), 1), (host(2), 3), (host(3), 6)];
        let set = Validators::new(powers).unwrap();
        for count_rounds in [false, true] {
            let mut seen = BTreeMap::new();
            for step in 0..1000u32 {
                let (height, round) = if count_rounds { (7, step) } else { (u64::from(step), 0) };
                *seen.entry(set.proposer(height, round).id()).or_insert(0u64) += 1;
            }
            for (id, power) in powers {
                assert!(seen[&id].abs_diff(power * 100) <= 10, "{count_rounds} {seen:?}");
            }
        }
    }
}

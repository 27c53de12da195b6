//! From accepted batches to voting weight: claims, conditions, collateral, guardians (SPEC §III.4).

use super::ratio::Ratio;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// How claimed nonces are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counting {
    /// Every nonce of every batch, repeated ones too: the network at launch.
    All,
    /// Each nonce of a participant once: later versions, and ours.
    Unique,
}

/// w(p): the weight that a participant's batches claim, SPEC §III.4.
///
/// # Shapes
/// - `batches`: each `[nonces]`, as accepted.
#[must_use]
pub fn claimed_weight<'a>(batches: impl IntoIterator<Item = &'a [i64]>, counting: Counting) -> u64 {
    let batches = batches.into_iter();
    match counting {
        Counting::All => batches.map(|batch| batch.len() as u64).sum(),
        Counting::Unique => batches.flatten().collect::<BTreeSet<_>>().len() as u64,
    }
}

/// What the chain knows of a participant when it computes weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// w(p).
    pub claimed: u64,
    /// Whether a validator key is on record.
    pub has_validator_key: bool,
    /// Whether the vote accepted the claim ([`super::majority`]).
    pub is_accepted: bool,
    /// Whether the participant submitted a seed for this epoch.
    pub has_seed: bool,
}

/// Why a participant has no weight in the coming epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoWeight {
    /// The claim is empty.
    #[error("the participant claims no nonces, expected at least one")]
    NoClaim,
    /// No validator key.
    #[error("the participant has no validator key")]
    NoValidatorKey,
    /// The vote did not accept the claim.
    #[error("the validators' vote did not accept the claim")]
    NotAccepted,
    /// No seed.
    #[error("the participant submitted no seed")]
    NoSeed,
}

impl Candidate {
    /// The weight before collateral and caps.
    ///
    /// # Errors
    /// [`NoWeight`], the first in the order of its variants.
    pub fn weight(&self) -> Result<u64, NoWeight> {
        if self.claimed == 0 {
            Err(NoWeight::NoClaim)
        } else if !self.has_validator_key {
            Err(NoWeight::NoValidatorKey)
        } else if !self.is_accepted {
            Err(NoWeight::NotAccepted)
        } else if !self.has_seed {
            Err(NoWeight::NoSeed)
        } else {
            Ok(self.claimed)
        }
    }
}

/// How much weight collateral must back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollateralRule {
    /// The share of weight that needs none.
    pub base: Ratio,
    /// Collateral for one unit of weight; 0: any collateral backs all.
    pub per_weight: Ratio,
    /// The last epoch in which none is needed.
    pub grace_end_epoch: u64,
}

impl CollateralRule {
    /// The network's default: a fifth is free, one unit of collateral for each unit above, from epoch 181 on.
    pub const DEFAULT: Self =
        Self { base: Ratio::percent(20), per_weight: Ratio::percent(100), grace_end_epoch: 180 };

    /// ⌊min(w, base · w + collateral / per_weight)⌋ after the grace period, w before, SPEC §III.4.
    ///
    /// Exact; the reference rounds the two terms to 18 decimals before it cuts the sum.
    #[must_use]
    pub fn backed(&self, weight: u64, collateral: u64, epoch: u64) -> u64 {
        if epoch <= self.grace_end_epoch {
            return weight;
        }
        if self.per_weight.num() == 0 {
            return if collateral > 0 { weight } else { self.base.of(weight).min(weight) };
        }
        // base·w + c/u = whole + (rest/base.den + c_rest/u.num): below 2^97, 2^97 and 2^64 on the way.
        let (base, unit) = (self.base, self.per_weight);
        let free = u128::from(weight) * base.num();
        let paid = u128::from(collateral) * unit.den();
        let rests = (free % base.den()) * unit.num() + (paid % unit.num()) * base.den();
        let sum = free / base.den() + paid / unit.num() + rests / (base.den() * unit.num());
        u64::try_from(sum).unwrap_or(u64::MAX).min(weight)
    }
}

/// How the first hosts hold a young network, SPEC §III.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardianRule {
    /// What the guardians get together, as a multiple of all other power.
    pub multiplier: Ratio,
    /// Total power from which on the network is mature and the rule rests.
    pub maturity: u64,
}

impl GuardianRule {
    /// The network's: 0.52 below 2,000,000.
    pub const DEFAULT: Self = Self { multiplier: Ratio::percent(52), maturity: 2_000_000 };

    /// Consensus powers with each guardian's replaced by ⌊multiplier · others / guardians⌋; unchanged when the
    /// network is mature, has fewer than two hosts or no guardian.
    ///
    /// # Shapes
    /// - `hosts`: (power, whether a guardian) by host; the result is in the same order.
    #[must_use]
    pub fn powers(&self, hosts: &[(u64, bool)]) -> Vec<u64> {
        let sum = |guardian: bool| -> u128 {
            hosts.iter().filter(|host| host.1 == guardian).map(|host| u128::from(host.0)).sum()
        };
        let guardians = hosts.iter().filter(|host| host.1).count() as u128;
        let others = sum(false);
        let is_mature = others + sum(true) >= u128::from(self.maturity);
        if is_mature || hosts.len() < 2 || guardians == 0 {
            return hosts.iter().map(|host| host.0).collect();
        }
        // Below maturity `others` is under 2^64, the product under 2^96.
        let each = others * self.multiplier.num() / (self.multiplier.den() * guardians);
        let each = u64::try_from(each).unwrap_or(u64::MAX);
        hosts.iter().map(|(power, is_guardian)| if *is_guardian { each } else { *power }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_nonces_count_at_launch_and_once_later() {
        let batches: [&[i64]; 3] = [&[1, 2, 2], &[2, 3], &[]];
        assert_eq!(claimed_weight(batches, Counting::All), 5);
        assert_eq!(claimed_weight(batches, Counting::Unique), 3);
    }

    #[test]
    fn every_condition_is_needed() {
        let good = Candidate { claimed: 9, has_validator_key: true, is_accepted: true, has_seed: true };
        assert_eq!(good.weight(), Ok(9));
        assert_eq!(Candidate { claimed: 0, ..good }.weight(), Err(NoWeight::NoClaim));
        assert_eq!(Candidate { has_validator_key: false, ..good }.weight(), Err(NoWeight::NoValidatorKey));
        assert_eq!(Candidate { is_accepted: false, ..good }.weight(), Err(NoWeight::NotAccepted));
        assert_eq!(Candidate { has_seed: false, ..good }.weight(), Err(NoWeight::NoSeed));
    }

    #[test]
    fn collateral_backs_four_fifths_after_the_grace_period() {
        let rule = CollateralRule::DEFAULT;
        assert_eq!(rule.backed(1000, 0, 180), 1000);
        let after = [0, 1, 300, 800, 5000].map(|collateral| rule.backed(1000, collateral, 181));
        assert_eq!(after, [200, 201, 500, 1000, 1000]);
        // Fractions of both terms add up before the cut: 0.6 + 0.5.
        let halves = CollateralRule { per_weight: Ratio::percent(200), ..rule };
        assert_eq!(halves.backed(3, 1, 181), 1);
        let free = CollateralRule { per_weight: Ratio::percent(0), ..rule };
        assert_eq!([free.backed(1000, 0, 181), free.backed(1000, 1, 181)], [200, 1000]);
        assert_eq!(rule.backed(u64::MAX, u64::MAX, 181), u64::MAX);
    }

    #[test]
    fn guardians_share_52_percent_of_the_others_until_maturity() {
        let rule = GuardianRule::DEFAULT;
        let young = [(10, true), (600_000, false), (20, true), (400_000, false)];
        assert_eq!(rule.powers(&young), [260_000, 600_000, 260_000, 400_000]);
        let mature = [(10, true), (1_999_990, false)];
        assert_eq!(rule.powers(&mature), [10, 1_999_990]);
        assert_eq!(rule.powers(&[(10, true), (1_999_989, false)])[0], 1_039_994);
        assert_eq!(rule.powers(&[(5, false), (6, false)]), [5, 6]);
        assert_eq!(rule.powers(&[(5, true)]), [5]);
    }
}

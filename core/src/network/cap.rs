//! No host holds more than a share of all power (SPEC §III.6).

use super::ratio::Ratio;
use alloc::vec::Vec;

/// The network's limit: a quarter of all power.
pub const DEFAULT_LIMIT: Ratio = Ratio::percent(25);
/// Most hosts taken: keeps every product within u128.
pub const MAX_HOSTS: usize = 1 << 30;

/// A limit that no powers can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapError {
    /// Equal powers already exceed the limit, and the rule would leave every host without any.
    #[error("{hosts} hosts cannot each hold at most {num}/{den} of all power, expected at least 1/{hosts}")]
    Limit {
        /// Number of hosts.
        hosts: usize,
        /// The limit's numerator.
        num: u128,
        /// Its denominator.
        den: u128,
    },
    /// More hosts than [`MAX_HOSTS`].
    #[error("{got} hosts, expected at most {MAX_HOSTS}")]
    Hosts {
        /// Number of hosts.
        got: usize,
    },
}

/// Powers after the cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capped {
    /// Power by host, in the order given.
    pub powers: Vec<u64>,
    /// The cap, where one was needed.
    pub cap: Option<u64>,
}

/// The limit that holds for a number of hosts: below four it is at least 100, 50 and 40 percent.
#[must_use]
pub fn limit_for(hosts: usize, limit: Ratio) -> Ratio {
    match hosts {
        0 | 1 => limit.max(Ratio::percent(100)),
        2 => limit.max(Ratio::percent(50)),
        3 => limit.max(Ratio::percent(40)),
        _ => limit,
    }
}

/// Caps powers at `limit` of their capped sum, SPEC §III.6.
///
/// In integers. The reference computes in f64, and its cap differs by one where the exact one is whole or the
/// powers exceed 2^53; with the network's quarter it is the same.
///
/// # Shapes
/// - `powers`: `[hosts]`.
///
/// # Errors
/// [`CapError::Limit`] when `limit` is below one part in the number of hosts, [`CapError::Hosts`].
pub fn cap_powers(powers: &[u64], limit: Ratio) -> Result<Capped, CapError> {
    let n = powers.len();
    if n > MAX_HOSTS {
        return Err(CapError::Hosts { got: n });
    }
    let limit = limit_for(n, limit);
    let (num, den) = (limit.num(), limit.den());
    if n > 0 && num * (n as u128) < den {
        return Err(CapError::Limit { hosts: n, num, den });
    }
    let mut sorted = powers.to_vec();
    sorted.sort_unstable();
    let mut before = 0_u128;
    let mut cap = None;
    for (k, power) in sorted.iter().enumerate() {
        let (power, left) = (u128::from(*power), (n - k) as u128);
        // Above the limit if it and all larger ones were as large as it is.
        if power * den > num * (before + power * left) {
            // Then power·(den - num·left) > num·before >= 0, so the divisor is above 0, and the cap below power.
            cap = Some(u64::try_from(num * before / (den - num * left)).expect("below a u64 power"));
            break;
        }
        before += power;
    }
    let capped = |power: &u64| cap.map_or(*power, |cap| cap.min(*power));
    Ok(Capped { powers: powers.iter().map(capped).collect(), cap })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(powers: &[u64], percent: u32) -> (Vec<u64>, Option<u64>) {
        let capped = cap_powers(powers, Ratio::percent(percent)).unwrap();
        (capped.powers, capped.cap)
    }

    #[test]
    fn powers_are_cut_to_the_share() {
        assert_eq!(caps(&[1000, 2000, 4000, 8000], 30), (alloc::vec![1000, 2000, 2250, 2250], Some(2250)));
        // The order given is kept.
        assert_eq!(caps(&[8000, 1000, 4000, 2000], 30).0, [2250, 1000, 2250, 2000]);
        assert_eq!(caps(&[2500; 4], 25), (alloc::vec![2500; 4], None));
        // A quarter of four hosts: all as small as the smallest.
        assert_eq!(caps(&[10, 20, 30, 1000], 25).0, [10, 10, 10, 10]);
        assert_eq!(caps(&[1, 1, 1, 1, 1_000_000], 25), (alloc::vec![1; 5], Some(1)));
    }

    #[test]
    fn few_hosts_have_higher_limits() {
        assert_eq!(caps(&[7], 25), (alloc::vec![7], None));
        assert_eq!(caps(&[1000, 9000], 25).0, [1000, 1000]);
        // 40 percent of three: S = 3000, cap = ⌊0.4 · 3000 / 0.6⌋.
        assert_eq!(caps(&[1000, 2000, 7000], 30), (alloc::vec![1000, 2000, 2000], Some(2000)));
        assert_eq!(caps(&[], 25), (alloc::vec![], None));
    }

    #[test]
    fn impossible_limits_are_refused() {
        assert_eq!(
            cap_powers(&[1; 5], Ratio::percent(10)),
            Err(CapError::Limit { hosts: 5, num: 10, den: 100 })
        );
        assert_eq!(caps(&[3; 5], 20), (alloc::vec![3; 5], None));
        assert!(cap_powers(&[u64::MAX; 7], Ratio::percent(25)).unwrap().cap.is_none());
        assert!(
            cap_powers(&[u64::MAX, 1, 1, 1], Ratio::new(u32::MAX, u32::MAX).unwrap()).unwrap().cap.is_none()
        );
    }
}

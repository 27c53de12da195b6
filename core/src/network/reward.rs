//! What hosts earn over a cycle, to the last unit (SPEC §III.10).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Every so many blocks tasks are looked through for those that hang.
pub const EXPIRY_EVERY: u64 = 100;
/// A task older than so many blocks hangs.
pub const EXPIRY_AGE: u64 = 20;

/// An entry that a cycle's books cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewardError {
    /// No weight to share by.
    #[error("no host has weight, expected at least one to share {amount} units")]
    NoWeight {
        /// The amount to share.
        amount: u64,
    },
    /// The task is known already.
    #[error("task {task} is posted already")]
    TaskExists {
        /// The task.
        task: u64,
    },
    /// The task is not open.
    #[error("task {task} is not open: never posted, finished or refunded")]
    NoTask {
        /// The task.
        task: u64,
    },
    /// The executor checks itself, or a checker is named twice.
    #[error("task {task} names a host twice, expected the executor and each checker once")]
    HostTwice {
        /// The task.
        task: u64,
    },
    /// More units than the books hold.
    #[error("the cycle's deposits pass 2^64 - 1 units")]
    Overflow,
}

/// How much an epoch mints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emission {
    /// Units of epoch 0.
    pub initial: u64,
    /// Exponential decay an epoch, in millionths.
    pub decay_millionths: u32,
}

impl Emission {
    /// The network's: 285,000 coins, falling by e^-0.000475 an epoch.
    pub const NETWORK: Self = Self { initial: 285_000, decay_millionths: 475 };

    /// ⌊initial · e^(-decay · epoch)⌋, in integers, SPEC §III.10. The reference computes the power in f64.
    #[must_use]
    pub fn of_epoch(&self, epoch: u64) -> u64 {
        /// ln 2 · 2^100.
        const LN_2: u128 = 0x000b_1721_7f7d_1cf7_9abc_9e3b_3980;
        const MILLION: u128 = 1_000_000;
        let exponent = u128::from(epoch) * u128::from(self.decay_millionths);
        // e^-45 · 2^64 is below 1.
        if exponent >= 45 * MILLION {
            return 0;
        }
        let x = (exponent << 100) / MILLION;
        let halvings = x / LN_2;
        // e^-rest, rest below ln 2, by its series in units of 2^-63.
        let rest = (x % LN_2) >> 37;
        let (mut sum, mut term) = (1_u128 << 63, 1_u128 << 63);
        for n in 1_u128.. {
            term = ((term * rest) >> 63) / n;
            if term == 0 {
                break;
            }
            sum = if n % 2 == 1 { sum - term } else { sum + term };
        }
        let reward = (u128::from(self.initial) * sum) >> (63 + halvings);
        u64::try_from(reward).expect("not above the initial reward")
    }
}

/// Shares `amount` by weight: ⌊amount · w / W⌋ each, and one unit more to the largest remainders, the first ones
/// among equals. The parts add up to `amount`.
///
/// The reference gives all that the division leaves to the first host with a reward.
///
/// # Shapes
/// - `weights`: `[hosts]`, in an order that does not depend on when hosts were heard of.
///
/// # Errors
/// [`RewardError::NoWeight`] when the weights are all 0.
pub fn share_by_weight(amount: u64, weights: &[u64]) -> Result<Vec<u64>, RewardError> {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if total == 0 {
        return Err(RewardError::NoWeight { amount });
    }
    let products = weights.iter().map(|weight| u128::from(amount) * u128::from(*weight));
    let (mut shares, mut remainders) = (Vec::new(), Vec::new());
    for (ix, product) in products.enumerate() {
        shares.push(u64::try_from(product / total).expect("at most the amount"));
        remainders.push((Reverse(product % total), ix));
    }
    remainders.sort_unstable();
    let left = amount - shares.iter().sum::<u64>();
    // Fewer units are left than there are remainders above 0.
    for (_, ix) in remainders.iter().take(usize::try_from(left).expect("less than the hosts")) {
        shares[*ix] += 1;
    }
    Ok(shares)
}

/// What a host owed in a cycle and what it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its share of work.
    pub work_due: u64,
    /// Work done.
    pub work_done: u64,
    /// Its share of checks.
    pub checks_due: u64,
    /// Checks done.
    pub checks_done: u64,
}

impl Record {
    /// What of `accrued` is paid: the smaller of ⌊accrued · done / due⌋ over work and checks, all where none is
    /// due. More of the one does not make up for the other.
    #[must_use]
    pub fn payable(&self, accrued: u64) -> u64 {
        let part = |done: u64, due: u64| {
            if done >= due {
                return accrued;
            }
            let part = u128::from(accrued) * u128::from(done) / u128::from(due);
            u64::try_from(part).expect("below accrued")
        };
        part(self.work_done, self.work_due).min(part(self.checks_done, self.checks_due))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Task {
    fee: u64,
    posted: u64,
}

/// The books of one cycle: what users and the network paid in, and what each host has earned so far.
///
/// At any time deposits = open fees + refunds + what hosts have accrued; a settlement turns the last into what is
/// paid, forfeited and withheld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle<Id> {
    deposits: u64,
    refunded: u64,
    tasks: BTreeMap<u64, Task>,
    accrued: BTreeMap<Id, u64>,
    fraudulent: BTreeSet<Id>,
}

impl<Id: Ord + Clone> Default for Cycle<Id> {
    fn default() -> Self {
        Self {
            deposits: 0,
            refunded: 0,
            tasks: BTreeMap::new(),
            accrued: BTreeMap::new(),
            fraudulent: BTreeSet::new(),
        }
    }
}

/// Where a cycle's units went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement<Id> {
    /// Paid, by host.
    pub paid: BTreeMap<Id, u64>,
    /// Taken from hosts with proven fraud.
    pub forfeited: u64,
    /// Kept back for shortfalls of work or checks.
    pub withheld: u64,
    /// Returned to users, or to be returned.
    pub refunded: u64,
    /// Fees of tasks still open; they move to the next cycle.
    pub open: u64,
}

impl<Id> Settlement<Id> {
    /// All of it: equals the cycle's deposits.
    #[must_use]
    pub fn total(&self) -> u128 {
        let paid: u128 = self.paid.values().map(|amount| u128::from(*amount)).sum();
        paid + [self.forfeited, self.withheld, self.refunded, self.open].map(u128::from).iter().sum::<u128>()
    }
}

impl<Id: Ord + Clone> Cycle<Id> {
    /// Units paid in so far.
    #[must_use]
    pub fn deposits(&self) -> u64 {
        self.deposits
    }

    /// What `host` has accrued, fraud or not.
    #[must_use]
    pub fn accrued(&self, host: &Id) -> u64 {
        self.accrued.get(host).copied().unwrap_or(0)
    }

    fn deposit(&mut self, amount: u64) -> Result<(), RewardError> {
        self.deposits = self.deposits.checked_add(amount).ok_or(RewardError::Overflow)?;
        Ok(())
    }

    /// No overflow: accruals are parts of deposits.
    fn accrue(&mut self, host: Id, amount: u64) {
        *self.accrued.entry(host).or_default() += amount;
    }

    /// Shares newly minted units by voting weight.
    ///
    /// # Errors
    /// [`RewardError::NoWeight`], [`RewardError::Overflow`]; the books are then unchanged.
    pub fn emit(&mut self, amount: u64, weights: &BTreeMap<Id, u64>) -> Result<(), RewardError> {
        let shares = share_by_weight(amount, &weights.values().copied().collect::<Vec<_>>())?;
        self.deposit(amount)?;
        for (host, share) in weights.keys().zip(shares) {
            self.accrue(host.clone(), share);
        }
        Ok(())
    }

    /// Takes a task with the fee its user paid.
    ///
    /// # Errors
    /// [`RewardError::TaskExists`], [`RewardError::Overflow`]; the books are then unchanged.
    pub fn post(&mut self, task: u64, fee: u64, height: u64) -> Result<(), RewardError> {
        if self.tasks.contains_key(&task) {
            return Err(RewardError::TaskExists { task });
        }
        self.deposit(fee)?;
        self.tasks.insert(task, Task { fee, posted: height });
        Ok(())
    }

    /// Shares a finished task's fee equally between executor and checkers; what does not divide is the executor's.
    ///
    /// # Errors
    /// [`RewardError::NoTask`], [`RewardError::HostTwice`]; the books are then unchanged.
    pub fn finish(&mut self, task: u64, executor: &Id, checkers: &[Id]) -> Result<(), RewardError> {
        let Some(Task { fee, .. }) = self.tasks.get(&task) else {
            return Err(RewardError::NoTask { task });
        };
        let hosts: BTreeSet<&Id> = checkers.iter().chain([executor]).collect();
        if hosts.len() != checkers.len() + 1 {
            return Err(RewardError::HostTwice { task });
        }
        let hosts = hosts.len() as u64;
        let (each, left) = (fee / hosts, fee % hosts);
        self.tasks.remove(&task);
        checkers.iter().for_each(|checker| self.accrue(checker.clone(), each));
        self.accrue(executor.clone(), each + left);
        Ok(())
    }

    /// Returns a task's fee to its user: its result was false.
    ///
    /// # Errors
    /// [`RewardError::NoTask`].
    pub fn refund(&mut self, task: u64) -> Result<u64, RewardError> {
        let Task { fee, .. } = self.tasks.remove(&task).ok_or(RewardError::NoTask { task })?;
        self.refunded += fee;
        Ok(fee)
    }

    /// At every [`EXPIRY_EVERY`]th height: refunds the tasks older than [`EXPIRY_AGE`] blocks, and returns them
    /// with their fees.
    pub fn expire(&mut self, height: u64) -> Vec<(u64, u64)> {
        if !height.is_multiple_of(EXPIRY_EVERY) {
            return Vec::new();
        }
        let hangs = |task: &Task| height.saturating_sub(task.posted) > EXPIRY_AGE;
        let hanging: Vec<u64> =
            self.tasks.iter().filter(|(_, task)| hangs(task)).map(|(id, _)| *id).collect();
        hanging.into_iter().map(|task| (task, self.refund(task).expect("listed above"))).collect()
    }

    /// Marks proven fraud: all that `host` accrues in this cycle, before and after, is forfeited.
    pub fn forfeit(&mut self, host: Id) {
        self.fraudulent.insert(host);
    }

    /// Ends the cycle: pays each honest host what its record allows, and starts the next with the open tasks.
    ///
    /// # Shapes
    /// - `records`: by host; a host without one owed nothing.
    pub fn settle(&mut self, records: &BTreeMap<Id, Record>) -> Settlement<Id> {
        let open = self.tasks.values().map(|task| task.fee).sum();
        let tasks = core::mem::take(&mut self.tasks);
        let ended = core::mem::replace(self, Self { tasks, deposits: open, ..Self::default() });
        let (mut paid, mut forfeited, mut withheld) = (BTreeMap::new(), 0, 0);
        for (host, accrued) in ended.accrued {
            if ended.fraudulent.contains(&host) {
                forfeited += accrued;
                continue;
            }
            let amount = records.get(&host).copied().unwrap_or_default().payable(accrued);
            withheld += accrued - amount;
            paid.insert(host, amount);
        }
        Settlement { paid, forfeited, withheld, refunded: ended.refunded, open }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emission_falls_by_its_exponential() {
        let reward = |epoch| Emission::NETWORK.of_epoch(epoch);
        assert_eq!([0, 1, 2].map(reward), [285_000, 284_864, 284_729]);
        for epoch in (0..90_000_u32).step_by(7) {
            let exact = 285_000.0 * libm::exp(-475e-6 * f64::from(epoch));
            let got = f64::from(u32::try_from(reward(u64::from(epoch))).unwrap());
            assert!(got <= exact + 1e-6 && exact - 1.0 < got + 1e-6, "epoch {epoch}: {got} for {exact}");
        }
        let large = Emission { initial: u64::MAX, decay_millionths: 475 };
        assert_eq!(large.of_epoch(0), u64::MAX);
        assert!((0..95_000).all(|epoch| large.of_epoch(epoch) >= large.of_epoch(epoch + 1)));
        assert_eq!([large.of_epoch(95_000), large.of_epoch(u64::MAX)], [0, 0]);
    }

    #[test]
    fn shares_follow_weight_and_lose_nothing() {
        assert_eq!(share_by_weight(100, &[1, 1, 1]).unwrap(), [34, 33, 33]);
        assert_eq!(share_by_weight(10, &[5, 0, 3, 3]).unwrap(), [4, 0, 3, 3]);
        assert_eq!(share_by_weight(u64::MAX, &[u64::MAX, 1]).unwrap(), [u64::MAX - 1, 1]);
        assert_eq!(share_by_weight(7, &[0, 0]), Err(RewardError::NoWeight { amount: 7 }));
        assert_eq!(share_by_weight(7, &[]), Err(RewardError::NoWeight { amount: 7 }));
    }

    #[test]
    fn a_cycle_pays_forfeits_withholds_and_refunds() {
        let mut cycle = Cycle::default();
        cycle.emit(100, &BTreeMap::from([("a", 5), ("b", 3), ("c", 2)])).unwrap();
        cycle.post(1, 11, 5).unwrap();
        cycle.finish(1, &"a", &["b", "c"]).unwrap();
        assert_eq!(["a", "b", "c"].map(|host| cycle.accrued(&host)), [55, 33, 23]);
        cycle.post(2, 40, 70).unwrap();
        cycle.post(3, 50, 80).unwrap();
        assert_eq!(cycle.expire(101), []);
        // 30 blocks old: hangs; 20 blocks old: not yet.
        assert_eq!(cycle.expire(100), [(2, 40)]);
        cycle.forfeit("c");
        let short = Record { work_due: 10, work_done: 20, checks_due: 3, checks_done: 2 };
        let settled = cycle.settle(&BTreeMap::from([("b", short)]));
        assert_eq!(settled.paid, BTreeMap::from([("a", 55), ("b", 22)]));
        let parts = (settled.forfeited, settled.withheld, settled.refunded, settled.open);
        assert_eq!(parts, (23, 11, 40, 50));
        assert_eq!(settled.total(), 201);
        // The open task moves on.
        assert_eq!(cycle.deposits(), 50);
        cycle.finish(3, &"a", &[]).unwrap();
        assert_eq!(cycle.settle(&BTreeMap::new()).paid, BTreeMap::from([("a", 50)]));
    }

    #[test]
    fn entries_that_do_not_fit_change_nothing() {
        let mut cycle = Cycle::default();
        cycle.post(1, u64::MAX, 0).unwrap();
        let before = cycle.clone();
        assert_eq!(cycle.post(1, 0, 0), Err(RewardError::TaskExists { task: 1 }));
        assert_eq!(cycle.post(2, 1, 0), Err(RewardError::Overflow));
        assert_eq!(cycle.emit(1, &BTreeMap::from([("a", 1)])), Err(RewardError::Overflow));
        assert_eq!(cycle.emit(0, &BTreeMap::new()), Err(RewardError::NoWeight { amount: 0 }));
        assert_eq!(cycle.finish(2, &"a", &[]), Err(RewardError::NoTask { task: 2 }));
        assert_eq!(cycle.finish(1, &"a", &["a"]), Err(RewardError::HostTwice { task: 1 }));
        assert_eq!(cycle.finish(1, &"a", &["b", "b"]), Err(RewardError::HostTwice { task: 1 }));
        assert_eq!(cycle.refund(2), Err(RewardError::NoTask { task: 2 }));
        assert_eq!(cycle, before);
    }
}

//! Weights that come from elsewhere, where the chain that trains also mines.

use super::Ledger;
use sphere_pow_core::network::committee::Electorate;

impl Ledger {
    /// Sets the hosts' weights: those of the next attempt and all after it, until they are set again. Weights that pass a u64
    /// together change nothing.
    ///
    /// # Shapes
    /// - `weights`: `[hosts]`, by number.
    pub fn weigh(&mut self, weights: &[u64]) {
        let own = self.accounts.iter().map(|account| account.weight);
        if own.eq(weights.iter().copied()) || Electorate::new(weights).is_none() {
            return;
        }
        for (account, weight) in self.accounts.iter_mut().zip(weights) {
            account.weight = *weight;
        }
    }

    /// A block before the run begins: it has a height, and nothing follows from it.
    pub fn pass(&mut self) {
        self.height += 1;
    }
}

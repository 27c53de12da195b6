//! Go's `math/rand` of version 1, bit for bit, for comparison with the network's samples (SPEC §III.7).
//!
//! Vectors: `tests/vectors/network.json`, printed by Go itself.

mod cooked;

use alloc::boxed::Box;
use alloc::vec::Vec;

const LEN: usize = 607;
const TAP: usize = 273;
const MODULUS: i64 = i32::MAX as i64;

/// x[n + 1] = 48271 x[n] mod 2^31 - 1, which fills the state.
fn lehmer(mut x: u64) -> impl FnMut() -> u64 {
    move || {
        x = x * 48_271 % MODULUS.unsigned_abs();
        x
    }
}

/// `rand.New(rand.NewSource(seed))`: an additive lagged Fibonacci generator, `x[t] = x[t - 607] + x[t - 273]`.
#[derive(Clone, Debug)]
pub struct GoRand {
    tap: usize,
    feed: usize,
    state: Box<[u64; LEN]>,
}

impl GoRand {
    /// Seeds the generator. Only `seed` mod 2^31 - 1 matters: there are 2^31 - 2 different sequences.
    #[must_use]
    pub fn new(seed: i64) -> Self {
        let reduced = match seed.rem_euclid(MODULUS) {
            0 => 89_482_311,
            other => other.unsigned_abs(),
        };
        let mut next = lehmer(reduced);
        (0..20).for_each(|_| {
            next();
        });
        let state = cooked::COOKED.map(|mixed| next() << 40 ^ next() << 20 ^ next() ^ mixed);
        Self { tap: 0, feed: LEN - TAP, state: Box::new(state) }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.tap = self.tap.checked_sub(1).unwrap_or(LEN - 1);
        self.feed = self.feed.checked_sub(1).unwrap_or(LEN - 1);
        let sum = self.state[self.feed].wrapping_add(self.state[self.tap]);
        self.state[self.feed] = sum;
        sum
    }

    /// `Int63`: the next 64 bits without the highest.
    pub fn int63(&mut self) -> u64 {
        self.next_u64() & (u64::MAX >> 1)
    }

    /// `Intn(n)`: uniform below n. Bounds below 2^31 take the upper 31 of 63 bits, larger ones all 63; a bound
    /// that is a power of two masks, any other draws again above the last whole multiple.
    ///
    /// # Panics
    /// When `n` is 0 or above 2^63 - 1, as Go does.
    pub fn intn(&mut self, n: u64) -> u64 {
        assert!(n > 0 && i64::try_from(n).is_ok(), "the bound is {n}, expected 1 to 2^63 - 1");
        let bits = if n <= MODULUS.unsigned_abs() { 31 } else { 63 };
        let mut draw = || self.int63() >> (63 - bits);
        if n.is_power_of_two() {
            return draw() & (n - 1);
        }
        let max = (1 << bits) - 1 - (1 << bits) % n;
        loop {
            let value = draw();
            if value <= max {
                return value % n;
            }
        }
    }

    /// `Perm(n)`: the numbers below n, shuffled. Draws once for place 0 too.
    pub fn perm(&mut self, n: u32) -> Vec<u32> {
        let mut places = Vec::with_capacity(n as usize);
        for ix in 0..n {
            let other = usize::try_from(self.intn(u64::from(ix) + 1)).expect("at most ix");
            // The new number goes to the drawn place, and what was there to the end.
            places.push(ix);
            let last = places.len() - 1;
            places.swap(other, last);
        }
        places
    }
}

//! What chance makes of a lane on average, in closed form: what a simulation is held against.

/// How many segments of a lane are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segments {
    all: u32,
    /// The two numbers that it can be, with their chances.
    sizes: [(u32, f64); 2],
}

impl Segments {
    /// Of `all` segments, `thousandths` / 1000 on average; at least one where that is forced.
    #[must_use]
    pub fn new(all: u32, thousandths: u32, is_forced: bool) -> Self {
        let up = f64::from(thousandths % 1000) / 1000.0;
        let size = |n: u32| n.max(u32::from(is_forced)).min(all);
        let low = thousandths / 1000;
        Self { all, sizes: [(size(low), 1.0 - up), (size(low + 1), up)] }
    }

    /// The mean of a function of the number.
    fn mean(&self, of: impl Fn(u32) -> f64) -> f64 {
        self.sizes.iter().map(|(n, chance)| chance * of(*n)).sum()
    }

    /// The chance that one of `wrong` false segments is drawn.
    #[must_use]
    pub fn catch(&self, wrong: u32) -> f64 {
        let missed = |n: u32| -> f64 {
            let place = |i: u32| f64::from((self.all - wrong).saturating_sub(i)) / f64::from(self.all - i);
            (0..n).map(place).product()
        };
        1.0 - self.mean(missed)
    }
}

/// Chance to escape `rounds` rounds with a share f of false segments where `n` of each lane are drawn: a lane of which less than one is
/// drawn on average is looked at with that chance, (1 - n f)^rounds; otherwise (1 - f)^(n rounds).
#[must_use]
pub fn escape(share: f64, n: f64, rounds: f64) -> f64 {
    if n < 1.0 { libm::pow(1.0 - n * share, rounds) } else { libm::pow(1.0 - share, n * rounds) }
}

/// Mean and variance of what a lane adds to sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// The chance that it is found to be false.
    pub(super) caught: f64,
    /// Segments that checkers repeat.
    pub(super) repeated: f64,
    /// Their variance.
    pub(super) repeated_variance: f64,
}

impl Expected {
    /// Of a lane with `wrong` false segments and `seats` checkers, drawn from hosts of which the share `hiding` does not
    /// accuse and the share `mute` does nothing.
    pub(super) fn new(segments: &Segments, wrong: u32, seats: u32, [hiding, mute]: [f64; 2]) -> Self {
        let k = f64::from(seats);
        let speaks = 1.0 - mute;
        let (n, square) = (segments.mean(f64::from), segments.mean(|n| f64::from(n) * f64::from(n)));
        let mean = n * k * speaks;
        let seats_square = k * speaks * mute + k * k * speaks * speaks;
        Self {
            caught: segments.catch(wrong) * (1.0 - libm::pow(hiding, k)),
            repeated: mean,
            repeated_variance: square * seats_square - mean * mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catches_are_those_of_urns() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        // One of 16 is false: 2 draws miss it with 15/16 · 14/15.
        close(Segments::new(16, 2000, false).catch(1), 2.0 / 16.0);
        close(Segments::new(16, 160, false).catch(1), 0.16 / 16.0);
        close(Segments::new(16, 160, true).catch(1), 1.0 / 16.0);
        close(Segments::new(4, 3000, false).catch(2), 1.0);
        close(Segments::new(16, 16_000, false).catch(0), 0.0);
        close(escape(0.5, 2.0, 3.0), 1.0 / 64.0);
        close(escape(1.0, 0.16, 2.0), 0.84 * 0.84);
        // Below 1 it is what urns say.
        close(escape(1.0 / 16.0, 0.16, 1.0), 1.0 - Segments::new(16, 160, false).catch(1));
    }
}

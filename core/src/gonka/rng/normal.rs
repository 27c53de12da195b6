//! numpy's double-precision ziggurat for the standard normal.

use super::uniform;
use super::ziggurat_tables::{FI_BITS, INV_R_BITS, KI, R_BITS, WI_BITS};

/// The three tables in the form the hot loop wants.
///
/// Making one is free: everything is `const`. Fast executors share the tables and the slow path with
/// [`Self::draw`], so that the two cannot part.
#[derive(Clone, Copy, Debug)]
pub struct Ziggurat {
    _private: (),
}

/// What one 64-bit draw says: done, or go on with more draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ZigguratStep {
    /// The normal; 98.5 % of draws end here.
    Accepted(f64),
    /// The draw fell on the edge of a level: [`Ziggurat::finish`] decides.
    Edge {
        /// Level, 0 to 255; 0 is the tail.
        level: u8,
        /// The 52-bit magnitude.
        magnitude: u64,
        /// The candidate, sign included.
        candidate: f64,
    },
}

static WI: [f64; 256] = from_bits(&WI_BITS);
static FI: [f64; 256] = from_bits(&FI_BITS);

const fn from_bits(bits: &[u64; 256]) -> [f64; 256] {
    let mut out = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        out[i] = f64::from_bits(bits[i]);
        i += 1;
    }
    out
}

impl Ziggurat {
    /// The one ziggurat there is.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }

    /// Reads one draw: bits 0-7 level, bit 8 sign, bits 9-60 magnitude.
    #[inline]
    #[must_use]
    pub fn step(self, draw: u64) -> ZigguratStep {
        #[expect(clippy::cast_possible_truncation, reason = "the low byte is the level")]
        let level = draw as u8;
        let magnitude = draw >> 9 & 0x000f_ffff_ffff_ffff;
        #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
        let size = magnitude as f64 * WI[usize::from(level)];
        // The sign bit moved to where f64 keeps it.
        let candidate = f64::from_bits(size.to_bits() | (draw >> 8 & 1) << 63);
        if magnitude < KI[usize::from(level)] {
            ZigguratStep::Accepted(candidate)
        } else {
            ZigguratStep::Edge { level, magnitude, candidate }
        }
    }

    /// Settles an edge draw with fresh draws: `None` means rejected, start over with [`Self::step`].
    pub fn finish(
        self,
        level: u8,
        magnitude: u64,
        candidate: f64,
        mut next: impl FnMut() -> u64,
    ) -> Option<f64> {
        if level == 0 {
            let r = f64::from_bits(R_BITS);
            let inv_r = f64::from_bits(INV_R_BITS);
            loop {
                let x = -inv_r * libm::log1p(-uniform(next()));
                let y = -libm::log1p(-uniform(next()));
                if y + y > x * x {
                    return Some(if magnitude >> 8 & 1 == 1 { -(r + x) } else { r + x });
                }
            }
        }
        let level = usize::from(level);
        let height = (FI[level - 1] - FI[level]) * uniform(next()) + FI[level];
        (height < libm::exp(-0.5 * candidate * candidate)).then_some(candidate)
    }

    /// One standard normal from a stream of 64-bit draws.
    #[inline]
    pub fn draw(self, mut next: impl FnMut() -> u64) -> f64 {
        loop {
            match self.step(next()) {
                ZigguratStep::Accepted(z) => return z,
                ZigguratStep::Edge { level, magnitude, candidate } => {
                    if let Some(z) = self.finish(level, magnitude, candidate, &mut next) {
                        return z;
                    }
                }
            }
        }
    }
}

impl Default for Ziggurat {
    fn default() -> Self {
        Self::new()
    }
}

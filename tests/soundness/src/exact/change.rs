//! Cheaper matrices in place of the true ones.

use sphere_pow_core::exact::tables::NORMAL;

/// How a weight matrix is approximated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// `2^bits` levels, chosen to lose the least (Lloyd's algorithm on the normal table). Counted as `bits / 8`
    /// of the work, as if hardware of every width existed.
    Bits(u32),
    /// The best approximation of this rank, rounded to integers. Counted as two thin products.
    Rank(usize),
}

impl Change {
    /// Multiplications of a row, where the full matrix takes `outputs * inputs`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    pub fn products(self, outputs: f64, inputs: f64) -> f64 {
        match self {
            Self::Bits(bits) => outputs * inputs * f64::from(bits) / 8.0,
            Self::Rank(rank) => (outputs + inputs) * rank as f64,
        }
    }

    /// The matrix in place of `weight`, `[outputs, inputs]`.
    #[must_use]
    pub fn apply(self, weight: &[i8], inputs: usize) -> Vec<i8> {
        match self {
            Self::Bits(bits) => {
                let levels = coarse_levels(1 << bits);
                weight.iter().map(|w| nearest(&levels, f64::from(*w))).map(to_int8).collect()
            }
            Self::Rank(rank) => low_rank(weight, inputs, rank),
        }
    }
}

fn to_int8(x: f64) -> i8 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let x = libm::rint(x).clamp(-127.0, 127.0) as i8;
    x
}

fn nearest(levels: &[f64], x: f64) -> f64 {
    let closer = |a: &&f64, b: &&f64| (*a - x).abs().total_cmp(&(*b - x).abs());
    levels.iter().min_by(closer).copied().unwrap_or(0.0)
}

/// The levels that fit the normal table best.
fn coarse_levels(n: usize) -> Vec<f64> {
    let mut levels: Vec<f64> = (0..n).map(|i| f64::from(NORMAL[(2 * i + 1) * 128 / n])).collect();
    for _ in 0..50 {
        let (mut sums, mut counts) = (vec![0.0; n], vec![0_u32; n]);
        for x in NORMAL.map(f64::from) {
            let at = nearest(&levels, x);
            if let Some(ix) = levels.iter().position(|level| *level == at) {
                sums[ix] += x;
                counts[ix] += 1;
            }
        }
        for ((level, sum), count) in levels.iter_mut().zip(sums).zip(counts) {
            if count > 0 {
                *level = sum / f64::from(count);
            }
        }
    }
    levels
}

/// `W V Vᵀ` with V an orthonormal basis of the leading right singular space, by subspace iteration.
fn low_rank(weight: &[i8], inputs: usize, rank: usize) -> Vec<i8> {
    let rows: Vec<Vec<f64>> =
        weight.chunks_exact(inputs).map(|row| row.iter().map(|w| f64::from(*w)).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    // Any start will do; the table's own values have no order.
    let start = |i: usize, j: usize| f64::from(NORMAL[(i * 167 + j * 59 + i * j * 31) % 256]);
    let mut basis: Vec<Vec<f64>> = (0..rank).map(|i| (0..inputs).map(|j| start(i, j)).collect()).collect();
    for _ in 0..12 {
        for v in &mut basis {
            let mut image = vec![0.0; inputs];
            for row in &rows {
                let along = dot(row, v);
                image.iter_mut().zip(row).for_each(|(x, w)| *x += along * w);
            }
            *v = image;
        }
        for i in 0..rank {
            let (done, rest) = basis.split_at_mut(i);
            let v = &mut rest[0];
            // Twice, because once leaves a trace of what was taken away.
            for _ in 0..2 {
                for u in done.iter() {
                    let along = dot(u, v);
                    v.iter_mut().zip(u).for_each(|(x, u)| *x -= along * u);
                }
            }
            let norm = libm::sqrt(dot(v, v)).max(1e-9);
            v.iter_mut().for_each(|x| *x /= norm);
        }
    }
    let project = |row: &Vec<f64>| {
        let mut out = vec![0.0; inputs];
        for v in &basis {
            let along = dot(row, v);
            out.iter_mut().zip(v).for_each(|(x, v)| *x += along * v);
        }
        out.into_iter().map(to_int8)
    };
    rows.iter().flat_map(project).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(a: &[i8], b: &[i8]) -> f64 {
        let square = |x: i32| f64::from(x * x);
        let lost: f64 = a.iter().zip(b).map(|(a, b)| square(i32::from(*a) - i32::from(*b))).sum();
        lost / a.iter().map(|a| square(i32::from(*a))).sum::<f64>()
    }

    #[test]
    fn approximations_lose_as_little_as_they_can() {
        let weight: Vec<i8> =
            (0..4096_usize).map(|i| NORMAL[(i * i * 31 + i * 7 + i / 64 * 13) % 256]).collect();
        // Lloyd and Max: 2 bits lose 11.7 % of a normal variable's power, 4 bits 0.95 %.
        let (two, four) = (Change::Bits(2).apply(&weight, 64), Change::Bits(4).apply(&weight, 64));
        assert!((0.08..0.14).contains(&loss(&weight, &two)), "{}", loss(&weight, &two));
        assert!((0.004..0.015).contains(&loss(&weight, &four)), "{}", loss(&weight, &four));
        let full = Change::Rank(64).apply(&weight, 64);
        assert!(loss(&weight, &full) < 1e-9);
        let (half, most) = (Change::Rank(32).apply(&weight, 64), Change::Rank(48).apply(&weight, 64));
        assert!(loss(&weight, &most) < loss(&weight, &half) && loss(&weight, &half) < 0.3);
    }
}

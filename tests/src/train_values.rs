//! Values for the tests of training's kernels.

/// A sequence of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next, `-limit..=limit`.
    pub fn within(&mut self, limit: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = (self.0 >> 20).cast_signed() % (2 * i64::from(limit) + 1) - i64::from(limit);
        i32::try_from(value).expect("within the limit")
    }
}

/// `[rows, width]`: zeros, a bound, a spike, both bounds, small values, and random ones of sizes down to 1.
#[must_use]
pub fn rows_of(seed: u64, rows: usize, width: usize, limit: i32) -> Vec<i32> {
    let mut random = Random(seed);
    let mut out = Vec::with_capacity(rows * width);
    for row in 0..rows {
        let sign = if row % 2 == 0 { limit } else { -limit };
        let size = limit >> (5 * (row / 6) % 31);
        for column in 0..width {
            let any = random.within(size);
            out.push(match row % 6 {
                0 => any,
                1 => 0,
                2 => sign,
                3 if column == row % width => sign,
                3 => 0,
                4 if any > 0 => limit,
                4 => -limit,
                _ => random.within(1.min(limit)),
            });
        }
    }
    out
}

/// Mantissas of 14 bits as kernels have them: of four values their upper parts, then their lower 7 bits.
#[must_use]
pub fn packed(values: &[i16]) -> Vec<i8> {
    let (fours, rest) = values.as_chunks::<4>();
    assert!(rest.is_empty(), "rows are in words of four");
    let byte = |x: i16| i8::try_from(x).expect("8 bits");
    fours.iter().flat_map(|x| [x.map(|x| byte(x >> 7)), x.map(|x| byte(x & 127))]).flatten().collect()
}

/// [`packed`] back.
#[must_use]
pub fn unpacked(bytes: &[i32]) -> Vec<i32> {
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().flat_map(|x| (0..4).map(|ix| 128 * x[ix] + x[4 + ix])).collect()
}

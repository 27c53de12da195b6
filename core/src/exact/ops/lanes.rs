//! The int8 copy of a normed row that the matrices read: a round key added, turned by its position.

use super::requantise::{clamp_int8, rounding_shift};

/// `out[j] = clamp8((normed[k] + 4 z[k] + 4) >> 3)` with `k = (j + 4 position) mod dim`, SPEC §II.6.4.
///
/// The turn is the profile's position encoding. It also keeps positions from growing alike: equal rows at two
/// positions still meet different columns of every matrix. The round key z makes each half layer another function
/// for each nonce, so that no state of one nonce can stand in for a state of another.
///
/// # Shapes
/// - `normed`: `[dim]` i32, |value| <= 16368: one row.
/// - `round_key`: `[dim]` i8, |entry| <= 46, or nothing, which counts as zeros.
/// - `out`: `[dim]` i8 within ±127. Overwritten.
///
/// # Accuracy
/// Exact. |normed + 4 z| <= 16368 + 184 = 16552, which fits i16.
pub fn lanes(normed: &[i32], round_key: Option<&[i8]>, position: usize, out: &mut [i8]) {
    let dim = normed.len();
    for (j, out) in out.iter_mut().enumerate() {
        let k = (j + 4 * position) % dim;
        let z = round_key.map_or(0, |key| i32::from(key[k]));
        *out = clamp_int8(rounding_shift(normed[k] + 4 * z, 3));
    }
}

#[cfg(test)]
mod tests {
    use super::lanes;
    use alloc::vec;

    #[test]
    fn the_key_stands_where_the_row_does_before_the_turn() {
        let (mut row, mut key, mut out) = (vec![0; 64], vec![0; 64], vec![0; 64]);
        (row[5], key[5], key[7]) = (800, -46, 3);
        lanes(&row, None, 1, &mut out);
        assert_eq!((out[1], out[3]), (100, 0));
        lanes(&row, Some(&key), 1, &mut out);
        // (800 - 184 + 4) >> 3 and (12 + 4) >> 3.
        assert_eq!((out[1], out[3]), (77, 2));
        lanes(&[16_368; 64], Some(&[46; 64]), 0, &mut out);
        assert!(out.iter().all(|x| *x == 127));
    }
}

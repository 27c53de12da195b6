//! The two steps by which a wide value becomes a narrow one.

/// `(x + 2^(s-1)) >> s`: x / 2^s to the nearest integer, ties towards plus infinity, SPEC §II.6.1.
///
/// # Panics
/// In debug builds, when `s` is 0 or the sum overflows; callers' bounds exclude both.
#[must_use]
pub fn rounding_shift(x: i32, s: u32) -> i32 {
    (x + (1 << (s - 1))) >> s
}

/// x clamped to -127..=127 (never -128), SPEC §II.6.1.
#[must_use]
pub fn clamp_int8(x: i32) -> i8 {
    i8::try_from(x.clamp(-127, 127)).expect("clamped")
}

/// log2 of the square root of a power of 4: the shift that undoes the growth of a sum of `n` random terms.
#[must_use]
pub fn log2_sqrt(n: usize) -> u32 {
    debug_assert!(n.is_power_of_two() && n.trailing_zeros().is_multiple_of(2), "{n} is no power of 4");
    n.trailing_zeros() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_up() {
        let cases = [(-3, -1), (-2, -1), (-1, 0), (0, 0), (1, 1), (2, 1), (3, 2)];
        assert!(cases.iter().all(|(x, y)| rounding_shift(*x, 1) == *y));
        assert_eq!(clamp_int8(-128), -127);
    }
}

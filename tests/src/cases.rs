//! What a kernel is held to its twin on: sizes that bite, then as many cases as are wanted, sizes and values drawn.

use crate::train_values::Random;

/// Cases that are drawn for each kernel where `SPHERE_POW_CASES` does not say how many.
const FEW: usize = 4;

/// The sizes of `fixed`, and then drawn ones until the kernel has run on `SPHERE_POW_CASES` drawn cases, if a case runs it
/// `each` times. With each comes a number from which its values are to be made: 0 for all of `fixed`.
///
/// The same name gives the same cases, so that whatever fails can be repeated.
///
/// # Panics
/// When `SPHERE_POW_CASES` is no number.
pub fn cases<T>(
    name: &str,
    fixed: impl IntoIterator<Item = T>,
    each: usize,
    draw: impl Fn(&mut Draw) -> T,
) -> Vec<(u32, T)> {
    let wanted = std::env::var("SPHERE_POW_CASES").map_or(FEW, |text| {
        text.parse().unwrap_or_else(|_| panic!("SPHERE_POW_CASES is {text:?}, expected a number"))
    });
    let mut all: Vec<(u32, T)> = fixed.into_iter().map(|case| (0, case)).collect();
    let seed = name.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(257).wrapping_add(byte.into()));
    let mut random = Draw(Random(seed));
    let n_drawn = wanted.div_ceil(each);
    println!("{name}: {} sizes that bite, {n_drawn} drawn, {} comparisons", all.len(), n_drawn * each);
    all.extend((1..).take(n_drawn).map(|number| (number, draw(&mut random))));
    all
}

/// Draws sizes.
#[derive(Clone, Copy, Debug)]
pub struct Draw(Random);

impl Draw {
    /// From `least` to `most`, each of which comes one time in eight beyond its share: edges bite.
    pub fn within(&mut self, least: usize, most: usize) -> usize {
        match self.below(8) {
            0 => least,
            1 => most,
            _ => least + self.below(most - least + 1),
        }
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn below(&mut self, n: usize) -> usize {
        let drawn = self.0.within(i32::MAX / 2);
        usize::try_from(drawn.unsigned_abs()).unwrap_or(0) % n
    }
}

/// Each of one with each of the other.
#[must_use]
pub fn pairs(all: &[usize], others: &[usize]) -> Vec<[usize; 2]> {
    all.iter().flat_map(|one| others.iter().map(|other| [*one, *other])).collect()
}

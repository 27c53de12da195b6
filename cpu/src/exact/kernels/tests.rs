use super::*;
use sphere_pow_core::exact::{Preset, Puzzle, weights::Tensor};
use sphere_pow_core::identity::BlockHash;

struct MakePanel<'a>(Stream, usize, usize, &'a mut [u8]);

impl Job for MakePanel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        make_panel::<I::Words>(self.0, self.1, self.2, self.3);
    }
}

#[test]
fn panels_are_the_streams_weights() {
    let params = Preset::Standard.params();
    let puzzle = Puzzle::new(&params, &BlockHash::new("panels").expect("a hash"));
    for (tensor, first) in [(Tensor::Output, 992), (Tensor::all(&params).nth(9).expect("there are more"), 64)]
    {
        let inputs = tensor.shape(&params).1;
        let mut want = vec![0; PANEL * inputs];
        puzzle.weights().read_tile(tensor, first..first + PANEL, 0..inputs, &mut want);
        let stream = Stream::new(&puzzle.weights_key(), tensor.stream(&params));
        for kernels in Kernels::available() {
            let mut panel = vec![0; PANEL * inputs];
            let job = MakePanel(stream, first, inputs, &mut panel);
            Present::new(kernels).expect("available").run(job);
            for n in 0..PANEL {
                for k in 0..inputs {
                    let got = panel[(k / QUAD * PANEL + n) * QUAD + k % QUAD].wrapping_sub(WEIGHT_BIAS);
                    assert_eq!(
                        got.cast_signed(),
                        want[n * inputs + k],
                        "{kernels}: weight {k} of output {n}"
                    );
                }
            }
        }
    }
}

struct Tile<'a, const R: usize, const WIDE: bool>(&'a [u8], [&'a [i8]; R]);

impl<const R: usize, const WIDE: bool> Job for Tile<'_, R, WIDE> {
    type Output = [[i32; PANEL]; R];
    #[inline(always)]
    fn run<I: Isa>(self) -> Self::Output {
        let sums = self.1.map(|x| x.iter().map(|x| i32::from(*x)).sum());
        let mut out = [[i32::MIN; PANEL]; R];
        I::tile::<R, WIDE>(self.0, self.1, sums, &mut out);
        out
    }
}

/// Values that a test likes: the extremes, their alternations, and noise.
fn painted(kind: usize, i: usize, bound: i32) -> i32 {
    let noise = (i as u32).wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(0x85eb_ca6b) >> 16;
    match kind {
        0 => bound,
        1 => -bound,
        2 => bound * (1 - 2 * ((i % 2) as i32)),
        3 => bound * (1 - 2 * ((i / 4 % 2) as i32)),
        4 => 0,
        _ => noise as i32 % (2 * bound + 1) - bound,
    }
}

fn check_tile_of<const R: usize, const WIDE: bool>(depth: usize) {
    let (bias, bound) = if WIDE { (WIDE_BIAS, 127) } else { (WEIGHT_BIAS, 46) };
    for (of_panel, of_x) in (0..6).flat_map(|a| (0..6).map(move |b| (a, b))) {
        let at = |n: usize, k: usize| painted(of_panel, k + 7 * n * usize::from(of_panel == 5), bound);
        let mut panel = vec![0; depth * PANEL];
        for n in 0..PANEL {
            for k in 0..depth {
                panel[(k / QUAD * PANEL + n) * QUAD + k % QUAD] = (at(n, k) + i32::from(bias)) as u8;
            }
        }
        let rows: [Vec<i8>; R] = core::array::from_fn(|r| {
            (0..depth).map(|k| painted(of_x, k + 1_000_003 * r * usize::from(of_x == 5), 127) as i8).collect()
        });
        let mut want = [[0; PANEL]; R];
        for (want, row) in want.iter_mut().zip(&rows) {
            for (n, want) in want.iter_mut().enumerate() {
                *want = row.iter().enumerate().map(|(k, x)| at(n, k) * i32::from(*x)).sum();
            }
        }
        for kernels in Kernels::available() {
            let job = Tile::<R, WIDE>(&panel, core::array::from_fn(|r| &rows[r][..]));
            let mut got = Present::new(kernels).expect("available").run(job);
            assert_eq!(got, want, "{kernels}, {R} rows, depth {depth}, wide {WIDE}, kinds {of_panel} {of_x}");
            got[R - 1][PANEL - 1] += 1;
            assert_ne!(got, want, "the comparison sees one unit in one place");
        }
    }
}

#[test]
fn tiles_are_exact_at_every_depth_and_extreme() {
    for depth in [16, 48, 64, 1024] {
        check_tile_of::<1, false>(depth);
        check_tile_of::<2, false>(depth);
        check_tile_of::<4, false>(depth);
        check_tile_of::<8, false>(depth);
        check_tile_of::<1, true>(depth);
        check_tile_of::<3, true>(depth);
        check_tile_of::<8, true>(depth);
    }
    check_tile_of::<8, false>(16_384);
}

#[test]
fn tables_are_read_entry_by_entry() {
    struct Apply<'a>(&'a Table, &'a mut [u8]);
    impl Job for Apply<'_> {
        type Output = ();
        #[inline(always)]
        fn run<I: Isa>(self) {
            self.0.apply::<I::Words>(self.1);
        }
    }
    for table in [&SILU, &EXP2_LOW, &EXP2_HIGH] {
        for kernels in Kernels::available() {
            let mut bytes: Vec<u8> = (0..=255).collect();
            Present::new(kernels).expect("available").run(Apply(table, &mut bytes));
            assert_eq!(bytes, table.plain, "{kernels}");
        }
    }
}

#[test]
fn every_name_is_found_again() {
    for kernels in Kernels::ALL {
        assert_eq!(Kernels::from_name(kernels.name()), Some(kernels));
    }
    assert_eq!(Kernels::of_level(SimdLevel::Portable), Some(Kernels::Portable));
}

//! Products by every variant, to the bit.

use pollster::block_on;
use sphere_pow_core::exact::ops::Requant;
use sphere_pow_gpu::exact::choose::{candidates, compile};
use sphere_pow_gpu::exact::kernels::linear::{Method, Operand, Variant};
use sphere_pow_gpu::exact::self_test::{self, extremes, paint};
use sphere_pow_tests::cases::cases;
use sphere_pow_tests::exact_bench::{Bench, same};
use sphere_pow_tests::gpu::{adapter, as_hardware};

#[test]
fn every_variant_of_linear_matches_its_twin() {
    let info = adapter();
    // Software drivers mine by matrix units only where they are asked to.
    let units = candidates(&info, Some(Method::Coop8));
    assert!(units.is_empty() == info.matrix_units.is_none_or(|units| units.block != 8), "{units:?}");
    for checked in [true, false] {
        let gpu = &Bench::shared(checked).gpu;
        // What blocks of 16 give is the hardware's own; opening a device tests it.
        let is_plain = |v: &Variant| v.method.operand() == Operand::Int8;
        let plain = candidates(&as_hardware(&info), None).into_iter().filter(is_plain);
        for variant in units.iter().copied().chain(plain) {
            let linear = block_on(compile(gpu, variant, checked)).expect("compiles");
            let (tile_rows, tile_columns) = (variant.rows(), variant.columns());
            let rows = [1, 2, tile_rows - 1, tile_rows, tile_rows + 1, 2 * tile_rows + 3];
            let requants = [Requant::Int8, Requant::Branch, Requant::Raw];
            let fixed = rows.into_iter().enumerate();
            let fixed = fixed.map(|(ix, rows)| (rows, [64, 256, 1024][ix % 3], 1 + ix % 2, requants[ix % 3]));
            let drawn = cases(&format!("linear by {variant}"), fixed, 1, |d| {
                (d.within(1, tile_rows + 2), d.of(&[64, 128, 256, 512]), d.within(1, 2), d.of(&requants))
            });
            for (case, (rows, k, tiles, requant)) in drawn {
                let columns = tiles * tile_columns;
                let (mut x, weight) = (paint(60 + case, rows * k, 127), paint(61 + case, columns * k, 46));
                if case == 0 {
                    x[..k].fill(0);
                }
                let got = block_on(self_test::linear_on_device(gpu, &linear, &x, &weight, k, requant))
                    .expect("runs");
                let want = self_test::linear_on_twin(&x, &weight, k, requant);
                same(
                    &format!("{variant}: [{rows}, {k}] x [{columns}, {k}], {requant:?}, {case}"),
                    &got,
                    &want,
                );
            }
            for (k, requant) in [(2048, Requant::Raw), (4096, Requant::Branch), (16_384, Requant::Raw)] {
                let (x, weight) = (extremes(8, k, 127), extremes(tile_columns, k, 46));
                let got = block_on(self_test::linear_on_device(gpu, &linear, &x, &weight, k, requant))
                    .expect("runs");
                let want = self_test::linear_on_twin(&x, &weight, k, requant);
                assert!(
                    requant != Requant::Raw || want.contains(&(127 * 46 * i32::try_from(k).expect("small")))
                );
                same(&format!("{variant}: extremes over {k}"), &got, &want);
            }
        }
    }
}

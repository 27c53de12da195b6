//! What the tests of training's kernels share: rows on a device, and against those of a twin.

use crate::exact_bench::{Bench, same};
use crate::train_values::{Random, packed, rows_of, unpacked};
use sphere_pow_core::train::values;
use sphere_pow_gpu::GpuError;
use sphere_pow_gpu::train::kernels::{Kernels, NONE, Pass, Rows};

/// A device with training's kernels.
pub type TrainBench = Bench<Kernels>;

/// Records ops and waits.
pub fn run(bench: &TrainBench, record: impl FnOnce(&mut Pass<'_, '_>) -> Result<(), GpuError>) {
    bench.run(|recorder| record(&mut Pass { recorder, kernels: &bench.kernels }));
}

/// Gradients with exponents on the device; rows of zeros as kernels have them.
pub fn gradients(bench: &TrainBench, rows: &values::Rows) -> Rows {
    let exponent =
        |row: usize| if rows.row(row).iter().all(|x| *x == 0) { NONE } else { rows.exponents[row] };
    let exponents: Vec<i32> = (0..rows.len()).map(exponent).collect();
    Rows { values: bench.upload(&packed(&rows.values)), exponents: bench.upload(&exponents) }
}

/// int8 with exponents on the device.
///
/// # Panics
/// When they differ, or do not fit.
pub fn int8(bench: &TrainBench, rows: &values::Rows) -> Rows {
    let values: Vec<i8> = rows.values.iter().map(|x| i8::try_from(*x).expect("int8")).collect();
    Rows { values: bench.upload(&values), exponents: bench.upload(&rows.exponents) }
}

/// Room for rows that a kernel must all write.
pub fn room(bench: &TrainBench, rows: usize, row_bytes: usize) -> Rows {
    Rows { values: bench.unwritten::<u8>(rows * row_bytes), exponents: bench.unwritten::<i32>(rows) }
}

/// As the tests compare them.
#[must_use]
pub fn wide(values: &[i16]) -> Vec<i32> {
    values.iter().map(|x| i32::from(*x)).collect()
}

/// Equality of int8 and exponents.
///
/// # Panics
/// When they differ, or do not fit.
pub fn same_int8(bench: &TrainBench, what: &str, got: &Rows, want: &values::Rows) {
    let n = want.values.len();
    same(what, &bench.download::<i8>(&got.values, n), &wide(&want.values));
    same(&format!("{what}: exponents"), &bench.download::<i32>(&got.exponents, want.len()), &want.exponents);
}

/// Equality of gradients and exponents; rows of zeros as kernels have them.
///
/// # Panics
/// When they differ, or do not fit.
pub fn same_gradients(bench: &TrainBench, what: &str, got: &Rows, want: &values::Rows) {
    let bytes = bench.download::<i8>(&got.values, 2 * want.values.len());
    same(what, &unpacked(&bytes), &wide(&want.values));
    let exponents = bench.download::<i32>(&got.exponents, want.len());
    let zeros = exponents.iter().map(|e| if *e == NONE { 0 } else { *e }).collect::<Vec<_>>();
    let is_zero = |row: usize| want.row(row).iter().all(|x| *x == 0);
    assert!((0..want.len()).all(|row| is_zero(row) == (exponents[row] == NONE)), "{what}: rows of zeros");
    let expected: Vec<i32> =
        (0..want.len()).map(|r| if is_zero(r) { 0 } else { want.exponents[r] }).collect();
    same(&format!("{what}: exponents"), &zeros, &expected);
}

/// Random rows of mantissas within `limit` with exponents.
pub fn mantissas(seed: u64, [rows, width]: [usize; 2], limit: i32) -> values::Rows {
    let values =
        rows_of(seed, rows, width, limit).iter().map(|x| i16::try_from(*x).expect("16 bits")).collect();
    let mut random = Random(seed);
    values::Rows { width, values, exponents: (0..rows).map(|_| random.within(30)).collect() }
}

/// An int8 copy's exponent: the second word of a buffer.
pub fn weight(bench: &TrainBench, e: i32) -> wgpu::Buffer {
    bench.upload(&[99, e])
}

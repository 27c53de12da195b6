//! Every kernel of training against its twin in core, to the bit, at sizes that bite, with wgpu's bounds checks and packed dot
//! products, and without and in f32.
//!
//! Rows hold zeros, a bound, a spike, both bounds, and random values of sizes from 1 to the bound. `same` plants its faults.

use sphere_pow_core::train::executor::{Executor, Plain};
use sphere_pow_core::train::model::Weight;
use sphere_pow_core::train::ops::attention::{self, by_shares};
use sphere_pow_core::train::ops::optimise::Step;
use sphere_pow_core::train::ops::{feed_forward, norm, softmax, stream};
use sphere_pow_core::train::values::{self, largest, quantise, rs, top_exponent};
use sphere_pow_gpu::train::attention::Room;
use sphere_pow_gpu::train::buffers::tensors;
use sphere_pow_gpu::train::kernels::attention::{Attention, Kept};
use sphere_pow_gpu::train::kernels::product::{Shape, Sides};
use sphere_pow_gpu::train::kernels::rows::{Embedding, Units};
use sphere_pow_gpu::train::kernels::{Exponent, Kernels, NONE, Pass, Rows};
use sphere_pow_gpu::train::layout::{Layout, Place};
use sphere_pow_tests::exact_bench::{Bench, same};
use sphere_pow_tests::train_values::{Random, packed, rows_of, unpacked};
use std::iter::zip;

type TrainBench = Bench<Kernels>;

/// Rows and widths: less than a word of a workgroup, a workgroup's 64 words and one more, the widest.
const SHAPES: [[usize; 2]; 4] = [[1, 16], [13, 64], [3, 256], [7, 128]];

/// Records ops and waits.
fn run(bench: &TrainBench, record: impl FnOnce(&mut Pass<'_, '_>) -> Result<(), sphere_pow_gpu::GpuError>) {
    bench.run(|recorder| record(&mut Pass { recorder, kernels: &bench.kernels }));
}

/// Gradients with exponents on the device; rows of zeros as kernels have them.
fn gradients(bench: &TrainBench, rows: &values::Rows) -> Rows {
    let exponent =
        |row: usize| if rows.row(row).iter().all(|x| *x == 0) { NONE } else { rows.exponents[row] };
    let exponents: Vec<i32> = (0..rows.len()).map(exponent).collect();
    Rows { values: bench.upload(&packed(&rows.values)), exponents: bench.upload(&exponents) }
}

fn int8(bench: &TrainBench, rows: &values::Rows) -> Rows {
    let values: Vec<i8> = rows.values.iter().map(|x| i8::try_from(*x).expect("int8")).collect();
    Rows { values: bench.upload(&values), exponents: bench.upload(&rows.exponents) }
}

/// Room for rows that a kernel must all write.
fn room(bench: &TrainBench, rows: usize, row_bytes: usize) -> Rows {
    Rows { values: bench.unwritten::<u8>(rows * row_bytes), exponents: bench.unwritten::<i32>(rows) }
}

fn wide(values: &[i16]) -> Vec<i32> {
    values.iter().map(|x| i32::from(*x)).collect()
}

fn same_int8(bench: &TrainBench, what: &str, got: &Rows, want: &values::Rows) {
    let n = want.values.len();
    same(what, &bench.download::<i8>(&got.values, n), &wide(&want.values));
    same(&format!("{what}: exponents"), &bench.download::<i32>(&got.exponents, want.len()), &want.exponents);
}

fn same_gradients(bench: &TrainBench, what: &str, got: &Rows, want: &values::Rows) {
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
fn mantissas(seed: u64, [rows, width]: [usize; 2], limit: i32) -> values::Rows {
    let values =
        rows_of(seed, rows, width, limit).iter().map(|x| i16::try_from(*x).expect("16 bits")).collect();
    let mut random = Random(seed);
    values::Rows { width, values, exponents: (0..rows).map(|_| random.within(30)).collect() }
}

/// An int8 copy's exponent: the second word of a buffer.
fn weight(bench: &TrainBench, e: i32) -> wgpu::Buffer {
    bench.upload(&[99, e])
}

#[test]
fn products_match_their_twins() {
    TrainBench::on_each(|bench| {
        for [rows, columns, k] in [
            [1, 4, 4],
            [33, 16, 48],
            [64, 80, 128],
            [31, 36, 64],
            [40, 1024, 16],
            [5, 12, 1024],
            [32, 32, 32],
        ] {
            for sides in Sides::ALL {
                let what = format!("{} {rows} {columns} {k}", sides.name());
                let limit = if sides == Sides::Forward { 127 } else { 16_383 };
                let is_deep = sides == Sides::Gradient;
                // Rows of a deep side are in words of four.
                let rows: usize = if is_deep { usize::next_multiple_of(rows, 4) } else { rows };
                let [along, across] = if is_deep { [k, rows] } else { [rows, k] };
                let mut a = mantissas(1, [along, across], limit);
                let b_is_deep = matches!(sides, Sides::Through | Sides::Gradient);
                let b = mantissas(2, if b_is_deep { [k, columns] } else { [columns, k] }, 127);
                let device_a = if limit == 127 { int8(bench, &a) } else { gradients(bench, &a) };
                let device_b = int8(bench, &b);
                let shifts: Vec<i32> = (0..k).map(|t| [0, 1, 13, 40][t % 4]).collect();
                let device_shifts = is_deep.then(|| bench.upload(&shifts));
                let out = bench.unwritten::<i32>(rows * columns);
                let shape = Shape::plain(sides, [rows, columns, k]);
                let buffers = [&device_a.values, &device_b.values, &out];
                run(bench, |pass| pass.product(sides, buffers, device_shifts.as_ref(), &shape));
                let mut want = vec![0; rows * columns];
                match sides {
                    Sides::Forward | Sides::Across => Plain.product(&a.values, &b.values, k, &mut want),
                    Sides::Through => Plain.through(&a.values, &b.values, columns, &mut want),
                    Sides::Gradient => {
                        for (row, shift) in zip(a.values.chunks_exact_mut(rows), &shifts) {
                            row.iter_mut().for_each(|x| *x = rs(i64::from(*x), *shift) as i16);
                        }
                        Plain.gradient(&a.values, &b.values, k, &mut want);
                    }
                }
                same(&what, &bench.download::<i32>(&out, rows * columns), &want);
            }
        }
    });
}

#[test]
fn the_largest_sums_are_exact() {
    TrainBench::on_each(|bench| {
        let (a, b) = (vec![-16_383_i16; 4096], vec![127_i8; 4096]);
        let (a, b) = (bench.upload(&packed(&a)), bench.upload(&b));
        let shifts = bench.upload(&[0_i32; 1024]);
        for sides in [Sides::Across, Sides::Through, Sides::Gradient] {
            let out = bench.unwritten::<i32>(16);
            let shifts = (sides == Sides::Gradient).then_some(&shifts);
            let shape = Shape::plain(sides, [4, 4, 1024]);
            run(bench, |pass| pass.product(sides, [&a, &b, &out], shifts, &shape));
            same(sides.name(), &bench.download::<i32>(&out, 16), &[-2_130_576_384; 16]);
        }
    });
}

#[test]
fn norm_matches_its_twin_forward_and_backward() {
    TrainBench::on_each(|bench| {
        for [rows, dim] in SHAPES {
            let what = format!("norm {rows} {dim}");
            let x = rows_of(3, rows, dim, 1 << 28);
            let g = mantissas(4, [rows, dim], 16_383);
            let (mut y, mut back) = (values::Rows::zeros(rows, dim), values::Rows::zeros(rows, dim));
            let mut kept = Vec::new();
            for (row, x) in x.chunks_exact(dim).enumerate() {
                let own = row * dim..(row + 1) * dim;
                let (e, factor) = norm::norm(x, &mut y.values[own.clone()]);
                y.exponents[row] = e;
                back.exponents[row] = norm::norm_backward(
                    g.row(row),
                    g.exponents[row],
                    &y.values[own.clone()],
                    e,
                    factor,
                    &mut back.values[own],
                );
                kept.extend([factor.factor, factor.exponent]);
            }
            let (device_y, device_kept) = (room(bench, rows, dim), bench.unwritten::<i32>(2 * rows));
            let (device_x, device_g) = (bench.upload(&x), gradients(bench, &g));
            let out = room(bench, rows, 2 * dim);
            run(bench, |pass| {
                pass.norm(&device_x, &device_y, &device_kept, [rows, dim])?;
                pass.norm_backward([&device_g, &device_y, &out], &device_kept, [rows, dim])
            });
            same_int8(bench, &what, &device_y, &y);
            same(&format!("{what}: kept"), &bench.download::<i32>(&device_kept, 2 * rows), &kept);
            same_gradients(bench, &format!("{what}: back"), &out, &back);
        }
    });
}

#[test]
fn the_streams_sums_match_their_twins() {
    TrainBench::on_each(|bench| {
        for [rows, dim] in SHAPES {
            let (acc, mut h) = (rows_of(5, rows, dim, 1 << 30), rows_of(6, rows, dim, 1 << 28));
            // Shifts to the right, none, and far to the left.
            let exponents: Vec<i32> = (0..rows).map(|row| [-30, -16, 12, -60, -12, 0][row % 6]).collect();
            let [device_acc, device_h] = [&acc, &h].map(|x| bench.upload(x));
            let (device_e, of) = (bench.upload(&exponents), weight(bench, -3));
            let exponent = Exponent { of: &of, at: 1 };
            run(bench, |pass| pass.join_branch([&device_acc, &device_e, &device_h], exponent, [rows, dim]));
            for ((h, acc), e) in zip(zip(h.chunks_exact_mut(dim), acc.chunks_exact(dim)), &exponents) {
                stream::add_branch(acc, e - 3, h);
            }
            same(&format!("join {rows} {dim}"), &bench.download::<i32>(&device_h, rows * dim), &h);

            let (a, b) = (mantissas(7, [rows, dim], 16_383), mantissas(8, [rows, dim], 16_383));
            let mut want = values::Rows::zeros(rows, dim);
            for row in 0..rows {
                let sides = [&a, &b].map(|side| (side.row(row), side.exponents[row]));
                let out = &mut want.values[row * dim..][..dim];
                want.exponents[row] = stream::add_gradients(sides[0], sides[1], out);
            }
            let (a, sum) = (gradients(bench, &a), gradients(bench, &b));
            let out = Rows { exponents: bench.unwritten::<i32>(rows), ..sum.clone() };
            let buffers = [&sum.values, &sum.exponents, &out.exponents];
            run(bench, |pass| pass.add_gradients(&a, buffers, [rows, dim]));
            same_gradients(bench, &format!("add gradients {rows} {dim}"), &out, &want);
        }
    });
}

#[test]
fn squared_relu_matches_its_twin_forward_and_backward() {
    TrainBench::on_each(|bench| {
        for [rows, hidden] in [[1, 16], [13, 80], [7, 1024]] {
            let what = format!("squared ReLU {rows} {hidden}");
            let (acc, g) = (rows_of(9, rows, hidden, 1 << 24), mantissas(10, [rows, hidden], 16_383));
            let exponents: Vec<i32> = (0..rows).map(|row| row as i32 - 9).collect();
            let zeros = || values::Rows::zeros(rows, hidden);
            let (mut a, mut f, mut back) = (zeros(), zeros(), zeros());
            for (row, e) in exponents.iter().enumerate() {
                let own = row * hidden..(row + 1) * hidden;
                let (acc, out_a, out_f) =
                    (&acc[own.clone()], &mut a.values[own.clone()], &mut f.values[own.clone()]);
                (a.exponents[row], f.exponents[row]) = feed_forward::squared_relu(acc, e - 3, out_a, out_f);
                let (a, ea) = (&a.values[own.clone()], a.exponents[row]);
                let (g, e, out) = (g.row(row), g.exponents[row], &mut back.values[own]);
                back.exponents[row] = feed_forward::squared_relu_backward(g, e, a, ea, out);
            }
            let (device_acc, device_e, of) =
                (bench.upload(&acc), bench.upload(&exponents), weight(bench, -3));
            let (device_a, device_f) = (room(bench, rows, 2 * hidden), room(bench, rows, hidden));
            let (device_g, out) = (gradients(bench, &g), room(bench, rows, 2 * hidden));
            run(bench, |pass| {
                let (acc, outs) = ([&device_acc, &device_e], [&device_a, &device_f]);
                pass.squared_relu(acc, Exponent { of: &of, at: 1 }, outs, [rows, hidden])?;
                pass.squared_relu_backward([&device_g, &device_a, &out], [rows, hidden])
            });
            let bytes = bench.download::<i8>(&device_a.values, 2 * rows * hidden);
            same(&what, &unpacked(&bytes), &wide(&a.values));
            same(&what, &bench.download::<i32>(&device_a.exponents, rows), &a.exponents);
            same_int8(bench, &what, &device_f, &f);
            same_gradients(bench, &format!("{what}: back"), &out, &back);
        }
    });
}

#[test]
fn quantise_matches_its_twin() {
    TrainBench::on_each(|bench| {
        for [rows, width] in [[1, 16], [13, 48], [7, 1024]] {
            let acc = rows_of(11, rows, width, 2_130_576_384);
            let exponents: Vec<i32> = (0..2 * rows).map(|row| row as i32 - 9).collect();
            let (device_acc, device_e, of) =
                (bench.upload(&acc), bench.upload(&exponents), weight(bench, -3));
            for (bits, is_gradient) in [(7, false), (14, true)] {
                let mut want = values::Rows::zeros(rows, width);
                for row in 0..rows {
                    let e = if is_gradient { exponents[row] - 3 } else { exponents[1 + row / 2 * 2] - 14 };
                    let own = row * width..(row + 1) * width;
                    want.exponents[row] = quantise(&acc[own.clone()], e, bits, &mut want.values[own]);
                }
                let out = room(bench, rows, width * if is_gradient { 2 } else { 1 });
                let exponents = &device_e;
                let weight = Some(Exponent { of: &of, at: 1 });
                let units = if is_gradient {
                    Units { exponents, first: 0, rows_of: 1, step: 1, weight, plus: 0 }
                } else {
                    Units { exponents, first: 1, rows_of: 2, step: 2, weight: None, plus: -14 }
                };
                run(bench, |pass| pass.quantise(&device_acc, units, is_gradient, &out, [rows, width]));
                let what = format!("quantise {bits} {rows} {width}");
                let hold = if is_gradient { same_gradients } else { same_int8 };
                hold(bench, &what, &out, &want);
            }
        }
    });
}

#[test]
fn cross_entropy_matches_its_twin() {
    TrainBench::on_each(|bench| {
        for [rows, vocab] in [[1, 16], [37, 80], [24, 1024]] {
            let acc = rows_of(12, rows, vocab, 127 * 127 * 256);
            // From shares that are equal to one that has all; a loss that is cut off.
            let exponents: Vec<i32> = (0..rows).map(|row| row as i32 * 2 - 40).collect();
            let targets: Vec<u32> = (0..rows).map(|row| (row * 7 % vocab) as u32).collect();
            let mut want = values::Rows::zeros(rows, vocab);
            let mut losses = vec![0x5a5a_5a5a];
            for row in 0..rows {
                let own = row * vocab..(row + 1) * vocab;
                let (g, target) = (&mut want.values[own.clone()], targets[row] as usize);
                let loss = softmax::cross_entropy(&acc[own], exponents[row] - 3, target, g);
                losses.push(i32::try_from(loss).expect("a loss of 32 bits"));
                want.exponents[row] = -14;
            }
            let [device_acc, device_e] = [&acc, &exponents].map(|x| bench.upload(x));
            let (device_targets, of) = (bench.upload(&targets), weight(bench, -3));
            let (g, device_losses) = (room(bench, rows, 2 * vocab), bench.unwritten::<i32>(rows + 1));
            let buffers = [&device_acc, &device_e, &device_targets, &device_losses];
            let exponent = Exponent { of: &of, at: 1 };
            run(bench, |pass| pass.cross_entropy(buffers, exponent, &g, 1, [rows, vocab]));
            same_gradients(bench, &format!("cross entropy {rows} {vocab}"), &g, &want);
            same("losses", &bench.download::<i32>(&device_losses, rows + 1), &losses);
        }
    });
}

#[test]
fn rows_align_as_their_twin_does() {
    TrainBench::on_each(|bench| {
        for (rows, heads, sequences, uses_b) in [(1, 1, 1, true), (65, 2, 3, true), (70, 1, 3, false)] {
            let groups = heads * sequences;
            let a = mantissas(13, [groups * rows, 4], if rows == 1 { 0 } else { 16_383 });
            let b: Vec<i32> = mantissas(14, [sequences * rows, 4], 9).exponents;
            let (mut tops, mut shifts) = (vec![0x5a5a_5a5a], Vec::new());
            for group in 0..groups {
                let own = values::Rows {
                    width: 4,
                    values: a.values[group * rows * 4..][..rows * 4].to_vec(),
                    exponents: a.exponents[group * rows..][..rows].to_vec(),
                };
                let unit =
                    |row: usize| own.exponents[row] + if uses_b { b[group / heads * rows + row] } else { 0 };
                let top = top_exponent(&own, unit);
                tops.push(top);
                shifts.extend(
                    (0..rows).map(|r| if own.row(r).iter().any(|x| *x != 0) { top - unit(r) } else { 0 }),
                );
            }
            let (device_a, device_b) = (gradients(bench, &a), bench.upload(&b));
            let (device_tops, device_shifts) =
                (bench.unwritten::<i32>(groups + 1), bench.unwritten::<i32>(groups * rows));
            let buffers = [&device_a.exponents, &device_tops, &device_shifts];
            let device_b = uses_b.then_some(&device_b);
            run(bench, |pass| pass.align_rows(buffers, device_b, 1, [groups, rows, heads]));
            same("tops", &bench.download::<i32>(&device_tops, groups + 1), &tops);
            let mut got = bench.download::<i32>(&device_shifts, groups * rows);
            // Rows of zeros may be shifted by anything.
            for (got, row) in zip(&mut got, a.values.chunks_exact(4)) {
                *got = if row.iter().all(|x| *x == 0) { 0 } else { *got };
            }
            same("shifts", &got, &shifts);
        }
    });
}

#[test]
fn embedding_matches_its_twin_forward_and_backward() {
    TrainBench::on_each(|bench| {
        for (rows, dim, context, vocab) in [(2, 16, 2, 16), (70, 64, 7, 48), (12, 256, 4, 16)] {
            let first = [64, 64 + vocab * dim];
            let theta = rows_of(15, 1, first[1] + context * dim, 1 << 29);
            let tokens: Vec<u32> = (0..rows).map(|row| (row * 5 % vocab) as u32).collect();
            let mut want = vec![0; rows * dim];
            for (row, out) in want.chunks_exact_mut(dim).enumerate() {
                let symbol = &theta[first[0] + tokens[row] as usize * dim..][..dim];
                stream::embed(symbol, &theta[first[1] + row % context * dim..][..dim], out);
            }
            let g = mantissas(16, [rows, dim], 16_383);
            let shifts: Vec<i32> = (0..rows).map(|row| [0, 1, 9, 50][row % 4]).collect();
            let mut sums = vec![0x5a5a_5a5a; 64];
            sums.resize(first[1] + context * dim, 0);
            for (row, g) in g.values.chunks_exact(dim).enumerate() {
                for at in [first[0] + tokens[row] as usize * dim, first[1] + row % context * dim] {
                    zip(&mut sums[at..], g).for_each(|(s, g)| *s += rs(i64::from(*g), shifts[row]) as i32);
                }
            }
            let shape = Embedding { rows, dim, context, vocab, first };
            let (device_tokens, device_theta) = (bench.upload(&tokens), bench.upload(&theta));
            let (out, device_shifts) = (bench.unwritten::<i32>(rows * dim), bench.upload(&shifts));
            let (device_g, device_sums) = (gradients(bench, &g), bench.unwritten::<i32>(sums.len()));
            run(bench, |pass| {
                pass.embed([&device_tokens, &device_theta, &out], shape)?;
                pass.embed_backward(&device_g, [&device_tokens, &device_shifts, &device_sums], shape)
            });
            same("embed", &bench.download::<i32>(&out, rows * dim), &want);
            same("embed backward", &bench.download::<i32>(&device_sums, sums.len()), &sums);
        }
    });
}

/// Rows of several sequences, each with its own.
fn sequences<T: Clone>(values: &[T], shape: Attention, width: usize) -> impl Iterator<Item = &[T]> {
    values.chunks_exact(shape.context * width)
}

#[test]
fn attention_matches_its_twin_forward_and_backward() {
    TrainBench::on_each(|bench| {
        for (sequences_of, context, dim, heads) in
            [(3, 2, 16, 2), (2, 8, 16, 1), (2, 16, 64, 4), (1, 128, 32, 4), (2, 64, 256, 1)]
        {
            let shape = Attention { sequences: sequences_of, context, dim, heads };
            let core = attention::Shape { context, dim, heads };
            let rows = shape.rows();
            // Scores from alike to far apart; a sequence whose values are all zero.
            for e in [-14, -2] {
                let mut qkv = rows_of(17, rows, 3 * dim, 1 << 22);
                if sequences_of == 3 {
                    qkv.chunks_exact_mut(3 * dim).take(context).for_each(|row| row[2 * dim..].fill(0));
                }
                let exponents: Vec<i32> = (0..rows).map(|row| e - (row % 3) as i32).collect();
                let g = mantissas(18, [rows, dim], 16_383);
                let mut want = values::Rows::zeros(rows, dim);
                let mut back = values::Rows::zeros(rows, 3 * dim);
                for (ix, qkv) in sequences(&qkv, shape, 3 * dim).enumerate() {
                    let (own, places) = (ix * context * dim.., ix * context..(ix + 1) * context);
                    let with_weight: Vec<i32> = exponents[places.clone()].iter().map(|e| e - 3).collect();
                    let out = &mut want.values[own.clone()][..context * dim];
                    let out_e = &mut want.exponents[places.clone()];
                    let kept = attention::attention(&Plain, core, qkv, &with_weight, out, out_e);
                    attention::attention_backward(
                        &Plain,
                        core,
                        &g.values[own][..context * dim],
                        &g.exponents[places.clone()],
                        &kept,
                        &mut back.values[3 * ix * context * dim..][..3 * context * dim],
                        &mut back.exponents[places],
                    );
                }
                let (kept, room_of) = (Kept::new(&bench.gpu, shape), Room::new(&bench.gpu, shape));
                let [acc, device_e] = [&qkv, &exponents].map(|x| bench.upload(x));
                let of = weight(bench, -3);
                let (device_g, mixed, out) =
                    (gradients(bench, &g), room(bench, rows, dim), room(bench, rows, 6 * dim));
                run(bench, |pass| {
                    let weight = Exponent { of: &of, at: 1 };
                    pass.attention([&acc, &device_e], weight, &room_of, &kept, &mixed, shape)?;
                    pass.attention_backward(&device_g, &room_of, &kept, &out, shape)
                });
                let what = format!("{shape:?}, {e}");
                same_int8(bench, &what, &mixed, &want);
                same_gradients(bench, &format!("back, {what}"), &out, &back);
            }
        }
    });
}

#[test]
fn gradients_through_shares_match_their_twin_at_their_bounds() {
    TrainBench::on_each(|bench| {
        for context in [2, 8, 256] {
            let shape = Attention { sequences: 1, context, dim: 16, heads: 1 };
            let stride = shape.stride();
            let mut dp = rows_of(19, context, context, 16_383 * 127 * 256);
            let mut shares = vec![0_i16; context * context];
            for (t, row) in shares.chunks_exact_mut(context).enumerate() {
                // One has all, or all have as much.
                let share = if t % 2 == 0 { 16_384 / (t as i16 + 1) } else { 0 };
                row[..=t].fill(share.min(16_383));
                if t % 2 == 1 {
                    row[t / 2] = 16_383;
                }
            }
            let exponents: Vec<i32> = (0..context).map(|t| t as i32).collect();
            let mut want = values::Rows::zeros(context, context);
            by_shares(&dp, &shares, -3 - 14, &exponents, &mut want);
            let padded = |x: &[i16]| -> Vec<i16> {
                let rows = x.chunks_exact(context);
                rows.flat_map(|row| row.iter().copied().chain(vec![0; stride - context])).collect()
            };
            let want = values::Rows { width: stride, values: padded(&want.values), ..want };
            if stride > context {
                // What lies beyond is anything.
                dp = dp.chunks_exact(context).flat_map(|row| [row, &[77; 2]].concat()).collect();
            }
            let kept = Kept {
                qkv: Rows::int8(&bench.gpu, context, 48),
                joined: bench.upload(&[99, -3]),
                shares: bench.upload(&packed(&padded(&shares))),
            };
            let [device_dp, device_e] = [&dp, &exponents].map(|x| bench.upload(x));
            let out = room(bench, context, 2 * stride);
            run(bench, |pass| pass.by_shares([&device_dp, &device_e], &kept, &out, shape));
            same_gradients(bench, &format!("through shares {context}"), &out, &want);
        }
    });
}

/// Tensors of one block, of several, and one without a value that moves.
#[test]
fn steps_of_tensors_match_their_twins() {
    let raw = sphere_pow_core::train::params::RawParams {
        dim: 64,
        hidden: 80,
        layers: 1,
        ..sphere_pow_core::train::Preset::Tiny.params().raw().clone()
    };
    let params = sphere_pow_core::train::Params::new(&raw).expect("valid sizes");
    let layout = Layout::new(&params);
    // From nothing to the largest rate, and exponents that take the grid to the right and to the left.
    let cases = [(1 << 28, -40, -12), (12_884_902, 3, -30), (0, -20, -20), (1, -9, 90)];
    TrainBench::on_each(|bench| {
        for (ix, (rate, before, grown)) in cases.into_iter().enumerate() {
            let tensors = tensors(&bench.gpu, &layout);
            let of = |seed: u64, limit: i32| -> Vec<Vec<i32>> {
                let some = |(number, place): (usize, &Place)| {
                    let n = place.size();
                    // A tensor of nothing; one whose moments are nothing.
                    if number == 2 || (number == 3 && limit < 1 << 29) {
                        vec![0; n]
                    } else {
                        rows_of(seed + number as u64, n / 16, 16, limit)
                    }
                };
                layout.places.iter().enumerate().map(some).collect()
            };
            let gradients = layout.places.iter().enumerate().map(|(number, place)| {
                let limit = if number == 2 { 0 } else { 2_130_576_384 };
                rows_of(40 + number as u64, place.size() / 16, 16, limit)
            });
            let (mut theta, mut first) = (of(10 * ix as u64, 1 << 29), of(20, (1 << 29) - 1));
            let gradients: Vec<Vec<i32>> = gradients.collect();
            let mut root = of(30, (1 << 29) - 1);
            root.iter_mut().flatten().for_each(|s| *s = s.abs());
            let parts = [(&tensors.theta, &theta), (&tensors.first, &first), (&tensors.root, &root)];
            for (values, of) in parts.into_iter().chain([(&tensors.gradient, &gradients)]) {
                let padded = layout.padded(of.iter().map(|tensor| &tensor[..]));
                bench.gpu.write(&values.values, 0, bytemuck::cast_slice(&padded));
            }
            let n = layout.places.len();
            bench.gpu.write(&tensors.exponents, 0, bytemuck::cast_slice(&vec![grown; n]));
            bench.gpu.write(&tensors.steps, 0, bytemuck::cast_slice(&vec![[before, 0, 0, 0]; n]));
            let [by, decay] = Step::rates(rate, 65_536);
            run(bench, |pass| {
                for values in [&tensors.theta, &tensors.first, &tensors.root] {
                    pass.largest(values, layout.blocks)?;
                }
                pass.copy_int8(&tensors)
            });
            let copies = bench.download::<i8>(&tensors.copies, 1024 * layout.blocks);
            let exponents = bench.download::<i32>(&tensors.copy_exponents, layout.blocks);
            for (number, place) in layout.places.iter().enumerate() {
                let want = Weight::new(&Plain, &theta[number], place.inputs);
                same("a copy", layout.tensor(&copies, number), &wide(&want.values));
                assert_eq!(exponents[place.block], want.exponent, "exponent of copy {number}");
            }
            run(bench, |pass| pass.optimise(&tensors, by, decay));
            let words = |buffer: &wgpu::Buffer| bench.download::<i32>(buffer, 1024 * layout.blocks);
            let got = [&tensors.theta, &tensors.first, &tensors.root].map(|values| words(&values.values));
            let steps = bench.download::<i32>(&tensors.steps, 4 * n);
            let tops = bench.download::<i32>(&tensors.theta.tops, layout.blocks);
            for (number, place) in layout.places.iter().enumerate() {
                let length = largest(&first[number]).max(largest(&root[number]));
                let step = Step::new((length, before), (largest(&gradients[number]), grown), rate, 65_536);
                let top = step.moments(&gradients[number], &mut first[number], &mut root[number]);
                step.parameters(top, &first[number], &root[number], &mut theta[number]);
                let what = format!("case {ix}, tensor {number}");
                let want = [&theta, &first, &root].map(|of| &of[number]);
                for (what_of, (got, want)) in zip(["parameters", "first", "root"], zip(&got, want)) {
                    same(&format!("{what_of}, {what}"), layout.tensor(got, number), want);
                }
                assert_eq!(steps[4 * number], step.exponent(), "exponent, {what}");
                let own = &tops[place.block..place.block + place.blocks];
                let largest = theta[number].iter().map(|x| x.abs()).max();
                assert_eq!(own.iter().max(), largest.as_ref(), "largest, {what}");
            }
        }
    });
}

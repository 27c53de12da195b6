//! Every kernel of training against its twin in core, to the bit, at sizes that bite, with wgpu's bounds checks and packed dot
//! products, and without and in f32.
//!
//! Rows hold zeros, a bound, a spike, both bounds, and random values of sizes from 1 to the bound; beside these, sizes and values that
//! are drawn, `SPHERE_POW_CASES` for each kernel. `same` plants its faults.

use sphere_pow_core::train::executor::{Executor, Plain};
use sphere_pow_core::train::ops::{feed_forward, norm, softmax, stream};
use sphere_pow_core::train::values::{self, quantise, rs, top_exponent};
use sphere_pow_gpu::train::kernels::Exponent;
use sphere_pow_gpu::train::kernels::Rows;
use sphere_pow_gpu::train::kernels::product::{Shape, Sides};
use sphere_pow_gpu::train::kernels::rows::{Embedding, Units};
use sphere_pow_tests::cases::{Draw, cases};
use sphere_pow_tests::exact_bench::same;
use sphere_pow_tests::train_bench::{
    TrainBench, gradients, int8, mantissas, room, run, same_gradients, same_int8, weight, wide,
};
use sphere_pow_tests::train_values::{packed, rows_of, unpacked};
use std::iter::zip;

/// Rows and widths: less than a word of a workgroup, a workgroup's 64 words and one more, the widest.
const SHAPES: [[usize; 2]; 4] = [[1, 16], [13, 64], [3, 256], [7, 128]];

/// Rows of a model.
fn shape(draw: &mut Draw) -> [usize; 2] {
    [draw.within(1, 40), draw.of(&[16, 32, 64, 128])]
}

/// Where a drawn case's values begin: far from those of the others.
fn seed(case: u32) -> u64 {
    u64::from(case) << 32
}

#[test]
fn products_match_their_twins() {
    TrainBench::on_each(|bench| {
        let fixed = [
            [1, 4, 4],
            [33, 16, 48],
            [64, 80, 128],
            [31, 36, 64],
            [40, 1024, 16],
            [5, 12, 1024],
            [32, 32, 32],
        ];
        let drawn = cases("products of each kind", fixed, 1, |d| {
            [d.within(1, 40), 4 * d.within(1, 20), 4 * d.within(1, 20)]
        });
        for (case, [rows, columns, k]) in drawn {
            for sides in Sides::ALL {
                let what = format!("{} {rows} {columns} {k}", sides.name());
                let limit = if sides == Sides::Forward { 127 } else { 16_383 };
                let is_deep = sides == Sides::Gradient;
                // Rows of a deep side are in words of four.
                let rows: usize = if is_deep { usize::next_multiple_of(rows, 4) } else { rows };
                let [along, across] = if is_deep { [k, rows] } else { [rows, k] };
                let mut a = mantissas(1 + seed(case), [along, across], limit);
                let b_is_deep = matches!(sides, Sides::Through | Sides::Gradient);
                let b = mantissas(2 + seed(case), if b_is_deep { [k, columns] } else { [columns, k] }, 127);
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
        for (case, [rows, dim]) in cases("norm, norm_backward", SHAPES, 1, shape) {
            let what = format!("norm {rows} {dim}, {case}");
            let x = rows_of(3 + seed(case), rows, dim, 1 << 28);
            let g = mantissas(4 + seed(case), [rows, dim], 16_383);
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
        for (case, [rows, dim]) in cases("join_branch, add_gradients", SHAPES, 1, shape) {
            let own = seed(case);
            let (acc, mut h) = (rows_of(5 + own, rows, dim, 1 << 30), rows_of(6 + own, rows, dim, 1 << 28));
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

            let (a, b) = (mantissas(7 + own, [rows, dim], 16_383), mantissas(8 + own, [rows, dim], 16_383));
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
        let fixed = [[1, 16], [13, 80], [7, 1024]];
        let draw = |d: &mut Draw| [d.within(1, 40), 4 * d.within(1, 70)];
        for (case, [rows, hidden]) in cases("squared_relu, squared_relu_backward", fixed, 1, draw) {
            let what = format!("squared ReLU {rows} {hidden}, {case}");
            let (acc, g) = (
                rows_of(9 + seed(case), rows, hidden, 1 << 24),
                mantissas(10 + seed(case), [rows, hidden], 16_383),
            );
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
        let fixed = [[1, 16], [13, 48], [7, 1024]];
        let draw = |d: &mut Draw| [d.within(1, 40), 4 * d.within(1, 70)];
        for (case, [rows, width]) in cases("quantise", fixed, 2, draw) {
            let acc = rows_of(11 + seed(case), rows, width, 2_130_576_384);
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
        let fixed = [[1, 16], [37, 80], [24, 1024]];
        let draw = |d: &mut Draw| [d.within(1, 40), 16 * d.within(1, 20)];
        for (case, [rows, vocab]) in cases("cross_entropy", fixed, 1, draw) {
            let acc = rows_of(12 + seed(case), rows, vocab, 127 * 127 * 256);
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
        let fixed = [(1, 1, 1, true), (65, 2, 3, true), (70, 1, 3, false)];
        let drawn = cases("align_rows", fixed, 1, |d| {
            let uses_b = d.of(&[true, false]);
            (d.within(1, 140), if uses_b { d.within(1, 4) } else { 1 }, d.within(1, 4), uses_b)
        });
        for (case, (rows, heads, sequences, uses_b)) in drawn {
            let groups = heads * sequences;
            let a = mantissas(13 + seed(case), [groups * rows, 4], if rows == 1 { 0 } else { 16_383 });
            let b: Vec<i32> = mantissas(14 + seed(case), [sequences * rows, 4], 9).exponents;
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
        let fixed = [(2, 16, 2, 16), (70, 64, 7, 48), (12, 256, 4, 16)];
        let drawn = cases("embed, embed_backward", fixed, 1, |d| {
            let context = d.within(1, 16);
            (context * d.within(1, 4), 4 * d.within(1, 40), context, d.within(1, 70))
        });
        for (case, (rows, dim, context, vocab)) in drawn {
            let first = [64, 64 + vocab * dim];
            let theta = rows_of(15 + seed(case), 1, first[1] + context * dim, 1 << 29);
            let tokens: Vec<u32> = (0..rows).map(|row| (row * 5 % vocab) as u32).collect();
            let mut want = vec![0; rows * dim];
            for (row, out) in want.chunks_exact_mut(dim).enumerate() {
                let symbol = &theta[first[0] + tokens[row] as usize * dim..][..dim];
                stream::embed(symbol, &theta[first[1] + row % context * dim..][..dim], out);
            }
            let g = mantissas(16 + seed(case), [rows, dim], 16_383);
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

//! Attention of training and the step of all its tensors on a device, to the bit, by the kernels that they take together: as
//! `gpu_train_twins.rs` holds each of the others.

use sphere_pow_core::train::Params;
use sphere_pow_core::train::Preset;
use sphere_pow_core::train::executor::Plain;
use sphere_pow_core::train::model::Weight;
use sphere_pow_core::train::ops::attention::{self, by_shares};
use sphere_pow_core::train::ops::optimise::Step;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::values::{self, largest};
use sphere_pow_gpu::train::attention::Room;
use sphere_pow_gpu::train::buffers::tensors;
use sphere_pow_gpu::train::kernels::attention::{Attention, Kept};
use sphere_pow_gpu::train::kernels::{Exponent, Rows};
use sphere_pow_gpu::train::layout::{Layout, Place};
use sphere_pow_tests::cases::cases;
use sphere_pow_tests::exact_bench::same;
use sphere_pow_tests::train_bench::{
    TrainBench, gradients, mantissas, room, run, same_gradients, same_int8, weight, wide,
};
use sphere_pow_tests::train_values::{packed, rows_of};
use std::iter::zip;

/// Rows of several sequences, each with its own.
fn sequences<T: Clone>(values: &[T], shape: Attention, width: usize) -> impl Iterator<Item = &[T]> {
    values.chunks_exact(shape.context * width)
}

#[test]
fn attention_matches_its_twin_forward_and_backward() {
    TrainBench::on_each(|bench| {
        let fixed = [(3, 2, 16, 2), (2, 8, 16, 1), (2, 16, 64, 4), (1, 128, 32, 4), (2, 64, 256, 1)];
        let drawn = cases("queries, keys, join_qkv, shares, by_shares", fixed, 2, |d| {
            let heads = d.of(&[1, 2, 4]);
            (d.within(1, 3), d.of(&[2, 4, 8, 16, 32]), heads * d.of(&[8, 16, 32]), heads)
        });
        for (case, (sequences_of, context, dim, heads)) in drawn {
            let seed = u64::from(case) << 32;
            let shape = Attention { sequences: sequences_of, context, dim, heads };
            let core = attention::Shape { context, dim, heads };
            let rows = shape.rows();
            // Scores from alike to far apart; a sequence whose values are all zero.
            for e in [-14, -2] {
                let mut qkv = rows_of(17 + seed, rows, 3 * dim, 1 << 22);
                if sequences_of == 3 {
                    qkv.chunks_exact_mut(3 * dim).take(context).for_each(|row| row[2 * dim..].fill(0));
                }
                let exponents: Vec<i32> = (0..rows).map(|row| e - (row % 3) as i32).collect();
                let g = mantissas(18 + seed, [rows, dim], 16_383);
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
                let what = format!("{shape:?}, {e}, {case}");
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
    let raw = RawParams { dim: 64, hidden: 80, layers: 1, ..Preset::Tiny.params().raw().clone() };
    let params = Params::new(&raw).expect("valid sizes");
    let layout = Layout::new(&params);
    // From nothing to the largest rate, and exponents that take the grid to the right and to the left.
    let fixed = [(1 << 28, -40, -12), (12_884_902, 3, -30), (0, -20, -20), (1, -9, 90)];
    TrainBench::on_each(|bench| {
        let exponent = |drawn: usize| drawn as i32 - 40;
        let tensors_of = layout.places.len();
        let drawn = cases("largest, copy_int8, plan_step, moments, parameters", fixed, tensors_of, |d| {
            (d.within(0, 1 << 28) as u32, exponent(d.within(0, 60)), exponent(d.within(0, 90)))
        });
        for (ix, (_, (rate, before, grown))) in drawn.into_iter().enumerate() {
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
                rows_of(((ix as u64) << 32) + 40 + number as u64, place.size() / 16, 16, limit)
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

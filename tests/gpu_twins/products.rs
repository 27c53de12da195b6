//! Products by every tile, what they leave as sums and what they leave gated.

use super::on_every_bench;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::ops;
use sphere_pow_gpu::gonka::kernels::linear::{self, Leaves, Tile};
use sphere_pow_gpu::gonka::layout::{TILE, stride};
use sphere_pow_tests::cases::{Draw, cases};
use sphere_pow_tests::gpu::{Bench, Bound, awkward, hold};

/// Rows, sums and columns below a tile and a little beyond.
fn small(draw: &mut Draw) -> [usize; 3] {
    [draw.within(1, 40), draw.within(1, 70), draw.within(1, 140)]
}

#[test]
fn linear_matches_its_twin_by_every_tile() {
    on_every_bench(|bench| {
        let fixed = [
            [1, 1, 1],
            [2, 31, 63],
            [3, 127, 64],
            [15, 128, 65],
            [16, 130, 128],
            [17, 64, 127],
            [63, 33, 129],
            [65, 256, 200],
            [127, 97, 61],
            // Several dispatches along columns, then along rows, at the pace a device begins with.
            [131, 128, 700],
            [300, 2048, 140],
        ];
        let drawn = cases("linear, by each tile", fixed, 1, small);
        for (case, [rows, k, columns]) in drawn {
            let x = awkward(&format!("x{case}"), rows, k, 0.1);
            let weight = awkward(&format!("weight{case}"), columns, k, 0.002);
            let mut want = vec![f16::ZERO; rows * columns];
            ops::linear(&x, &weight, k, &mut want);
            let [dx, dw] = [bench.upload(&x, rows, k), bench.upload(&weight, columns, k)];
            let noise = Bound::Units { units: 1, noise: 1e-5 };
            for tile in bench.kernels.tiles() {
                // A software driver takes half a minute for these sizes on its matrix units; `gpu_gonka` has long sums.
                if rows * k * columns > 1 << 22 && matches!(tile, Tile::Matrix(_)) {
                    continue;
                }
                let out = bench.unwritten(rows, columns);
                let shape = linear::Shape {
                    rows,
                    k: stride(k),
                    weight_rows: stride(columns),
                    chunk_column: 0,
                    out_stride: stride(columns),
                    leaves: Leaves::Sums,
                };
                bench.run(|recorder| linear::record(recorder, &bench.kernels, tile, [&dx, &dw, &out], shape));
                let got = bench.download(&out, rows, columns);
                hold(
                    &format!("linear {tile:?} [{rows}, {k}] to {columns}, {case}"),
                    &got,
                    &want,
                    columns,
                    noise,
                );
            }
        }
    });
}

#[test]
fn linear_by_every_plain_tile_gives_the_same_bits_and_its_chunks_join() {
    let bench = Bench::shared(true, false);
    let (rows, k, columns) = (70, 200, 300);
    let (x, weight) = (awkward("x", rows, k, 0.1), awkward("weight", columns, k, 0.002));
    let dx = bench.upload(&x, rows, k);
    let tiles: Vec<Tile> = bench.kernels.tiles().collect();
    let results = tiles.iter().map(|tile| {
        let out = bench.unwritten(rows, columns);
        // 128 rows, then the rest.
        for first in [0, TILE] {
            let chunk = if first == 0 { &weight[..TILE * k] } else { &weight[TILE * k..] };
            let chunk_rows = chunk.len() / k;
            let dw = bench.upload(chunk, chunk_rows, k);
            let shape = linear::Shape {
                rows,
                k: stride(k),
                weight_rows: stride(chunk_rows),
                chunk_column: first,
                out_stride: stride(columns),
                leaves: Leaves::Sums,
            };
            bench.run(|recorder| linear::record(recorder, &bench.kernels, *tile, [&dx, &dw, &out], shape));
        }
        bench.download(&out, rows, columns)
    });
    let results: Vec<_> = results.collect();
    for (tile, result) in tiles.iter().zip(&results) {
        // Matrix units sum in an order of their own.
        let is_plain = !matches!(tile, Tile::Matrix(_));
        let bound = if is_plain { Bound::Exact } else { Bound::Units { units: 1, noise: 1e-5 } };
        hold(&format!("{tile:?} against Flat"), result, &results[0], columns, bound);
    }
}

/// `[rows, k]` of two tensors as the gated product wants them: two rows of each by turns, padding rows of zeros.
fn by_turns([gate, up]: [&[f16]; 2], k: usize) -> Vec<f16> {
    let mut woven = vec![f16::ZERO; 2 * stride(gate.len() / k) * k];
    for (first, tensor) in [(0, gate), (2, up)] {
        for (row, values) in tensor.chunks_exact(k).enumerate() {
            woven[(first + row + row / 2 * 2) * k..][..k].copy_from_slice(values);
        }
    }
    woven
}

#[test]
fn gated_products_match_their_twins_by_every_tile() {
    on_every_bench(|bench| {
        let fixed = [[1, 1, 1], [2, 31, 63], [17, 130, 128], [63, 33, 129], [65, 256, 200], [131, 128, 300]];
        let drawn = cases("linear gated, by each tile", fixed, 1, small);
        for (case, [rows, k, columns]) in drawn {
            // Gates of about 1, the second row's a thousand times that: where exp would leave f32.
            let x = awkward(&format!("x{case}"), rows, k, 1.0 / (k as f64).sqrt());
            let [gate, up] = ["gate", "up"].map(|of| awkward(&format!("{of}{case}"), columns, k, 1.0));
            let [mut want, mut up_sums] = [(); 2].map(|()| vec![f16::ZERO; rows * columns]);
            ops::linear(&x, &gate, k, &mut want);
            ops::linear(&x, &up, k, &mut up_sums);
            ops::swiglu(&mut want, &up_sums);
            let dx = bench.upload(&x, rows, k);
            let weight = by_turns([&gate, &up], k);
            let dw = bench.upload(&weight, weight.len() / k, k);
            for tile in bench.kernels.tiles() {
                // One chunk, and two.
                let chunks = if stride(columns) > TILE { vec![0, TILE] } else { vec![0] };
                let out = bench.unwritten(rows, columns);
                for first in &chunks {
                    let rows_left = 2 * (stride(columns) - first);
                    let (weight_rows, dw) = if chunks.len() == 1 {
                        (rows_left, &dw)
                    } else {
                        let weight_rows = if *first == 0 { 2 * TILE } else { rows_left };
                        let part = &weight[2 * first * k..][..weight_rows * k];
                        (weight_rows, &bench.upload(part, weight_rows, k))
                    };
                    let shape = linear::Shape {
                        rows,
                        k: stride(k),
                        weight_rows,
                        chunk_column: *first,
                        out_stride: stride(columns),
                        leaves: Leaves::Gated,
                    };
                    bench.run(|recorder| {
                        linear::record(recorder, &bench.kernels, tile, [&dx, dw, &out], shape)
                    });
                }
                let got = bench.download(&out, rows, columns);
                // Sums in another order may move gate, silu and up by a unit each before they are joined.
                let noise = Bound::Units { units: 5, noise: 1e-5 };
                hold_finite(
                    &format!("gated {tile:?} [{rows}, {k}] to {columns}, {case}"),
                    &got,
                    &want,
                    columns,
                    noise,
                );
            }
        }
    });
}

/// Overflow to infinity is for both or for neither; the rest is held as ever.
fn hold_finite(what: &str, got: &[f16], want: &[f16], width: usize, bound: Bound) {
    let finite = |x: &f16| if x.is_finite() { *x } else { f16::ZERO };
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.is_finite(), want.is_finite(), "{what}: {got} for {want}");
    }
    let [got, want] = [got, want].map(|values| values.iter().map(finite).collect::<Vec<_>>());
    hold(what, &got, &want, width, bound);
}

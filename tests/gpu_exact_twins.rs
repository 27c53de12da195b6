//! Every kernel of the `exact` profile against its twin in core, to the bit, at sizes that bite, with and without
//! wgpu's bounds checks.
//!
//! Sizes: 1, around a workgroup's 64 threads, primes, around tiles, several dispatches; batches of 1 and 2; a row of
//! zeros and rows of extremes; and sizes that are drawn, `SPHERE_POW_CASES` for each kernel. `same` plants its faults in every row.

#[path = "gpu_exact_twins/products.rs"]
mod products;
#[path = "gpu_exact_twins/streams.rs"]
mod streams;

use pollster::block_on;
use sphere_pow_core::exact::ops::{self, AttentionShape};
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::transcript::Keys;
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_gpu::exact::kernels::leaf::Leaves;
use sphere_pow_gpu::exact::kernels::{attention, embed, merge, norm, swiglu, take_last};
use sphere_pow_gpu::exact::leaves::{hash_on_device, hash_on_twin};
use sphere_pow_gpu::exact::self_test::paint;
use sphere_pow_tests::cases::{cases, pairs};
use sphere_pow_tests::exact_bench::{Bench, on_every_bench, same};

/// Widths of rows that `Params` can ask for.
const DIMS: [usize; 4] = [64, 256, 1024, 4096];
const ROWS: [usize; 5] = [1, 2, 63, 65, 131];

fn wide(values: &[i8]) -> Vec<i32> {
    values.iter().map(|x| i32::from(*x)).collect()
}

fn narrow16(values: &[i32]) -> Vec<i16> {
    values.iter().map(|x| i16::try_from(*x).expect("16 bits")).collect()
}

/// `rows` of a stream: zeros, all at either bound, a single spike, and random rows of sizes from 1 to the bound.
fn rows16(seed: u32, rows: usize, dim: usize, bound: i32) -> Vec<i32> {
    let random = paint(seed, 2 * rows * dim, 127);
    let value = |i: usize| {
        let (row, column) = (i / dim, i % dim);
        let size = [bound, bound / 8, 300, 1][row / 5 % 4];
        match row % 5 {
            0 if rows > 1 => 0,
            1 if row % 2 == 0 => bound,
            1 => -bound,
            2 => {
                if column == row % dim {
                    bound
                } else {
                    0
                }
            }
            3 => {
                if random[i] > 0 {
                    bound
                } else {
                    -bound
                }
            }
            _ => (i32::from(random[2 * i]) * 128 + i32::from(random[2 * i + 1])) * size / 16_384,
        }
    };
    (0..rows * dim).map(value).collect()
}

#[test]
fn embed_matches_its_twin() {
    on_every_bench(|bench| {
        let drawn = cases("embed", [1, 63, 64, 65, 131, 70_001], 1, |d| d.within(1, 300));
        for (case, words) in drawn {
            let x = paint(3 + case, 4 * words, 46);
            let mut want = vec![0; x.len()];
            ops::embed(&x, &mut want);
            let (dx, out) = (bench.upload(&x), bench.unwritten::<i16>(x.len()));
            bench.run(|recorder| embed::record(recorder, &bench.kernels, [&dx, &out], words));
            same(&format!("embed {words}"), &bench.download::<i16>(&out, x.len()), &want);
        }
    });
}

#[test]
fn norm_and_lanes_match_their_twins() {
    on_every_bench(|bench| {
        let positions = |dim: usize| [(0, 1), (0, 5), (dim / 4 - 1, 1), (0, dim / 4)];
        let fixed = pairs(&DIMS, &ROWS).into_iter();
        let fixed = fixed.flat_map(|[dim, rows]| positions(dim).map(|(first, n)| (dim, rows, first, n)));
        let drawn = cases("norm", fixed, 1, |d| {
            let dim = d.of(&DIMS[..3]);
            let n = d.within(1, dim / 4);
            (dim, d.within(1, 40), d.within(0, dim / 4 - n), n)
        });
        for (case, (dim, rows, first_position, positions)) in drawn {
            let x = rows16(5 + case, rows, dim, 24_552);
            let (mut want, mut want_lanes) = (vec![0; x.len()], vec![0; x.len()]);
            ops::norm(&x, dim, &mut want);
            let (rounds, round) = [(1, None), (2, Some(1)), (3, Some(0))][(rows + positions) % 3];
            let keys = paint(6 + case, rows.div_ceil(positions) * rounds * dim, 46);
            for (row, lanes) in want_lanes.chunks_exact_mut(dim).enumerate() {
                let key = round.map(|r| &keys[(row / positions * rounds + r) * dim..][..dim]);
                let position = first_position + row % positions;
                ops::lanes(&want[row * dim..][..dim], key, position, lanes);
            }
            let (dx, dkeys) = (bench.upload(&narrow16(&x)), bench.upload(&keys));
            let (out, lanes) = (bench.unwritten::<i16>(x.len()), bench.unwritten_operands(x.len()));
            let shape = norm::Shape { rows, dim, first_position, positions, rounds, round };
            let buffers = [&dx, &dkeys, &out, &lanes];
            bench.run(|recorder| norm::record(recorder, &bench.kernels, buffers, shape));
            same(&format!("{shape:?}, {case}"), &bench.download::<i16>(&out, x.len()), &want);
            let got = bench.operands(&lanes, x.len());
            same(&format!("lanes, {shape:?}, {case}"), &got, &wide(&want_lanes));
        }
    });
}

#[test]
fn norm_matches_its_twin_on_every_sum_of_squares_near_a_root() {
    on_every_bench(|bench| {
        // Rows of one value c and one value 1 or 0 beside it: sums around c², where the root steps.
        let rows = 2 * 1023;
        let mut x = vec![0; rows * 64];
        for (row, x) in x.chunks_exact_mut(64).enumerate() {
            x[row % 64] = i32::try_from(row / 2 + 1).expect("small");
            x[(row + 1) % 64] = i32::from(row % 2 == 1);
        }
        let mut want = vec![0; x.len()];
        ops::norm(&x, 64, &mut want);
        let (dx, out) = (bench.upload(&narrow16(&x)), bench.unwritten::<i16>(x.len()));
        let lanes = bench.unwritten_operands(x.len());
        let (first_position, positions, rounds, round) = (0, 1, 1, None);
        let keys = bench.upload(&vec![0_i8; rows * 64]);
        let shape = norm::Shape { rows, dim: 64, first_position, positions, rounds, round };
        let buffers = [&dx, &keys, &out, &lanes];
        bench.run(|recorder| norm::record(recorder, &bench.kernels, buffers, shape));
        same("norm near roots", &bench.download::<i16>(&out, x.len()), &want);
    });
}

#[test]
fn merge_matches_its_twin() {
    on_every_bench(|bench| {
        let drawn = cases("merge", pairs(&DIMS, &ROWS), 1, |d| [d.of(&DIMS[..3]), d.within(1, 40)]);
        for (case, [dim, rows]) in drawn {
            let (normed, branch) = (rows16(5 + case, rows, dim, 16_368), rows16(6 + case, rows, dim, 32_767));
            let mut want = vec![0; normed.len()];
            ops::merge(&normed, &branch, dim, &mut want);
            let (a, b) = (bench.upload(&narrow16(&normed)), bench.upload(&narrow16(&branch)));
            let out = bench.unwritten::<i16>(want.len());
            bench.run(|recorder| merge::record(recorder, &bench.kernels, [&a, &b, &out], rows, dim));
            same(&format!("merge [{rows}, {dim}], {case}"), &bench.download::<i16>(&out, want.len()), &want);
        }
    });
}

#[test]
fn leaves_match_their_twin_for_states_of_any_number_of_chunks() {
    let puzzle = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("leaves").expect("a hash"));
    let keys = Keys::new(&puzzle, &PublicKey::new("leaves").expect("a key"));
    for checked in [true, false] {
        let bench = Bench::shared(checked);
        let kernels = block_on(Leaves::new(&bench.gpu, checked)).expect("kernels");
        // One block, a chunk, a chunk and a block, two, odd numbers of them on one level and on several.
        let values = [32, 512, 544, 1024, 1536, 2560, 7 * 512 + 96, 64 * 512, 93 * 512 + 32];
        let drawn =
            cases("leaves", pairs(&values, &[1, 2, 65]), 1, |d| [32 * d.within(1, 130), d.within(1, 5)]);
        for (case, [values, nonces]) in drawn {
            let states = narrow16(&rows16(7 + case, nonces, values, 24_552));
            let key = StreamKey::leaf(puzzle.params(), 3);
            let got = block_on(hash_on_device(&bench.gpu, &kernels, &key, &states, values)).expect("a run");
            let want = hash_on_twin(&keys, 3, &states, values);
            same(&format!("leaves [{nonces}, {values}], {case}"), &got, &want);
        }
    }
}

#[test]
fn swiglu_matches_its_twin_on_every_pair_and_at_every_edge() {
    on_every_bench(|bench| {
        let all = || -127..=127_i8;
        let pairs: Vec<(i8, i8)> = all().flat_map(|g| all().map(move |u| (g, u))).collect();
        let mut inputs: Vec<(Vec<i8>, Vec<i8>)> = [1, 63, 64, 65, 255, 256, 257, 1031]
            .map(|words| (paint(30, 4 * words, 127), paint(31, 4 * words, 127)))
            .into();
        // 255² pairs are no whole number of words: one is left out here and met among the random ones.
        inputs.push(pairs[..pairs.len() - 1].iter().copied().unzip());
        let drawn = cases("swiglu", inputs, 1, |d| {
            let (words, limit) = (d.within(1, 300), d.of(&[1, 9, 127]));
            let seed = d.within(0, 1 << 20) as u32;
            (paint(seed, 4 * words, limit), paint(seed + 1, 4 * words, limit))
        });
        for (_, (gate, up)) in drawn {
            let mut want = gate.clone();
            ops::swiglu(&mut want, &up);
            let (dgate, dup) = (bench.upload(&gate), bench.upload(&up));
            let words = gate.len() / 4;
            let out = bench.unwritten_operands(want.len());
            bench.run(|recorder| swiglu::record(recorder, &bench.kernels, [&dup, &dgate, &out], words));
            same(&format!("swiglu {words}"), &bench.operands(&out, want.len()), &wide(&want));
        }
    });
}

#[test]
fn take_last_matches_its_twin() {
    on_every_bench(|bench| {
        let fixed = [(1, 1, 1), (2, 3, 16), (1, 7, 63), (5, 8, 64), (131, 2, 65), (3, 1, 1024)];
        let drawn = cases("take_last", fixed, 1, |d| (d.within(1, 40), d.within(1, 20), d.within(1, 140)));
        for (_, (nonces, tokens, words)) in drawn {
            let x: Vec<i32> = (0..).take(nonces * tokens * words).collect();
            let last = |row: &[i32]| row[(tokens - 1) * words..].to_vec();
            let want: Vec<i32> = x.chunks_exact(tokens * words).flat_map(last).collect();
            let (dx, out) = (bench.upload(&x), bench.unwritten::<i32>(want.len()));
            let sizes = [nonces, tokens, words];
            bench.run(|recorder| take_last::record(recorder, &bench.kernels, [&dx, &out], sizes));
            same(&format!("take_last {sizes:?}"), &bench.download::<i32>(&out, want.len()), &want);
        }
    });
}

fn attention_on_device(
    bench: &Bench,
    [q, k, v]: [&[i8]; 3],
    nonces: usize,
    shape: AttentionShape,
) -> Vec<i32> {
    let [query, key, value] = [q, k, v].map(|x| bench.upload(x));
    let out = bench.unwritten_operands(q.len());
    let buffers = attention::Buffers { query: &query, key: &key, value: &value, out: &out };
    bench.run(|recorder| attention::record(recorder, &bench.kernels, buffers, nonces, shape));
    bench.operands(&out, q.len())
}

#[test]
fn attention_matches_its_twin() {
    on_every_bench(|bench| {
        let fixed = [
            (1, 1, 1, 4, 16),
            (2, 1, 7, 1, 64),
            (2, 5, 5, 4, 16),
            (1, 32, 32, 4, 64),
            // Two and more blocks of queries: 2048 / 65 = 31, and 64 at most.
            (2, 65, 65, 1, 64),
            (1, 67, 16, 4, 16),
            (1, 3, 1024, 4, 64),
            (1, 1, 257, 16, 16),
        ];
        let drawn = cases("attention", fixed, 3, |d| {
            let tokens = d.within(1, 70);
            (d.within(1, 3), d.within(1, tokens), tokens, d.within(1, 4), d.of(&[16, 64]))
        });
        for (case, (nonces, queries, tokens, heads, head_dim)) in drawn {
            let shape = AttentionShape { queries, tokens, heads, head_dim };
            let dim = heads * head_dim;
            for shrink in [1, 9, 127] {
                let q = paint(50 + 3 * case, nonces * queries * dim, 127);
                let k: Vec<i8> =
                    paint(51 + 3 * case, nonces * tokens * dim, 127).iter().map(|k| k / shrink).collect();
                let v = paint(52 + 3 * case, nonces * tokens * dim, 127);
                let mut want = vec![0; q.len()];
                for nonce in 0..nonces {
                    let (own, all) = (nonce * queries * dim.., nonce * tokens * dim..);
                    let kv = |x: &'static str| match x {
                        "k" => &k[all.clone()][..tokens * dim],
                        _ => &v[all.clone()][..tokens * dim],
                    };
                    let own_q = &q[own.clone()][..queries * dim];
                    ops::attention(own_q, kv("k"), kv("v"), shape, &mut want[own][..queries * dim]);
                }
                let got = attention_on_device(bench, [&q, &k, &v], nonces, shape);
                same(&format!("{nonces} of {shape:?}, keys / {shrink}, {case}"), &got, &wide(&want));
            }
        }
    });
}

#[test]
fn attention_matches_its_twin_at_its_extremes() {
    on_every_bench(|bench| {
        let shape = AttentionShape { queries: 2, tokens: 254, heads: 1, head_dim: 64 };
        let n = shape.tokens * 64;
        let against = |x: i8| (0..n).map(|i| if i < 64 { -x } else { x }).collect::<Vec<i8>>();
        // Equal shares, the widest difference of scores, and nothing at all; values at both bounds.
        for (q, k) in [(0, vec![0; n]), (127, against(127)), (-127, against(127)), (127, vec![127; n])] {
            for v in [127, -127, 0] {
                let (q, v) = (vec![q; 128], vec![v; n]);
                let mut want = vec![0; q.len()];
                ops::attention(&q, &k, &v, shape, &mut want);
                let got = attention_on_device(bench, [&q, &k, &v], 1, shape);
                same("attention at its extremes", &got, &wide(&want));
            }
        }
    });
}

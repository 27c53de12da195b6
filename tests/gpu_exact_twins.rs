//! Every kernel of the `exact` profile against its twin in core, to the bit, at sizes that bite, with and without
//! wgpu's bounds checks.
//!
//! Sizes: 1, around a workgroup's 64 threads, primes, around tiles, several dispatches; batches of 1 and 2; a row of
//! zeros and rows of extremes. `same` plants its faults in every row.

use pollster::block_on;
use sphere_pow_core::exact::ops::{self, AttentionShape, Requant};
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::tables::NORMAL;
use sphere_pow_core::exact::transcript::Keys;
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_gpu::exact::choose::{candidates, compile};
use sphere_pow_gpu::exact::kernels::leaf::Leaves;
use sphere_pow_gpu::exact::kernels::linear::{Method, Variant};
use sphere_pow_gpu::exact::kernels::{WG, attention, embed, merge, norm, stream, swiglu, take_last};
use sphere_pow_gpu::exact::leaves::{hash_on_device, hash_on_twin};
use sphere_pow_gpu::exact::self_test::{self, extremes, paint};
use sphere_pow_gpu::recorder;
use sphere_pow_tests::exact_bench::{Bench, on_every_bench, same};
use sphere_pow_tests::gpu::{adapter, as_hardware};

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
            1 => {
                if row % 2 == 0 {
                    bound
                } else {
                    -bound
                }
            }
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
fn the_keystream_is_that_of_rand_chacha() {
    let gpu = &Bench::shared(true).gpu;
    let constants = [("WG", f64::from(WG))];
    let compiled = block_on(gpu.compile_kernel(&stream::KERNEL, &constants, true)).expect("compiles");
    // Bytes as they are instead of through the normal table.
    let identity: Vec<u32> = (0..256).collect();
    let table = gpu.buffer("identity", 1024);
    gpu.write(&table, 0, bytemuck::cast_slice(&identity));
    let key = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("stream").expect("a hash")).weights_key();
    let near = |edge: u64| [edge - 2, edge - 1, edge];
    let counters = [0, 1].into_iter().chain(near(1 << 32)).chain(near(1 << 33)).chain(near(1 << 57));
    for counter in counters {
        for (number, blocks) in [(0, 1), (7, 63), (1 << 32, 64), (u64::MAX >> 1, 65), (u64::MAX, 131)] {
            let numbers: [u64; 1] = [number];
            let streams = gpu.buffer("streams", 8);
            gpu.write(&streams, 0, bytemuck::cast_slice(&numbers));
            let out = gpu.buffer("out", 64 * blocks);
            let words: [u32; 8] = bytemuck::pod_read_unaligned(key.as_bytes());
            let count = u32::try_from(blocks).expect("few");
            let halves =
                [counter & 0xffff_ffff, counter >> 32].map(|half| u32::try_from(half).expect("32 bits"));
            let dims = stream::Dims {
                key: bytemuck::cast(words),
                counter: halves,
                first_stream: 0,
                blocks_per_stream: count,
                first_block: 0,
                end_block: count,
                out_first: 0,
                padding: 0,
            };
            let buffers = [&table, &streams, &out];
            let groups = [count.div_ceil(WG), 1];
            block_on(recorder::run(gpu, |recorder| {
                recorder.dispatch(&compiled, bytemuck::bytes_of(&dims), &buffers, groups, 1.0)
            }))
            .expect("a run");
            let mut want = vec![0; 64 * usize::try_from(blocks).expect("few")];
            key.read(number, 64 * counter, &mut want);
            let got = block_on(gpu.read(&out, 64 * blocks)).expect("bytes");
            let int = |bytes: &[u8]| bytes.iter().map(|b| i32::from(*b)).collect::<Vec<_>>();
            same(&format!("stream {number} from block {counter}"), &int(&got), &int(&want));
        }
    }
}

fn drawn(key: &StreamKey, number: u64, first: u64, n: usize) -> Vec<i32> {
    let mut bytes = vec![0; n];
    key.read(number, first, &mut bytes);
    bytes.into_iter().map(|byte| NORMAL[usize::from(byte)].into()).collect()
}

#[test]
fn streams_through_the_normal_table_match_their_twin() {
    on_every_bench(|bench| {
        let puzzle = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("streams").expect("a hash"));
        let key = puzzle.inputs_key(&PublicKey::new("streams").expect("a key"));
        let numbers: Vec<u64> = (0..70).map(|i| i * 0x1_2345_6789).collect();
        let streams = bench.upload(&numbers);
        // The last takes several dispatches.
        for (count, blocks, first_stream, first_block, out_block) in
            [(1, 1, 0, 0, 0), (1, 64, 3, 5, 1), (2, 63, 1, 1 << 20, 0), (5, 13, 60, 9, 7), (70, 131, 0, 0, 2)]
        {
            let shape = stream::Shape { first_stream, streams: count, first_block, blocks, out_block };
            let out = bench.unwritten::<i8>((out_block + count * blocks) * 64);
            bench.run(|recorder| stream::record(recorder, &bench.kernels, &key, [&streams, &out], shape));
            let got = bench.download::<i8>(&out, (out_block + count * blocks) * 64);
            let mut want = vec![0x5a; out_block * 64];
            for number in &numbers[first_stream..first_stream + count] {
                want.extend(drawn(&key, *number, 64 * first_block, 64 * blocks));
            }
            same(&format!("{shape:?}"), &got, &want);
        }
    });
}

#[test]
fn embed_matches_its_twin() {
    on_every_bench(|bench| {
        for words in [1, 63, 64, 65, 131, 70_001] {
            let x = paint(3, 4 * words, 46);
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
        for dim in DIMS {
            for rows in ROWS {
                for (first_position, positions) in [(0, 1), (0, 5), (dim / 4 - 1, 1), (0, dim / 4)] {
                    let x = rows16(5, rows, dim, 24_552);
                    let (mut want, mut want_lanes) = (vec![0; x.len()], vec![0; x.len()]);
                    ops::norm(&x, dim, &mut want);
                    let (rounds, round) = [(1, None), (2, Some(1)), (3, Some(0))][(rows + positions) % 3];
                    let keys = paint(6, rows.div_ceil(positions) * rounds * dim, 46);
                    for (row, lanes) in want_lanes.chunks_exact_mut(dim).enumerate() {
                        let key = round.map(|r| &keys[(row / positions * rounds + r) * dim..][..dim]);
                        let position = first_position + row % positions;
                        ops::lanes(&want[row * dim..][..dim], key, position, lanes);
                    }
                    let (dx, dkeys) = (bench.upload(&narrow16(&x)), bench.upload(&keys));
                    let (out, lanes) = (bench.unwritten::<i16>(x.len()), bench.unwritten::<i8>(x.len()));
                    let shape = norm::Shape { rows, dim, first_position, positions, rounds, round };
                    let buffers = [&dx, &dkeys, &out, &lanes];
                    bench.run(|recorder| norm::record(recorder, &bench.kernels, buffers, shape));
                    same(&format!("{shape:?}"), &bench.download::<i16>(&out, x.len()), &want);
                    let got = bench.download::<i8>(&lanes, x.len());
                    same(&format!("lanes, {shape:?}"), &got, &wide(&want_lanes));
                }
            }
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
        let lanes = bench.unwritten::<i8>(x.len());
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
        for dim in DIMS {
            for rows in ROWS {
                let (normed, branch) = (rows16(5, rows, dim, 16_368), rows16(6, rows, dim, 32_767));
                let mut want = vec![0; normed.len()];
                ops::merge(&normed, &branch, dim, &mut want);
                let (a, b) = (bench.upload(&narrow16(&normed)), bench.upload(&narrow16(&branch)));
                let out = bench.unwritten::<i16>(want.len());
                bench.run(|recorder| merge::record(recorder, &bench.kernels, [&a, &b, &out], rows, dim));
                same(&format!("merge [{rows}, {dim}]"), &bench.download::<i16>(&out, want.len()), &want);
            }
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
        for values in [32, 512, 544, 1024, 1536, 2560, 7 * 512 + 96, 64 * 512, 93 * 512 + 32] {
            for nonces in [1, 2, 65] {
                let states = narrow16(&rows16(7, nonces, values, 24_552));
                let key = StreamKey::leaf(puzzle.params(), 3);
                let got =
                    block_on(hash_on_device(&bench.gpu, &kernels, &key, &states, values)).expect("a run");
                let want = hash_on_twin(&keys, 3, &states, values);
                same(&format!("leaves [{nonces}, {values}]"), &got, &want);
            }
        }
    }
}

#[test]
fn swiglu_matches_its_twin_on_every_pair_and_at_every_edge() {
    on_every_bench(|bench| {
        let all = || -127..=127_i8;
        let pairs: Vec<(i8, i8)> = all().flat_map(|g| all().map(move |u| (g, u))).collect();
        let mut cases: Vec<(Vec<i8>, Vec<i8>)> = [1, 63, 64, 65, 255, 256, 257, 1031]
            .map(|words| (paint(30, 4 * words, 127), paint(31, 4 * words, 127)))
            .into();
        // 255² pairs are no whole number of words: one is left out here and met among the random ones.
        cases.push(pairs[..pairs.len() - 1].iter().copied().unzip());
        for (gate, up) in cases {
            let mut want = gate.clone();
            ops::swiglu(&mut want, &up);
            let (dgate, dup) = (bench.upload(&gate), bench.upload(&up));
            let words = gate.len() / 4;
            bench.run(|recorder| swiglu::record(recorder, &bench.kernels, [&dup, &dgate], words));
            same(&format!("swiglu {words}"), &bench.download::<i8>(&dgate, want.len()), &wide(&want));
        }
    });
}

#[test]
fn take_last_matches_its_twin() {
    on_every_bench(|bench| {
        for (nonces, tokens, words) in
            [(1, 1, 1), (2, 3, 16), (1, 7, 63), (5, 8, 64), (131, 2, 65), (3, 1, 1024)]
        {
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
    let out = bench.unwritten::<i8>(q.len());
    let buffers = attention::Buffers { query: &query, key: &key, value: &value, out: &out };
    bench.run(|recorder| attention::record(recorder, &bench.kernels, buffers, nonces, shape));
    bench.download::<i8>(&out, q.len())
}

#[test]
fn attention_matches_its_twin() {
    on_every_bench(|bench| {
        for (nonces, queries, tokens, heads, head_dim) in [
            (1, 1, 1, 4, 16),
            (2, 1, 7, 1, 64),
            (2, 5, 5, 4, 16),
            (1, 32, 32, 4, 64),
            // Two and more blocks of queries: 2048 / 65 = 31, and 64 at most.
            (2, 65, 65, 1, 64),
            (1, 67, 16, 4, 16),
            (1, 3, 1024, 4, 64),
            (1, 1, 257, 16, 16),
        ] {
            let shape = AttentionShape { queries, tokens, heads, head_dim };
            let dim = heads * head_dim;
            for shrink in [1, 9, 127] {
                let q = paint(50, nonces * queries * dim, 127);
                let k: Vec<i8> = paint(51, nonces * tokens * dim, 127).iter().map(|k| k / shrink).collect();
                let v = paint(52, nonces * tokens * dim, 127);
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
                same(&format!("{nonces} of {shape:?}, keys / {shrink}"), &got, &wide(&want));
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

#[test]
fn every_variant_of_linear_matches_its_twin() {
    let info = adapter();
    // Software drivers with matrix units have narrower subgroups than mining takes.
    let own_units = info.matrix_units.filter(|units| units.block == 8).map(|units| {
        let [wg_y, steps, ahead] = [1; 3];
        Variant { method: Method::Coop8, wg_x: 4 * units.subgroup_threads, wg_y, steps, k_vecs: 2, ahead }
    });
    for checked in [true, false] {
        let gpu = &Bench::shared(checked).gpu;
        // What blocks of 16 give is the hardware's own; opening a device tests it.
        let others = candidates(&as_hardware(&info), None).into_iter().filter(|v| v.method != Method::Coop16);
        for variant in own_units.into_iter().chain(others) {
            let linear = block_on(compile(gpu, variant, checked)).expect("compiles");
            let (tile_rows, tile_columns) = (variant.rows(), variant.columns());
            let rows = [1, 2, tile_rows - 1, tile_rows, tile_rows + 1, 2 * tile_rows + 3];
            let requants = [Requant::Int8, Requant::Branch, Requant::Raw];
            for (ix, rows) in rows.into_iter().enumerate() {
                let (k, requant) = ([64, 256, 1024][ix % 3], requants[ix % 3]);
                let columns = (1 + ix % 2) * tile_columns;
                let (mut x, weight) = (paint(60, rows * k, 127), paint(61, columns * k, 46));
                x[..k].fill(0);
                let got = block_on(self_test::linear_on_device(gpu, &linear, &x, &weight, k, requant))
                    .expect("runs");
                let want = self_test::linear_on_twin(&x, &weight, k, requant);
                same(&format!("{variant}: [{rows}, {k}] x [{columns}, {k}], {requant:?}"), &got, &want);
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

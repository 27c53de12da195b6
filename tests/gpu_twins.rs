//! Every kernel against its twin in core, at sizes that bite, with and without wgpu's bounds checks.
//!
//! Sizes: 1, around a workgroup's 64 threads (words are pairs, so around 128 columns), primes, around tiles, several
//! dispatches; batches of 1 and 2; a row of zeros and a huge one; and sizes that are drawn, `SPHERE_POW_CASES` for each kernel. `hold`
//! plants its faults in every row.

#[path = "gpu_twins/products.rs"]
mod products;

use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::ops::{self, AttentionShape, RopeTable};
use sphere_pow_core::gonka::params::{Params, RawParams};
use sphere_pow_core::gonka::weights::{LayerTensor, Tensor, TensorView, weight_pool};
use sphere_pow_core::identity::BlockHash;
use sphere_pow_gpu::gonka::kernels::repack::Turns;
use sphere_pow_gpu::gonka::kernels::{KernelOptions, add, attention, rms_norm, rope, take_last};
use sphere_pow_gpu::gonka::layout::{Layout, TILE, stride};
use sphere_pow_gpu::gonka::pool::DevicePool;
use sphere_pow_gpu::gonka::self_test;
use sphere_pow_tests::cases::{cases, pairs};
use sphere_pow_tests::gpu::{Bench, Bound, awkward, go_on, hold};

/// Columns: even ones at the edges of words, workgroups and tiles, and an odd prime.
const WIDTHS: [usize; 9] = [2, 62, 126, 127, 128, 130, 254, 256, 1000];
const ROWS: [usize; 5] = [1, 2, 3, 65, 131];

fn on_every_bench(row: impl Fn(&Bench)) {
    for (checked, native) in [(true, false), (false, false), (false, true)] {
        row(Bench::shared(checked, native));
    }
}

#[test]
fn rms_norm_matches_its_twin() {
    on_every_bench(|bench| {
        let drawn = cases("rms_norm", pairs(&ROWS, &WIDTHS), 1, |d| [d.within(1, 70), d.within(1, 260)]);
        for (case, [rows, width]) in drawn {
            let x = awkward(&format!("x{case}"), rows, width, 1.0);
            let weight = awkward(&format!("weight{case}"), 1, width, 0.02);
            let mut want = vec![f16::ZERO; x.len()];
            ops::rms_norm(&x, &weight, 1e-5, &mut want);
            let out = bench.unwritten(rows, width);
            let (x, weight) = (bench.upload(&x, rows, width), bench.upload(&weight, 1, width));
            let shape = rms_norm::Shape { rows, dim: width, stride: stride(width), eps: 1e-5 };
            bench.run(|recorder| rms_norm::record(recorder, &bench.kernels, &x, &weight, &out, shape));
            let noise = Bound::Units { units: 2, noise: 0.0 };
            let got = bench.download(&out, rows, width);
            hold(&format!("rms_norm [{rows}, {width}], {case}"), &got, &want, width, noise);
        }
    });
}

fn raw(dim: i64, heads: [i64; 2], seq_len: i64) -> RawParams {
    RawParams {
        dim,
        n_layers: 1,
        n_heads: heads[0],
        n_kv_heads: heads[1],
        vocab_size: 67,
        ffn_dim_multiplier: None,
        multiple_of: 1,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        use_scaled_rope: true,
        seq_len,
    }
}

#[test]
fn rope_matches_its_twin() {
    on_every_bench(|bench| {
        let fixed = [(2, 1, 1), (126, 9, 7), (128, 1, 64), (130, 5, 65), (1000, 250, 3)];
        let drawn = cases("rope", fixed, 3, |d| {
            let heads = d.within(1, 8);
            let dim = 2 * heads * d.within(1, 16);
            (dim as i64, heads as i64, d.within(1, 40) as i64)
        });
        for (case, (dim, heads, seq_len)) in drawn {
            let params = Params::new(&raw(dim, [heads, heads], seq_len)).expect("valid");
            let (width, seq_len) = (params.dim(), params.seq_len());
            let table = RopeTable::new(&params);
            let pairs: Vec<f16> = table.cos.iter().zip(&table.sin).flat_map(|(c, s)| [*c, *s]).collect();
            let buffer = bench.gpu.buffer("table", pairs.len() as u64 * 2);
            bench.gpu.write(&buffer, 0, bytemuck::cast_slice(&pairs));
            for (rows, first_position, positions) in
                [(seq_len, 0, seq_len), (2 * seq_len, 0, seq_len), (3, seq_len - 1, 1)]
            {
                let x = awkward(&format!("x{case}"), rows, width, 1.0);
                let mut want = x.clone();
                ops::rope(&mut want, width, &table, |row| first_position + row % positions);
                let x = bench.upload(&x, rows, width);
                let pairs = table.pairs;
                let stride = stride(width);
                let shape = rope::Shape { rows, width, stride, pairs, first_position, positions };
                bench.run(|recorder| rope::record(recorder, &bench.kernels, &buffer, &x, shape));
                // Two products may cancel: fused or not, each is off by 2^-24 of the largest.
                let noise = Bound::Units { units: 1, noise: 1e-6 };
                let got = bench.download(&x, rows, width);
                hold(&format!("rope [{rows}, {width}] of {heads} heads, {case}"), &got, &want, width, noise);
            }
        }
    });
}

#[test]
fn attention_matches_its_twin() {
    on_every_bench(|bench| {
        let fixed = [
            (1, 1, 1, 2),
            (4, 16, 16, 32),
            (63, 4, 2, 28),
            (64, 2, 1, 6),
            (65, 3, 3, 130),
            (127, 2, 2, 64),
            (257, 6, 2, 22),
        ];
        let drawn = cases("attention", fixed, 4, |d| {
            let kv_heads = d.within(1, 3);
            (d.within(1, 70), kv_heads * d.within(1, 3), kv_heads, 2 * d.within(1, 20))
        });
        for (case, (seq_len, heads, kv_heads, head_dim)) in drawn {
            for (nonces, queries) in [(1, seq_len), (2, seq_len), (1, 1), (3, 1)] {
                let (width, kv_width) = (heads * head_dim, kv_heads * head_dim);
                let query = awkward(&format!("query{case}"), nonces * queries, width, 0.03);
                let key = awkward(&format!("key{case}"), nonces * seq_len, kv_width, 0.03);
                let value = awkward(&format!("value{case}"), nonces * seq_len, kv_width, 0.02);
                let shape = AttentionShape { seq_len, queries, heads, kv_heads, head_dim };
                let mut want = vec![f16::ZERO; query.len()];
                ops::attention(&query, &key, &value, shape, &mut want);
                let out = bench.unwritten(nonces * queries, width);
                let query = bench.upload(&query, nonces * queries, width);
                let [key, value] = [&key, &value].map(|x| bench.upload(x, nonces * seq_len, kv_width));
                let buffers = attention::Buffers { query: &query, key: &key, value: &value, out: &out };
                let strides = [stride(width), stride(kv_width)];
                bench.run(|recorder| {
                    attention::record(recorder, &bench.kernels, buffers, nonces, shape, strides)
                });
                // A score of about 1 that rounds the other way moves its weight by a thousandth.
                let noise = Bound::Units { units: 1, noise: 4e-3 };
                let got = bench.download(&out, nonces * queries, width);
                let what = format!("attention {shape:?} of {nonces}, {case}");
                hold(&what, &got, &want, width, noise);
            }
        }
    });
}

#[test]
fn add_matches_its_twin() {
    on_every_bench(|bench| {
        let drawn = cases("add", pairs(&ROWS, &WIDTHS), 1, |d| [d.within(1, 70), d.within(1, 260)]);
        for (case, [rows, width]) in drawn {
            let [x, y] = [("x", 1.0), ("y", 0.02)]
                .map(|(of, scale)| awkward(&format!("{of}{case}"), rows, width, scale));
            let mut want = x.clone();
            ops::add(&mut want, &y);
            let (x, y) = (bench.upload(&x, rows, width), bench.upload(&y, rows, width));
            bench.run(|recorder| add::record(recorder, &bench.kernels, &y, &x, rows, stride(width)));
            let got = bench.download(&x, rows, width);
            hold(
                &format!("add [{rows}, {width}]"),
                &got,
                &want,
                width,
                Bound::Units { units: 1, noise: 0.0 },
            );
        }
    });
}

#[test]
fn take_last_matches_its_twin() {
    on_every_bench(|bench| {
        let sizes = [(1, 1), (1, 7), (2, 1), (2, 64), (65, 3)];
        let fixed =
            WIDTHS.into_iter().flat_map(|width| sizes.map(|(nonces, seq_len)| (width, nonces, seq_len)));
        let drawn = cases("take_last", fixed, 1, |d| (d.within(1, 260), d.within(1, 20), d.within(1, 20)));
        for (case, (width, nonces, seq_len)) in drawn {
            let x = awkward(&format!("x{case}"), nonces * seq_len, width, 1.0);
            let rows = x.chunks_exact(seq_len * width);
            let want: Vec<f16> = rows.flat_map(|nonce| &nonce[(seq_len - 1) * width..]).copied().collect();
            let out = bench.unwritten(nonces, width);
            let x = bench.upload(&x, nonces * seq_len, width);
            let sizes = [nonces, seq_len, stride(width)];
            bench.run(|recorder| take_last::record(recorder, &bench.kernels, &x, &out, sizes));
            let got = bench.download(&out, nonces, width);
            hold(&format!("take_last {nonces} of {seq_len}, {width}"), &got, &want, width, Bound::Exact);
        }
    });
}

#[test]
fn repack_matches_its_twin() {
    // Odd widths throughout. The pool of the first is in one piece, and w1 to w3 are tiled and rotated over it;
    // the pool of the second is cut into chunks under the tight limit, and `output` goes round it ten times.
    let fixed = [(142, 1.703, 501), (142, 1.703, 20_001)];
    // A model has eight matrices, seven of which are unpacked in three ways, under two limits.
    let drawn = cases("repack", fixed, 40, |d| {
        (2 * d.within(1, 40) as i64, d.within(5, 40) as f64 / 10.0, d.within(2, 400) as i64)
    });
    for (case, (dim, multiplier, vocab_size)) in drawn {
        let mut odd = raw(dim, [1, 1], 2);
        (odd.multiple_of, odd.ffn_dim_multiplier, odd.vocab_size) = (1, Some(multiplier), vocab_size);
        let params = Params::new(&odd).expect("valid");
        assert!(case > 0 || params.hidden() == 643);
        let tensors = LayerTensor::ALL.map(|t| Tensor::Layer(0, t)).into_iter();
        let tensors: Vec<Tensor> = tensors.chain([Tensor::Norm, Tensor::Output]).collect();
        // Several block hashes: their offsets are odd and even.
        for (block, checked) in [("a", true), ("b", false), ("c", false)] {
            let bench = Bench::shared(checked, false);
            let block = BlockHash::new(&format!("{block}{case}")).expect("a hash");
            let pool = weight_pool(&params, &block);
            // One tile of the widest tensor, or two where gate and up take turns.
            let tight = TILE * stride(params.hidden()).max(2 * stride(params.dim())) * 2;
            for max_binding in [None, Some(tight as u64)] {
                let info = bench.gpu.info().clone();
                let layout = Layout::new(&params, &info.name, &info.limits, max_binding).expect("fits");
                let device_pool = DevicePool::new(&bench.gpu, &layout, pool.len());
                let mut device_pool = block_on(device_pool).expect("memory");
                block_on(device_pool.fill(&bench.gpu, &pool, &mut go_on)).expect("uploaded");
                for tensor in &tensors {
                    let view = TensorView::new(&params, &block, *tensor);
                    repack_every_chunk(bench, &layout, &device_pool, &pool, &view);
                }
            }
        }
    }
}

fn repack_every_chunk(
    bench: &Bench,
    layout: &Layout,
    on_device: &DevicePool,
    pool: &[f16],
    view: &TensorView,
) {
    let chunk_rows = layout.chunk_rows(view.cols);
    for first in (0..view.rows).step_by(chunk_rows) {
        let end = view.rows.min(first + chunk_rows);
        let mut want = vec![f16::ZERO; (end - first) * view.cols];
        view.read(pool, first * view.cols, &mut want);
        let padded = if view.rows > 1 { (end - first).next_multiple_of(TILE) } else { 1 };
        for turns in [Turns::Alone, Turns::First, Turns::Second] {
            let (is_alone, cols) = (turns == Turns::Alone, view.cols);
            if !is_alone && view.rows == 1 {
                continue;
            }
            let chunk_rows = if is_alone { padded } else { 2 * padded };
            let chunk = bench.unwritten(chunk_rows, cols);
            bench.run(|recorder| on_device.unpack(recorder, &bench.kernels, view, first..end, turns, &chunk));
            let got = bench.download(&chunk, chunk_rows, cols);
            let is_second = |row: usize| row / 2 % 2 == 1;
            let (ours, others): (Vec<_>, Vec<_>) = got
                .chunks_exact(cols)
                .enumerate()
                .partition(|(row, _)| is_alone || is_second(*row) == (turns == Turns::Second));
            let ours: Vec<f16> = ours.into_iter().flat_map(|(_, row)| row).copied().collect();
            hold(&format!("{view:?} {turns:?}"), &ours[..want.len()], &want, cols, Bound::Exact);
            assert!(ours[want.len()..].iter().all(|x| x.to_bits() == 0), "padding rows are zero");
            assert!(
                others.iter().all(|(_, row)| row.iter().all(|x| x.is_nan())),
                "the other's rows are kept"
            );
        }
    }
}

#[test]
fn widening_is_exact_for_every_f16() {
    let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    for native in [false, true] {
        let options = KernelOptions {
            checked: true,
            native_unpack: native,
            native_pack: native,
            ahead: true,
            max_seq: 1,
        };
        let gpu = &Bench::shared(true, native).gpu;
        let got = block_on(self_test::widen(gpu, options, &all)).expect("widened");
        let exact = |(x, got): (&f16, &f32)| {
            let want = x.to_f32();
            want.to_bits() == got.to_bits() || (want.is_nan() && got.is_nan())
        };
        let wrong = all.iter().zip(&got).filter(|pair| !exact(*pair)).count();
        println!("{wrong} f16 values unpacked wrongly, native: {native}");
        // The driver's own unpacking may be wrong: the start-up test finds out and does without.
        assert!(native || wrong == 0, "{wrong} of 65536");
        let mut faulty = got;
        faulty[1] = 0.0;
        assert!(!exact((&all[1], &faulty[1])), "a flushed subnormal must be caught");
    }
}

#[test]
fn narrowing_rounds_to_nearest_even() {
    let gpu = &Bench::shared(true, false).gpu;
    let options = KernelOptions { checked: true, max_seq: 1, ..KernelOptions::default() };
    let mut hard = self_test::hard_to_round();
    hard.extend([f32::NAN, -f32::NAN]);
    // All exponents, mantissas by a stride that is a large prime.
    hard.extend((0..200_000_u32).map(|i| f32::from_bits(i.wrapping_mul(2_654_435_761))));
    let got = block_on(self_test::narrow(gpu, options, &hard)).expect("narrowed");
    for (x, got) in hard.iter().zip(&got) {
        let want = f16::from_f32(*x);
        let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
        assert!(same, "{x:e} ({:#010x}) became {got}, not {want}", x.to_bits());
    }
    let tie = hard.iter().position(|x| *x == 1.0 + 1.0 / 2048.0).expect("ties are among them");
    assert_eq!(got[tie], f16::ONE, "a tie goes to the even neighbour, not up");
}

//! How fast each kernel is on the adapter, in the unit that the pace counts in. Not a test: run it by name.

use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::ops::AttentionShape;
use sphere_pow_gpu::GpuError;
use sphere_pow_gpu::gonka::kernels::linear::{self, Leaves};
use sphere_pow_gpu::gonka::kernels::repack::{self, Turns};
use sphere_pow_gpu::gonka::kernels::{attention, rms_norm, rope};
use sphere_pow_gpu::pace::Pace;
use sphere_pow_gpu::recorder::Recorder;
use sphere_pow_tests::gpu::{Bench, awkward, go_on};
use std::time::Instant;

fn report(bench: &Bench, what: &str, work: f64, record: impl Fn(&mut Recorder<'_>) -> Result<(), GpuError>) {
    let mut pace = Pace::new(2e9);
    let mut best = f64::MAX;
    for _ in 0..3 {
        let mut progress = go_on;
        let mut recorder = Recorder::new(&bench.gpu, &mut pace, 1.0, &mut progress);
        record(&mut recorder).expect("recorded");
        let start = Instant::now();
        block_on(recorder.finish()).expect("done");
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{what:40} {:9.2} ms {:9.3} G/s, pace {:.3} G/s",
        best * 1e3,
        work / best / 1e9,
        pace.rate() / 1e9
    );
}

#[test]
#[ignore = "a measurement"]
fn reports_the_speed_of_every_kernel() {
    let bench = Bench::shared(false, true);
    let (rows, dim, hidden) = (128, 1024, 4096);
    let zeros = |rows: usize, width: usize| bench.upload(&vec![f16::ZERO; rows * width], rows, width);
    let [x, y] = [(); 2].map(|()| bench.upload(&awkward("x", rows, dim, 0.1), rows, dim));
    let (gate, weight) = (zeros(rows, hidden), zeros(hidden, dim));
    for tile in bench.kernels.tiles() {
        for rows in [tile.rows().min(16), 64, 128] {
            for leaves in Leaves::ALL {
                let (k, weight_rows, chunk_column, out_stride) = (dim, 1024, 0, hidden);
                let shape = linear::Shape { rows, k, weight_rows, chunk_column, out_stride, leaves };
                let work = (2 * rows * dim * weight_rows) as f64;
                report(bench, &format!("linear {tile:?} {leaves:?} {rows} rows, flop"), work, |recorder| {
                    linear::record(recorder, &bench.kernels, tile, [&x, &weight, &gate], shape)
                });
            }
        }
    }
    let words = (rows * dim / 2) as f64;
    let norm = rms_norm::Shape { rows, dim, stride: dim, eps: 1e-5 };
    report(bench, "rms_norm, words", words, |r| rms_norm::record(r, &bench.kernels, &x, &weight, &y, norm));
    let turn = rope::Shape { rows, width: dim, stride: dim, pairs: 16, first_position: 0, positions: rows };
    report(bench, "rope, words", words, |r| rope::record(r, &bench.kernels, &weight, &x, turn));
    let shape = AttentionShape { seq_len: rows, queries: rows, heads: 32, kv_heads: 32, head_dim: dim / 32 };
    let buffers = attention::Buffers { query: &x, key: &x, value: &x, out: &y };
    report(bench, "attention, multiply-adds", (rows * rows * dim) as f64, |r| {
        attention::record(r, &bench.kernels, buffers, 1, shape, [dim, dim])
    });
    let (copied, turns) = (hidden - 8, Turns::Alone);
    let copy = repack::Shape { rows: copied, cols: dim, padded_rows: copied, stride: dim, turns };
    let pool = zeros(hidden, dim);
    for source in [0, 1] {
        report(bench, &format!("repack from {source}, vec"), (copy.rows * dim / 8) as f64, |r| {
            repack::record(r, &bench.kernels, [&pool, &weight], copy, 0..copy.rows * dim, source)
        });
    }
}

#[test]
#[ignore = "a measurement"]
fn reports_what_a_step_of_training_takes_by_kernel() {
    use sphere_pow_core::train::merge::Agreed;
    use sphere_pow_core::train::{Lane, Preset, State};
    use sphere_pow_gpu::train::self_test::run_of;
    use sphere_pow_gpu::train::{GpuTrainer, GpuTrainerOptions, Method};
    let params = Preset::Nano.params();
    let (run, lane) = (run_of(&params), Lane { round: 0, lane: 0, seed: [1; 32] });
    let state = State::start(&params, &Agreed::fresh(&params, run.id()).theta);
    for method in Method::ALL {
        let options = GpuTrainerOptions { method: Some(method), checked: false };
        let mut trainer = block_on(GpuTrainer::new(&sphere_pow_tests::gpu::adapter(), &params, options))
            .expect("a trainer");
        for _ in 0..2 {
            let since = Instant::now();
            let times = block_on(trainer.times(&run, &lane, 0..2, &state)).expect("times");
            let all: f64 = times.values().map(|time| time.seconds).sum();
            println!("{}: {:.1} ms on the device, {:?} in all", method.name(), all * 1e3, since.elapsed());
            for (name, time) in times {
                let (ms, dispatches) = (time.seconds * 1e3, time.dispatches);
                println!("{name:28} {dispatches:4} {ms:9.3} ms {:8.2} G/s", time.cost / time.seconds / 1e9);
            }
        }
    }
}

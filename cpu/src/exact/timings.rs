use super::activations::*;
use super::kernels::*;
use super::ops::attention::attention;
use super::ops::join::{Source, join};
use super::ops::linear::{Output, linear};
use super::ops::swiglu::swiglu;
use super::run::Run;
use super::weights::Weights;
use core::sync::atomic::{AtomicBool, AtomicU64};
use sphere_pow_core::exact::ops::AttentionShape;
use sphere_pow_core::exact::weights::{LayerTensor, Tensor};
use sphere_pow_core::exact::*;
use sphere_pow_core::identity::BlockHash;

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn best(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let from = std::time::Instant::now();
    while from.elapsed().as_secs_f64() < 0.3 {
        let start = std::time::Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

#[test]
#[ignore]
fn timings() {
    let params = Preset::Standard.params();
    let puzzle = Puzzle::new(&params, &BlockHash::new("t").unwrap());
    let fly = Weights::on_the_fly(&puzzle);
    let small = Puzzle::new(
        &Params::new(&params::RawParams { layers: 2, ..params.raw() }).unwrap(),
        &BlockHash::new("t").unwrap(),
    );
    for kernels in Kernels::available().filter(|k| std::env::var("K").map_or(true, |n| n == k.name())) {
        let present = Present::new(kernels).unwrap();
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut packed = Weights::on_the_fly(&small);
        let start = cpu_seconds();
        crate::threads::Threads::new(None).unwrap();
        let _ = start;
        for is_pack in [true] {
            if is_pack {
                packed.pack(present, &stop, &done, &mut || ());
            }
        }
        let mut poll = || ();
        let mut run = Run { kernels: present, stop: &stop, done: &done, poll: &mut poll, is_serial: true };
        let mut scratch = crate::exact::memory::Aligned::default();
        let t = best(|| {
            for i in 0..4 {
                fly.panel(present, Tensor::Output, i, &mut scratch);
            }
        });
        println!("{kernels}: make {:.2} GB/s", 4.0 * 1024.0 * PANEL as f64 / t / 1e9);
        for rows in [128, 256, 1024] {
            if kernels == Kernels::Portable && rows > 128 {
                continue;
            }
            let mut x = Operand::default();
            x.reshape(rows, 1024);
            let mut n = 1_u32;
            for mut part in x.chunks_mut(1) {
                for v in part.row_mut(0) {
                    n = n.wrapping_mul(1664525).wrapping_add(1013904223);
                    *v = ((n >> 24) as i8).max(-127);
                }
                part.sum_up(0);
            }
            let mut q = Panels::default();
            let mut k = Panels::default();
            let mut v = Panels::default();
            q.reshape(rows, 1024);
            k.reshape(rows, 1024);
            v.reshape(rows, 1024);
            let tq = Tensor::Layer(0, LayerTensor::Wq);
            let t = best(|| linear(&mut run, &x, &packed, vec![(tq, Output::Int8(&mut q))]));
            let base = 2.0 * rows as f64 * 1024.0 * 1024.0;
            print!("{kernels} rows {rows}: linear {:.0} GOP/s", base / t / 1e9);
            let layer = 7.0 * t;
            linear(
                &mut run,
                &x,
                &packed,
                vec![
                    (Tensor::Layer(0, LayerTensor::Wk), Output::Int8(&mut k)),
                    (Tensor::Layer(0, LayerTensor::Wv), Output::Int8(&mut v)),
                ],
            );
            let mut out = Operand::default();
            let shape = AttentionShape { queries: 32, tokens: 32, heads: 16, head_dim: 64 };
            let t = best(|| attention(&mut run, [&q, &k, &v], shape, &mut out));
            print!("  attention {:.1} %", 100.0 * t / layer);
            let t = best(|| swiglu(&mut run, &q, &k, &mut out));
            print!("  swiglu {:.1} %", 100.0 * t / layer);
            let mut branch = Panels::default();
            branch.reshape(rows, 1024);
            linear(&mut run, &x, &packed, vec![(tq, Output::Branch(&mut branch))]);
            let mut normed = vec![7_i16; rows * 1024];
            let t = best(|| join(&mut run, Source::Branch(&branch), 1024, |r| r % 32, &mut normed, &mut out));
            println!("  2 joins {:.1} %", 200.0 * t / layer);
        }
    }
}

//! The GPU executor against the known distances of the network, and what it does when things go wrong.

use sphere_pow_core::gonka::weights::weight_pool;
use sphere_pow_prover::gpu::{GpuExecutor, GpuOptions};
use sphere_pow_tests::GonkaCase;
use sphere_pow_tests::gpu::{adapter, go_on};

fn check(name: &str, options: GpuOptions) {
    let case = GonkaCase::load(name);
    let params = case.puzzle.params();
    let pool = weight_pool(params, case.puzzle.block());
    let mut gpu = GpuExecutor::new(&adapter(), params, case.puzzle.block(), &pool, options, &mut go_on)
        .expect("a usable device");
    println!("{name}: batches of {}, {} bytes", gpu.batch(), gpu.memory_bytes());
    case.check(gpu.batch(), |inputs| gpu.logits(inputs, &mut go_on).expect("logits"));
    println!("{:?}", gpu.pace());
}

#[test]
fn distances_of_tiny_are_the_networks() {
    check("tiny", GpuOptions::default());
}

#[test]
fn distances_of_small_are_the_networks() {
    check("small", GpuOptions::default());
}

#[test]
fn distances_of_devtest_are_the_networks() {
    check("devtest", GpuOptions::default());
}

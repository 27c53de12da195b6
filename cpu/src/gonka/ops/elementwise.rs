//! Ops without neighbours.

use super::Run;
use super::math::{exp, round};
use crate::gonka::Activation;
use crate::gonka::kernels::{Isa, Job};

/// Values of one task.
const CHUNK: usize = 1 << 15;

/// `gate = round(round(silu(gate)) * up)`, SPEC §I.4.
///
/// # Panics
/// When the shapes differ.
pub fn swiglu(run: &mut Run<'_>, gate: &mut Activation, up: &Activation) {
    assert_eq!((gate.rows(), gate.width()), (up.rows(), up.width()), "gate and up are [rows, hidden]");
    let simd = run.simd;
    let tasks = gate.flat_mut().chunks_mut(CHUNK).zip(up.flat().chunks(CHUNK)).collect();
    run.tasks(0, tasks, |(gate, up)| simd.run(SwiGlu { gate, up }));
}

/// `x = round(x + y)`, SPEC §I.4.
///
/// # Panics
/// When the shapes differ.
pub fn add(run: &mut Run<'_>, x: &mut Activation, y: &Activation) {
    assert_eq!((x.rows(), x.width()), (y.rows(), y.width()), "x and y are [rows, dim]");
    let simd = run.simd;
    let tasks = x.flat_mut().chunks_mut(CHUNK).zip(y.flat().chunks(CHUNK)).collect();
    run.tasks(0, tasks, |(x, y)| simd.run(Add { x, y }));
}

struct SwiGlu<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl Job for SwiGlu<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (gate, up) in self.gate.iter_mut().zip(self.up) {
            let x = *gate;
            *gate = round(round(x / (1.0 + exp(-x))) * up);
        }
    }
}

struct Add<'a> {
    x: &'a mut [f32],
    y: &'a [f32],
}

impl Job for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (x, y) in self.x.iter_mut().zip(self.y) {
            *x = round(*x + y);
        }
    }
}

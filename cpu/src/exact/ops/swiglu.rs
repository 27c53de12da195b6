//! The feed-forward's gate.

use crate::exact::activations::{Operand, OperandRows, Panels};
use crate::exact::kernels::{Isa, Job, PANEL, SILU};
use crate::exact::run::Run;

/// Rows of one task.
const ROWS: usize = 16;

/// `gated = clamp8((SILU[gate + 128] up + 8) >> 4)`, SPEC §II.6.7.
///
/// # Shapes
/// - `gate`, `up`: `[rows, hidden]`.
/// - `gated`: `[rows, hidden]`. Overwritten.
pub(crate) fn swiglu(run: &mut Run<'_>, gate: &Panels<i8>, up: &Panels<i8>, gated: &mut Operand) {
    gated.reshape(gate.rows(), gate.width());
    let tasks = gated.chunks_mut(ROWS).enumerate().collect();
    let kernels = run.kernels;
    run.tasks(tasks, |(task, gated), _| kernels.run(SwiGlu { gate, up, first: task * ROWS, gated }));
}

struct SwiGlu<'a> {
    gate: &'a Panels<i8>,
    up: &'a Panels<i8>,
    first: usize,
    gated: OperandRows<'a>,
}

impl Job for SwiGlu<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        for i in 0..self.gated.len() {
            let row = self.first + i;
            // hidden is a multiple of 64 and so of PANEL.
            let (out, _) = self.gated.row_mut(i).as_chunks_mut::<PANEL>();
            for (panel, out) in out.iter_mut().enumerate() {
                let (gate, up) = (self.gate.part(panel, row..row + 1), self.up.part(panel, row..row + 1));
                gated::<I>(gate, up, out);
            }
            self.gated.sum_up(i);
        }
    }
}

/// |SILU| <= 125, the product at most 15,875: fits i16.
#[inline(always)]
fn gated<I: Isa>(gate: &[i8], up: &[i8], out: &mut [i8; PANEL]) {
    // A vector of words may be wider than a panel.
    let mut silu = [0; 64];
    for (index, gate) in silu.iter_mut().zip(gate) {
        *index = gate.cast_unsigned() ^ 0x80;
    }
    SILU.apply::<I::Words>(&mut silu);
    for ((out, silu), up) in out.iter_mut().zip(silu).zip(up) {
        *out = ((i16::from(silu.cast_signed()) * i16::from(*up) + 8) >> 4).clamp(-127, 127) as i8;
    }
}

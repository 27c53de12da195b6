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
        let rows = self.first..self.first + self.gated.len();
        let mut silu = [0; ROWS * PANEL];
        // hidden is a multiple of 64 and so of PANEL.
        for panel in 0..self.gate.width() / PANEL {
            for (index, gate) in silu.iter_mut().zip(self.gate.part(panel, rows.clone())) {
                *index = gate.cast_unsigned() ^ 0x80;
            }
            SILU.apply::<I::Words>(&mut silu);
            let (silu, _) = silu.as_chunks::<PANEL>();
            let (up, _) = self.up.part(panel, rows.clone()).as_chunks::<PANEL>();
            for (row, (silu, up)) in silu.iter().zip(up).enumerate() {
                let out = &mut self.gated.row_mut(row)[panel * PANEL..][..PANEL];
                for ((out, silu), up) in out.iter_mut().zip(silu).zip(up) {
                    // |SILU| <= 125, the product at most 15,875: fits i16.
                    let product = i16::from(silu.cast_signed()) * i16::from(*up);
                    *out = ((product + 8) >> 4).clamp(-127, 127) as i8;
                }
            }
        }
        for row in 0..self.gated.len() {
            self.gated.sum_up(row);
        }
    }
}

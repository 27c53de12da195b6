//! Each op against core's twin, at odd sizes and at the largest values it can meet.

use super::attention::attention;
use super::join::{Place, Source, join, merge_only};
use super::swiglu::swiglu;
use crate::exact::activations::{Operand, Panels};
use crate::exact::kernels::{Kernels, PANEL, Present};
use crate::exact::run::Run;
use core::sync::atomic::{AtomicBool, AtomicU64};
use sphere_pow_core::exact::ops::{self as twins, AttentionShape};
use sphere_pow_core::exact::tables::NORMAL;

/// Runs `op` with every set of kernels.
fn with_all(mut op: impl FnMut(&mut Run<'_>, Kernels)) {
    for kernels in Kernels::available() {
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let present = Present::new(kernels).expect("available");
        let mut poll = || ();
        let mut run = Run { kernels: present, stop: &stop, done: &done, poll: &mut poll, is_serial: true };
        op(&mut run, kernels);
    }
}

/// `bound` above, below, in turn, or noise up to it.
fn painted(kind: usize, n: usize, bound: i32) -> Vec<i32> {
    let mut x = 12_345_u32;
    (0..n)
        .map(|i| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match kind {
                0 => bound,
                1 => -bound,
                2 => bound * (1 - 2 * ((i % 2) as i32)),
                3 => 0,
                4 => bound * i32::from(i % 97 == 0),
                _ => ((x >> 8) % (2 * bound as u32 + 1)) as i32 - bound,
            }
        })
        .collect()
}

fn narrow(values: Vec<i32>) -> Vec<i8> {
    values.into_iter().map(|x| i8::try_from(x).expect("int8")).collect()
}

fn panels<T: Copy + Default>(values: &[T], width: usize) -> Panels<T> {
    let mut panels = Panels::default();
    panels.reshape(values.len() / width, width);
    let rows = panels.rows();
    for (ix, panel) in panels.panels_mut().enumerate() {
        for row in 0..rows {
            let from = &values[row * width..][..width];
            let part = &from[ix * PANEL..][..PANEL.min(width - ix * PANEL)];
            panel[row * PANEL..][..part.len()].copy_from_slice(part);
        }
    }
    panels
}

fn check_operand(got: &Operand, want: &[i8], what: &str) {
    for (row, want) in want.chunks_exact(got.width()).enumerate() {
        assert_eq!(got.row(row), want, "{what}, row {row}");
        let sum: i32 = want.iter().map(|x| i32::from(*x)).sum();
        assert_eq!(got.sum(row), sum, "{what}, sum of row {row}");
    }
    assert_eq!(got.rows() * got.width(), want.len(), "{what}: shape");
}

#[test]
fn attention_is_cores() {
    let shapes =
        [(1, 1, 1, 64, 1), (3, 3, 4, 16, 2), (1, 33, 2, 16, 3), (32, 32, 2, 64, 2), (70, 70, 3, 64, 1)];
    let more = [(5, 254, 1, 64, 1), (2, 1024, 1, 64, 1), (9, 61, 2, 16, 1)];
    for (queries, tokens, heads, head_dim, nonces) in shapes.into_iter().chain(more) {
        let shape = AttentionShape { queries, tokens, heads, head_dim };
        let dim = heads * head_dim;
        for (of_query, of_key, of_value) in [(5, 5, 5), (0, 0, 1), (2, 2, 0), (0, 4, 5), (3, 5, 1), (1, 5, 2)]
        {
            let query = narrow(painted(of_query, nonces * queries * dim, 127));
            let key = narrow(painted(of_key, nonces * tokens * dim, 127));
            let value = narrow(painted(of_value, nonces * tokens * dim, 127));
            let mut want = vec![0; query.len()];
            for nonce in 0..nonces {
                let (own, all) = (nonce * queries * dim, nonce * tokens * dim);
                let (own, all) = (own..own + queries * dim, all..all + tokens * dim);
                let (key, value) = (&key[all.clone()], &value[all]);
                twins::attention(&query[own.clone()], key, value, shape, &mut want[own]);
            }
            let slots = [panels(&query, dim), panels(&key, dim), panels(&value, dim)];
            with_all(|run, kernels| {
                let mut out = Operand::default();
                attention(run, [&slots[0], &slots[1], &slots[2]], shape, &mut out);
                check_operand(&out, &want, &format!("{kernels} {shape:?} {of_query} {of_key} {of_value}"));
            });
        }
    }
}

#[test]
fn embed_and_merge_with_norm_and_lanes_are_cores() {
    for (dim, rows) in [(64, 1), (64, 19), (256, 9), (1024, 5), (4096, 3)] {
        let position = |row: usize| row * 5 % (dim / 4);
        let keys: Vec<i8> = (0..rows * dim).map(|i| NORMAL[i * 167 % 256]).collect();
        // Every third row has no key.
        let key = |row: usize| (row % 3 != 2).then_some(&keys[row * dim..][..dim]);
        for (of_normed, of_branch) in (0..6).flat_map(|a| (0..6).map(move |b| (a, b))) {
            let normed = painted(of_normed, rows * dim, 16_368);
            // What a matrix can give; the executor's slot clamps it to what norm looks at.
            let branch = painted(of_branch, rows * dim, 373_888);
            let input = narrow(painted(of_branch, rows * dim, 46));
            let clamped: Vec<i16> = branch.iter().map(|x| (*x).clamp(-1023, 1023) as i16).collect();
            let slot = panels(&clamped, dim);
            let mut merged = vec![0; rows * dim];
            twins::merge(&normed, &branch, dim, &mut merged);
            let mut embedded = vec![0; rows * dim];
            twins::embed(&input, &mut embedded);
            for (source, stream) in [(Source::Branch(&slot), &merged), (Source::Input(&input), &embedded)] {
                let mut want = vec![0; rows * dim];
                twins::norm(stream, dim, &mut want);
                let mut want_lanes = vec![0; rows * dim];
                for (row, lanes) in want_lanes.chunks_exact_mut(dim).enumerate() {
                    twins::lanes(&want[row * dim..][..dim], key(row), position(row), lanes);
                }
                with_all(|run, kernels| {
                    let mut got: Vec<i16> = normed.iter().map(|x| *x as i16).collect();
                    let mut lanes = Operand::default();
                    lanes.reshape(rows, dim);
                    let place = |row| Place { position: position(row), round_key: key(row) };
                    let mut kept = vec![0; rows * dim];
                    join(run, source, dim, place, &mut got, Some(&mut kept), &mut lanes);
                    assert!(
                        kept.iter().map(|x| i32::from(*x)).eq(stream.iter().copied()),
                        "{kernels} stream"
                    );
                    assert!(
                        got.iter().map(|x| i32::from(*x)).eq(want.iter().copied()),
                        "{kernels} dim {dim}"
                    );
                    check_operand(&lanes, &want_lanes, &format!("{kernels} lanes, dim {dim}"));
                    let mut again: Vec<i16> = normed.iter().map(|x| *x as i16).collect();
                    join(run, Source::Given, dim, place, &mut again, Some(&mut kept), &mut lanes);
                    assert_eq!(again, got, "{kernels}, from the stream");
                    if let Source::Branch(branch) = source {
                        let normed: Vec<i16> = normed.iter().map(|x| *x as i16).collect();
                        let mut merged = vec![0; rows * dim];
                        merge_only(run, branch, dim, &normed, &mut merged);
                        assert_eq!(merged, kept, "{kernels}, merged alone");
                    }
                    join(run, source, dim, place, &mut again, None, &mut lanes);
                });
            }
        }
    }
}

#[test]
fn swiglu_is_cores() {
    for (rows, hidden) in [(1, 64), (17, 64), (16, 256), (33, 1024)] {
        for (of_gate, of_up) in (0..6).flat_map(|a| (0..6).map(move |b| (a, b))) {
            let gate = narrow(painted(of_gate, rows * hidden, 127));
            let up = narrow(painted(of_up, rows * hidden, 127));
            let mut want = gate.clone();
            twins::swiglu(&mut want, &up);
            with_all(|run, kernels| {
                let mut gated = Operand::default();
                swiglu(run, &panels(&gate, hidden), &panels(&up, hidden), &mut gated);
                check_operand(&gated, &want, &format!("{kernels} {rows} x {hidden}"));
            });
        }
    }
}

//! The backward ops are right: each against a float64 twin's finite differences, and a whole model's gradient against the
//! loss that it should lower.

use sphere_pow_core::train::executor::Plain;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::model::Model;
use sphere_pow_core::train::ops::attention::{Shape, attention, attention_backward};
use sphere_pow_core::train::ops::feed_forward::{squared_relu, squared_relu_backward};
use sphere_pow_core::train::ops::norm::{norm, norm_backward};
use sphere_pow_core::train::ops::softmax::cross_entropy;
use sphere_pow_core::train::{Preset, State, Text};

struct Dice(u64);

impl Dice {
    /// Uniform within ±1.
    fn float(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn floats(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.float()).collect()
    }

    fn gradient(&mut self, n: usize) -> Vec<i16> {
        (0..n).map(|_| (self.float() * 16_383.0) as i16).collect()
    }
}

fn value<T: Into<f64> + Copy>(mantissas: &[T], exponent: i32) -> Vec<f64> {
    mantissas.iter().map(|m| (*m).into() * f64::from(exponent).exp2()).collect()
}

/// Largest difference over the largest value wanted.
fn error(got: &[f64], want: &[f64]) -> f64 {
    let top = want.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
    got.iter().zip(want).fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs())) / top
}

/// Gradient of `Σ g f(x)` by central differences.
fn differences(x: &[f64], g: &[f64], step: f64, f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let sum = |x: &[f64]| f(x).iter().zip(g).map(|(y, g)| y * g).sum::<f64>();
    let at = |ix: usize| {
        let mut moved = x.to_vec();
        moved[ix] += step;
        let above = sum(&moved);
        moved[ix] -= 2.0 * step;
        (above - sum(&moved)) / (2.0 * step)
    };
    (0..x.len()).map(at).collect()
}

#[test]
fn norms_gradient_is_that_of_floats() {
    let mut dice = Dice(1);
    for dim in [16, 64, 128, 256] {
        let x = dice.floats(dim);
        let row: Vec<i32> = x.iter().map(|x| (x * 65_536.0) as i32).collect();
        let (mut y, mut back) = (vec![0; dim], vec![0; dim]);
        let (e, kept) = norm(&row, &mut y);
        let float = |x: &[f64]| {
            let rms = (x.iter().map(|x| x * x).sum::<f64>() / dim as f64).sqrt();
            x.iter().map(|x| x / rms).collect::<Vec<_>>()
        };
        assert!(error(&value(&y, e), &float(&x)) < 0.006, "int8 rounds by half of 1/64 at most");
        let g = dice.gradient(dim);
        let back_e = norm_backward(&g, -9, &y, e, kept, &mut back);
        let want = differences(&x, &value(&g, -9), 1e-5, float);
        let off = error(&value(&back, back_e), &want);
        assert!(off < 0.01, "dim {dim}: {off}");
        // Planted: a sign turned would be seen.
        back[0] = -back[0];
        assert!(error(&value(&back, back_e), &want) > off);
    }
}

#[test]
fn squared_relus_gradient_is_that_of_floats() {
    let mut dice = Dice(2);
    let x = dice.floats(96);
    let acc: Vec<i32> = x.iter().map(|x| (x * 1e6) as i32).collect();
    let (mut a, mut f, mut back) = (vec![0; 96], vec![0; 96], vec![0; 96]);
    let (ea, ef) = squared_relu(&acc, -20, &mut a, &mut f);
    let x = value(&acc, -20);
    let float = |x: &[f64]| x.iter().map(|x| x.max(0.0).powi(2)).collect::<Vec<_>>();
    assert!(error(&value(&f, ef), &float(&x)) < 0.009);
    let g = dice.gradient(96);
    let e = squared_relu_backward(&g, 3, &a, ea, &mut back);
    assert!(error(&value(&back, e), &differences(&x, &value(&g, 3), 1e-6, float)) < 3e-4);
}

#[test]
fn cross_entropys_gradient_is_that_of_floats() {
    let mut dice = Dice(3);
    for target in [0, 7] {
        let acc: Vec<i32> = dice.floats(80).iter().map(|x| (x * 300_000.0) as i32).collect();
        let x = value(&acc, -16);
        let float = |x: &[f64]| vec![x.iter().map(|x| x.exp()).sum::<f64>().ln() - x[target]];
        let mut g = vec![0; 80];
        let loss = cross_entropy(&acc, -16, target, &mut g) as f64 / 65_536.0 * core::f64::consts::LN_2;
        assert!((loss - float(&x)[0]).abs() < 0.005, "{loss}");
        assert!(error(&value(&g, -14), &differences(&x, &[1.0], 1e-5, float)) < 0.004);
    }
}

#[test]
fn attentions_gradient_is_that_of_floats() {
    let mut dice = Dice(4);
    for (context, dim, heads) in [(8, 16, 2), (16, 32, 1), (4, 64, 4)] {
        let shape = Shape { context, dim, heads };
        let hd = dim / heads;
        let scale = (-f64::from((hd.trailing_zeros()).div_ceil(2))).exp2();
        let qkv: Vec<i32> = dice.floats(3 * context * dim).iter().map(|x| (x * 1_000_000.0) as i32).collect();
        let (mut out, mut out_e) = (vec![0; context * dim], vec![0; context]);
        let kept = attention(&Plain, shape, &qkv, &vec![-20; context], &mut out, &mut out_e);
        let float = |x: &[f64]| {
            let mut out = vec![0.0; context * dim];
            for (head, t) in (0..heads).flat_map(|head| (0..context).map(move |t| (head, t))) {
                let part = |row: usize, which: usize| &x[row * 3 * dim + which * dim + head * hd..][..hd];
                let dot = |u: usize| part(t, 0).iter().zip(part(u, 1)).map(|(q, k)| q * k).sum::<f64>();
                let p: Vec<f64> = (0..=t).map(|u| (dot(u) * scale).exp()).collect();
                let sum: f64 = p.iter().sum();
                for (u, p) in p.iter().enumerate() {
                    for (out, v) in out[t * dim + head * hd..].iter_mut().zip(part(u, 2)) {
                        *out += p / sum * v;
                    }
                }
            }
            out
        };
        let x = value(&qkv, -20);
        let rows = |values: &[i16], exponents: &[i32], width: usize| -> Vec<f64> {
            values.chunks(width).zip(exponents).flat_map(|(row, e)| value(row, *e)).collect()
        };
        let off = error(&rows(&out, &out_e, dim), &float(&x));
        assert!(off < 0.03, "{shape:?} forward: {off}");
        let g = dice.gradient(context * dim);
        let (mut back, mut back_e) = (vec![0; 3 * context * dim], vec![0; context]);
        attention_backward(&Plain, shape, &g, &vec![-9; context], &kept, &mut back, &mut back_e);
        let want = differences(&x, &value(&g, -9), 1e-5, float);
        let back = rows(&back, &back_e, 3 * dim);
        for which in 0..3 {
            let part = |x: &[f64]| -> Vec<f64> {
                x.chunks(3 * dim).flat_map(|row| row[which * dim..][..dim].to_vec()).collect()
            };
            let off = error(&part(&back), &part(&want));
            assert!(off < 0.03, "{shape:?}, queries, keys, values [{which}]: {off}");
        }
    }
}

/// The whole backward pass says how the loss changes when a tensor moves along its gradient: to within a fifth.
#[test]
fn a_models_gradient_is_the_slope_of_its_loss() {
    let params = Preset::Tiny.params();
    let mut dice = Dice(5);
    let bytes: Vec<u8> =
        (0..900).map(|ix| b'a' + ((ix * ix + (dice.float() * 3.0) as usize) % 26) as u8).collect();
    let text = Text::new(&params, &bytes).expect("a text");
    let agreed = Agreed::fresh(&params, &text.run(&params));
    let mut state = State::start(&params, &agreed.theta);
    // Fresh weights are small: larger ones bend the loss enough to be measured through int8 copies.
    for tensor in &mut state.tensors {
        tensor.theta.iter_mut().for_each(|theta| *theta *= 8);
    }
    let (tokens, targets) = text.batch(&[3, 100, 250, 500], 8);
    let run = |state: &State| {
        let tensors = &state.tensors;
        let model = Model::new(&Plain, &params, tensors.iter().map(|tensor| &tensor.theta[..]));
        let (logits, kept) = model.forward(&tensors[0].theta, &tensors[1].theta, &tokens);
        let (g, loss) = model.loss(&logits, &targets);
        (model.backward(&g, &kept, &tokens), loss as f64 / 65_536.0 * core::f64::consts::LN_2)
    };
    let (gradients, _) = run(&state);
    for (n, gradient) in gradients.iter().enumerate() {
        let g = value(&gradient.values, gradient.exponent);
        let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
        // Far enough that int8 copies move; symbols and positions have none.
        let far = if n < 2 { 0.1 } else { 0.012 * (g.len() as f64).sqrt() };
        let moved = |sign: f64| {
            let mut state = state.clone();
            for (theta, g) in state.tensors[n].theta.iter_mut().zip(&g) {
                *theta += (sign * far * g / norm * 4_194_304.0) as i32;
            }
            run(&state).1
        };
        let slope = (moved(1.0) - moved(-1.0)) / (2.0 * far);
        assert!((slope / norm - 1.0).abs() < 0.2, "tensor {n}: slope {slope}, gradient {norm}");
    }
}

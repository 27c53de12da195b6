//! One operation a file, each with its backward pass: rows in, rows out.
//!
//! Each is a function, and a value of an [`Op`] with its arguments, by which an executor compiles it for its instructions.

pub mod attention;
pub mod feed_forward;
pub mod norm;
pub mod optimise;
pub mod softmax;
pub mod stream;

use super::executor::Op;
use super::values::{Value, largest};
use norm::Factor;
use optimise::Step;

macro_rules! calls {
    ($($name:ident { $($field:ident: $type:ty),* } -> $output:ty = $function:path;)*) => { $(
        pub(super) struct $name<'a> {
            $(pub(super) $field: $type),*
        }

        impl Op for $name<'_> {
            type Output = $output;

            #[inline(always)]
            fn run(self) -> $output {
                $function($(self.$field),*)
            }
        }
    )* };
}

calls! {
    Embed { symbol: &'a [i32], position: &'a [i32], out: &'a mut [i32] } -> () = stream::embed;
    AddBranch { acc: &'a [i32], e: i32, stream: &'a mut [i32] } -> () = stream::add_branch;
    AddGradients { a: (&'a [i16], i32), b: (&'a [i16], i32), out: &'a mut [i16] } -> i32 = stream::add_gradients;
    Norm { row: &'a [i32], out: &'a mut [i16] } -> (i32, Factor) = norm::norm;
    NormBackward { g: &'a [i16], e: i32, y: &'a [i16], ey: i32, kept: Factor, out: &'a mut [i16] } -> i32
        = norm::norm_backward;
    SquaredRelu { acc: &'a [i32], e: i32, a: &'a mut [i16], out: &'a mut [i16] } -> (i32, i32)
        = feed_forward::squared_relu;
    SquaredReluBackward { g: &'a [i16], e: i32, a: &'a [i16], ea: i32, out: &'a mut [i16] } -> i32
        = feed_forward::squared_relu_backward;
    Shares { scores: &'a [i32], context: usize, shifts: &'a [i32], out: &'a mut [i16] } -> ()
        = attention::causal_shares;
    ByShares { dp: &'a [i32], shares: &'a [i16], unit: i32, exponents: &'a [i32], out: &'a mut super::values::Rows } -> ()
        = attention::by_shares;
    CrossEntropy { acc: &'a [i32], e: i32, target: usize, g: &'a mut [i16] } -> i64 = softmax::cross_entropy;
    Moments { step: &'a Step, gradient: &'a [i32], first: &'a mut [i32], root: &'a mut [i32] } -> i32 = Step::moments;
    Parameters { step: &'a Step, top: i32, first: &'a [i32], root: &'a [i32], theta: &'a mut [i32] } -> ()
        = Step::parameters;
    Shift { values: &'a [i16], s: i32, out: &'a mut [i16] } -> () = super::values::shift;
}

/// Length in bits of the largest |x|.
pub(super) struct Largest<'a, T>(pub(super) &'a [T]);

impl<T: Value> Op for Largest<'_, T> {
    type Output = i32;

    #[inline(always)]
    fn run(self) -> i32 {
        largest(self.0)
    }
}

/// [`Value::mantissas`].
pub(super) struct Mantissas<'a, T> {
    pub(super) values: &'a [T],
    pub(super) s: i32,
    pub(super) bits: u32,
    pub(super) out: &'a mut [i16],
}

impl<T: Value> Op for Mantissas<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        T::mantissas(self.values, self.s, self.bits, self.out);
    }
}

/// [`super::values::quantise`] to gradients or activations.
pub(super) struct Quantise<'a, T> {
    pub(super) values: &'a [T],
    pub(super) exponent: i32,
    pub(super) bits: u32,
    pub(super) out: &'a mut [i16],
}

impl<T: Value> Op for Quantise<'_, T> {
    type Output = i32;

    #[inline(always)]
    fn run(self) -> i32 {
        super::values::quantise(self.values, self.exponent, self.bits, self.out)
    }
}

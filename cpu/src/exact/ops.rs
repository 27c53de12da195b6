//! One op a file, named as core's twins; where one op's result is only the next one's input, both are one here.

pub(crate) mod attention;
pub(crate) mod gemm;
pub(crate) mod join;
pub(crate) mod linear;
pub(crate) mod swiglu;

#[cfg(test)]
mod tests;

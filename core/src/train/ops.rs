//! One operation a file, each with its backward pass: rows in, rows out.

pub mod attention;
pub mod feed_forward;
pub mod norm;
pub mod optimise;
pub mod softmax;
pub mod stream;

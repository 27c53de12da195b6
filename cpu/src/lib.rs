//! The fast CPU executor of sphere-pow: the plans of `sphere-pow-core` run with threads and SIMD.

pub mod gonka;

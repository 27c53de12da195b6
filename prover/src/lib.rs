//! Mines and verifies transformer-based proofs of work on any GPU through wgpu, or on the CPU.
#![deny(unsafe_code)]

pub mod gpu;

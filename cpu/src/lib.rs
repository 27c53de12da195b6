#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! The ground floor knows no profile:
//! - [`simd`]: which instructions this machine has.
//! - [`threads`]: the thread pool; on targets without threads the same code runs serially.
//! - `memory`: large pages and whole cache lines.
//!
//! On it, beside each other, each with its kernels for every set of instructions:
//! - [`gonka`]: weight pool and forward pass of the `gonka` profile.
//! - [`exact`]: weights and forward pass of the `exact` profile, in integers.
//! - [`train`]: the products of training in integers, on the kernels of [`exact`].
//!
//! Bits of the `gonka` profile: the portable path multiplies, then adds, in one fixed order per result, so a wasm build with simd128
//! and one without agree to the last bit. AVX2, AVX-512 and NEON fuse the two and may differ from it by f32
//! rounding, which the profile allows (SPEC §I.8). The `exact` profile gives the same bits everywhere.
#![deny(unsafe_code)]

pub mod exact;
pub mod gonka;
mod memory;
pub mod simd;
pub mod threads;
pub mod train;

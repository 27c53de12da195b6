//! Kernels for AVX2 and AVX-512: detection, and the way in.
#![allow(unsafe_code, reason = "entering code compiled for instructions that were found")]

mod avx2;
mod avx512;

use super::{Job, Kernels, Present};
use avx2::Avx2;
use avx512::Avx512;

/// Whether this machine has what the kernels use. The standard library remembers the answer.
pub(super) fn has(kernels: Kernels) -> bool {
    // DQ and VL, which all have that have BW: plain code is compiled for them, too.
    let avx512 = || {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    };
    match kernels {
        Kernels::Avx2 => is_x86_feature_detected!("avx2"),
        Kernels::AvxVnni => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni"),
        Kernels::Avx512 => avx512(),
        Kernels::Avx512Vnni => avx512() && is_x86_feature_detected!("avx512vnni"),
        _ => false,
    }
}

macro_rules! compiled_for {
    ($name:ident, $features:literal, $isa:ty) => {
        #[target_feature(enable = $features)]
        fn $name<J: Job>(job: J) -> J::Output {
            job.run::<$isa>()
        }
    };
}
compiled_for!(with_avx2, "avx2", Avx2<false>);
compiled_for!(with_avx_vnni, "avx2,avxvnni", Avx2<true>);
compiled_for!(with_avx512, "avx2,avx512f,avx512bw,avx512dq,avx512vl", Avx512<false, false>);
compiled_for!(with_avx512_vnni, "avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni", Avx512<true, false>);
compiled_for!(with_avx512_vbmi, "avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi", Avx512<true, true>);

/// Runs `job` compiled for `present`, one of this module's.
pub(super) fn run<J: Job>(present: Present, job: J) -> J::Output {
    // SAFETY: `Present` is made only for kernels for which `has` held, and VBMI is looked for here.
    unsafe {
        match present.kernels() {
            Kernels::Avx2 => with_avx2(job),
            Kernels::AvxVnni => with_avx_vnni(job),
            Kernels::Avx512 => with_avx512(job),
            Kernels::Avx512Vnni if is_x86_feature_detected!("avx512vbmi") => with_avx512_vbmi(job),
            Kernels::Avx512Vnni => with_avx512_vnni(job),
            other => unreachable!("{other} is not of this module"),
        }
    }
}

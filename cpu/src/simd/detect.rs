//! Finding out what the machine has.
#![allow(unsafe_code, reason = "one system call, which says below why it may run")]

/// AVX2, FMA and F16C.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// AVX-512 F, BW, DQ and VL, and what AVX2 has.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// Whether the processor has the unit and the system lets this process use it.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) fn has_amx() -> bool {
    static PRESENT: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *PRESENT.get_or_init(|| has_avx512() && processor_has_it() && system_permits_it())
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn processor_has_it() -> bool {
    use core::arch::x86_64::{__cpuid_count, __get_cpuid_max};
    const BF16_AND_TILE: u32 = 1 << 22 | 1 << 24;
    __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & BF16_AND_TILE == BF16_AND_TILE
}

/// Asks Linux for the tiles' state, which it keeps for processes that ask.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn system_permits_it() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let result: i64;
    // SAFETY: a system call that takes two integers and touches no memory of ours; the kernel clobbers rcx
    // and r11. An unknown request gives an error.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

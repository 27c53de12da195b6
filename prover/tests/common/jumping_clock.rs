//! A system clock that jumps on request, for a process that is started with this library before its C library (`LD_PRELOAD`):
//! the file that `SPHERE_POW_CLOCK` names holds by how many seconds. The clock that nobody sets is left alone.
//!
//! Compiled by the test that needs it ([`super::made`]); no module of it.

use std::ffi::{c_int, c_long};

/// Of the system's clock.
const REALTIME: c_int = 0;
#[cfg(target_arch = "x86_64")]
const SYS_CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const SYS_CLOCK_GETTIME: c_long = 113;

#[repr(C)]
pub struct Time {
    seconds: i64,
    nanoseconds: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

fn jump() -> Option<i64> {
    std::fs::read_to_string(std::env::var_os("SPHERE_POW_CLOCK")?).ok()?.trim().parse().ok()
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    // SAFETY: the arguments are the caller's, of the kernel's own call.
    let result = unsafe { syscall(SYS_CLOCK_GETTIME, clock, time) } as c_int;
    if clock == REALTIME && result == 0 {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).seconds += jump().unwrap_or(0) };
    }
    result
}

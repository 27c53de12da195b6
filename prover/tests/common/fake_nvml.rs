//! NVIDIA's management library as far as power limits go, with four cards that no machine has: the file that `SPHERE_POW_NVML` names
//! holds the first one's limit in milliwatts. The second lets nobody set it, the third takes it and keeps its own, the fourth
//! has none.
//!
//! Compiled by the test that needs it ([`super::made`]); no module of it.

use std::ffi::{CStr, c_char, c_int, c_uint};

const SUCCESS: c_int = 0;
const NOT_SUPPORTED: c_int = 3;
const NO_PERMISSION: c_int = 4;
const NOT_FOUND: c_int = 6;

fn file() -> std::path::PathBuf {
    std::env::var_os("SPHERE_POW_NVML").expect("the test names it").into()
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_int {
    SUCCESS
}

/// # Safety
/// As NVIDIA's: a string that ends, and a place for a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByPciBusId_v2(place: *const c_char, handle: *mut usize) -> c_int {
    // SAFETY: the caller's.
    let place = unsafe { CStr::from_ptr(place) }.to_str().unwrap_or_default();
    let card = (1..=4).find(|card| place == format!("0000:0{card}:00.0"));
    let Some(card) = card else { return NOT_FOUND };
    // SAFETY: the caller's.
    unsafe { *handle = card };
    SUCCESS
}

/// # Safety
/// As NVIDIA's: a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPowerManagementLimit(card: usize, milli: *mut c_uint) -> c_int {
    let text = if card == 1 { std::fs::read_to_string(file()).unwrap_or_default() } else { "300000".into() };
    // SAFETY: the caller's.
    unsafe { *milli = text.trim().parse().unwrap_or(0) };
    SUCCESS
}

/// # Safety
/// As NVIDIA's: places for two numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPowerManagementLimitConstraints(
    card: usize,
    least: *mut c_uint,
    most: *mut c_uint,
) -> c_int {
    // SAFETY: the caller's.
    unsafe { (*least, *most) = (100_000, 400_000) };
    if card == 4 { NOT_SUPPORTED } else { SUCCESS }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceSetPowerManagementLimit(card: usize, milli: c_uint) -> c_int {
    match card {
        1 => std::fs::write(file(), milli.to_string()).map_or(NO_PERMISSION, |()| SUCCESS),
        2 => NO_PERMISSION,
        _ => SUCCESS,
    }
}

// narrow: the roundings and packings that the kernels of `exact` share. Twin: core/src/exact/ops/requantise.rs
// int8 values lie four to a u32, 16-bit values two to a u32, the first in the lowest bits.

// x / 2^s to the nearest integer, ties towards plus infinity; 1 <= s <= 31 and |x| <= 2^31 - 2^(s-1).
fn rounding_shift(x: vec4<i32>, s: u32) -> vec4<i32> {
    return (x + vec4(1i << (s - 1u))) >> vec4(s);
}

fn clamp_int8(x: vec4<i32>) -> vec4<i32> {
    return clamp(x, vec4(-127), vec4(127));
}

// Four values of 16 bits.
fn unpack_int16(words: vec2<u32>) -> vec4<i32> {
    let low = bitcast<vec2<i32>>(words << vec2(16u)) >> vec2(16u);
    let high = bitcast<vec2<i32>>(words) >> vec2(16u);
    return vec4(low.x, high.x, low.y, high.y);
}

// |v| < 2^15.
fn pack_int16(v: vec4<i32>) -> vec2<u32> {
    let u = bitcast<vec4<u32>>(v);
    return (u.xz & vec2(0xffffu)) | (u.yw << vec2(16u));
}

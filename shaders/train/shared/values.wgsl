// values: mantissas with powers of two, SPEC §IV.2. Twin: core/src/train/values.rs
// int8 values lie four to a u32, the first in the lowest bits. A gradient's mantissa is 128 h + l, 0 <= l < 128, and four of
// them are two words: their h, then their l.

// The exponent of a row of gradients that are all zero: no maximum of exponents takes it. (The twin says 0, and looks at
// the row again.)
const NONE: i32 = -0x40000000;

fn bits(x: u32) -> i32 {
    return 32 - i32(countLeadingZeros(x));
}

// The largest |x|.
fn magnitude(x: vec4<i32>) -> u32 {
    let size = bitcast<vec4<u32>>(abs(x));
    return max(max(size.x, size.y), max(size.z, size.w));
}

// x / 2^s to the nearest, ties up: no sum overflows, as the half is the last bit that goes. For s <= 0 x 2^-s, shifted by 24
// at most: what leaves 32 bits is lost.
fn rounded(x: vec4<i32>, s: i32) -> vec4<i32> {
    let right = (x >> vec4(u32(clamp(s, 1, 31)))) + ((x >> vec4(u32(clamp(s - 1, 0, 31)))) & vec4(1));
    let left = x << vec4(u32(clamp(-s, 0, 24)));
    return select(left, right, s > 0);
}

// A row's mantissas of `width` bits: s is the length of its largest value less `width`.
fn mantissas(x: vec4<i32>, s: i32, width: u32) -> vec4<i32> {
    let limit = vec4(i32((1u << width) - 1u));
    return clamp(rounded(x, s), -limit, limit);
}

fn join(words: vec2<u32>) -> vec4<i32> {
    return 128 * unpack4xI8(words.x) + unpack4xI8(words.y);
}

// |g| < 2^14.
fn split(g: vec4<i32>) -> vec2<u32> {
    return vec2(pack4xI8(g >> vec4(7u)), pack4xI8(g & vec4(127)));
}

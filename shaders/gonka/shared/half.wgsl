// half: binary16 stored in pairs, two to a u32, the lower half first.
// Twin: the half crate as core uses it. Both directions are exact integer work: WGSL lets a driver flush
// subnormals and round either way, and most weights lie near or below binary16's smallest normal.
// NATIVE_UNPACK picks the driver's own unpacking; the host sets it after all 65536 values came out right. NATIVE_PACK picks
// its own rounding; the host sets it after every f16, all midpoints between two, and the neighbours of both were rounded right.

override NATIVE_UNPACK: bool = false;
override NATIVE_PACK: bool = false;

// Two binary16 bit patterns to f32, exact for every value; NaN stays NaN.
fn widen_bits(h: vec2<u32>) -> vec2<f32> {
    let magnitude = h & vec2(0x7fffu);
    let normal = (magnitude << vec2(13u)) + vec2(0x38000000u);
    let special = normal + vec2(0x38000000u);
    let subnormal = bitcast<vec2<u32>>(vec2<f32>(magnitude) * 0x1p-24f);
    let finite = select(normal, subnormal, magnitude < vec2(0x400u));
    let bits = select(finite, special, magnitude >= vec2(0x7c00u));
    return bitcast<vec2<f32>>(bits | ((h & vec2(0x8000u)) << vec2(16u)));
}

fn widen(pair: u32) -> vec2<f32> {
    if NATIVE_UNPACK {
        return unpack2x16float(pair);
    }
    return widen_bits(vec2(pair & 0xffffu, pair >> 16u));
}

// Two f32 to binary16 bit patterns, round to nearest even; too large becomes infinity, NaN 0x7e00.
fn narrow_bits(x: vec2<f32>) -> vec2<u32> {
    let u = bitcast<vec2<u32>>(x);
    let a = u & vec2(0x7fffffffu);
    // The exponent is rebased by 127 - 15 (0xc8000000 = -0x38000000); 0xfff + lowest kept bit rounds to even.
    let normal = (a + vec2(0xc8000fffu) + ((a >> vec2(13u)) & vec2(1u))) >> vec2(13u);
    // Below 2^-14 the result counts units of 2^-24: shift the mantissa there, 25 or more leaves nothing.
    let m = (a & vec2(0x7fffffu)) | vec2(0x800000u);
    let shift = min(vec2(126u) - min(a >> vec2(23u), vec2(112u)), vec2(25u));
    let half_unit = (vec2(1u) << (shift - vec2(1u))) - vec2(1u);
    let subnormal = (m + half_unit + ((m >> shift) & vec2(1u))) >> shift;
    let finite = select(min(normal, vec2(0x7c00u)), subnormal, a < vec2(0x38800000u));
    let bits = select(finite, vec2(0x7e00u), a > vec2(0x7f800000u));
    return bits | ((u >> vec2(16u)) & vec2(0x8000u));
}

fn narrow(x: vec2<f32>) -> u32 {
    if NATIVE_PACK {
        return pack2x16float(x);
    }
    let h = narrow_bits(x);
    return h.x | (h.y << 16u);
}

// Rounds to the nearest binary16 value.
fn round_half(x: vec2<f32>) -> vec2<f32> {
    return widen(narrow(x));
}

// shares: powers of two by a table, SPEC §IV.4.5. Twin: core/src/train/ops/softmax.rs
// Before it goes the binding of exp2_table, [256] u32.

// From here on, in 1/256 octaves, all is as far away.
const FAR: i32 = 1 << 20;

// 1/256 octaves of distances d in scores, 0 <= d < 2^24, at most FAR: rs(d 23637, k).
fn octaves(d: vec4<i32>, k: i32) -> vec4<i32> {
    // From 2^(k + 6) on it is more than FAR; below, the result is within 21 bits.
    let is_far = d >= vec4(1i << u32(clamp(k + 6, 0, 30)));
    let near = rounded_wide(multiply(d, vec4(23637)), k);
    return min(select(near, vec4(FAR), is_far), vec4(FAR));
}

fn power(z: i32) -> i32 {
    let octave = u32(z) >> 8u;
    return select(0, i32(exp2_table[u32(z) & 255u] >> min(octave, 31u)), octave < 15u);
}

fn powers(z: vec4<i32>) -> vec4<i32> {
    return vec4(power(z.x), power(z.y), power(z.z), power(z.w));
}

// A share of 2^14 from a power: power times inverse is at most 2^30, as a power is at most the sum.
fn share(power: vec4<i32>, inverse: i32) -> vec4<i32> {
    return min((power * inverse + vec4(1 << 15u)) >> vec4(16u), vec4(16383));
}

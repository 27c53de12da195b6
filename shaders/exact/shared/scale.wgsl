// scale: the factor that brings a row to root mean square 256. Twin: core/src/exact/ops/norm.rs, scale_of

// Values of a row beyond this count as this.
fn clamp_row(x: vec4<i32>) -> vec4<i32> {
    return clamp(x, vec4(-1023), vec4(1023));
}

// Four of at most 1023² each: below 2^22.
fn squares_of(c: vec4<i32>) -> u32 {
    return bitcast<u32>(c.x * c.x + c.y * c.y + c.z * c.z + c.w * c.w);
}

// floor(sqrt(n)), bit by bit from the top.
fn isqrt(n: u32) -> u32 {
    var rest = n;
    var root = 0u;
    for (var bit = 0x40000000u; bit != 0u; bit = bit >> 2u) {
        let trial = root + bit;
        root = root >> 1u;
        if rest >= trial {
            rest -= trial;
            root += bit;
        }
    }
    return root;
}

// In units of 2^-16, for a row of dim = 4^log2_root values whose clamped squares sum up to `squares` < 2^32.
// The numerator is at most 2^30, the quotient at most 2^20.
fn scale_of(squares: u32, log2_root: u32) -> i32 {
    let divisor = max(isqrt(squares), 16u << log2_root);
    return bitcast<i32>((1u << (24u + log2_root)) / divisor);
}

// |c| <= 1023 and scale <= 2^20: the product is below 2^30, the result at most 16368.
fn scaled(c: vec4<i32>, scale: i32) -> vec4<i32> {
    return (c * scale + vec4(0x8000)) >> vec4(16u);
}

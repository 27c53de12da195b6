// wide: integers of 64 bits, two's complement in two words, four at a time. Twin: core/src/train/values.rs, rs

struct Wide {
    low: vec4<u32>,
    high: vec4<u32>,
}

fn multiply(a: vec4<i32>, b: vec4<i32>) -> Wide {
    let x = bitcast<vec4<u32>>(a);
    let y = bitcast<vec4<u32>>(b);
    let half = vec4(0xffffu);
    let x0 = x & half;
    let x1 = x >> vec4(16u);
    let y0 = y & half;
    let y1 = y >> vec4(16u);
    // Each within 32 bits: 65535² + 2 * 65535.
    let inner = x1 * y0 + ((x0 * y0) >> vec4(16u));
    let outer = x0 * y1 + (inner & half);
    let high = x1 * y1 + (inner >> vec4(16u)) + (outer >> vec4(16u));
    // A negative number is 2^32 more as an unsigned one.
    let over = select(vec4(0u), y, a < vec4(0)) + select(vec4(0u), x, b < vec4(0));
    return Wide(x * y, high - over);
}

fn add(a: Wide, b: Wide) -> Wide {
    let low = a.low + b.low;
    return Wide(low, a.high + b.high + select(vec4(0u), vec4(1u), low < b.low));
}

fn subtract(a: Wide, b: Wide) -> Wide {
    return Wide(a.low - b.low, a.high - b.high - select(vec4(0u), vec4(1u), a.low < b.low));
}

fn widened(x: vec4<i32>) -> Wide {
    return Wide(bitcast<vec4<u32>>(x), bitcast<vec4<u32>>(x >> vec4(31u)));
}

// The lower word of x >> s, 0 <= s <= 63.
fn shifted(x: Wide, s: u32) -> vec4<u32> {
    let high = bitcast<vec4<i32>>(x.high);
    let far = bitcast<vec4<u32>>(high >> vec4(s & 31u));
    // In two steps, as a shift by 32 is none.
    let near = (x.low >> vec4(s & 31u)) | ((x.high << vec4(31u - (s & 31u))) << vec4(1u));
    return select(near, far, s >= 32u);
}

// As `rounded`, of what fits 32 bits afterwards; 0 for s > 62.
fn rounded_wide(x: Wide, s: i32) -> vec4<i32> {
    let up = shifted(x, u32(clamp(s - 1, 0, 62))) & vec4(1u);
    let right = bitcast<vec4<i32>>(shifted(x, u32(clamp(s, 1, 62))) + up);
    let left = bitcast<vec4<i32>>(x.low << vec4(u32(clamp(-s, 0, 24))));
    return select(select(left, right, s > 0), vec4(0), s > 62);
}

// Length in bits of the largest |x|.
fn length_of(x: Wide) -> i32 {
    let is_negative = bitcast<vec4<i32>>(x.high) < vec4(0);
    let size = subtract(Wide(vec4(0u), vec4(0u)), x);
    let low = select(x.low, size.low, is_negative);
    let high = select(x.high, size.high, is_negative);
    let top = high.x | high.y | high.z | high.w;
    let rest = low.x | low.y | low.z | low.w;
    return select(bits(rest), 32 + bits(top), top != 0u);
}

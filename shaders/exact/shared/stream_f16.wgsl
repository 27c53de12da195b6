// stream_f16: values of a stream as f16, 8 to a vec4; the table holds f16's bits.

// Stores 16 values, of which part `i` holds every fourth from the i-th on, as group `at`.
fn store(at: u32, y0: vec4<u32>, y1: vec4<u32>, y2: vec4<u32>, y3: vec4<u32>) {
    let even = y0 | (y1 << vec4(16u));
    let odd = y2 | (y3 << vec4(16u));
    out[dims.out_first + 2u * at] = vec4(even.x, odd.x, even.y, odd.y);
    out[dims.out_first + 2u * at + 1u] = vec4(even.z, odd.z, even.w, odd.w);
}

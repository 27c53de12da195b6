// stream_int8: values of a stream as int8, 16 to a vec4; the table holds bytes.

// Stores 16 values, of which part `i` holds every fourth from the i-th on, as group `at`.
fn store(at: u32, y0: vec4<u32>, y1: vec4<u32>, y2: vec4<u32>, y3: vec4<u32>) {
    out[dims.out_first + at] = y0 | (y1 << vec4(8u)) | (y2 << vec4(16u)) | (y3 << vec4(24u));
}

// elements_f32: how linear_f32 and linear_f32_wide multiply: in f32 that cannot round. Products and sums of up to 2048
// values of k are integers of at most 127 * 46 * 2048 < 2^24 in size, and WGSL gives the exact result wherever it is
// representable, in any order, fused or not. Then the sums move to i32.

// Four int8 to a word.
alias Raw = u32;
alias Element = f32;
alias Quad = vec4<f32>;
alias Sums = vec4<f32>;
alias Totals = vec4<i32>;

// 2048 / 4
const CHUNK_QUADS: u32 = 512u;

fn k_quads() -> u32 {
    return 4u * dims.k_vecs;
}

fn weight_start(column: u32) -> u32 {
    return 4u * (dims.weight_first + column * dims.k_vecs);
}

fn elements(raw: Raw) -> Quad {
    return Quad(unpack4xI8(raw));
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + x * w;
}

fn close(total: Totals, sums: Sums) -> Totals {
    return total + Totals(sums);
}

// elements_dp4a: how linear_dp4a and linear_dp4a_wide multiply: four int8 of k packed in a word, summed in i32.

alias Raw = vec4<u32>;
alias Element = u32;
alias Quad = vec4<u32>;
alias Sums = vec4<i32>;
alias Totals = vec4<i32>;

// One sum over all of k: |sum| < 2^27.
const CHUNK_QUADS: u32 = 0x40000000u;

fn k_quads() -> u32 {
    return dims.k_vecs;
}

fn weight_start(column: u32) -> u32 {
    return dims.weight_first + column * dims.k_vecs;
}

fn elements(raw: Raw) -> Quad {
    return raw;
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + vec4(
        dot4I8Packed(x, w.x),
        dot4I8Packed(x, w.y),
        dot4I8Packed(x, w.z),
        dot4I8Packed(x, w.w),
    );
}

fn close(total: Totals, sums: Sums) -> Totals {
    return sums;
}

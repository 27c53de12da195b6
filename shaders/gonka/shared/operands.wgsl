// operands: where linear, linear_wide and linear_halves find what they multiply, and the f32 sums that they make of it, for
// shared/tiles.wgsl. What an element is: elements.wgsl or elements_halves.wgsl.

alias Sums = vec4<f32>;
alias Totals = vec4<f32>;

// One sum over all of k.
const CHUNK_QUADS: u32 = 0x40000000u;

fn k_quads() -> u32 {
    return dims.k_quads;
}

fn weight_start(column: u32) -> u32 {
    return (dims.first_weight + column) * dims.k_quads;
}

fn close(total: Totals, sums: Sums) -> Totals {
    return sums;
}

// elements: the operands of linear and linear_wide, as shared/tiles.wgsl wants them: an element is one f32.

@group(0) @binding(1) var<storage, read> x: array<Raw>;
@group(0) @binding(2) var<storage, read> weight: array<Raw>;

alias Raw = vec2<u32>;
alias Element = f32;
alias Quad = vec4<f32>;
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

fn elements(raw: Raw) -> Quad {
    return Quad(widen(raw.x), widen(raw.y));
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + x * w;
}

fn close(total: Totals, sums: Sums) -> Totals {
    return sums;
}

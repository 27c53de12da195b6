// linear: the interface of linear and linear_wide, and their arithmetic: f16 in, f32 sums, f16 out.
//   x       [rows, k]      f16, 4 to a vec2   in
//   weight  [columns, k]   f16, 4 to a vec2   in, one chunk of the tensor's rows
//   out     [rows, stride] f16, 4 to a vec2   out

struct Dims {
    // vec2 in a row of x and of weight: k / 4
    k_quads: u32,
    // vec2 in a row of out: stride / 4
    out_quads: u32,
    first_row: u32,
    // first row of the weight chunk that this dispatch reads
    first_weight: u32,
    // column of out that the chunk's first row makes
    chunk_column: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2<u32>>;

alias Element = f32;
alias Quad = vec4<f32>;
alias Sums = vec4<f32>;
alias Totals = vec4<f32>;

// One sum over all of k.
const CHUNK_QUADS: u32 = 0x40000000u;

fn k_quads() -> u32 {
    return dims.k_quads;
}

fn x_quad(row: u32, k_quad: u32) -> Quad {
    let v = x[row * dims.k_quads + k_quad];
    return Quad(widen(v.x), widen(v.y));
}

fn weight_quad(column: u32, k_quad: u32) -> Quad {
    let v = weight[(dims.first_weight + column) * dims.k_quads + k_quad];
    return Quad(widen(v.x), widen(v.y));
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + x * w;
}

fn close(total: Totals, sums: Sums) -> Totals {
    return sums;
}

// Writes columns `column` to `column + 3` of a row; column is counted from first_weight.
fn leave(row: u32, column: u32, total: Totals) {
    let quad = (dims.chunk_column + dims.first_weight + column) / 4u;
    out[row * dims.out_quads + quad] = vec2(narrow(total.xy), narrow(total.zw));
}

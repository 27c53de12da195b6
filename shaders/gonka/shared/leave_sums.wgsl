// leave_sums: a product leaves its sums, each a column of out.

// 4 columns in each.
@group(0) @binding(3) var<storage, read_write> out: array<vec2<u32>>;

// Writes columns `column` to `column + 3` of a row; column is counted from first_weight.
fn leave(row: u32, column: u32, total: vec4<f32>) {
    let quad = (dims.chunk_column + dims.first_weight + column) / 4u;
    out[row * dims.out_quads + quad] = vec2(narrow(total.xy), narrow(total.zw));
}

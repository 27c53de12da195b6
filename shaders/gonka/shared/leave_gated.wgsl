// leave_gated: a product by w1 and w3 at once leaves f16(f16(silu(gate)) * up), SPEC §I.4, and neither gate nor up. Twins:
// core/src/gonka/ops/linear.rs and elementwise.rs. The weight has two rows of w1 and the same two of w3 by turns
// (gonka/repack.wgsl), so 4 neighbouring sums are 2 gates and their ups, and a thread has both in its registers.

// 2 columns in each.
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

// Writes 2 columns of a row from rows `column` to `column + 3` of the weight, counted from first_weight.
fn leave(row: u32, column: u32, total: vec4<f32>) {
    let gate = round_half(total.xy);
    // Below -80 silu is zero in f16 anyway; the bound keeps exp finite, as WGSL promises nothing beyond.
    let silu = gate / (1.0 + exp(min(-gate, vec2(80.0))));
    let pair = dims.chunk_column / 2u + (dims.first_weight + column) / 4u;
    out[row * 2u * dims.out_quads + pair] = narrow(round_half(silu) * round_half(total.zw));
}

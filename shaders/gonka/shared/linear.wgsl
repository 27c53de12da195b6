// linear: the interface of linear, linear_wide and linear_matrix: f16 in, f32 sums, f16 out.
//   x       [rows, k]      f16, as each kernel reads it   in
//   weight  [columns, k]   f16, the same                  in, one chunk of the tensor's rows
//   out     [rows, stride] f16                            out, by leave_sums.wgsl or leave_gated.wgsl

struct Dims {
    // groups of 4 values in a row of x and of weight: k / 4
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
// x and weight at 1 and 2 are declared as each kernel reads them, out at 3 as it is written.

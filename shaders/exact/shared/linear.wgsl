// linear: the interface of the kernels linear_dp4a, linear_f32 (either width) and linear_coop: SPEC §II.6.5.
// Twins: core/src/exact/ops/linear.rs (the sums), Requant (what leaves).
//   x       [rows, k] i8                           in, within ±127
//   weight  [columns, k] i8                        in, within ±46, from 16 weight_first on
//   out     [rows, out_words] u32                  out
// out holds int8 four to a word, int16 (saturated) two to a word, or i32. |sum| <= 127 * 46 * 16384 < 2^27.
// The host pads rows, columns and k to whole tiles, so that nothing here needs a bounds check.

const INT8: u32 = 0u;
const INT16: u32 = 1u;
const INT32: u32 = 2u;

struct Dims {
    // groups of 16 values in a row of x and of weight: k / 16
    k_vecs: u32,
    // words in a row of out
    out_words: u32,
    first_row: u32,
    weight_first: u32,
    // column of out that the row at weight_first makes
    first_column: u32,
    // INT8, INT16 or INT32
    leaves_as: u32,
    // rounding shift before it leaves as int8 or int16
    shift: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
// x and weight at 1 and 2 are declared as each kernel reads them.
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

// Writes the sums of columns `column` to `column + 3` of a row; column is counted from first_column.
fn leave(row: u32, column: u32, sums: vec4<i32>) {
    let quad = (dims.first_column + column) / 4u;
    let line = row * dims.out_words;
    if dims.leaves_as == INT8 {
        out[line + quad] = pack4xI8(clamp_int8(rounding_shift(sums, dims.shift)));
    } else if dims.leaves_as == INT16 {
        // The norm that reads this clamps to ±1023.
        let v = clamp(rounding_shift(sums, dims.shift), vec4(-32767), vec4(32767));
        let words = pack_int16(v);
        out[line + 2u * quad] = words.x;
        out[line + 2u * quad + 1u] = words.y;
    } else {
        let words = bitcast<vec4<u32>>(sums);
        out[line + 4u * quad] = words.x;
        out[line + 4u * quad + 1u] = words.y;
        out[line + 4u * quad + 2u] = words.z;
        out[line + 4u * quad + 3u] = words.w;
    }
}

// matrix_quads: tiles of products on matrix units as vectors of 4 values, two of which are 16 bytes that go together. A block is loaded from
// vectors, which Vulkan allows; Metal does not: matrix_halves.wgsl.

// Values in an element of a tile, and elements from one row to the next: 40 values, which keeps rows out of each other's banks.
const UNIT: u32 = 4u;
const ROW_UNITS: u32 = 10u;

override W_TILE: u32 = COLUMNS * ROW_UNITS;

var<workgroup> x_tile: array<vec4<f16>, ROWS * ROW_UNITS>;
var<workgroup> w_tile: array<vec4<f16>, W_TILE>;

// Stores values 8 part to 8 part + 7 of a row.
fn put_x(row: u32, part: u32, low: vec4<f16>, high: vec4<f16>) {
    x_tile[row * ROW_UNITS + 2u * part] = low;
    x_tile[row * ROW_UNITS + 2u * part + 1u] = high;
}

fn put_w(row: u32, part: u32, low: vec4<f16>, high: vec4<f16>) {
    w_tile[row * ROW_UNITS + 2u * part] = low;
    w_tile[row * ROW_UNITS + 2u * part + 1u] = high;
}

// Sums begin at zero, and are added to the total by an addition that rounds to nearest.
fn begin(total: BlockC, zero: BlockC) -> BlockC {
    return zero;
}

fn closed(total: BlockC, sums: BlockC) -> BlockC {
    return total + sums;
}

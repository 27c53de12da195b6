// matrix_halves: tiles of products on matrix units as single values, from which alone Metal loads a block.

// Values in an element of a tile, and elements from one row to the next: 40 values, which keeps rows out of each other's banks.
const UNIT: u32 = 1u;
const ROW_UNITS: u32 = 40u;
override W_TILE: u32 = COLUMNS * ROW_UNITS;

var<workgroup> x_tile: array<f16, ROWS * ROW_UNITS>;
var<workgroup> w_tile: array<f16, W_TILE>;

// Stores values 8 part to 8 part + 7 of a row.
fn put_x(row: u32, part: u32, low: vec4<f16>, high: vec4<f16>) {
    let at = row * ROW_UNITS + 8u * part;
    x_tile[at] = low.x;
    x_tile[at + 1u] = low.y;
    x_tile[at + 2u] = low.z;
    x_tile[at + 3u] = low.w;
    x_tile[at + 4u] = high.x;
    x_tile[at + 5u] = high.y;
    x_tile[at + 6u] = high.z;
    x_tile[at + 7u] = high.w;
}

fn put_w(row: u32, part: u32, low: vec4<f16>, high: vec4<f16>) {
    let at = row * ROW_UNITS + 8u * part;
    w_tile[at] = low.x;
    w_tile[at + 1u] = low.y;
    w_tile[at + 2u] = low.z;
    w_tile[at + 3u] = low.w;
    w_tile[at + 4u] = high.x;
    w_tile[at + 5u] = high.y;
    w_tile[at + 6u] = high.z;
    w_tile[at + 7u] = high.w;
}

// Metal adds no two matrices. Its units round every addition to nearest, so that the sums may go on.
fn begin(total: BlockC, zero: BlockC) -> BlockC {
    return total;
}

fn closed(total: BlockC, sums: BlockC) -> BlockC {
    return sums;
}

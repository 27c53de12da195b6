// matrix_operands: how kernels for matrix units bring their operands: 8 values of f16 at a time, copied as they are, the next tile on its way in
// registers while this one is multiplied. One workgroup per tile of 8 by 2 COLUMN_PAIRS blocks, 4 by 2 of them for each subgroup.
// Needs a size of block (coop8.wgsl or coop16.wgsl) and a form of tiles (matrix_quads.wgsl or matrix_halves.wgsl).

// Pairs of blocks along columns.
override COLUMN_PAIRS: u32 = 2u;
// 2 COLUMN_PAIRS times the largest subgroup.
override THREADS: u32 = 128u;

@group(0) @binding(1) var<storage, read> x: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;

const ROWS: u32 = 8u * BLOCK;
override COLUMNS: u32 = 2u * COLUMN_PAIRS * BLOCK;
override PARTS: u32 = 2u * COLUMN_PAIRS;
// Groups of 8 values of k in a tile, and vec4 of k in it: 32 values.
const TILE_PARTS: u32 = 4u;
const TILE_QUADS: u32 = 8u;
const AREA: u32 = BLOCK * BLOCK;
// Groups of 8 that a thread brings, at most 4; the host picks THREADS so that they come out even.
override X_PARTS: u32 = ROWS * TILE_PARTS / THREADS;
override W_PARTS: u32 = COLUMNS * TILE_PARTS / THREADS;

// What a thread has fetched of an operand.
alias Fetched = array<vec4<f16>, 8>;

// Fetches a thread's groups from vec4 `first` on, those of one row and the next `step` apart.
fn fetch_x(next: ptr<function, Fetched>, first: u32, step: u32) {
    for (var i = 0u; i < X_PARTS; i += 1u) {
        (*next)[2u * i] = x[first + i * step];
        (*next)[2u * i + 1u] = x[first + i * step + 1u];
    }
}

fn fetch_w(next: ptr<function, Fetched>, first: u32, step: u32) {
    for (var i = 0u; i < W_PARTS; i += 1u) {
        (*next)[2u * i] = weight[first + i * step];
        (*next)[2u * i + 1u] = weight[first + i * step + 1u];
    }
}

// Puts them into the tiles: part `part` of rows from `row` on, THREADS / TILE_PARTS apart.
fn put(next_x: ptr<function, Fetched>, next_w: ptr<function, Fetched>, row: u32, part: u32) {
    for (var i = 0u; i < X_PARTS; i += 1u) {
        put_x(row + i * (THREADS / TILE_PARTS), part, (*next_x)[2u * i], (*next_x)[2u * i + 1u]);
    }
    for (var i = 0u; i < W_PARTS; i += 1u) {
        put_w(row + i * (THREADS / TILE_PARTS), part, (*next_w)[2u * i], (*next_w)[2u * i + 1u]);
    }
}

// tile: bindings of linear and linear_wide, and the way their operands get into workgroup memory.
//   x       [rows, k]      f16, 8 to a vec4   in
//   weight  [columns, k]   f16, 8 to a vec4   in, one chunk of the tensor's rows
//   out     [rows, stride] f16, 4 to a vec2   out
// A tile is [8 K_VECS, 4 rows or columns] f32, transposed: a thread reads 4 neighbours as one vector.
// The host pads rows, columns and k to whole tiles, so that nothing here needs a bounds check.

// Threads of a workgroup: WG_X along columns, WG_Y along rows.
override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// Values of k in a tile: 8 K_VECS.
override K_VECS: u32 = 2u;
// 4 x 4 results of a thread per step along rows and along columns: 1 in linear, 2 in linear_wide.
override STEPS: u32 = 1u;

override THREADS: u32 = WG_X * WG_Y;
override ROW_VECS: u32 = WG_Y * STEPS;
override COLUMN_VECS: u32 = WG_X * STEPS;
override X_TILE: u32 = ROW_VECS * K_VECS * 8u;
override W_TILE: u32 = COLUMN_VECS * K_VECS * 8u;

struct Dims {
    // vec4 in a row of x and of weight: k / 8
    k_vecs: u32,
    // vec2 in a row of out: stride / 4
    out_vecs: u32,
    first_row: u32,
    // first row of the weight chunk that this dispatch reads
    first_weight: u32,
    // column of out that the chunk's first row makes
    chunk_column: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2<u32>>;

var<workgroup> x_tile: array<vec4<f32>, X_TILE>;
var<workgroup> w_tile: array<vec4<f32>, W_TILE>;

// Fills both tiles with k values from 8 k_vec on.
fn load_tiles(lane: u32, first_row: u32, first_weight: u32, k_vec: u32) {
    for (var i = lane; i < ROW_VECS * 4u * K_VECS; i += THREADS) {
        let row = i / K_VECS;
        let v = x[(first_row + row) * dims.k_vecs + k_vec + i % K_VECS];
        let a = widen(v.x);
        let b = widen(v.y);
        let c = widen(v.z);
        let d = widen(v.w);
        let at = (i % K_VECS) * 8u * ROW_VECS + row / 4u;
        let part = row % 4u;
        x_tile[at][part] = a.x;
        x_tile[at + ROW_VECS][part] = a.y;
        x_tile[at + 2u * ROW_VECS][part] = b.x;
        x_tile[at + 3u * ROW_VECS][part] = b.y;
        x_tile[at + 4u * ROW_VECS][part] = c.x;
        x_tile[at + 5u * ROW_VECS][part] = c.y;
        x_tile[at + 6u * ROW_VECS][part] = d.x;
        x_tile[at + 7u * ROW_VECS][part] = d.y;
    }
    for (var i = lane; i < COLUMN_VECS * 4u * K_VECS; i += THREADS) {
        let row = i / K_VECS;
        let v = weight[(first_weight + row) * dims.k_vecs + k_vec + i % K_VECS];
        let a = widen(v.x);
        let b = widen(v.y);
        let c = widen(v.z);
        let d = widen(v.w);
        let at = (i % K_VECS) * 8u * COLUMN_VECS + row / 4u;
        let part = row % 4u;
        w_tile[at][part] = a.x;
        w_tile[at + COLUMN_VECS][part] = a.y;
        w_tile[at + 2u * COLUMN_VECS][part] = b.x;
        w_tile[at + 3u * COLUMN_VECS][part] = b.y;
        w_tile[at + 4u * COLUMN_VECS][part] = c.x;
        w_tile[at + 5u * COLUMN_VECS][part] = c.y;
        w_tile[at + 6u * COLUMN_VECS][part] = d.x;
        w_tile[at + 7u * COLUMN_VECS][part] = d.y;
    }
}

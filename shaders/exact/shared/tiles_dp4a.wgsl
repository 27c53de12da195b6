// tiles_dp4a: the tiles of x and weight in workgroup memory for linear_dp4a and linear_dp4a_wide, four int8 to a word,
// transposed: a vec4 holds one word of k of 4 neighbouring rows. Uses the bindings of shared/linear.wgsl.

override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// vec4 of k in a tile: 16 values each.
override K_VECS: u32 = 1u;
// Steps of 4 rows and 4 columns per thread.
override STEPS: u32 = 1u;

override THREADS: u32 = WG_X * WG_Y;
override ROW_QUADS: u32 = WG_Y * STEPS;
override COLUMN_QUADS: u32 = WG_X * STEPS;
override X_TILE: u32 = ROW_QUADS * K_VECS * 4u;
override W_TILE: u32 = COLUMN_QUADS * K_VECS * 4u;

// [4 K_VECS, ROW_QUADS] and [4 K_VECS, COLUMN_QUADS] of 4 neighbouring rows
var<workgroup> x_tile: array<vec4<u32>, X_TILE>;
var<workgroup> w_tile: array<vec4<u32>, W_TILE>;

// Loads K_VECS vec4 of k from k0 on of the workgroup's rows and columns; barriers before and after are the caller's.
fn load_tiles(lane: u32, first_row: u32, first_column: u32, k0: u32) {
    for (var i = lane; i < ROW_QUADS * 4u * K_VECS; i += THREADS) {
        let row = i / K_VECS;
        let v = x[(first_row + row) * dims.k_vecs + k0 + i % K_VECS];
        let at = (i % K_VECS) * 4u * ROW_QUADS + row / 4u;
        let part = row % 4u;
        x_tile[at][part] = v.x;
        x_tile[at + ROW_QUADS][part] = v.y;
        x_tile[at + 2u * ROW_QUADS][part] = v.z;
        x_tile[at + 3u * ROW_QUADS][part] = v.w;
    }
    for (var i = lane; i < COLUMN_QUADS * 4u * K_VECS; i += THREADS) {
        let column = i / K_VECS;
        let v = weight[dims.weight_first + (first_column + column) * dims.k_vecs + k0 + i % K_VECS];
        let at = (i % K_VECS) * 4u * COLUMN_QUADS + column / 4u;
        let part = column % 4u;
        w_tile[at][part] = v.x;
        w_tile[at + COLUMN_QUADS][part] = v.y;
        w_tile[at + 2u * COLUMN_QUADS][part] = v.z;
        w_tile[at + 3u * COLUMN_QUADS][part] = v.w;
    }
}

// One word of k of one row times that of four columns.
fn dots(x: u32, w: vec4<u32>) -> vec4<i32> {
    return vec4(
        dot4I8Packed(x, w.x),
        dot4I8Packed(x, w.y),
        dot4I8Packed(x, w.z),
        dot4I8Packed(x, w.w),
    );
}

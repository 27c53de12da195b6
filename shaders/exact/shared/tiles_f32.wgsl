// tiles_f32: the tiles of x and weight in workgroup memory for linear_f32 and linear_f32_wide, as f32,
// transposed: a vec4 holds one value of k of 4 neighbouring rows. Uses the bindings of shared/linear.wgsl.

override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// vec4 of k in a tile: 16 values each.
override K_VECS: u32 = 1u;
// Steps of 4 rows and 4 columns per thread.
override STEPS: u32 = 1u;

override THREADS: u32 = WG_X * WG_Y;
override ROW_QUADS: u32 = WG_Y * STEPS;
override COLUMN_QUADS: u32 = WG_X * STEPS;
override X_TILE: u32 = ROW_QUADS * K_VECS * 16u;
override W_TILE: u32 = COLUMN_QUADS * K_VECS * 16u;

// [16 K_VECS, ROW_QUADS] and [16 K_VECS, COLUMN_QUADS] of 4 neighbouring rows
var<workgroup> x_tile: array<vec4<f32>, X_TILE>;
var<workgroup> w_tile: array<vec4<f32>, W_TILE>;

fn put_x(at: u32, part: u32, word: u32) {
    let v = vec4<f32>(unpack4xI8(word));
    x_tile[at][part] = v.x;
    x_tile[at + ROW_QUADS][part] = v.y;
    x_tile[at + 2u * ROW_QUADS][part] = v.z;
    x_tile[at + 3u * ROW_QUADS][part] = v.w;
}

fn put_w(at: u32, part: u32, word: u32) {
    let v = vec4<f32>(unpack4xI8(word));
    w_tile[at][part] = v.x;
    w_tile[at + COLUMN_QUADS][part] = v.y;
    w_tile[at + 2u * COLUMN_QUADS][part] = v.z;
    w_tile[at + 3u * COLUMN_QUADS][part] = v.w;
}

// Loads K_VECS vec4 of k from k0 on of the workgroup's rows and columns; barriers before and after are the caller's.
fn load_tiles(lane: u32, first_row: u32, first_column: u32, k0: u32) {
    for (var i = lane; i < ROW_QUADS * 4u * K_VECS; i += THREADS) {
        let row = i / K_VECS;
        let v = x[(first_row + row) * dims.k_vecs + k0 + i % K_VECS];
        let at = (i % K_VECS) * 16u * ROW_QUADS + row / 4u;
        put_x(at, row % 4u, v.x);
        put_x(at + 4u * ROW_QUADS, row % 4u, v.y);
        put_x(at + 8u * ROW_QUADS, row % 4u, v.z);
        put_x(at + 12u * ROW_QUADS, row % 4u, v.w);
    }
    for (var i = lane; i < COLUMN_QUADS * 4u * K_VECS; i += THREADS) {
        let column = i / K_VECS;
        let v = weight[dims.weight_first + (first_column + column) * dims.k_vecs + k0 + i % K_VECS];
        let at = (i % K_VECS) * 16u * COLUMN_QUADS + column / 4u;
        put_w(at, column % 4u, v.x);
        put_w(at + 4u * COLUMN_QUADS, column % 4u, v.y);
        put_w(at + 8u * COLUMN_QUADS, column % 4u, v.z);
        put_w(at + 12u * COLUMN_QUADS, column % 4u, v.w);
    }
}

// tiles: the operands of a product in workgroup memory, for every kernel of linear that has no matrix units.
// An element is what one multiplication takes: a value of k, or four of them packed in a word. A tile is
// [4 K_QUADS elements of k, rows or columns], so that a thread reads the same element of 4 neighbours as one vector.
// Vectors are stored whole: a store to one component may write the others back, which are other threads' work.
// Before it go the bindings and one file that defines the types Element and Quad (4 of it) and
//   x_quad(row, k_quad), weight_quad(column, k_quad): elements 4 k_quad to 4 k_quad + 3 of a row.
// The host pads rows, columns and k to whole tiles, so that nothing here needs a bounds check.

// Threads of a workgroup: WG_X along columns, WG_Y along rows.
override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// Elements of k in a tile, in fours: an even number.
override K_QUADS: u32 = 4u;
// 4 x 4 results of a thread per step along rows and along columns: 1 with product_4x4, 2 with product_8x8.
override STEPS: u32 = 1u;

override THREADS: u32 = WG_X * WG_Y;
override ROW_QUADS: u32 = WG_Y * STEPS;
override COLUMN_QUADS: u32 = WG_X * STEPS;
override X_TILE: u32 = ROW_QUADS * K_QUADS * 4u;
override W_TILE: u32 = COLUMN_QUADS * K_QUADS * 4u;

var<workgroup> x_tile: array<Quad, X_TILE>;
var<workgroup> w_tile: array<Quad, W_TILE>;

// Fills both tiles with elements from 4 k_quad on. A thread brings 4 elements of 4 neighbours at a time.
fn load_tiles(lane: u32, first_row: u32, first_column: u32, k_quad: u32) {
    for (var i = lane; i < ROW_QUADS * K_QUADS; i += THREADS) {
        let quad = i / K_QUADS;
        let part = i % K_QUADS;
        let row = first_row + 4u * quad;
        let a = x_quad(row, k_quad + part);
        let b = x_quad(row + 1u, k_quad + part);
        let c = x_quad(row + 2u, k_quad + part);
        let d = x_quad(row + 3u, k_quad + part);
        let at = 4u * part * ROW_QUADS + quad;
        x_tile[at] = Quad(a.x, b.x, c.x, d.x);
        x_tile[at + ROW_QUADS] = Quad(a.y, b.y, c.y, d.y);
        x_tile[at + 2u * ROW_QUADS] = Quad(a.z, b.z, c.z, d.z);
        x_tile[at + 3u * ROW_QUADS] = Quad(a.w, b.w, c.w, d.w);
    }
    for (var i = lane; i < COLUMN_QUADS * K_QUADS; i += THREADS) {
        let quad = i / K_QUADS;
        let part = i % K_QUADS;
        let column = first_column + 4u * quad;
        let a = weight_quad(column, k_quad + part);
        let b = weight_quad(column + 1u, k_quad + part);
        let c = weight_quad(column + 2u, k_quad + part);
        let d = weight_quad(column + 3u, k_quad + part);
        let at = 4u * part * COLUMN_QUADS + quad;
        w_tile[at] = Quad(a.x, b.x, c.x, d.x);
        w_tile[at + COLUMN_QUADS] = Quad(a.y, b.y, c.y, d.y);
        w_tile[at + 2u * COLUMN_QUADS] = Quad(a.z, b.z, c.z, d.z);
        w_tile[at + 3u * COLUMN_QUADS] = Quad(a.w, b.w, c.w, d.w);
    }
}

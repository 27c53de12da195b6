// product_4x4: x weightᵀ by tiles (shared/tiles.wgsl), 4 x 4 results per thread.
// A workgroup makes 4 WG_Y rows by 4 WG_X columns; a thread has rows 4 ty.. and columns 4 tx...
// Before it go tiles.wgsl and what it needs, and with the bindings and the elements
//   Sums, Totals: vectors of 4 results, as they grow and as they leave;
//   multiply_add(element of a row, Quad of 4 columns, Sums) -> Sums;
//   close(Totals, Sums) -> Totals, called after CHUNK_QUADS fours of elements and at the end;
//   leave(row, column, Totals), which writes columns `column` to `column + 3` of a row.

var<private> a0: Sums;
var<private> a1: Sums;
var<private> a2: Sums;
var<private> a3: Sums;

var<private> total_a0: Totals;
var<private> total_a1: Totals;
var<private> total_a2: Totals;
var<private> total_a3: Totals;

// Adds the products of one element of k.
fn step(x_at: u32, w_at: u32) {
    let x = tiles[x_at];
    let w = tiles[w_at];
    a0 = multiply_add(x.x, w, a0);
    a1 = multiply_add(x.y, w, a1);
    a2 = multiply_add(x.z, w, a2);
    a3 = multiply_add(x.w, w, a3);
}

fn close_sums() {
    total_a0 = close(total_a0, a0);
    total_a1 = close(total_a1, a1);
    total_a2 = close(total_a2, a2);
    total_a3 = close(total_a3, a3);
    a0 = Sums();
    a1 = Sums();
    a2 = Sums();
    a3 = Sums();
}

// The workgroup's tile of the product, whose first row and column these are.
fn product(lane: u32, first_row: u32, first_column: u32) {
    sum_up(lane, first_row, first_column);
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    leave(row, column, total_a0);
    leave(row + 1u, column, total_a1);
    leave(row + 2u, column, total_a2);
    leave(row + 3u, column, total_a3);
}

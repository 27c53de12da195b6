// product_8x8: x weightᵀ by tiles (shared/tiles.wgsl), 8 x 8 results per thread: half the reads of workgroup
// memory and four times the registers of product_4x4. A workgroup makes 8 WG_Y rows by 8 WG_X columns. A thread has
// rows 4 ty.. and 4 (WG_Y + ty).., columns likewise: `a` are the first rows and columns, `b` the first rows and second
// columns, `c` and `d` the second rows.
// Before it go tiles.wgsl and what it needs, and with the bindings and the elements
//   Sums, Totals: vectors of 4 results, as they grow and as they leave;
//   multiply_add(element of a row, Quad of 4 columns, Sums) -> Sums;
//   close(Totals, Sums) -> Totals, called after CHUNK_QUADS fours of elements and at the end;
//   leave(row, column, Totals), which writes columns `column` to `column + 3` of a row.

var<private> a0: Sums;
var<private> a1: Sums;
var<private> a2: Sums;
var<private> a3: Sums;
var<private> b0: Sums;
var<private> b1: Sums;
var<private> b2: Sums;
var<private> b3: Sums;
var<private> c0: Sums;
var<private> c1: Sums;
var<private> c2: Sums;
var<private> c3: Sums;
var<private> d0: Sums;
var<private> d1: Sums;
var<private> d2: Sums;
var<private> d3: Sums;

var<private> total_a0: Totals;
var<private> total_a1: Totals;
var<private> total_a2: Totals;
var<private> total_a3: Totals;
var<private> total_b0: Totals;
var<private> total_b1: Totals;
var<private> total_b2: Totals;
var<private> total_b3: Totals;
var<private> total_c0: Totals;
var<private> total_c1: Totals;
var<private> total_c2: Totals;
var<private> total_c3: Totals;
var<private> total_d0: Totals;
var<private> total_d1: Totals;
var<private> total_d2: Totals;
var<private> total_d3: Totals;

// Adds the products of one element of k.
fn step(x_at: u32, w_at: u32) {
    let x = tiles[x_at];
    let y = tiles[x_at + WG_Y];
    let v = tiles[w_at];
    let w = tiles[w_at + WG_X];
    a0 = multiply_add(x.x, v, a0);
    a1 = multiply_add(x.y, v, a1);
    a2 = multiply_add(x.z, v, a2);
    a3 = multiply_add(x.w, v, a3);
    b0 = multiply_add(x.x, w, b0);
    b1 = multiply_add(x.y, w, b1);
    b2 = multiply_add(x.z, w, b2);
    b3 = multiply_add(x.w, w, b3);
    c0 = multiply_add(y.x, v, c0);
    c1 = multiply_add(y.y, v, c1);
    c2 = multiply_add(y.z, v, c2);
    c3 = multiply_add(y.w, v, c3);
    d0 = multiply_add(y.x, w, d0);
    d1 = multiply_add(y.y, w, d1);
    d2 = multiply_add(y.z, w, d2);
    d3 = multiply_add(y.w, w, d3);
}

fn close_sums() {
    total_a0 = close(total_a0, a0);
    total_a1 = close(total_a1, a1);
    total_a2 = close(total_a2, a2);
    total_a3 = close(total_a3, a3);
    total_b0 = close(total_b0, b0);
    total_b1 = close(total_b1, b1);
    total_b2 = close(total_b2, b2);
    total_b3 = close(total_b3, b3);
    total_c0 = close(total_c0, c0);
    total_c1 = close(total_c1, c1);
    total_c2 = close(total_c2, c2);
    total_c3 = close(total_c3, c3);
    total_d0 = close(total_d0, d0);
    total_d1 = close(total_d1, d1);
    total_d2 = close(total_d2, d2);
    total_d3 = close(total_d3, d3);
    a0 = Sums();
    a1 = Sums();
    a2 = Sums();
    a3 = Sums();
    b0 = Sums();
    b1 = Sums();
    b2 = Sums();
    b3 = Sums();
    c0 = Sums();
    c1 = Sums();
    c2 = Sums();
    c3 = Sums();
    d0 = Sums();
    d1 = Sums();
    d2 = Sums();
    d3 = Sums();
}

// The workgroup's tile of the product, whose first row and column these are.
fn product(lane: u32, first_row: u32, first_column: u32) {
    sum_up(lane, first_row, first_column);
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    let row2 = row + 4u * WG_Y;
    let column2 = column + 4u * WG_X;
    leave(row, column, total_a0);
    leave(row + 1u, column, total_a1);
    leave(row + 2u, column, total_a2);
    leave(row + 3u, column, total_a3);
    leave(row, column2, total_b0);
    leave(row + 1u, column2, total_b1);
    leave(row + 2u, column2, total_b2);
    leave(row + 3u, column2, total_b3);
    leave(row2, column, total_c0);
    leave(row2 + 1u, column, total_c1);
    leave(row2 + 2u, column, total_c2);
    leave(row2 + 3u, column, total_c3);
    leave(row2, column2, total_d0);
    leave(row2 + 1u, column2, total_d1);
    leave(row2 + 2u, column2, total_d2);
    leave(row2 + 3u, column2, total_d3);
}

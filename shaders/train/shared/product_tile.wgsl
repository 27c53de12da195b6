// product_tile: a workgroup's tile of a product. Before it go product.wgsl and the elements.

var<workgroup> h_tile: array<Quad, SIDE * K_WORDS * WORD_ELEMENTS>;
var<workgroup> l_tile: array<Quad, SIDE * K_WORDS * WORD_ELEMENTS>;
var<workgroup> b_tile: array<Quad, SIDE * K_WORDS * WORD_ELEMENTS>;

var<private> h0: Sums;
var<private> h1: Sums;
var<private> h2: Sums;
var<private> h3: Sums;
var<private> l0: Sums;
var<private> l1: Sums;
var<private> l2: Sums;
var<private> l3: Sums;

// A thread brings a word of k of four rows and of four columns.
fn load_tiles(lane: u32, rows: u32, columns: u32, word: u32, places: vec3<u32>) {
    // The vectors of a deep side lie side by side, a word of k of the others.
    let deep = vec2(lane % SIDE, lane / SIDE);
    let x = select(deep.yx, deep, A_IS_DEEP);
    let halves = a_halves(places.x, rows / 4u + x.x, word + x.y, places.z);
    store_h(x.y * SIDE + x.x, halves.h);
    if IS_WIDE {
        store_l(x.y * SIDE + x.x, halves.l);
    }
    let y = select(deep.yx, deep, B_IS_DEEP);
    store_b(y.y * SIDE + y.x, b_words(places.y, columns / 4u + y.x, word + y.y));
}

fn step(k: u32, tx: u32, ty: u32) {
    let w = b_tile[k * SIDE + tx];
    let h = h_tile[k * SIDE + ty];
    h0 = multiply_add(h.x, w, h0);
    h1 = multiply_add(h.y, w, h1);
    h2 = multiply_add(h.z, w, h2);
    h3 = multiply_add(h.w, w, h3);
    if IS_WIDE {
        let l = l_tile[k * SIDE + ty];
        l0 = multiply_add(l.x, w, l0);
        l1 = multiply_add(l.y, w, l1);
        l2 = multiply_add(l.z, w, l2);
        l3 = multiply_add(l.w, w, l3);
    }
}

fn leave(first: u32, row: u32, column: u32, h: Sums, l: Sums) {
    if row >= dims.rows {
        return;
    }
    var sums = whole(h);
    if IS_WIDE {
        sums = 128 * sums + whole(l);
    }
    let at = first + row * dims.out_row + column * dims.out_column;
    if column < dims.columns {
        out[at] = sums.x;
    }
    if column + 1u < dims.columns {
        out[at + dims.out_column] = sums.y;
    }
    if column + 2u < dims.columns {
        out[at + 2u * dims.out_column] = sums.z;
    }
    if column + 3u < dims.columns {
        out[at + 3u * dims.out_column] = sums.w;
    }
}

fn product(group: vec3<u32>, lane: u32) {
    let batch = group.x / dims.row_tiles;
    let head = batch % dims.heads;
    let sequence = batch / dims.heads;
    let rows = group.x % dims.row_tiles * 4u * SIDE;
    let columns = group.y * 4u * SIDE;
    let places = vec3(
        dims.a_first + head * dims.a_head + sequence * dims.a_sequence,
        head * dims.b_head + sequence * dims.b_sequence,
        head * dims.shift_head + sequence * dims.shift_sequence,
    );
    let tx = lane % SIDE;
    let ty = lane / SIDE;
    for (var word = 0u; 4u * word < dims.k; word += K_WORDS) {
        workgroupBarrier();
        load_tiles(lane, rows, columns, word, places);
        workgroupBarrier();
        for (var k = 0u; k < K_WORDS * WORD_ELEMENTS; k += 4u) {
            step(k, tx, ty);
            step(k + 1u, tx, ty);
            step(k + 2u, tx, ty);
            step(k + 3u, tx, ty);
        }
    }
    let first = dims.out_first + head * dims.out_head + sequence * dims.out_sequence;
    let row = rows + 4u * ty;
    let column = columns + 4u * tx;
    leave(first, row, column, h0, l0);
    leave(first, row + 1u, column, h1, l1);
    leave(first, row + 2u, column, h2, l2);
    leave(first, row + 3u, column, h3, l3);
}

// tiles: the operands of a product in workgroup memory, for every kernel of linear that has no matrix units.
// An element is what one multiplication takes: a value of k, or four of them packed in a word. A tile is
// [4 K_QUADS elements of k, rows and then columns], so that a thread reads the same element of 4 neighbours as one vector.
// While one tile is multiplied, what the next one is made of is on its way in registers.
// Vectors are stored whole: a store to one component may write the others back, which are other threads' work.
// With it go files that define the types Raw (4 elements of k as they lie in memory), Element and Quad (4 of it) and
//   k_quads(): Raws in a row of x and of weight; weight_start(column): where in weight the row of a column begins;
//   elements(Raw) -> Quad.
// The host pads rows, columns and k to whole tiles, so that nothing here needs a bounds check.

@group(0) @binding(1) var<storage, read> x: array<Raw>;
@group(0) @binding(2) var<storage, read> weight: array<Raw>;

// Threads of a workgroup: WG_X along columns, a multiple of 8, and WG_Y along rows, a power of two.
override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// Elements of k in a tile, in fours: a multiple of 4.
override K_QUADS: u32 = 4u;
// 4 x 4 results of a thread per step along rows and along columns: 1 with product_4x4, 2 with product_8x8.
override STEPS: u32 = 1u;
// How far loading runs ahead of multiplying. 0: not at all, as suits software drivers, which have no latency to hide. 1: what the
// next tile is made of is on its way in registers. 2: it may be stored while threads that lag still read this one, at
// one barrier a tile and twice the memory.
override AHEAD: u32 = 1u;

override THREADS: u32 = WG_X * WG_Y;
override ROW_QUADS: u32 = WG_Y * STEPS;
override QUADS: u32 = (WG_X + WG_Y) * STEPS;
override TILE: u32 = 4u * K_QUADS * QUADS;
override TILES: u32 = max(AHEAD, 1u) * TILE;
// Elements of k in a round of multiplying; without a round there are few instructions besides the products, but software drivers
// take long to compile what is unrolled.
override ROUND: u32 = select(16u, 8u, AHEAD == 0u);

var<workgroup> tiles: array<Quad, TILES>;

// What a thread brings: 4 elements of 4 neighbours.
struct Block {
    a: Raw,
    b: Raw,
    c: Raw,
    d: Raw,
}

// A thread brings every THREADS-th block of a tile, at most 4.
override BLOCKS: u32 = K_QUADS * QUADS;
override X_BLOCKS: u32 = K_QUADS * ROW_QUADS;
// So many threads side by side bring neighbours, which lie in different banks.
override SIDE: u32 = min(ROW_QUADS, 8u);

var<private> from_0: u32;
var<private> from_1: u32;
var<private> from_2: u32;
var<private> from_3: u32;
var<private> block_0: Block;
var<private> block_1: Block;
var<private> block_2: Block;
var<private> block_3: Block;

// Which block a thread brings as its `turn`-th; beyond the last it brings that once more, and leaves it.
fn block_of(lane: u32, turn: u32) -> u32 {
    return min(lane + turn * THREADS, BLOCKS - 1u);
}

// Of a block: which 4 rows or columns, and which 4 elements of k.
fn place(block: u32) -> vec2<u32> {
    return vec2(block / (SIDE * K_QUADS) * SIDE + block % SIDE, block / SIDE % K_QUADS);
}

// Where a block of the first tile begins in x or in weight.
fn start(block: u32, first_row: u32, first_column: u32) -> u32 {
    let at = place(block);
    if at.x < ROW_QUADS {
        return (first_row + 4u * at.x) * k_quads() + at.y;
    }
    return weight_start(first_column + 4u * (at.x - ROW_QUADS)) + at.y;
}

fn x_block(at: u32) -> Block {
    let row = k_quads();
    return Block(x[at], x[at + row], x[at + 2u * row], x[at + 3u * row]);
}

fn weight_block(at: u32) -> Block {
    let row = k_quads();
    return Block(weight[at], weight[at + row], weight[at + 2u * row], weight[at + 3u * row]);
}

fn fetch(lane: u32, turn: u32, at: u32) -> Block {
    // Where all threads bring of one operand, that is known when the kernel is compiled.
    if (turn + 1u) * THREADS <= X_BLOCKS {
        return x_block(at);
    }
    if turn * THREADS >= X_BLOCKS || block_of(lane, turn) >= X_BLOCKS {
        return weight_block(at);
    }
    return x_block(at);
}

fn put(lane: u32, turn: u32, tile: u32, block: Block) {
    if (turn + 1u) * THREADS > BLOCKS && lane + turn * THREADS >= BLOCKS {
        return;
    }
    let to = place(block_of(lane, turn));
    let at = tile + 4u * to.y * QUADS + to.x;
    let a = elements(block.a);
    let b = elements(block.b);
    let c = elements(block.c);
    let d = elements(block.d);
    tiles[at] = Quad(a.x, b.x, c.x, d.x);
    tiles[at + QUADS] = Quad(a.y, b.y, c.y, d.y);
    tiles[at + 2u * QUADS] = Quad(a.z, b.z, c.z, d.z);
    tiles[at + 3u * QUADS] = Quad(a.w, b.w, c.w, d.w);
}

// Sends for this thread's part of the tile that lies so many fours of k after the last one sent for.
fn fetch_tile(lane: u32, after: u32) {
    from_0 += after;
    block_0 = fetch(lane, 0u, from_0);
    if BLOCKS > THREADS {
        from_1 += after;
        block_1 = fetch(lane, 1u, from_1);
    }
    if BLOCKS > 2u * THREADS {
        from_2 += after;
        block_2 = fetch(lane, 2u, from_2);
    }
    if BLOCKS > 3u * THREADS {
        from_3 += after;
        block_3 = fetch(lane, 3u, from_3);
    }
}

// Stores what was sent for as the tile that begins here.
fn put_tile(lane: u32, tile: u32) {
    put(lane, 0u, tile, block_0);
    if BLOCKS > THREADS {
        put(lane, 1u, tile, block_1);
    }
    if BLOCKS > 2u * THREADS {
        put(lane, 2u, tile, block_2);
    }
    if BLOCKS > 3u * THREADS {
        put(lane, 3u, tile, block_3);
    }
}

// Adds the products of 8 elements of k, whose vectors for this thread's first rows and columns are these.
fn step_8(x_at: u32, w_at: u32) {
    step(x_at, w_at);
    step(x_at + QUADS, w_at + QUADS);
    step(x_at + 2u * QUADS, w_at + 2u * QUADS);
    step(x_at + 3u * QUADS, w_at + 3u * QUADS);
    step(x_at + 4u * QUADS, w_at + 4u * QUADS);
    step(x_at + 5u * QUADS, w_at + 5u * QUADS);
    step(x_at + 6u * QUADS, w_at + 6u * QUADS);
    step(x_at + 7u * QUADS, w_at + 7u * QUADS);
}

// Sums up the workgroup's tile of the product, whose first row and column these are. After it go step(x_at, w_at), which adds
// the products of one element, and close_sums(), called after CHUNK_QUADS fours of elements and at the end.
fn sum_up(lane: u32, first_row: u32, first_column: u32) {
    let x_first = lane / WG_X;
    let w_first = ROW_QUADS + lane % WG_X;
    from_0 = start(block_of(lane, 0u), first_row, first_column);
    from_1 = start(block_of(lane, 1u), first_row, first_column);
    from_2 = start(block_of(lane, 2u), first_row, first_column);
    from_3 = start(block_of(lane, 3u), first_row, first_column);
    if AHEAD > 0u {
        fetch_tile(lane, 0u);
    }
    var tile = 0u;
    for (var chunk = 0u; chunk < k_quads(); chunk += CHUNK_QUADS) {
        let chunk_end = min(chunk + CHUNK_QUADS, k_quads());
        for (var k_quad = chunk; k_quad < chunk_end; k_quad += K_QUADS) {
            if AHEAD < 2u {
                workgroupBarrier();
            }
            if AHEAD == 0u {
                fetch_tile(lane, select(K_QUADS, 0u, k_quad == 0u));
            }
            put_tile(lane, tile);
            workgroupBarrier();
            // After the last tile it is sent for once more, and left: a branch here costs registers.
            if AHEAD > 0u {
                fetch_tile(lane, select(0u, K_QUADS, k_quad + K_QUADS < k_quads()));
            }
            for (var k = 0u; k < 4u * K_QUADS; k += ROUND) {
                let at = tile + k * QUADS;
                step_8(at + x_first, at + w_first);
                if ROUND == 16u {
                    step_8(at + 8u * QUADS + x_first, at + 8u * QUADS + w_first);
                }
            }
            if AHEAD == 2u {
                tile = TILE - tile;
            }
        }
        close_sums();
    }
}

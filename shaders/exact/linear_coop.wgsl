// linear_coop: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ on matrix units (shared/coop8.wgsl or coop16.wgsl). int8 is exact in f16; products and sums are
// integers of at most 127 * 46 * 2048 < 2^24, exact where the unit sums in f32 as it says: the self-test decides.
// After 2048 values of k the sums move to i32, which stay in registers: every index into them is known when it is compiled.
// Tiles are those of gonka (shared/matrix_quads.wgsl or matrix_halves.wgsl). One workgroup per tile of 8 by 4 blocks, a quarter
// of it for each subgroup; a fifth subgroup and more make what the first ones make, and store nothing.
// Interface: exact/shared/linear.wgsl.
// Dispatch: (row tiles, column tiles, 1): the groups that run side by side read the same weights. Accuracy: exact.

// Four times the largest subgroup.
override THREADS: u32 = 128u;

@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;

const ROWS: u32 = 8u * BLOCK;
const COLUMNS: u32 = 4u * BLOCK;
// Groups of 16 values of k in a tile.
const TILE_VECS: u32 = 2u;
// vec4 of k whose sums f32 holds exactly: 2048 / 16.
const CHUNK_VECS: u32 = 128u;
const AREA: u32 = BLOCK * BLOCK;

// Groups of four sums that are a thread's, of the AREA groups of a block in every quarter.
override OWN: u32 = (AREA + THREADS - 1u) / THREADS;

// One block per quarter.
var<workgroup> sums: array<f32, 4u * AREA>;

// A thread's groups of four sums: 8 blocks of AREA groups over at least 64 threads.
alias Totals = array<vec4<i32>, 32>;

fn four(word: u32) -> vec4<f16> {
    return vec4<f16>(unpack4xI8(word));
}

// Adds block `block` of every quarter, which lies in `sums`, to the totals.
fn drain(totals: ptr<function, Totals>, block: u32, lane: u32) {
    workgroupBarrier();
    for (var own = 0u; own < OWN; own += 1u) {
        let i = lane + own * THREADS;
        if i < AREA {
            let s = vec4(sums[4u * i], sums[4u * i + 1u], sums[4u * i + 2u], sums[4u * i + 3u]);
            (*totals)[4u * block + own] += vec4<i32>(s);
        }
    }
    workgroupBarrier();
}

// Writes block `block` of every quarter.
fn leave_block(totals: ptr<function, Totals>, block: u32, lane: u32, first_row: u32, first_column: u32) {
    for (var own = 0u; own < OWN; own += 1u) {
        let i = lane + own * THREADS;
        if i < AREA {
            // Group i of four sums lies in quarter i / (AREA / 4), in its rows of BLOCK / 4 groups.
            let place = i % (AREA / 4u);
            let part = i / (AREA / 4u);
            let row = (part / 2u * 4u + block / 2u) * BLOCK + place / (BLOCK / 4u);
            let column = (part % 2u * 2u + block % 2u) * BLOCK + place % (BLOCK / 4u) * 4u;
            leave(first_row + row, first_column + column, (*totals)[4u * block + own]);
        }
    }
}

@compute @workgroup_size(THREADS)
fn linear_coop(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let first_row = dims.first_row + group.x * ROWS;
    let first_column = group.y * COLUMNS;
    let quarter = subgroup % 4u;
    let stores = subgroup < 4u;
    let own_sums = quarter * AREA;
    let own_x = quarter / 2u * 4u * BLOCK * ROW_UNITS;
    let own_w = quarter % 2u * 2u * BLOCK * ROW_UNITS;
    var totals = Totals();
    for (var chunk = 0u; chunk < dims.k_vecs; chunk += CHUNK_VECS) {
        for (var i = lane; i < 4u * AREA; i += THREADS) {
            sums[i] = 0.0;
        }
        workgroupBarrier();
        var c00 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c01 = c00;
        var c10 = c00;
        var c11 = c00;
        var c20 = c00;
        var c21 = c00;
        var c30 = c00;
        var c31 = c00;
        let chunk_end = min(chunk + CHUNK_VECS, dims.k_vecs);
        for (var k0 = chunk; k0 < chunk_end; k0 += TILE_VECS) {
            workgroupBarrier();
            for (var i = lane; i < ROWS * TILE_VECS; i += THREADS) {
                let row = i / TILE_VECS;
                let v = x[(first_row + row) * dims.k_vecs + k0 + i % TILE_VECS];
                let part = 2u * (i % TILE_VECS);
                put_x(row, part, four(v.x), four(v.y));
                put_x(row, part + 1u, four(v.z), four(v.w));
            }
            for (var i = lane; i < COLUMNS * TILE_VECS; i += THREADS) {
                let column = i / TILE_VECS;
                let v = weight[dims.weight_first + (first_column + column) * dims.k_vecs + k0 + i % TILE_VECS];
                let part = 2u * (i % TILE_VECS);
                put_w(column, part, four(v.x), four(v.y));
                put_w(column, part + 1u, four(v.z), four(v.w));
            }
            workgroupBarrier();
            for (var k = 0u; k < 16u * TILE_VECS / UNIT; k += BLOCK / UNIT) {
                // Element (k, column) of the weights lies at [column][k]: column-major.
                let b0 = coopLoad<BlockB>(&w_tile[own_w + k], ROW_UNITS);
                let b1 = coopLoad<BlockB>(&w_tile[own_w + BLOCK * ROW_UNITS + k], ROW_UNITS);
                let a0 = coopLoadT<BlockA>(&x_tile[own_x + k], ROW_UNITS);
                c00 = coopMultiplyAdd(a0, b0, c00);
                c01 = coopMultiplyAdd(a0, b1, c01);
                let a1 = coopLoadT<BlockA>(&x_tile[own_x + BLOCK * ROW_UNITS + k], ROW_UNITS);
                c10 = coopMultiplyAdd(a1, b0, c10);
                c11 = coopMultiplyAdd(a1, b1, c11);
                let a2 = coopLoadT<BlockA>(&x_tile[own_x + 2u * BLOCK * ROW_UNITS + k], ROW_UNITS);
                c20 = coopMultiplyAdd(a2, b0, c20);
                c21 = coopMultiplyAdd(a2, b1, c21);
                let a3 = coopLoadT<BlockA>(&x_tile[own_x + 3u * BLOCK * ROW_UNITS + k], ROW_UNITS);
                c30 = coopMultiplyAdd(a3, b0, c30);
                c31 = coopMultiplyAdd(a3, b1, c31);
            }
        }
        if stores {
            coopStoreT(c00, &sums[own_sums], BLOCK);
        }
        drain(&totals, 0u, lane);
        if stores {
            coopStoreT(c01, &sums[own_sums], BLOCK);
        }
        drain(&totals, 1u, lane);
        if stores {
            coopStoreT(c10, &sums[own_sums], BLOCK);
        }
        drain(&totals, 2u, lane);
        if stores {
            coopStoreT(c11, &sums[own_sums], BLOCK);
        }
        drain(&totals, 3u, lane);
        if stores {
            coopStoreT(c20, &sums[own_sums], BLOCK);
        }
        drain(&totals, 4u, lane);
        if stores {
            coopStoreT(c21, &sums[own_sums], BLOCK);
        }
        drain(&totals, 5u, lane);
        if stores {
            coopStoreT(c30, &sums[own_sums], BLOCK);
        }
        drain(&totals, 6u, lane);
        if stores {
            coopStoreT(c31, &sums[own_sums], BLOCK);
        }
        drain(&totals, 7u, lane);
    }
    leave_block(&totals, 0u, lane, first_row, first_column);
    leave_block(&totals, 1u, lane, first_row, first_column);
    leave_block(&totals, 2u, lane, first_row, first_column);
    leave_block(&totals, 3u, lane, first_row, first_column);
    leave_block(&totals, 4u, lane, first_row, first_column);
    leave_block(&totals, 5u, lane, first_row, first_column);
    leave_block(&totals, 6u, lane, first_row, first_column);
    leave_block(&totals, 7u, lane, first_row, first_column);
}

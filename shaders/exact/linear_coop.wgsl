// linear_coop: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ on matrix units: f16 that are int8 in, tiles by shared/matrix_operands.wgsl. Products and sums are integers of at most
// 127 * 46 * 2048 < 2^24, exact where the unit sums in f32 as it says: the self-test decides. After 2048 values of k the sums move to
// i32, which stay in registers: every index into them is known when it is compiled. Subgroups beyond PARTS make what the first ones
// make, and store nothing.
// Interface: exact/shared/linear.wgsl, with f16 in place of i8 in x and weight.
// Dispatch: (row tiles, column tiles, 1): the groups that run side by side read the same weights. Accuracy: exact.

// vec4 of k whose sums f32 holds exactly: 2048 values.
const CHUNK_QUADS: u32 = 512u;
// Groups of four sums that block `b` of every subgroup has, and those of them that are a thread's, at most 4.
override GROUPS: u32 = PARTS * AREA / 4u;
override OWN: u32 = (GROUPS + THREADS - 1u) / THREADS;
override STAGE: u32 = PARTS * AREA;

// One block per subgroup: zeros, then sums.
var<workgroup> sums: array<f32, STAGE>;

// A thread's groups of four sums: 4 of each of 8 blocks.
alias Totals = array<vec4<i32>, 32>;

// Adds block `block` of every subgroup, which lies in `sums`, to the totals.
fn drain(totals: ptr<function, Totals>, block: u32, lane: u32) {
    workgroupBarrier();
    for (var own = 0u; own < OWN; own += 1u) {
        let i = lane + own * THREADS;
        if i < GROUPS {
            let s = vec4(sums[4u * i], sums[4u * i + 1u], sums[4u * i + 2u], sums[4u * i + 3u]);
            (*totals)[4u * block + own] += vec4<i32>(s);
        }
    }
    workgroupBarrier();
}

// Writes block `block` of every subgroup.
fn leave_block(totals: ptr<function, Totals>, block: u32, lane: u32, first_row: u32, first_column: u32) {
    for (var own = 0u; own < OWN; own += 1u) {
        let i = lane + own * THREADS;
        if i < GROUPS {
            // Group i of four sums lies in part i / (AREA / 4), in its rows of BLOCK / 4 groups.
            let place = i % (AREA / 4u);
            let part = i / (AREA / 4u);
            let row = (part / COLUMN_PAIRS * 4u + block / 2u) * BLOCK + place / (BLOCK / 4u);
            let column = (part % COLUMN_PAIRS * 2u + block % 2u) * BLOCK + place % (BLOCK / 4u) * 4u;
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
    let part = subgroup % PARTS;
    let stores = subgroup < PARTS;
    let own_sums = part * AREA;
    let own_x = part / COLUMN_PAIRS * 4u * BLOCK * ROW_UNITS;
    let own_w = part % COLUMN_PAIRS * 2u * BLOCK * ROW_UNITS;
    // What this thread brings: rows THREADS / TILE_PARTS apart.
    let k_quads = 4u * dims.k_vecs;
    let bring = lane / TILE_PARTS;
    let part_of_k = lane % TILE_PARTS;
    let step = THREADS / TILE_PARTS * k_quads;
    let x_first = (first_row + bring) * k_quads + 2u * part_of_k;
    let w_first = 4u * dims.weight_first + (first_column + bring) * k_quads + 2u * part_of_k;
    var next_x: Fetched;
    var next_w: Fetched;
    fetch_x(&next_x, x_first, step);
    fetch_w(&next_w, w_first, step);
    var totals = Totals();
    for (var chunk = 0u; chunk < k_quads; chunk += CHUNK_QUADS) {
        for (var i = lane; i < STAGE; i += THREADS) {
            sums[i] = 0.0;
        }
        workgroupBarrier();
        var c00 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c01 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c10 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c11 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c20 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c21 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c30 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        var c31 = coopLoadT<BlockC>(&sums[own_sums], BLOCK);
        let chunk_end = min(chunk + CHUNK_QUADS, k_quads);
        for (var k0 = chunk; k0 < chunk_end; k0 += TILE_QUADS) {
            workgroupBarrier();
            put(&next_x, &next_w, bring, part_of_k);
            workgroupBarrier();
            // After the last tile it is brought once more, and left.
            let next = min(k0 + TILE_QUADS, k_quads - TILE_QUADS);
            fetch_x(&next_x, x_first + next, step);
            fetch_w(&next_w, w_first + next, step);
            for (var k = 0u; k < 8u * TILE_PARTS / UNIT; k += BLOCK / UNIT) {
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

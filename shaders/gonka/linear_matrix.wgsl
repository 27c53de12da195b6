// linear_matrix: SPEC §I.4. Twin: core/src/gonka/ops/linear.rs
// x weightᵀ on matrix units: f16 in, f32 sums, tiles by shared/matrix_operands.wgsl. Units that cut off what they add drift, so after
// 1024 values of k the sums are closed. Subgroups beyond PARTS make what the first ones make, and store nothing.
// Interface: gonka/shared/linear.wgsl; what is left of the sums: leave_sums.wgsl or leave_gated.wgsl there.
// Dispatch: (row tiles, column tiles, 1): the groups that run side by side read the same weights. Accuracy: bounded; f32 sums.

// vec4 of k after which sums are closed: 1024 values.
const CHUNK_QUADS: u32 = 256u;
override STAGE: u32 = PARTS * AREA;

// One block per subgroup: zeros, then the results.
var<workgroup> stage: array<f32, STAGE>;

// Writes the block that every subgroup has staged, at a row and a column of its part of the tile.
fn leave_blocks(lane: u32, first_row: u32, first_column: u32) {
    workgroupBarrier();
    for (var i = lane; i < STAGE / 4u; i += THREADS) {
        let part = i / (AREA / 4u);
        let place = i % (AREA / 4u);
        let row = first_row + part / COLUMN_PAIRS * 4u * BLOCK + place / (BLOCK / 4u);
        let column = first_column + part % COLUMN_PAIRS * 2u * BLOCK + place % (BLOCK / 4u) * 4u;
        leave(row, column, vec4(stage[4u * i], stage[4u * i + 1u], stage[4u * i + 2u], stage[4u * i + 3u]));
    }
    workgroupBarrier();
}

@compute @workgroup_size(THREADS)
fn linear_matrix(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let first_row = dims.first_row + group.x * ROWS;
    let first_column = group.y * COLUMNS;
    let part = subgroup % PARTS;
    let stores = subgroup < PARTS;
    let own_stage = part * AREA;
    let own_x = part / COLUMN_PAIRS * 4u * BLOCK * ROW_UNITS;
    let own_w = part % COLUMN_PAIRS * 2u * BLOCK * ROW_UNITS;
    for (var i = lane; i < STAGE; i += THREADS) {
        stage[i] = 0.0;
    }
    // What this thread brings: rows THREADS / TILE_PARTS apart.
    let bring = lane / TILE_PARTS;
    let part_of_k = lane % TILE_PARTS;
    let step = THREADS / TILE_PARTS * dims.k_quads;
    let x_first = (first_row + bring) * dims.k_quads + 2u * part_of_k;
    let w_first = (dims.first_weight + first_column + bring) * dims.k_quads + 2u * part_of_k;
    var next_x: Fetched;
    var next_w: Fetched;
    fetch_x(&next_x, x_first, step);
    fetch_w(&next_w, w_first, step);
    workgroupBarrier();
    var t00 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t01 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t10 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t11 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t20 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t21 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t30 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    var t31 = coopLoadT<BlockC>(&stage[own_stage], BLOCK);
    for (var chunk = 0u; chunk < dims.k_quads; chunk += CHUNK_QUADS) {
        var c00 = begin(t00, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c01 = begin(t01, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c10 = begin(t10, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c11 = begin(t11, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c20 = begin(t20, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c21 = begin(t21, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c30 = begin(t30, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        var c31 = begin(t31, coopLoadT<BlockC>(&stage[own_stage], BLOCK));
        let chunk_end = min(chunk + CHUNK_QUADS, dims.k_quads);
        for (var k0 = chunk; k0 < chunk_end; k0 += TILE_QUADS) {
            workgroupBarrier();
            put(&next_x, &next_w, bring, part_of_k);
            workgroupBarrier();
            // After the last tile it is brought once more, and left.
            let next = min(k0 + TILE_QUADS, dims.k_quads - TILE_QUADS);
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
        t00 = closed(t00, c00);
        t01 = closed(t01, c01);
        t10 = closed(t10, c10);
        t11 = closed(t11, c11);
        t20 = closed(t20, c20);
        t21 = closed(t21, c21);
        t30 = closed(t30, c30);
        t31 = closed(t31, c31);
    }
    workgroupBarrier();
    if stores {
        coopStoreT(t00, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row, first_column);
    if stores {
        coopStoreT(t01, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row, first_column + BLOCK);
    if stores {
        coopStoreT(t10, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row + BLOCK, first_column);
    if stores {
        coopStoreT(t11, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row + BLOCK, first_column + BLOCK);
    if stores {
        coopStoreT(t20, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row + 2u * BLOCK, first_column);
    if stores {
        coopStoreT(t21, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row + 2u * BLOCK, first_column + BLOCK);
    if stores {
        coopStoreT(t30, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row + 3u * BLOCK, first_column);
    if stores {
        coopStoreT(t31, &stage[own_stage], BLOCK);
    }
    leave_blocks(lane, first_row + 3u * BLOCK, first_column + BLOCK);
}

// linear_f32: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ in f32 that cannot round: products and sums are integers of at most 127 * 46 * 2048 < 2^24 in size,
// and WGSL gives the exact result wherever it is representable, in any order, fused or not. After 2048 values of
// k the sums move to i32. One workgroup per tile of 4 WG_Y rows by 4 WG_X columns, 4 x 4 of them per thread.
// Interface: shared/linear.wgsl; tiles: shared/tiles_f32.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

// vec4 of k whose sums f32 holds exactly: 2048 / 16.
const CHUNK_VECS: u32 = 128u;

@compute @workgroup_size(WG_X, WG_Y)
fn linear_f32(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * ROW_QUADS * 4u;
    let first_column = group.x * COLUMN_QUADS * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var total_a0 = vec4(0);
    var total_a1 = vec4(0);
    var total_a2 = vec4(0);
    var total_a3 = vec4(0);
    for (var chunk = 0u; chunk < dims.k_vecs; chunk += CHUNK_VECS) {
        let chunk_end = min(chunk + CHUNK_VECS, dims.k_vecs);
        var a0 = vec4(0.0);
        var a1 = vec4(0.0);
        var a2 = vec4(0.0);
        var a3 = vec4(0.0);
        for (var k0 = chunk; k0 < chunk_end; k0 += K_VECS) {
            workgroupBarrier();
            load_tiles(lane, first_row, first_column, k0);
            workgroupBarrier();
            for (var k = 0u; k < K_VECS * 16u; k += 4u) {
                let px = x_tile[k * ROW_QUADS + ty];
                let pv = w_tile[k * COLUMN_QUADS + tx];
                a0 += px.x * pv;
                a1 += px.y * pv;
                a2 += px.z * pv;
                a3 += px.w * pv;
                let qx = x_tile[(k + 1u) * ROW_QUADS + ty];
                let qv = w_tile[(k + 1u) * COLUMN_QUADS + tx];
                a0 += qx.x * qv;
                a1 += qx.y * qv;
                a2 += qx.z * qv;
                a3 += qx.w * qv;
                let rx = x_tile[(k + 2u) * ROW_QUADS + ty];
                let rv = w_tile[(k + 2u) * COLUMN_QUADS + tx];
                a0 += rx.x * rv;
                a1 += rx.y * rv;
                a2 += rx.z * rv;
                a3 += rx.w * rv;
                let sx = x_tile[(k + 3u) * ROW_QUADS + ty];
                let sv = w_tile[(k + 3u) * COLUMN_QUADS + tx];
                a0 += sx.x * sv;
                a1 += sx.y * sv;
                a2 += sx.z * sv;
                a3 += sx.w * sv;
            }
        }
        total_a0 += vec4<i32>(a0);
        total_a1 += vec4<i32>(a1);
        total_a2 += vec4<i32>(a2);
        total_a3 += vec4<i32>(a3);
    }
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    leave(row, column, total_a0);
    leave(row + 1u, column, total_a1);
    leave(row + 2u, column, total_a2);
    leave(row + 3u, column, total_a3);
}

// linear: SPEC §I.4. Twin: core/src/gonka/ops/linear.rs
// out = x weightᵀ (bindings in shared/tile.wgsl). One workgroup per tile of 4 WG_Y rows by 4 WG_X columns,
// 4 x 4 of them per thread.
// Dispatch: (column tiles, row tiles, 1). Accuracy: bounded; f32 sums in order of k.

@compute @workgroup_size(WG_X, WG_Y)
fn linear(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * ROW_VECS * 4u;
    let first_weight = dims.first_weight + group.x * COLUMN_VECS * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var sum0 = vec4(0.0);
    var sum1 = vec4(0.0);
    var sum2 = vec4(0.0);
    var sum3 = vec4(0.0);
    for (var k_vec = 0u; k_vec < dims.k_vecs; k_vec += K_VECS) {
        workgroupBarrier();
        load_tiles(lane, first_row, first_weight, k_vec);
        workgroupBarrier();
        for (var k = 0u; k < K_VECS * 8u; k += 4u) {
            let xa = x_tile[k * ROW_VECS + ty];
            let wa = w_tile[k * COLUMN_VECS + tx];
            sum0 += xa.x * wa;
            sum1 += xa.y * wa;
            sum2 += xa.z * wa;
            sum3 += xa.w * wa;
            let xb = x_tile[(k + 1u) * ROW_VECS + ty];
            let wb = w_tile[(k + 1u) * COLUMN_VECS + tx];
            sum0 += xb.x * wb;
            sum1 += xb.y * wb;
            sum2 += xb.z * wb;
            sum3 += xb.w * wb;
            let xc = x_tile[(k + 2u) * ROW_VECS + ty];
            let wc = w_tile[(k + 2u) * COLUMN_VECS + tx];
            sum0 += xc.x * wc;
            sum1 += xc.y * wc;
            sum2 += xc.z * wc;
            sum3 += xc.w * wc;
            let xd = x_tile[(k + 3u) * ROW_VECS + ty];
            let wd = w_tile[(k + 3u) * COLUMN_VECS + tx];
            sum0 += xd.x * wd;
            sum1 += xd.y * wd;
            sum2 += xd.z * wd;
            sum3 += xd.w * wd;
        }
    }
    let at = (first_row + ty * 4u) * dims.out_vecs + (dims.chunk_column + first_weight) / 4u + tx;
    out[at] = vec2(narrow(sum0.xy), narrow(sum0.zw));
    out[at + dims.out_vecs] = vec2(narrow(sum1.xy), narrow(sum1.zw));
    out[at + 2u * dims.out_vecs] = vec2(narrow(sum2.xy), narrow(sum2.zw));
    out[at + 3u * dims.out_vecs] = vec2(narrow(sum3.xy), narrow(sum3.zw));
}

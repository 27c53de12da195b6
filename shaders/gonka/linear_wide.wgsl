// linear_wide: SPEC §I.4. Twin: core/src/gonka/ops/linear.rs
// linear with 8 x 8 results per thread: half the reads of workgroup memory, four times the registers. A workgroup
// makes 8 WG_Y rows by 8 WG_X columns. A thread has rows 4 ty.. and 4 (WG_Y + ty).., columns likewise:
// sums `a` are the first rows and columns, `b` the first rows and second columns, `c` and `d` the second rows.
// Dispatch: (column tiles, row tiles, 1). Accuracy: bounded; f32 sums in order of k.

fn store(at: u32, row0: vec4<f32>, row1: vec4<f32>, row2: vec4<f32>, row3: vec4<f32>) {
    out[at] = vec2(narrow(row0.xy), narrow(row0.zw));
    out[at + dims.out_vecs] = vec2(narrow(row1.xy), narrow(row1.zw));
    out[at + 2u * dims.out_vecs] = vec2(narrow(row2.xy), narrow(row2.zw));
    out[at + 3u * dims.out_vecs] = vec2(narrow(row3.xy), narrow(row3.zw));
}

@compute @workgroup_size(WG_X, WG_Y)
fn linear_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * ROW_VECS * 4u;
    let first_weight = dims.first_weight + group.x * COLUMN_VECS * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var a0 = vec4(0.0);
    var a1 = vec4(0.0);
    var a2 = vec4(0.0);
    var a3 = vec4(0.0);
    var b0 = vec4(0.0);
    var b1 = vec4(0.0);
    var b2 = vec4(0.0);
    var b3 = vec4(0.0);
    var c0 = vec4(0.0);
    var c1 = vec4(0.0);
    var c2 = vec4(0.0);
    var c3 = vec4(0.0);
    var d0 = vec4(0.0);
    var d1 = vec4(0.0);
    var d2 = vec4(0.0);
    var d3 = vec4(0.0);
    for (var k_vec = 0u; k_vec < dims.k_vecs; k_vec += K_VECS) {
        workgroupBarrier();
        load_tiles(lane, first_row, first_weight, k_vec);
        workgroupBarrier();
        for (var k = 0u; k < K_VECS * 8u; k += 2u) {
            let px = x_tile[k * ROW_VECS + ty];
            let py = x_tile[k * ROW_VECS + WG_Y + ty];
            let pv = w_tile[k * COLUMN_VECS + tx];
            let pw = w_tile[k * COLUMN_VECS + WG_X + tx];
            a0 += px.x * pv;
            a1 += px.y * pv;
            a2 += px.z * pv;
            a3 += px.w * pv;
            b0 += px.x * pw;
            b1 += px.y * pw;
            b2 += px.z * pw;
            b3 += px.w * pw;
            c0 += py.x * pv;
            c1 += py.y * pv;
            c2 += py.z * pv;
            c3 += py.w * pv;
            d0 += py.x * pw;
            d1 += py.y * pw;
            d2 += py.z * pw;
            d3 += py.w * pw;
            let qx = x_tile[(k + 1u) * ROW_VECS + ty];
            let qy = x_tile[(k + 1u) * ROW_VECS + WG_Y + ty];
            let qv = w_tile[(k + 1u) * COLUMN_VECS + tx];
            let qw = w_tile[(k + 1u) * COLUMN_VECS + WG_X + tx];
            a0 += qx.x * qv;
            a1 += qx.y * qv;
            a2 += qx.z * qv;
            a3 += qx.w * qv;
            b0 += qx.x * qw;
            b1 += qx.y * qw;
            b2 += qx.z * qw;
            b3 += qx.w * qw;
            c0 += qy.x * qv;
            c1 += qy.y * qv;
            c2 += qy.z * qv;
            c3 += qy.w * qv;
            d0 += qy.x * qw;
            d1 += qy.y * qw;
            d2 += qy.z * qw;
            d3 += qy.w * qw;
        }
    }
    let at = (first_row + ty * 4u) * dims.out_vecs + (dims.chunk_column + first_weight) / 4u + tx;
    store(at, a0, a1, a2, a3);
    store(at + WG_X, b0, b1, b2, b3);
    store(at + WG_Y * 4u * dims.out_vecs, c0, c1, c2, c3);
    store(at + WG_Y * 4u * dims.out_vecs + WG_X, d0, d1, d2, d3);
}

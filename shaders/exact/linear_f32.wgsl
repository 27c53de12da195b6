// linear_f32: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ in f32 that cannot round: products and sums are integers of at most 127 * 46 * 2048 < 2^24 in size,
// and WGSL gives the exact result wherever it is representable, in any order, fused or not. After 2048 values of
// k the sums move to i32. One workgroup per tile of 4 WG_Y rows by 4 WG_X columns, 4 x 4 of them per thread;
// both operands go through workgroup memory as f32, transposed. Interface: shared/linear.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// vec4 of k in a tile: 16 values each.
override K_VECS: u32 = 1u;

override THREADS: u32 = WG_X * WG_Y;
override X_TILE: u32 = WG_Y * K_VECS * 16u;
override W_TILE: u32 = WG_X * K_VECS * 16u;

// vec4 of k whose sums f32 holds exactly: 2048 / 16.
const CHUNK_VECS: u32 = 128u;

// [16 K_VECS, WG_Y] and [16 K_VECS, WG_X] of 4 neighbouring rows
var<workgroup> x_tile: array<vec4<f32>, X_TILE>;
var<workgroup> w_tile: array<vec4<f32>, W_TILE>;

fn put_x(at: u32, part: u32, word: u32) {
    let v = vec4<f32>(unpack4xI8(word));
    x_tile[at][part] = v.x;
    x_tile[at + WG_Y][part] = v.y;
    x_tile[at + 2u * WG_Y][part] = v.z;
    x_tile[at + 3u * WG_Y][part] = v.w;
}

fn put_w(at: u32, part: u32, word: u32) {
    let v = vec4<f32>(unpack4xI8(word));
    w_tile[at][part] = v.x;
    w_tile[at + WG_X][part] = v.y;
    w_tile[at + 2u * WG_X][part] = v.z;
    w_tile[at + 3u * WG_X][part] = v.w;
}

@compute @workgroup_size(WG_X, WG_Y)
fn linear_f32(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * WG_Y * 4u;
    let first_column = group.x * WG_X * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var total0 = vec4(0);
    var total1 = vec4(0);
    var total2 = vec4(0);
    var total3 = vec4(0);
    for (var chunk = 0u; chunk < dims.k_vecs; chunk += CHUNK_VECS) {
        let chunk_end = min(chunk + CHUNK_VECS, dims.k_vecs);
        var sum0 = vec4(0.0);
        var sum1 = vec4(0.0);
        var sum2 = vec4(0.0);
        var sum3 = vec4(0.0);
        for (var k0 = chunk; k0 < chunk_end; k0 += K_VECS) {
            workgroupBarrier();
            for (var i = lane; i < WG_Y * 4u * K_VECS; i += THREADS) {
                let row = i / K_VECS;
                let v = x[(first_row + row) * dims.k_vecs + k0 + i % K_VECS];
                let at = (i % K_VECS) * 16u * WG_Y + row / 4u;
                put_x(at, row % 4u, v.x);
                put_x(at + 4u * WG_Y, row % 4u, v.y);
                put_x(at + 8u * WG_Y, row % 4u, v.z);
                put_x(at + 12u * WG_Y, row % 4u, v.w);
            }
            for (var i = lane; i < WG_X * 4u * K_VECS; i += THREADS) {
                let column = i / K_VECS;
                let v = weight[dims.weight_first + (first_column + column) * dims.k_vecs + k0 + i % K_VECS];
                let at = (i % K_VECS) * 16u * WG_X + column / 4u;
                put_w(at, column % 4u, v.x);
                put_w(at + 4u * WG_X, column % 4u, v.y);
                put_w(at + 8u * WG_X, column % 4u, v.z);
                put_w(at + 12u * WG_X, column % 4u, v.w);
            }
            workgroupBarrier();
            for (var k = 0u; k < K_VECS * 16u; k += 4u) {
                let xa = x_tile[k * WG_Y + ty];
                let wa = w_tile[k * WG_X + tx];
                sum0 += xa.x * wa;
                sum1 += xa.y * wa;
                sum2 += xa.z * wa;
                sum3 += xa.w * wa;
                let xb = x_tile[(k + 1u) * WG_Y + ty];
                let wb = w_tile[(k + 1u) * WG_X + tx];
                sum0 += xb.x * wb;
                sum1 += xb.y * wb;
                sum2 += xb.z * wb;
                sum3 += xb.w * wb;
                let xc = x_tile[(k + 2u) * WG_Y + ty];
                let wc = w_tile[(k + 2u) * WG_X + tx];
                sum0 += xc.x * wc;
                sum1 += xc.y * wc;
                sum2 += xc.z * wc;
                sum3 += xc.w * wc;
                let xd = x_tile[(k + 3u) * WG_Y + ty];
                let wd = w_tile[(k + 3u) * WG_X + tx];
                sum0 += xd.x * wd;
                sum1 += xd.y * wd;
                sum2 += xd.z * wd;
                sum3 += xd.w * wd;
            }
        }
        total0 += vec4<i32>(sum0);
        total1 += vec4<i32>(sum1);
        total2 += vec4<i32>(sum2);
        total3 += vec4<i32>(sum3);
    }
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    leave(row, column, total0);
    leave(row + 1u, column, total1);
    leave(row + 2u, column, total2);
    leave(row + 3u, column, total3);
}

// linear_dp4a: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ by packed dot products. One workgroup per tile of 4 WG_Y rows by 4 WG_X columns, 4 x 4 of them per
// thread; both operands go through workgroup memory, transposed so that a thread reads its 4 rows (columns) at
// one vector of k as one vec4. Interface: shared/linear.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// vec4 of k in a tile: 16 values each.
override K_VECS: u32 = 2u;

override THREADS: u32 = WG_X * WG_Y;
override X_TILE: u32 = WG_Y * K_VECS * 4u;
override W_TILE: u32 = WG_X * K_VECS * 4u;

// [4 K_VECS, WG_Y] and [4 K_VECS, WG_X] of 4 neighbouring rows
var<workgroup> x_tile: array<vec4<u32>, X_TILE>;
var<workgroup> w_tile: array<vec4<u32>, W_TILE>;

fn dots(x: u32, w: vec4<u32>) -> vec4<i32> {
    return vec4(
        dot4I8Packed(x, w.x),
        dot4I8Packed(x, w.y),
        dot4I8Packed(x, w.z),
        dot4I8Packed(x, w.w),
    );
}

@compute @workgroup_size(WG_X, WG_Y)
fn linear_dp4a(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * WG_Y * 4u;
    let first_column = group.x * WG_X * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var sum0 = vec4(0);
    var sum1 = vec4(0);
    var sum2 = vec4(0);
    var sum3 = vec4(0);
    for (var k0 = 0u; k0 < dims.k_vecs; k0 += K_VECS) {
        workgroupBarrier();
        for (var i = lane; i < WG_Y * 4u * K_VECS; i += THREADS) {
            let row = i / K_VECS;
            let v = x[(first_row + row) * dims.k_vecs + k0 + i % K_VECS];
            let at = (i % K_VECS) * 4u * WG_Y + row / 4u;
            let part = row % 4u;
            x_tile[at][part] = v.x;
            x_tile[at + WG_Y][part] = v.y;
            x_tile[at + 2u * WG_Y][part] = v.z;
            x_tile[at + 3u * WG_Y][part] = v.w;
        }
        for (var i = lane; i < WG_X * 4u * K_VECS; i += THREADS) {
            let column = i / K_VECS;
            let v = weight[dims.weight_first + (first_column + column) * dims.k_vecs + k0 + i % K_VECS];
            let at = (i % K_VECS) * 4u * WG_X + column / 4u;
            let part = column % 4u;
            w_tile[at][part] = v.x;
            w_tile[at + WG_X][part] = v.y;
            w_tile[at + 2u * WG_X][part] = v.z;
            w_tile[at + 3u * WG_X][part] = v.w;
        }
        workgroupBarrier();
        for (var k = 0u; k < K_VECS * 4u; k += 2u) {
            let xa = x_tile[k * WG_Y + ty];
            let wa = w_tile[k * WG_X + tx];
            let xb = x_tile[(k + 1u) * WG_Y + ty];
            let wb = w_tile[(k + 1u) * WG_X + tx];
            sum0 += dots(xa.x, wa) + dots(xb.x, wb);
            sum1 += dots(xa.y, wa) + dots(xb.y, wb);
            sum2 += dots(xa.z, wa) + dots(xb.z, wb);
            sum3 += dots(xa.w, wa) + dots(xb.w, wb);
        }
    }
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    leave(row, column, sum0);
    leave(row + 1u, column, sum1);
    leave(row + 2u, column, sum2);
    leave(row + 3u, column, sum3);
}

// linear: SPEC §I.4. Twin: core/src/gonka/ops/linear.rs
// out = x weightᵀ. One workgroup per tile of 4 WG_Y rows by 4 WG_X columns, 4 x 4 of them per thread; both
// operands go through workgroup memory as f32, transposed so that a thread reads its 4 values as one vector.
//   x       [rows, k]      f16, 8 to a vec4   in
//   weight  [columns, k]   f16, 8 to a vec4   in, one chunk of the tensor's rows
//   out     [rows, stride] f16, 4 to a vec2   out
// Dispatch: (column tiles, row tiles, 1). Accuracy: bounded; f32 sums in an order of our own.
// The host pads rows, columns and k to whole tiles, so that nothing here needs a bounds check.

override WG_X: u32 = 16u;
override WG_Y: u32 = 16u;
// Values of k in a tile: 8 K_VECS.
override K_VECS: u32 = 2u;

override THREADS: u32 = WG_X * WG_Y;
override X_TILE: u32 = WG_Y * K_VECS * 8u;
override W_TILE: u32 = WG_X * K_VECS * 8u;

struct Dims {
    // vec4 in a row of x and of weight: k / 8
    k_vecs: u32,
    // vec2 in a row of out: stride / 4
    out_vecs: u32,
    first_row: u32,
    // first row of the weight chunk that this dispatch reads
    first_weight: u32,
    // column of out that the chunk's first row makes
    chunk_column: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2<u32>>;

// [8 K_VECS, WG_Y] and [8 K_VECS, WG_X] of 4 neighbouring rows
var<workgroup> x_tile: array<vec4<f32>, X_TILE>;
var<workgroup> w_tile: array<vec4<f32>, W_TILE>;

@compute @workgroup_size(WG_X, WG_Y)
fn linear(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * WG_Y * 4u;
    let first_weight = dims.first_weight + group.x * WG_X * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var sum0 = vec4(0.0);
    var sum1 = vec4(0.0);
    var sum2 = vec4(0.0);
    var sum3 = vec4(0.0);
    for (var k0 = 0u; k0 < dims.k_vecs; k0 += K_VECS) {
        workgroupBarrier();
        for (var i = lane; i < WG_Y * 4u * K_VECS; i += THREADS) {
            let row = i / K_VECS;
            let v = x[(first_row + row) * dims.k_vecs + k0 + i % K_VECS];
            let a = widen(v.x);
            let b = widen(v.y);
            let c = widen(v.z);
            let d = widen(v.w);
            let at = (i % K_VECS) * 8u * WG_Y + row / 4u;
            let part = row % 4u;
            x_tile[at][part] = a.x;
            x_tile[at + WG_Y][part] = a.y;
            x_tile[at + 2u * WG_Y][part] = b.x;
            x_tile[at + 3u * WG_Y][part] = b.y;
            x_tile[at + 4u * WG_Y][part] = c.x;
            x_tile[at + 5u * WG_Y][part] = c.y;
            x_tile[at + 6u * WG_Y][part] = d.x;
            x_tile[at + 7u * WG_Y][part] = d.y;
        }
        for (var i = lane; i < WG_X * 4u * K_VECS; i += THREADS) {
            let row = i / K_VECS;
            let v = weight[(first_weight + row) * dims.k_vecs + k0 + i % K_VECS];
            let a = widen(v.x);
            let b = widen(v.y);
            let c = widen(v.z);
            let d = widen(v.w);
            let at = (i % K_VECS) * 8u * WG_X + row / 4u;
            let part = row % 4u;
            w_tile[at][part] = a.x;
            w_tile[at + WG_X][part] = a.y;
            w_tile[at + 2u * WG_X][part] = b.x;
            w_tile[at + 3u * WG_X][part] = b.y;
            w_tile[at + 4u * WG_X][part] = c.x;
            w_tile[at + 5u * WG_X][part] = c.y;
            w_tile[at + 6u * WG_X][part] = d.x;
            w_tile[at + 7u * WG_X][part] = d.y;
        }
        workgroupBarrier();
        for (var k = 0u; k < K_VECS * 8u; k += 4u) {
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
    let at = (first_row + ty * 4u) * dims.out_vecs + (dims.chunk_column + first_weight) / 4u + tx;
    out[at] = vec2(narrow(sum0.xy), narrow(sum0.zw));
    out[at + dims.out_vecs] = vec2(narrow(sum1.xy), narrow(sum1.zw));
    out[at + 2u * dims.out_vecs] = vec2(narrow(sum2.xy), narrow(sum2.zw));
    out[at + 3u * dims.out_vecs] = vec2(narrow(sum3.xy), narrow(sum3.zw));
}

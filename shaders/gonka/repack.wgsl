// repack: SPEC §I.3. Twin: TensorView::read in core/src/gonka/weights.rs
// Copies one run of the pool into rows of a tensor chunk, one thread per 8 values of a row. The run holds the
// chunk's values run_first .. run_end (rows without padding, end to end), from pool value `source` on, at any
// parity. Values of other runs are kept, padding columns and rows beyond the tensor become zero. Two tensors may share the
// chunk by turns, two rows of one and two of the other.
//   pool   [values]         f16 pairs          in, one chunk of the pool and 4 words of slack
//   chunk  [rows, stride]   f16, 8 to a vec4   in and out
// Dispatch: (blocks of WG vec4, rows, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    // rows and columns of the tensor in this chunk
    rows: u32,
    cols: u32,
    // vec4 in a row of the chunk: stride / 8
    vecs: u32,
    first_row: u32,
    run_first: u32,
    run_end: u32,
    source: u32,
    // row of the chunk that row 0 goes to, and rows left out after every two
    first_place: u32,
    skipped: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> pool: array<u32>;
@group(0) @binding(2) var<storage, read_write> chunk: array<vec4<u32>>;

fn pool_value(at: u32) -> u32 {
    return (pool[at / 2u] >> (at % 2u * 16u)) & 0xffffu;
}

@compute @workgroup_size(WG)
fn repack(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let vec = group.x * WG + lane;
    if vec >= dims.vecs {
        return;
    }
    let row = dims.first_row + group.y;
    let col = vec * 8u;
    let place = dims.first_place + row + row / 2u * dims.skipped;
    let at = place * dims.vecs + vec;
    let value = row * dims.cols + col;
    if row < dims.rows && col + 8u <= dims.cols && value >= dims.run_first && value + 8u <= dims.run_end {
        let source = dims.source + (value - dims.run_first);
        let w = source / 2u;
        let low = vec4(pool[w], pool[w + 1u], pool[w + 2u], pool[w + 3u]);
        if source % 2u == 0u {
            chunk[at] = low;
        } else {
            let high = vec4(low.yzw, pool[w + 4u]);
            chunk[at] = (low >> vec4(16u)) | (high << vec4(16u));
        }
        return;
    }
    var packed = chunk[at];
    for (var i = 0u; i < 8u; i += 1u) {
        let shift = i % 2u * 16u;
        var half = (packed[i / 2u] >> shift) & 0xffffu;
        if row >= dims.rows || col + i >= dims.cols {
            half = 0u;
        } else if value + i >= dims.run_first && value + i < dims.run_end {
            half = pool_value(dims.source + (value + i - dims.run_first));
        }
        packed[i / 2u] = (packed[i / 2u] & ~(0xffffu << shift)) | (half << shift);
    }
    chunk[at] = packed;
}

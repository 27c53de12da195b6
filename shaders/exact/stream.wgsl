// stream: SPEC §II.3 and §II.5. Twins: core/src/exact/stream.rs, core/src/exact/weights.rs
// Keystreams of ChaCha20 through the normal table; one thread per block of 64 values.
//   normal   [256] u32, the table's values as they are stored   in
//   streams  [n] u64 as low and high word           in, stream numbers
//   out      [n, blocks, 64] i8 or f16 (shared/stream_int8.wgsl, stream_f16.wgsl)   out, from vec4 out_first
// Dispatch: (ceil(blocks / WG), 1, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    key: array<vec4<u32>, 2>,
    // block counter of each stream's first block
    counter: vec2<u32>,
    first_stream: u32,
    blocks_per_stream: u32,
    // first block of the dispatch and the end, counted over all streams
    first_block: u32,
    end_block: u32,
    out_first: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> normal: array<u32>;
@group(0) @binding(2) var<storage, read> streams: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<u32>>;

var<workgroup> table: array<u32, 256>;

fn rotate(x: vec4<u32>, n: u32) -> vec4<u32> {
    return (x << vec4(n)) | (x >> vec4(32u - n));
}

// The state as four rows; a quarter round works on four columns at once.
struct State {
    a: vec4<u32>,
    b: vec4<u32>,
    c: vec4<u32>,
    d: vec4<u32>,
}

fn quarter_rounds(s: State) -> State {
    var r = s;
    r.a += r.b;
    r.d = rotate(r.d ^ r.a, 16u);
    r.c += r.d;
    r.b = rotate(r.b ^ r.c, 12u);
    r.a += r.b;
    r.d = rotate(r.d ^ r.a, 8u);
    r.c += r.d;
    r.b = rotate(r.b ^ r.c, 7u);
    return r;
}

// Leaves group `at` of 16 values.
fn leave(at: u32, x: vec4<u32>) {
    let m = vec4(255u);
    let b0 = x & m;
    let b1 = (x >> vec4(8u)) & m;
    let b2 = (x >> vec4(16u)) & m;
    let b3 = x >> vec4(24u);
    let y0 = vec4(table[b0.x], table[b0.y], table[b0.z], table[b0.w]);
    let y1 = vec4(table[b1.x], table[b1.y], table[b1.z], table[b1.w]);
    let y2 = vec4(table[b2.x], table[b2.y], table[b2.z], table[b2.w]);
    let y3 = vec4(table[b3.x], table[b3.y], table[b3.z], table[b3.w]);
    store(at, y0, y1, y2, y3);
}

@compute @workgroup_size(WG)
fn stream(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    for (var i = lane; i < 256u; i += WG) {
        table[i] = normal[i];
    }
    workgroupBarrier();
    let block = dims.first_block + group.x * WG + lane;
    if block >= dims.end_block {
        return;
    }
    let number = streams[dims.first_stream + block / dims.blocks_per_stream];
    let low = dims.counter.x + block % dims.blocks_per_stream;
    let high = dims.counter.y + select(0u, 1u, low < dims.counter.x);
    var start: State;
    // "expand 32-byte k"
    start.a = vec4(0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u);
    start.b = dims.key[0];
    start.c = dims.key[1];
    start.d = vec4(low, high, number.x, number.y);
    var s = start;
    for (var round = 0u; round < 10u; round += 1u) {
        s = quarter_rounds(s);
        // Diagonals become columns and back.
        s.b = s.b.yzwx;
        s.c = s.c.zwxy;
        s.d = s.d.wxyz;
        s = quarter_rounds(s);
        s.b = s.b.wxyz;
        s.c = s.c.zwxy;
        s.d = s.d.yzwx;
    }
    let at = 4u * block;
    leave(at, s.a + start.a);
    leave(at + 1u, s.b + start.b);
    leave(at + 2u, s.c + start.c);
    leave(at + 3u, s.d + start.d);
}

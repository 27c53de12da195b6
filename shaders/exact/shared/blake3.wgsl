// blake3: BLAKE3's compression under a key, from its paper ("BLAKE3: one function, fast everywhere", §2.2). Goes before
// leaf_chunks.wgsl and leaf_root.wgsl. All blocks are of 64 bytes and all counters below 2^32.

const CHUNK_START: u32 = 1u;
const CHUNK_END: u32 = 2u;
const PARENT: u32 = 4u;
const ROOT: u32 = 8u;
const KEYED_HASH: u32 = 16u;

// The low and the high half of eight words.
struct Words {
    low: vec4<u32>,
    high: vec4<u32>,
}

struct Block {
    a: vec4<u32>,
    b: vec4<u32>,
    c: vec4<u32>,
    d: vec4<u32>,
}

fn rotate_right(x: vec4<u32>, n: u32) -> vec4<u32> {
    return (x >> vec4(n)) | (x << vec4(32u - n));
}

// The state as four rows; four quarter rounds work on their columns at once, with two words of the message each.
fn quarter_rounds(s: Block, x: vec4<u32>, y: vec4<u32>) -> Block {
    var r = s;
    r.a += r.b + x;
    r.d = rotate_right(r.d ^ r.a, 16u);
    r.c += r.d;
    r.b = rotate_right(r.b ^ r.c, 12u);
    r.a += r.b + y;
    r.d = rotate_right(r.d ^ r.a, 8u);
    r.c += r.d;
    r.b = rotate_right(r.b ^ r.c, 7u);
    return r;
}

fn permuted(m: Block) -> Block {
    return Block(
        vec4(m.a.z, m.b.z, m.a.w, m.c.z),
        vec4(m.b.w, m.a.x, m.b.x, m.d.y),
        vec4(m.a.y, m.c.w, m.d.x, m.b.y),
        vec4(m.c.y, m.d.z, m.d.w, m.c.x),
    );
}

fn compress(chaining: Words, block: Block, counter: u32, flags: u32) -> Words {
    let initial = vec4(0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au);
    var s = Block(chaining.low, chaining.high, initial, vec4(counter, 0u, 64u, flags));
    var m = block;
    for (var round = 0u; round < 7u; round += 1u) {
        s = quarter_rounds(s, vec4(m.a.xz, m.b.xz), vec4(m.a.yw, m.b.yw));
        // Diagonals become columns and back.
        s.b = s.b.yzwx;
        s.c = s.c.zwxy;
        s.d = s.d.wxyz;
        s = quarter_rounds(s, vec4(m.c.xz, m.d.xz), vec4(m.c.yw, m.d.yw));
        s.b = s.b.wxyz;
        s.c = s.c.zwxy;
        s.d = s.d.yzwx;
        m = permuted(m);
    }
    return Words(s.a ^ s.c, s.b ^ s.d);
}

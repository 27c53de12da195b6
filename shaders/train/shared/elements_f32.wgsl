// elements_f32: how product_f32 multiplies: in f32 that cannot round. Products and sums of h or l with int8, over all of k, are
// integers of at most 128 * 127 * 1024 < 2^24 in size, and WGSL gives the exact result wherever it is representable, in
// any order, fused or not.

alias Element = f32;
alias Quad = vec4<f32>;
alias Sums = vec4<f32>;

const WORD_ELEMENTS: u32 = 4u;

fn floats(word: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xI8(word));
}

// The place of a word's first element: elements of k follow each other, those of all vectors together.
fn place(at: u32) -> u32 {
    return at / SIDE * 4u * SIDE + at % SIDE;
}

fn store_h(at: u32, words: vec4<u32>) {
    let by_k = transposed(words);
    h_tile[place(at)] = floats(by_k.x);
    h_tile[place(at) + SIDE] = floats(by_k.y);
    h_tile[place(at) + 2u * SIDE] = floats(by_k.z);
    h_tile[place(at) + 3u * SIDE] = floats(by_k.w);
}

fn store_l(at: u32, words: vec4<u32>) {
    let by_k = transposed(words);
    l_tile[place(at)] = floats(by_k.x);
    l_tile[place(at) + SIDE] = floats(by_k.y);
    l_tile[place(at) + 2u * SIDE] = floats(by_k.z);
    l_tile[place(at) + 3u * SIDE] = floats(by_k.w);
}

fn store_b(at: u32, words: vec4<u32>) {
    let by_k = transposed(words);
    b_tile[place(at)] = floats(by_k.x);
    b_tile[place(at) + SIDE] = floats(by_k.y);
    b_tile[place(at) + 2u * SIDE] = floats(by_k.z);
    b_tile[place(at) + 3u * SIDE] = floats(by_k.w);
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + x * w;
}

fn whole(sums: Sums) -> vec4<i32> {
    return vec4<i32>(sums);
}

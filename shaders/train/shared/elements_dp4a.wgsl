// elements_dp4a: how product_dp4a multiplies: four int8 of k packed in a word, summed in i32.

alias Element = u32;
alias Quad = vec4<u32>;
alias Sums = vec4<i32>;

const WORD_ELEMENTS: u32 = 1u;

fn store_h(at: u32, words: vec4<u32>) {
    h_tile[at] = words;
}

fn store_l(at: u32, words: vec4<u32>) {
    l_tile[at] = words;
}

fn store_b(at: u32, words: vec4<u32>) {
    b_tile[at] = words;
}

fn multiply_add(x: Element, w: Quad, sums: Sums) -> Sums {
    return sums + vec4(
        dot4I8Packed(x, w.x),
        dot4I8Packed(x, w.y),
        dot4I8Packed(x, w.z),
        dot4I8Packed(x, w.w),
    );
}

fn whole(sums: Sums) -> vec4<i32> {
    return sums;
}

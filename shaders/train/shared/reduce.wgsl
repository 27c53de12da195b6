// reduce: what kernels of training reduce, and the largest of signed values by it.

alias Reduced = u32;

fn reduce_top(lane: u32, value: i32) -> i32 {
    return bitcast<i32>(reduce_max(lane, bitcast<u32>(value) ^ 0x80000000u) ^ 0x80000000u);
}

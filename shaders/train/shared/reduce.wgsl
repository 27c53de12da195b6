// reduce: one value per thread over a workgroup of WG threads, by a tree in workgroup memory.
// WG is a power of two. Every thread must call, in uniform control flow; every thread gets the result.

override WG: u32 = 64u;

var<workgroup> reduce_scratch: array<u32, WG>;

fn workgroup_max(lane: u32, value: u32) -> u32 {
    // What an earlier call left is read by now.
    workgroupBarrier();
    reduce_scratch[lane] = value;
    for (var step = WG / 2u; step > 0u; step = step / 2u) {
        workgroupBarrier();
        if lane < step {
            reduce_scratch[lane] = max(reduce_scratch[lane], reduce_scratch[lane + step]);
        }
    }
    workgroupBarrier();
    return reduce_scratch[0];
}

// The largest of signed values.
fn workgroup_top(lane: u32, value: i32) -> i32 {
    return bitcast<i32>(workgroup_max(lane, bitcast<u32>(value) ^ 0x80000000u) ^ 0x80000000u);
}

fn workgroup_sum(lane: u32, value: u32) -> u32 {
    workgroupBarrier();
    reduce_scratch[lane] = value;
    for (var step = WG / 2u; step > 0u; step = step / 2u) {
        workgroupBarrier();
        if lane < step {
            reduce_scratch[lane] = reduce_scratch[lane] + reduce_scratch[lane + step];
        }
    }
    workgroupBarrier();
    return reduce_scratch[0];
}

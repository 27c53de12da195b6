// reduce: sums and maxima of a Reduced, which the profile names, over a workgroup of WG threads by a tree.
// WG is a power of two. Every thread must call, in uniform control flow; every thread gets the result.

override WG: u32 = 64u;

var<workgroup> reduce_scratch: array<Reduced, WG>;

fn reduce_sum(lane: u32, value: Reduced) -> Reduced {
    // What an earlier call left is read by now.
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

fn reduce_max(lane: u32, value: Reduced) -> Reduced {
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

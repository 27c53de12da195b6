// sum: the sum of one u32 per thread over a workgroup of WG threads, by a tree in workgroup memory.
// WG is a power of two. Every thread must call, in uniform control flow; every thread gets the result.

override WG: u32 = 64u;

var<workgroup> sum_scratch: array<u32, WG>;

fn workgroup_sum(lane: u32, value: u32) -> u32 {
    sum_scratch[lane] = value;
    for (var step = WG / 2u; step > 0u; step = step / 2u) {
        workgroupBarrier();
        if lane < step {
            sum_scratch[lane] = sum_scratch[lane] + sum_scratch[lane + step];
        }
    }
    workgroupBarrier();
    return sum_scratch[0];
}

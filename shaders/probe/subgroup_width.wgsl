// subgroup_width: no rule; measures the device. Twin: none, there is nothing to compute.
// The threads of the subgroup that each thread is in, and how many subgroups its workgroup has: what a driver says of its subgroups
// need not be what a kernel gets.
//   out  [THREADS] vec2<u32>   out
// Dispatch: (1, 1, 1). Accuracy: exact.

// As many as a workgroup of the kernels for matrix units.
override THREADS: u32 = 256u;

struct Dims {
    // threads that write
    threads: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;

@compute @workgroup_size(THREADS)
fn subgroup_width(
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_size) width: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    if lane < dims.threads {
        out[lane] = vec2(width, subgroups);
    }
}

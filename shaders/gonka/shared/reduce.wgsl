// reduce: what kernels of gonka reduce.

alias Reduced = f32;

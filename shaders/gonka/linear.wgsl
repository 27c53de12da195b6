// linear: SPEC §I.4. Twin: core/src/gonka/ops/linear.rs
// x weightᵀ in f32, 4 x 4 results per thread (shared/product_4x4.wgsl).
// Interface: gonka/shared/linear.wgsl; what is left of the sums: leave_sums.wgsl or leave_gated.wgsl there.
// Dispatch: (row tiles, column tiles, 1): the groups that run side by side read the same weights. Accuracy: bounded; f32 sums in order of k.

@compute @workgroup_size(WG_X, WG_Y)
fn linear(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    product(lane, dims.first_row + group.x * ROW_QUADS * 4u, group.y * WG_X * STEPS * 4u);
}

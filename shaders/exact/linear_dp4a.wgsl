// linear_dp4a: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ by packed dot products, 4 x 4 results per thread (shared/product_4x4.wgsl).
// Interface: exact/shared/linear.wgsl; elements: exact/shared/elements_dp4a.wgsl.
// Dispatch: (row tiles, column tiles, 1): the groups that run side by side read the same weights. Accuracy: exact.

@compute @workgroup_size(WG_X, WG_Y)
fn linear_dp4a(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    product(lane, dims.first_row + group.x * ROW_QUADS * 4u, group.y * WG_X * STEPS * 4u);
}

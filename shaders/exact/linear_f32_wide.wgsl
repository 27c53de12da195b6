// linear_f32_wide: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ in f32 that cannot round, 8 x 8 results per thread (shared/product_8x8.wgsl).
// Interface: exact/shared/linear.wgsl; elements: exact/shared/elements_f32.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

@compute @workgroup_size(WG_X, WG_Y)
fn linear_f32_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    product(lane, dims.first_row + group.y * ROW_QUADS * 4u, group.x * COLUMN_QUADS * 4u, k_quads());
}

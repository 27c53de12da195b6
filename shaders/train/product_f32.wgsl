// product_f32: SPEC §IV.3, §IV.5.1. Twin: core/src/train/executor.rs, Plain
// Products of mantissas, forward and backward, 4 x 4 results per thread.
// Interface: train/shared/product.wgsl; elements: train/shared/elements_f32.wgsl; tile: train/shared/product_tile.wgsl.
// Dispatch: (row tiles of all batches, column tiles, 1). Accuracy: exact.

@compute @workgroup_size(WG)
fn product_f32(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    product(group, lane);
}

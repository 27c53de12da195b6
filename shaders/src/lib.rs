#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

/// Joins files of this package.
macro_rules! join {
    ($($path:literal),+) => {
        concat!($(include_str!(concat!("../", $path, ".wgsl"))),+)
    };
}

/// Kernels of the `gonka` profile.
pub mod gonka {
    /// `gonka/add.wgsl`.
    pub const ADD: &str = join!("gonka/shared/half", "gonka/add");
    /// `gonka/attention.wgsl`.
    pub const ATTENTION: &str = join!("gonka/shared/half", "gonka/attention");
    /// `gonka/linear.wgsl`.
    pub const LINEAR: &str = join!(
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_sums",
        "gonka/shared/operands",
        "gonka/shared/elements",
        "shared/tiles",
        "shared/product_4x4",
        "gonka/linear"
    );
    /// `gonka/linear.wgsl`, which leaves silu of a gate times up.
    pub const LINEAR_GATED: &str = join!(
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_gated",
        "gonka/shared/operands",
        "gonka/shared/elements",
        "shared/tiles",
        "shared/product_4x4",
        "gonka/linear"
    );
    /// `gonka/linear_wide.wgsl`.
    pub const LINEAR_WIDE: &str = join!(
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_sums",
        "gonka/shared/operands",
        "gonka/shared/elements",
        "shared/tiles",
        "shared/product_8x8",
        "gonka/linear_wide"
    );
    /// `gonka/linear_wide.wgsl`, which leaves silu of a gate times up.
    pub const LINEAR_WIDE_GATED: &str = join!(
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_gated",
        "gonka/shared/operands",
        "gonka/shared/elements",
        "shared/tiles",
        "shared/product_8x8",
        "gonka/linear_wide"
    );
    /// `gonka/linear_halves.wgsl`.
    pub const LINEAR_HALVES: &str = join!(
        "shared/halves",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_sums",
        "gonka/shared/operands",
        "gonka/shared/elements_halves",
        "shared/tiles",
        "shared/product_8x8",
        "gonka/linear_halves"
    );
    /// `gonka/linear_halves.wgsl`, which leaves silu of a gate times up.
    pub const LINEAR_HALVES_GATED: &str = join!(
        "shared/halves",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_gated",
        "gonka/shared/operands",
        "gonka/shared/elements_halves",
        "shared/tiles",
        "shared/product_8x8",
        "gonka/linear_halves"
    );
    /// `gonka/linear_matrix.wgsl` by blocks of 8, its tiles as vectors of 4.
    pub const LINEAR_MATRIX_8_QUADS: &str = join!(
        "shared/coop8",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_sums",
        "shared/matrix_quads",
        "shared/matrix_operands",
        "gonka/linear_matrix"
    );
    /// `gonka/linear_matrix.wgsl` by blocks of 8, its tiles as vectors of 4, which leaves silu of a gate times up.
    pub const LINEAR_MATRIX_8_QUADS_GATED: &str = join!(
        "shared/coop8",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_gated",
        "shared/matrix_quads",
        "shared/matrix_operands",
        "gonka/linear_matrix"
    );
    /// `gonka/linear_matrix.wgsl` by blocks of 8, its tiles as single values.
    pub const LINEAR_MATRIX_8_HALVES: &str = join!(
        "shared/coop8",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_sums",
        "shared/matrix_halves",
        "shared/matrix_operands",
        "gonka/linear_matrix"
    );
    /// `gonka/linear_matrix.wgsl` by blocks of 8, its tiles as single values, which leaves silu of a gate times up.
    pub const LINEAR_MATRIX_8_HALVES_GATED: &str = join!(
        "shared/coop8",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_gated",
        "shared/matrix_halves",
        "shared/matrix_operands",
        "gonka/linear_matrix"
    );
    /// `gonka/linear_matrix.wgsl` by blocks of 16, its tiles as vectors of 4.
    pub const LINEAR_MATRIX_16_QUADS: &str = join!(
        "shared/coop16",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_sums",
        "shared/matrix_quads",
        "shared/matrix_operands",
        "gonka/linear_matrix"
    );
    /// `gonka/linear_matrix.wgsl` by blocks of 16, its tiles as vectors of 4, which leaves silu of a gate times up.
    pub const LINEAR_MATRIX_16_QUADS_GATED: &str = join!(
        "shared/coop16",
        "gonka/shared/half",
        "gonka/shared/linear",
        "gonka/shared/leave_gated",
        "shared/matrix_quads",
        "shared/matrix_operands",
        "gonka/linear_matrix"
    );
    /// `gonka/narrow_all.wgsl`.
    pub const NARROW_ALL: &str = join!("gonka/shared/half", "gonka/narrow_all");
    /// `gonka/repack.wgsl`.
    pub const REPACK: &str = join!("gonka/repack");
    /// `gonka/rms_norm.wgsl`.
    pub const RMS_NORM: &str =
        join!("gonka/shared/half", "gonka/shared/reduce", "shared/reduce", "gonka/rms_norm");
    /// `gonka/rope.wgsl`.
    pub const ROPE: &str = join!("gonka/shared/half", "gonka/rope");
    /// `gonka/take_last.wgsl`.
    pub const TAKE_LAST: &str = join!("gonka/take_last");
    /// `gonka/widen_all.wgsl`.
    pub const WIDEN_ALL: &str = join!("gonka/shared/half", "gonka/widen_all");
}

/// Kernels that measure a device.
pub mod probe {
    /// `probe/subgroup_width.wgsl`.
    pub const SUBGROUP_WIDTH: &str = join!("shared/coop8", "probe/subgroup_width");
}

/// Kernels of the `exact` profile.
pub mod exact {
    /// `exact/attention.wgsl`, for products that read int8.
    pub const ATTENTION: &str = join!("exact/shared/narrow", "exact/shared/operand_int8", "exact/attention");
    /// `exact/attention.wgsl`, for products that read f16.
    pub const ATTENTION_F16: &str =
        join!("exact/shared/narrow", "exact/shared/operand_f16", "exact/attention");
    /// `exact/embed.wgsl`.
    pub const EMBED: &str = join!("exact/shared/narrow", "exact/embed");
    /// `exact/leaf_chunks.wgsl`.
    pub const LEAF_CHUNKS: &str = join!("exact/shared/blake3", "exact/leaf_chunks");
    /// `exact/leaf_root.wgsl`.
    pub const LEAF_ROOT: &str = join!("exact/shared/blake3", "exact/leaf_root");
    /// `exact/merge.wgsl`.
    pub const MERGE: &str =
        join!("exact/shared/narrow", "exact/shared/sum", "exact/shared/scale", "exact/merge");
    /// `exact/norm.wgsl`, for products that read int8.
    pub const NORM: &str = join!(
        "exact/shared/narrow",
        "exact/shared/operand_int8",
        "exact/shared/sum",
        "exact/shared/scale",
        "exact/norm"
    );
    /// `exact/norm.wgsl`, for products that read f16.
    pub const NORM_F16: &str = join!(
        "exact/shared/narrow",
        "exact/shared/operand_f16",
        "exact/shared/sum",
        "exact/shared/scale",
        "exact/norm"
    );
    /// `exact/stream.wgsl`, as int8.
    pub const STREAM: &str = join!("exact/shared/stream_int8", "exact/stream");
    /// `exact/stream.wgsl`, as f16.
    pub const STREAM_F16: &str = join!("exact/shared/stream_f16", "exact/stream");
    /// `exact/swiglu.wgsl`, for products that read int8.
    pub const SWIGLU: &str = join!("exact/shared/narrow", "exact/shared/operand_int8", "exact/swiglu");
    /// `exact/swiglu.wgsl`, for products that read f16.
    pub const SWIGLU_F16: &str = join!("exact/shared/narrow", "exact/shared/operand_f16", "exact/swiglu");
    /// `exact/take_last.wgsl`.
    pub const TAKE_LAST: &str = join!("exact/take_last");
    /// `exact/linear_dp4a.wgsl`.
    pub const LINEAR_DP4A: &str = join!(
        "exact/shared/narrow",
        "exact/shared/linear",
        "exact/shared/elements_dp4a",
        "shared/tiles",
        "shared/product_4x4",
        "exact/linear_dp4a"
    );
    /// `exact/linear_dp4a_wide.wgsl`.
    pub const LINEAR_DP4A_WIDE: &str = join!(
        "exact/shared/narrow",
        "exact/shared/linear",
        "exact/shared/elements_dp4a",
        "shared/tiles",
        "shared/product_8x8",
        "exact/linear_dp4a_wide"
    );
    /// `exact/linear_f32.wgsl`.
    pub const LINEAR_F32: &str = join!(
        "exact/shared/narrow",
        "exact/shared/linear",
        "exact/shared/elements_f32",
        "shared/tiles",
        "shared/product_4x4",
        "exact/linear_f32"
    );
    /// `exact/linear_f32_wide.wgsl`.
    pub const LINEAR_F32_WIDE: &str = join!(
        "exact/shared/narrow",
        "exact/shared/linear",
        "exact/shared/elements_f32",
        "shared/tiles",
        "shared/product_8x8",
        "exact/linear_f32_wide"
    );
    /// `exact/linear_coop.wgsl` by blocks of 8, which Metal has, too.
    pub const LINEAR_COOP_8: &str = join!(
        "shared/coop8",
        "exact/shared/narrow",
        "exact/shared/linear",
        "shared/matrix_halves",
        "shared/matrix_operands",
        "exact/linear_coop"
    );
    /// `exact/linear_coop.wgsl` by blocks of 16, which Metal has not.
    pub const LINEAR_COOP_16: &str = join!(
        "shared/coop16",
        "exact/shared/narrow",
        "exact/shared/linear",
        "shared/matrix_quads",
        "shared/matrix_operands",
        "exact/linear_coop"
    );
}

/// Kernels of training.
pub mod train {
    /// `train/add_gradients.wgsl`.
    pub const ADD_GRADIENTS: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/add_gradients");
    /// `train/align_rows.wgsl`.
    pub const ALIGN_ROWS: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/align_rows");
    /// `train/by_shares.wgsl`.
    pub const BY_SHARES: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/by_shares"
    );
    /// `train/copy_int8.wgsl`.
    pub const COPY_INT8: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/copy_int8");
    /// `train/cross_entropy.wgsl`.
    pub const CROSS_ENTROPY: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/shared/shares",
        "train/cross_entropy"
    );
    /// `train/embed.wgsl`.
    pub const EMBED: &str = join!("train/shared/values", "train/embed");
    /// `train/embed_backward.wgsl`.
    pub const EMBED_BACKWARD: &str = join!("train/shared/values", "train/embed_backward");
    /// `train/join_branch.wgsl`.
    pub const JOIN_BRANCH: &str = join!("train/shared/values", "train/join_branch");
    /// `train/join_qkv.wgsl`.
    pub const JOIN_QKV: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/join_qkv"
    );
    /// `train/keys.wgsl`.
    pub const KEYS: &str = join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/keys");
    /// `train/largest.wgsl`.
    pub const LARGEST: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/largest");
    /// `train/moments.wgsl`.
    pub const MOMENTS: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/moments"
    );
    /// `train/norm.wgsl`.
    pub const NORM: &str = join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/norm");
    /// `train/norm_backward.wgsl`.
    pub const NORM_BACKWARD: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/norm_backward"
    );
    /// `train/parameters.wgsl`.
    pub const PARAMETERS: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/parameters"
    );
    /// `train/plan_step.wgsl`.
    pub const PLAN_STEP: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/plan_step");
    /// `train/product_dp4a.wgsl`.
    pub const PRODUCT_DP4A: &str = join!(
        "train/shared/values",
        "train/shared/product",
        "train/shared/elements_dp4a",
        "train/shared/product_tile",
        "train/product_dp4a"
    );
    /// `train/product_f32.wgsl`.
    pub const PRODUCT_F32: &str = join!(
        "train/shared/values",
        "train/shared/product",
        "train/shared/elements_f32",
        "train/shared/product_tile",
        "train/product_f32"
    );
    /// `train/quantise.wgsl`.
    pub const QUANTISE: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/quantise");
    /// `train/queries.wgsl`.
    pub const QUERIES: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/queries");
    /// `train/shares.wgsl`.
    pub const SHARES: &str = join!(
        "train/shared/values",
        "train/shared/wide",
        "train/shared/reduce",
        "shared/reduce",
        "train/shared/shares",
        "train/shares"
    );
    /// `train/squared_relu.wgsl`.
    pub const SQUARED_RELU: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/squared_relu");
    /// `train/squared_relu_backward.wgsl`.
    pub const SQUARED_RELU_BACKWARD: &str =
        join!("train/shared/values", "train/shared/reduce", "shared/reduce", "train/squared_relu_backward");
}

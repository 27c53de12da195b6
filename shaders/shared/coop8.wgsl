enable f16;
enable wgpu_cooperative_matrix;

// coop8: matrix units that multiply blocks of 8 by 8, f16 in and f32 out. Goes before every other file: "enable" comes first.

const BLOCK: u32 = 8u;
alias BlockA = coop_mat8x8<f16, A>;
alias BlockB = coop_mat8x8<f16, B>;
alias BlockC = coop_mat8x8<f32, C>;

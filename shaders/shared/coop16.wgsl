enable f16;
enable wgpu_cooperative_matrix;

// coop16: matrix units that multiply blocks of 16 by 16, f16 in and f32 out. Goes before every other file: "enable" comes first.

const BLOCK: u32 = 16u;
alias BlockA = coop_mat16x16<f16, A>;
alias BlockB = coop_mat16x16<f16, B>;
alias BlockC = coop_mat16x16<f32, C>;

enable f16;

// halves: before the kernels that compute with f16 themselves. Goes before every other file: "enable" comes first.

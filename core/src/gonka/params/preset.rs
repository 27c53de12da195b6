//! The network's model sizes by name (SPEC §I.6).

use super::{Params, RawParams};

/// The network's presets by name (SPEC §I.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// 17.8 billion parameters, 9.1 TFLOP a nonce.
    Mainnet,
    /// 2.97 billion parameters, 0.76 TFLOP a nonce.
    Testnet,
    /// 64 thin layers at sequence length 4.
    Default,
    /// 75.5 million parameters, for development.
    DevTest,
}

impl Preset {
    /// All presets, largest first.
    pub const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet, Self::Default, Self::DevTest];

    /// The preset's name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Default => "default",
            Self::DevTest => "dev-test",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Its sizes.
    #[must_use]
    pub fn params(self) -> Params {
        let raw =
            |dim, n_layers, n_heads, vocab_size, multiplier, multiple_of, theta, scaled, seq_len| RawParams {
                dim,
                n_layers,
                n_heads,
                n_kv_heads: n_heads,
                vocab_size,
                ffn_dim_multiplier: Some(multiplier),
                multiple_of,
                norm_eps: 1e-5,
                rope_theta: theta,
                use_scaled_rope: scaled,
                seq_len,
            };
        let raw = match self {
            Self::Mainnet => raw(1792, 64, 64, 8196, 10.0, 8192, 10_000.0, false, 256),
            Self::Testnet => raw(1024, 32, 32, 8196, 10.0, 2048, 10_000.0, false, 128),
            Self::Default => raw(512, 64, 128, 8192, 16.0, 1024, 500_000.0, true, 4),
            Self::DevTest => raw(512, 16, 16, 8192, 1.3, 1024, 500_000.0, true, 4),
        };
        Params::new(&raw).expect("presets are valid, see the test")
    }
}

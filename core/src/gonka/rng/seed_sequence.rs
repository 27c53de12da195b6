//! numpy's `SeedSequence` with its default pool of four words and no spawn key.

const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_MULT_L: u32 = 0xca01_f9dd;
const MIX_MULT_R: u32 = 0x4973_f715;

/// Entropy words mixed into a pool, from which generator states are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedSequence {
    pool: [u32; 4],
}

struct Hasher(u32);

impl Hasher {
    fn hash(&mut self, value: u32, multiplier: u32) -> u32 {
        let value = value ^ self.0;
        self.0 = self.0.wrapping_mul(multiplier);
        let value = value.wrapping_mul(self.0);
        value ^ value >> 16
    }
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = MIX_MULT_L.wrapping_mul(x).wrapping_sub(MIX_MULT_R.wrapping_mul(y));
    mixed ^ mixed >> 16
}

impl SeedSequence {
    /// Mixes `entropy` into the pool.
    #[must_use]
    pub fn new(entropy: &[u32]) -> Self {
        let mut hasher = Hasher(INIT_A);
        let mut pool = [0_u32; 4];
        for (i, word) in pool.iter_mut().enumerate() {
            *word = hasher.hash(entropy.get(i).copied().unwrap_or(0), MULT_A);
        }
        for source in 0..4 {
            for target in 0..4 {
                if source != target {
                    pool[target] = mix(pool[target], hasher.hash(pool[source], MULT_A));
                }
            }
        }
        for word in entropy.iter().skip(4) {
            for target in &mut pool {
                *target = mix(*target, hasher.hash(*word, MULT_A));
            }
        }
        Self { pool }
    }

    /// `generate_state(4, u64)`: each u64 is two u32 draws, low word first.
    #[must_use]
    pub fn generate_u64x4(&self) -> [u64; 4] {
        let mut hasher = Hasher(INIT_B);
        let mut words = self.pool.iter().cycle();
        let mut draw = || u64::from(hasher.hash(*words.next().unwrap_or(&0), MULT_B));
        [(); 4].map(|()| {
            let low = draw();
            low | draw() << 32
        })
    }
}

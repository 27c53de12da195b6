//! Transcripts with work left out (SPEC §II.12): what they cost, which of their steps are false, and what openings make of
//! them.

use crate::identity;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::plan::{Op, layer_ops, readout_ops};
use sphere_pow_core::exact::transcript::judge::first_state;
use sphere_pow_core::exact::{Digest, Params, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};

/// What the first true step after a chosen state costs at least, of a layer: the attention half is the same for all nonces
/// and rows of the other half are turns of one (DESIGN, "Transcripts"). The figure is a prototype's.
const FIRST_TRUE_STEP: f64 = 0.425;

/// All that a transcript of one nonce commits to.
#[derive(Clone, Debug)]
struct Transcript {
    /// `[layers + 1]`: `[tokens, dim]` each, the last `[dim]`.
    states: Vec<Vec<i16>>,
    digest: Digest,
}

/// A way to make transcripts for less, and what was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgery {
    /// What a table shows.
    pub name: &'static str,
    /// The work done, as a share of the honest one.
    pub cost: f64,
    /// Steps repeated.
    pub n_steps: usize,
    /// Those of them that end in another state, digest or input than committed to.
    pub n_false: usize,
}

impl Forgery {
    /// The share of false steps.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    pub fn false_share(&self) -> f64 {
        self.n_false as f64 / self.n_steps as f64
    }

    /// Weight per work against honest mining when `n` steps are opened and one that is false voids all: the best over the
    /// share x of nonces that are forged, of `(1 - x f)^n / (1 - x (1 - cost))`. 1 is honest mining, which is x = 0.
    #[must_use]
    pub fn gain(&self, n: u32) -> f64 {
        let (false_share, saved) = (self.false_share(), 1.0 - self.cost);
        let at = |x: f64| libm::pow(1.0 - x * false_share, f64::from(n)) / (1.0 - x * saved).max(1e-9);
        (0..=1000).map(|x| at(f64::from(x) / 1000.0)).fold(0.0, f64::max)
    }

    /// The fewest openings from which on nothing is gained, up to 4096.
    #[must_use]
    pub fn openings_to_lose(&self) -> Option<u32> {
        (0..=4096).find(|n| self.gain(*n) <= 1.0)
    }
}

/// One who forges transcripts: a model on a block, for one key.
struct Forger {
    model: ReferenceExecutor,
    key: PublicKey,
}

impl Forger {
    fn params(&self) -> &Params {
        self.model.puzzle().params()
    }

    /// The state before layer 0.
    fn input(&self, nonce: Nonce) -> Vec<i16> {
        first_state(self.model.puzzle(), &self.key, nonce)
    }

    /// Goes on truly from `states`; the digest is true of the last.
    fn go_on(&self, nonce: Nonce, mut states: Vec<Vec<i16>>) -> Transcript {
        let mut logits = Vec::new();
        while states.len() <= self.params().layers() {
            let layer = states.len() - 1;
            let (next, raw) = self.model.repeat(&self.key, &[nonce], layer, &states[layer]);
            states.push(next);
            logits = raw;
        }
        Transcript { states, digest: Digest::of_logits(&logits) }
    }

    fn honest(&self, nonce: Nonce) -> Transcript {
        self.go_on(nonce, vec![self.input(nonce)])
    }

    /// A state that no nonce gave, other for every `seed`, within what layers give.
    fn invented(&self, seed: u64, len: usize) -> Vec<i16> {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            // About ±2000, as streams are.
            ((x >> 40) as i16).rem_euclid(4001) - 2000
        };
        (0..len).map(|_| next()).collect()
    }

    /// Every `period`-th state invented, the others true steps from it.
    fn chosen(&self, nonce: Nonce, period: usize) -> Transcript {
        let layers = self.params().layers();
        let mut states = vec![self.input(nonce)];
        while states.len() < layers {
            let layer = states.len() - 1;
            let next = if states.len() % period == 0 {
                self.invented(nonce.get() << 8 | layer as u64, states[0].len())
            } else {
                self.model.repeat(&self.key, &[nonce], layer, &states[layer]).0
            };
            states.push(next);
        }
        self.go_on(nonce, states)
    }

    /// False steps of a transcript, as a verifier finds them who repeats all.
    fn n_false(&self, nonce: Nonce, transcript: &Transcript) -> usize {
        let is_false = |layer: usize| {
            let states = &transcript.states;
            let (next, logits) = self.model.repeat(&self.key, &[nonce], layer, &states[layer]);
            let is_last = layer + 1 == self.params().layers();
            next != states[layer + 1]
                || (layer == 0 && states[0] != self.input(nonce))
                || (is_last && Digest::of_logits(&logits) != transcript.digest)
        };
        (0..self.params().layers()).filter(|layer| is_false(*layer)).count()
    }
}

/// Measures every forgery over `n` nonces each, every step repeated.
///
/// # Panics
/// When `n` is 0.
#[must_use]
pub fn forgeries(params: &Params, n: u64) -> Vec<Forgery> {
    assert!(n > 0, "some nonces");
    let (block, key) = identity();
    let forger = Forger { model: ReferenceExecutor::new(&Puzzle::new(params, &block)), key };
    let layers = params.layers();
    let cost_of = |ops: &[Op]| ops.iter().map(|op| op.cost(params)).sum::<u64>();
    let layer = cost_of(&layer_ops(0, false));
    let last = cost_of(&layer_ops(layers - 1, true)) + cost_of(&readout_ops());
    #[expect(clippy::cast_precision_loss, reason = "ratios of counts of operations")]
    let share = |n_layers: f64, n_last: f64| {
        (n_layers * layer as f64 + n_last * last as f64) / ((layers - 1) as f64 * layer as f64 + last as f64)
    };
    #[expect(clippy::cast_precision_loss, reason = "at most 256 layers")]
    let all_but_last = (layers - 1) as f64;
    let other = |nonce: Nonce| Nonce::new(nonce.get() + 1_000_000).expect("small");
    let row = params.dim();

    type Make<'a> = Box<dyn Fn(Nonce) -> Transcript + 'a>;
    let forger = &forger;
    let chosen = |period: usize| -> (f64, Make<'_>) {
        // The states that are neither given nor invented, by step; after an invented one the first is cheap.
        let n_invented = (1..layers).filter(|state| state % period == 0).count() as f64;
        let cost = share(all_but_last - n_invented * (2.0 - FIRST_TRUE_STEP), 1.0);
        (cost, Box::new(move |nonce| forger.chosen(nonce, period)))
    };
    let ways: Vec<(&'static str, (f64, Make<'_>))> = vec![
        ("nothing left out", (1.0, Box::new(|nonce| forger.honest(nonce)))),
        (
            "one layer left out, the state before it kept",
            (
                share(all_but_last - 1.0, 1.0),
                Box::new(|nonce| {
                    let mut states = forger.honest(nonce).states[..=layers / 2].to_vec();
                    states.push(states[layers / 2].clone());
                    forger.go_on(nonce, states)
                }),
            ),
        ),
        (
            "the last layer left out, its result invented",
            (
                share(all_but_last, 0.0),
                Box::new(|nonce| {
                    let mut made = forger.honest(nonce);
                    made.states[layers] = forger.invented(nonce.get(), row);
                    made.digest = Digest::of_logits(&[1]);
                    made
                }),
            ),
        ),
        (
            "layer 0, then the states of another nonce",
            (
                share(1.0, 0.0),
                Box::new(|nonce| {
                    let mut made = forger.honest(other(nonce));
                    made.states[..2].clone_from_slice(&forger.honest(nonce).states[..2]);
                    made
                }),
            ),
        ),
        ("the transcript of another nonce", (0.0, Box::new(|nonce| forger.honest(other(nonce))))),
        (
            "the transcript of another host",
            (
                0.0,
                Box::new(|nonce| {
                    let key = PublicKey::new("victim").expect("a key");
                    Forger { model: ReferenceExecutor::new(forger.model.puzzle()), key }.honest(nonce)
                }),
            ),
        ),
        (
            "another nonce's states, positions turned by one",
            (
                0.0,
                Box::new(|nonce| {
                    let mut made = forger.honest(other(nonce));
                    made.states[..layers].iter_mut().for_each(|state| state.rotate_left(row));
                    made
                }),
            ),
        ),
        (
            "the input in every state",
            (
                0.0,
                Box::new(|nonce| {
                    let input = forger.input(nonce);
                    let mut states = vec![input.clone(); layers];
                    states.push(input[..row].to_vec());
                    Transcript { states, digest: Digest::of_logits(&[1]) }
                }),
            ),
        ),
        (
            "zero in every state",
            (
                0.0,
                Box::new(|nonce| {
                    let mut states = vec![vec![0; forger.input(nonce).len()]; layers];
                    states.push(vec![0; row]);
                    Transcript { states, digest: Digest::of_logits(&[1]) }
                }),
            ),
        ),
        ("every 2nd state chosen, the step after it cheap", chosen(2)),
        ("every 3rd state chosen, the step after it cheap", chosen(3)),
        ("every 5th state chosen, the step after it cheap", chosen(5)),
        ("every 10th state chosen, the step after it cheap", chosen(10)),
    ];
    let measured = |(name, (cost, make)): (&'static str, (f64, Make<'_>))| {
        let nonces = (0..n).map(|nonce| Nonce::new(nonce).expect("small"));
        let n_false = nonces.map(|nonce| forger.n_false(nonce, &make(nonce))).sum();
        let n_steps = usize::try_from(n).expect("a count of nonces") * layers;
        Forgery { name, cost, n_steps, n_false }
    };
    ways.into_iter().map(measured).collect()
}

//! Sizes of a run (SPEC §IV.1): [`Params`] cannot hold a size whose bounds are not proven.

use crate::text::{parser_words, shown};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Version of the rules; enters every hash.
pub const VERSION: u32 = 1;
/// Largest rate of a schedule, in units of 2^-32.
pub const MAX_RATE: u32 = 1 << 28;
/// Most knots of a schedule.
pub const MAX_KNOTS: usize = 64;

/// Sizes as they arrive; in JSON an object with all of these members, the schedule as pairs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawParams {
    /// Layers of the model.
    pub layers: u32,
    /// Width of the stream.
    pub dim: u32,
    /// Heads of attention.
    pub heads: u32,
    /// Width of the feed-forward.
    pub hidden: u32,
    /// Positions of a sequence.
    pub context: u32,
    /// Symbols.
    pub vocab: u32,
    /// Tokens of a step.
    pub batch: u32,
    /// Lanes of a round.
    pub lanes: u32,
    /// Steps of a lane in a round.
    pub inner: u32,
    /// Segments that a lane's steps are cut into.
    pub segments: u32,
    /// Rounds.
    pub rounds: u32,
    /// Learning rate by step: (step of the run, rate in units of 2^-32), linear between knots.
    pub schedule: Vec<(u32, u32)>,
    /// Which of the runs of these sizes over a text: it binds the run's name, and so first parameters and batches.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub run_seed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(run_seed: &u32) -> bool {
    *run_seed == 0
}

/// A size that no run has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {got}, expected {expected}")]
pub struct ParamsError {
    /// Which.
    pub name: &'static str,
    /// What it is.
    pub got: u32,
    /// What it may be.
    pub expected: &'static str,
}

/// Words of a verifier that name no run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizesError {
    /// A name of no preset.
    #[error("no sizes are named {got}, expected train-tiny or train-nano")]
    Name {
        /// The name, escaped.
        got: String,
    },
    /// Not the members of [`RawParams`].
    #[error("the sizes: {reason}")]
    Json {
        /// What the parser says.
        reason: String,
    },
    /// A size that no run has.
    #[error(transparent)]
    Size(#[from] ParamsError),
}

/// Sizes of a run, valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params(RawParams);

impl Params {
    /// Checks sizes in the order of SPEC §IV.1.
    ///
    /// # Errors
    /// [`ParamsError`] for the first that is out of its range.
    pub fn new(raw: &RawParams) -> Result<Self, ParamsError> {
        let r = raw;
        let within = |x: u32, low: u32, high: u32| (low..=high).contains(&x);
        let last = r.schedule.last().map_or(0, |knot| knot.0);
        let knots = u32::try_from(r.schedule.len()).unwrap_or(u32::MAX);
        let top_rate = r.schedule.iter().map(|knot| knot.1).max().unwrap_or(0);
        let rises = r.schedule.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let divides = |whole: u32, part: u32| part > 0 && whole.is_multiple_of(part);
        let of_16 = |x: u32, high| within(x, 16, high) && x.is_multiple_of(16);
        let head_fits = divides(r.dim, r.heads) && r.heads.is_power_of_two() && r.dim / r.heads >= 8;
        let checks: [(&'static str, u32, bool, &'static str); 14] = [
            ("layers", r.layers, within(r.layers, 1, 64), "1 to 64"),
            (
                "dim",
                r.dim,
                within(r.dim, 16, 256) && r.dim.is_power_of_two(),
                "a power of two from 16 to 256",
            ),
            ("heads", r.heads, head_fits, "a power of two that leaves each head 8 columns or more"),
            ("hidden", r.hidden, of_16(r.hidden, 1024), "a multiple of 16 from 16 to 1024"),
            (
                "context",
                r.context,
                within(r.context, 2, 1024) && r.context.is_power_of_two(),
                "a power of two from 2 to 1024",
            ),
            ("vocab", r.vocab, of_16(r.vocab, 1024), "a multiple of 16 from 16 to 1024"),
            (
                "batch",
                r.batch,
                within(r.batch, 2, 1024) && divides(r.batch, r.context),
                "whole sequences of 1024 tokens at most",
            ),
            ("lanes", r.lanes, within(r.lanes, 1, 4096), "1 to 4096"),
            ("inner", r.inner, within(r.inner, 1, 4096), "1 to 4096"),
            (
                "segments",
                r.segments,
                within(r.segments, 1, 4096) && divides(r.inner, r.segments),
                "a divisor of inner",
            ),
            ("rounds", r.rounds, within(r.rounds, 1, 1 << 16), "1 to 65536"),
            ("schedule's knots", knots, within(knots, 1, MAX_KNOTS as u32), "1 to 64"),
            ("schedule's last step", last, rises, "steps that ascend"),
            ("schedule's rate", top_rate, top_rate <= MAX_RATE, "2^28 at most, in units of 2^-32"),
        ];
        match checks.into_iter().find(|(_, _, holds, _)| !holds) {
            Some((name, got, _, expected)) => Err(ParamsError { name, got, expected }),
            None => Ok(Self(raw.clone())),
        }
    }

    /// Sizes by a preset's name, or from JSON of [`RawParams`].
    ///
    /// # Errors
    /// [`SizesError`] for what is neither, and for sizes out of range.
    pub fn read(text: &str) -> Result<Self, SizesError> {
        if text.trim_start().starts_with('{') {
            let read: Result<RawParams, _> = serde_json::from_str(text);
            return Ok(Self::new(&read.map_err(|error| SizesError::Json { reason: parser_words(&error) })?)?);
        }
        let preset = Preset::from_name(text).ok_or_else(|| SizesError::Name { got: shown(text) })?;
        Ok(preset.params())
    }

    /// Bytes that repeating a segment takes at most, beside the text: the opening, states, gradients, and what a batch
    /// leaves for the backward pass.
    #[must_use]
    pub fn check_bytes(&self) -> u64 {
        let [layers, dim, heads, hidden, context, vocab, batch, ..] = self.words().map(u64::from);
        // An opening's bytes twice, the state, the one it is compared with, its bytes, copies, gradients, aligned ones.
        let states = 64 * self.size() as u64;
        let kept = layers * batch * (14 * dim + 2 * heads * context + 8 * hidden + 128);
        let passing = batch * (64 * dim + 16 * hidden + 16 * vocab) + 32 * context * context;
        states + kept + passing
    }

    /// The sizes.
    #[must_use]
    pub fn raw(&self) -> &RawParams {
        &self.0
    }

    /// The same of another run seed.
    #[must_use]
    pub fn with_run_seed(mut self, run_seed: u32) -> Self {
        self.0.run_seed = run_seed;
        self
    }

    /// The sizes as words, in the order of SPEC §IV.1.
    #[must_use]
    pub fn words(&self) -> [u32; 11] {
        let r = &self.0;
        [
            r.layers, r.dim, r.heads, r.hidden, r.context, r.vocab, r.batch, r.lanes, r.inner, r.segments,
            r.rounds,
        ]
    }

    /// Learning rate of a step of the run, in units of 2^-32 (SPEC §IV.6).
    #[must_use]
    pub fn rate(&self, step: u64) -> u32 {
        let knots = &self.0.schedule;
        for pair in knots.windows(2) {
            let [(s0, r0), (s1, r1)] = [pair[0], pair[1]].map(|(s, r)| (u64::from(s), u64::from(r)));
            if (s0..s1).contains(&step) {
                // Below 2^28 2^32 each: the mean is a rate again.
                return ((r0 * (s1 - step) + r1 * (step - s0)) / (s1 - s0)) as u32;
            }
        }
        if step < u64::from(knots[0].0) { knots[0].1 } else { knots[knots.len() - 1].1 }
    }

    /// Shapes of the tensors in their order: symbols, positions, per layer queries with keys and values, attention's
    /// output, the feed-forward's two, and last the output, each `[outputs, inputs]`.
    #[must_use]
    pub fn shapes(&self) -> Vec<(usize, usize)> {
        let [layers, d, _, f, context, vocab, ..] = self.words().map(|word| word as usize);
        let mut shapes = alloc::vec![(vocab, d), (context, d)];
        for _ in 0..layers {
            shapes.extend([(3 * d, d), (d, d), (f, d), (d, f)]);
        }
        shapes.push((vocab, d));
        shapes
    }

    /// Parameters of the model.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shapes().iter().map(|(rows, columns)| rows * columns).sum()
    }

    /// Steps of a segment.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.0.inner / self.0.segments
    }
}

/// The presets by name (SPEC §IV.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// 5,248 parameters: for tests.
    Tiny,
    /// 815,104 parameters.
    Nano,
}

impl Preset {
    /// All presets, smallest first.
    pub const ALL: [Self; 2] = [Self::Tiny, Self::Nano];

    /// The preset's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tiny => "train-tiny",
            Self::Nano => "train-nano",
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
        let (words, schedule): ([u32; 11], &[(u32, u32)]) = match self {
            Self::Tiny => {
                ([2, 16, 2, 32, 8, 32, 32, 2, 4, 2, 2], &[(0, 1 << 22), (2, 12_884_902), (8, 1_288_490)])
            }
            Self::Nano => (
                [4, 128, 4, 512, 64, 80, 1024, 4, 64, 16, 24],
                &[(0, 128_849), (100, 12_884_902), (1536, 1_288_490)],
            ),
        };
        let [layers, dim, heads, hidden, context, vocab, batch, lanes, inner, segments, rounds] = words;
        let schedule = schedule.to_vec();
        let raw = RawParams {
            layers,
            dim,
            heads,
            hidden,
            context,
            vocab,
            batch,
            lanes,
            inner,
            segments,
            rounds,
            schedule,
            run_seed: 0,
        };
        Params::new(&raw).expect("presets are valid, see the test")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn presets_are_valid_and_have_their_sizes() {
        assert_eq!(Preset::ALL.map(|preset| preset.params().size()), [5_248, 815_104]);
        let nano = Preset::Nano.params();
        assert_eq!(
            [0, 50, 100, 1535, 9999].map(|step| nano.rate(step)),
            [128_849, 6_506_875, 12_884_902, 1_296_565, 1_288_490]
        );
    }

    #[test]
    fn sizes_are_read_by_name_or_json() {
        let tiny = Preset::Tiny.params();
        let json = serde_json::to_string(tiny.raw()).expect("JSON");
        assert_eq!(Params::read(&json).as_ref(), Ok(&tiny));
        assert_eq!(Params::read("train-tiny").as_ref(), Ok(&tiny));
        let refused = |text: &str| Params::read(text).expect_err("no sizes").to_string();
        assert_eq!(refused("nano"), "no sizes are named \"nano\", expected train-tiny or train-nano");
        assert!(refused(&json.replace("\"dim\":16", "\"dim\":48")).starts_with("dim is 48"));
        assert!(refused(&json.replace("dim", "width")).contains("width"));
        assert!(refused("{").starts_with("the sizes: "));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let tiny = Preset::Tiny.params().raw().clone();
        let refused = |change: fn(&mut RawParams)| {
            let mut raw = tiny.clone();
            change(&mut raw);
            Params::new(&raw).expect_err("out of range").to_string()
        };
        assert_eq!(refused(|r| r.dim = 48), "dim is 48, expected a power of two from 16 to 256");
        assert!(refused(|r| r.heads = 4).starts_with("heads is 4"));
        assert!(refused(|r| r.heads = 0).starts_with("heads is 0"));
        assert!(refused(|r| r.context = 3).starts_with("context is 3"));
        assert!(refused(|r| r.batch = 36).starts_with("batch is 36"));
        assert!(refused(|r| r.segments = 3).starts_with("segments is 3"));
        assert!(refused(|r| r.segments = 0).starts_with("segments is 0"));
        assert!(refused(|r| r.schedule.clear()).starts_with("schedule's knots is 0"));
        assert!(refused(|r| r.schedule[1].0 = 0).starts_with("schedule's last step"));
        assert!(refused(|r| r.schedule[1].1 = u32::MAX).starts_with("schedule's rate"));
    }
}

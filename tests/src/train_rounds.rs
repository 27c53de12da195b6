//! A run of 24 rounds of the smallest model, with the roots that a second implementation comes to (`train_rounds.json`).

use sphere_pow_core::text::hex;
use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Lane, Params, Preset, Run, State, Text};
use std::ops::Range;

/// The run, and the root after each round.
#[derive(Debug)]
pub struct LongRun {
    /// What is trained.
    pub run: Run,
    beacon: Vec<u8>,
    roots: Vec<String>,
}

impl LongRun {
    /// That of the vectors.
    ///
    /// # Panics
    /// When the file is not what `train.py` makes.
    #[must_use]
    pub fn read() -> Self {
        let all = crate::vectors("train_rounds.json");
        let text = |name: &str| all[name].as_str().unwrap_or_else(|| panic!("no text {name}"));
        let roots: Vec<String> = serde_json::from_value(all["roots"].clone()).expect("roots");
        let rounds = u32::try_from(roots.len()).expect("few rounds");
        assert_eq!((rounds, all["rounds"].as_u64()), (24, Some(24)));
        let params =
            Params::new(&RawParams { rounds, ..Preset::Tiny.params().raw().clone() }).expect("sizes");
        let run = Run::new(&params, Text::new(&params, text("text").as_bytes()).expect("a text"));
        assert_eq!(hex(run.id().as_bytes()), text("run"));
        Self { run, beacon: text("beacon").as_bytes().to_vec(), roots }
    }

    /// Holds whoever makes steps of lanes to the roots of all rounds.
    ///
    /// # Panics
    /// Where a root is another one.
    pub fn hold(&self, who: &str, mut steps: impl FnMut(&Run, &Lane, Range<u32>, &mut State)) {
        let (run, params) = (&self.run, self.run.params());
        let mut agreed = Agreed::fresh(params, run.id());
        for (round, root) in (0..).zip(&self.roots) {
            let seed = run.id().seed(round, &agreed.root(run.id()), &self.beacon);
            let deltas = (0..params.raw().lanes).map(|lane| {
                let mut state = State::start(params, &agreed.theta);
                steps(run, &Lane { round, lane, seed }, 0..params.raw().inner, &mut state);
                read_delta(params, &delta(&agreed.theta, &state.theta())).expect("made by the same rules")
            });
            agreed = agreed.merged(&deltas.collect::<Vec<_>>());
            assert_eq!(agreed.root(run.id()).to_hex(), *root, "{who}, after round {round}");
        }
    }
}

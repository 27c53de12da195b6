//! The shortcut harness on `nano`. The quick run checks the machinery; `--ignored` prints the whole table.

use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::shortcut::{self, CutExecutor, Edit, Scores, Shortcut};
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::soundness::{Samples, Worth};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Outcome {
    name: String,
    bound: Worth,
    fixed: Worth,
    same_digest: usize,
}

struct Harness {
    model: ReferenceExecutor,
    key: PublicKey,
}

impl Harness {
    fn new() -> Self {
        let block = BlockHash::new("soundness").expect("a hash");
        let model = ReferenceExecutor::new(&Puzzle::new(&Preset::Nano.params(), &block));
        Self { model, key: PublicKey::new("cheater").expect("a key") }
    }

    fn nonces(first: u64, n: u64) -> Vec<Nonce> {
        (first..first + n).map(|n| Nonce::new(n).expect("small")).collect()
    }

    fn scores(&self, nonces: &[Nonce], logits: &[i32]) -> Vec<Scores> {
        let puzzle = self.model.puzzle();
        let rows = logits.chunks_exact(puzzle.params().vocab());
        nonces.iter().zip(rows).map(|(nonce, row)| Scores::new(puzzle, &self.key, *nonce, row)).collect()
    }

    fn honest(&self, n: u64) -> Vec<Scores> {
        let half = |from: u64, n: u64| {
            let nonces = Self::nonces(from, n);
            let scores = |c: &[Nonce]| self.scores(c, &self.model.logits(&self.key, c));
            nonces.chunks(64).flat_map(scores).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let second = scope.spawn(|| half(n / 2, n - n / 2));
            let mut all = half(0, n / 2);
            all.extend(second.join().expect("scores"));
            all
        })
    }

    fn outcome(&self, shortcut: &Shortcut, honest: &[Scores]) -> Outcome {
        let puzzle = self.model.puzzle();
        let other = puzzle.input(&self.key, Nonce::MAX);
        let cut = CutExecutor::new(&self.model, shortcut, &other);
        let (mut bound, mut fixed, mut same_digest) = (Samples::default(), Samples::default(), 0);
        for (chunk_ix, honest) in honest.chunks(64).enumerate() {
            let nonces = Self::nonces(64 * chunk_ix as u64, honest.len() as u64);
            let logits = cut.logits_of_inputs(&puzzle.inputs(&self.key, &nonces));
            for (cheap, honest) in self.scores(&nonces, &logits).iter().zip(honest) {
                bound.push(cheap.bound, honest.bound);
                fixed.push(cheap.fixed, honest.fixed);
                same_digest += usize::from(cheap.digest == honest.digest);
            }
        }
        let rate = 1.0 / f64::from(Preset::Nano.nonces_per_win());
        let worth = |samples: Samples| Worth::new(cut.price(), samples.correlation(), rate);
        Outcome { name: shortcut.name.clone(), bound: worth(bound), fixed: worth(fixed), same_digest }
    }
}

#[test]
fn nothing_left_out_foretells_everything_and_something_left_out_nothing() {
    let harness = Harness::new();
    let honest = harness.honest(128);
    let none = Shortcut { name: "honest".into(), edits: Vec::new() };
    let outcome = harness.outcome(&none, &honest);
    assert_eq!(outcome.same_digest, 128);
    assert!(outcome.bound.correlation.estimate > 0.999_999);
    for shortcut in shortcut::all(harness.model.puzzle().params()) {
        let outcome = harness.outcome(&shortcut, &honest[..16]);
        let price = outcome.bound.price;
        assert!(price.cheap > 0.0 && price.cheap < 1.0, "{}: {price:?}", outcome.name);
        assert!(price.reused <= price.cheap, "{}: {price:?}", outcome.name);
        assert_eq!(outcome.same_digest, 0, "{} gives true logits", outcome.name);
    }
}

#[test]
fn leaving_out_the_last_layer_shows_in_the_network_but_not_in_the_verdict() {
    let harness = Harness::new();
    let honest = harness.honest(1024);
    let layers = harness.model.puzzle().params().layers();
    let last = Shortcut { name: "last".into(), edits: vec![Edit::SkipLayers(layers - 1..layers)] };
    let outcome = harness.outcome(&last, &honest);
    assert!(outcome.fixed.correlation.low > 0.05, "{:?}", outcome.fixed.correlation);
    let bound = outcome.bound.correlation;
    assert!(bound.low < 0.05 && bound.high > -0.05, "{bound:?}");
}

#[test]
#[ignore = "slow: minutes in release; prints the table that DESIGN quotes"]
fn no_shortcut_gains() {
    let n: u64 = std::env::var("SPHERE_POW_NONCES").map_or(2048, |n| n.parse().expect("a number"));
    // Cheap shortcuts need more nonces: the smaller the price, the smaller a correlation pays.
    let harness = Harness::new();
    let honest = harness.honest(32 * n);
    let (list, next) = (shortcut::all(harness.model.puzzle().params()), AtomicUsize::new(0));
    let work = || {
        let mut out = Vec::new();
        while let Some(shortcut) = list.get(next.fetch_add(1, Ordering::Relaxed)) {
            let price = CutExecutor::new(&harness.model, shortcut, &vec![0; 512]).price().cheap;
            let n = if price < 0.06 { 32 * n } else { n };
            out.push(harness.outcome(shortcut, &honest[..usize::try_from(n).expect("small")]));
        }
        out
    };
    let mut outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|t| t.join().expect("a table")).collect()
    });
    outcomes.sort_by(|a, b| a.bound.price.cheap.total_cmp(&b.bound.price.cheap));
    println!(
        "{:55} {:>7} {:>6} | {:>16} {:>6} {:>6} | {:>16} {:>6} {:>6} | same",
        "shortcut", "cost", "nonces", "rho", "gain", "high", "rho fixed", "gain", "high"
    );
    for o in &outcomes {
        let show = |w: &Worth| {
            let c = w.correlation;
            format!(
                "{:>7.4} ±{:.4}  {:>6.3} {:>6.3}",
                c.estimate,
                (c.high - c.low) / 2.0,
                w.gain,
                w.gain_high
            )
        };
        println!(
            "{:55} {:>7.4} {:>6} | {} | {} | {}",
            o.name,
            o.bound.price.cheap,
            o.bound.correlation.n,
            show(&o.bound),
            show(&o.fixed),
            o.same_digest
        );
    }
    for outcome in &outcomes {
        assert!(outcome.bound.is_sound(), "{}: {:?}", outcome.name, outcome.bound);
        assert_eq!(outcome.same_digest, 0, "{}", outcome.name);
    }
}

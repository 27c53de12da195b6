//! Hosts that keep transcripts of the `exact` profile, and verifiers of their openings.

use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::transcript::judge::{first_state, joined};
use sphere_pow_core::exact::transcript::tree::Tree;
use sphere_pow_core::exact::transcript::{
    Commitment, Hash, Interval, Judge, Keys, Meant, Opening, Remade, Report, Run, Verification,
};
use sphere_pow_core::exact::{Digest, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Kernels, Progress};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What computes transcripts and repeats layers.
pub enum Machine {
    /// Core's readable executor.
    Twin(ReferenceExecutor),
    /// A set of kernels.
    Cpu(CpuExecutor),
}

impl Machine {
    /// The twin, and each set of kernels with one thread and weights kept, then with three and weights on the fly.
    ///
    /// # Panics
    /// When this machine cannot run them.
    #[must_use]
    pub fn all(puzzle: &Puzzle) -> Vec<Self> {
        let mut all = vec![Self::Twin(ReferenceExecutor::new(puzzle))];
        for kernels in Kernels::available() {
            for (threads, memory_limit_bytes) in [(1, None), (3, Some(24 << 20))] {
                let threads = NonZeroUsize::new(threads);
                let options = CpuOptions { threads, kernels: Some(kernels), memory_limit_bytes };
                all.push(Self::Cpu(CpuExecutor::new(puzzle, options).expect("an executor")));
            }
        }
        all
    }

    /// What it is.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Twin(_) => "twin".into(),
            Self::Cpu(cpu) => cpu.description(),
        }
    }

    /// One layer of each nonce from the states before it: the states after it, and after the last the logits.
    ///
    /// # Panics
    /// As the executors' own.
    pub fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
    ) -> (Vec<i16>, Vec<i32>) {
        match self {
            Self::Twin(twin) => twin.repeat(key, nonces, layer, states),
            Self::Cpu(cpu) => cpu.repeat(key, nonces, layer, states, &mut go_on).expect("not stopped"),
        }
    }

    /// Every state of every nonce, and the logits `[nonces, vocab]`.
    fn states(
        &mut self,
        puzzle: &Puzzle,
        key: &PublicKey,
        nonces: &[Nonce],
    ) -> (Vec<Vec<Vec<i16>>>, Vec<i32>) {
        let layers = puzzle.params().layers();
        let mut states = vec![vec![Vec::new(); layers + 1]; nonces.len()];
        match self {
            Self::Twin(twin) => {
                let mut logits = Vec::new();
                for (nonce, states) in nonces.iter().zip(&mut states) {
                    states[0] = first_state(puzzle, key, *nonce);
                    for layer in 0..layers {
                        let (next, raw) = twin.repeat(key, &[*nonce], layer, &states[layer]);
                        states[layer + 1] = next;
                        logits.extend(raw);
                    }
                }
                (states, logits)
            }
            Self::Cpu(cpu) => {
                let seen = std::sync::Mutex::new(states);
                let see = |nonce: usize, state: usize, values: &[i16]| {
                    seen.lock().expect("no panic")[nonce][state] = values.to_vec();
                };
                let logits = cpu.observed(key, nonces, Some(&see), &mut go_on).expect("not stopped");
                (seen.into_inner().expect("no panic"), logits)
            }
        }
    }
}

/// All states of a nonce, their leaves, and the digest.
pub type Record = (Vec<Vec<i16>>, Vec<Hash>, Digest);

/// A host that computed the runs of a commitment.
pub struct Host {
    /// Of its hashes.
    pub keys: Keys,
    /// To all that it did.
    pub commitment: Commitment,
    /// Nonces and transcripts of each interval.
    pub intervals: Vec<(Vec<Nonce>, Tree)>,
    /// What it knows of each nonce.
    pub records: BTreeMap<Nonce, Record>,
}

impl Host {
    /// Computes the runs of each interval.
    ///
    /// # Panics
    /// When runs are none, or the CPU's leaves are not those of its states.
    pub fn new(machine: &mut Machine, puzzle: &Puzzle, key: &PublicKey, intervals: &[Vec<Run>]) -> Self {
        let keys = Keys::new(puzzle, key);
        let mut this = Self {
            commitment: Commitment::new(puzzle, key),
            keys: keys.clone(),
            intervals: Vec::new(),
            records: BTreeMap::new(),
        };
        for runs in intervals {
            let nonces: Vec<Nonce> = runs
                .iter()
                .flat_map(|run| (0..run.count).map(|ix| run.nonce(ix).expect("in the run")))
                .collect();
            let (states, logits) = machine.states(puzzle, key, &nonces);
            let mut transcripts = Vec::new();
            for ((nonce, states), logits) in
                nonces.iter().zip(states).zip(logits.chunks(puzzle.params().vocab()))
            {
                let leaves: Vec<Hash> = states.iter().enumerate().map(|(l, s)| keys.leaf(l, s)).collect();
                let digest = Digest::of_logits(logits);
                transcripts.push(keys.transcript(*nonce, &leaves, &digest));
                this.records.insert(*nonce, (states, leaves, digest));
            }
            if let Machine::Cpu(cpu) = machine {
                let wanted = vec![(1..puzzle.params().layers()).collect(); nonces.len()];
                let remade = cpu.remake(&keys, key, &nonces, &wanted, &mut go_on).expect("not stopped");
                assert_eq!(remade, this.remade(&nonces));
            }
            let tree = Tree::new(&keys, transcripts).expect("not empty");
            this.commitment.add(Interval { runs: runs.clone(), root: tree.root() }).expect("valid");
            this.intervals.push((nonces, tree));
        }
        this
    }

    /// What opening nonces takes, with all states that openings carry.
    ///
    /// # Panics
    /// When one is none of its own.
    #[must_use]
    pub fn remade(&self, nonces: &[Nonce]) -> Vec<Remade> {
        let one = |nonce| {
            let (states, leaves, digest) = &self.records[nonce];
            let carried = (1..states.len() - 1).map(|state| (state, states[state].clone()));
            Remade { leaves: leaves.clone(), digest: *digest, states: carried.collect() }
        };
        nonces.iter().map(one).collect()
    }

    /// The opening of the `index`-th step drawn.
    ///
    /// # Panics
    /// When the step is none of its own.
    #[must_use]
    pub fn open(&self, judge: &Judge, index: usize) -> Opening {
        let step = judge.steps()[index];
        let place = self.commitment.place(step.position).expect("drawn");
        let (nonces, tree) = &self.intervals[place.interval];
        let at = usize::try_from(place.index).expect("small");
        assert_eq!(nonces[at], place.nonce);
        self.remade(&[place.nonce])[0].open(place.nonce, step.layer, tree.path(at))
    }
}

/// Judges openings on a machine, layer by layer, fed in pieces of `piece` bytes.
///
/// # Panics
/// When they are no openings of the commitment.
pub fn judged(judge: &Judge, openings: &[u8], machine: &mut Machine, piece: usize) -> Report {
    let (commitment, head) = (judge.commitment(), judge.head());
    let (params, key) = (commitment.puzzle().params(), commitment.key());
    let (beacon, samples) = (Some(head.beacon), Some(head.samples));
    let meant = Meant { params: Some(*params), beacon, samples, ..Meant::default() };
    let mut this = Verification::new(commitment.clone(), meant).expect("what was meant");
    let mut pieces = openings.chunks(piece);
    while this.wants_more() {
        let fed = match pieces.next() {
            Some(piece) => this.feed(piece),
            None => this.end(),
        };
        fed.expect("a head");
        // Fewer than are drawn of some layers.
        while let tasks @ [first, ..] = &this.tasks(7)[..] {
            let (nonces, states) = joined(tasks);
            let (next, logits) = machine.repeat(key, &nonces, first.layer, &states);
            this.settle(tasks, &next, &logits);
        }
    }
    this.report(0).expect("nothing follows")
}

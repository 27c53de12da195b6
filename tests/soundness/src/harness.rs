//! Measures shortcuts: what each costs, foretells and gains.

use crate::worth::{Samples, Worth};
use crate::{Attacker, Score, Shortcut};
use rayon::prelude::*;
use sphere_pow_core::identity::Nonce;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Told the share done, 0 to 1; may stop the harness.
pub type OnShare<'a> = &'a (dyn Fn(f32) -> ControlFlow<()> + Sync);

/// The share of the time that honest scores take, about.
const HONEST_SHARE: f32 = 0.1;

/// What was found of one shortcut.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its name.
    pub shortcut: String,
    /// Nonces measured.
    pub nonces: usize,
    /// What it is worth.
    pub worth: Worth,
    /// What it would be worth were the target known beforehand, where the rule draws it last.
    pub target_known: Option<Worth>,
    /// Nonces whose digest came out right, so that the claim would verify; of profiles with digests.
    pub true_digests: Option<usize>,
}

impl Outcome {
    fn new<A: Attacker>(
        attacker: &A,
        shortcut: &Shortcut<A::Edit>,
        nonces: &[Nonce],
        honest: &[Score],
    ) -> Self {
        let (mut by_rule, mut target_known) = (Samples::default(), Samples::default());
        let mut true_digests = None;
        for (cheap, honest) in attacker.scores(shortcut, nonces).iter().zip(honest) {
            by_rule.push(cheap.by_rule, honest.by_rule);
            if let (Some(cheap), Some(honest)) = (cheap.target_known, honest.target_known) {
                target_known.push(cheap, honest);
            }
            if let (Some(cheap), Some(honest)) = (cheap.digest, honest.digest) {
                *true_digests.get_or_insert(0) += usize::from(cheap == honest);
            }
        }
        let price = attacker.price(shortcut);
        let worth = |samples: &Samples| Worth::new(price, samples.correlation(), attacker.win_rate());
        Self {
            shortcut: shortcut.name.clone(),
            nonces: nonces.len(),
            worth: worth(&by_rule),
            target_known: (!target_known.is_empty()).then(|| worth(&target_known)),
            true_digests,
        }
    }
}

/// Measures `shortcuts` on all cores over the first nonces, `n` for most of them, as [`Attacker::n_nonces`] says; the
/// cheapest shortcut comes first. `None` when `progress` says stop.
pub fn measure<A: Attacker>(
    attacker: &A,
    shortcuts: &[Shortcut<A::Edit>],
    n: usize,
    progress: OnShare<'_>,
) -> Option<Vec<Outcome>> {
    let n_nonces = |shortcut| attacker.n_nonces(attacker.price(shortcut), n);
    let most = shortcuts.iter().map(n_nonces).max().unwrap_or(0);
    let nonces: Vec<Nonce> = (0..most as u64).map(|n| Nonce::new(n).expect("below 2^63")).collect();
    let honest = attacker.honest_scores(&nonces, &|share| progress(HONEST_SHARE * share))?;
    let done = AtomicUsize::new(0);
    let measured = shortcuts.par_iter().with_max_len(1).map(|shortcut| {
        #[expect(clippy::cast_precision_loss, reason = "a share for display")]
        let share = done.load(Ordering::Relaxed) as f32 / shortcuts.len() as f32;
        if progress(HONEST_SHARE + (1.0 - HONEST_SHARE) * share).is_break() {
            return None;
        }
        let n = n_nonces(shortcut);
        let outcome = Outcome::new(attacker, shortcut, &nonces[..n], &honest[..n]);
        done.fetch_add(1, Ordering::Relaxed);
        Some(outcome)
    });
    let mut outcomes: Vec<Outcome> = measured.collect::<Option<_>>()?;
    outcomes.sort_by(|a, b| a.worth.price.cheap.total_cmp(&b.worth.price.cheap));
    Some(outcomes)
}

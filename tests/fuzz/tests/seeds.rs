//! Every seed through its target, whole and with bytes changed.

use sphere_pow_fuzz::{TARGETS, run, seeds};

#[test]
fn every_seed_keeps_the_promises_whole_cut_and_changed() {
    for target in TARGETS {
        let seeds = seeds::of(target.0);
        assert!(seeds.len() > 3, "{} has {} seeds", target.0, seeds.len());
        for seed in seeds {
            run(target, &seed);
            // A few places of each, the same in every run.
            for step in 1..8 {
                let at = seed.len() * step / 8;
                run(target, &seed[..at]);
                let mut changed = seed.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << (step % 8);
                }
                run(target, &changed);
            }
        }
    }
}

//! The shortcut harness on a `gonka` model of the testnet's depth: what is known to be wrong must show.

use sphere_pow_core::gonka::forward::ReferenceExecutor;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::{Params, Puzzle, shortcut};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::soundness::{Samples, Worth};

#[test]
fn skipping_every_layer_gains_almost_one_over_the_win_rate() {
    let raw = RawParams {
        dim: 64,
        n_layers: 32,
        n_heads: 4,
        n_kv_heads: 4,
        vocab_size: 256,
        ffn_dim_multiplier: Some(1.0),
        multiple_of: 64,
        norm_eps: 1e-5,
        rope_theta: 10_000.0,
        use_scaled_rope: false,
        seq_len: 4,
    };
    let params = Params::new(&raw).expect("valid sizes");
    let puzzle = Puzzle::new(&params, &BlockHash::new("soundness").expect("a hash"));
    let key = PublicKey::new("cheater").expect("a key");
    let nonces: Vec<Nonce> = (0..200).map(|n| Nonce::new(n).expect("small")).collect();
    let inputs: Vec<_> = nonces.iter().flat_map(|n| puzzle.input(&key, *n)).collect();
    let model = ReferenceExecutor::new(&params, puzzle.block());
    // Near sqrt 2 a distance falls as the cosine rises; the scale does not matter to a correlation.
    let scores = |model: &ReferenceExecutor| -> Vec<f64> {
        let logits = model.logits(&inputs);
        let rows = nonces.iter().zip(logits.chunks_exact(params.vocab()));
        rows.map(|(nonce, logits)| -puzzle.distance(&key, *nonce, logits)).collect()
    };
    let honest = scores(&model);
    for shortcut in shortcut::all(&params) {
        let cheap = scores(&model.clone().with_plan(shortcut.plan(&params)));
        let mut samples = Samples::default();
        cheap.iter().zip(&honest).for_each(|(cheap, honest)| samples.push(*cheap, *honest));
        let worth = Worth::new(shortcut.price(&params), samples.correlation(), 0.0506);
        println!(
            "{:40} {:.4} {:.6} {:.2}",
            shortcut.name, worth.price.cheap, worth.correlation.estimate, worth.gain_low
        );
        assert!(worth.correlation.low > 0.99, "{}: {:?}", shortcut.name, worth.correlation);
        if shortcut.name == "all layers skipped" {
            assert!(worth.gain_low > 10.0 && !worth.is_sound(), "{worth:?}");
        }
    }
}

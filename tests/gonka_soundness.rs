//! The shortcuts of the `gonka` profile on a model of the testnet's depth: what is known to be wrong must show, as it does
//! in the checked-in result.

use serde_json::Value;
use sphere_pow_soundness::Attacker;
use sphere_pow_soundness::gonka::{GonkaAttacker, testnet_depth};
use sphere_pow_soundness::harness::{Outcome, measure};
use std::ops::ControlFlow;

#[test]
fn skipping_every_layer_gains_almost_one_over_the_win_rate() {
    let result: Value = serde_json::from_str(include_str!("soundness/gonka_depth32.json")).expect("JSON");
    let attacker = GonkaAttacker::new(&testnet_depth());
    assert_eq!(result["params"], serde_json::to_value(testnet_depth().raw()).expect("sizes"));
    assert_eq!(result["win_rate"], attacker.win_rate());
    let rows = result["shortcuts"].as_array().expect("rows");
    let n = rows[0]["nonces"].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a number");
    let outcomes = measure(&attacker, &attacker.shortcuts(), n, &|_| ControlFlow::Continue(()));
    let outcomes = outcomes.expect("not stopped");
    assert_eq!(outcomes.len(), rows.len());
    for (outcome, row) in outcomes.iter().zip(rows) {
        let Outcome { shortcut, nonces, worth, target_known, true_digests } = outcome;
        println!(
            "{shortcut:40} {:.4} {:.6} {:.2}",
            worth.price.cheap, worth.correlation.estimate, worth.gain_low
        );
        assert_eq!((&row["shortcut"], &row["nonces"]), (&shortcut[..].into(), &(*nonces).into()));
        let correlation = worth.correlation;
        for (field, got) in [
            (&row["cost"], worth.price.cheap),
            (&row["reused"], worth.price.reused),
            (&row["correlation"], correlation.estimate),
            (&row["correlation_interval"][0], correlation.low),
            (&row["correlation_interval"][1], correlation.high),
            (&row["gain"], worth.gain),
            (&row["gain_interval"][0], worth.gain_low),
            (&row["gain_interval"][1], worth.gain_high),
        ] {
            let want = field.as_f64().expect("a number");
            assert!((got - want).abs() <= 1e-12 * want, "{shortcut}: {got} is not {want}");
        }
        assert!((*target_known, *true_digests) == (None, None));
        assert!(correlation.low > 0.99, "{shortcut}: {correlation:?}");
        assert_eq!(row["is_sound"], worth.is_sound());
        if shortcut == "all layers skipped" {
            assert!(worth.gain_low > 10.0 && !worth.is_sound(), "{worth:?}");
        }
    }
}

//! The shortcuts of the `exact` profile on `nano`. The quick run holds some of them to the checked-in table; `--ignored`
//! prints the whole of it.

use sphere_pow_core::exact::Preset;
use sphere_pow_core::exact::transcript::sample::MIN_SAMPLES;
use sphere_pow_soundness::exact::{Edit, ExactAttacker, Forgery, forgeries};
use sphere_pow_soundness::harness::{Outcome, measure};
use sphere_pow_soundness::worth::Worth;
use sphere_pow_soundness::{Attacker, Shortcut};
use std::ops::ControlFlow;

/// Nonces of most rows of the table.
const TABLE_NONCES: usize = 2048;

fn attacker() -> ExactAttacker {
    ExactAttacker::new(&Preset::Nano.params()).expect("an executor")
}

fn outcomes(attacker: &ExactAttacker, shortcuts: &[Shortcut<Edit>], n: usize) -> Vec<Outcome> {
    measure(attacker, shortcuts, n, &|_| ControlFlow::Continue(())).expect("not stopped")
}

/// A line of the table.
fn row(outcome: &Outcome) -> String {
    let show = |worth: &Worth| {
        let correlation = worth.correlation;
        let half_width = (correlation.high - correlation.low) / 2.0;
        format!(
            "{:>7.4} ±{half_width:.4}  {:>6.3} {:>6.3}",
            correlation.estimate, worth.gain, worth.gain_high
        )
    };
    format!(
        "{:55} {:>7.4} {:>6} | {} | {} | {}",
        outcome.shortcut,
        outcome.worth.price.cheap,
        outcome.nonces,
        show(&outcome.worth),
        show(&outcome.target_known.expect("measured")),
        outcome.true_digests.expect("counted")
    )
}

/// The checked-in rows, cheapest first.
fn table() -> Vec<&'static str> {
    include_str!("soundness/exact_nano.txt").lines().skip(2).collect()
}

/// What a row of the table is called.
fn name(row: &str) -> &str {
    row.get(..55).expect("names are short ASCII").trim_end()
}

#[test]
fn nothing_left_out_foretells_everything_and_something_left_out_nothing() {
    let attacker = attacker();
    let honest = outcomes(&attacker, &[Shortcut::new("honest", Vec::new())], 128);
    assert_eq!(honest[0].true_digests, Some(128));
    assert!(honest[0].worth.correlation.estimate > 0.999_999);
    for outcome in outcomes(&attacker, &attacker.shortcuts(), 16) {
        let price = outcome.worth.price;
        assert!(price.cheap > 0.0 && price.cheap < 1.0, "{}: {price:?}", outcome.shortcut);
        assert!(price.reused <= price.cheap, "{}: {price:?}", outcome.shortcut);
        assert_eq!(outcome.true_digests, Some(0), "{} gives true logits", outcome.shortcut);
    }
}

#[test]
fn leaving_out_the_last_layer_shows_in_the_network_but_not_in_the_verdict() {
    let layers = Preset::Nano.params().layers();
    let last = Shortcut::new("last", vec![Edit::SkipLayers(layers - 1..layers)]);
    let outcome = &outcomes(&attacker(), &[last], 1024)[0];
    let network = outcome.target_known.expect("measured").correlation;
    assert!(network.low > 0.05, "{network:?}");
    let correlation = outcome.worth.correlation;
    assert!(correlation.low < 0.05 && correlation.high > -0.05, "{correlation:?}");
}

#[test]
fn the_table_has_every_shortcut_and_its_cost() {
    let attacker = attacker();
    let shortcuts = attacker.shortcuts();
    assert_eq!(table().len(), shortcuts.len());
    for shortcut in shortcuts {
        let line = table().into_iter().find(|line| name(line) == shortcut.name).expect(&shortcut.name);
        let cost = format!("{:>7.4}", attacker.price(&shortcut).cheap);
        assert_eq!(line.get(56..63), Some(&cost[..]), "{}", shortcut.name);
    }
}

#[test]
fn shortcuts_of_several_kinds_repeat_their_rows_of_the_table() {
    let names = [
        "only the last 1 positions",
        "keys and values of another nonce",
        "2 of 4 heads dropped",
        "6-bit weights in the last 2 layers",
    ];
    let attacker = attacker();
    let mut shortcuts = attacker.shortcuts();
    shortcuts.retain(|shortcut| names.contains(&&shortcut.name[..]));
    assert_eq!(shortcuts.len(), names.len());
    for outcome in outcomes(&attacker, &shortcuts, TABLE_NONCES) {
        let line = table().into_iter().find(|line| name(line) == outcome.shortcut);
        assert_eq!(Some(&row(&outcome)[..]), line);
    }
}

/// A line of the table of transcripts.
fn forgery_row(forgery: &Forgery) -> String {
    let Forgery { name, cost, n_steps, n_false } = forgery;
    let gain =
        |n: u32| if forgery.gain(n) >= 1000.0 { "free".into() } else { format!("{:.3}", forgery.gain(n)) };
    let least = forgery.openings_to_lose().map_or("never".into(), |n| n.to_string());
    format!(
        "{name:48} {cost:>6.4} {n_false:>4} of {n_steps} | {:>7} {:>7} {:>7} | {least:>5}",
        gain(0),
        gain(4),
        gain(20)
    )
}

#[test]
fn forged_transcripts_repeat_the_table_and_none_gains() {
    let found = forgeries(&Preset::Nano.params(), 8);
    let rows: Vec<String> = found.iter().map(forgery_row).collect();
    rows.iter().for_each(|row| println!("{row}"));
    let (honest, forged) = found.split_first().expect("rows");
    assert_eq!((honest.n_false, honest.openings_to_lose()), (0, Some(0)));
    for forgery in forged {
        assert!(forgery.n_false > 0 && forgery.cost < 1.0, "{forgery:?}");
        assert!(forgery.gain(MIN_SAMPLES) <= 1.0, "{forgery:?}");
        // What the bound takes for granted: a false step saves at most two layers.
        let saved = (1.0 - forgery.cost) / forgery.false_share();
        assert!(saved <= 2.0, "{forgery:?} saves {saved} layers a false step");
    }
    let table = include_str!("soundness/exact_transcripts_nano.txt");
    assert_eq!(rows, table.lines().skip(2).collect::<Vec<_>>());
}

#[test]
#[ignore = "slow: minutes in release; prints the table that DESIGN quotes"]
fn no_shortcut_gains() {
    let n = std::env::var("SPHERE_POW_NONCES").map_or(TABLE_NONCES, |n| n.parse().expect("a number"));
    let attacker = attacker();
    let outcomes = outcomes(&attacker, &attacker.shortcuts(), n);
    println!(
        "{:55} {:>7} {:>6} | {:>16} {:>6} {:>6} | {:>16} {:>6} {:>6} | same",
        "shortcut", "cost", "nonces", "rho", "gain", "high", "rho fixed", "gain", "high"
    );
    let rows: Vec<String> = outcomes.iter().map(row).collect();
    rows.iter().for_each(|row| println!("{row}"));
    for outcome in &outcomes {
        assert!(outcome.worth.is_sound(), "{}: {:?}", outcome.shortcut, outcome.worth);
        assert_eq!(outcome.true_digests, Some(0), "{}", outcome.shortcut);
    }
    if n == TABLE_NONCES {
        assert_eq!(rows, table());
    }
}

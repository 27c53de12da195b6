//! Openings by the thousand: no honest one is refused, whoever repeats it, and a false share is found as often as the
//! formula says.

use sphere_pow_core::exact::transcript::sample::{MAX_SAMPLES, sample};
use sphere_pow_core::exact::transcript::{Judge, Run, Verdict};
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{Beacon, BlockHash, Nonce, PublicKey};
use sphere_pow_tests::transcript::{Host, Machine, judged};

fn puzzle() -> (Puzzle, PublicKey) {
    let block = BlockHash::new("openings").expect("a hash");
    (Puzzle::new(&Preset::Nano.params(), &block), PublicKey::new("host").expect("a key"))
}

fn beacon(number: u32) -> Beacon {
    Beacon::new(&format!("beacon-{number}")).expect("a beacon")
}

fn run(count: u64) -> Vec<Run> {
    vec![Run { first: Nonce::new(0).expect("a nonce"), step: 1, count }]
}

#[test]
fn a_hundred_thousand_honest_openings_are_true_on_every_executor() {
    let (puzzle, key) = puzzle();
    let mut machines = Machine::all(&puzzle);
    let fastest = machines.len() - 2;
    let host = Host::new(&mut machines[fastest], &puzzle, &key, &[run(1000)]);
    let mut n_checked = 0;
    for number in 0..25 {
        let judge = Judge::new(&host.commitment, &beacon(number), MAX_SAMPLES).expect("valid");
        let mut data = judge.head().to_bytes();
        (0..judge.steps().len()).for_each(|index| data.extend(host.open(&judge, index).to_bytes()));
        let n_machines = machines.len();
        let machine = &mut machines[number as usize % n_machines];
        let name = machine.name();
        let report = judged(&judge, &data, machine, 1 << 20);
        assert_eq!(report.verdict, Verdict::Honest, "{name}: {}", report.summary);
        n_checked += report.n_checked;
    }
    println!("{n_checked} openings");
    assert!(n_checked > 100_000);
}

#[test]
fn false_steps_are_drawn_as_often_as_the_formula_says() {
    let (puzzle, key) = puzzle();
    let mut machine = Machine::all(&puzzle).pop().expect("a machine");
    let host = Host::new(&mut machine, &puzzle, &key, &[run(64)]);
    // One layer of each nonce: 1/40 of 2560 steps, of which 20 are drawn without repetition.
    let (steps, is_false, n_beacons) = (2560_u32, 64_u32, 20_000_u32);
    for n in [20, 60, 120] {
        let missed = (0..n).map(|i| f64::from(steps - is_false - i) / f64::from(steps - i)).product::<f64>();
        let caught = (0..n_beacons)
            .filter(|number| {
                let drawn = sample(&host.commitment, &host.keys, &beacon(*number), n);
                drawn.iter().any(|step| step.layer == 7)
            })
            .count();
        let (share, expected) = (caught as f64 / f64::from(n_beacons), 1.0 - missed);
        let deviation = (expected * missed / f64::from(n_beacons)).sqrt();
        println!("{n} openings: caught {share:.4} of {n_beacons}, expected {expected:.4}");
        assert!((share - expected).abs() < 4.0 * deviation, "{n}: {share} is not {expected}");
    }
}

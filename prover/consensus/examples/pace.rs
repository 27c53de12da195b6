//! What a block costs: `cargo run --release -p sphere-pow-consensus --example pace -- HOSTS BLOCKS [RELAY]`.
//!
//! Simulates hosts of equal power over links of 1 to 10 ms and prints the thread's time and the messages for each block;
//! RELAY is `true` or `false`.

use sphere_pow_consensus::sim::{Link, Simulation};
use sphere_pow_consensus::{
    Application, Committed, Config, Hash, Header, HostId, Key, Next, Pending, Validators,
};
use std::time::{Duration, Instant};

struct Nothing(Vec<HostId>);

impl Application for Nothing {
    type Job = ();
    type Outcome = ();

    fn genesis(&mut self) -> Next {
        let validators = Validators::new(self.0.iter().map(|host| (*host, 1))).expect("distinct keys");
        Next { validators, state: Hash::default() }
    }

    fn propose(&self, _: u64, _: &Pending<'_>) -> Vec<u8> {
        Vec::new()
    }

    fn validate(&self, _: &Header, payload: &[u8]) -> bool {
        payload.is_empty()
    }

    fn commit(&mut self, _: &Committed) -> Next {
        self.genesis()
    }

    fn jobs(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn finished(&mut self, (): ()) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn admit(&self, _: &[u8]) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let hosts: u8 = words.next().ok_or("the number of hosts, at most 255")?.parse()?;
    let blocks: u64 = words.next().ok_or("the number of blocks")?.parse()?;
    let relay: bool = words.next().map_or(Ok(true), |word| word.parse())?;

    let keys: Vec<_> = (0..hosts).map(|ix| Key::from_seed([ix; 32])).collect();
    let ids: Vec<_> = keys.iter().map(Key::id).collect();
    let config = Config { relay, ..Config::new(Hash::of(&[b"pace"])) };
    let make = move |_: usize| Nothing(ids.clone());
    let run = |_: usize, (): ()| ((), Duration::ZERO);
    let mut sim = Simulation::new(1, config, keys, Link::default(), make, run);
    sim.start_all_but(&[]);
    let begun = Instant::now();
    if !sim.run_to_height(blocks, Duration::MAX) {
        return Err("the hosts came to a halt".into());
    }
    let took = begun.elapsed();
    let blocks = f64::from(u32::try_from(blocks)?);
    let per_block = took.as_secs_f64() * 1e3 / blocks;
    let messages = sim.sent() as f64 / blocks;
    let simulated = sim.now().as_secs_f64() * 1e3 / blocks;
    println!(
        "{hosts} hosts, relay {relay}: {per_block:.1} ms and {messages:.0} messages a block, {simulated:.0} ms simulated"
    );
    Ok(())
}

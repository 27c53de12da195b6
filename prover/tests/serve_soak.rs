//! `sphere-pow serve` for as long as one likes: stages one after the other as the network's API node drives them, while the
//! receiver misbehaves, the process is killed, the clock jumps, and requests are cut off.
//!
//! `SPHERE_POW_SOAK=86400 cargo test --release -p sphere-pow-prover --test serve_soak -- --nocapture` goes on for a day; the
//! test run takes the shortest form. `SPHERE_POW_SOAK_SEED` repeats a course, `SPHERE_POW_SOAK_REST` is the rest after each
//! stage, in times of what it took. In its first half processes are killed; the last one of these then lives through the second half, whose
//! memory, files and threads may not grow.
#![cfg(target_os = "linux")]

mod common;

use common::made::{self, Environment};
use common::service::{Manner, Receiver, Service, drained, init, until, won_until};
use common::{Dir, signal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Stages between two looks at all that was taken.
const CHAPTER: u64 = 6;
/// Jumps of the clock in seconds: none, an hour, a day back, a month.
const JUMPS: [i64; 4] = [0, 3600, -86_400, 2_592_000];

fn setting(name: &str) -> Option<f64> {
    std::env::var(name).ok()?.parse().ok()
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Numbers by xorshift: a course is repeated by its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % n
    }

    fn wait(&mut self, most_ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(most_ms)));
    }
}

/// Has the receiver change its manners until told to be good.
fn weather(receiver: &Receiver, mut chance: Chance, is_fair: &AtomicBool) {
    loop {
        let manner = match chance.below(14) {
            0 => Manner::Refuses(500, "{\"error\":\"failed to broadcast\"}"),
            1 => Manner::Refuses(503, "busy"),
            2 => Manner::Refuses(502, "<html>bad gateway</html>"),
            3 => Manner::TakesBut(500, "{\"error\":\"failed to broadcast and put on retry\"}"),
            4 => Manner::Silent,
            5 => Manner::Swallows,
            6 => Manner::Garbage,
            7 => Manner::Closes,
            8 => Manner::Slow(300),
            9 => Manner::Drips(20),
            _ => Manner::Takes,
        };
        receiver.set(if is_fair.load(Ordering::SeqCst) { Manner::Takes } else { manner });
        chance.wait(400);
    }
}

/// What a process holds while it has nothing to do.
#[derive(Clone, Copy, Debug)]
struct Holds {
    memory_kb: u64,
    files: u64,
    threads: u64,
}

impl Holds {
    fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
        Self { memory_kb: number("VmRSS:"), files, threads: number("Threads:") }
    }
}

/// Processes that ended and nobody waited for, among children of `pid`.
fn zombies(pid: u32) -> usize {
    let parent = format!(" Z {pid} ");
    let stats = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("stat"));
    stats.filter_map(|stat| std::fs::read_to_string(stat).ok()).filter(|stat| stat.contains(&parent)).count()
}

/// A stage that was played.
struct Stage {
    body: Value,
    /// Batches that were taken to be judged.
    batches: usize,
}

struct Soak {
    dir: Dir,
    environment: Environment,
    chance: Chance,
    receiver: Receiver,
    is_fair: Arc<AtomicBool>,
    service: Service,
    stages: Vec<Stage>,
    n_stages: u64,
    /// Whether a process died in this chapter.
    has_died: bool,
    /// Callbacks that this process had in doubt before this chapter.
    in_doubt: usize,
    /// Whether processes are killed.
    is_deadly: bool,
    holds: Vec<Holds>,
    sums: BTreeMap<&'static str, usize>,
}

impl Soak {
    fn start(dir: &Dir, environment: &[(&str, String)]) -> Service {
        let args = ["--timeout", "2", "--batch", "16", "--window", "3600", "--send-every", "0.05"];
        Service::start_with(dir, &args, environment)
    }

    fn restart(&mut self) {
        self.has_died = true;
        self.holds.clear();
        self.service = Self::start(&self.dir, &self.environment);
    }

    fn add(&mut self, name: &'static str, n: usize) {
        *self.sums.entry(name).or_default() += n;
    }

    /// What may happen at any moment.
    fn happen(&mut self) {
        match self.chance.below(8) {
            0 if self.is_deadly => {
                self.service.kill();
                self.restart();
                self.add("kills", 1);
            }
            1 if self.is_deadly => {
                signal(&self.service.child, "-TERM");
                assert_eq!(self.service.child.wait().unwrap().code(), Some(0));
                self.restart();
                self.add("terminations", 1);
            }
            2 => {
                let jump = JUMPS[self.chance.below(4) as usize];
                made::jump(&self.dir, jump);
                self.add("jumps of the clock", 1);
            }
            3 => {
                // A head that never ends, and a body that is cut off.
                let mut stream = TcpStream::connect(self.service.address).unwrap();
                let _ = stream.write_all(b"POST /api/v1/pow/validate HTTP/1.1\r\nContent-Length: 99\r\n");
                let _ = TcpStream::connect(self.service.address)
                    .unwrap()
                    .write_all(b"POST /api/v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
            }
            _ => {}
        }
    }

    /// The API node's way into a phase, from whatever state.
    fn enter(&mut self, path: &str, body: &Value, status: &str) {
        let (state, pow) =
            (self.service.get("/api/v1/state"), self.service.ask("GET", "/api/v1/pow/status", None));
        if state["state"] == "POW" && pow.1["status"] == status {
            return;
        }
        self.service.post(path, Some(body));
        assert_eq!(self.service.get("/api/v1/pow/status")["status"], status);
    }

    /// One stage, as the network has it.
    fn play(&mut self) {
        self.n_stages += 1;
        let mut body = init(&self.receiver.url());
        body["block_hash"] = json!(format!("{:016X}", self.n_stages));
        self.service.post("/api/v1/stop", None);
        if self.chance.below(6) == 0 {
            let mut large = body.clone();
            large["params"] = json!({"dim": 1024, "n_layers": 32, "n_heads": 32, "n_kv_heads": 32,
                "vocab_size": 8196, "ffn_dim_multiplier": 10.0, "multiple_of": 2048, "rope_theta": 10000.0, "seq_len": 128});
            self.service.post("/api/v1/pow/init/generate", Some(&large));
            self.chance.wait(100);
            self.service.post("/api/v1/stop", None);
            self.add("stops during load", 1);
        }
        for _ in 0..3 {
            self.enter("/api/v1/pow/init/generate", &body, "GENERATING");
            // On a busy machine nothing may be computed meanwhile.
            let tried = |service: &Service| service.status()["totals"]["tried"].as_u64().unwrap();
            let before = tried(&self.service);
            until("nonces", || (tried(&self.service) > before).then_some(()));
            self.chance.wait(250);
            self.happen();
        }
        // Nodes were added meanwhile.
        body["node_count"] = json!(2);
        self.enter("/api/v1/pow/init/validate", &body, "VALIDATING");
        let batches = self.judge(&body);
        self.service.post("/api/v1/stop", None);
        assert_eq!(self.service.get("/api/v1/state")["state"], "STOPPED");
        self.holds.push(Holds::of(self.service.child.id()));
        self.stages.push(Stage { body, batches });
    }

    /// Has claims of two hosts judged, whatever happens meanwhile; how many batches it were.
    fn judge(&mut self, body: &Value) -> usize {
        let mut batches = 0;
        for key in ["02abc", "02abd"] {
            let nonces: Vec<u64> = (1..=12).collect();
            let claims = json!({"public_key": key, "block_hash": body["block_hash"], "block_height": 240,
                "nonces": nonces, "dist": vec![1.4; 12], "node_id": 0});
            self.service.post("/api/v1/pow/validate", Some(&claims));
            batches += 1;
            self.happen();
            self.enter("/api/v1/pow/init/validate", body, "VALIDATING");
        }
        until("judged batches", || (self.service.status()["waiting"]["batches"] == 0).then_some(()));
        batches
    }

    /// Looks at all that was taken since the last look.
    fn look(&mut self) {
        self.is_fair.store(true, Ordering::SeqCst);
        until("an empty outbox", || drained(&self.service));
        assert_eq!(self.service.status()["waiting"]["givenUp"], 0);
        let taken = self.receiver.take_all();
        self.is_fair.store(false, Ordering::SeqCst);
        let n_taken = taken.len();
        let mut by_key: BTreeMap<String, (bool, Value)> = BTreeMap::new();
        for taken in taken {
            let is_won = taken.path.ends_with("/generated");
            if let Some((_, body)) = by_key.insert(taken.key, (is_won, taken.body.clone())) {
                assert_eq!(body, taken.body, "one key, two callbacks");
            }
        }
        let repeated = n_taken - by_key.len();
        // What a process that died had in doubt nobody counts any more. A receiver that is slow is silent to one that waits 2 s.
        let in_doubt = self.service.status()["callbacks"]["inDoubt"].as_u64().unwrap() as usize;
        let explained = in_doubt.saturating_sub(self.in_doubt);
        assert!(
            self.has_died || repeated <= explained,
            "{repeated} callbacks came twice, {explained} in doubt"
        );
        (self.in_doubt, self.has_died) = (in_doubt, false);
        let of = |stage: &Stage, is_won: bool| -> Vec<Value> {
            let is_its = |(won, body): &&(bool, Value)| {
                *won == is_won && body["block_hash"] == stage.body["block_hash"]
            };
            by_key.values().filter(is_its).map(|(_, body)| body.clone()).collect()
        };
        let (stages, mut n_nonces) = (std::mem::take(&mut self.stages), 0);
        let looked_at = self.chance.below(stages.len() as u64) as usize;
        for (ix, stage) in stages.iter().enumerate() {
            let numbers = |body: &Value| -> Vec<u64> {
                body["nonces"].as_array().unwrap().iter().map(|nonce| nonce.as_u64().unwrap()).collect()
            };
            let nonces: Vec<u64> = of(stage, true).iter().flat_map(numbers).collect();
            let unique: BTreeSet<u64> = nonces.iter().copied().collect();
            assert_eq!(unique.len(), nonces.len(), "a nonce stands in two callbacks");
            n_nonces += nonces.len();
            if let Some(last) = unique.last().filter(|_| ix == looked_at) {
                let won = won_until(&self.dir, &stage.body, *last);
                assert_eq!(unique.iter().copied().collect::<Vec<_>>(), won, "a nonce that wins was lost");
            }
            let verdicts = of(stage, false);
            assert_eq!(verdicts.len(), stage.batches, "verdicts: {verdicts:?}");
        }
        for (name, n) in [("stages", stages.len()), ("nonces", n_nonces), ("callbacks", by_key.len())] {
            self.add(name, n);
        }
        self.add("callbacks that came twice under one key", repeated);
        assert_eq!(zombies(self.service.child.id()), 0);
        // Another process may not have the same state.
        let state = ["serve", "--listen", "127.0.0.1:0", "--backend", "cpu"];
        assert!(self.dir.error(2, &state).contains("in use"));
    }
}

/// A process that lives holds in the end what it held before.
fn assert_bounded(holds: &[Holds]) -> String {
    let quarter = holds.len() / 4;
    if quarter < 20 {
        return format!("{} looks at one process are too few to say that it does not grow", holds.len());
    }
    let (early, late) = (&holds[quarter..2 * quarter], &holds[3 * quarter..]);
    let most = |holds: &[Holds], of: fn(&Holds) -> u64| holds.iter().map(of).max().unwrap();
    let memory = [most(early, |holds| holds.memory_kb), most(late, |holds| holds.memory_kb)];
    let files = [most(early, |holds| holds.files), most(late, |holds| holds.files)];
    let threads = [most(early, |holds| holds.threads), most(late, |holds| holds.threads)];
    let text = format!(
        "in its second and last quarter: {memory:?} KB, {files:?} files, {threads:?} threads at most"
    );
    assert!(memory[1] <= memory[0] + memory[0] / 10 + 4096, "memory grows {text}");
    assert!(files[1] <= files[0] + 8, "files stay open {text}");
    // Those for work that blocks come as they are needed, and go after ten idle seconds.
    assert!(threads[1] <= threads[0] + 8, "threads stay {text}");
    text
}

#[test]
fn stages_go_on_whatever_happens_and_nothing_grows() {
    let time = Duration::from_secs_f64(setting("SPHERE_POW_SOAK").unwrap_or(10.0));
    let rest = setting("SPHERE_POW_SOAK_REST").unwrap_or(0.0);
    let seed = setting("SPHERE_POW_SOAK_SEED").unwrap_or_else(|| f64::from(std::process::id())) as u64;
    say(&format!("SPHERE_POW_SOAK_SEED={seed}"));
    let dir = Dir::tiny();
    let environment = made::clock(&dir);
    let (receiver, is_fair) = (Receiver::start(), Arc::new(AtomicBool::new(false)));
    let (own, fair) = (receiver.clone(), Arc::clone(&is_fair));
    std::thread::spawn(move || weather(&own, Chance(seed * 2 + 1), &fair));
    let service = Soak::start(&dir, &environment);
    let chance = Chance(seed * 0x9E37_79B9 + 1);
    let (stages, holds, sums) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut soak = Soak {
        dir,
        environment,
        chance,
        receiver,
        is_fair,
        service,
        stages,
        n_stages: 0,
        has_died: false,
        in_doubt: 0,
        is_deadly: true,
        holds,
        sums,
    };
    let (began, mut told) = (Instant::now(), Instant::now());
    while began.elapsed() < time {
        soak.is_deadly = began.elapsed() < time / 2;
        let chapter = Instant::now();
        (0..CHAPTER).for_each(|_| soak.play());
        soak.look();
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            say(&format!("{:.0} s: {:?} {:?}", began.elapsed().as_secs_f64(), soak.sums, soak.holds.last()));
        }
        std::thread::sleep(chapter.elapsed().mul_f64(rest));
    }
    let grown = assert_bounded(&soak.holds);
    signal(&soak.service.child, "-TERM");
    assert_eq!(soak.service.child.wait().unwrap().code(), Some(0));
    say(&format!("{:.0} s: {:?}; {grown}", began.elapsed().as_secs_f64(), soak.sums));
}

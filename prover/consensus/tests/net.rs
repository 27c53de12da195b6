//! Hosts over TCP on this machine, with files, stops, and a process that is killed.

mod common;

use common::{Ledger, Tx, config, keys, powers};
use sphere_pow_consensus::net::{NetError, Running, Seen, Settings, start};
use sphere_pow_consensus::{Behaviour, FileStorage, Hash, HostId, Key, Node};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Generous: it only ends a test that would hang.
const LIMIT: Duration = Duration::from_secs(120);

/// What each host has decided, as its observer saw it.
#[derive(Default)]
struct Chains {
    of: Mutex<BTreeMap<HostId, BTreeMap<u64, Hash>>>,
    changed: Condvar,
}

impl Chains {
    fn note(&self, host: HostId, height: u64, hash: Hash) {
        self.of.lock().unwrap().entry(host).or_default().insert(height, hash);
        self.changed.notify_all();
    }

    fn height(&self, host: HostId) -> u64 {
        self.of.lock().unwrap().get(&host).and_then(|chain| chain.keys().last().copied()).unwrap_or(0)
    }

    fn wait(&self, hosts: &[HostId], height: u64) {
        let until = Instant::now() + LIMIT;
        let top =
            |chain: Option<&BTreeMap<u64, Hash>>| chain.and_then(|c| c.keys().last().copied()).unwrap_or(0);
        let mut of = self.of.lock().unwrap();
        while !hosts.iter().all(|host| top(of.get(host)) >= height) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no height {height}: {:?}",
                of.values().map(|c| c.len()).collect::<Vec<_>>()
            );
            of = self.changed.wait_timeout(of, left).unwrap().0;
        }
    }

    fn assert_one_chain(&self) {
        let mut one: BTreeMap<u64, Hash> = BTreeMap::new();
        for (height, hash) in self.of.lock().unwrap().values().flatten() {
            assert_eq!(one.entry(*height).or_insert(*hash), hash, "height {height}");
        }
    }
}

struct Place {
    keys: Vec<Key>,
    addresses: Vec<SocketAddr>,
    powers: BTreeMap<HostId, u64>,
    folder: PathBuf,
}

impl Place {
    fn start(
        &self,
        host: usize,
        listener: TcpListener,
        behaviour: Behaviour,
        observe: impl FnMut(&Node<Ledger>, Seen<'_>) + Send + 'static,
    ) -> Result<Running, NetError> {
        let key = self.keys[host].clone();
        let id = key.id();
        let storage = FileStorage::open(&self.folder.join(format!("{host}.redb"))).unwrap();
        let peers = self.keys.iter().map(Key::id).zip(self.addresses.iter().copied()).collect();
        let settings = Settings { listener, peers, workers: 1, behaviour };
        let app = Ledger::new(id, self.powers.clone());
        let run = move |height: u64, _: &_| Tx::Square { host: id, height, square: height * height };
        start(settings, &config(), key, app, storage, run, observe)
    }

    fn start_noted(&self, host: usize, listener: TcpListener, chains: &Arc<Chains>) -> Running {
        let (chains, id) = (chains.clone(), self.keys[host].id());
        let observe = move |_: &Node<Ledger>, seen: Seen<'_>| match seen {
            Seen::Decided { height, hash, .. } => chains.note(id, height, hash),
            Seen::Halted(fault) => panic!("{fault}"),
            _ => {}
        };
        self.start(host, listener, Behaviour::Honest, observe).unwrap()
    }
}

fn place(of: &[u64], folder: &Path) -> (Place, Vec<TcpListener>) {
    let keys = keys(of.len());
    let listeners: Vec<_> = of.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let powers = powers(&keys, of);
    (Place { keys, addresses, powers, folder: folder.to_owned() }, listeners)
}

#[test]
fn four_hosts_agree_and_one_that_stopped_returns_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (place, listeners) = place(&[1; 4], folder.path());
    let ids: Vec<_> = place.keys.iter().map(Key::id).collect();
    let chains = Arc::new(Chains::default());
    let start = |(host, listener)| place.start_noted(host, listener, &chains);
    let mut hosts: Vec<_> = listeners.into_iter().enumerate().map(start).collect();
    hosts[0].submit(Tx::Set { key: 3, value: 9, nonce: 0 }.bytes()).unwrap();
    chains.wait(&ids, 10);

    hosts.pop().unwrap().stop().unwrap();
    let stopped_at = chains.height(ids[3]);
    chains.wait(&ids[..3], stopped_at + 10);
    let listener = TcpListener::bind(place.addresses[3]).unwrap();
    hosts.push(place.start_noted(3, listener, &chains));
    chains.wait(&ids, stopped_at + 20);
    for host in hosts {
        host.stop().unwrap();
    }
    chains.assert_one_chain();

    // Every height and state is in the files, the transaction among them.
    for (host, key) in place.keys.iter().enumerate() {
        let storage = FileStorage::open(&folder.path().join(format!("{host}.redb"))).unwrap();
        let app = Ledger::new(key.id(), place.powers.clone());
        let node = Node::open(config(), key.clone(), app, &storage).unwrap();
        assert_eq!(node.height(), chains.height(key.id()));
        assert_eq!(node.app().value(3), Some(9));
        assert!(node.app().equivocations.is_empty());
    }
}

const HOST: &str = "SPHERE_POW_CONSENSUS_TEST_HOST";

/// The body of the process that is killed: a host that tells its heights until its input ends.
#[test]
fn the_host_of_a_process_of_its_own() {
    let Ok(arguments) = std::env::var(HOST) else { return };
    let mut words = arguments.split('|');
    let folder = PathBuf::from(words.next().unwrap());
    let addresses: Vec<SocketAddr> = words.map(|word| word.parse().unwrap()).collect();
    let keys = keys(addresses.len());
    let powers = powers(&keys, &KILLED);
    let listener = TcpListener::bind(addresses[3]).unwrap();
    let place = Place { keys, addresses, powers, folder };
    let observe = |_: &Node<Ledger>, seen: Seen<'_>| match seen {
        Seen::Decided { height, hash, .. } => println!("decided {height} {hash}"),
        Seen::Halted(fault) => println!("halted {fault}"),
        _ => {}
    };
    let host = place.start(3, listener, Behaviour::Honest, observe).unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    host.stop().unwrap();
}

/// Without the last, the others have two thirds, which is not more than two thirds.
const KILLED: [u64; 4] = [2, 2, 2, 3];

fn spawn(place: &Place) -> (Child, BufReader<ChildStdout>) {
    let addresses = place.addresses.iter().map(SocketAddr::to_string);
    let words: Vec<_> = std::iter::once(place.folder.display().to_string()).chain(addresses).collect();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_host_of_a_process_of_its_own", "--nocapture"])
        .env(HOST, words.join("|"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

#[test]
fn a_killed_process_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (place, mut listeners) = place(&KILLED, folder.path());
    let ids: Vec<_> = place.keys.iter().map(Key::id).collect();
    drop(listeners.pop());
    let chains = Arc::new(Chains::default());
    let start = |(host, listener)| place.start_noted(host, listener, &chains);
    let hosts: Vec<_> = listeners.into_iter().enumerate().map(start).collect();
    let mut told = BTreeMap::new();
    for life in 0..6u64 {
        let (mut child, out) = spawn(&place);
        let before = chains.height(ids[0]);
        // Nobody decides without it, so what the others reach shows that it takes part.
        chains.wait(&ids[..3], before + 3);
        // Anywhere in a height.
        std::thread::sleep(Duration::from_millis(life * 7));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in out.lines().map_while(Result::ok) {
            assert!(!line.starts_with("halted"), "{line}");
            if let Some((height, hash)) = line.strip_prefix("decided ").and_then(|rest| rest.split_once(' '))
            {
                told.insert(height.parse::<u64>().unwrap(), hash.to_owned());
            }
        }
        let told_last = told.keys().last().copied().unwrap_or(0);
        let storage = FileStorage::open(&folder.path().join("3.redb")).unwrap();
        let app = Ledger::new(ids[3], place.powers.clone());
        let node = Node::open(config(), place.keys[3].clone(), app, &storage).unwrap();
        assert!(node.height() >= told_last, "it told {told_last} and has {}", node.height());
        assert!(node.app().equivocations.is_empty());
    }
    for host in hosts {
        host.stop().unwrap();
    }
    chains.assert_one_chain();
    let of = chains.of.lock().unwrap();
    for (height, hash) in told {
        if let Some(known) = of[&ids[0]].get(&height) {
            assert_eq!(known.to_string(), hash, "height {height}");
        }
    }
}

#[test]
fn a_host_lets_in_nobody_without_a_known_key() {
    let folder = tempfile::tempdir().unwrap();
    let (place, mut listeners) = place(&[1, 1], folder.path());
    let address = place.addresses[0];
    let chains = Arc::new(Chains::default());
    let host = place.start_noted(0, listeners.remove(0), &chains);
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    use std::io::Write;
    stream.write_all(&[b'x'; 4096]).unwrap();
    // Its greeting, and then the end.
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    assert!(heard.len() <= 104, "{} bytes", heard.len());
    host.stop().unwrap();
}

#[test]
fn an_equivocator_over_tcp_is_named_by_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let (place, listeners) = place(&[1; 4], folder.path());
    let (tell, told) = std::sync::mpsc::channel();
    let mut hosts = Vec::new();
    for (host, listener) in listeners.into_iter().enumerate() {
        let behaviour = if host == 2 { Behaviour::Equivocates } else { Behaviour::Honest };
        let tell = tell.clone();
        let observe = move |node: &Node<Ledger>, seen: Seen<'_>| {
            if let (0, Seen::Decided { .. }) = (host, seen) {
                // Nobody listens once the test has heard enough.
                let _ = tell.send(node.app().equivocations.clone());
            }
        };
        hosts.push(place.start(host, listener, behaviour, observe).unwrap());
    }
    let named = loop {
        let named = told.recv_timeout(LIMIT).unwrap();
        if !named.is_empty() {
            break named;
        }
    };
    assert!(named.iter().all(|equivocation| equivocation.host == place.keys[2].id()), "{named:?}");
    for host in hosts {
        host.stop().unwrap();
    }
}

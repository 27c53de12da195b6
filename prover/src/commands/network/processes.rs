//! The hosts of a box as processes: started, watched, killed and started again.

use super::host::{BoxFile, HostEntry, box_file, key_file};
use super::limits;
use super::plan::Plan;
use super::told::{Line, Told};
use super::wires::Wires;
use super::{NetworkArgs, patience};
use crate::commands::HOST;
use crate::console::warn;
use crate::error::ProverError;
use crate::signals::Stop;
use sphere_pow_consensus::Key;
use sphere_pow_core::text::hex;
use sphere_pow_network::peer::sortition_secret;
use sphere_pow_network::scenario::Event;
use sphere_pow_network::training::ledger::Phase;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often events and signals are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What is played, whatever hosts do.
#[derive(Clone, Copy)]
pub(super) struct Playbook {
    pub(super) name: &'static str,
    /// The first of the hosts to which things happen; they are the last ones.
    pub(super) first_odd: usize,
    /// What happens to the last host, or to all of them where wires are cut, by height.
    pub(super) events: &'static [(u64, Event)],
    /// The phase at whose beginning the last host is killed.
    pub(super) dies_in: Option<Phase>,
    /// Whether the last host is not there in the beginning.
    pub(super) is_late: bool,
    /// Whether wires have to be such as can be cut.
    pub(super) cuts_wires: bool,
}

/// The hosts.
pub(super) struct Processes<R> {
    dir: PathBuf,
    /// Whether the folder is ours to remove.
    is_temporary: bool,
    children: Vec<Option<Child>>,
    /// The host whose disk is full, until it starts again.
    full: Option<usize>,
    /// Those of a scenario that cuts them. Removed after the children, which Drop ends.
    wires: Option<Wires>,
    heard: Receiver<(usize, Line<R>)>,
    say: Sender<(usize, Line<R>)>,
}

impl<R: Told> Processes<R> {
    /// Makes keys and addresses, and starts all hosts that are there from the beginning.
    pub(super) fn start(args: &NetworkArgs, book: &Playbook) -> Result<Self, ProverError> {
        let is_temporary = args.state_dir.is_none();
        let dir = match &args.state_dir {
            Some(dir) => dir.clone(),
            None => std::env::temp_dir().join(format!("sphere-pow-box-{}", std::process::id())),
        };
        let (say, heard) = channel();
        let children = (0..args.hosts).map(|_| None).collect();
        let wires = if book.cuts_wires { Some(Wires::lay(args.hosts)?) } else { None };
        let mut processes = Self { dir, is_temporary, children, full: None, wires, heard, say };
        let file = |source| ProverError::File { file: processes.dir.display().to_string(), source };
        std::fs::create_dir_all(&processes.dir).map_err(file)?;
        let known = box_file(&processes.dir);
        if known.exists() {
            // Its hosts would go by what is written there.
            let written = BoxFile::read(&known)?;
            if written.scenario != book.name || written.hosts.len() != args.hosts {
                return Err(ProverError::Argument {
                    what: "--state-dir",
                    got: crate::input::name(&known),
                    expected: format!("a box of {} hosts in scenario {}", args.hosts, args.scenario),
                });
            }
        } else {
            processes.write(args, book).map_err(file)?;
        }
        for number in 0..args.hosts {
            let is_last = number + 1 == args.hosts;
            if !(is_last && book.is_late) {
                processes.start_one(number)?;
            }
        }
        Ok(processes)
    }

    fn write(&self, args: &NetworkArgs, book: &Playbook) -> std::io::Result<()> {
        // Held until all have two, so that they differ; free again when the hosts bind them.
        let bind = |_| TcpListener::bind(("127.0.0.1", 0));
        let listeners: Vec<TcpListener> = (0..args.hosts).map(bind).collect::<Result<_, _>>()?;
        let blobs: Vec<TcpListener> = (0..args.hosts).map(bind).collect::<Result<_, _>>()?;
        let address = |number| match &self.wires {
            Some(_) => Ok(Wires::address(number)),
            None => listeners[number].local_addr(),
        };
        let blob_address = |number: usize| match &self.wires {
            Some(_) => Ok(Wires::blobs(number)),
            None => blobs[number].local_addr(),
        };
        let mut hosts = Vec::new();
        for number in 0..args.hosts {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
            write_secret(&key_file(&self.dir, number), &hex(&secret))?;
            let key = Key::from_seed(secret);
            hosts.push(HostEntry {
                id: key.id().to_string(),
                sortition: hex(sortition_secret(&key).key().bytes()),
                address: address(number)?,
            });
        }
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&args.seed.to_le_bytes());
        let file = BoxFile {
            scenario: book.name.into(),
            params: args.params.clone(),
            pause_ms: args.pause,
            seed: hex(&seed),
            hosts,
            rounds: u32::try_from(args.sprints).unwrap_or(u32::MAX),
            blobs: (0..args.hosts).map(blob_address).collect::<Result<_, _>>()?,
        };
        std::fs::write(box_file(&self.dir), serde_json::to_vec_pretty(&file)?)
    }

    fn start_one(&mut self, number: usize) -> Result<(), ProverError> {
        let error = |source| ProverError::File { file: "sphere-pow".into(), source };
        let mut command = crate::program::again().map_err(error)?;
        command.arg("--json").arg(HOST).arg(&self.dir).arg(number.to_string());
        if let Some(wires) = &self.wires {
            command.arg("--namespace").arg(wires.namespace(number));
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(error)?;
        let (say, stdout) = (self.say.clone(), child.stdout.take());
        std::thread::spawn(move || {
            let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
            for report in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()) {
                if say.send((number, report)).is_err() {
                    return;
                }
            }
        });
        self.children[number] = Some(child);
        Ok(())
    }

    /// As a power cut would.
    fn kill(&mut self, number: usize) {
        if let Some(mut child) = self.children[number].take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Lets a host's files grow no further: what it writes is refused.
    fn fill(&mut self, number: usize) -> Result<(), ProverError> {
        self.full = Some(number);
        self.children[number].as_ref().map_or(Ok(()), |child| {
            limits::refuse_writes(child)
                .map_err(|source| ProverError::File { file: format!("files of host {number}"), source })
        })
    }

    /// Waits until the host whose disk is full has stopped: it must not go on without keeping what it says.
    fn wait_for_full(&mut self, plan: &mut Plan, patience: Duration) -> Result<(), ProverError> {
        let Some(number) = self.full else { return Ok(()) };
        let began = Instant::now();
        while self.children[number].is_some() && began.elapsed() < patience {
            self.let_go(plan);
            std::thread::sleep(LOOK);
        }
        self.full = None;
        if self.children[number].is_none() {
            return Ok(());
        }
        Err(ProverError::Network { reason: format!("host {number} goes on with a disk that is full") })
    }

    /// Forgets the host whose disk is full once it has ended by itself.
    fn let_go(&mut self, plan: &mut Plan) {
        let Some(number) = self.full else { return };
        if let Some(child) = &mut self.children[number]
            && let Ok(Some(status)) = child.try_wait()
            && !status.success()
        {
            self.children[number] = None;
            plan.stopped();
        }
    }

    /// Runs until every host has told all there is to tell, all of them alike. Gives the last block's hash and how often
    /// a host was killed.
    pub(super) fn play(
        mut self,
        args: &NetworkArgs,
        book: &Playbook,
        stop: &Stop,
        on_report: &mut dyn FnMut(&R) -> bool,
    ) -> Result<(String, u32), ProverError> {
        let broken = |reason: String| ProverError::Network { reason };
        let last = args.hosts - 1;
        let mut told: BTreeMap<u64, R> = BTreeMap::new();
        let mut is_done = vec![false; args.hosts];
        let (mut shown, mut kills, mut end) = (1, 0, None);
        let mut moved = Instant::now();
        let mut plan = Plan::new(args, book);
        // What was heard while something else was done.
        let mut unread = VecDeque::new();
        while is_done.iter().any(|done| !done) {
            if stop.is_asked() {
                return Err(ProverError::Interrupted);
            }
            match unread.pop_front().map_or_else(|| self.heard.recv_timeout(LOOK), Ok) {
                Ok((host, Line::Block { height, phase })) => {
                    moved = Instant::now();
                    plan.reached(height);
                    if host == last && phase.is_some() && phase == book.dies_in {
                        plan.dies(host);
                    }
                }
                Ok((host, Line::Report(report))) => {
                    let (number, name) = (report.number(), R::NAME);
                    // A host that was killed tells again what it replays.
                    is_done[host] |= report.is_last(args.sprints);
                    match told.get(&number) {
                        Some(known) if *known != report => {
                            return Err(broken(format!(
                                "host {host} has {name} {number} otherwise than others"
                            )));
                        }
                        Some(_) => {}
                        None => drop(told.insert(number, report)),
                    }
                    plan.reported(number);
                }
                Ok((host, Line::Stopped { error })) => {
                    warn(&format!("host {host} stopped: {}", error.message));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(broken("no host is left".into())),
            }
            while let Some(report) = told.get(&shown).filter(|_| end.is_none()) {
                if !on_report(report) {
                    return Err(ProverError::Interrupted);
                }
                if report.is_last(args.sprints) {
                    end = Some(report.hash().to_owned());
                }
                shown += 1;
            }
            for (number, event) in plan.due() {
                match event {
                    Event::Kill => {
                        self.kill(number);
                        kills += 1;
                        plan.killed(number);
                    }
                    Event::Fill => self.fill(number)?,
                    Event::Start => {
                        self.wait_for_full(&mut plan, patience(args))?;
                        if self.children[number].is_none() {
                            self.start_one(number)?;
                        }
                    }
                    Event::Part | Event::Heal => {
                        let wires = self.wires.as_ref().expect("laid for a scenario that cuts them");
                        wires.set(number, event == Event::Heal)?;
                        if event == Event::Part {
                            unread.extend(self.heard.try_iter());
                            let heights = unread.iter().filter_map(|(_, line)| line.height());
                            plan.parted(number, heights.max().unwrap_or(0));
                        }
                    }
                    Event::Equivocate => {}
                }
            }
            self.let_go(&mut plan);
            for number in 0..=last {
                let ended = self.children[number].as_mut().and_then(|child| child.try_wait().ok().flatten());
                if let Some(status) = ended {
                    return Err(broken(format!("host {number} ended by itself: {status}")));
                }
            }
            if moved.elapsed() > patience(args) {
                return Err(broken(format!("no block for {} s", moved.elapsed().as_secs())));
            }
        }
        Ok((end.unwrap_or_default(), kills))
    }
}

impl<R> Drop for Processes<R> {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            // Its input ends: it stops cleanly, or is killed.
            drop(child.stdin.take());
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        for child in self.children.iter_mut().flatten() {
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if self.is_temporary {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A file that only its owner reads.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

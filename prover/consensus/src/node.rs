//! A host as a state machine: inputs in, outputs out, and nothing else. It knows no clock, socket, file or chance.

mod agreement;
mod chain;
mod effects;
mod gossip;
#[cfg(test)]
mod tests;

use crate::application::{Application, Next};
use crate::block::Decided;
use crate::config::Config;
use crate::context::{Agreement, Height};
use crate::evidence::Ledger;
use crate::identity::{Hash, HostId, Key};
use crate::mempool::Mempool;
use crate::record::Step;
use crate::storage::{Storage, StorageError};
use crate::validators::Validators;
use crate::wire::{Dropped, Message};
use arc_malachitebft_core_consensus as engine;
use chain::CatchUp;
use effects::Shell;
use gossip::Backlog;
use std::time::Duration;

/// What a host is told.
#[derive(Clone, Debug)]
pub enum Input<O> {
    /// Begin. First of all, and once.
    Start,
    /// A peer's bytes. The driver vouches for who sent them and for nothing in them.
    Message {
        /// The peer.
        from: HostId,
        /// Any bytes.
        bytes: Vec<u8>,
    },
    /// A timer that was set has run out.
    Timer(Timer),
    /// A job has ended.
    Finished(O),
    /// A transaction of this host.
    Transaction(Vec<u8>),
}

/// What a host wants done, in this order.
#[derive(Debug)]
pub enum Output<J> {
    /// Send bytes to a peer. They may be lost.
    Send {
        /// The peer.
        to: HostId,
        /// A message.
        bytes: Vec<u8>,
    },
    /// Send bytes to all peers but some. They may be lost.
    Broadcast {
        /// A message.
        bytes: Vec<u8>,
        /// Who has it already.
        except: Vec<HostId>,
    },
    /// Give [`Input::Timer`] after this time. A timer that is set already begins anew.
    SetTimer {
        /// Which.
        timer: Timer,
        /// How long.
        after: Duration,
    },
    /// Forget a timer. To let it run out nevertheless does no harm.
    CancelTimer(Timer),
    /// [`Storage::append`].
    Append(Vec<u8>),
    /// [`Storage::sync`], done before any later output takes effect: what follows speaks of what was logged.
    Sync,
    /// [`Storage::store`], done before any later output takes effect.
    Store(Decided),
    /// Send the peer what [`crate::serve`] makes of the storage.
    Serve {
        /// The peer.
        to: HostId,
        /// The first block's height.
        from: u64,
    },
    /// Run a job, and give [`Input::Finished`] when it has ended. Jobs may run side by side.
    Run(J),
    /// A block is final: for whoever watches.
    Decided {
        /// Its height.
        height: u64,
        /// Its hash.
        hash: Hash,
        /// The round in which it was decided, 0 when all went well.
        round: u32,
    },
    /// Something came to nothing: for whoever watches.
    Dropped {
        /// The peer it came from; `None` for this host's own.
        from: Option<HostId>,
        /// Why.
        reason: Dropped,
    },
    /// The host cannot go on. It ignores all further inputs.
    Halted(Fault),
}

/// A timer, equal to itself only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer(TimerKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TimerKind {
    Step { height: u64, step: Step, round: u32 },
    NextHeight,
    Status,
    Ask,
}

/// Why a host cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A final block stands on another state or block than this host's: its application is not deterministic, or of
    /// another version, or its storage was changed.
    #[error("the block of height {height} stands on {what} {expected}, this host has {got}")]
    Diverged {
        /// The block's height.
        height: u64,
        /// Which of the two.
        what: &'static str,
        /// What the block says.
        expected: Hash,
        /// What this host says.
        got: Hash,
    },
    /// The write-ahead log is none of this host at this height.
    #[error("the write-ahead log at height {height}: {detail}")]
    Log {
        /// The height.
        height: u64,
        /// What is wrong.
        detail: String,
    },
    /// The engine contradicts itself.
    #[error("the engine at height {height}: {detail}")]
    Engine {
        /// The height.
        height: u64,
        /// Its word.
        detail: String,
    },
}

/// The top of the chain.
#[derive(Clone, Copy, Debug)]
struct Tip {
    height: u64,
    hash: Hash,
    /// The application's state on it.
    state: Hash,
}

/// A host of the network: an application, and the agreement on what is applied to it.
pub struct Node<A: Application> {
    app: A,
    engine: engine::State<Agreement>,
    shell: Shell<A::Job>,
    tip: Tip,
    /// Of the height above the tip.
    validators: Validators,
    /// Whether the engine has begun the height above the tip.
    is_running: bool,
    evidence: Ledger,
    mempool: Mempool,
    backlog: Backlog,
    catch_up: CatchUp,
    /// The log to replay, until the start.
    log: Option<Vec<Vec<u8>>>,
    is_halted: bool,
}

impl<A: Application> Node<A> {
    /// A host with what it has stored: applies the blocks to `app`, which is in its first state, and reads the log.
    /// It says nothing before [`Input::Start`].
    ///
    /// # Errors
    /// A storage that fails, or whose blocks do not lead to the states that they name.
    pub fn open(config: Config, key: Key, mut app: A, storage: &impl Storage) -> Result<Self, Fault> {
        let Next { validators, state } = app.genesis();
        let tip = Tip { height: 0, hash: config.chain, state };
        let params = engine::Params {
            address: key.id(),
            threshold_params: engine::ThresholdParams::default(),
            value_payload: arc_malachitebft_core_types::ValuePayload::ProposalAndParts,
            enabled: true,
        };
        // Messages of later heights wait in the backlog, so the engine's own queue stays empty.
        let engine = engine::State::new(Agreement, Height(1), validators.clone(), params, 1, 1);
        let mut evidence = Ledger::default();
        evidence.begin(1, validators.clone());
        let mut node = Self {
            app,
            engine,
            shell: Shell::new(config, key, validators.clone()),
            tip,
            validators,
            is_running: false,
            evidence,
            mempool: Mempool::default(),
            backlog: Backlog::default(),
            catch_up: CatchUp::default(),
            log: None,
            is_halted: false,
        };
        for height in 1..=storage.height()? {
            let missing =
                || StorageError::Corrupt { what: "block", detail: format!("height {height} is missing") };
            let decided = storage.block(height)?.ok_or_else(missing)?;
            node.follows(&decided)?;
            node.apply(decided);
            node.shell.outputs.clear();
        }
        node.log = Some(storage.log()?);
        Ok(node)
    }

    /// Takes an input and says what is to be done.
    pub fn handle(&mut self, input: Input<A::Outcome>) -> Vec<Output<A::Job>> {
        if self.is_halted || self.log.is_some() && !matches!(input, Input::Start) {
            return Vec::new();
        }
        match input {
            Input::Start => self.start(),
            Input::Message { from, bytes } => match Message::from_bytes(&bytes) {
                Ok(message) => self.on_message(from, message, bytes.len()),
                Err(reason) => self.drop_message(from, reason),
            },
            Input::Timer(timer) => self.on_timer(timer),
            Input::Finished(outcome) => {
                for transaction in self.app.finished(outcome) {
                    self.on_transaction(None, transaction);
                }
                self.run_jobs();
            }
            Input::Transaction(bytes) => self.on_transaction(None, bytes),
        }
        self.advance();
        std::mem::take(&mut self.shell.outputs)
    }

    /// The application.
    pub fn app(&self) -> &A {
        &self.app
    }

    /// Who this host is.
    pub fn id(&self) -> HostId {
        self.shell.key.id()
    }

    /// The height of the last final block, 0 before the first.
    pub fn height(&self) -> u64 {
        self.tip.height
    }

    /// The hash of the last final block; the network's name before the first.
    pub fn hash(&self) -> Hash {
        self.tip.hash
    }

    /// The validators of the height that is being decided.
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    /// How many transactions wait for a block.
    pub fn pending(&self) -> usize {
        self.mempool.pending().len()
    }

    fn start(&mut self) {
        let Some(log) = self.log.take() else { return };
        if let Err(fault) = self.replay(log) {
            return self.halt(fault);
        }
        self.say_status();
    }

    fn on_timer(&mut self, Timer(kind): Timer) {
        match kind {
            TimerKind::Step { height, step, round } => self.on_step_timer(height, step, round),
            TimerKind::NextHeight if !self.is_running => self.begin_height(),
            TimerKind::NextHeight => {}
            TimerKind::Status => {
                self.say_status();
                self.say_own_transactions();
                if !self.catch_up.is_asking() {
                    self.run_jobs();
                }
            }
            TimerKind::Ask => self.on_ask_timer(),
        }
    }

    /// Does what follows from what was done, until nothing does.
    fn advance(&mut self) {
        while !self.is_halted {
            if let Some(fault) = self.shell.fault.take() {
                self.halt(fault);
            } else if let Some(certificate) = self.shell.decided.take() {
                self.decide(&certificate);
            } else if let Some(round) = self.shell.wanted.take() {
                self.propose(round);
            } else if let Some((from, message)) = self.backlog.next(self.tip.height + 1, self.is_running) {
                self.on_agreement(from, message);
            } else {
                break;
            }
        }
    }

    fn run_jobs(&mut self) {
        let jobs = self.app.jobs();
        self.shell.outputs.extend(jobs.into_iter().map(Output::Run));
    }

    fn drop_message(&mut self, from: HostId, reason: Dropped) {
        self.shell.outputs.push(Output::Dropped { from: Some(from), reason });
    }

    fn set_timer(&mut self, kind: TimerKind, after: Duration) {
        self.shell.outputs.push(Output::SetTimer { timer: Timer(kind), after });
    }

    fn halt(&mut self, fault: Fault) {
        self.is_halted = true;
        self.shell.outputs.push(Output::Halted(fault));
    }
}

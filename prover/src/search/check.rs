//! Wins of a GPU, recomputed on the CPU while the GPU goes on.
//!
//! A device that computes wrongly wins at the predicted rate, so counts never show it; another path does. One thread
//! recomputes for all devices. It is given the wins of a device's batch while the next one is computed; when that is
//! done, it stops after at least one of them, so that a slow CPU recomputes a share of the wins and a fast one all. The
//! batch waits for that and goes into the ledger after it.

use super::{Batch, Hunt};
use crate::device::Device;
use crate::error::ProverError;
use crate::profiles::Machine;
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::verify::{DEFAULT_SAMPLE, Verdict};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::Scope;

/// Batches that wait at most; behind a CPU that takes longer for one nonce they go into the ledger as they are.
const MOST_WAITING: usize = 8;
/// Findings that decide about a device: the latest, as many as a validator draws.
const WINDOW: usize = DEFAULT_SAMPLE;

/// Wins to recompute.
struct Request<P: Machine> {
    wins: Vec<(Nonce, P::Claim)>,
    /// Of their transcripts, where the device makes them.
    roots: Vec<String>,
    /// Which of them comes first.
    first: usize,
    /// Set when one finding is enough.
    enough: Arc<AtomicBool>,
    reply: Sender<Vec<Found<P::Finding>>>,
}

/// What was found of a win.
#[derive(Clone)]
struct Found<F> {
    nonce: Nonce,
    finding: F,
    /// Whether the transcript is another than the device's.
    is_root_false: bool,
}

impl<F> Found<F> {
    fn is_good<P: Machine<Finding = F>>(&self) -> bool {
        P::is_good(&self.finding) && !self.is_root_false
    }
}

/// The thread that recomputes.
pub(super) struct Checker<P: Machine>(Sender<Request<P>>);

impl<P: Machine> Checker<P> {
    /// Starts it; it ends when the last of its clients has gone.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        device: &'scope mut dyn Device<P>,
        hunt: &Hunt<P>,
        is_over: impl Fn() -> bool + Send + 'scope,
    ) -> Self {
        let (requests, received) = channel();
        let hunt = hunt.clone();
        let run = move || serve(device, &hunt, &received, &is_over);
        if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, run) {
            tracing::warn!("no win is recomputed: {error}");
        }
        Self(requests)
    }

    /// For one device.
    pub(super) fn client(&self) -> Checks<P> {
        Checks {
            requests: self.0.clone(),
            asked: None,
            waiting: VecDeque::new(),
            latest: VecDeque::new(),
            n_asked: 0,
            checked: 0,
            bad: 0,
        }
    }
}

fn serve<P: Machine>(
    device: &mut dyn Device<P>,
    hunt: &Hunt<P>,
    requests: &Receiver<Request<P>>,
    is_over: &dyn Fn() -> bool,
) {
    let mut on_progress = |_| if is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    for Request { wins, roots, first, enough, reply } in requests {
        let (mut findings, mut all_good) = (Vec::new(), true);
        for step in 0..wins.len() {
            // After a false one the others of the batch are worth knowing.
            if is_over() || (all_good && step > 0 && enough.load(Ordering::Relaxed)) {
                break;
            }
            let at = (first + step) % wins.len();
            let (nonce, claim) = &wins[at];
            match device
                .outcomes(&hunt.key, &[*nonce], &mut on_progress)
                .map(|outcomes| outcomes.into_iter().next())
            {
                Ok(Some(outcome)) => {
                    let finding = P::check(&hunt.rule, step, *nonce, claim, &outcome);
                    let (own, theirs) = (device.take_roots(), roots.get(at));
                    let is_root_false = own.first().zip(theirs).is_some_and(|(own, theirs)| own != theirs);
                    let found = Found { nonce: *nonce, finding, is_root_false };
                    all_good &= found.is_good::<P>();
                    findings.push(found);
                }
                Ok(None) | Err(ProverError::Interrupted) => break,
                Err(error) => {
                    tracing::warn!("no further win is recomputed: {error}");
                    return;
                }
            }
        }
        // Who asked may have gone.
        let _ = reply.send(findings);
    }
}

/// What one device has asked for.
struct Asked<F> {
    enough: Arc<AtomicBool>,
    reply: Receiver<Vec<Found<F>>>,
}

/// One device's wins: those that wait, and what was found of the others.
pub(super) struct Checks<P: Machine> {
    requests: Sender<Request<P>>,
    asked: Option<Asked<P::Finding>>,
    /// Not in the ledger yet, in order.
    waiting: VecDeque<Batch<P>>,
    latest: VecDeque<Found<P::Finding>>,
    n_asked: usize,
    checked: u64,
    bad: u64,
}

impl<P: Machine> Checks<P> {
    /// Takes a batch; gives those that may go into the ledger.
    pub(super) fn add(&mut self, batch: Batch<P>) -> Vec<Batch<P>> {
        self.take_reply(false);
        let mut ready = Vec::new();
        if self.asked.is_none() {
            ready.extend(self.waiting.drain(..));
            self.ask(&batch);
        }
        self.waiting.push_back(batch);
        if self.asked.is_none() || self.waiting.len() > MOST_WAITING {
            ready.extend(self.waiting.drain(..));
        }
        ready
    }

    /// Waits for what was asked, a nonce's time at most; gives all that still waited.
    pub(super) fn finish(&mut self) -> Vec<Batch<P>> {
        self.take_reply(true);
        self.waiting.drain(..).collect()
    }

    fn ask(&mut self, batch: &Batch<P>) {
        let wins = &batch.won;
        if wins.is_empty() {
            return;
        }
        let (enough, (reply, replied)) = (Arc::new(AtomicBool::new(false)), channel());
        // A fault may sit anywhere in a batch.
        let first = self.n_asked.wrapping_mul(7919) % wins.len();
        self.n_asked += 1;
        let request = Request {
            wins: wins.clone(),
            roots: batch.won_roots.clone(),
            first,
            enough: Arc::clone(&enough),
            reply,
        };
        if self.requests.send(request).is_ok() {
            self.asked = Some(Asked { enough, reply: replied });
        }
    }

    fn take_reply(&mut self, waits: bool) {
        let Some(asked) = &self.asked else { return };
        asked.enough.store(true, Ordering::Relaxed);
        let reply = if waits {
            asked.reply.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            asked.reply.try_recv()
        };
        let findings = match reply {
            Err(TryRecvError::Empty) => return,
            // The checker has ended, and said why.
            Err(TryRecvError::Disconnected) => Vec::new(),
            Ok(findings) => findings,
        };
        self.asked = None;
        for found in findings {
            self.checked += 1;
            if !found.is_good::<P>() {
                self.bad += 1;
                // What is known to be false is submitted by nobody.
                for batch in &mut self.waiting {
                    batch.won.retain(|(won, _)| *won != found.nonce);
                }
            }
            self.latest.push_back(found);
            if self.latest.len() > WINDOW {
                self.latest.pop_front();
            }
        }
    }

    /// Wins recomputed, and those of them that are false.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.checked, self.bad)
    }

    /// Wins that wait.
    pub(super) fn held(&self) -> u64 {
        self.waiting.iter().map(|batch| batch.won.len() as u64).sum()
    }

    /// Whether the latest findings are beyond what honest hardware explains: how many they are, and how many are false.
    pub(super) fn convicted(&self, rule: &P::Rule) -> Option<(usize, usize)> {
        let false_ones = self.latest.iter().filter(|found| !found.is_good::<P>()).count();
        if false_ones == 0 {
            return None;
        }
        let findings: Vec<P::Finding> = self.latest.iter().map(|found| found.finding.clone()).collect();
        let (verdict, _) = P::conclude(rule, findings.len(), &findings);
        // Transcripts are the same on all hardware, to the bit.
        let is_convicted = verdict == Verdict::Fraud || self.latest.iter().any(|found| found.is_root_false);
        is_convicted.then_some((findings.len(), false_ones))
    }
}

//! The thread that carries out orders: loads a stage's model, searches nonces, judges others' claims.

use super::judge;
use super::node::{Assignment, DISK_WAIT, Devices, Node, Order, Phase};
use super::store::{Share, Win};
use crate::clock::now_ms;
use crate::error::ProverError;
use crate::ledger::{Entry, LedgerError, roots_line};
use crate::profiles::{Machine, Visitor, with_profile};
use crate::search::{Job, Miners, Tally, Wins, mine};
use crate::session;
use crate::signals::Stop;
use crate::watch::Condition;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sphere_pow_core::identity::BlockHash;
use sphere_pow_core::profile::EngineInfo;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// A model on the devices.
pub(super) struct Loaded<P: Machine> {
    params: P::Params,
    block: BlockHash,
    pub(super) miners: Miners<P>,
    /// Whether devices were told to make transcripts.
    keeps: bool,
}

/// Carries out orders until the last.
pub(super) fn run(node: &Node) {
    let mut loaded: Option<Box<dyn Any>> = None;
    let mut done = 0;
    loop {
        let order = node.next_order(done);
        done = order.number;
        let Some(assignment) = order.assignment.clone() else {
            loaded = None;
            node.set_devices(Devices::default());
            node.reached(done);
            if order.is_last {
                return;
            }
            node.remember(None);
            continue;
        };
        node.remember(Some(&assignment));
        let shift = Shift { node, order: &order, assignment: &assignment, loaded: &mut loaded };
        let worked =
            std::panic::catch_unwind(AssertUnwindSafe(|| with_profile(assignment.init.profile, shift)));
        let worked = worked.unwrap_or_else(|panic| Err(ProverError::panicked("the crew", panic.as_ref())));
        match worked {
            Ok(()) | Err(ProverError::Interrupted) if order.stop.is_asked() => {}
            // What was told stays remembered: whoever starts the process anew has it go on.
            Err(error @ ProverError::NoDeviceLeft { .. }) => return node.condemn(error),
            // An idle node keeps its model and waits.
            Ok(()) if assignment.phase == Phase::Idle || order.is_paused => {}
            Ok(()) => node.ended(done, None),
            Err(error) => {
                tracing::error!("the stage of block {} is given up: {error}", assignment.init.block_hash);
                node.ended(done, Some(&error));
            }
        }
    }
}

/// One order.
struct Shift<'a> {
    node: &'a Node,
    order: &'a Order,
    assignment: &'a Assignment,
    loaded: &'a mut Option<Box<dyn Any>>,
}

impl Visitor for Shift<'_> {
    type Output = Result<(), ProverError>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { node, order, assignment, loaded } = self;
        let (init, stop) = (&assignment.init, order.stop.as_ref());
        let (params, hunt) = init.hunt::<P>()?;
        let is_there = |any: &Box<dyn Any>| {
            let loaded = any.downcast_ref::<Loaded<P>>();
            loaded.is_some_and(|it| it.params == params && it.block == init.block_hash)
        };
        if !loaded.as_ref().is_some_and(is_there) {
            // The old model's memory goes before the new one's is taken, but for GPUs that hold one of these sizes.
            let old = loaded.take().and_then(|any| any.downcast::<Loaded<P>>().ok());
            let kept = old.filter(|it| it.params == params).map_or_else(Vec::new, |it| it.miners.devices);
            let started = Instant::now();
            let (puzzle, watch) =
                (P::puzzle(&params, &init.block_hash), (&node.roster, node.settings.patience));
            let miners = session::mining_watched::<P>(&node.settings.devices, &puzzle, watch, kept, stop)?;
            tracing::info!(
                "the model of block {} is loaded after {:.1} s",
                init.block_hash,
                started.elapsed().as_secs_f64()
            );
            *loaded = Some(Box::new(Loaded {
                params: params.clone(),
                block: init.block_hash.clone(),
                miners,
                keeps: false,
            }));
        }
        let any = loaded.as_mut().expect("loaded above");
        let Loaded { miners, keeps, .. } =
            any.downcast_mut::<Loaded<P>>().expect("of this profile, see above");
        if assignment.phase == Phase::Generating && P::transcripts().is_some() && !*keeps {
            *keeps = true;
            for device in miners.devices.iter_mut().chain(miners.checker.as_mut()) {
                // What cannot, says so, and mines without.
                let _ = device.keep_roots();
            }
        }
        let infos: Vec<EngineInfo> = miners.devices.iter().map(|device| device.info().clone()).collect();
        let rows = infos.iter().map(|info| node.roster.of_device(info)).collect();
        let tallies: Arc<Vec<Tally>> = Arc::new(miners.devices.iter().map(|_| Tally::default()).collect());
        let (_, guarded) = init.hunt_within::<P>(node.settings.guard_band)?;
        let (win_rate, full_rate) = (P::win_rate(&params, &guarded.rule), P::win_rate(&params, &hunt.rule));
        let guard_loss = if full_rate > 0.0 { 1.0 - win_rate / full_rate } else { 0.0 };
        node.set_devices(Devices { infos, rows, tallies: Arc::clone(&tallies), win_rate, guard_loss });
        node.reached(order.number);
        match assignment.phase {
            _ if order.is_paused => Ok(()),
            Phase::Idle => Ok(()),
            Phase::Validating => {
                let ended = judge::run::<P>(node, init, (&params, &hunt.rule), miners, stop);
                dismiss(node, miners, ended)
            }
            Phase::Generating => {
                // Routes refuse to generate without it.
                let Some((node_id, node_count)) = init.node else { return Ok(()) };
                let mut head =
                    P::file_head(&params, &hunt.rule, &init.block_hash, &hunt.key, Some(init.block_height));
                let mut roots_head = head.clone();
                roots_head.insert("node_id".into(), node_id.into());
                roots_head.insert("node_count".into(), node_count.into());
                // The receiver has said them itself.
                ["params", "r_target"].iter().for_each(|name| drop(head.remove(*name)));
                head.insert("block_height".into(), init.block_height.into());
                head.insert("node_id".into(), node_id.into());
                let share = Share { stage: stage(assignment), node_id, node_count };
                let before = node.store.reached(&share)?;
                let mut outlet = Outlet { node, share, head, roots_head, url: init.url.clone(), stop };
                // A node that nobody stops must not miss the next stage: the API node takes it for one that knows.
                let duration = Some(node.settings.window);
                let job = Job { node_id, node_count, count: None, duration, after: None };
                let ended = mine(&job, &guarded, miners, (&mut outlet, &before), &tallies, stop)?;
                dismiss(node, miners, ended)
            }
        }
    }
}

/// Takes devices that were given up out of use, in this stage and in later ones.
///
/// # Errors
/// [`ProverError::NoDeviceLeft`] when none is left, and what is no device's fault.
fn dismiss<P: Machine>(
    node: &Node,
    miners: &mut Miners<P>,
    ended: Vec<Result<(), ProverError>>,
) -> Result<(), ProverError> {
    let (mut kept, mut reasons) = (Vec::new(), Vec::new());
    let mut elses = Ok(());
    for (device, ended) in miners.devices.drain(..).zip(ended) {
        match ended {
            Ok(()) => kept.push(device),
            Err(error @ (ProverError::Ledger(_) | ProverError::Interrupted | ProverError::Thread(_))) => {
                kept.push(device);
                elses = Err(error);
            }
            Err(error) => {
                let is_wrong = matches!(error, ProverError::WrongWins { .. });
                let condition = if is_wrong { Condition::Quarantined } else { Condition::Disabled };
                tracing::error!("{} is {}: {error}", device.info().device, condition.as_str());
                if let Some(row) = node.roster.of_device(device.info()) {
                    row.dismiss(condition, error.to_string());
                    // A process that is started anew must not believe it either, in this stage.
                    if let Some(Err(error)) = is_wrong.then(|| node.store.quarantine(row.name(), now_ms())) {
                        tracing::error!("the quarantine is not noted: {error}");
                    }
                }
                reasons.push(error.to_string());
            }
        }
    }
    miners.devices = kept;
    if miners.devices.is_empty() {
        return Err(ProverError::NoDeviceLeft { reason: reasons.join("; ") });
    }
    elses
}

/// The number under which a stage's nonces are known.
fn stage(assignment: &Assignment) -> u64 {
    let init = &assignment.init;
    let text = format!("{}\n{}\n{}\n{}", init.profile, init.block_hash, init.public_key, init.params);
    let hash = Sha256::digest(text.as_bytes());
    u64::from_be_bytes(hash[..8].try_into().expect("8 of 32 bytes"))
}

/// Takes wins into the store.
struct Outlet<'a> {
    node: &'a Node,
    share: Share,
    head: Map<String, Value>,
    /// Of lines of roots.
    roots_head: Map<String, Value>,
    url: String,
    stop: &'a Stop,
}

impl Wins for Outlet<'_> {
    fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let column = |(name, values): &(&'static str, Value)| {
            ((*name).to_owned(), values.as_array().cloned().unwrap_or_default())
        };
        let columns = [column(&entry.columns[0]), column(&entry.columns[1])];
        let (url, head) = (self.url.clone(), self.head.clone());
        let win = Win { url, head, columns, at_ms: now_ms() };
        let roots = roots_line(&self.roots_head, entry);
        let mut is_said = false;
        while let Err(error) = self.node.store.take(&self.share, entry, &win, roots.as_deref()) {
            // What was won waits for the disk, and mining with it.
            if self.stop.is_asked() {
                let line = serde_json::to_string(&win).expect("plain data") + "\n";
                let (file, reason) = ("the state directory".to_owned(), error.to_string());
                return Err(LedgerError::Append { file, reason, line });
            }
            if !is_said {
                tracing::error!("mining waits for the disk: {error}");
                is_said = true;
            }
            std::thread::sleep(DISK_WAIT);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

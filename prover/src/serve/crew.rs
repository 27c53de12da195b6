//! The thread that carries out orders: loads a stage's model, searches nonces, judges others' claims.

use super::judge;
use super::node::{Assignment, DISK_WAIT, Devices, Node, Order, Phase};
use super::store::{Share, Win};
use crate::clock::now_ms;
use crate::error::ProverError;
use crate::ledger::{Entry, LedgerError};
use crate::profiles::{Machine, Visitor, with_profile};
use crate::search::{Job, Miners, Tally, Wins, mine};
use crate::session;
use crate::signals::Stop;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sphere_pow_core::identity::BlockHash;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// A model on the devices.
pub(super) struct Loaded<P: Machine> {
    params: P::Params,
    block: BlockHash,
    pub(super) miners: Miners<P>,
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
            // The old model's memory goes before the new one's is taken.
            *loaded = None;
            let started = Instant::now();
            let miners =
                session::mining::<P>(&node.settings.devices, &P::puzzle(&params, &init.block_hash), stop)?;
            tracing::info!(
                "the model of block {} is loaded after {:.1} s",
                init.block_hash,
                started.elapsed().as_secs_f64()
            );
            *loaded =
                Some(Box::new(Loaded { params: params.clone(), block: init.block_hash.clone(), miners }));
        }
        let any = loaded.as_mut().expect("loaded above");
        let miners = &mut any.downcast_mut::<Loaded<P>>().expect("of this profile, see above").miners;
        let infos = miners.devices.iter().map(|device| device.info().clone()).collect();
        let tallies: Arc<Vec<Tally>> = Arc::new(miners.devices.iter().map(|_| Tally::default()).collect());
        let win_rate = P::win_rate(&params, &hunt.rule);
        node.set_devices(Devices { infos, tallies: Arc::clone(&tallies), win_rate });
        node.reached(order.number);
        match assignment.phase {
            _ if order.is_paused => Ok(()),
            Phase::Idle => Ok(()),
            Phase::Validating => judge::run::<P>(node, init, (&params, &hunt.rule), miners, stop),
            Phase::Generating => {
                // Routes refuse to generate without it.
                let Some((node_id, node_count)) = init.node else { return Ok(()) };
                let mut head =
                    P::file_head(&params, &hunt.rule, &init.block_hash, &hunt.key, Some(init.block_height));
                // The receiver has said them itself.
                ["params", "r_target"].iter().for_each(|name| drop(head.remove(*name)));
                head.insert("block_height".into(), init.block_height.into());
                head.insert("node_id".into(), node_id.into());
                let share = Share { stage: stage(assignment), node_id, node_count };
                let before = node.store.reached(&share)?;
                let mut outlet = Outlet { node, share, head, url: init.url.clone(), stop };
                // A node that nobody stops must not miss the next stage: the API node takes it for one that knows.
                let duration = Some(node.settings.window);
                let job = Job { node_id, node_count, count: None, duration, after: None };
                let ended = mine(&job, &hunt, miners, (&mut outlet, &before), &tallies, stop)?;
                let mut failed: Vec<ProverError> = ended.into_iter().filter_map(Result::err).collect();
                match failed.pop() {
                    Some(error) if failed.len() + 1 == tallies.len() => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }
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
        let mut is_said = false;
        while let Err(error) = self.node.store.take(&self.share, entry, &win) {
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

//! Sends callbacks: what was won and what is judged, until the API node has acknowledged it.
//!
//! What counts as acknowledged is [`send::outcome`]'s to say. A parcel that fails waits, with jitter, and the others go on; a
//! receiver that cannot be reached makes all of its parcels wait, and is tried with one at a time. Of what was won one parcel at
//! a time is under way to a receiver, so that no death of the process leaves more than one in doubt.

mod send;

pub(super) use send::{Http, client};

use super::InDoubt;
use super::node::Node;
use super::store::{Kind, Parcel};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use send::{Ended, Outcome, Reply, receiver, send};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Callbacks under way at once.
const MOST_AT_ONCE: usize = 8;
/// Nonces of one callback: some 12 bytes each on the chain, against a transaction's limit of 1 MiB.
const MOST_NONCES: usize = 50_000;

/// What came of callbacks since the process started.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counters {
    /// Acknowledged nonces, and verdicts.
    pub(super) acknowledged: AtomicU64,
    pub(super) verdicts: AtomicU64,
    /// Of the acknowledged, in words that mean it is to be broadcast again.
    pub(super) put_on_retry: AtomicU64,
    /// Callbacks sent, nonces in them.
    pub(super) sent: AtomicU64,
    pub(super) sent_nonces: AtomicU64,
    /// Callbacks that failed and will be sent again, and those given up.
    pub(super) failed: AtomicU64,
    pub(super) given_up: AtomicU64,
    /// Callbacks that left and were not answered, in this process or the one before: nobody knows whether they were taken.
    pub(super) in_doubt: AtomicU64,
}

/// Sends until the process ends; then waits for answers to what is under way, which would be in doubt without.
pub(super) async fn run(node: Arc<Node>) {
    let client = client();
    let mut courier = Courier {
        node,
        client,
        waits: HashMap::new(),
        known: HashMap::new(),
        gates: HashMap::new(),
        under_way: JoinSet::new(),
        busy: HashSet::new(),
    };
    let mut packed: Option<Instant> = None;
    let mut stage = 0;
    while !courier.node.is_ending() {
        // Wins wait to be joined, but not for a stage that is over; and longer while others for their receiver wait for a first turn.
        let order = courier.node.order_number();
        let is_due =
            packed.is_none_or(|at| at.elapsed() >= courier.node.settings.send_every) || order != stage;
        if is_due {
            stage = order;
            packed = Some(Instant::now());
            let fresh = courier.known.values().filter(|known| known.is_fresh());
            let waiting: HashSet<String> = fresh.map(|known| known.receiver.clone()).collect();
            let waits = move |url: &str| waiting.contains(&receiver(url));
            courier.with_store(move |node| node.store.pack(MOST_NONCES, waits)).await;
        }
        let wait = courier.dispatch().await.min(courier.node.settings.send_every);
        let node = Arc::clone(&courier.node);
        tokio::select! {
            () = node.wake.notified() => {}
            Some(ended) = courier.under_way.join_next() => {
                if let Ok(ended) = ended { courier.ended(ended).await; }
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
    while let Some(ended) = courier.under_way.join_next().await {
        if let Ok(ended) = ended {
            courier.ended(ended).await;
        }
    }
}

/// When something may be tried again.
struct Wait {
    until: Instant,
    backoff: ExponentialBackoff,
}

impl Wait {
    fn new() -> Self {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(20))
            .without_max_times()
            .with_jitter()
            .build();
        Self { until: Instant::now(), backoff }
    }

    fn longer(&mut self) {
        self.until = Instant::now() + self.backoff.next().unwrap_or(Duration::from_secs(20));
    }
}

/// What this process knows of a parcel without reading it.
struct Known {
    kind: Kind,
    receiver: String,
    /// Since when this process has it.
    since: Instant,
    /// Whether it was tried.
    is_tried: bool,
}

impl Known {
    /// Whether it is of what was won, and waits for its first turn.
    fn is_fresh(&self) -> bool {
        self.kind == Kind::Generated && !self.is_tried
    }
}

struct Courier {
    node: Arc<Node>,
    client: Http,
    /// Parcels that failed.
    waits: HashMap<u64, Wait>,
    /// Every parcel that waits.
    known: HashMap<u64, Known>,
    /// Receivers that could not be reached.
    gates: HashMap<String, Wait>,
    under_way: JoinSet<Ended>,
    /// Their numbers.
    busy: HashSet<u64>,
}

impl Courier {
    /// Does something to the store beside the runtime's threads; a disk that fails is said and tried again later.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Node) -> Result<T, super::store::StoreError> + Send + 'static,
    ) -> Option<T> {
        let node = Arc::clone(&self.node);
        let result = tokio::task::spawn_blocking(move || work(&node)).await.ok()?;
        result.inspect_err(|error| tracing::error!("{error}")).ok()
    }

    /// Sends what may be sent now; gives how long the next has to wait.
    async fn dispatch(&mut self) -> Duration {
        let mut wait = Duration::from_secs(3600);
        let Some(ids) = self.with_store(|node| node.store.parcels()).await else {
            return Duration::from_secs(1);
        };
        self.waits.retain(|id, _| ids.contains(id));
        self.known.retain(|id, _| ids.contains(id));
        for id in &ids {
            self.get_to_know(*id).await;
        }
        for id in ids {
            if self.under_way.len() >= MOST_AT_ONCE {
                break;
            }
            let now = Instant::now();
            let until = self.waits.get(&id).map(|wait| wait.until).filter(|until| *until > now);
            if let Some(until) = until {
                wait = wait.min(until - now);
                continue;
            }
            let Some(known) = self.known.get(&id).filter(|_| !self.busy.contains(&id)) else { continue };
            let receiver = known.receiver.clone();
            if known.kind == Kind::Generated && self.is_busy_with_wins(&receiver) {
                continue;
            }
            let is_over = known.since.elapsed() > self.node.settings.window;
            let Some(Some(parcel)) = self.with_store(move |node| node.store.parcel(id)).await else {
                continue;
            };
            // By a clock that nobody sets: what waited while no process ran is tried for a whole window.
            if is_over {
                let why = format!("not acknowledged within {} s", self.node.settings.window.as_secs());
                self.give_up(id, &parcel, why).await;
                continue;
            }
            if let Some(gate) = self.gates.get_mut(&receiver) {
                if gate.until > now {
                    wait = wait.min(gate.until - now);
                    continue;
                }
                // One at a time until it answers.
                gate.until = now + self.node.settings.timeout;
            }
            // Whoever comes after this process must know that it may have been taken.
            let is_noted = self.with_store(move |node| node.store.leaves(id, true)).await.is_some();
            if !is_noted && self.node.settings.in_doubt == InDoubt::Aside {
                wait = wait.min(Duration::from_secs(1));
                continue;
            }
            self.busy.insert(id);
            self.known.entry(id).and_modify(|known| known.is_tried = true);
            self.node.counters.sent.fetch_add(1, Ordering::Relaxed);
            self.node.counters.sent_nonces.fetch_add(parcel.len() as u64, Ordering::Relaxed);
            let (client, timeout) = (self.client.clone(), self.node.settings.timeout);
            self.under_way.spawn(async move { send(&client, id, parcel, timeout).await });
        }
        wait
    }

    /// Looks at a parcel that is new to this process. What left an earlier one unanswered is in doubt.
    async fn get_to_know(&mut self, id: u64) {
        if self.known.contains_key(&id) {
            return;
        }
        let Some(Some(parcel)) = self.with_store(move |node| node.store.parcel(id)).await else { return };
        let (kind, receiver) = (parcel.kind, receiver(&parcel.url));
        self.known.insert(id, Known { kind, receiver, since: Instant::now(), is_tried: false });
        if parcel.has_left {
            self.doubt(id, &parcel, "it was under way when an earlier process ended").await;
        }
    }

    /// Whether something that was won is under way to a receiver.
    fn is_busy_with_wins(&self, receiver: &str) -> bool {
        let of = |id: &u64| self.known.get(id);
        self.busy.iter().filter_map(of).any(|own| own.kind == Kind::Generated && own.receiver == receiver)
    }

    /// A callback may have been taken or not: what becomes of it is the operator's choice.
    async fn doubt(&mut self, id: u64, parcel: &Parcel, why: &str) {
        self.node.counters.in_doubt.fetch_add(1, Ordering::Relaxed);
        if self.node.settings.in_doubt == InDoubt::Aside {
            self.give_up(id, parcel, format!("nobody knows whether it was taken: {why}")).await;
        } else {
            tracing::warn!("{}/{} is sent again under its key: {why}", parcel.url, parcel.kind.as_str());
        }
    }

    async fn ended(&mut self, ended: Ended) {
        let Ended { id, parcel, outcome, reply } = ended;
        self.busy.remove(&id);
        let receiver = receiver(&parcel.url);
        if reply == Reply::Answer {
            self.gates.remove(&receiver);
        } else {
            self.gates.entry(receiver).or_insert_with(Wait::new).longer();
        }
        let counters = &self.node.counters;
        match outcome {
            Outcome::Accepted | Outcome::PutOnRetry => {
                let n = parcel.len() as u64;
                match parcel.kind {
                    Kind::Generated => counters.acknowledged.fetch_add(n, Ordering::Relaxed),
                    Kind::Validated => counters.verdicts.fetch_add(1, Ordering::Relaxed),
                };
                if outcome == Outcome::PutOnRetry {
                    counters.put_on_retry.fetch_add(1, Ordering::Relaxed);
                }
                // Known to be acknowledged: it is not sent again while the disk does not take that.
                while self.with_store(move |node| node.store.delivered(id)).await.is_none() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Outcome::TooLarge => {
                let (whole, why) = (parcel.clone(), "too large, and one nonce is all there is".to_owned());
                match self.with_store(move |node| node.store.split(id, &whole)).await {
                    Some(true) => {}
                    Some(false) => self.give_up(id, &parcel, why).await,
                    None => self.later(id),
                }
            }
            Outcome::Refused(why) => self.give_up(id, &parcel, why).await,
            Outcome::Later(why) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                if reply == Reply::Silence {
                    self.doubt(id, &parcel, &why).await;
                    return;
                }
                tracing::warn!("{}/{} is sent again later: {why}", parcel.url, parcel.kind.as_str());
                // It was not taken this time, which is known. A disk that does not take that leaves it in doubt, no more.
                if !parcel.has_left {
                    self.with_store(move |node| node.store.leaves(id, false)).await;
                }
                if reply == Reply::Answer {
                    self.later(id);
                }
            }
        }
    }

    fn later(&mut self, id: u64) {
        self.waits.entry(id).or_insert_with(Wait::new).longer();
    }

    async fn give_up(&mut self, id: u64, parcel: &Parcel, why: String) {
        tracing::error!(
            "a callback of {} nonces to {}/{} is given up: {why}",
            parcel.len(),
            parcel.url,
            parcel.kind.as_str()
        );
        self.node.counters.given_up.fetch_add(1, Ordering::Relaxed);
        if self.with_store(move |node| node.store.give_up(id, &why)).await.is_none() {
            self.later(id);
        }
    }
}

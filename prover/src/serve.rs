//! The service: a network's API node drives this machine over HTTP.
//!
//! In reading order: `routes` says what is answered; `node` holds what the node was told and what it does; the `crew`
//! carries that out, `judge` others' claims among it; the `store` keeps what a crash must not take, and the `courier`
//! sends it. `backends` are servers that infer. `init` and `body` read requests, `listen` has the connections.

mod backends;
mod body;
mod courier;
mod crew;
mod init;
mod judge;
mod listen;
mod metrics;
mod node;
pub mod operator;
mod power;
mod rates;
pub mod requests;
mod routes;
mod signer;
mod store;
mod transcripts;
pub mod trial;

pub use power::WantedLimit;
pub use signer::Signer;
pub use store::StoreError;

use crate::error::ProverError;
use crate::options::DeviceArgs;
use crate::signals::Stop;
use crate::watch::Patience;
use listen::Listener;
use node::Node;
use sphere_pow_core::profile::ProfileName;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;
use store::Store;

/// How often the signals are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How often totals are noted, for rates.
const SECOND: Duration = Duration::from_secs(1);
/// How often sensors are read.
const SENSE_EVERY: Duration = Duration::from_secs(2);
/// How long devices may take to be free when the process ends, and receivers to answer.
const LAST_PATIENCE: Duration = Duration::from_millis(1500);

/// How a service is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API node calls.
    pub listen: SocketAddr,
    /// Where it asks for inference; nowhere by default.
    pub inference_listen: Option<SocketAddr>,
    /// Servers that infer, as `http://HOST:PORT`; without any, inference is refused.
    pub inference_backends: Vec<String>,
    /// Where its operator looks; nowhere by default.
    pub admin_listen: Option<SocketAddr>,
    /// Takes what must not be lost.
    pub state_dir: PathBuf,
    /// A path before every route, as `/v3.0.8`, beside versions, which are taken anyway.
    pub prefix: String,
    /// The profile of requests that name none.
    pub profile: ProfileName,
    /// On what to compute.
    pub devices: DeviceArgs,
    /// What requests that change something must show; `None` leaves the API node's open and the operator's closed.
    pub token: Option<Token>,
    /// Who must have signed the API node's requests that change something; nobody by default.
    pub signer: Option<Signer>,
    /// Hosts that may be called back, as `HOST` or `HOST:PORT`; every one where there is none.
    pub callback_hosts: Vec<String>,
    /// How long wins are joined before they are sent.
    pub send_every: Duration,
    /// What becomes of a callback that may have been taken or not.
    pub in_doubt: InDoubt,
    /// How long a receiver may take to answer.
    pub timeout: Duration,
    /// How long a stage is mined and its results are sent at most.
    pub window: Duration,
    /// Most bytes of a request.
    pub max_body: usize,
    /// Most nonces of a batch to judge.
    pub max_nonces: usize,
    /// Most batches that wait to be judged.
    pub max_queue: usize,
    /// What is borne of a GPU.
    pub patience: Patience,
    /// How far within the radius a nonce must be to be submitted.
    pub guard_band: f64,
    /// Degrees Celsius above which a GPU rests, where its driver tells them.
    pub max_temperature: Option<f64>,
    /// What GPUs may draw; what their drivers say where there is none.
    pub power_limits: Vec<WantedLimit>,
}

/// What becomes of a callback that left and was not answered, by a receiver or a process that went away: no sender can know
/// whether it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum InDoubt {
    /// It is sent again, the same under the same key: nothing is lost.
    Again,
    /// It is set aside: nothing is sent twice.
    Aside,
}

/// A secret that requests show as `Authorization: Bearer`.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The text without white space around it; `None` below 16 visible ASCII characters, which can be guessed.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.len() >= 16 && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// Whether a header shows it; takes as long for every text of its length.
    fn is_shown(&self, header: Option<&str>) -> bool {
        let shown = header.and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default().as_bytes();
        let own = self.0.as_bytes();
        let differs = shown.iter().zip(own).fold(0, |differs, (a, b)| differs | (a ^ b));
        shown.len() == own.len() && differs == 0
    }
}

/// Addresses as they were bound: port 0 becomes a real one.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Of the API node's routes.
    pub listen: SocketAddr,
    /// Of inference's routes.
    pub inference_listen: Option<SocketAddr>,
    /// Of the operator's routes.
    pub admin_listen: Option<SocketAddr>,
}

impl Settings {
    /// The defaults, for a state directory.
    #[must_use]
    pub fn new(listen: SocketAddr, state_dir: PathBuf, profile: ProfileName) -> Self {
        Self {
            listen,
            inference_listen: None,
            inference_backends: Vec::new(),
            admin_listen: None,
            state_dir,
            prefix: String::new(),
            profile,
            devices: DeviceArgs::any(),
            token: None,
            signer: None,
            callback_hosts: Vec::new(),
            send_every: Duration::from_secs(5),
            in_doubt: InDoubt::Again,
            timeout: Duration::from_secs(30),
            window: Duration::from_secs(900),
            max_body: 16 << 20,
            max_nonces: 1 << 16,
            max_queue: 4096,
            patience: Patience::default(),
            guard_band: 0.0,
            max_temperature: None,
            power_limits: Vec::new(),
        }
    }
}

/// Serves until `stop` is asked; `begun` is told the addresses.
///
/// # Errors
/// [`ProverError::Store`], [`ProverError::Listen`] and [`ProverError::Power`]; what goes wrong later is answered to requests and logged.
pub fn run(
    settings: Settings,
    stop: &Stop,
    begun: impl FnOnce(Bound) -> Result<(), ProverError>,
) -> Result<(), ProverError> {
    let store = Store::open(&settings.state_dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(ProverError::Thread)?;
    let node = Arc::new(Node::new(settings, store)?);
    let _limits = power::Limits::set(&node)?;
    let result = runtime.block_on(serve(&node, stop, begun));
    // What still runs must not keep the process: everything acknowledged is on the disk.
    runtime.shutdown_background();
    result
}

/// Reads sensors as long as there is a node: on a thread of its own, since a driver that hangs would hold whoever asks.
fn sense(node: &Weak<Node>) {
    while let Some(node) = node.upgrade() {
        node.read_sensors();
        drop(node);
        std::thread::sleep(SENSE_EVERY);
    }
}

async fn serve(
    node: &Arc<Node>,
    stop: &Stop,
    begun: impl FnOnce(Bound) -> Result<(), ProverError>,
) -> Result<(), ProverError> {
    let settings = &node.settings;
    let mut listeners = vec![(Listener::bind(settings.listen).await?, routes::node(node))];
    let mut others = [None, None];
    let wanted =
        [(settings.inference_listen, routes::inference(node)), (settings.admin_listen, routes::admin(node))];
    for (bound, (address, router)) in others.iter_mut().zip(wanted) {
        if let Some(address) = address {
            let listener = Listener::bind(address).await?;
            *bound = Some(listener.address);
            listeners.push((listener, router));
        }
    }
    let (listen, [inference_listen, admin_listen]) = (listeners[0].0.address, others);
    let thread = std::thread::Builder::new();
    let own = Arc::clone(node);
    let crew = thread.spawn(move || crew::run(&own)).map_err(ProverError::Thread)?;
    let own = Arc::clone(node);
    tokio::task::spawn_blocking(move || {
        own.adapters.get_or_init(|| pollster::block_on(sphere_pow_gpu::devices()));
    });
    let sensed = Arc::downgrade(node);
    std::thread::Builder::new().spawn(move || sense(&sensed)).map_err(ProverError::Thread)?;
    node.resume();
    let courier = tokio::spawn(courier::run(Arc::clone(node)));
    for (listener, router) in listeners {
        tokio::spawn(listener.serve(router, settings.prefix.clone()));
    }
    stop.heed();
    begun(Bound { listen, inference_listen, admin_listen })?;
    let mut noted = std::time::Instant::now();
    node.note_totals();
    while !stop.is_asked() && !node.is_doomed() {
        tokio::time::sleep(TICK).await;
        if noted.elapsed() >= SECOND {
            noted = std::time::Instant::now();
            node.note_totals();
        }
    }
    let doom = node.take_doom();
    node.quit();
    let since = std::time::Instant::now();
    while !(crew.is_finished() && courier.is_finished()) && since.elapsed() < LAST_PATIENCE {
        tokio::time::sleep(TICK).await;
    }
    doom.map_or(Ok(()), Err)
}

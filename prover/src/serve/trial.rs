//! A trial run: the whole service on this machine's devices, driven through a short stage of a block that no network has, with a
//! receiver of our own. What is wrong shows before a stage that counts.

use super::backends::ask;
use super::courier::{Http, client};
use super::listen::Listener;
use super::{Bound, Settings};
use crate::error::ProverError;
use crate::profiles::Machine;
use crate::rates::{Counts, Plausibility};
use crate::signals::Stop;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Method;
use axum::routing::post;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::verify::{DEFAULT_SAMPLE, Expectations, Given};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How long an answer may take: init is answered at once.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How often the service is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long deliveries and verdicts may take beyond what devices need.
const DELIVERY: Duration = Duration::from_secs(60);

/// What to try.
#[derive(Clone, Debug)]
pub struct Plan<P: Machine> {
    /// The model.
    pub params: P::Params,
    /// The block.
    pub block: BlockHash,
    /// The host, and another one whose claims these are not.
    pub keys: [PublicKey; 2],
    /// How long nonces are searched.
    pub duration: Duration,
}

/// What a trial found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// Devices that worked.
    pub devices: Vec<String>,
    /// Until init was answered.
    pub answer_seconds: f64,
    /// Until the model was loaded.
    pub load_seconds: f64,
    /// Nonces tried and won.
    #[serde(flatten)]
    pub counts: Counts,
    /// Nonces tried a second.
    pub raw_rate: f64,
    /// Share of nonces that should win.
    pub win_rate: f64,
    /// Whether as many won as should.
    #[serde(flatten)]
    pub plausibility: Plausibility,
    /// Won nonces that the receiver got.
    pub n_delivered: usize,
    /// Of them, how many were judged, and how many of these were found false.
    pub n_judged: usize,
    /// False ones among them.
    pub n_invalid: u64,
    /// Whether the same claims were convicted under another key; `None` where they were too few.
    pub forgery_convicted: Option<bool>,
    /// What is wrong, in words; nothing when all is well.
    pub faults: Vec<String>,
}

/// What a receiver got, by the end of the path.
type Received = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// Tries the service.
///
/// # Errors
/// [`ProverError::Interrupted`], and what keeps the service from starting.
pub fn run<P: Machine>(settings: Settings, plan: &Plan<P>, stop: &Stop) -> Result<Trial, ProverError> {
    let own = Arc::new(Stop::default());
    let (tell, told) = mpsc::channel();
    let service = {
        let own = Arc::clone(&own);
        let begun = move |bound: Bound| tell.send(bound).map_err(|_| ProverError::Interrupted);
        std::thread::Builder::new()
            .spawn(move || super::run(settings, &own, begun))
            .map_err(ProverError::Thread)?
    };
    let result = match told.recv() {
        // It ended before it had begun: why is its result.
        Err(_) => Err(ProverError::Interrupted),
        Ok(bound) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .map_err(ProverError::Thread)
                .and_then(|runtime| runtime.block_on(drive(bound, plan, stop)))
        }
    };
    own.halt();
    let ended =
        service.join().unwrap_or_else(|panic| Err(ProverError::panicked("the service", panic.as_ref())));
    ended.and(result)
}

async fn drive<P: Machine>(bound: Bound, plan: &Plan<P>, stop: &Stop) -> Result<Trial, ProverError> {
    let received = Received::default();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await?;
    let url = format!("http://{}/v1/poc-batches", listener.address);
    let take = |end: &'static str| {
        post(move |State(received): State<Received>, body: Bytes| async move {
            let body = serde_json::from_slice(&body).unwrap_or_default();
            received.lock().unwrap_or_else(PoisonError::into_inner).push((end, body));
        })
    };
    let router = Router::new()
        .route("/v1/poc-batches/generated", take("generated"))
        .route("/v1/poc-batches/validated", take("validated"))
        .with_state(Arc::clone(&received));
    tokio::spawn(listener.serve(router, String::new()));
    let rule = P::mining_rule(&Expectations::<P>::new(&Given::default())?.terms);
    let win_rate = P::win_rate(&plan.params, &rule);
    let mut init = P::file_head(&plan.params, &rule, &plan.block, &plan.keys[0], Some(1));
    init.insert("fraud_threshold".into(), json!(rule)["fraudThreshold"].clone());
    let more = json!({ "profile": P::NAME, "block_height": 1, "node_id": 0, "node_count": 1, "url": url });
    init.extend(more.as_object().cloned().unwrap_or_default());
    let mut driver = Driver { client: client(), bound, stop, received, faults: Vec::new() };
    driver.drive::<P>(plan, init, win_rate).await
}

struct Driver<'a> {
    client: Http,
    bound: Bound,
    stop: &'a Stop,
    received: Received,
    faults: Vec<String>,
}

impl Driver<'_> {
    async fn drive<P: Machine>(
        &mut self,
        plan: &Plan<P>,
        init: Map<String, Value>,
        win_rate: f64,
    ) -> Result<Trial, ProverError> {
        let init = Value::Object(init);
        let asked = Instant::now();
        self.post("/api/v1/pow/init/generate", &init).await;
        let answer_seconds = asked.elapsed().as_secs_f64();
        let is_loaded = |status: &Value| status["pow"]["is_model_initialized"] == true;
        let mut status = self.until(None, is_loaded).await?;
        let load_seconds = asked.elapsed().as_secs_f64();
        let began = Instant::now();
        if is_loaded(&status) {
            status = self.until(Some(plan.duration), |_| false).await?;
        }
        let seconds = began.elapsed().as_secs_f64();
        let devices: Vec<String> = status["devices"].as_array().into_iter().flatten().map(words).collect();
        self.post("/api/v1/pow/init/validate", &init).await;
        let is_empty = |status: &Value| status["waiting"]["wins"] == 0 && status["waiting"]["parcels"] == 0;
        self.until(Some(DELIVERY), is_empty).await?;
        let own = batch(&self.received("generated"), P::CLAIM_COLUMN);
        let n_judged = own["nonces"].as_array().map_or(0, Vec::len);
        let (mut n_invalid, mut forgery_convicted) = (0, None);
        if n_judged > 0 {
            let mut forged = own.clone();
            forged["public_key"] = plan.keys[1].as_str().into();
            self.post("/api/v1/pow/validate", &own).await;
            self.post("/api/v1/pow/validate", &forged).await;
            let has_both = |status: &Value| status["callbacks"]["verdicts"].as_u64() >= Some(2);
            self.until(Some(DELIVERY), has_both).await?;
            let verdicts = self.received("validated");
            let of = |key: &PublicKey| verdicts.iter().find(|verdict| verdict["public_key"] == key.as_str());
            match (of(&plan.keys[0]), of(&plan.keys[1])) {
                (Some(own), Some(forged)) => {
                    n_invalid = number(&own["n_invalid"]);
                    // Fewer convict nobody.
                    forgery_convicted = (n_judged >= 3).then_some(forged["fraud_detected"] == true);
                }
                _ => self.faults.push("no verdict came by callback".into()),
            }
        }
        // Judging begins when mining has ended: only now is everything counted that was won.
        status = self.until(Some(DELIVERY), is_empty).await?;
        let (tried, won) = (number(&status["totals"]["tried"]), number(&status["totals"]["won"]));
        let counts = Counts { tried, won };
        let plausibility = counts.plausibility(win_rate);
        let lists = self.received("generated");
        let n_delivered: usize = lists.iter().map(|part| part["nonces"].as_array().map_or(0, Vec::len)).sum();
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let raw_rate = tried as f64 / seconds.max(1e-9);
        let mut check = |is_so: bool, why: String| {
            if is_so {
                self.faults.push(why);
            }
        };
        let error = status["error"].as_str().unwrap_or("a batch takes longer, see --seconds");
        check(tried == 0, format!("no nonce was computed in {seconds:.0} s: {error}"));
        check(
            plausibility.is_alarming,
            format!("{won} of {tried} nonces won, {:.1} should", plausibility.expected),
        );
        check(n_delivered as u64 != won, format!("{n_delivered} of {won} won nonces were delivered"));
        check(n_invalid > 0, format!("{n_invalid} of {n_judged} own claims are found false"));
        check(forgery_convicted == Some(false), "claims under another's key are found true".into());
        let faults = std::mem::take(&mut self.faults);
        Ok(Trial {
            devices,
            answer_seconds,
            load_seconds,
            counts,
            raw_rate,
            win_rate,
            plausibility,
            n_delivered,
            n_judged,
            n_invalid,
            forgery_convicted,
            faults,
        })
    }

    fn received(&self, end: &str) -> Vec<Value> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|(own, _)| *own == end).map(|(_, body)| body.clone()).collect()
    }

    /// Posts; what is refused is a fault.
    async fn post(&mut self, path: &str, body: &Value) {
        let uri = format!("http://{}{path}", self.bound.listen);
        match ask(self.client.clone(), Method::POST, uri, body.to_string(), ANSWER_TIME).await {
            Ok((200, _)) => {}
            Ok((status, value)) => self.faults.push(format!("{path} is answered with {status}: {value}")),
            Err(why) => self.faults.push(format!("{path} is not answered: {why}")),
        }
    }

    /// The service's status, once it is `so`, the node stopped by itself, or `time` is over.
    async fn until(
        &mut self,
        time: Option<Duration>,
        so: impl Fn(&Value) -> bool,
    ) -> Result<Value, ProverError> {
        let Some(admin) = self.bound.admin_listen else { return Ok(Value::Null) };
        let began = Instant::now();
        loop {
            let uri = format!("http://{admin}/status");
            let said = ask(self.client.clone(), Method::GET, uri, String::new(), ANSWER_TIME).await;
            let status = said.map(|(_, status)| status).unwrap_or_default();
            let is_over = time.is_some_and(|time| began.elapsed() >= time) || status["state"] != "POW";
            if is_over || so(&status) {
                return Ok(status);
            }
            if self.stop.is_asked() {
                return Err(ProverError::Interrupted);
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn words(device: &Value) -> String {
    let word = |name: &str| device[name].as_str().unwrap_or_default().to_owned();
    format!("{} ({})", word("device"), word("engine"))
}

/// What was won, as one batch of a validator's sample.
fn batch(parts: &[Value], column: &str) -> Value {
    let all = |name: &str| -> Vec<Value> {
        let lists = parts.iter().filter_map(|part| part[name].as_array());
        lists.flatten().take(DEFAULT_SAMPLE).cloned().collect()
    };
    let head = parts.first().cloned().unwrap_or_default();
    json!({
        "public_key": head["public_key"],
        "block_hash": head["block_hash"],
        "block_height": head["block_height"],
        "node_id": 0,
        "nonces": all("nonces"),
        column: all(column),
    })
}

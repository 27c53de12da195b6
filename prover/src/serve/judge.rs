//! Judges others' claims, a batch at a time, with the network's verdict, and our advice apart from it.

use super::body::{Fault, Faults, Reader, parse};
use super::init::Init;
use super::node::Node;
use super::store::{Columns, Kind, Parcel, Queued, random_key};
use crate::device::Device;
use crate::error::ProverError;
use crate::profiles::{BatchVisitor, Machine, Visitor, with_batch, with_profile};
use crate::search::{Miners, WAITS};
use crate::signals::Stop;
use serde_json::{Map, Value, json};
use sphere_pow_core::document::{self, Batch};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::verify::Verdict;
use sphere_pow_gpu::GpuError;
use std::any::Any;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;

/// Devices' failures on one batch after which it is set aside: the fault may be the batch's.
const MOST_TRIES: usize = 3;

/// What a batch says beside its claims.
const MEMBERS: [&str; 6] = ["public_key", "block_hash", "block_height", "nonces", "node_id", "profile"];

/// Somebody's claims, read for the stage that is judged.
struct Claims<P: Machine> {
    key: PublicKey,
    node_id: i64,
    nonces: Vec<Nonce>,
    claims: Vec<P::Claim>,
}

/// Checks a batch before it is taken: what could never be judged is refused at once.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn check(raw: &str, init: &Init, most: usize) -> Result<(), Faults> {
    struct Check<'a>(&'a str, &'a Init, usize);
    impl Visitor for Check<'_> {
        type Output = Result<(), Faults>;
        fn visit<P: Machine>(self) -> Self::Output {
            let Self(raw, init, most) = self;
            let (params, hunt) =
                init.hunt::<P>().map_err(|error| vec![Fault::value("params", error.to_string())])?;
            let claims = read::<P>(raw, init, (&params, &hunt.rule))?;
            if claims.nonces.len() > most {
                let msg = format!("{} nonces, at most {most} are judged in one batch", claims.nonces.len());
                return Err(vec![Fault::value("nonces", msg)]);
            }
            Ok(())
        }
    }
    with_profile(init.profile, Check(raw, init, most))
}

/// Checks what every batch must say, whatever stage it is of.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn members(raw: &str) -> Result<(), Faults> {
    let mut reader = Reader::new(raw, &MEMBERS)?;
    reader.text("public_key");
    reader.text("block_hash");
    reader.integer("block_height");
    if !reader.raw("nonces").is_some_and(|raw| raw.starts_with('[')) {
        reader.fault("nonces", "Input should be a valid list");
    }
    if reader.faults.is_empty() { Ok(()) } else { Err(reader.faults) }
}

/// Whether a batch is of another stage than the one that is judged: in words.
pub(super) fn foreign(raw: &str, init: &Init) -> Option<String> {
    let mut reader = Reader::new(raw, &MEMBERS).ok()?;
    let (hash, height) = (reader.text("block_hash"), reader.integer("block_height"));
    if hash == init.block_hash.as_str() && height == init.block_height {
        return None;
    }
    let (hash, own) = (sphere_pow_core::text::shown(&hash), &init.block_hash);
    Some(format!("it is of block {hash} at {height}, this node judges {own} at {}", init.block_height))
}

/// Reads a batch by core's one reader: the members that matter, as a document of the stage.
fn read<P: Machine>(
    raw: &str,
    init: &Init,
    (params, rule): (&P::Params, &P::Rule),
) -> Result<Claims<P>, Faults> {
    let column = P::CLAIM_COLUMN;
    let mut names = MEMBERS.to_vec();
    names.push(column);
    let mut reader = Reader::new(raw, &names)?;
    let key = reader.text("public_key");
    let hash = reader.text("block_hash");
    reader.integer("block_height");
    let node_id = reader.integer_or("node_id", 0);
    for name in ["nonces", column] {
        if !reader.raw(name).is_some_and(|raw| raw.starts_with('[')) {
            reader.fault(name, "Input should be a valid list");
        }
    }
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    let wrong = |name: &str, error: String| vec![Fault::value(name, error)];
    let block = BlockHash::new(&hash).map_err(|error| wrong("block_hash", error.to_string()))?;
    let key = PublicKey::new(&key)
        .and_then(|key| P::check_key(&key).map(|()| key))
        .map_err(|error| wrong("public_key", error.to_string()))?;
    let head = P::file_head(params, rule, &block, &key, Some(init.block_height));
    let mut text = Value::Object(head).to_string();
    // The brace at its end makes room.
    text.pop();
    for name in ["nonces", column] {
        let list = reader.raw(name).unwrap_or("[]");
        text.push_str(&format!(",{name:?}:{list}"));
    }
    text.push('}');
    let document = document::read(text.as_bytes()).map_err(|error| {
        let error = error.to_string();
        wrong(if error.starts_with(column) { column } else { "nonces" }, error)
    })?;
    let batch = document.batches.first().and_then(|any| with_batch(any, &mut Claimed::<P>::default()));
    let (nonces, claims) =
        batch.ok_or_else(|| wrong(column, "one claim for each nonce is expected".into()))?;
    Ok(Claims { key, node_id, nonces, claims })
}

/// Nonces and claims of a batch of profile `P`.
struct Claimed<P>(std::marker::PhantomData<P>);

impl<P> Default for Claimed<P> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<P: Machine> BatchVisitor for Claimed<P> {
    type Output = Option<(Vec<Nonce>, Vec<P::Claim>)>;
    fn visit<Q: Machine>(&mut self, batch: &Batch<Q>) -> Self::Output {
        let batch = (batch as &dyn Any).downcast_ref::<Batch<P>>()?;
        Some((batch.nonces.clone(), batch.claims.clone()?))
    }
}

/// Judges batches on all devices until `stop`; gives how each device ended.
pub(super) fn run<P: Machine>(
    node: &Node,
    init: &Init,
    (params, rule): (&P::Params, &P::Rule),
    miners: &mut Miners<P>,
    stop: &Stop,
) -> Vec<Result<(), ProverError>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = miners
            .devices
            .iter_mut()
            .map(|device| {
                let rule = rule.clone();
                let mut bench = Bench { node, init, params, rule, device: device.as_mut(), stop };
                std::thread::Builder::new().spawn_scoped(scope, move || bench.work())
            })
            .collect();
        let join = |thread: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| match thread {
            Ok(thread) => {
                thread.join().unwrap_or_else(|panic| Err(ProverError::panicked("a device", panic.as_ref())))
            }
            Err(error) => Err(ProverError::Thread(error)),
        };
        threads.into_iter().map(join).collect()
    })
}

/// One device that judges.
struct Bench<'a, P: Machine> {
    node: &'a Node,
    init: &'a Init,
    params: &'a P::Params,
    rule: P::Rule,
    device: &'a mut dyn Device<P>,
    stop: &'a Stop,
}

impl<P: Machine> Bench<'_, P> {
    fn work(&mut self) -> Result<(), ProverError> {
        let mut failures = 0;
        while let Some(waiting) = self.node.take_batch(self.stop) {
            let tried = std::panic::catch_unwind(AssertUnwindSafe(|| self.judge(&waiting.batch)));
            let tried =
                tried.unwrap_or_else(|panic| Err(ProverError::panicked(&self.name(), panic.as_ref())));
            match tried {
                Ok(Ok(verdict)) => {
                    failures = 0;
                    self.node.settle(waiting, &verdict, self.stop);
                }
                Ok(Err(why)) => self.node.refuse(waiting.id, &why),
                Err(ProverError::Interrupted) => self.node.put_back(waiting),
                Err(error) => {
                    failures += 1;
                    tracing::warn!("{}: a batch could not be judged: {error}", self.name());
                    self.node.put_aside(waiting, MOST_TRIES, &error);
                    if failures == MOST_TRIES {
                        return Err(error);
                    }
                    match self.rebuild() {
                        Err(ProverError::Interrupted) => return Ok(()),
                        done => done?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the device anew; one that cannot be had yet is tried again after a while.
    fn rebuild(&mut self) -> Result<(), ProverError> {
        let stop = self.stop;
        let mut go_on = |_| if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let mut waits = WAITS.iter();
        loop {
            match self.device.rebuild(&mut go_on) {
                Err(ProverError::Gpu(error @ GpuError::DeviceLost { .. })) => {
                    let Some(wait) = waits.next() else { return Err(error.into()) };
                    tracing::warn!("{error}");
                    std::thread::sleep(*wait);
                }
                other => return other,
            }
        }
    }

    fn name(&self) -> String {
        self.device.info().device.clone()
    }

    /// The verdict on a batch, or why there can be none.
    fn judge(&mut self, batch: &Queued) -> Result<Result<Parcel, String>, ProverError> {
        if let Some(why) = foreign(&batch.body, self.init) {
            return Ok(Err(why));
        }
        let raw = parse(batch.body.as_bytes()).unwrap_or("null");
        let claims = match read::<P>(raw, self.init, (self.params, &self.rule)) {
            Ok(claims) => claims,
            Err(faults) => return Ok(Err(json!(faults).to_string())),
        };
        let mut outcomes = Vec::with_capacity(claims.nonces.len());
        let stop = self.stop;
        let mut go_on = |_| if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        for part in claims.nonces.chunks(self.device.batch().max(1)) {
            outcomes.extend(self.device.outcomes(&claims.key, part, &mut go_on)?);
            if stop.is_asked() {
                return Err(ProverError::Interrupted);
            }
        }
        let (head, columns) = self.verdict(&claims, &outcomes);
        let (url, at_ms) = (batch.url.clone(), batch.at_ms);
        Ok(Ok(Parcel {
            kind: Kind::Validated,
            url,
            key: random_key(),
            at_ms,
            head,
            columns,
            has_left: false,
        }))
    }

    /// The callback's members: the network's verdict, and under `advisory` what it does not look at.
    fn verdict(&self, claims: &Claims<P>, outcomes: &[P::Outcome]) -> (Map<String, Value>, Columns) {
        let Claims { key, node_id, nonces, claims } = claims;
        let pairs = nonces.iter().zip(claims).zip(outcomes).enumerate();
        let findings: Vec<P::Finding> = pairs
            .map(|(index, ((nonce, claim), outcome))| P::check(&self.rule, index, *nonce, claim, outcome))
            .collect();
        let n_invalid = findings.iter().filter(|finding| !P::is_good(finding)).count();
        let (verdict, evidence) = P::conclude(&self.rule, findings.len(), &findings);
        let evidence = serde_json::to_value(&evidence).unwrap_or_default();
        let is_fraud = verdict == Verdict::Fraud;
        // Where a single false claim is proof, there is nothing between.
        let certain = if is_fraud { 0.0 } else { 1.0 };
        let honest = evidence.get("probabilityHonest").and_then(Value::as_f64).unwrap_or(certain);
        let different: BTreeSet<&Nonce> = nonces.iter().collect();
        let mut advisory = evidence.get("advisory").cloned().unwrap_or_else(|| json!({}));
        advisory["nDuplicates"] = json!(nonces.len() - different.len());
        let mut head =
            P::file_head(self.params, &self.rule, &self.init.block_hash, key, Some(self.init.block_height));
        // The receiver has said it itself.
        head.remove("params");
        head.insert("block_height".into(), self.init.block_height.into());
        head.insert("node_id".into(), json!(node_id));
        for (name, given) in
            [("r_target", self.init.r_target), ("fraud_threshold", self.init.fraud_threshold)]
        {
            head.extend(given.map(|given| (name.to_owned(), json!(given))));
        }
        head.insert("n_invalid".into(), json!(n_invalid));
        head.insert("probability_honest".into(), json!(honest));
        head.insert("fraud_detected".into(), json!(is_fraud));
        head.insert("advisory".into(), advisory);
        let won: Vec<(Nonce, P::Claim)> = nonces.iter().copied().zip(claims.iter().cloned()).collect();
        let [listed, received] = P::columns(&won);
        let own = P::listing(outcomes).columns.remove(P::CLAIM_COLUMN).unwrap_or_default();
        let column = P::CLAIM_COLUMN;
        let columns = [
            ("nonces".to_owned(), listed),
            (column.to_owned(), own),
            (format!("received_{column}"), received),
        ];
        let list = |(name, values)| match values {
            Value::Array(values) => (name, values),
            _ => (name, Vec::new()),
        };
        (head, columns.into_iter().map(list).collect())
    }
}

#[cfg(test)]
mod tests;

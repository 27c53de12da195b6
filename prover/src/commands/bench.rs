//! `sphere-pow bench`.

use super::{BENCH_BLOCK_HASH, BENCH_PUBLIC_KEY};
use crate::console::{Output, advance, bar};
use crate::device::{Measured, OpShare, Product, ProductRate};
use crate::error::ProverError;
use crate::input;
use crate::options::DeviceArgs;
use crate::profiles::{Machine, Part, Visitor, with_profile};
use crate::session;
use crate::signals::Stop;
use clap::Args;
use serde_json::{Map, Value, json};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Model, ProfileName};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Rules to follow
    #[arg(long, default_value_t = ProfileName::Gonka)]
    profile: ProfileName,
    /// Model; by default one that suits a benchmark
    #[arg(long, value_name = "NAME|FILE")]
    params: Option<String>,
    /// Seconds spent on whole nonces, at least one batch
    #[arg(long, value_name = "S", default_value_t = 5)]
    seconds: u32,
    #[command(flatten)]
    devices: DeviceArgs,
}

pub(super) fn run(args: &BenchArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let (value, text) = with_profile(args.profile, Bench { args, stop })?;
    out.result(&value, || text)?;
    Ok(ExitCode::SUCCESS)
}

struct Bench<'a> {
    args: &'a BenchArgs,
    stop: &'a Stop,
}

impl Visitor for Bench<'_> {
    type Output = Result<(Value, String), ProverError>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { args, stop } = self;
        args.devices.setup::<P>()?;
        let name = args.params.as_deref().unwrap_or(P::BENCH_PRESET);
        let params = input::model::<P::Params>(name)?;
        let (block, key) = (BlockHash::new(BENCH_BLOCK_HASH)?, PublicKey::new(BENCH_PUBLIC_KEY)?);
        let puzzle = P::puzzle(&params, &block);
        stop.heed();
        let (shared, first) = P::bench_shared(&puzzle, stop)?;
        let started = Instant::now();
        let mut device = session::one_with::<P>(&args.devices, &puzzle, Some(Arc::new(shared)), stop)?;
        // Known-answer test, choice of kernels and weights together.
        let ready_seconds = started.elapsed().as_secs_f64();
        let mut parts: Vec<Part> = first.into_iter().collect();
        parts.extend(device.product()?.map(gemm));
        parts.extend(measured(device.measure()?));

        let batch = device.batch();
        let bar = bar("computing nonces");
        let started = Instant::now();
        let (mut tried, mut checksum) = (0, Value::Null);
        while tried == 0 || started.elapsed().as_secs_f64() < f64::from(args.seconds) {
            let nonces = (tried..tried + batch).map(|nonce| Nonce::new(nonce as u64));
            let nonces: Vec<Nonce> = nonces.collect::<Result<_, _>>()?;
            let outcomes = device.outcomes(&key, &nonces, &mut advance(&bar, stop))?;
            if tried == 0 {
                checksum = P::checksum(&outcomes);
            }
            tried += batch;
        }
        bar.finish_and_clear();
        parts.push(whole_nonces(&params, (batch, tried), started.elapsed().as_secs_f64(), &checksum));

        let info = device.info();
        let mut text = format!("{name} on {} ({}), ready in {ready_seconds:.2} s", info.engine, info.device);
        let mut value = Map::new();
        value.insert("profile".into(), P::NAME.as_str().into());
        value.insert("params".into(), name.into());
        value.insert("engine".into(), json!(info));
        value.insert("readySeconds".into(), ready_seconds.into());
        for (part, numbers, line) in parts {
            text.push_str(&format!("\n{part:<9}{line}"));
            value.insert(part.into(), numbers);
        }
        Ok((Value::Object(value), text))
    }
}

/// The model's widest product alone.
fn gemm(product: Product) -> Part {
    let Product { rows, columns, k, seconds, checksum } = product;
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let gflops = 2e-9 * (rows * columns * k) as f64 / seconds;
    let text = format!(
        "[{rows}, {k}] x [{columns}, {k}]ᵀ in {seconds:.4} s, {gflops:.1} GFLOP/s, checksum {checksum:.6}"
    );
    let numbers = json!({
        "rows": rows, "columns": columns, "k": k, "seconds": seconds, "gflops": gflops, "checksum": checksum,
    });
    ("gemm", numbers, text)
}

/// Products without readback, and each kernel's share of a batch on the device's clock.
fn measured(found: Measured) -> Vec<Part> {
    let Measured { products, unit, ops } = found;
    let mut parts = Vec::new();
    if !products.is_empty() {
        let line =
            |ProductRate { name, rows, k, columns, seconds, tera_operations_per_second }: &ProductRate| {
                let (ms, rate) = (seconds * 1e3, tera_operations_per_second);
                format!("{name} [{rows}, {k}] x [{columns}, {k}]ᵀ in {ms:.3} ms, {rate:.4} {unit}")
            };
        let lines = products.iter().map(line);
        let text = lines.collect::<Vec<_>>().join("\n         ");
        parts.push(("products", json!(products), text));
    }
    if !ops.is_empty() {
        let all: f64 = ops.iter().map(|op| op.seconds).sum();
        let line =
            |op: &OpShare| format!("{} {:.1} % in {} dispatches", op.name, 100.0 * op.share, op.dispatches);
        let lines = ops.iter().map(line).collect::<Vec<_>>().join(", ");
        parts.push(("ops", json!(ops), format!("{all:.4} s of a batch on the device: {lines}")));
    }
    parts
}

fn whole_nonces<M: Model>(
    params: &M,
    (batch, tried): (usize, usize),
    seconds: f64,
    checksum: &Value,
) -> Part {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let (each, rate) =
        (seconds / tried as f64, 1e-9 * params.work_per_nonce() as f64 * tried as f64 / seconds);
    let text = format!(
        "{tried} in batches of {batch} in {seconds:.2} s, {each:.5} s each, {rate:.1} billion operations/s, checksum {checksum}"
    );
    let numbers = json!({
        "batch": batch,
        "nonces": tried,
        "seconds": seconds,
        "secondsPerNonce": each,
        "gigaOperationsPerSecond": rate,
        // Of the first batch.
        "checksum": checksum,
    });
    ("nonces", numbers, text)
}

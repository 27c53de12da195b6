//! `sphere-pow serve`.

pub(super) mod settings;

use crate::console::{LogArgs, Output};
use crate::error::ProverError;
use crate::input;
use crate::options::DeviceArgs;
use crate::serve::{self, Bound, InDoubt, Settings, Signer, Token, WantedLimit};
use crate::signals::Stop;
use crate::watch::Patience;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::profile::ProfileName;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Most bytes of a token's file.
const MAX_TOKEN_BYTES: usize = 4096;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// TOML file with these options by their names; SPHERE_POW_SERVE_LISTEN and the like win over it
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Address for the API node; its default is this machine alone
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// Address at which the API node asks for inference; none by default
    #[arg(long, value_name = "ADDR:PORT")]
    inference_listen: Option<SocketAddr>,
    /// Server that infers, such as vLLM; may be repeated. Inference and the network's later proofs go there
    #[arg(long, value_name = "http://HOST:PORT", value_parser = backend)]
    inference_backend: Vec<String>,
    /// Address for the operator: /status, /metrics, /pause, /resume; none by default
    #[arg(long, value_name = "ADDR:PORT")]
    admin_listen: Option<SocketAddr>,
    /// Directory for what must not be lost: what is to be sent, what is to be judged, how far the search came
    #[arg(long, default_value = "sphere-pow-state", value_name = "DIR")]
    state_dir: PathBuf,
    /// Path before every route; versions such as /v3.0.8 are taken anyway, before this or alone
    #[arg(long, default_value = "", value_name = "PATH", value_parser = prefix)]
    prefix: String,
    /// Rules of requests that name none
    #[arg(long, default_value_t = ProfileName::Gonka)]
    profile: ProfileName,
    /// Host that may be called back, as HOST or HOST:PORT; may be repeated, every host by default
    #[arg(long = "callback", value_name = "HOST[:PORT]", value_parser = host)]
    callbacks: Vec<String>,
    /// File with a secret of 16 characters or more: every request but those for health must show it as Authorization: Bearer
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Public key of secp256k1, hex or base64: every POST of the API node must have X-Signature by it, as the network once
    /// proposed; SIGNER_PUBKEY in the environment is taken too. Off by default
    #[arg(long, value_name = "KEY")]
    signer_pubkey: Option<Signer>,
    /// Wins are joined for so long before they are sent
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    send_every: f64,
    /// What becomes of a callback that left and was not answered: sent again under its Idempotency-Key, or set aside, so that
    /// nothing comes twice and what was not taken is lost
    #[arg(long, value_enum, default_value_t = InDoubt::Again)]
    in_doubt: InDoubt,
    /// How long a receiver may take to answer
    #[arg(long, default_value_t = 30.0, value_name = "S")]
    timeout: f64,
    /// How long a stage is mined at most, and its results are sent
    #[arg(long, default_value_t = 900.0, value_name = "S")]
    window: f64,
    /// Most bytes of a request
    #[arg(long, default_value = "16777216", value_name = "N")]
    max_body: NonZeroUsize,
    /// Most nonces of a batch to judge
    #[arg(long, default_value = "65536", value_name = "N")]
    max_nonces: NonZeroUsize,
    /// Most batches that wait to be judged
    #[arg(long, default_value = "4096", value_name = "N")]
    max_queue: NonZeroUsize,
    /// How long a GPU may take for a batch; then it is made anew
    #[arg(long, default_value_t = 120.0, value_name = "S")]
    device_timeout: f64,
    /// How often a GPU may be made anew within --device-resets-within; then it is given up
    #[arg(long, default_value_t = 5, value_name = "N")]
    device_resets: usize,
    /// See --device-resets
    #[arg(long, default_value_t = 600.0, value_name = "S")]
    device_resets_within: f64,
    /// gonka: submit only nonces so far within the radius; what lies at its edge here may lie beyond it elsewhere
    #[arg(long, default_value_t = 0.0, value_name = "D", allow_hyphen_values = true)]
    guard_band: f64,
    /// Degrees Celsius above which a GPU rests until it has 5 less, where its driver tells them; no limit by default
    #[arg(long, value_name = "C", allow_hyphen_values = true)]
    max_temperature: Option<f64>,
    /// Watts that each GPU may draw while this runs, or one of them, as 0000:03:00.0=200; may be repeated. The driver's own by default
    #[arg(long = "power-limit", value_name = "W|PCI=W", allow_hyphen_values = true)]
    power_limits: Vec<WantedLimit>,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    devices: DeviceArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_listen: Option<SocketAddr>,
}

pub(super) fn run(args: &ServeArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let ServeArgs { listen, inference_listen, state_dir, prefix, profile, devices, callbacks, .. } = args;
    let settings = Settings {
        inference_listen: *inference_listen,
        inference_backends: args.inference_backend.clone(),
        admin_listen: args.admin_listen,
        prefix: prefix.clone(),
        devices: devices.clone(),
        token: args.token_file.as_deref().map(token).transpose()?,
        signer: args.signer_pubkey.clone(),
        callback_hosts: callbacks.clone(),
        send_every: seconds("--send-every", args.send_every)?,
        in_doubt: args.in_doubt,
        timeout: seconds("--timeout", args.timeout)?,
        window: seconds("--window", args.window)?,
        max_body: args.max_body.get(),
        max_nonces: args.max_nonces.get(),
        max_queue: args.max_queue.get(),
        guard_band: guard_band(args.guard_band)?,
        max_temperature: args.max_temperature.map(max_temperature).transpose()?,
        power_limits: args.power_limits.clone(),
        patience: Patience {
            batch: seconds("--device-timeout", args.device_timeout)?,
            resets: args.device_resets,
            within: seconds("--device-resets-within", args.device_resets_within)?,
        },
        ..Settings::new(*listen, state_dir.clone(), *profile)
    };
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for name in settings::unknown(names) {
        tracing::warn!("{name} in the environment names no option of `sphere-pow serve`");
    }
    if let Err(error) = crate::signals::outlive_limits() {
        tracing::warn!("a file that may not grow will end this process: {error}");
    }
    let begun = |bound: Bound| {
        let Bound { listen, inference_listen, admin_listen } = bound;
        out.result(&Begun { listen, inference_listen, admin_listen }, || {
            format!("listening on http://{listen}")
        })
    };
    serve::run(settings, stop, begun)?;
    Ok(ExitCode::SUCCESS)
}

/// A host as URLs have it, with a port or without.
fn host(text: &str) -> Result<String, String> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b".-_:[]".contains(&c);
    let is_host = text.bytes().all(is_plain) && text.parse::<axum::http::uri::Authority>().is_ok();
    if is_host { Ok(text.to_owned()) } else { Err("expected HOST or HOST:PORT".into()) }
}

/// A path with a slash before it and none behind, or nothing.
fn prefix(text: &str) -> Result<String, String> {
    let path = match text.trim_matches('/') {
        "" => return Ok(String::new()),
        inner => format!("/{inner}"),
    };
    let is_path =
        path.parse::<axum::http::Uri>().is_ok_and(|uri| uri.path() == path && uri.query().is_none());
    if is_path { Ok(path) } else { Err("expected a path, as /segment".into()) }
}

fn backend(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    match rest.filter(|rest| !rest.is_empty() && !rest.contains('/')) {
        Some(rest) if rest.parse::<axum::http::uri::Authority>().is_ok() => Ok(text.to_owned()),
        _ => Err("expected http://HOST:PORT".into()),
    }
}

/// The secret in a file.
fn token(file: &Path) -> Result<Token, ProverError> {
    let bytes = input::bytes(file, MAX_TOKEN_BYTES)?;
    Token::new(&String::from_utf8_lossy(&bytes)).ok_or_else(|| ProverError::Argument {
        what: "--token-file",
        got: input::name(file),
        expected: "a file with 16 to 4096 visible ASCII characters in one line".into(),
    })
}

/// A share of a radius from an option.
fn guard_band(got: f64) -> Result<f64, ProverError> {
    if (0.0..1.0).contains(&got) {
        return Ok(got);
    }
    let expected = "a distance from 0 to 1".into();
    Err(ProverError::Argument { what: "--guard-band", got: got.to_string(), expected })
}

/// A temperature from an option: within what chips bear.
fn max_temperature(got: f64) -> Result<f64, ProverError> {
    if (30.0..=120.0).contains(&got) {
        return Ok(got);
    }
    let expected = "degrees Celsius from 30 to 120".into();
    Err(ProverError::Argument { what: "--max-temperature", got: got.to_string(), expected })
}

/// A time from an option.
fn seconds(what: &'static str, got: f64) -> Result<Duration, ProverError> {
    let most = 1e6;
    let expected = || format!("a number of seconds above 0 and at most {most}");
    match Duration::try_from_secs_f64(got) {
        Ok(duration) if !duration.is_zero() && got <= most => Ok(duration),
        _ => Err(ProverError::Argument { what, got: got.to_string(), expected: expected() }),
    }
}

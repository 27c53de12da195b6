//! A box's scenario in a file, beside those that have a name.

use crate::error::ProverError;
use crate::input;
use serde::Deserialize;
use sphere_pow_network::host::Strategy;
use sphere_pow_network::scenario::{Event, Scenario};
use std::path::Path;

/// Largest scenario, in bytes.
const MAX_FILE: usize = 1 << 16;

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What it shows.
    #[serde(default)]
    about: String,
    /// Hosts that are not like the others.
    #[serde(default)]
    hosts: Vec<HostEntry>,
    /// What happens to the last host.
    #[serde(default)]
    events: Vec<EventEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostEntry {
    /// From 0.
    number: usize,
    strategy: Strategy,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventEntry {
    height: u64,
    what: Event,
}

/// A scenario and the text that it was read from.
pub(super) struct Read {
    pub(super) scenario: Scenario,
    pub(super) text: &'static str,
}

/// Reads a scenario for so many hosts.
pub(super) fn read(path: &Path, hosts: usize) -> Result<Read, ProverError> {
    let refused = |reason: String| ProverError::Argument {
        what: "--scenario",
        got: input::name(path),
        expected: format!("a scenario in TOML: {reason}"),
    };
    let text =
        String::from_utf8(input::bytes(path, MAX_FILE)?).map_err(|error| refused(error.to_string()))?;
    let scenario = parse(&text).map_err(refused)?;
    if let Some((number, _)) = scenario.others.iter().find(|(number, _)| *number >= hosts) {
        return Err(refused(format!("it has host {number}, expected below {hosts}, as --hosts says")));
    }
    Ok(Read { scenario, text: text.leak() })
}

/// A scenario of a text that [`read`] has read. It stays for as long as this process, as the named ones do.
pub(super) fn parse(text: &str) -> Result<Scenario, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let heights: Vec<u64> = file.events.iter().map(|event| event.height).collect();
    if !heights.is_sorted_by(|a, b| a < b) || heights.first() == Some(&0) {
        return Err(format!("events at heights {heights:?}, expected ascending ones from 1"));
    }
    let mut numbers: Vec<usize> = file.hosts.iter().map(|host| host.number).collect();
    numbers.sort_unstable();
    if let Some(twice) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("host {} twice", twice[0]));
    }
    let others: Vec<_> = file.hosts.into_iter().map(|host| (host.number, host.strategy)).collect();
    let events: Vec<_> = file.events.into_iter().map(|event| (event.height, event.what)).collect();
    Ok(Scenario {
        name: "file",
        about: file.about.leak(),
        others: others.leak(),
        events: events.leak(),
        ..Scenario::HONEST
    })
}

//! The readers of requests alone, without a node: for whoever tests them.

use super::body::{Faults, parse};
use super::init::Init;
use super::judge;
use sphere_pow_core::profile::ProfileName;

/// What a node would say of a body: nothing, or each thing that is wrong.
type Said = Result<(), Vec<String>>;

/// Most nonces of a batch here.
const MOST: usize = 1 << 16;

fn said<T>(result: Result<T, Faults>) -> Result<T, Vec<String>> {
    result.map_err(|faults| faults.iter().map(|fault| fault.message().to_owned()).collect())
}

fn stage(bytes: &[u8]) -> Result<Init, Vec<String>> {
    let [default, ..] = ProfileName::ALL;
    said(parse(bytes).and_then(|raw| Init::read(raw, default, &[])))
}

/// Reads bytes as the body of an init route.
///
/// # Errors
/// What is wrong with them.
///
/// # Panics
/// When what was read does not read the same again, as after a crash: a bug.
pub fn init(bytes: &[u8]) -> Said {
    let init = stage(bytes)?;
    assert_eq!(stage(init.body.as_bytes()).as_ref(), Ok(&init), "what a node remembers");
    Ok(())
}

/// Reads bytes as a batch to judge for the stage of `init`.
///
/// # Errors
/// What is wrong with either.
pub fn batch(bytes: &[u8], init: &[u8]) -> Said {
    let stage = stage(init)?;
    said(parse(bytes).and_then(|raw| {
        // Total over any JSON.
        let _ = judge::foreign(raw, &stage);
        let _ = judge::members(raw);
        judge::check(raw, &stage, MOST)
    }))
}

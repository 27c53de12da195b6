//! Bodies of the service's requests.

use crate::check_message;
use crate::seeds;
use sphere_pow_prover::serve::requests;

/// Reads bytes as an init, and as a batch for a stage of each profile.
pub(crate) fn requests(bytes: &[u8]) {
    let inits = seeds::inits();
    let mut all = vec![requests::init(bytes)];
    all.extend(inits.iter().map(|init| requests::batch(bytes, init)));
    for message in all.into_iter().filter_map(Result::err).flatten() {
        check_message(&message);
    }
}

//! What stands for [`super::sealing`] where no cryptography of dealings is built: rules that share secrets are refused there
//! ([`crate::rules::RulesError::Hosts`]), so nothing is ever dealt.

use super::dealing::{Deal, Dealing, Part};
use super::{Opener, Seat, Seating};
use crate::message::HostId;

impl Deal {
    /// Nothing.
    #[must_use]
    pub fn of(&self, _secret: &[u8; 32], _seating: &Seating) -> Dealing {
        Dealing { parts: Vec::new() }
    }

    /// Nothing.
    #[must_use]
    pub fn open(&self, _host: HostId, _part: &Part, _opener: &Opener) -> Option<Vec<u8>> {
        None
    }
}

/// Nothing.
#[must_use]
pub fn recover<'a>(
    _seating: &Seating,
    _shares: impl Iterator<Item = (&'a Seat, &'a [u8])>,
) -> Option<[u8; 32]> {
    None
}

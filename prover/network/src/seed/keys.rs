//! What shares are sealed to and opened with: hosts' signing keys, mapped to X25519.

#[cfg(feature = "hosts")]
use curve25519_dalek::edwards::CompressedEdwardsY;
use std::fmt;

/// What a host's shares are sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// The X25519 key at the point of an ed25519 key (RFC 7748 §4.1); `None` for bytes that are no point, or a point
    /// of small order, to which nothing can be sealed.
    #[cfg(feature = "hosts")]
    #[must_use]
    pub fn of_ed25519(key: &[u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(*key).decompress().filter(|point| !point.is_small_order())?;
        Some(Self(point.to_montgomery().to_bytes()))
    }

    #[cfg(feature = "hosts")]
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a host opens its shares with. It never prints itself.
#[derive(Clone)]
#[cfg_attr(not(feature = "hosts"), expect(dead_code, reason = "what it is for is not built"))]
pub struct Opener([u8; 32]);

impl Opener {
    /// From an X25519 secret, clamped or not (RFC 7748 §5).
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    #[cfg(feature = "hosts")]
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

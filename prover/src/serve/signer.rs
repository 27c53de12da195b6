//! Signatures of requests: whoever has a secp256k1 key signs a request's body, and nothing else is heard.
//!
//! The form was proposed for the network's ML node and never released: ECDSA over SHA-256 taken twice of the body, `r || s`
//! in base64, in a header of its own. It says neither when nor to whom, so that a request that was once seen can be sent again.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use std::str::FromStr;

/// Where a request has its signature.
pub(super) const HEADER: &str = "x-signature";

/// Whose requests are heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Signer(VerifyingKey);

impl FromStr for Signer {
    type Err = &'static str;

    /// A point of secp256k1, 33 bytes or 65, in hex as the network's requests have keys or in base64 as its chain has them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = of_hex(text).or_else(|| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
        let key = VerifyingKey::from_sec1_bytes(&bytes);
        key.map(Self).map_err(|_| "expected a public key of secp256k1, 33 or 65 bytes in hex or base64")
    }
}

/// The bytes of hex of either case; `None` for any other text.
fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(*pair.get(1)?)?).ok();
    text.as_bytes().chunks(2).map(byte).collect()
}

impl Signer {
    /// Whether a header's text is this signer's signature of a body, by either of the two `s` that are one.
    pub(super) fn has_signed(&self, header: Option<&str>, body: &[u8]) -> bool {
        let Some(bytes) = header.and_then(|text| BASE64_STANDARD.decode(text.trim()).ok()) else {
            return false;
        };
        let Ok(signature) = Signature::from_slice(&bytes) else { return false };
        let digest = Sha256::digest(Sha256::digest(body));
        self.0.verify_prehash(&digest, &signature.normalize_s()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Signer;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    const BODY: &[u8] = br#"{"block_hash":"DEADBEEF"}"#;
    /// Made by Python's `cryptography` 48, which signs by OpenSSL:
    /// `ec.derive_private_key(0x1e99423a4ed27608a15a2616a2b0e9e52ced330ac530edcc32c8ffc6a526aedd, ec.SECP256K1())` signed
    /// `sha256(sha256(body))` with `ec.ECDSA(Prehashed(SHA256()))`; `r || s` of what `decode_dss_signature` gives.
    const KEY: &str = "03f028892bad7ed57d2fb57bf33081d5cfcf6f9ed3d3d7f159c2e2fff579dc341a";
    const SIGNATURE: &str =
        "IvnhWCh+7V3RoxCkPU9nfqPXNJsRKzfMX1X9bNZQCSMuPG9IuuM8L7Uw8Mm7/qN9bgw6oihdhoBndO1MDLFZWA==";
    const OF_NOTHING: &str =
        "mGKevDTiRzjJuGcffe7WPTb31j5+wfMRH2ZhCm8+jON1/xpMOuochEeF10ithGbJ1im21ShBc4woyOFOQOjFMw==";
    /// The same with the order less `s`.
    const OTHER_S: &str =
        "IvnhWCh+7V3RoxCkPU9nfqPXNJsRKzfMX1X9bNZQCSPRw5C3RRzD0ErPDzZEAVyBTKKiRIbrGbtYXXFAw4Tn6Q==";
    /// Of SHA-256 taken once.
    const OF_ONE_HASH: &str =
        "X0djJP3x6omRUVqsvL2UtnToa314bTH6HaDgK18urKhLRcHDhM9zpPpyma1VW86PsGOtJrbJGLLsYH0gCbw/pw==";

    #[test]
    fn signatures_that_another_library_made_are_right_and_no_others() {
        let signer: Signer = KEY.parse().unwrap();
        for (body, signature) in [(BODY, SIGNATURE), (BODY, OTHER_S), (b"", OF_NOTHING)] {
            assert!(signer.has_signed(Some(signature), body), "{signature}");
            for bit in 0..512 {
                let mut changed = BASE64_STANDARD.decode(signature).unwrap();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!signer.has_signed(Some(&BASE64_STANDARD.encode(changed)), body), "bit {bit}");
            }
        }
        let zeros = BASE64_STANDARD.encode([0; 64]);
        for wrong in ["", "=", &SIGNATURE[..84], OF_NOTHING, OF_ONE_HASH, &zeros, &SIGNATURE.repeat(2), KEY] {
            assert!(!signer.has_signed(Some(wrong), BODY), "{wrong}");
        }
        assert!(!signer.has_signed(None, BODY));
        assert!(!signer.has_signed(Some(SIGNATURE), &BODY[1..]));
        let other: Signer =
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798".parse().unwrap();
        assert!(!other.has_signed(Some(SIGNATURE), BODY));
    }

    #[test]
    fn a_key_is_a_point_in_hex_or_base64() {
        let same = [KEY, &KEY.to_uppercase(), "A/AoiSutftV9L7V78zCB1c/Pb57T09fxWcLi//V53DQa"];
        for text in same {
            assert_eq!(text.parse(), KEY.parse::<Signer>(), "{text}");
        }
        let off_curve = format!("02{}", "00".repeat(32));
        for text in ["", "0", KEY.strip_prefix("03").unwrap(), &KEY[..65], &off_curve, "00", "A/Ao", "é"] {
            assert!(text.parse::<Signer>().is_err(), "{text}");
        }
    }
}

//! Short texts: hashes, keys, nonces and lists of them, numbers, names.

use crate::check_message;
use sphere_pow_core::exact::Digest;
use sphere_pow_core::gonka::seed::Seed;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::profile::ProfileName;
use sphere_pow_core::text::{MAX_SHOWN, shown};
use sphere_pow_core::verify::sample_indices;
use sphere_pow_prover::nonce_list;

/// Most characters that one character takes in a message.
const ESCAPED: usize = "\\u{10ffff}".len();

/// Every helper that takes a stranger's text.
pub(crate) fn texts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let quoted = shown(&text);
    check_message(&quoted);
    assert!(quoted.chars().count() <= MAX_SHOWN * ESCAPED + 3);
    if let Ok(block) = BlockHash::new(&text) {
        assert_eq!(block.as_str(), text, "taken as given");
        block.spelling_hint().iter().for_each(|hint| check_message(hint));
    }
    match PublicKey::new(&text) {
        Ok(key) => {
            assert_eq!(key.as_str(), text, "taken as given");
            key.spelling_hint().iter().for_each(|hint| check_message(hint));
            if let Err(error) = key.refuse_address() {
                check_message(&error.to_string());
            }
        }
        Err(error) => check_message(&error.to_string()),
    }
    match text.parse::<Nonce>() {
        Ok(nonce) => assert_eq!(Nonce::new(nonce.get()), Ok(nonce)),
        Err(error) => check_message(&error.to_string()),
    }
    if let Err(error) = text.parse::<ProfileName>() {
        check_message(&error.to_string());
    }
    if let Some(digest) = Digest::from_hex(&text) {
        assert_eq!(digest.to_hex(), text, "one spelling");
    }
    if let Ok(decimal) = text.parse::<Decimal>() {
        let written = decimal.to_string();
        assert_eq!(written.parse::<Decimal>(), Ok(decimal), "{written}");
    }
    // A range of a million takes milliseconds: one text in sixteen that may hold one is enough.
    let is_long = text.contains('-') && text.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > 3);
    if !is_long || bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) % 16 == 0 {
        nonces(&text);
    }
    let sample = sample_indices(bytes.len(), 8, &text);
    assert!(sample.len() == bytes.len().min(8) && sample.windows(2).all(|pair| pair[0] < pair[1]));
    // Total over any text.
    let _ = Seed::from_text(&text, 2);
}

fn nonces(text: &str) {
    match nonce_list::parse(text) {
        Ok(nonces) if nonces.len() > 1000 => {}
        Ok(nonces) => {
            let list: Vec<String> = nonces.iter().map(ToString::to_string).collect();
            assert_eq!(nonce_list::parse(&list.join(",")).expect("what we wrote"), nonces);
        }
        Err(error) => check_message(&error.to_string()),
    }
}

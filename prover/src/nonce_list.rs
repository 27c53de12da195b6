//! Nonces as a person writes them: `0,1,5-9`.

use crate::error::ProverError;
use sphere_pow_core::identity::Nonce;

/// Most nonces one list may name.
pub const MAX_NONCES: u64 = 1_000_000;

/// Reads `0,1,5-9`: numbers and inclusive ranges, separated by commas, none twice.
///
/// # Errors
/// [`ProverError::Identity`] for what is no nonce, [`ProverError::Argument`] for a backward range, more than
/// [`MAX_NONCES`] or a nonce named twice.
pub fn parse(text: &str) -> Result<Vec<Nonce>, ProverError> {
    let wrong =
        |got: &str, expected: String| ProverError::Argument { what: "--nonces", got: got.into(), expected };
    let mut nonces = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) =
            part.split_once('-').filter(|(first, _)| !first.is_empty()).unwrap_or((part, part));
        let (first, last): (Nonce, Nonce) = (first.trim().parse()?, last.trim().parse()?);
        if last < first {
            return Err(wrong(part, "a range that goes up".into()));
        }
        if last.get() - first.get() >= MAX_NONCES - nonces.len() as u64 {
            return Err(wrong(part, format!("at most {MAX_NONCES} nonces")));
        }
        for nonce in first.get()..=last.get() {
            nonces.push(Nonce::new(nonce)?);
        }
    }
    let mut sorted = nonces.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(wrong(text, format!("each nonce once, {} is named twice", pair[0]))),
        None => Ok(nonces),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn numbers_and_ranges_are_read_in_order() {
        let nonces: Vec<u64> = parse("3, 0,5-7").unwrap().into_iter().map(|n| n.get()).collect();
        assert_eq!(nonces, [3, 0, 5, 6, 7]);
        assert_eq!(parse("9223372036854775807").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in [
            "",
            ",",
            "1,",
            "-1",
            "1-",
            "a",
            "1.5",
            "5-4",
            "0-1000000",
            "0-9223372036854775807",
            "9223372036854775808",
            "1,1",
            "0-3,2",
            "1--2",
        ] {
            assert!(parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}

use super::*;

#[test]
fn nonces_reject_everything_but_plain_decimals_below_two_to_the_63() {
    for bad in ["", "-1", "+1", " 1", "1e3", "1.0", "0x10", "9223372036854775808", "99999999999999999999999"]
    {
        assert!(bad.parse::<Nonce>().is_err(), "{bad:?} was accepted");
    }
    assert_eq!("9223372036854775807".parse::<Nonce>(), Ok(Nonce::MAX));
    assert!(Nonce::new(1 << 63).is_err());
}

#[test]
fn sequences_of_all_groups_cover_every_nonce_once() {
    let mut seen = alloc::vec![0_u8; 60];
    for node in 0..3 {
        for group in 0..4 {
            for nonce in NonceSequence::new(node, 3, group, 4).unwrap() {
                if nonce.get() >= 60 {
                    break;
                }
                seen[usize::try_from(nonce.get()).unwrap()] += 1;
            }
        }
    }
    assert!(seen.iter().all(|n| *n == 1), "{seen:?}");
}

#[test]
fn a_resumed_sequence_goes_on_where_it_stopped() {
    let all = NonceSequence::new(2, 3, 1, 2).unwrap();
    let tail: alloc::vec::Vec<_> = all.clone().skip(4).take(5).collect();
    let last = all.clone().nth(3).unwrap();
    assert_eq!(all.clone().after(last).take(5).collect::<alloc::vec::Vec<_>>(), tail);
    let between = Nonce::new(last.get() + 1).unwrap();
    assert_eq!(all.after(between).next(), Some(tail[0]));
    assert_eq!(NonceSequence::new(0, 1, 0, 1).unwrap().after(Nonce::MAX).next(), None);
}

#[test]
fn node_numbers_beyond_the_count_are_legal_and_zero_counts_are_not() {
    assert_eq!(NonceSequence::new(7, 2, 0, 1).unwrap().next(), Some(Nonce(7)));
    assert!(NonceSequence::new(0, 0, 0, 1).is_err());
    assert!(NonceSequence::new(0, 1, 0, 0).is_err());
    assert!(NonceSequence::new(0, 1, 1, 1).is_err());
    assert!(NonceSequence::new(u64::MAX, 1, 0, 1).is_err());
    assert!(NonceSequence::new(0, u64::MAX, 0, 2).is_err());
}

#[test]
fn text_is_kept_as_given_and_other_spellings_get_a_hint() {
    let upper = "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1";
    let lower = upper.to_ascii_lowercase();
    let texts =
        [lower.as_str(), &alloc::format!("0x{lower}"), "H+eo06lvi15KTgxeni5si3odLDtKWWh3hpWks8LR4PE="];
    for text in texts {
        let hash = BlockHash::new(text).unwrap();
        assert_eq!(hash.as_str(), text);
        assert!(hash.spelling_hint().unwrap().contains(upper), "{text}");
    }
    assert_eq!(BlockHash::new(upper).unwrap().spelling_hint(), None);
    assert_eq!(BlockHash::new("DeadBeef").unwrap().spelling_hint(), None);
    let key = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3";
    for text in [key.to_ascii_uppercase().as_str(), "AsH1saDz4tTFtqeYiXBhUkM0JRYXCPnq28y9rr+QobLD"] {
        assert!(PublicKey::new(text).unwrap().spelling_hint().unwrap().contains(key), "{text}");
    }
    assert_eq!(PublicKey::new(key).unwrap().spelling_hint(), None);
}

#[test]
fn addresses_are_no_keys() {
    let address = PublicKey::new("gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9").unwrap();
    assert!(matches!(address.refuse_address(), Err(IdentityError::Address { .. })));
    assert_eq!(PublicKey::new("gonka1").unwrap().refuse_address(), Ok(()));
}

#[test]
fn texts_name_what_is_wrong_with_them() {
    assert_eq!(BlockHash::new(""), Err(IdentityError::Empty { what: "block hash" }));
    assert!(matches!(PublicKey::new(&"a".repeat(257)), Err(IdentityError::TooLong { got: 257, .. })));
    assert!(matches!(BlockHash::new("ab cd"), Err(IdentityError::Character { got: ' ', at: 2, .. })));
}

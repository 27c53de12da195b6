use super::*;

#[test]
fn numbers_are_read_as_the_networks_encoders_write_them() {
    for (raw, want) in [
        ("8", Some(8)),
        ("8.0", Some(8)),
        ("\"8\"", Some(8)),
        ("\"8.0\"", Some(8)),
        ("1e3", Some(1000)),
        ("-1", Some(-1)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("9007199254740992.0", None),
        ("1.5", None),
        ("\"08\"", None),
        ("\"+8\"", None),
        ("\" 8\"", None),
        ("\"8 \"", None),
        ("\"\"", None),
        ("true", None),
        ("[8]", None),
    ] {
        assert_eq!(integer(raw), want, "{raw}");
    }
    for (raw, want) in [
        ("1.25", Some(1.25)),
        ("\"1e-5\"", Some(1e-5)),
        ("{\"value\": \"1398077\", \"exponent\": -6}", Some(1.398_077)),
        ("{\"value\": 5}", Some(5.0)),
        ("{\"exponent\": 5}", None),
        ("{\"value\": 5, \"exponent\": 99999999999}", None),
        ("\"NaN\"", None),
        ("\"inf\"", None),
        ("1e999", Some(f64::INFINITY)),
    ] {
        assert_eq!(float(raw), want, "{raw}");
    }
}

#[test]
fn values_are_split_as_a_tree_of_serde_json_has_them() {
    fn tree(raw: &str) -> serde_json::Value {
        match raw.as_bytes().first() {
            Some(b'{') => {
                let mut map = serde_json::Map::new();
                let walked = members(raw, |name, raw| {
                    map.insert(name.into_owned(), tree(raw));
                    Ok::<(), ()>(())
                });
                assert!(walked.is_ok(), "{raw}");
                map.into()
            }
            Some(b'[') => {
                let mut list = Vec::new();
                let walked = elements(raw, |index, raw| {
                    assert_eq!(index, list.len());
                    list.push(tree(raw));
                    Ok::<(), ()>(())
                });
                assert!(walked.is_ok(), "{raw}");
                list.into()
            }
            Some(b'"') => text(raw).expect("whole pairs").into_owned().into(),
            _ => serde_json::from_str(raw).expect("JSON"),
        }
    }
    for raw in [
        "{}",
        "[]",
        "[ ]",
        "{ \n}",
        "[[],[[]],{}]",
        "{\"\":\"\"}",
        "\t{ \"a\" : [ 1 , -2.5e+3,true ] , \"b\":null }\r\n",
        r#"{"a\"]}":"\\","\u0041\ud83d\ude00\/\b\f\n\r\t":"}{]["}"#,
        r#"[{"x":[{"y":"\\\""}]}, 0 ,"é漢\u00e9"]"#,
    ] {
        let whole: serde_json::Value = serde_json::from_str(raw).expect("JSON");
        assert_eq!(tree(only(raw).expect("JSON")), whole, "{raw}");
    }
    for half in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud800x""#] {
        assert!(only(half).is_ok() && text(half).is_none(), "{half}");
    }
    assert!(only("1 2").is_err() && only("[1,]").is_err());
}

#[test]
fn fields_keep_what_is_known_and_name_the_first_of_the_rest() {
    let fields = Fields::read("{\"a\": 1, \"x\\u001b\": 2, \"b\": null, \"a\": 3}", &["a", "b"]).unwrap();
    assert_eq!((fields.get("a"), fields.get("b"), fields.strict("b")), (Some("1"), None, Some("null")));
    assert_eq!((fields.repeated, fields.unknown.as_deref()), (Some("a"), Some("\"x\\u{1b}\"")));
    assert!(Fields::read("{\"\\ud800\": 1}", &[]).is_err());
}

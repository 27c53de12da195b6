use super::*;
use proptest::prelude::*;
use serde_json::json;

const HASH: &str = "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1";
const KEY: &str = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3";
const KEY_BASE64: &str = "AsH1saDz4tTFtqeYiXBhUkM0JRYXCPnq28y9rr+QobLD";

fn read(value: &Value) -> Document {
    parse(&value.to_string()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn only(document: &Document) -> &Claim {
    assert_eq!(document.claims.len(), 1);
    &document.claims[0]
}

fn columns(claim: &Claim) -> (Vec<u64>, Vec<f64>) {
    (claim.nonces.iter().map(|n| n.get()).collect(), claim.distances.iter().map(|d| d.get()).collect())
}

#[test]
fn shape_a_with_numbers_or_strings_and_without_node_id() {
    for (nonces, height) in [(json!([1, 5]), json!(7)), (json!(["1", "5"]), json!("7"))] {
        let document = read(&json!({"public_key": KEY, "block_hash": HASH, "block_height": height,
            "nonces": nonces, "dist": [1.25, "0.5"], "later": {}}));
        assert_eq!(document.shape, Shape::ProofBatch);
        let claim = only(&document);
        assert_eq!(columns(claim), (vec![1, 5], vec![1.25, 0.5]));
        assert_eq!((claim.block_height, claim.node_id, claim.r_target), (Some(7), None, None));
        assert_eq!(claim.public_key.as_ref().expect("a key").as_str(), KEY);
    }
}

#[test]
fn shape_b_claims_what_was_received() {
    let document = read(&json!({"public_key": KEY, "block_hash": HASH, "block_height": 7, "nonces": [9],
        "dist": [1.41], "received_dist": [1.39], "r_target": 1.398077, "fraud_threshold": 1e-7, "n_invalid": 1,
        "probability_honest": 5e-4, "fraud_detected": false, "node_id": 0}));
    assert_eq!(document.shape, Shape::ValidatedBatch);
    assert_eq!(columns(only(&document)), (vec![9], vec![1.39]));
    assert_eq!(only(&document).r_target, Some(TargetRadius::DECEMBER_2025));
}

#[test]
fn shapes_c_and_d_nest_lists_of_one_name() {
    let batch = json!({"participant_address": "gonka1x", "poc_stage_start_block_height": 20, "nonces": [3],
        "dist": [1.3], "batch_id": "b", "node_id": "node-1"});
    let api = json!({"poc_batch": [{"participant": "gonka1x", "pub_key": KEY_BASE64,
        "hex_pub_key": KEY, "poc_batch": [batch, batch]}, {"participant": "gonka1y"}]});
    let document = read(&api);
    assert_eq!((document.shape, document.claims.len()), (Shape::ApiBatches, 2));
    assert_eq!(document.claims[1].public_key.as_ref().expect("a key").as_str(), KEY);
    assert_eq!(document.claims[1].block_height, Some(20));

    let chain = json!({"poc_batch": [{"participant": "gonka1x", "pub_key": KEY_BASE64, "hex_pub_key": "",
        "poc_batch": [{"poc_stage_start_block_height": "20", "nonces": ["3"], "dist": [1.3]}]}]});
    let document = read(&chain);
    assert_eq!(document.shape, Shape::ChainBatches);
    assert_eq!(only(&document).public_key.as_ref().expect("a key").as_str(), KEY);
}

#[test]
fn shape_e_is_opened_through_wrappers() {
    let message = json!({"@type": "/inference.inference.MsgSubmitPocBatch", "creator": "gonka1x",
        "poc_stage_start_block_height": "20", "nonces": ["3", "4"], "dist": [1.3, 1.2], "node_id": ""});
    let exec = json!({"@type": "/cosmos.authz.v1beta1.MsgExec", "grantee": "g", "msgs": [message, message]});
    for wrapped in [
        json!({"tx": {"body": {"messages": [exec]}}, "tx_response": {}}),
        json!({"body": {"messages": [exec]}}),
        json!({"messages": [exec]}),
        exec.clone(),
    ] {
        let document = read(&wrapped);
        assert_eq!((document.shape, document.claims.len()), (Shape::Transaction, 2));
        assert_eq!(document.claims[0].participant.as_deref(), Some("gonka1x"));
    }
    assert_eq!(read(&message).claims.len(), 1);
    let verdict = json!({"@type": "/inference.inference.MsgSubmitPocValidation"});
    assert_eq!(parse_value(&json!({"messages": [verdict]})), Err(ShapeError::VerdictOnly));
    let other = json!({"messages": [{"@type": "/cosmos.bank.v1beta1.MsgSend"}]});
    assert!(matches!(parse_value(&other), Err(ShapeError::Foreign { .. })));
}

#[test]
fn shapes_f_g_h_and_v2() {
    assert_eq!(parse_value(&json!({"poc_validation": []})), Err(ShapeError::VerdictOnly));
    let emptied = json!({"received_dist": [], "nonces": [], "dist": [], "fraud_detected": true});
    assert_eq!(parse_value(&emptied), Err(ShapeError::VerdictOnly));
    assert_eq!(parse_value(&json!({"root_hash": "x", "count": 3})), Err(ShapeError::V2Data));

    let params = serde_json::to_value(crate::gonka::Preset::Testnet.params().raw()).expect("plain");
    let init = read(&json!({"node_id": 1, "node_count": 2, "block_hash": HASH, "block_height": 5,
        "public_key": KEY, "batch_size": 100, "r_target": 1.4013564660458173, "params": params}));
    assert_eq!(init.shape, Shape::Init);
    assert_eq!(only(&init).params, Some(crate::gonka::Preset::Testnet.params()));
    assert!(only(&init).nonces.is_empty());

    let one =
        read(&json!({"block_hash": HASH.to_lowercase(), "public_key": KEY, "nonce": "9223372036854775807",
        "distance": 1.25, "r_target": {"value": "1398077", "exponent": -6}}));
    assert_eq!(one.shape, Shape::Single);
    assert_eq!(only(&one).nonces, vec![Nonce::MAX]);
    assert_eq!(only(&one).block_hash.as_ref().expect("a hash").as_str(), HASH);
    assert_eq!(only(&one).r_target, Some(TargetRadius::DECEMBER_2025));
}

#[test]
fn bad_documents_are_refused_with_the_place() {
    for (text, words) in [
        ("", "not JSON"),
        ("{\"nonces\": [1", "not JSON"),
        ("[]", "array of 0"),
        ("7", "not a proof: 7"),
        ("{\"hello\": 1}", "hello"),
        ("{\"nonces\": 1}", "nonces is 1, expected an array"),
        ("{\"nonces\": [-1], \"dist\": [1]}", "nonces[0]: nonce \"-1\""),
        ("{\"nonces\": [0, 9223372036854775808], \"dist\": [1, 1]}", "nonces[1]"),
        ("{\"nonces\": [1.0], \"dist\": [1]}", "nonces[0]"),
        ("{\"nonces\": [{}], \"dist\": [1]}", "nonces[0]"),
        ("{\"nonces\": [1], \"dist\": [\"NaN\"]}", "dist[0]: distance NaN"),
        ("{\"nonces\": [1], \"dist\": [\"Infinity\"]}", "dist[0]: distance inf"),
        ("{\"nonces\": [1], \"dist\": [-0.5]}", "dist[0]: distance -0.5"),
        ("{\"nonces\": [1], \"dist\": [2.5]}", "dist[0]: distance 2.5"),
        ("{\"nonces\": [1], \"dist\": [true]}", "dist[0] is true"),
        ("{\"nonces\": [1, 2], \"dist\": [1]}", "dist has 1 entries, expected 2"),
        ("{\"nonces\": [1], \"dist\": [1], \"r_target\": 10.0}", "r_target 10"),
        ("{\"nonces\": [1], \"dist\": [1], \"block_hash\": \"a b\"}", "block_hash"),
        ("{\"nonces\": [1], \"dist\": [1], \"params\": {}}", "params"),
        ("{\"nonce\": 1}", "distance is missing"),
        ("{\"poc_batch\": [1]}", "poc_batch[0] is 1"),
        (
            "{\"poc_batch\": [{\"poc_batch\": [{\"nonces\": [1], \"dist\": []}]}]}",
            "poc_batch[0].poc_batch[0]",
        ),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn hostile_nesting_ends_in_an_error() {
    let mut message = json!({"@type": "/inference.inference.MsgSubmitPocBatch", "nonces": [], "dist": []});
    for _ in 0..20 {
        message = json!({"msgs": [message], "@type": "MsgExec"});
    }
    assert!(matches!(parse_value(&message), Err(ShapeError::Foreign { .. })));
    assert!(matches!(parse(&"[".repeat(100_000)), Err(ShapeError::Json { .. })));
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "nonces",
        "dist",
        "nonce",
        "distance",
        "poc_batch",
        "tx",
        "body",
        "messages",
        "msgs",
        "@type",
        "params",
        "r_target",
        "block_hash",
        "public_key",
        "hex_pub_key",
        "received_dist",
        "value",
        "exponent",
        "node_id",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        "[0-9a-zA-Z/+=.-]{0,70}".prop_map(Value::from),
        Just(Value::from("/x.MsgSubmitPocBatch")),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_gives_a_document_or_an_error(value in any_json()) {
        if let Ok(document) = parse_value(&value) {
            for claim in document.claims {
                prop_assert_eq!(claim.nonces.len(), claim.distances.len());
            }
        }
    }

    #[test]
    fn any_text_gives_a_document_or_an_error(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_batch_written_is_read_back(nonces in prop::collection::hash_set(0_u64..1 << 63, 1..50), d in 0.0_f64..2.0) {
        let nonces: Vec<Nonce> = nonces.into_iter().map(|n| Nonce::new(n).expect("small")).collect();
        let dist = vec![Distance::new(d).expect("chord"); nonces.len()];
        let (key, hash) = (PublicKey::new(KEY).expect("a key"), BlockHash::new(HASH).expect("a hash"));
        let batch = crate::gonka::proof::ProofBatch::new(key, hash, 5, 2, nonces.clone(), dist.clone());
        let text = serde_json::to_string(&batch.expect("no duplicates")).expect("plain");
        let document = parse(&text).expect("our own form");
        prop_assert_eq!(&document.claims[0].nonces, &nonces);
        prop_assert_eq!(&document.claims[0].distances, &dist);
    }
}

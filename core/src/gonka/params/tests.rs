use super::*;
use alloc::format;

fn dev() -> RawParams {
    Preset::DevTest.params().raw().clone()
}

#[test]
fn presets_have_the_sizes_of_the_spec() {
    let mainnet = Preset::Mainnet.params();
    assert_eq!((mainnet.hidden(), mainnet.head_dim()), (49_152, 28));
    let testnet = Preset::Testnet.params();
    assert_eq!(
        (testnet.hidden(), testnet.n_parameters(), testnet.pool_len()),
        (28_672, 2_969_641_984, 148_482_099)
    );
    assert_eq!(testnet.flops_per_nonce() / 1_000_000_000, 733);
    assert_eq!(Preset::Default.params().hidden(), 22_528);
    assert_eq!(Preset::DevTest.params().n_parameters(), 75_514_368);
    for preset in Preset::ALL {
        assert_eq!(Preset::from_name(preset.name()), Some(preset));
    }
}

type Set<T> = fn(&mut RawParams, T);

#[test]
fn every_integer_field_refuses_zero_negative_and_huge_by_name() {
    let fields: [(&str, Set<i64>); 7] = [
        ("dim", |p, v| p.dim = v),
        ("n_layers", |p, v| p.n_layers = v),
        ("n_heads", |p, v| p.n_heads = v),
        ("n_kv_heads", |p, v| p.n_kv_heads = v),
        ("vocab_size", |p, v| p.vocab_size = v),
        ("multiple_of", |p, v| p.multiple_of = v),
        ("seq_len", |p, v| p.seq_len = v),
    ];
    for (name, set) in fields {
        for value in [0, -1, i64::MIN, i64::MAX, 1 << 40] {
            let mut raw = dev();
            set(&mut raw, value);
            let error = Params::new(&raw).expect_err(name);
            assert!(
                matches!(&error, ParamsError::Range { field, got, .. } if *field == name && *got == value),
                "{name} = {value}: {error}"
            );
        }
    }
}

#[test]
fn float_fields_refuse_nan_infinite_and_out_of_range_by_name() {
    let fields: [(&str, Set<f64>); 3] = [
        ("ffn_dim_multiplier", |p, v| p.ffn_dim_multiplier = Some(v)),
        ("norm_eps", |p, v| p.norm_eps = v),
        ("rope_theta", |p, v| p.rope_theta = v),
    ];
    for (name, set) in fields {
        for value in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            let mut raw = dev();
            set(&mut raw, value);
            let error = Params::new(&raw).expect_err(name);
            assert!(format!("{error}").starts_with(name), "{error}");
        }
    }
}

#[test]
fn indivisible_heads_and_oversized_models_are_refused() {
    let change = |f: fn(&mut RawParams)| {
        let mut raw = dev();
        f(&mut raw);
        Params::new(&raw).expect_err("must be refused")
    };
    assert!(matches!(change(|p| p.n_heads = 24), ParamsError::Divide { field: "n_heads", .. }));
    assert!(matches!(change(|p| p.n_kv_heads = 3), ParamsError::Divide { field: "n_kv_heads", .. }));
    assert!(matches!(
        change(|p| {
            p.dim = 65536;
            p.n_layers = 1024;
        }),
        ParamsError::TooLarge { .. }
    ));
}

#[test]
fn json_round_trips_and_names_missing_fields() {
    for preset in Preset::ALL {
        let params = preset.params();
        let text = serde_json::to_string(params.raw()).expect("plain numbers");
        assert_eq!(Params::from_json(&text), Ok(params));
    }
    let go = r#"{"dim":512,"n_layers":16,"n_heads":16,"n_kv_heads":16.0,"vocab_size":8192,
        "ffn_dim_multiplier":1.3,"multiple_of":1024,"norm_eps":1e-5,"rope_theta":5e5,
        "use_scaled_rope":true,"seq_len":4,"unknown":[1]}"#;
    assert_eq!(Params::from_json(go), Ok(Preset::DevTest.params()));
    for (text, word) in [
        ("{}", "dim"),
        ("", "EOF"),
        ("[1]", "object"),
        (&go.replace("512", "512.5"), "dim is 512.5"),
        (&go.replace("512", "\"wide\""), "dim is \"wide\""),
        (&go.replace("512", "1e999"), "dim is 1e999"),
        (&go.replace("16.0", "NaN"), "expected"),
    ] {
        let error = format!("{}", Params::from_json(text).expect_err(text));
        assert!(error.contains(word), "{text}: {error}");
    }
}

//! No kernel has a data race or a barrier in non-uniform control flow; what that means is in `src/race.rs`.

use sphere_pow_tests::layout::{Variant, resolve, resolve_text, variants};
use sphere_pow_tests::race::{Sizes, find};

/// Members of a kernel's `dims`, by name; those that are left out are 0.
fn dims(variant: &Variant, members: &[(&str, u32)]) -> Vec<u32> {
    let kernel = variant.kernel;
    let mut words = vec![0; kernel.dims_bytes / 4];
    for (name, value) in members {
        let at = kernel.dims_members.iter().find(|(member, _)| member == name);
        words[at.unwrap_or_else(|| panic!("{}: there is no {name}", variant.name)).1 / 4] = *value;
    }
    words
}

/// Sizes at which a kernel is looked at: not whole workgroups, more than one round of every loop.
fn sizes(variant: &Variant) -> Vec<Sizes> {
    let of = |members: &[(&str, u32)], groups, subgroup_threads| Sizes {
        dims: dims(variant, members),
        groups,
        subgroup_threads,
    };
    let plane = |members: &[(&str, u32)]| vec![of(members, [2, 2], 32)];
    let line = |members: &[(&str, u32)]| vec![of(members, [2, 1], 32)];
    // Only what they leave is other than their twins', which are looked at over all of k.
    let leaves_gated = variant.name.contains(" gated");
    match (variant.profile, variant.kernel.name) {
        ("gonka", "repack") => {
            let copy = [
                ("rows", 3),
                ("cols", 560),
                ("vecs", 80),
                ("run_first", 3),
                ("run_end", 1500),
                ("source", 1),
            ];
            let turns = [("first_place", 2), ("skipped", 2)];
            [plane(&copy), plane(&[&copy[..], &turns].concat())].concat()
        }
        ("gonka", "rms_norm") => line(&[("words", 192), ("dim", 300)]),
        ("gonka", "linear_matrix") => {
            // Subgroups as large as they may be, with more than one chunk of 1024 values, and half as large.
            let of = |k_quads, groups, subgroup_threads| {
                let shape = [("k_quads", k_quads), ("out_quads", 128), ("first_weight", 128)];
                of(&shape, groups, subgroup_threads)
            };
            if leaves_gated {
                return vec![of(8, [2, 2], 32)];
            }
            vec![of(264, [1, 1], 32), of(16, [2, 2], 32), of(16, [1, 1], 16)]
        }
        ("gonka", "linear" | "linear_wide" | "linear_halves") => {
            let k_quads = if leaves_gated { 8 } else { 16 };
            plane(&[("k_quads", k_quads), ("out_quads", 128), ("first_row", 128), ("first_weight", 128)])
        }
        ("gonka", "rope") => plane(&[("words", 128), ("used_words", 100), ("pairs", 5), ("positions", 7)]),
        ("gonka", "attention") => {
            // Blocks that are full and that are not, more than one tile of keys, heads wider than a workgroup and narrower.
            let shape = |queries: u32, head_words, first_block| {
                let heads =
                    [("seq_len", 70), ("queries", queries), ("group_heads", 2), ("head_words", head_words)];
                let blocks = [("blocks", queries.div_ceil(4)), ("first_block", first_block)];
                plane(&[heads.as_slice(), &[("q_words", 256), ("kv_words", 128)], &blocks].concat())
            };
            [shape(70, 66, 16), shape(70, 14, 16), shape(1, 16, 0)].concat()
        }
        ("gonka", "widen_all" | "narrow_all") => line(&[("words", 100)]),
        ("gonka", "add") => plane(&[("words", 100)]),
        ("gonka", "take_last") => plane(&[("words", 100), ("seq_len", 3)]),
        ("probe", "subgroup_width") => vec![of(&[("threads", 200)], [1, 1], 32)],
        ("exact", "stream") => line(&[("blocks_per_stream", 50), ("end_block", 100)]),
        ("exact", "embed" | "swiglu") => line(&[("end", 100)]),
        ("exact", "norm") => line(&[
            ("quads", 256),
            ("log2_root", 5),
            ("first_position", 3),
            ("positions", 9),
            ("key_stride", 512),
            ("key_first", 256),
            ("key_weight", 4),
        ]),
        ("exact", "leaf_chunks") => {
            let shape = |chunks| line(&[("state_vecs", 132), ("chunks", chunks), ("end", 60)]);
            [shape(3), shape(1)].concat()
        }
        ("exact", "leaf_root") => line(&[("chunks", 5), ("nonces", 60)]),
        ("exact", "merge") => line(&[("quads", 256), ("log2_root", 5)]),
        ("exact", "take_last") => plane(&[("words", 100), ("tokens", 3)]),
        ("exact", "attention") => {
            let shape =
                [("tokens", 70), ("queries", 70), ("row_vecs", 8), ("head_vecs", 4), ("log2_root", 3)];
            plane(&[shape.as_slice(), &[("block_queries", 29), ("blocks", 3)]].concat())
        }
        ("exact", "linear_coop") => {
            // Subgroups as large as they may be, with more than one chunk of 2048 values, and half as large.
            let size = |wanted: &str| {
                let found = variant.constants.iter().find(|(name, _)| *name == wanted);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                let size = found.unwrap_or_else(|| panic!("no {wanted}")).1 as u32;
                size
            };
            let threads = size("THREADS") / (2 * size("COLUMN_PAIRS"));
            let shape = |k_vecs| [("k_vecs", k_vecs), ("out_words", 64)];
            vec![
                of(&shape(130), [1, 1], threads),
                of(&shape(4), [2, 1], threads),
                of(&shape(4), [1, 1], threads / 2),
            ]
        }
        ("exact", name) if name.starts_with("linear") => {
            let shape =
                |k_vecs, leaves_as| [("k_vecs", k_vecs), ("out_words", 256), ("leaves_as", leaves_as)];
            let mut sizes = vec![of(&shape(8, 2), [2, 2], 32)];
            sizes.extend([0, 1].map(|leaves_as| of(&shape(4, leaves_as), [2, 1], 32)));
            if name.starts_with("linear_f32") && variant.name.contains("by 64 threads") {
                // More than one chunk of 2048 values.
                sizes.push(of(&shape(132, 2), [1, 1], 32));
            }
            sizes
        }
        ("train", name) => train_sizes(variant, name),
        (profile, name) => panic!("{profile}'s {name} has no sizes here"),
    }
}

/// Sizes of kernels of training: rows longer than a workgroup, several sequences and heads.
fn train_sizes(variant: &Variant, name: &str) -> Vec<Sizes> {
    let of = |members: &[(&str, u32)], groups| Sizes {
        dims: dims(variant, members),
        groups,
        subgroup_threads: 32,
    };
    let line = |members: &[(&str, u32)], groups| vec![of(members, [groups, 1])];
    let heads = [("context", 70), ("words", 18), ("heads", 2)];
    match name {
        "embed" => line(&[("words", 5), ("context", 7), ("positions_first", 100), ("end", 100)], 2),
        "join_branch" => line(&[("words", 5), ("end", 100)], 2),
        "embed_backward" => {
            line(&[("rows", 9), ("words", 40), ("context", 3), ("vocab", 2), ("positions_first", 80)], 5)
        }
        "quantise" => line(&[("words", 70), ("rows_of", 1), ("step", 1)], 3),
        "keys" => line(&[("words", 70), ("context", 2)], 5),
        "align_rows" => line(&[("rows", 70), ("heads", 2), ("uses_b", 1)], 3),
        "shares" | "by_shares" => line(&heads, 141),
        "join_qkv" => {
            line(&[("context", 2), ("heads", 2), ("rows", 4), ("words", 32), ("head_words", 16)], 4)
        }
        "plan_step" => line(&[("most", 70), ("grid", 29)], 3),
        "copy_int8" | "parameters" => line(&[("most", 70), ("words", 70)], 3),
        _ if name.starts_with("product") => product_sizes(of),
        _ => line(&[("words", 70)], 3),
    }
}

/// Sizes of a product that fill no tile: over more than one tile of k, of heads side by side, and with turned results.
fn product_sizes(of: impl Fn(&[(&str, u32)], [u32; 2]) -> Sizes) -> Vec<Sizes> {
    let sides = [("k", 44), ("rows", 40), ("columns", 36), ("row_tiles", 2), ("b_step", 1)];
    let single = [("heads", 1), ("a_row", 11), ("b_row", 11), ("out_row", 36), ("out_column", 1)];
    let heads = [("k", 8), ("rows", 6), ("columns", 8), ("row_tiles", 1), ("heads", 2), ("b_step", 2)];
    let turned = [("out_row", 1), ("out_column", 16), ("out_head", 8), ("out_sequence", 128)];
    vec![of(&[sides, single].concat(), [2, 2]), of(&[&heads[..], &turned].concat(), [4, 1])]
}

#[test]
fn no_kernel_races_or_waits_for_some_threads_only() {
    // A driver's own conversions change values and no index.
    for variant in variants().into_iter().filter(|variant| !variant.name.ends_with(" native")) {
        let (module, info) = resolve(&variant);
        let since = std::time::Instant::now();
        for sizes in sizes(&variant) {
            let found = find(&module, &info, variant.kernel.source, &sizes);
            assert!(found.is_empty(), "{}, {sizes:?}: {found:#?}", variant.name);
        }
        println!("{}: none, in {:.1} s", variant.name, since.elapsed().as_secs_f64());
    }
}

fn found_in(body: &str) -> Vec<String> {
    let source = format!(
        "struct Dims {{ n: u32 }}
        @group(0) @binding(0) var<uniform> dims: Dims;
        @group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
        var<workgroup> tile: array<vec4<u32>, 64>;
        var<workgroup> flags: array<u32, 64>;
        @compute @workgroup_size(8)
        fn planted(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3<u32>) {{
            {body}
        }}"
    );
    let (module, info) = resolve_text("planted", &source);
    find(&module, &info, &source, &Sizes { dims: vec![9], groups: [2, 1], subgroup_threads: 4 })
}

#[test]
fn planted_races_are_caught() {
    let finds = |body: &str, what: &str| {
        let found = found_in(body);
        assert!(found.iter().any(|line| line.contains(what)), "{body}\nfound {found:?}, not {what:?}");
    };
    // The components of one vector by several threads: as a race, and as a store that is never right.
    finds("tile[lane / 4u][lane % 4u] = 1u;", "component of a shared vector");
    finds("tile[lane / 4u][lane % 4u] = 1u;", "tile[0]: lines 8 and 8 write");
    finds("tile[lane].x = 1u;", "component of a shared vector");
    finds("out[group.x * 8u + lane].x = 1u;", "component of a shared vector");
    finds("flags[lane / 2u] = lane;", "flags[0]: lines 8 and 8 write");
    // A barrier forgotten before a read, and after one.
    finds("flags[lane] = 1u; out[group.x * 8u + lane] = vec4(flags[lane ^ 1u]);", "line 8 reads");
    finds(
        "for (var i = 0u; i < 2u; i += 1u) { flags[lane] = i; workgroupBarrier();
         out[group.x * 8u + lane] = vec4(flags[lane ^ 1u]); }",
        "flags[0]: line 8 writes, line 9 reads",
    );
    // Two workgroups.
    finds("out[lane] = vec4(1u);", "out[0]: lines 8 and 8 write");
    finds("if lane < 8u - group.x { out[lane + 7u * group.x] = vec4(1u); }", "out[7]: lines 8 and 8 write");
    // An index, and a way, that hang on the data.
    finds("flags[out[lane].x & 63u] = 1u;", "hangs on the data");
    finds("if out[0].x > 3u { flags[0] = lane; }", "flags[0]: lines 8 and 8 write");
}

#[test]
fn planted_barriers_are_caught() {
    let finds = |body: &str, what: &str| {
        let found = found_in(body);
        assert!(found.iter().any(|line| line.contains(what)), "{body}\nfound {found:?}, not {what:?}");
    };
    finds("if lane < 3u { workgroupBarrier(); }", "meets other barriers");
    finds("if lane >= dims.n - 2u { return; } workgroupBarrier();", "meets other barriers");
    finds("for (var i = 0u; i < lane; i += 1u) { workgroupBarrier(); }", "meets other barriers");
    finds("if lane < 3u { workgroupBarrier(); } else { workgroupBarrier(); }", "meets other barriers");
    finds("if out[0].x > 3u { workgroupBarrier(); }", "hangs on the data");
    finds("if out[0].x > 3u { return; } workgroupBarrier();", "hangs on the data");
    finds("for (var i = 0u; i < out[0].x; i += 1u) { workgroupBarrier(); }", "hangs on the data");
}

#[test]
fn what_is_right_is_let_pass() {
    for body in [
        "tile[lane] = vec4(1u); workgroupBarrier(); out[group.x * 8u + lane] = tile[lane ^ 1u];",
        "flags[lane] = 1u; for (var step = 4u; step > 0u; step /= 2u) { workgroupBarrier();
         if lane < step { flags[lane] += flags[lane + step]; } }
         workgroupBarrier(); out[group.x * 8u + lane] = vec4(flags[0]);",
        "if dims.n > 3u { workgroupBarrier(); }",
        "if out[group.x * 8u + lane].x > 3u { flags[lane] = 1u; } workgroupBarrier();",
        "var x = lane; loop { if out[group.x * 8u + lane].x == x { break; } x += 1u; } flags[lane] = x;",
    ] {
        let found = found_in(body);
        assert!(found.is_empty(), "{body}\nfound {found:?}");
    }
}

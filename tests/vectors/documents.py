#!/usr/bin/env python3
"""What SPEC Part 0 and §II.9.2 accept and refuse, listed by hand; makes document_accept.json and document_reject.json.

    python3 tests/vectors/documents.py
"""
import copy
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
HASH = "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1"
KEY = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3"
KEY64 = "AsH1saDz4tTFtqeYiXBhUkM0JRYXCPnq28y9rr+QobLD"
ONE, TWO = "gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9", "gonka1zpqry9x8gf2tvdw0s3jn54khce6mua7lqpzry9"
PARAMS = {"dim": 512, "n_layers": 16, "n_heads": 16, "n_kv_heads": 16, "vocab_size": 8192, "ffn_dim_multiplier": 1.3,
          "multiple_of": 1024, "norm_eps": 1e-05, "rope_theta": 500000.0, "use_scaled_rope": True, "seq_len": 4}
EXACT = json.load(open(os.path.join(HERE, "exact_proof.json")))["json"]
ABSENT = object()


def changed(base, **members):
    """A copy with members set, or taken out."""
    out = copy.deepcopy(base)
    for name, value in members.items():
        out.pop(name, None)
        if value is not ABSENT:
            out[name] = value
    return out


BATCH = {"public_key": KEY, "block_hash": HASH, "block_height": 20, "nonces": [8, 13], "dist": [1.25, 1.5]}
LINE = changed(BATCH, r_target=1.4, params=PARAMS, node_id=0, node_count=1, group=0, groups=1, tried=20, last=19)
EXACT_LINE = changed(EXACT, node_id=0, node_count=1, group=0, groups=1, tried=100, last=99)
MESSAGE = {"@type": "/inference.inference.MsgSubmitPocBatch", "creator": ONE, "poc_stage_start_block_height": "20",
           "nonces": ["8", "13"], "dist": [1.25, 1.5], "node_id": "node-1"}
EXEC = {"@type": "/cosmos.authz.v1beta1.MsgExec", "msgs": [MESSAGE]}
TX = {"@type": "/cosmos.tx.v1beta1.Tx", "body": {"messages": [EXEC]}}


def host(account, **members):
    inner = {"participant_address": account, "poc_stage_start_block_height": "20", "nonces": ["8"], "dist": [1.25]}
    return {"participant": account, "hex_pub_key": KEY, "pub_key": KEY64, "poc_batch": [changed(inner, **members)]}


def stage(**second):
    return {"poc_batch": [host(ONE), host(TWO, **second)]}


def form(document):
    if isinstance(document, bytes):
        return {"hex": document.hex()}
    return {"text": document if isinstance(document, str) else json.dumps(document)}


def pretty(value):
    return json.dumps(value, indent=2)


rejects, accepts = [], []


def reject(name, document, code, place):
    """The whole document is refused."""
    rejects.append({"name": name, **form(document), "code": code, "place": place})


def accept(name, document, shape, batches, rejected=(), torn=None, **first):
    """Read as batches at these places; `first` are members of the first batch."""
    case = {"name": name, **form(document), "shape": shape, "places": batches}
    case["rejected"] = [dict(zip(("place", "code", "participant"), part)) for part in rejected]
    accepts.append({**case, "torn": torn, "first": first})


def exact_reject(name, place, code, **members):
    reject("exact_" + name, changed(EXACT, **members), code, place)


def bytes_and_values():
    text = json.dumps(BATCH)
    reject("empty", "", "empty", "the document")
    reject("blank_bom_and_zero_bytes", "\ufeff \r\n\0\0", "empty", "the document")
    reject("gzip", b"\x1f\x8b\x08\0\0", "compressed", "the document")
    reject("zip", b"PK\x03\x04\0", "compressed", "the document")
    reject("zstd", b"\x28\xb5\x2f\xfd\0", "compressed", "the document")
    reject("xz", b"\xfd7zXZ\0\0", "compressed", "the document")
    reject("bzip2", b"BZh91AY", "compressed", "the document")
    reject("utf16_le_with_mark", text.encode("utf-16"), "utf-16", "the document")
    reject("utf16_le", text.encode("utf-16-le"), "utf-16", "the document")
    reject("utf16_be", text.encode("utf-16-be"), "utf-16", "the document")
    reject("latin_1", b'{"nonces": [1], "name": "\xe9t\xe9"}', "utf-8", "byte 25")
    reject("bytes_of_another_magic", b"RPXP\x01\0\0\0\xff", "utf-8", "byte 8")
    reject("a_character_cut_off", text.encode() + b"\n\xe2\x82", "utf-8", f"byte {len(text) + 1}")
    reject("html", "\n<html><body>429</body></html>", "html", "the document")
    reject("words", "rate limit exceeded", "json", "line 1, column 1")
    reject("cut_off_alone", '{"nonces": [1', "json", "line 1, column 13")
    reject("cut_off_pretty", pretty(BATCH)[:-2], "json", "line 12, column 3")
    reject("nan", '{"nonces": [1],\n "dist": [NaN]}', "json", "line 2, column 11")
    reject("infinity", '{"nonces": [1], "dist": [-Infinity]}', "json", "line 1, column 27")
    reject("trailing_comma", '{"nonces": [1],}', "json", "line 1, column 16")
    reject("a_number", "7", "foreign", "the document")
    reject("a_text", '"nonces"', "foreign", "the document")
    reject("null", "null", "foreign", "the document")
    reject("key_of_half_a_pair", '{"\\ud800": 1, "nonces": [1]}', "json", "the document")
    accept("one", BATCH, "proof-batch", ["the document"], nonces=["8", "13"], claims=[1.25, 1.5], public_key=KEY,
           block_hash=HASH, block_height=20)
    accept("pretty_with_mark_and_crlf", "\ufeff" + pretty(BATCH).replace("\n", "\r\n"), "proof-batch", ["the document"])
    accept("joined_on_a_line", text + text, "proof-batch", ["line 1", "line 1, value 2"])
    accept("joined_with_spaces", text + " " + text + "\t" + text, "proof-batch",
           ["line 1", "line 1, value 2", "line 1, value 3"])
    accept("joined_pretty", pretty(BATCH) + "\n" + pretty(BATCH), "proof-batch", ["line 1", "line 14"])
    accept("joined_with_mark_between", text + "\n\ufeff" + text, "proof-batch", ["line 1", "line 2"])
    accept("list", [BATCH, BATCH], "proof-batch", ["[0]", "[1]"])
    accept("lists_on_lines", f"[{text}]\n[{text}]", "proof-batch", ["line 1: [0]", "line 2: [0]"])
    accept("empty_list", [], "proof-batch", [])
    accept("skipped_members_nested_at_will", '{"x": ' + "[" * 5000 + "]" * 5000 + "," + text[1:], "proof-batch",
           ["the document"])


def lines():
    line, exact = json.dumps(LINE), json.dumps(EXACT_LINE)
    accept("file", f"{line}\n{line}\n", "proof-file", ["line 1", "line 2"], progress={
        "node_count": 1, "group": 0, "groups": 1, "tried": 20, "last": "19"}, r_target=1.4)
    accept("exact_file", f"{exact}\r\n\r\n{exact}\r\n", "proof-file", ["line 1", "line 3"])
    accept("first_line_alone", line, "proof-file", ["the document"])
    accept("exact_first_line_alone", exact, "proof-file", ["the document"])
    accept("progress_only", changed(LINE, nonces=[], dist=[]), "proof-file", ["the document"], nonces=[], claims=[])
    accept("last_line_without_newline", f"{line}\n{line}", "proof-file", ["line 1", "line 2"])
    accept("torn", f"{line}\n{line[:100]}", "proof-file", ["line 1"], torn={"line": 2, "bytes": 100})
    accept("torn_in_a_number", f"{line}\n" + '{"last": -', "proof-file", ["line 1"], torn={"line": 2, "bytes": 10})
    accept("torn_in_a_character", line.encode() + b'\n{"a": "\xe2\x82', "proof-file", ["line 1"],
           torn={"line": 2, "bytes": 9})
    accept("torn_and_zero_bytes", f"{line}\n{line[:50]}" + "\0" * 9, "proof-file", ["line 1"],
           torn={"line": 2, "bytes": 50})
    accept("zero_bytes_between", f"{line}\n" + "\0" * 9 + f"{line}\n", "proof-file", ["line 1", "line 2"])
    accept("torn_pretty", f"{pretty(LINE)}\n{pretty(LINE)[:40]}", "proof-file", ["line 1"],
           torn={"line": 34, "bytes": 40})
    accept("cut_off_but_ended", f"{line}\n{line[:50]}\n", "proof-file", ["line 1"],
           [("line 2, column 50", "json", None)])
    accept("bad_line_between", f"{line}\nmining since 9\n{line}\n", "proof-file", ["line 1", "line 3"],
           [("line 2, column 1", "json", None)])
    accept("bad_line_first", f"# my proofs\n{line}\n", "proof-file", ["line 2"], [("line 1, column 1", "json", None)])
    accept("bad_line_last", f"{line}\n]", "proof-file", ["line 1"], [("line 2, column 1", "json", None)])
    accept("foreign_line", f'{line}\n{{"a": 1}}\n7\n', "proof-file", ["line 1"],
           [("line 2", "foreign", None), ("line 3", "foreign", None)])
    reject("bad_line_before_no_object", f'{line}\n# x\n"nonces"\n', "json", "line 2, column 1")
    reject("broken_over_lines", '{"a": [\n1,\n2\n,,\n' + line, "json", "line 4, column 2")
    reject("broken_list", f"[{line}\n{line}\n", "json", "line 2, column 1")
    accept("profiles_mixed", f"{line}\n{exact}\n", "proof-file", ["line 1", "line 2"])


def shapes():
    accept("a_receiver", {"proof_batches": [BATCH]}, "proof-batch", ["proof_batches[0]"])
    accept("b", changed(BATCH, received_dist=[1.0, 1.1], r_target=10.0, fraud_threshold=0.01, fraud_detected=False),
           "validated-batch", ["the document"], claims=[1.0, 1.1], r_target=10.0)
    accept("b_receiver", {"validated_batches": [changed(BATCH, received_dist=[1.0, 1.1])]}, "validated-batch",
           ["validated_batches[0]"])
    accept("b_empty_receiver", {"validated_batches": []}, "validated-batch", [])
    accept("c", {"poc_batch": [{"participant": ONE, "hex_pub_key": KEY, "poc_batch": [
        {"participant_address": ONE, "poc_stage_start_block_height": 20, "nonces": [8], "dist": [2.5]}, {}]},
        {"participant": TWO}]}, "api-batches", ["poc_batch[0].poc_batch[0]"], participant=ONE, public_key=KEY,
        block_height=20, claims=[2.5])
    accept("c_null", {"poc_batch": None}, "api-batches", [])
    accept("d", stage(), "chain-batches", ["poc_batch[0].poc_batch[0]", "poc_batch[1].poc_batch[0]"], public_key=KEY)
    accept("d_rpc", {"jsonrpc": "2.0", "result": stage()}, "chain-batches",
           ["result.poc_batch[0].poc_batch[0]", "result.poc_batch[1].poc_batch[0]"])
    bad = "poc_batch[1].poc_batch[0]"
    for name, members, code, at in [
        ("nan", {"dist": ["NaN"]}, "distance", ".dist[0]"), ("negative", {"dist": [-0.5]}, "distance", ".dist[0]"),
        ("infinite", {"dist": [1e999]}, "distance", ".dist[0]"), ("null_distance", {"dist": [None]}, "distance", ".dist[0]"),
        ("negative_nonce", {"nonces": ["-1"]}, "nonce", ".nonces[0]"),
        ("minus_zero", {"nonces": [-0.0]}, "nonce", ".nonces[0]"),
        ("padded_nonce", {"nonces": ["08"]}, "nonce", ".nonces[0]"), ("half_nonce", {"nonces": [1.5]}, "nonce", ".nonces[0]"),
        ("nonce_over", {"nonces": ["9223372036854775808"]}, "nonce", ".nonces[0]"),
        ("nonce_float_over", {"nonces": [9007199254740992.0]}, "nonce", ".nonces[0]"),
        ("list_nonce", {"nonces": [[1]]}, "nonce", ".nonces[0]"), ("nonces_no_list", {"nonces": 8}, "value", ".nonces"),
        ("dist_no_list", {"dist": "1.25"}, "value", ".dist"), ("longer", {"nonces": [8, 13]}, "lists", ".dist"),
        ("height", {"poc_stage_start_block_height": "x"}, "value", ".poc_stage_start_block_height"),
        ("node", {"node_id": -2}, "value", ".node_id"), ("radius", {"r_target": 0}, "radius", ".r_target"),
        ("radius_text", {"r_target": "wide"}, "radius", ".r_target"), ("key", {"pub_key": 5}, "value", ".pub_key"),
        ("key_characters", {"hex_pub_key": "a b"}, "identity", ".hex_pub_key"),
        ("hash_long", {"block_hash": "a" * 257}, "identity", ".block_hash"),
        ("params_list", {"params": [512, 16]}, "params", ".params"), ("params_empty", {"params": {}}, "params", ".params"),
        ("params_no_seq_len", {"params": changed(PARAMS, seq_len=ABSENT)}, "params", ".params"),
        ("profile", {"profile": "other"}, "profile", ".profile"), ("profile_null", {"profile": None}, "profile", ".profile"),
    ]:
        text = json.dumps(stage(**members)).replace("Infinity", "1e999")
        accept("d_one_bad_" + name, text, "chain-batches", ["poc_batch[0].poc_batch[0]"], [(bad + at, code, TWO)])
        reject("alone_bad_" + name, json.dumps({"poc_batch": [host(TWO, **members)]}).replace("Infinity", "1e999"), code,
               "poc_batch[0].poc_batch[0]" + at)
    accept("d_one_no_object", {"poc_batch": [host(ONE), 7]}, "chain-batches", ["poc_batch[0].poc_batch[0]"],
           [("poc_batch[1]", "value", None)])
    accept("e", {"tx": TX, "tx_response": {"tx": TX}}, "transaction", ["tx.body.messages[0].msgs[0]"], participant=ONE,
           nonces=["8", "13"], node_id=None)
    accept("e_response", {"tx_response": {"tx": TX}}, "transaction", ["tx_response.tx.body.messages[0].msgs[0]"])
    accept("e_search", {"txs": [TX], "tx_responses": [{"tx": TX}]}, "transaction", ["txs[0].body.messages[0].msgs[0]"])
    accept("e_message", MESSAGE, "transaction", ["the document"])
    accept("e_beside_others", {"messages": [{"@type": "/cosmos.bank.v1beta1.MsgSend"}, {"@type": "MsgSubmitPocValidation"},
                                            MESSAGE]}, "transaction", ["messages[2]"])
    reject("e_verdict", {"messages": [{"@type": "/inference.inference.MsgSubmitPocValidation", "nonces": []}]},
           "verdict-only", "messages[0]")
    reject("e_later_kind", {"messages": [{"@type": "/inference.inference.MsgSubmitPocV2StoreCommit"}]}, "v2", "messages[0]")
    reject("e_other", {"tx": {"body": {"messages": [{"@type": "/cosmos.bank.v1beta1.MsgSend"}]}}}, "foreign",
           "tx.body.messages[0]")
    reject("e_messages_no_list", {"tx": {"body": {"messages": {}}}}, "value", "tx.body.messages")
    nested = MESSAGE
    for _ in range(20):
        nested = {"@type": "MsgExec", "msgs": [nested]}
    reject("nested", nested, "nesting", "msgs[0]" + ".msgs[0]" * 8)
    accept("g", {"node_id": 1, "node_count": 2, "block_hash": HASH, "public_key": KEY, "params": PARAMS, "r_target": 10.0},
           "init", ["the document"], nonces=[], claims=None, r_target=10.0)
    accept("h", {"block_hash": HASH, "public_key": KEY, "nonce": "9223372036854775807", "distance": 1.25,
                 "r_target": {"value": "1398077", "exponent": -6}}, "single", ["the document"],
           nonces=["9223372036854775807"], claims=[1.25], r_target=1.398077)
    accept("h_without_distance", {"nonce": 5}, "single", ["the document"], nonces=["5"], claims=None)
    reject("f", {"poc_validation": [{"poc_validation": [{"fraud_detected": False}]}]}, "verdict-only", "the document")
    reject("f_emptied", {"received_dist": [], "nonces": [], "dist": [], "fraud_detected": True}, "verdict-only", "the document")
    reject("v2", {"commits": [{"root_hash": "AA=="}]}, "v2", "the document")
    reject("server_error", {"code": 5, "message": "Not Found", "details": []}, "api-error", "the document")
    reject("rpc_error", {"jsonrpc": "2.0", "id": -1, "error": {"code": -32603, "message": "x"}}, "api-error", "the document")
    reject("wrapped", {"data": {"answer": [{"poc_batch": []}]}}, "wrapped", "the document")
    reject("foreign", {"hello": 1}, "foreign", "the document")
    reject("repeated", '{"nonces": [1], "dist": [1], "nonces": [2]}', "repeated", "nonces")
    accept("repeated_but_skipped", '{"x": 1, "nonces": [1], "dist": [1], "x": 2}', "proof-batch", ["the document"])


def members():
    for name, claims in [("absent", ABSENT), ("null", None), ("empty", [])]:
        accept("claims_" + name, changed(BATCH, dist=claims), "proof-batch", ["the document"], claims=None)
    accept("nonces_null", changed(BATCH, nonces=None, dist=None), "proof-batch", ["the document"], nonces=[], claims=[])
    accept("numbers_of_other_encoders", changed(BATCH, nonces=[8.0, "13.0", 1e3, 0], dist=["1.25", 1, "1e-3", 0],
                                                block_height="20", node_id="7"),
           "proof-batch", ["the document"], nonces=["8", "13", "1000", "0"], claims=[1.25, 1, 0.001, 0], node_id=7)
    accept("unset_numbers", changed(BATCH, block_height=0, poc_stage_start_block_height=9, node_id=-1), "proof-batch",
           ["the document"], block_height=9, node_id=None)
    for name, text in [("lower", HASH.lower()), ("prefixed", "0x" + HASH), ("base64", "H+eo06lvi15KTgxeni5si3odLDtKWWh3hpWks8LR4PE=")]:
        accept("hash_" + name, changed(BATCH, block_hash=text), "proof-batch", ["the document"], block_hash=text)
    for name, key in [("base64", KEY64), ("upper", KEY.upper()), ("amino", {"@type": "x", "key": KEY64})]:
        want = key if isinstance(key, str) else KEY64
        accept("key_" + name, changed(BATCH, public_key=key), "proof-batch", ["the document"], public_key=want)
    accept("key_of_three", changed(BATCH, pub_key="c", public_key="b", hex_pub_key="a"), "proof-batch", ["the document"],
           public_key="a")
    accept("key_of_two_and_empty", changed(BATCH, pub_key="c", public_key="b", hex_pub_key=""), "proof-batch",
           ["the document"], public_key="b")
    reject("key_object_without_key", changed(BATCH, public_key={"@type": "x"}), "value", "public_key")
    reject("key_half_a_pair", json.dumps(BATCH).replace(KEY, "\\ud800"), "value", "public_key")
    reject("account_with_escapes", changed(BATCH, participant="a\u001b[2J"), "value", "participant")
    for name, params in [("too_long", changed(PARAMS, x="y" * 20000)), ("heads", changed(PARAMS, n_heads=7)),
                         ("text", changed(PARAMS, dim="wide"))]:
        reject("params_" + name, changed(BATCH, params=params), "params", "params")
    reject("params_with_escapes", changed(BATCH, params=changed(PARAMS, dim="\u001b[2J" * 100)), "params", "params")
    reject("params_repeated", json.dumps(LINE).replace('"dim": 512', '"dim": 512, "dim": 512'), "params", "params")
    chain = changed(PARAMS, dim="512", ffn_dim_multiplier={"value": "13", "exponent": -1}, n_layers=16.0)
    accept("params_of_the_chain", changed(BATCH, params=chain), "proof-batch", ["the document"])
    accept("profile_named", changed(BATCH, profile="gonka"), "proof-batch", ["the document"])


def exact():
    accept("exact", EXACT, "exact-proof", ["the document"], nonces=EXACT["nonces"], claims=EXACT["digests"],
           public_key=EXACT["public_key"], block_hash=EXACT["block_hash"])
    accept("exact_pretty", pretty(EXACT), "exact-proof", ["the document"])
    accept("exact_no_claims", changed(EXACT, nonces=[], digests=[]), "exact-proof", ["the document"], nonces=[], claims=[])
    accept("exact_escapes", json.dumps(EXACT).replace('"exact"', '"\\u0065xact"').replace('"nonces"', '"\\u006eonces"'),
           "exact-proof", ["the document"])
    accept("exact_list", [EXACT, changed(EXACT, version=1)], "exact-proof", ["[0]"], [("[1].version", "version", None)])
    here = "the document"
    for name in ["version", "params", "block_hash", "public_key", "nonces", "digests"]:
        exact_reject(name + "_absent", name, "missing", **{name: ABSENT})
        code = "params" if name == "params" else "value"
        exact_reject(name + "_null", name, code, **{name: None})
    exact_reject("profile_absent", "profile", "missing", profile=ABSENT)
    exact_reject("profile_other", "profile", "profile", profile="Exact")
    exact_reject("profile_number", "profile", "profile", profile=1)
    reject("exact_profile_twice", json.dumps(EXACT)[:-1] + ', "profile": "exact"}', "repeated", "profile")
    exact_reject("unknown", here, "unknown", extra=1)
    exact_reject("unknown_of_the_other_profile", here, "unknown", dist=[])
    exact_reject("unknown_before_version", here, "unknown", extra=1, version=1)
    exact_reject("participant", here, "unknown", participant=5)
    for name, version in [("text", "2"), ("negative", -1), ("float", 2.0), ("null", None)]:
        exact_reject("version_" + name + "_value", "version", "value", version=version)
    reject("exact_version_exponent", json.dumps(EXACT).replace('"version": 2', '"version": 2e0'), "value", "version")
    reject("exact_version_minus_zero", json.dumps(EXACT).replace('"version": 2', '"version": -0'), "value", "version")
    for version in (0, 1, 3, 2**32, 2**63 - 1):
        exact_reject(f"version_{version}", "version", "version", version=version)
    exact_reject("version_2_63", "version", "value", version=2**63)
    for name, params in [("list", list(EXACT["params"].values())), ("extra", changed(EXACT["params"], extra=1)),
                         ("without_vocab", changed(EXACT["params"], vocab=ABSENT)), ("text", changed(EXACT["params"], dim="64")),
                         ("float", changed(EXACT["params"], dim=64.0)), ("over", changed(EXACT["params"], threshold=2**32)),
                         ("negative", changed(EXACT["params"], threshold=-1)), ("width", changed(EXACT["params"], dim=65))]:
        exact_reject("params_" + name, "params", "params", params=params)
    exact_reject("params_with_escapes", "params", "params", params=changed(EXACT["params"], **{"\u001b[2J": 1}))
    exact_reject("unknown_with_escapes", here, "unknown", **{"\u001b[2J" * 100: 1})
    reject("exact_params_twice", json.dumps(EXACT).replace('"dim": 64', '"dim": 64, "dim": 64'), "params", "params")
    for name in ("block_hash", "public_key"):
        for what, text, code in [("empty", "", "identity"), ("long", "a" * 257, "identity"), ("space", "a b", "identity"),
                                 ("letters", "k\u00e9y", "identity"), ("number", 5, "value"), ("object", {"key": "a"}, "value")]:
            exact_reject(f"{name}_{what}", name, code, **{name: text})
    exact_reject("block_hash_before_public_key", "block_hash", "identity", block_hash="", public_key="")
    exact_reject("params_before_block_hash", "params", "params", block_hash="", params={})
    nonces, digests = EXACT["nonces"], EXACT["digests"]
    def nonce(ix, value):
        return nonces[:ix] + [value] + nonces[ix + 1:]
    def digest(ix, value):
        return digests[:ix] + [value] + digests[ix + 1:]
    for name, value in [("number", 3), ("null", None), ("empty", ""), ("padded", "00"), ("plus", "+1"), ("minus", "-1"),
                        ("minus_zero", "-0"), ("blank", " 1"), ("float", "1.0"), ("exponent", "1e3"), ("hex", "0x1"),
                        ("wide_digits", "\uff11"), ("over", str(2**63)), ("long", "9" * 1000)]:
        exact_reject("nonce_" + name, "nonces[3]", "nonce", nonces=nonce(3, value))
    for name, value in [("upper", digests[0].upper()), ("short", "00"), ("long", "0" * 65), ("number", 0), ("null", None),
                        ("letter", "g" + digests[0][1:])]:
        exact_reject("digest_" + name, "digests[2]", "digest-text", digests=digest(2, value))
    exact_reject("nonce_twice", "nonces[1]", "order", nonces=nonce(1, nonces[0]))
    exact_reject("nonces_fall", "nonces[1]", "order", nonces=[nonces[1], nonces[0], *nonces[2:]])
    exact_reject("nonce_of_a_later_claim", "nonces[1]", "order", nonces=[nonces[0], nonces[0], "x", *nonces[3:]])
    exact_reject("digest_before_order", "digests[1]", "digest-text", nonces=nonce(1, nonces[0]), digests=digest(1, ""))
    exact_reject("digest_of_an_earlier_claim", "digests[0]", "digest-text", nonces=nonce(1, "x"), digests=digest(0, ""))
    exact_reject("nonces_shorter", "digests", "lists", nonces=nonces[:-1])
    exact_reject("digests_shorter", "digests", "lists", digests=digests[:-1])
    exact_reject("lists_before_claims", "digests", "lists", nonces=["x"])
    exact_reject("nonces_object", "nonces", "value", nonces={})
    exact_reject("digests_text", "digests", "value", digests="")
    for name in ("node_count", "group", "groups", "tried", "last"):
        reject("exact_line_without_" + name, changed(EXACT_LINE, **{name: ABSENT}), "missing", name)
        reject("exact_line_float_" + name, changed(EXACT_LINE, **{name: 1.0}), "value", name)
    exact_reject("node_id_text", "node_id", "value", node_id="0")
    accept("exact_node_id_alone", changed(EXACT, node_id=3), "exact-proof", ["the document"], node_id=3)
    accept("exact_line_without_node_id", changed(EXACT_LINE, node_id=ABSENT), "proof-file", ["the document"])


def write(name, comment, cases):
    body = {"_comment": comment, "spec": "0.2, 0.3, 0.4, II.9.2", "version": 1, "cases": cases}
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
        json.dump(body, f, indent=1)
        f.write("\n")
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
    print(name, len(cases))


if __name__ == "__main__":
    bytes_and_values()
    lines()
    shapes()
    members()
    exact()
    write("document_reject.json", "Documents, as text or hex, that are refused, with the error's code and place.", rejects)
    write("document_accept.json", "Documents that are read: shape, places of the batches, what is set aside, what is cut off, and "
          "members of the first batch as far as they are listed (nonces as text; claims as numbers or hex).", accepts)

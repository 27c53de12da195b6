#!/usr/bin/env python3
"""A second reader of single JSON documents, written from SPEC §0.3 and §II.9.2 alone; makes document_mutated.json: what it says of
documents changed at random.

    python3 tests/vectors/stranger.py
"""
import copy
import json
import os
import random
import re
from decimal import Decimal

from documents import BATCH, EXACT, HASH, KEY, LINE, MESSAGE, PARAMS, ABSENT, changed, host

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRESS = ["node_count", "group", "groups", "tried", "last"]
OWN = ["profile", "version", "params", "block_hash", "public_key", "nonces", "digests"]
KNOWN = set(OWN + PROGRESS) | set(
    "hex_pub_key pub_key block_height poc_stage_start_block_height node_id participant_address participant creator dist "
    "received_dist nonce distance r_target fraud_detected poc_batch proof_batches validated_batches @type tx txs tx_response "
    "tx_responses body messages msgs result commits root_hash proofs vector_bytes poc_validation message error code".split())
EXACT_RANGES = {"layers": (1, 256), "vocab": (16, 65536), "threshold": (0, 2**32 - 1)}


class Number(str):
    """A number as written."""


class Wrong(Exception):
    def __init__(self, code, place):
        super().__init__(code)
        self.code, self.place = code, place


class Unsure(Exception):
    """Not decided by what this reader knows."""


class Members(list):
    """An object's members in order, names repeated or not."""

    def has(self, name):
        return any(key == name for key, _ in self)

    def get(self, name, default=None):
        return next((value for key, value in self if key == name), default)


def parse(text):
    def constant(_):
        raise ValueError
    return json.loads(text, object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=constant)


def is_text(value):
    return isinstance(value, str) and not isinstance(value, Number) and not any(0xD800 <= ord(c) < 0xE000 for c in value)


def digits(value, top):
    return isinstance(value, Number) and re.fullmatch("[0-9]+", value) is not None and int(value) <= top


def is_identity(text):
    return 1 <= len(text) <= 256 and all(0x21 <= ord(c) <= 0x7E for c in text)


def under(path, name):
    return f"{path}.{name}" if path else name


def numeral(value):
    if not isinstance(value, str) or not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", value):
        return None
    return value


def integer(value):
    text = numeral(value)
    if text is None:
        return None
    if re.fullmatch("-?[0-9]+", text):
        return int(text) if -2**63 <= int(text) < 2**63 else None
    number = float(text)
    return int(number) if abs(number) < 2**53 and number == int(number) else None


def real(value):
    if isinstance(value, Members):
        v, e = integer(value.get("value")), integer(value.get("exponent", Number("0")))
        return None if v is None or e is None or not -2**31 <= e < 2**31 else float(f"{v}e{e}")
    text = numeral(value)
    return None if text is None else float(text)


def exact_params(value):
    names = ["dim", "heads", "hidden", "layers", "tokens", "vocab", "threshold"]
    if not isinstance(value, Members) or sorted(key for key, _ in value) != sorted(names):
        return False
    if not all(digits(v, 2**32 - 1) for _, v in value):
        return False
    dim, heads, hidden, layers, tokens, vocab, _ = (int(value.get(name)) for name in names)
    return (dim in (64, 256, 1024, 4096) and heads in (dim // 64, dim // 16) and hidden in (64, 256, 1024, 4096, 16384)
            and 1 <= layers <= 256 and 1 <= tokens <= dim // 4 and 16 <= vocab <= 65536)


def exact(o, path):
    allowed = OWN + PROGRESS + ["node_id"]
    if any(key not in allowed for key, _ in o):
        raise Wrong("unknown", path)
    def need(name):
        if not o.has(name):
            raise Wrong("missing", under(path, name))
        return o.get(name)
    need("profile")
    version = need("version")
    if not digits(version, 2**63 - 1):
        raise Wrong("value", under(path, "version"))
    if int(version) != 2:
        raise Wrong("version", under(path, "version"))
    if not exact_params(need("params")):
        raise Wrong("params", under(path, "params"))
    for name in ("block_hash", "public_key"):
        if not is_text(need(name)):
            raise Wrong("value", under(path, name))
        if not is_identity(o.get(name)):
            raise Wrong("identity", under(path, name))
    for name in ("nonces", "digests"):
        if isinstance(need(name), Members) or not isinstance(o.get(name), list):
            raise Wrong("value", under(path, name))
    nonces, digests = o.get("nonces"), o.get("digests")
    if len(nonces) != len(digests):
        raise Wrong("lists", under(path, "digests"))
    last = -1
    for i, (nonce, digest) in enumerate(zip(nonces, digests)):
        if not is_text(nonce) or not re.fullmatch("0|[1-9][0-9]*", nonce, re.A) or int(nonce) >= 2**63:
            raise Wrong("nonce", under(path, f"nonces[{i}]"))
        if not is_text(digest) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise Wrong("digest-text", under(path, f"digests[{i}]"))
        if int(nonce) <= last:
            raise Wrong("order", under(path, f"nonces[{i}]"))
        last = int(nonce)
    names = (PROGRESS if any(o.has(name) for name in PROGRESS) else []) + (["node_id"] if o.has("node_id") else [])
    for name in names:
        if not digits(need(name), 2**63 - 1):
            raise Wrong("value", under(path, name))


def gonka_params(value):
    if not isinstance(value, Members) or len({key for key, _ in value}) != len(value):
        return False
    names = ["dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "multiple_of", "seq_len"]
    whole = [integer(value.get(name)) for name in names]
    floats = [real(value.get(name)) for name in ("norm_eps", "rope_theta")]
    scale = value.get("ffn_dim_multiplier")
    if None in whole or None in floats or not isinstance(value.get("use_scaled_rope"), bool):
        return False
    if scale is not None and real(scale) is None:
        return False
    # §I.6 bounds what is left; this reader knows of one model only that it is within.
    if whole != [PARAMS[name] for name in names] or floats != [PARAMS["norm_eps"], PARAMS["rope_theta"]] or real(scale) != 1.3:
        raise Unsure
    return True


def optional_text(o, name, path):
    value = o.get(name)
    if value is None or is_text(value):
        return value or None
    raise Wrong("value", under(path, name))


def account(o, path):
    for name in ("participant_address", "participant", "creator"):
        text = optional_text(o, name, path)
        if text is not None:
            if not is_identity(text):
                raise Wrong("value", under(path, name))
            return


def key(o, path):
    for name in ("hex_pub_key", "public_key", "pub_key"):
        value = o.get(name)
        if isinstance(value, Members):
            if sum(k == "key" for k, _ in value) != 1:
                raise Wrong("value", under(path, name))
            text = optional_text(value, "key", under(path, name))
        else:
            text = optional_text(o, name, path)
        if text is not None:
            if not is_identity(text):
                raise Wrong("identity", under(path, name))
            return


def ranged(o, name, path, low):
    value = o.get(name)
    if value is not None and (integer(value) is None or integer(value) < low):
        raise Wrong("value", under(path, name))


def column(o, name, path, entry, code):
    values = o.get(name)
    if values is None:
        return []
    if isinstance(values, Members) or not isinstance(values, list):
        raise Wrong("value", under(path, name))
    for i, value in enumerate(values):
        if not entry(value):
            raise Wrong(code, under(path, f"{name}[{i}]"))
    return values


def is_nonce(value):
    return numeral(value) is not None and not value.startswith("-") and integer(value) is not None


def is_distance(value):
    number = real(value)
    return number is not None and 0 <= number < float("inf")


def batch(o, path, claims):
    key(o, path)
    text = optional_text(o, "block_hash", path)
    if text is not None and not is_identity(text):
        raise Wrong("identity", under(path, "block_hash"))
    ranged(o, "block_height", path, 0)
    if o.get("block_height") is None or integer(o.get("block_height")) == 0:
        ranged(o, "poc_stage_start_block_height", path, 0)
    if not (is_text(o.get("node_id")) and integer(o.get("node_id")) is None):
        ranged(o, "node_id", path, -1)
    if o.get("params") is not None and not gonka_params(o.get("params")):
        raise Wrong("params", under(path, "params"))
    radius = o.get("r_target")
    if radius is not None and (real(radius) is None or not 0 < real(radius) < float("inf")):
        raise Wrong("radius", under(path, "r_target"))
    for name in PROGRESS:
        ranged(o, name, path, 0)
    nonces = column(o, "nonces", path, is_nonce, "nonce")
    values = column(o, claims, path, is_distance, "distance")
    if values and len(values) != len(nonces) or not nonces and values:
        raise Wrong("lists", under(path, claims))
    if claims == "received_dist" and not nonces:
        raise Wrong("verdict-only", path)


def read(o, path=""):
    """Whether an object is one batch; raises what is wrong with it."""
    if any(sum(k == name for k, _ in o) > 1 for name, _ in o if name in KNOWN):
        seen = set()
        raise Wrong("repeated", under(path, next(k for k, _ in o if k in KNOWN and (k in seen or seen.add(k)))))
    profile = o.get("profile", ABSENT)
    if profile is not ABSENT and (not is_text(profile) or profile not in ("exact", "gonka")):
        raise Wrong("profile", under(path, "profile"))
    if profile == "exact" or profile is ABSENT and o.has("digests"):
        return exact(o, path)
    account(o, path)
    if o.get("received_dist") is not None or o.get("fraud_detected") is not None:
        return batch(o, path, "received_dist")
    assert o.has("nonces") or o.has("dist"), "the mutations keep one of them"
    return batch(o, path, "dist")


VALUES = [None, True, 0, 1, -1, 8, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 1.5, 8.0, 2.0**53, -0.5, "", "0", "8", "08", "-8", "8.0", "1e3",
          " 8", "8 ", "x", "é", "a b", "\ud800", "a" * 256, "a" * 257, "exact", "gonka", "g" * 64, "0" * 64, "F" * 64, [], ["8"], [8], ["8", "8"], ["0" * 64] * 3,
          [1.25], [None], {}, {"key": "k"}, {"key": 5}, {"value": "5", "exponent": -1}, {"value": "5"}, {"value": 5, "exponent": "x"}]


def mutate(base, random):
    o = copy.deepcopy(base)
    for _ in range(random.choice([1, 1, 1, 2, 2, 3])):
        name = random.choice([*base, *base, "extra", "dist", "digests", "participant", "node_id", "last", "hex_pub_key", "fraud_detected"])
        kind = random.random()
        if kind < 0.15:
            o.pop(name, None)
        elif kind < 0.4 and isinstance(o.get(name), list) and o[name]:
            o[name][random.randrange(len(o[name]))] = copy.deepcopy(random.choice(VALUES))
        elif kind < 0.5 and isinstance(o.get(name), list) and o[name]:
            random.choice([o[name].reverse, o[name].pop, lambda: o[name].append(o[name][0])])()
        elif kind < 0.6 and isinstance(o.get(name), dict) and o[name]:
            o[name][random.choice([*o[name], "extra"])] = copy.deepcopy(random.choice(VALUES[:26]))
        else:
            o[name] = copy.deepcopy(random.choice(VALUES))
    if not ("nonces" in o or "dist" in o):
        o["nonces"] = []
    text = json.dumps(o)
    if random.random() < 0.1:
        name = random.choice(sorted(o))
        text = text[:-1] + f", {json.dumps(name)}: {json.dumps(o[name])}}}"
    return text


def main():
    source = random.Random(1)
    small = changed(EXACT, nonces=EXACT["nonces"][:3], digests=EXACT["digests"][:3])
    line = changed(small, node_id=0, node_count=1, group=0, groups=1, tried=100, last=99)
    bases = [small, small, line, BATCH, LINE, changed(BATCH, received_dist=[1.0, 1.1])]
    cases = []
    while len(cases) < 1200:
        text = mutate(source.choice(bases), source)
        try:
            read(parse(text))
            code, place = None, None
        except Wrong as wrong:
            code, place = wrong.code, wrong.place or "the document"
        except Unsure:
            continue
        cases.append({"text": text, "code": code, "place": place})
    # Few of a kind are enough.
    kept, seen = [], {}
    for case in cases:
        kind = (case["code"], case["place"], "digests" in case["text"])
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= 4:
            kept.append({"name": f"mutated_{len(kept)}", **case})
    body = {"_comment": "Documents changed at random: what a second reader says of them; a code of null is no error.",
            "spec": "0.3, II.9.2", "version": 1, "cases": kept}
    with open(os.path.join(HERE, "document_mutated.json"), "w", encoding="utf-8") as f:
        json.dump(body, f, indent=1)
        f.write("\n")
    print(len(kept), "cases,", sum(case["code"] is None for case in kept), "accepted")


if __name__ == "__main__":
    main()

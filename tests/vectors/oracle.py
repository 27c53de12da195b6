#!/usr/bin/env python3
"""A second implementation of the `exact` profile, written from SPEC Part II alone; it makes exact_*.json.

    python3 tests/vectors/oracle.py            # all files; half a minute, 1.5 GB
    python3 tests/vectors/oracle.py --quick    # leaves out the `standard` digests of exact_forward.json

Needs numpy only. Matrix products go through floating-point BLAS, which is exact here: every partial sum is an
integer below 2^24 (float32, K <= 2048) or 2^53 (float64).
"""
import hashlib
import json
import math
import os
import struct
import sys
from decimal import Decimal, getcontext
from statistics import NormalDist

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TAG = b"sphere-pow exact"
VERSION = 2
DOMAIN = {"weights": 1, "input": 2, "target": 3, "digest": 4}
PRESETS = {  # dim, heads, hidden, layers, tokens, vocab, threshold
    "nano": (64, 4, 64, 40, 8, 256, 39535115),
    "standard": (1024, 16, 1024, 40, 32, 1024, 19442515),
    "large": (4096, 64, 4096, 36, 128, 4096, 4863555),
}
FIELDS = ("dim", "heads", "hidden", "layers", "tokens", "vocab", "threshold")


# ---- §II.3 streams ----------------------------------------------------------------------------------------

def le32(x):
    return struct.pack("<I", x)


def derive_key(domain, params, *fields):
    message = TAG + le32(VERSION) + le32(DOMAIN[domain]) + b"".join(le32(p) for p in params)
    for field in fields:
        message += le32(len(field)) + field
    return hashlib.sha256(message).digest()


def keystream(key, stream, first_block, n_blocks):
    """ChaCha20 blocks, 64-bit block counter in words 12-13 and 64-bit stream id in words 14-15."""
    def rotl(x, n):
        return (x << np.uint32(n)) | (x >> np.uint32(32 - n))
    counter = np.uint64(first_block) + np.arange(n_blocks, dtype=np.uint64)
    constants = np.frombuffer(b"expand 32-byte k", "<u4")
    start = [np.full(n_blocks, w, np.uint32) for w in list(constants) + list(np.frombuffer(key, "<u4"))]
    start += [(counter & np.uint64(0xFFFFFFFF)).astype(np.uint32), (counter >> np.uint64(32)).astype(np.uint32)]
    start += [np.full(n_blocks, stream & 0xFFFFFFFF, np.uint32), np.full(n_blocks, stream >> 32, np.uint32)]
    x = [w.copy() for w in start]

    def quarter(a, b, c, d):
        x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 16)
        x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 12)
        x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 8)
        x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 7)
    for _ in range(10):
        quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14)
    words = np.stack([a + b for a, b in zip(x, start)], axis=1)
    return np.ascontiguousarray(words.astype("<u4")).view(np.uint8).reshape(-1)


def stream_bytes(key, stream, offset, n):
    first = offset // 64
    last = (offset + n + 63) // 64
    chunk = 1 << 16  # blocks at a time, to bound memory
    parts = [keystream(key, stream, b, min(chunk, last - b)) for b in range(first, last, chunk)]
    return np.concatenate(parts)[offset - 64 * first:][:n] if parts else np.zeros(0, np.uint8)


# ---- §II.4 tables -----------------------------------------------------------------------------------------

def round_half_away(x):
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def not_a_tie(x):
    assert abs(abs(x) % 1 - 0.5) > 1e-9, "a float64 cannot decide this rounding"
    return x


def make_normal_table():
    table = []
    for b in range(256):
        x = not_a_tie(16 * NormalDist().inv_cdf((b + 0.5) / 256))
        table.append(int(math.copysign(max(1, abs(round_half_away(x))), x)))
    return np.array(table, np.int8)


def make_silu_table():
    getcontext().prec = 40
    def value(q):
        return float(Decimal(q) / (1 + (Decimal(-q) / 32).exp()))
    return np.array([round_half_away(not_a_tie(value(q))) for q in range(-128, 128)], np.int8)


def make_exp2_table():
    return np.array([round_half_away(not_a_tie(2.0 ** (14 - f / 256))) if f else 1 << 14 for f in range(256)], np.uint16)


NORMAL, SILU, EXP2 = make_normal_table(), make_silu_table(), make_exp2_table()


# ---- §II.5 weights and inputs -----------------------------------------------------------------------------

ROLES = ("wq", "wk", "wv", "wo", "w1", "w3", "w2")


class Job:
    def __init__(self, params, block_hash, public_key):
        self.params = tuple(PRESETS[params]) if isinstance(params, str) else tuple(params)
        self.block, self.key = block_hash.encode(), public_key.encode()
        self.dim, self.heads, self.hidden, self.layers, self.tokens, self.vocab, self.threshold = self.params
        self.head_dim = self.dim // self.heads
        self.weights_key = derive_key("weights", self.params, self.block)
        self.input_key = derive_key("input", self.params, self.block, self.key)

    def shape(self, role):
        d, f = self.dim, self.hidden
        return {"w1": (f, d), "w3": (f, d), "w2": (d, f), "output": (self.vocab, d)}.get(role, (d, d))

    def stream(self, layer, role):
        return 7 * self.layers if role == "output" else 7 * layer + ROLES.index(role)

    def tensor(self, layer, role):
        rows, cols = self.shape(role)
        raw = stream_bytes(self.weights_key, self.stream(layer, role), 0, rows * cols)
        return NORMAL[raw].reshape(rows, cols)

    def input(self, nonce):
        raw = stream_bytes(self.input_key, nonce, 0, self.tokens * self.dim)
        return NORMAL[raw].reshape(self.tokens, self.dim).astype(np.int32) * 16

    def round_keys(self, nonce):
        """[2 layers, dim]: what is added before the matrices of each half layer."""
        rows = 2 * self.layers
        return NORMAL[stream_bytes(self.input_key, nonce, self.tokens * self.dim, rows * self.dim)].reshape(rows, self.dim)

    def target(self, nonce, digest):
        key = derive_key("target", self.params, self.block, self.key, struct.pack("<Q", nonce), digest)
        return NORMAL[stream_bytes(key, 0, 0, self.vocab)]


# ---- §II.6 ops --------------------------------------------------------------------------------------------

def log2_sqrt(n):
    assert n & (n - 1) == 0 and (n.bit_length() - 1) % 2 == 0
    return (n.bit_length() - 1) // 2


def rshift(x, s):
    return (x + (1 << (s - 1))) >> s


def clamp8(x):
    return np.clip(x, -127, 127)


def matmul(x, w):
    kind = np.float32 if w.shape[1] <= 2048 else np.float64
    return (x.astype(kind) @ w.astype(kind).T).astype(np.int32)


def linear8(x, w):
    return clamp8(rshift(matmul(x, w), 4 + log2_sqrt(w.shape[1])))


def branch(x, w):
    return rshift(matmul(x, w), 1 + log2_sqrt(w.shape[1]))


def norm(x):
    root_dim = 1 << log2_sqrt(x.shape[-1])
    c = np.clip(x, -1023, 1023).astype(np.int64)
    squares = (c * c).sum(-1)
    assert squares.max() < 2**32
    root = np.array([math.isqrt(int(s)) for s in squares.reshape(-1)], np.int64).reshape(squares.shape)
    inverse = (root_dim << 24) // np.maximum(root, 16 * root_dim)
    return ((c * inverse[..., None] + (1 << 15)) >> 16).astype(np.int32)


def lanes(n, first_position, z=None):
    """n [nonces, rows, dim], z [nonces, dim] -> int8 copy with the round key added, rotated by four times its position."""
    keyed = n if z is None else n + 4 * z.astype(np.int32)[:, None]
    x = clamp8(rshift(keyed, 3))
    return np.stack([np.roll(x[:, r], -4 * (first_position + r), axis=-1) for r in range(x.shape[1])], axis=1)


def attention(q, k, v, head_dim):
    """q [nonces, rows, dim], k and v [nonces, tokens, dim] -> [nonces, rows, dim]."""
    def split(x):
        return x.reshape(x.shape[0], x.shape[1], -1, head_dim).transpose(0, 2, 1, 3).astype(np.float32)
    q, k, v = split(q), split(k), split(v)
    scores = np.matmul(q, k.transpose(0, 1, 3, 2)).astype(np.int32)
    octaves = (scores.max(-1, keepdims=True) - scores) >> log2_sqrt(head_dim)
    p = EXP2.astype(np.int64)[octaves & 255] >> np.minimum(octaves >> 8, 15)
    inverse = (127 << 23) // p.sum(-1, keepdims=True)
    w = (p * inverse + (1 << 22)) >> 23
    out = clamp8(rshift(np.matmul(w.astype(np.float32), v).astype(np.int32), 7))
    return out.transpose(0, 2, 1, 3).reshape(out.shape[0], out.shape[2], -1)


def swiglu(gate, up):
    return clamp8(rshift(SILU.astype(np.int32)[gate + 128] * up, 4))


# ---- §II.7 forward pass -----------------------------------------------------------------------------------

def after(job, z, layer, h):
    """The state after a layer: h [nonces, tokens, dim] before it, z [nonces, 2 layers, dim]."""
    w = {role: job.tensor(layer, role) for role in ROLES}
    last = layer == job.layers - 1
    n = norm(h)
    x = lanes(n, 0, z[:, 2 * layer])
    k, v = linear8(x, w["wk"]), linear8(x, w["wv"])
    if last:
        n, x = n[:, -1:], x[:, -1:]
    a = attention(linear8(x, w["wq"]), k, v, job.head_dim)
    h = rshift(n, 1) + norm(branch(a, w["wo"]))
    n = norm(h)
    x = lanes(n, job.tokens - 1 if last else 0, z[:, 2 * layer + 1])
    y = swiglu(linear8(x, w["w1"]), linear8(x, w["w3"]))
    return rshift(n, 1) + norm(branch(y, w["w2"]))


def logits_of(job, h):
    return matmul(lanes(norm(h), job.tokens - 1)[:, 0], job.tensor(0, "output"))


def forward(job, nonces):
    h = np.stack([job.input(n) for n in nonces])
    z = np.stack([job.round_keys(n) for n in nonces])
    for layer in range(job.layers):
        h = after(job, z, layer, h)
    return logits_of(job, h)


def forward_many(job, nonces, batch):
    cache = {}
    plain = job.tensor
    if job.params[0] < 256:  # small enough to keep
        job.tensor = lambda layer, role: cache.setdefault((layer, role), plain(layer, role)) \
            if (layer, role) not in cache else cache[layer, role]
    parts = [forward(job, nonces[i:i + batch]) for i in range(0, len(nonces), batch)]
    job.tensor = plain
    return np.concatenate(parts)


# ---- §II.8 digest and verdict -----------------------------------------------------------------------------

def digest_of(logits):
    return hashlib.sha256(TAG + le32(VERSION) + le32(DOMAIN["digest"]) + logits.astype("<i4").tobytes()).digest()


def judge(job, nonce, logits, digest):
    target = [int(t) for t in job.target(nonce, digest)]
    values = [int(x) for x in logits]
    dot = sum(a * b for a, b in zip(values, target))
    logits2, target2 = sum(a * a for a in values), sum(b * b for b in target)
    won = dot > 0 and (dot * dot << 32) >= job.threshold * target2 * logits2
    return {"dot": str(dot), "logits_squared": str(logits2), "target_squared": str(target2), "won": won}


# ---- §II.9 proofs -----------------------------------------------------------------------------------------

def encode_proof(job, entries):
    out = b"SPXP" + le32(VERSION) + b"".join(le32(p) for p in job.params)
    for text in (job.block, job.key):
        out += le32(len(text)) + text
    out += le32(len(entries))
    for nonce, digest in entries:
        out += struct.pack("<Q", nonce) + digest
    return out


def json_proof(job, entries):
    return {"profile": "exact", "version": VERSION, "params": dict(zip(FIELDS, job.params)),
            "block_hash": job.block.decode(), "public_key": job.key.decode(),
            "nonces": [str(n) for n, _ in entries], "digests": [d.hex() for _, d in entries]}


# ---- vectors ----------------------------------------------------------------------------------------------

def paint(seed, n):
    """x <- 1664525 x + 1013904223 mod 2^32 from `seed`; gives the top 16 bits of each new x."""
    out, x = [], seed
    for _ in range(n):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out.append(x >> 16)
    return np.array(out, np.int64)


def paint_range(seed, n, low, high):
    return (low + paint(seed, n) % (high - low + 1)).astype(np.int32)


def sha(array, kind):
    return hashlib.sha256(np.ascontiguousarray(array).astype(kind).tobytes()).hexdigest()


def write(name, section, comment, body):
    text = json.dumps({"_comment": comment, "spec": section, "version": VERSION, **body}, indent=1)
    assert len(text) < 100_000, name
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    print(name, len(text))


BLOCK = "E7C1A5B0D4F29836E7C1A5B0D4F29836E7C1A5B0D4F29836E7C1A5B0D4F29836"
KEY = "02a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"


def tables():
    write("exact_tables.json", "II.4", "SHA-256 over little-endian entries; all entries beside it.", {
        "normal": {"sha256_i8": sha(NORMAL, "i1"), "values": NORMAL.tolist()},
        "silu": {"sha256_i8": sha(SILU, "i1"), "values": SILU.tolist()},
        "exp2": {"sha256_u16": sha(EXP2, "<u2"), "values": EXP2.tolist()}})


def streams():
    job = Job("nano", BLOCK, KEY)
    cases = []
    for params in list(PRESETS) + [(64, 1, 256, 1, 1, 16, 1)]:
        for block, key in ((BLOCK, KEY), ("b", "k"), ("bk", "k"), ("b", "kk")):
            j = Job(params, block, key)
            cases.append({"params": dict(zip(FIELDS, j.params)), "block_hash": block, "public_key": key,
                          "weights_key": j.weights_key.hex(), "input_key": j.input_key.hex()})
    slices = [{"stream": str(stream), "offset": str(offset), "bytes": stream_bytes(job.weights_key, stream, offset, n).tobytes().hex()}
              for stream, offset, n in ((0, 0, 80), (0, 63, 2), (1, 0, 16), (280, 12345, 70),
                                        (2**32, 0, 16), (2**63 - 1, 64 * (2**32 - 1), 128))]
    tensors = [{"layer": layer, "role": role, "shape": list(job.shape(role)), "stream": job.stream(layer, role),
                "sha256_i8": sha(job.tensor(layer, role), "i1"), "first16": job.tensor(layer, role).reshape(-1)[:16].tolist()}
               for layer, role in [(0, r) for r in ROLES] + [(39, "w2"), (0, "output")]]
    big = Job("large", BLOCK, KEY)
    tile = NORMAL[stream_bytes(big.weights_key, big.stream(35, "w2"), 4095 * 4096 + 4000, 96)]
    inputs = [{"nonce": str(n), "sha256_i16": sha(job.input(n), "<i2"), "first16": job.input(n).reshape(-1)[:16].tolist(),
               "sha256_round_keys_i8": sha(job.round_keys(n), "i1"), "last4_round_keys": job.round_keys(n).reshape(-1)[-4:].tolist()}
              for n in (0, 1, 2, 2**32, 2**63 - 1)]
    digest = hashlib.sha256(b"a digest").digest()
    targets = [{"nonce": str(n), "digest": digest.hex(), "sha256_i8": sha(job.target(n, digest), "i1"),
                "first16": job.target(n, digest)[:16].tolist()} for n in (0, 2**63 - 1)]
    write("exact_streams.json", "II.3, II.5",
          "slices are of the weights key of the first case; tensors, inputs and targets are of that case's job; "
          "large_tile is row 4095, columns 4000..4096 of w2 in layer 35 of `large` for the same block.",
          {"keys": cases, "slices": slices, "tensors": tensors, "large_tile": tile.tolist(),
           "inputs": inputs, "targets": targets})


def op_cases():
    cases = []
    def add(op, **fields):
        cases.append({"op": op, **fields})
    for seed, rows, n, k in ((1, 3, 5, 64), (2, 1, 64, 256), (3, 2, 7, 1024), (4, 2, 3, 4096), (5, 1, 2, 16384)):
        x = paint_range(seed, rows * k, -127, 127).reshape(rows, k)
        w = paint_range(seed + 100, n * k, -46, 46).reshape(n, k)
        add("linear", seed=seed, rows=rows, outputs=n, inputs=k, sha256_acc_i32=sha(matmul(x, w), "<i4"),
            sha256_int8=sha(linear8(x, w), "i1"), sha256_branch_i32=sha(branch(x, w), "<i4"),
            first_acc=matmul(x, w).reshape(-1)[:4].tolist())
    for seed, rows, dim, size in ((10, 2, 64, 300), (11, 3, 256, 2000), (12, 2, 1024, 20000), (13, 1, 4096, 10), (14, 1, 64, 0)):
        x = paint_range(seed, rows * dim, -size, size).reshape(1, rows, dim)
        n = norm(x)
        add("norm", seed=seed, rows=rows, dim=dim, size=size, sha256_i16=sha(n, "<i2"), first4=n.reshape(-1)[:4].tolist(),
            position=5, sha256_lanes_i8=sha(lanes(n, 5), "i1"),
            sha256_keyed_lanes_i8=sha(lanes(n, 5, paint_range(seed + 50, dim, -46, 46).reshape(1, dim)), "i1"))
    spike = np.zeros((1, 1, 4096), np.int32)
    spike[0, 0, 17] = -70000
    add("norm_spike", dim=4096, index=17, value=-70000, result=int(norm(spike)[0, 0, 17]))
    for seed, queries, tokens, heads, head_dim in ((20, 1, 1, 4, 16), (21, 8, 8, 4, 16), (22, 5, 7, 1, 64), (23, 1, 33, 16, 64), (24, 3, 300, 2, 64)):
        dim = heads * head_dim
        q, k, v = (paint_range(seed + 100 * i, (queries if i == 0 else tokens) * dim, -127, 127).reshape(1, -1, dim) for i in range(3))
        # Full-range values make one position win; a sixteenth of the keys' size shares the weight out.
        for shrink in (1, 16):
            out = attention(q, np.sign(k) * (np.abs(k) // shrink), v, head_dim)
            add("attention", seed=seed, queries=queries, tokens=tokens, heads=heads, head_dim=head_dim, shrink=shrink,
                sha256_i8=sha(out, "i1"), first8=out.reshape(-1)[:8].tolist())
    gate, up = paint_range(30, 1000, -127, 127), paint_range(31, 1000, -127, 127)
    add("swiglu", seeds=[30, 31], len=1000, sha256_i8=sha(swiglu(gate, up), "i1"), first8=swiglu(gate, up)[:8].tolist())
    n, b = paint_range(40, 2 * 256, -900, 900).reshape(2, 256), paint_range(41, 2 * 256, -2000, 2000).reshape(2, 256)
    h = rshift(n, 1) + norm(b)
    add("merge", seeds=[40, 41], rows=2, dim=256, sha256_i16=sha(h, "<i2"), first4=h.reshape(-1)[:4].tolist())
    write("exact_ops.json", "II.6",
          "Values are painted: x <- 1664525 x + 1013904223 mod 2^32 from `seed`, each new x gives low + (x >> 16) mod "
          "(high - low + 1), row-major. linear: x -127..127 from seed, w -46..46 from seed + 100. norm: -size..size; "
          "keyed lanes: one round key -46..46 from seed + 50. "
          "attention: q, k, v -127..127 from seed, seed + 100, seed + 200; k is divided by `shrink`, towards zero. swiglu: gate, "
          "up -127..127. merge: normed -900..900, branch -2000..2000.", {"cases": cases})


def nonce_case(job, nonce, logits):
    digest = digest_of(logits)
    return {"nonce": str(nonce), "digest": digest.hex(), **judge(job, nonce, logits, digest)}


def forward_case(name, params, nonces, batch, n_single, seed="running"):
    job = Job(params, BLOCK, KEY)
    logits = forward_many(job, nonces, batch)
    running = hashlib.sha256()
    for row in logits:
        running.update(digest_of(row))
    won = sum(judge(job, n, row, digest_of(row))["won"] for n, row in zip(nonces, logits))
    print(name, "won", won, "of", len(nonces), flush=True)
    return {"name": name, "params": dict(zip(FIELDS, job.params)), "block_hash": BLOCK, "public_key": KEY,
            "first_nonce": str(nonces[0]), "count": len(nonces), "won": won, "sha256_of_digests": running.hexdigest(),
            "first8_logits": logits[0][:8].tolist(),
            "nonces": [nonce_case(job, n, row) for n, row in list(zip(nonces, logits))[:n_single]]}


ODD = {  # every head_dim, every hidden against dim, odd tokens and vocab, one token, one layer
    "one_layer_one_token": (64, 1, 64, 1, 1, 16, 1 << 20),
    "wide_hidden": (64, 4, 1024, 3, 5, 33, 1 << 28),
    "narrow_hidden": (256, 4, 64, 5, 7, 100, 1 << 27),
    "many_tokens": (256, 16, 256, 2, 61, 257, 1 << 27),
    "no_shortage_of_layers": (64, 4, 64, 101, 3, 17, 0),
    "widest": (4096, 64, 16384, 1, 3, 31, 1 << 28),
}


def random_shapes(n, seed):
    """Any allowed shape that costs at most about a hundredth of `standard`."""
    random = np.random.default_rng(seed)
    def pick(values):
        return int(values[random.integers(len(values))])
    out = []
    while len(out) < n:
        dim, hidden = pick((64, 64, 256, 256, 1024)), pick((64, 256, 1024, 4096))
        tokens, layers = int(random.integers(1, min(dim // 4, 80) + 1)), int(random.integers(1, 13))
        if tokens * layers * (4 * dim * dim + 3 * dim * hidden) < 100_000_000:
            out.append((dim, dim // pick((16, 64)), hidden, layers, tokens, int(random.integers(16, 400)), int(random.integers(1 << 28))))
    return out


def forwards(quick):
    cases = [forward_case("nano", "nano", list(range(4096)), 256, 32)]
    cases.append(forward_case("nano_high_nonces", "nano", list(range(2**63 - 4, 2**63)), 4, 4))
    cases += [forward_case(name, params, [0, 1, 2], 3, 3) for name, params in ODD.items()]
    cases += [forward_case(f"random_{i}", shape, [i, i + 1], 2, 1) for i, shape in enumerate(random_shapes(24, 1))]
    if not quick:
        cases.append(forward_case("standard", "standard", list(range(6)), 6, 6))
    write("exact_forward.json", "II.7, II.8",
          "count nonces from first_nonce on; sha256_of_digests is over their digests in order; the first few are listed.",
          {"cases": cases})


def winners(job, n):
    nonces = list(range(n))
    logits = forward_many(job, nonces, 256)
    pairs = [(k, digest_of(row)) for k, row in zip(nonces, logits)]
    won = [judge(job, k, row, d)["won"] for (k, d), row in zip(pairs, logits)]
    return [p for p, w in zip(pairs, won) if w], [p for p, w in zip(pairs, won) if not w]


def proofs():
    job = Job("nano", BLOCK, KEY)
    won, lost = winners(job, 256)
    won = won[:8]
    base = encode_proof(job, won)
    write("exact_proof.json", "II.9", "A proof of the first eight nonces of `nano` that win, as bytes and as JSON.",
          {"bytes": base.hex(), "json": json_proof(job, won), "empty_bytes": encode_proof(job, []).hex()})
    at_block = 8 + 28
    at_key = at_block + 4 + len(job.block)
    at_count = at_key + 4 + len(job.key)
    at = at_count + 4
    rejects = []
    def reject(name, stage, code, data):
        rejects.append({"name": name, "stage": stage, "code": code, "hex": bytes(data).hex()})
    def patched(offset, new):
        return base[:offset] + bytes(new) + base[offset + len(new):]
    def flip(offset, bit):
        return patched(offset, [base[offset] ^ (1 << bit)])
    reject("half_a_header", "read", "truncated", base[:20])
    reject("version_1", "read", "version", patched(4, le32(1)))
    reject("version_3", "read", "version", patched(4, le32(3)))
    reject("dim_not_a_power_of_four", "read", "params", patched(8, le32(128)))
    reject("dim_huge", "read", "params", patched(8, le32(1 << 31)))
    reject("heads_zero", "read", "params", patched(12, le32(0)))
    reject("tokens_beyond_a_quarter_of_dim", "read", "params", patched(24, le32(17)))
    reject("block_hash_empty", "read", "identity", base[:at_block] + le32(0) + base[at_key:])
    reject("block_hash_longer_than_the_proof", "read", "identity", patched(at_block, le32(0xFFFFFFFF)))
    reject("block_hash_with_a_space", "read", "identity", patched(at_block + 4, b" "))
    reject("block_hash_not_ascii", "read", "identity", patched(at_block + 4, b"\xff"))
    reject("public_key_control_character", "read", "identity", patched(at_key + 4, b"\x00"))
    reject("count_one_too_high", "read", "length", patched(at_count, le32(9)))
    reject("count_one_too_low", "read", "length", patched(at_count, le32(7)))
    reject("count_huge", "read", "count", patched(at_count, le32(0xFFFFFFFF)))
    reject("trailing_byte", "read", "length", base + b"\x00")
    reject("last_byte_missing", "read", "length", base[:-1])
    reject("nonce_above_2_63", "read", "nonce", patched(at + 7 * 40 + 7, [0x80]))
    reject("nonce_above_2_63_after_one_that_falls", "read", "order",
           base[:at + 40] + base[at:at + 40] + base[at + 80:at + 7 * 40 + 7] + b"\x80" + base[at + 7 * 40 + 8:])
    reject("nonce_above_2_63_first", "read", "nonce", patched(at + 7, [0x80]))
    reject("magic_only", "read", "truncated", base[:4])
    reject("header_without_count", "read", "truncated", base[:at_count + 3])
    reject("block_hash_cut_off", "read", "truncated", base[:at_block + 14])
    reject("version_before_params", "read", "version", base[:4] + le32(0) + le32(0) + base[12:])
    reject("params_before_a_cut", "read", "params", base[:8] + le32(65) + base[12:36])
    reject("block_hash_before_count", "read", "identity", base[:at_block] + le32(0) + base[at_key:at_key + 4 + len(job.key)] + le32(0xFFFFFFFF))
    reject("count_before_length", "read", "count", patched(at_count, le32(65537)))
    reject("length_before_nonce", "read", "length", patched(at + 7, [0x80]) + b"\x00")
    reject("nonces_swapped", "read", "order", base[:at] + base[at + 40:at + 80] + base[at:at + 40] + base[at + 80:])
    reject("nonce_twice", "read", "order", base[:at + 40] + base[at:at + 40] + base[at + 80:])
    reject("other_block", "expect", "wrong-block", flip(at_block + 4, 0))
    reject("other_key", "expect", "wrong-key", flip(at_key + 4, 1))
    reject("other_preset", "expect", "wrong-params", encode_proof(Job("standard", BLOCK, KEY), won))
    reject("other_threshold", "expect", "wrong-params", flip(8 + 24, 0))
    reject("digest_first_bit", "claim", "digest", flip(at + 8, 0))
    reject("digest_last_bit", "claim", "digest", flip(len(base) - 1, 7))
    reject("digests_swapped", "claim", "digest", base[:at + 8] + base[at + 48:at + 80] + base[at + 40:at + 48] + base[at + 8:at + 40] + base[at + 80:])
    lost_one = sorted(won[:7] + lost[:1])
    reject("a_nonce_that_lost", "claim", "not-won", encode_proof(job, lost_one))
    moved = [(won[0][0], won[0][1])] + [(n + 1, d) for n, d in won[7:8]]
    reject("nonce_moved_by_one", "claim", "digest", encode_proof(job, moved))
    job2 = Job("nano", BLOCK, "another-key")
    reject("mined_under_another_key", "claim", "digest", encode_proof(job, winners(job2, 64)[0][:1]))
    job3 = Job("nano", "another-block", KEY)
    reject("mined_on_another_block", "claim", "digest", encode_proof(job, winners(job3, 64)[0][:1]))
    write("exact_reject.json", "II.9, II.10",
          "Each proof, as hex, is refused with the code: by the reader, by a verifier that expects the job of exact_proof.json, or a claim of it is false.",
          {"cases": rejects})


if __name__ == "__main__":
    tables()
    streams()
    op_cases()
    proofs()
    forwards("--quick" in sys.argv)

#!/usr/bin/env python3
"""A second implementation of the `gonka` profile, written from SPEC Part I; it makes rng.json, binomial.json and gonka_*.json.

    python3 tests/vectors/gonka.py            # all files
    python3 tests/vectors/gonka.py --quick    # all but gonka_testnet.json

Needs numpy only, whose SeedSequence, PCG64, ziggurat and permutation are what §I.1 restates. Two things stay as they are,
because a run of the network's own code (numpy 2.4, PyTorch 2.15, CPU) made them, and this script is measured against them:
`dist`, to within 5e-6 rms and 2e-5 (§I.8), and `logits_nonce0_first16`, to within 2e-3 of each. The tables of
ziggurat_normal.json are numpy's constants, and are compared with Marsaglia and Tsang's construction.
"""
import hashlib
import json
import math
import os
import sys
from decimal import Decimal, getcontext

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LAYER = ["attention.wq", "attention.wk", "attention.wv", "attention.wo", "feed_forward.w1", "feed_forward.w2",
         "feed_forward.w3", "attention_norm", "ffn_norm"]
RMS, LARGEST = 5e-6, 2e-5


def sha256(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def hex_of(values):
    return [np.float64(value).byteswap().tobytes().hex() for value in values]


# I.1: random numbers.

def entropy(seed, hashes):
    digests = (hashlib.sha256(f"{seed}_{i}".encode()).digest() for i in range(hashes))
    return np.frombuffer(b"".join(digests), dtype="<u4")


def generator(seed, hashes):
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy(seed, hashes))))


def to_f16(values):
    """Rounded twice, as the network does: to f32, then to f16 (§I.1)."""
    return values.astype(np.float32).astype(np.float16)


def rng_case(seed, hashes):
    words = entropy(seed, hashes)
    sequence = np.random.SeedSequence(words)
    state = np.random.PCG64(sequence).state["state"]
    normals = generator(seed, hashes).standard_normal(1_000_000)
    weights = generator(seed, hashes).normal(0, 0.02, 100_000).astype(np.float32)

    def order(n):
        return generator(seed, hashes).permutation(n).astype("<i8")

    return {
        "seed": seed,
        "num_hashes": hashes,
        "entropy_u32": words.tolist(),
        "generate_state_u64": [str(word) for word in sequence.generate_state(4, np.uint64)],
        "pcg_state": str(state["state"]),
        "pcg_inc": str(state["inc"]),
        "raw_u64": [str(word) for word in np.random.PCG64(np.random.SeedSequence(words)).random_raw(8)],
        "normal_first16_f64_be": hex_of(normals[:16]),
        "normal_1e6_sha256_f64_le": sha256(normals),
        "min": hex_of([normals.min()])[0],
        "max": hex_of([normals.max()])[0],
        "pool_100k_sha256_f32_le": sha256(weights),
        "pool_100k_sha256_f16_le": sha256(weights.astype(np.float16)),
        "perm128": order(128).tolist(),
        "perm8192_first16": order(8192)[:16].tolist(),
        "perm8192_sha256_i64_le": sha256(order(8192)),
        "perm8196_sha256_i64_le": sha256(order(8196)),
    }


# I.3: weights.

def sizes(params):
    """Shapes of all tensors by name, in the order of §I.3."""
    dim = params["dim"]
    hidden = int(8 * dim / 3)
    if params.get("ffn_dim_multiplier") is not None:
        hidden = int(params["ffn_dim_multiplier"] * hidden)
    hidden = -(-hidden // params["multiple_of"]) * params["multiple_of"]
    kv_dim = params["n_kv_heads"] * (dim // params["n_heads"])
    of_layer = {"attention.wq": [dim, dim], "attention.wk": [kv_dim, dim], "attention.wv": [kv_dim, dim],
                "attention.wo": [dim, dim], "feed_forward.w1": [hidden, dim], "feed_forward.w2": [dim, hidden],
                "feed_forward.w3": [hidden, dim], "attention_norm": [dim], "ffn_norm": [dim]}
    shapes = {"tok_embeddings.weight": [params["vocab_size"], dim]}
    for layer in range(params["n_layers"]):
        shapes.update({f"layers.{layer}.{name}.weight": of_layer[name] for name in LAYER})
    return shapes | {"norm.weight": [dim], "output.weight": [params["vocab_size"], dim]}


def pool_length(n_parameters):
    return max(50_000, int(0.05 * n_parameters))


class Model:
    """One pool, of which every tensor is a view."""

    def __init__(self, params, block):
        self.params, self.block, self.shapes = params, block, sizes(params)
        self.n_parameters = sum(math.prod(shape) for shape in self.shapes.values())
        length, rng, part = pool_length(self.n_parameters), generator(block, 4), 1 << 24
        # In parts, so that a large pool's f64 normals need not be held at once; the stream is the same.
        self.pool = np.concatenate([to_f16(rng.normal(0, 0.02, min(part, length - at))) for at in range(0, length, part)])

    def tensor(self, name):
        shape, length = self.shapes[name], len(self.pool)
        n = math.prod(shape)
        offset = int(hashlib.sha256(f"{self.block}_{name}".encode()).hexdigest()[:8], 16)
        if n <= length:
            first = offset % (length - n + 1)
            return self.pool[first:first + n].reshape(shape)
        places = (np.arange(n) + offset % n) % n % length
        return self.pool[places].reshape(shape)

    # I.4: f16 is what is stored, f32 is what is computed in.

    def linear(self, x, name):
        weight = self.tensor(name).astype(np.float32)
        return (x.reshape(-1, x.shape[-1]).astype(np.float32) @ weight.T).astype(np.float16).reshape(*x.shape[:-1], -1)

    def rms_norm(self, x, name):
        wide = x.astype(np.float32)
        scale = 1 / np.sqrt((wide * wide).mean(-1, keepdims=True, dtype=np.float32) + np.float32(self.params["norm_eps"]))
        return (wide * scale).astype(np.float16) * self.tensor(name)

    def rotations(self):
        head_dim = self.params["dim"] // self.params["n_heads"]
        powers = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
        frequencies = 1 / np.float32(self.params["rope_theta"]) ** powers
        if self.params["use_scaled_rope"]:
            wavelength = 2 * np.pi / frequencies
            smooth = (8192 / wavelength - 1) / 3
            between = (1 - smooth) * frequencies / 8 + smooth * frequencies
            frequencies = np.where(wavelength < 2048, frequencies, np.where(wavelength > 8192, frequencies / 8, between))
        angles = np.outer(np.arange(self.params["seq_len"]), frequencies).astype(np.float32)
        return [part.astype(np.float16).astype(np.float32)[:, None] for part in (np.cos(angles), np.sin(angles))]

    def rope(self, x):
        cos, sin = self.rotations()
        pairs = x.astype(np.float32).reshape(*x.shape[:-1], -1, 2)
        a, b = pairs[..., 0], pairs[..., 1]
        return np.stack([a * cos - b * sin, a * sin + b * cos], -1).astype(np.float16).reshape(x.shape)

    def attention(self, q, k, v):
        """[nonces, tokens, heads, head_dim] each; k and v have a head for some of q."""
        repeat = q.shape[2] // k.shape[2]
        q, k, v = (np.repeat(x, n, axis=2).transpose(0, 2, 1, 3).astype(np.float32)
                   for x, n in ((q, 1), (k, repeat), (v, repeat)))
        scores = (q @ k.transpose(0, 1, 3, 2)).astype(np.float16).astype(np.float32)
        scores = (scores / np.float32(math.sqrt(q.shape[-1]))).astype(np.float16).astype(np.float32)
        tokens = scores.shape[-1]
        scores = np.where(np.tril(np.ones((tokens, tokens), bool)), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights = (weights / weights.sum(-1, keepdims=True)).astype(np.float16).astype(np.float32)
        return (weights @ v).astype(np.float16).transpose(0, 2, 1, 3)

    def logits(self, x):
        """f16 [nonces, vocab] of inputs f16 [nonces, tokens, dim]."""
        nonces, tokens, dim = x.shape
        for layer in range(self.params["n_layers"]):
            def name(part):
                return f"layers.{layer}.{part}.weight"

            normed = self.rms_norm(x, name("attention_norm"))
            q, k, v = (self.linear(normed, name(f"attention.{part}")).reshape(nonces, tokens, heads, -1) for part, heads in
                       (("wq", self.params["n_heads"]), ("wk", self.params["n_kv_heads"]), ("wv", self.params["n_kv_heads"])))
            x = x + self.linear(self.attention(self.rope(q), self.rope(k), v).reshape(x.shape), name("attention.wo"))
            normed = self.rms_norm(x, name("ffn_norm"))
            gate = self.linear(normed, name("feed_forward.w1")).astype(np.float32)
            silu = (gate / (1 + np.exp(-gate))).astype(np.float16)
            x = x + self.linear(silu * self.linear(normed, name("feed_forward.w3")), name("feed_forward.w2"))
        return self.linear(self.rms_norm(x[:, -1], "norm.weight"), "output.weight")


# I.2, I.5: a nonce and its distance.

def target(block, vocab):
    point = generator(f"{block}_target", 1).standard_normal(vocab)
    return point / np.sqrt(np.sum(point * point))


def permutation(block, key, nonce, vocab):
    return generator(f"{block}_{key}_nonce_{nonce}_permutations", 1).permutation(vocab).astype("<i8")


def distance(logits, order, point):
    there = logits.astype(np.float32)[order]
    there = there / np.sqrt(np.sum(there * there))
    return float(np.sqrt(np.sum((there.astype(np.float64) - point) ** 2)))


def gonka_case(given):
    """The case again; `given` names it, and has what the network's own code said."""
    params, block, key, nonces = (given[name] for name in ("params", "block_hash", "public_key", "nonces"))
    model, shape, vocab = Model(params, block), (params["seq_len"], params["dim"]), params["vocab_size"]
    inputs = np.stack([to_f16(generator(f"{block}_{key}_nonce{nonce}", 4).standard_normal(shape)) for nonce in nonces])
    orders = [permutation(block, key, nonce, vocab) for nonce in nonces]
    point, logits = target(block, vocab), model.logits(inputs)
    mine = [distance(row, order, point) for row, order in zip(logits, orders)]
    off = np.array(mine) - np.array(given["dist"])
    rms, largest = math.sqrt((off * off).mean()), abs(off).max()
    first = np.array(given["logits_nonce0_first16"])
    first_off = (abs(logits[0, :16] - first) / np.maximum(abs(first), 1e-3)).max()
    print(f"{given['name']}: distances within {largest:.1e}, {rms:.1e} rms; first logits within {first_off:.1e} of each")
    if rms > RMS or largest > LARGEST or first_off > 2e-3:
        raise SystemExit(f"{given['name']}: distances or logits are not the network's")
    made = {
        "total_params": model.n_parameters,
        "pool_size": len(model.pool),
        "pool_sha256_f16_le": sha256(model.pool),
        "tensors": {name: {"shape": model.shapes[name], "sha256_f16_le": sha256(model.tensor(name))} for name in given["tensors"]},
        "target_sha256_f64_le": sha256(point),
        "target_first4_f64_be": hex_of(point[:4]),
        "input_sha256_f16_le": [sha256(values) for values in inputs],
        "perm_sha256_i64_le": [sha256(order) for order in orders],
    }
    return {name: made.get(name, value) for name, value in given.items()}


# I.7: the tail of the verdict.

def binomial_case(n, k, p):
    """P(X >= k) in decimals long enough for the smallest f64."""
    getcontext().prec = 800
    q, total = Decimal(p), Decimal(0)
    term = (1 - q) ** n
    for wins in range(k):
        total += term
        term = term * (n - wins) / (wins + 1) * q / (1 - q)
    return {"k": k, "n": n, "p": p, "pvalue": float(1 - total)}


# I.1: the tables of the 256-level ziggurat.

def ziggurat_is_numpys(tables):
    """Whether the tables are those of Marsaglia and Tsang's levels below a normal density of one height, equal in area."""
    getcontext().prec = 50
    r, steps = Decimal("3.6541528853610087963519472518"), Decimal(2) ** 52

    def density(x):
        return (-x * x / 2).exp()

    tail = Decimal(0)
    for n in range(400, 0, -1):
        tail = n / (r + tail)
    area = r * density(r) + density(r) / (r + tail)
    edges = {255: r}
    for level in range(254, 0, -1):
        edges[level] = (-2 * (area / edges[level + 1] + density(edges[level + 1])).ln()).sqrt()
    base = area / density(r)
    levels = range(1, 256)
    want = {
        "ki": [r / base * steps, Decimal(0)] + [edges[i - 1] / edges[i] * steps for i in levels[1:]],
        "wi": [base / steps] + [edges[i] / steps for i in levels],
        "fi": [Decimal(1)] + [density(edges[i]) for i in levels],
    }

    def read(name, digits):
        return int(digits, 16) if name == "ki" else np.frombuffer(bytes.fromhex(digits), ">f8")[0]

    # numpy's were computed in f64, a level from the one before.
    return all(abs(Decimal(str(read(name, digits))) - value) <= abs(value) * Decimal("1e-13")
               for name, values in want.items() for digits, value in zip(tables[name], values, strict=True))


def read_json(name):
    with open(os.path.join(HERE, name)) as file:
        return json.load(file)


def write_json(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, indent=1)
    print(f"wrote {name}")


def main():
    if not ziggurat_is_numpys(read_json("ziggurat_normal.json")):
        raise SystemExit("ziggurat_normal.json: no ziggurat of 256 levels")
    write_json("rng.json", [rng_case(case["seed"], case["num_hashes"]) for case in read_json("rng.json")])
    write_json("binomial.json", [binomial_case(case["n"], case["k"], case["p"]) for case in read_json("binomial.json")])
    names = ["tiny", "small", "devtest"] + ([] if "--quick" in sys.argv else ["testnet"])
    for name in names:
        write_json(f"gonka_{name}.json", gonka_case(read_json(f"gonka_{name}.json")))


if __name__ == "__main__":
    main()

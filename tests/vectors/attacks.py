#!/usr/bin/env python3
"""Measures on variants of the `exact` profile that were rejected, and on what is left to exploit (DESIGN).

    python3 tests/vectors/attacks.py [collapse|permutation|zeros]...    # all: some ten minutes on one core
"""
import sys

import numpy as np

import oracle
from oracle import EXP2, NORMAL, ROLES, SILU, Job, attention, branch, linear8, log2_sqrt, norm, rshift, swiglu

SMALL = (256, 4, 256, 32, 32, 256, 0)


def rotary(x, head_dim):
    """Llama's rotation of q and k, for comparison; the profile has none."""
    nonces, tokens, dim = x.shape
    pairs = x.reshape(nonces, tokens, -1, head_dim // 2, 2).astype(float)
    angle = np.arange(tokens)[:, None] * 10000.0 ** (-2 * np.arange(head_dim // 2) / head_dim)
    c, s = np.cos(angle)[None, :, None], np.sin(angle)[None, :, None]
    turned = np.stack([pairs[..., 0] * c - pairs[..., 1] * s, pairs[..., 0] * s + pairs[..., 1] * c], -1)
    return np.clip(np.rint(turned), -127, 127).astype(np.int32).reshape(nonces, tokens, dim)


def stream_after_each_layer(job, nonces, turn=True, rope=False, see=lambda **_: None):
    h = np.stack([job.input(n) for n in nonces])
    keys = np.stack([job.round_keys(n) for n in nonces])
    def lanes(n, z):
        turned = oracle.lanes(n, 0, z)
        # Turned back: position t is moved by 4 t lanes.
        return turned if turn else np.stack([np.roll(turned[:, t], 4 * t, -1) for t in range(n.shape[1])], 1)
    for layer in range(job.layers):
        w = {role: job.tensor(layer, role) for role in ROLES}
        n = norm(h)
        x = lanes(n, keys[:, 2 * layer])
        q, k, v = (linear8(x, w[role]) for role in ("wq", "wk", "wv"))
        if rope:
            q, k = rotary(q, job.head_dim), rotary(k, job.head_dim)
        a = attention(q, k, v, job.head_dim)
        h = rshift(n, 1) + norm(branch(a, w["wo"]))
        n = norm(h)
        x2 = lanes(n, keys[:, 2 * layer + 1])
        gate, up = linear8(x2, w["w1"]), linear8(x2, w["w3"])
        y = swiglu(gate, up)
        h = rshift(n, 1) + norm(branch(y, w["w2"]))
        see(job=job, x=x, q=q, k=k, a=a, x2=x2, gate=gate, y=y)
        yield h


def likeness(h):
    """Mean correlation of two positions' streams."""
    unit = h / np.linalg.norm(h.astype(float), axis=-1, keepdims=True)
    products = unit @ unit.transpose(0, 2, 1)
    upper = np.triu_indices(h.shape[1], 1)
    return products[:, upper[0], upper[1]].mean()


def collapse():
    for name, params in (("nano", "nano"), ("dim 256, 32 tokens", SMALL)):
        for label, turn, rope in (("no position code", False, False), ("rotary", False, True), ("turned lanes", True, False)):
            job = Job(params, "collapse", "attacker")
            marks = [likeness(h) for h in stream_after_each_layer(job, range(16), turn, rope)]
            print(f"{name:20} {label:17} likeness of positions after layers 1, 8, 16, 32:",
                  *(f"{marks[i]:.3f}" for i in (0, 7, 15, 31)), flush=True)


def permutation():
    """A target known before the work, permuted by nonce: two scores that need no forward pass foretell wins."""
    for params, n, draws in (("nano", 8192, 40), ((256, 4, 256, 6, 8, 1024, 0), 8192, 40), ((1024, 16, 1024, 3, 8, 1024, 0), 2048, 200)):
        job = Job(params, "perm", "attacker")
        logits = oracle.forward_many(job, list(range(n)), 256).astype(float)
        size = np.linalg.norm(logits, axis=1)
        mean = logits[:n // 2].mean(0)
        random = np.random.default_rng(0)
        target = random.standard_normal(job.vocab)
        output = job.tensor(0, "output").astype(float)
        score, by_mean, by_size = [], [], []
        for draw in range(draws):
            for i in range(n // 2, n):
                permuted = random.permutation(target)
                score.append(logits[i] @ permuted / size[i])
                by_mean.append(mean @ permuted)
                if draw < 4:
                    by_size.append(np.linalg.norm(permuted @ output))
        score, by_mean, by_size = map(np.array, (score, by_mean, by_size))
        won = score > np.quantile(score, 63 / 64)
        top = by_mean > np.quantile(by_mean, 0.99)
        rate = won[top].mean() * 64
        print(f"{job.params}: correlation with the mean nonce's logits {np.corrcoef(score, by_mean)[0, 1]:.4f}, "
              f"gain of the best 1 % by it {rate:.2f} +- {rate / max(1, won[top].sum()) ** 0.5:.2f}; "
              f"spread of |output^T target| {by_size.std() / by_size.mean():.4f}", flush=True)


def zeros():
    """Products that an ideal machine could leave out because a factor or a share is exactly 0."""
    for params, layers, n in (("nano", 40, 64), ("standard", 6, 2)):
        job, seen = Job(params, "zeros", "attacker"), []

        def see(job, x, q, k, a, x2, gate, y):
            def split(z):
                return z.reshape(z.shape[0], z.shape[1], -1, job.head_dim).transpose(0, 2, 1, 3).astype(np.float32)
            scores = np.matmul(split(q), split(k).transpose(0, 1, 3, 2)).astype(np.int32)
            octaves = (scores.max(-1, keepdims=True) - scores) >> log2_sqrt(job.head_dim)
            p = EXP2.astype(np.int64)[octaves & 255] >> np.minimum(octaves >> 8, 15)
            share = (p * ((127 << 23) // p.sum(-1, keepdims=True)) + (1 << 22)) >> 23
            seen.append([(x == 0).mean(), (x2 == 0).mean(), (a == 0).mean(), (y == 0).mean(),
                         (SILU[gate + 128] == 0).mean(), (share == 0).mean(), 1 - (share > 0).any(2).mean()])
        job.layers = layers
        for _ in stream_after_each_layer(job, range(n), see=see):
            pass
        x, x2, a, y, gate, share, unused = np.mean(seen[2:], axis=0)
        saved = (3 * x + 2 * x2 + a + y + gate) / 7
        print(f"{params}: zero among lanes {x:.4f} and {x2:.4f}, attended {a:.4f}, gated {y:.4f}, silu {gate:.4f}, "
              f"shares {share:.3f}; values no query looks at {unused:.4f}; products saved {saved:.4f}, gain {1 / (1 - saved):.3f}")
    assert not (NORMAL == 0).any()


if __name__ == "__main__":
    for name in sys.argv[1:] or ("collapse", "permutation", "zeros"):
        globals()[name]()

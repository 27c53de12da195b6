#!/usr/bin/env python3
"""A second implementation of the integer trainer, written from SPEC Part IV alone; it makes train_*.json.

    python3 tests/vectors/train.py                        # the vectors; some seconds
    python3 tests/vectors/train.py --learn FILE [STEPS]   # trains train-nano on a text by one lane, prints its loss

Needs numpy and blake3. Products go through float64, which is exact here: every partial sum is an integer below 2^53.
"""
import hashlib
import json
import os
import struct
import sys
from math import isqrt

import numpy as np
from oracle import EXP2, NORMAL, keystream

HERE = os.path.dirname(os.path.abspath(__file__))
TAG, VERSION = b"sphere-pow train", 1
DOMAIN = {"run": 1, "init": 2, "batch": 3, "leaf": 4, "node": 5, "root": 6, "seed": 7, "delta": 8}
FIELDS = ("layers", "dim", "heads", "hidden", "context", "vocab", "batch", "lanes", "inner", "segments", "rounds")
PRESETS = {
    "train-tiny": (2, 16, 2, 32, 8, 32, 32, 2, 4, 2, 2),
    "train-nano": (4, 128, 4, 512, 64, 80, 1024, 4, 64, 16, 24),
}
SCHEDULE = {
    "train-tiny": ((0, 1 << 22), (2, 12884902), (8, 1288490)),
    "train-nano": ((0, 128849), (100, 12884902), (1536, 1288490)),
}
LOG2E = 23637  # 2^14 log2 e


def le32(x):
    return struct.pack("<I", x)


def le64(x):
    return struct.pack("<Q", x)


def encoding(domain, *fields):
    return TAG + le32(VERSION) + le32(DOMAIN[domain]) + b"".join(le32(len(f)) + f for f in fields)


def key(domain, *fields):
    return hashlib.sha256(encoding(domain, *fields)).digest()


def keyed(k, *parts):
    import blake3
    h = blake3.blake3(key=k)
    for part in parts:
        h.update(part)
    return h.digest()


# ---- §IV.2 values -----------------------------------------------------------------------------------------

def rs(x, s):
    """x / 2^s to the nearest, ties up; x 2^-s for negative s. Elementwise, s a number or an array."""
    x, s = np.broadcast_arrays(np.asarray(x, np.int64), np.asarray(s, np.int64))
    right = np.clip(s, 1, 62)
    down = (x + (np.int64(1) << (right - 1))) >> right
    return np.where(s > 62, 0, np.where(s > 0, down, x << np.clip(-s, 0, 24)))


def bitlen(x):
    """Length of |x| in bits, the largest of an array."""
    x = np.asarray(x, np.int64)
    return int(np.abs(x).max()).bit_length() if x.size else 0


def bitlens(x):
    """For each row."""
    top = np.abs(x).max(axis=-1)
    return np.array([int(v).bit_length() for v in top.reshape(-1)], np.int64).reshape(top.shape)


def quantise(x, bits, exponents=0):
    """Rows to mantissas of `bits` bits and a sign, with one exponent a row."""
    x = np.asarray(x, np.int64)
    exponents = np.broadcast_to(np.asarray(exponents, np.int64), x.shape[:-1])
    lengths = bitlens(x)
    shift = lengths - bits
    limit = (1 << bits) - 1
    mantissas = np.clip(rs(x, shift[..., None]), -limit, limit)
    return mantissas, np.where(lengths > 0, exponents + shift, 0)


def join(parts, bits):
    """Parts with exponents of their own to mantissas of `bits` bits with one exponent."""
    tops = [bitlen(m) + e for m, e in parts if np.any(m)]
    if not tops:
        return [np.zeros_like(m) for m, _ in parts], 0
    out, limit = max(tops) - bits, (1 << bits) - 1
    return [np.clip(rs(m, out - e), -limit, limit) for m, e in parts], out


def align(g, e):
    """Rows of gradients to the largest exponent among rows that are not zero."""
    live = np.any(g != 0, axis=-1)
    if not live.any():
        return np.zeros_like(g), 0
    top = int(e[live].max())
    return np.where(live[:, None], rs(g, (top - e)[:, None]), 0), top


def product(a, b):
    out = a.astype(np.float64) @ b.astype(np.float64)
    return out.astype(np.int64)


# ---- §IV.4 forward ----------------------------------------------------------------------------------------

STREAM_LIMIT = 1 << 28


def norm(h):
    """Rows of the stream to int8 with an exponent, and what the backward pass needs."""
    a, e = quantise(h, 11)
    q = np.array([max(1, isqrt(int(s))) for s in (a * a).sum(-1)], np.int64)
    dim = h.shape[-1]
    r = isqrt(dim << 50) // q
    y = rs(a * r[:, None], 15)
    y8, ey = quantise(y, 7, -10)
    return y8, ey, (r, e)


def norm_backward(g, e, y8, ey, kept):
    r, es = kept
    log_dim = g.shape[-1].bit_length() - 1
    p = (g * y8).sum(-1)
    t = rs(p[:, None] * y8, (log_dim - 2 * ey)[:, None])
    d = (g - t) * r[:, None]
    return quantise(d, 14, e - es - 9)


def octaves(diff, shift):
    """Differences of scores to 1/256 octaves."""
    return rs(diff * LOG2E, shift)


def powers(z):
    return np.where(z < 3840, EXP2[(z & 255)].astype(np.int64) >> np.minimum(z >> 8, 14), 0)


def shares(p):
    inverse = (1 << 30) // np.maximum(p.sum(-1), 1)
    return np.minimum(rs(p * inverse[..., None], 16), 16383)


def attention(qkv, e, dim, heads, context):
    rows = qkv.shape[0]
    hd = dim // heads
    sigma = (hd.bit_length()) // 2  # ceil(log2(hd) / 2)
    out = np.zeros((rows, dim), np.int64)
    eo = np.zeros(rows, np.int64)
    q8, eq = quantise(qkv[:, :dim], 7, e)
    kept = []
    causal = np.tril(np.ones((context, context), bool))
    for first in range(0, rows, context):
        seq = slice(first, first + context)
        k8, ek = join([(qkv[t, dim:2 * dim], int(e[t])) for t in range(first, first + context)], 7)
        v8, ev = join([(qkv[t, 2 * dim:], int(e[t])) for t in range(first, first + context)], 7)
        k8, v8 = np.array(k8), np.array(v8)
        ws = []
        for head in range(heads):
            cols = slice(head * hd, (head + 1) * hd)
            s = product(q8[seq, cols], k8[:, cols].T)
            best = np.where(causal, s, -(1 << 40)).max(-1)
            diff = np.where(causal, best[:, None] - s, 0)
            z = octaves(diff, (6 + sigma - eq[seq] - ek)[:, None])
            w = shares(np.where(causal, powers(z), 0))
            ws.append(w)
            out[seq, cols] = product(w, v8[:, cols])
        eo[seq] = ev - 14
        kept.append((k8, ek, v8, ev, ws))
    o8, eo = quantise(out, 7, eo)
    return o8, eo, (q8, eq, kept)


def attention_backward(go, eg, saved, dim, heads, context):
    q8, eq, kept = saved
    rows, hd = go.shape[0], dim // heads
    sigma = (hd.bit_length()) // 2
    out, eout = np.zeros((rows, 3 * dim), np.int64), np.zeros(rows, np.int64)
    for n, (k8, ek, v8, ev, ws) in enumerate(kept):
        seq = slice(n * context, (n + 1) * context)
        g, e, q, eqs = go[seq], eg[seq], q8[seq], eq[seq]
        aligned, top = align(g, e)
        parts = [[] for _ in range(context)]
        grads = {"q": [], "k": [], "v": []}
        for head in range(heads):
            cols = slice(head * hd, (head + 1) * hd)
            w = ws[head]
            dp = product(g[:, cols], v8[:, cols].T)
            d = rs((w * dp).sum(-1), 14)
            ds, es = quantise(w * (dp - d[:, None]), 14, e + ev - 14)
            dq = product(ds, k8[:, cols])
            dsa, tope = align(ds, es + eqs)
            dk = product(dsa.T, q[:, cols])
            dv = product(w.T, aligned[:, cols])
            grads["q"].append((dq, es + ek - sigma))
            grads["k"].append((dk, np.full(context, tope - sigma)))
            grads["v"].append((dv, np.full(context, top - 14)))
        for t in range(context):
            row = [(m[t], int(ee[t])) for name in "qkv" for m, ee in grads[name]]
            mantissas, exponent = join(row, 14)
            out[n * context + t] = np.concatenate(mantissas)
            eout[n * context + t] = exponent
    return out, eout


def add_branch(h, acc, e):
    return np.clip(h + rs(acc, (-16 - e)[:, None]), -STREAM_LIMIT, STREAM_LIMIT)


def log2_fixed(x):
    """log2 of x >= 1 in units of 2^-16, cut."""
    whole = x.bit_length() - 1
    y = (x << 30) >> whole
    out = whole << 16
    for i in range(15, -1, -1):
        y = (y * y) >> 30
        if y >= 2 << 30:
            y >>= 1
            out += 1 << i
    return out


def softmax_loss(acc, e, targets):
    """Gradient of the loss by the logits, exponent -14, and the loss of each row in 2^-16 octaves."""
    diff = acc.max(-1, keepdims=True) - acc
    z = octaves(diff, (6 - e)[:, None])
    p = powers(z)
    w = shares(p)
    rows = np.arange(acc.shape[0])
    g = w.copy()
    g[rows, targets] -= 16384
    zt = np.minimum(z[rows, targets], 1 << 20)
    loss = [int(a) * 256 + log2_fixed(int(b)) - (14 << 16) for a, b in zip(zt, p.sum(-1))]
    return np.clip(g, -16383, 16383), loss


# ---- the model ----------------------------------------------------------------------------------------------

class Model:
    def __init__(self, params):
        self.params = params
        for name, value in zip(FIELDS, params):
            setattr(self, name, value)
        d, f = self.dim, self.hidden
        self.shapes = [(self.vocab, d), (self.context, d)]
        for _ in range(self.layers):
            self.shapes += [(3 * d, d), (d, d), (f, d), (d, f)]
        self.shapes.append((self.vocab, d))
        self.size = sum(a * b for a, b in self.shapes)

    def init(self, run):
        k = key("init", run)
        theta = []
        for n, shape in enumerate(self.shapes):
            size = shape[0] * shape[1]
            raw = keystream(k, n, 0, (size + 63) // 64)[:size]
            is_out = n >= 2 and n < len(self.shapes) - 1 and (n - 2) % 4 in (1, 3)
            unit = isqrt(5243 * 5243 // (2 * self.layers)) if is_out else 5243
            theta.append((NORMAL[raw].astype(np.int64) * unit).reshape(shape))
        return theta

    def copies(self, theta):
        out = []
        for t in theta:
            shift = max(0, bitlen(t) - 7)
            out.append((np.clip(rs(t, shift), -127, 127), shift - 22))
        return out

    def forward(self, theta, w8, tokens):
        """tokens [rows] in sequences of context. Returns logits' accumulators, exponents, and what is kept."""
        positions = np.tile(np.arange(self.context), len(tokens) // self.context)
        h = np.clip(rs(theta[0][tokens] + theta[1][positions], 6), -STREAM_LIMIT, STREAM_LIMIT)
        kept = []
        for layer in range(self.layers):
            (wqkv, eqkv), (wo, ewo), (w1, ew1), (w2, ew2) = w8[2 + 4 * layer:6 + 4 * layer]
            x8, ex, n1 = norm(h)
            qkv = product(x8, wqkv.T)
            o8, eo, att = attention(qkv, ex + eqkv, self.dim, self.heads, self.context)
            h = add_branch(h, product(o8, wo.T), eo + ewo)
            y8, ey, n2 = norm(h)
            a, ea = quantise(np.maximum(product(y8, w1.T), 0), 14, ey + ew1)
            f8, ef = quantise(a * a, 7, 2 * ea)
            h = add_branch(h, product(f8, w2.T), ef + ew2)
            kept.append((x8, ex, n1, att, o8, eo, y8, ey, n2, a, ea, f8, ef))
        z8, ez, n = norm(h)
        wout, ewout = w8[-1]
        return product(z8, wout.T), ez + ewout, (kept, z8, ez, n)

    def backward(self, w8, g, e, saved, tokens):
        """Gradient of each tensor as i32 with an exponent."""
        kept, z8, ez, n = saved
        grads = [None] * len(self.shapes)

        def weight(index, g, e, x8, ex):
            # Rows whose gradient is zero say nothing.
            aligned, top = align(g, e + ex)
            grads[index] = (product(aligned.T, x8), top)

        def through(g, e, index):
            w, ew = w8[index]
            return quantise(product(g, w), 14, e + ew)
        last = len(self.shapes) - 1
        weight(last, g, e, z8, ez)
        dz, edz = through(g, e, last)
        dh, eh = norm_backward(dz, edz, z8, ez, n)
        for layer in reversed(range(self.layers)):
            x8, ex, n1, att, o8, eo, y8, ey, n2, a, ea, f8, ef = kept[layer]
            first = 2 + 4 * layer
            weight(first + 3, dh, eh, f8, ef)
            df, edf = through(dh, eh, first + 3)
            da, eda = quantise(a * df, 14, edf + ea + 1)
            weight(first + 2, da, eda, y8, ey)
            dy, edy = through(da, eda, first + 2)
            dh, eh = add_gradients(dh, eh, *norm_backward(dy, edy, y8, ey, n2))
            weight(first + 1, dh, eh, o8, eo)
            do, edo = through(dh, eh, first + 1)
            dqkv, eqkv = attention_backward(do, edo, att, self.dim, self.heads, self.context)
            weight(first, dqkv, eqkv, x8, ex)
            dx, edx = through(dqkv, eqkv, first)
            dh, eh = add_gradients(dh, eh, *norm_backward(dx, edx, x8, ex, n1))
        aligned, top = align(dh, eh)
        by_token, by_position = np.zeros(self.shapes[0], np.int64), np.zeros(self.shapes[1], np.int64)
        np.add.at(by_token, tokens, aligned)
        np.add.at(by_position, np.tile(np.arange(self.context), len(tokens) // self.context), aligned)
        grads[0], grads[1] = (by_token, top), (by_position, top)
        return grads


def add_gradients(a, ea, b, eb):
    live_a, live_b = np.any(a != 0, axis=-1), np.any(b != 0, axis=-1)
    low = -(1 << 20)
    top = np.maximum(np.where(live_a, ea, low), np.where(live_b, eb, low))
    total = rs(a, (top - ea)[:, None]) * live_a[:, None] + rs(b, (top - eb)[:, None]) * live_b[:, None]
    return quantise(total, 14, top)


# ---- §IV.6 optimiser ----------------------------------------------------------------------------------------

def corrections(n):
    """sqrt(1 - (63/64)^t) / (1 - (7/8)^t) in units of 2^-16 for t = 1..n."""
    one = 1 << 62
    x, y, out = one, one, []
    for _ in range(n):
        x -= x >> 3
        y -= y >> 6
        out.append((isqrt(one - y) << 16) // ((one - x) >> 31))
    return out


def rate(schedule, step):
    for (s0, r0), (s1, r1) in zip(schedule, schedule[1:]):
        if s0 <= step < s1:
            return (r0 * (s1 - step) + r1 * (step - s0)) // (s1 - s0)
    return schedule[0][1] if step < schedule[0][0] else schedule[-1][1]


def isqrts(x):
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)
    root -= root * root > x
    root += (root + 1) * (root + 1) <= x
    return root


def optimise(theta, m, s, em, grad, eg, lr, c):
    top_state, top_grad = max(bitlen(m), bitlen(s)), bitlen(grad)
    tops = ([top_state + em] if top_state else []) + ([top_grad + eg] if top_grad else [])
    decay = (lr + 10) // 20
    if tops:
        e = max(tops) - 29
        limit = (1 << 29) - 1
        m, s, g = (np.clip(rs_far(x, e - ex), -limit, limit) for x, ex in ((m, em), (s, em), (grad, eg)))
        m = m + rs(g - m, 3)
        s = isqrts(s * s + ((g * g - s * s) >> 6))
        den = s + (int(s.max()) >> 20) + 1
        q = np.clip(np.sign(m) * ((np.abs(m) << 16) // den), -(1 << 20), 1 << 20)
        step = rs(q * int(rs(lr * c, 16)), 26)
    else:
        e, step = 0, np.zeros_like(theta)
    theta = theta - step - rs(theta * int(decay), 32)
    return np.clip(theta, -(1 << 29), 1 << 29), m, s, e


def rs_far(x, s):
    """rs for shifts left of up to 29."""
    return rs(x, s) if s >= 0 else x << min(-s, 29)


# ---- §IV.7 rounds -------------------------------------------------------------------------------------------

class Run:
    def __init__(self, params, schedule, text, seed=0):
        self.model, self.schedule, self.text = Model(params), schedule, text
        words = b"".join(le32(w) for w in params)
        knots = b"".join(le32(w) for knot in schedule for w in knot)
        self.id = key("run", words, knots, hashlib.sha256(text).digest(), le64(len(text)), *([le32(seed)] if seed else []))
        symbols = sorted(set(text))
        assert len(symbols) <= self.model.vocab
        table = np.zeros(256, np.int64)
        table[symbols] = np.arange(len(symbols))
        self.tokens = table[np.frombuffer(text, np.uint8)]
        self.n_train = len(text) - len(text) // 20
        self.c = self.model.inner // self.model.segments
        self.corrections = corrections(self.model.inner)

    def positions(self, t, lane, seed, step):
        k = key("batch", self.id, le32(t), le32(lane), seed)
        n, m = self.n_train - self.model.context, self.model
        out, block = [], 0
        while len(out) < m.batch // m.context:
            for word in keystream(k, step, block, 1).view("<u8"):
                if int(word) < (1 << 64) - (1 << 64) % n and len(out) < m.batch // m.context:
                    out.append(int(word) % n)
            block += 1
        return out

    def step(self, state, t, lane, seed, i):
        """One inner step; returns the new state and the loss in 2^-16 octaves."""
        theta, m, s, e = state
        model = self.model
        starts = np.array(self.positions(t, lane, seed, i))
        places = (starts[:, None] + np.arange(model.context)).reshape(-1)
        tokens, targets = self.tokens[places], self.tokens[places + 1]
        w8 = model.copies(theta)
        acc, ea, kept = model.forward(theta, w8, tokens)
        g, loss = softmax_loss(acc, ea, targets)
        grads = model.backward(w8, g, np.full(len(tokens), -14), kept, tokens)
        lr, c = rate(self.schedule, t * model.inner + i), self.corrections[i]
        new = [optimise(theta[n], m[n], s[n], e[n], grads[n][0], grads[n][1], lr, c) for n in range(len(theta))]
        return tuple([x[j] for x in new] for j in range(4)), sum(loss)

    def start(self, theta):
        zero = [np.zeros_like(t) for t in theta]
        return theta, zero, [z.copy() for z in zero], [0] * len(theta)

    def state_bytes(self, state):
        theta, m, s, e = state
        parts = []
        for n in range(len(theta)):
            parts += [struct.pack("<i", e[n])] + [x[n].astype("<i4").tobytes() for x in (theta, m, s)]
        return b"".join(parts)

    def leaf(self, t, lane, j, state):
        return keyed(key("leaf", self.id, le32(t), le32(lane), le32(j)), self.state_bytes(state))

    def tree(self, leaves):
        k = key("node", self.id)
        while len(leaves) > 1:
            leaves = [keyed(k, leaves[i], leaves[i + 1]) if i + 1 < len(leaves) else leaves[i]
                      for i in range(0, len(leaves), 2)]
        return leaves[0]

    def delta(self, before, after):
        d = np.concatenate([(b - a).reshape(-1) for b, a in zip(before, after)])
        out = b""
        for i in range(0, len(d), 64):
            block = d[i:i + 64]
            shift = max(0, bitlen(block) - 7)
            out += bytes([shift]) + np.clip(rs(block, shift), -127, 127).astype(np.int8).tobytes()
        return out

    def read_delta(self, data):
        out, at = np.zeros(self.model.size, np.int64), 0
        for i in range(0, self.model.size, 64):
            n = min(64, self.model.size - i)
            out[i:i + n] = np.frombuffer(data[at + 1:at + 1 + n], np.int8).astype(np.int64) << data[at]
            at += 1 + n
        return out

    def merge(self, theta, v, deltas):
        total, n = sum(self.read_delta(d) for d in deltas), len(deltas)
        d = (2 * total + n) // (2 * n)
        flat = np.concatenate([t.reshape(-1) for t in theta])
        v = np.clip(rs(922 * v, 10) + d, -(1 << 30), 1 << 30)
        flat = np.clip(flat - rs(717 * (d + rs(922 * v, 10)), 10), -(1 << 29), 1 << 29)
        out, at = [], 0
        for shape in self.model.shapes:
            n = shape[0] * shape[1]
            out.append(flat[at:at + n].reshape(shape))
            at += n
        return out, v

    def root(self, t, theta, v):
        flat = np.concatenate([x.reshape(-1) for x in theta])
        return keyed(key("root", self.id, le32(t)), flat.astype("<i4").tobytes(), v.astype("<i4").tobytes())

    def validate(self, theta, sequences):
        """Loss in nats over evenly spaced sequences of the held-out end."""
        model, w8 = self.model, self.model.copies(theta)
        n = len(self.text) - self.n_train - model.context - 1
        starts = np.array([self.n_train + n * i // sequences for i in range(sequences)])
        places = (starts[:, None] + np.arange(model.context)).reshape(-1)
        acc, e, _ = model.forward(theta, w8, self.tokens[places])
        loss = softmax_loss(acc, e, self.tokens[places + 1])[1]
        return sum(loss) / len(loss) / 65536 * 0.6931471805599453


def learn(path, steps):
    text = open(path, "rb").read()
    run = Run(PRESETS["train-nano"], SCHEDULE["train-nano"], text)
    theta = run.model.init(run.id)
    state = run.start(theta)
    for i in range(steps):
        t, i_in = divmod(i, 64)
        if i_in == 0:
            state = run.start(state[0])
        state, loss = run.step(state, t, 0, bytes(32), i_in)
        if i % 10 == 0 or i == steps - 1:
            print(i, "loss", loss / run.model.batch / 65536 * 0.6931471805599453, flush=True)
    print("validation", run.validate(state[0], 64))


# ---- vectors ------------------------------------------------------------------------------------------------

class Dice:
    """Values of a seeded stream."""

    def __init__(self, seed):
        self.raw = keystream(hashlib.sha256(seed).digest(), 0, 0, 1 << 14).view("<u4").astype(np.int64)
        self.at = 0

    def ints(self, limit, *shape):
        n = int(np.prod(shape))
        out = self.raw[self.at:self.at + n] % (2 * limit + 1) - limit
        self.at += n
        return out.reshape(shape)


def listed(x):
    return x.tolist() if isinstance(x, np.ndarray) else x


def op_cases():
    dice, cases = Dice(b"train ops"), {}
    rows = []
    for dim, limit in ((16, 1 << 28), (16, 3), (128, 1 << 17), (256, 1 << 28), (32, 0)):
        h = dice.ints(limit, 1, dim)
        if dim == 256:
            h[:, 1:] = 0
        y, ey, kept = norm(h)
        g = dice.ints(16383, 1, dim)
        back, e = norm_backward(g, np.array([-9]), y, ey, kept)
        rows.append({"row": h[0], "y": y[0], "exponent": ey[0], "factor": kept[0][0], "kept": kept[1][0],
                     "g": g[0], "g_exponent": -9, "back": back[0], "back_exponent": e[0]})
    cases["norm"] = rows
    rows = []
    for hidden, limit, e in ((16, 1 << 23, -20), (64, 100, 3), (32, 0, 0)):
        acc = dice.ints(limit, 1, hidden)
        a, ea = quantise(np.maximum(acc, 0), 14, e)
        f, ef = quantise(a * a, 7, 2 * ea)
        g = dice.ints(16383, 1, hidden)
        back, eb = quantise(a * g, 14, -5 + ea + 1)
        rows.append({"acc": acc[0], "exponent": e, "a": a[0], "a_exponent": ea[0], "f": f[0], "f_exponent": ef[0],
                     "g": g[0], "g_exponent": -5, "back": back[0], "back_exponent": eb[0]})
    cases["squared_relu"] = rows
    rows = []
    for dim, e in ((16, -20), (16, 2), (16, -60)):
        h, acc = dice.ints(1 << 28, 1, dim), dice.ints(1 << 30, 1, dim)
        rows.append({"stream": h[0], "acc": acc[0], "exponent": e, "out": add_branch(h, acc, np.array([e]))[0]})
    cases["add_branch"] = rows
    rows = []
    for la, ea, lb, eb in ((16383, -9, 16383, -9), (16383, -9, 16383, -14), (5, 3, 16383, -70), (0, 9, 40, -7), (0, 1, 0, 2)):
        a, b = dice.ints(la, 1, 16), dice.ints(lb, 1, 16)
        out, e = add_gradients(a, np.array([ea]), b, np.array([eb]))
        rows.append({"a": a[0], "a_exponent": ea, "b": b[0], "b_exponent": eb, "out": out[0], "exponent": e[0]})
    cases["add_gradients"] = rows
    rows = []
    for vocab, limit, e in ((16, 1 << 20, -18), (80, 1 << 21, -15), (16, 1 << 21, 4), (16, 0, 0), (16, 50, -40)):
        acc = dice.ints(limit, 1, vocab)
        g, loss = softmax_loss(acc, np.array([e]), np.array([vocab // 3]))
        rows.append({"acc": acc[0], "exponent": e, "target": vocab // 3, "g": g[0], "loss": loss[0]})
    cases["cross_entropy"] = rows
    rows = []
    for context, dim, heads in ((8, 16, 2), (2, 16, 1), (16, 32, 4), (4, 64, 1)):
        qkv, e = dice.ints(1 << 20, context, 3 * dim), dice.ints(3, context) - 20
        if context == 16:
            qkv[3] = 0
        out, eo, kept = attention(qkv, e, dim, heads, context)
        g, eg = dice.ints(16383, context, dim), dice.ints(4, context) - 30
        if context == 4:
            g[1] = 0
        back, eb = attention_backward(g, eg, kept, dim, heads, context)
        rows.append({"context": context, "dim": dim, "heads": heads, "qkv": qkv.reshape(-1), "exponents": e,
                     "out": out.reshape(-1), "out_exponents": eo, "g": g.reshape(-1), "g_exponents": eg,
                     "back": back.reshape(-1), "back_exponents": eb})
    cases["attention"] = rows
    rows = []
    for n, lg, e, em, rate_of, c, fresh in ((40, 1 << 28, -40, 0, 12884902, 65536, True), (40, 1 << 20, -38, -52, 12884902, 30000, False),
                                            (40, 0, 0, -52, 1 << 28, 65536, False), (40, 0, 0, 0, 99, 65536, True), (40, 1, 30, -52, 1 << 20, 40000, False)):
        theta, g = dice.ints(1 << 29, n), dice.ints(lg, n)
        m = dice.ints(0 if fresh else 1 << 28, n)
        s = np.abs(dice.ints(0 if fresh else 1 << 28, n))
        s[:8] >>= 24
        t2, m2, s2, e2 = optimise(theta, m, s, em, g, e, rate_of, c)
        rows.append({"theta": theta, "first": m, "root": s, "exponent": em, "gradient": g, "gradient_exponent": e,
                     "rate": rate_of, "correction": c, "new_theta": t2, "new_first": m2, "new_root": s2, "new_exponent": e2})
    cases["optimise"] = rows
    cases["corrections"] = corrections(64)
    before, after = dice.ints(1 << 29, 150), dice.ints(1 << 29, 150)
    after[:64] = before[:64] - dice.ints(90, 64)
    run = Run(PRESETS["train-tiny"], SCHEDULE["train-tiny"], make_text())
    cases["delta"] = [{"before": before, "after": after, "delta": run.delta([before], [after]).hex()}]
    return {name: [{k: listed(v) if not isinstance(v, np.integer) else int(v) for k, v in case.items()} if isinstance(case, dict)
                   else case for case in rows] for name, rows in cases.items()}


def make_text():
    """1,500 bytes of 30 symbols, each after another by a rule with exceptions."""
    dice, out, at = Dice(b"train text"), [], 0
    for x in dice.ints(1 << 20, 1500):
        at = (at * 7 + 3) % 30 if x % 4 else int(x) % 30
        out.append(97 + at if at < 26 else 65 + at)
    return bytes(out)


def round_case():
    text = make_text()
    run = Run(PRESETS["train-tiny"], SCHEDULE["train-tiny"], text)
    theta, v = run.model.init(run.id), np.zeros(run.model.size, np.int64)
    sha = lambda data: hashlib.sha256(data).hexdigest()
    flat = lambda t: np.concatenate([x.reshape(-1) for x in t]).astype("<i4").tobytes()
    seeded = Run(PRESETS["train-tiny"], SCHEDULE["train-tiny"], text, 7)
    out = {"text": text.decode(), "run": run.id.hex(), "run_of_seed_7": seeded.id.hex(), "beacon": "vectors", "init": sha(flat(theta)),
           "rates": [rate(run.schedule, i) for i in range(9)], "rounds": []}
    for t in range(run.model.rounds):
        root = run.root(t, theta, v)
        seed = key("seed", run.id, le32(t), root, b"vectors")
        lanes, deltas = [], []
        for lane in range(run.model.lanes):
            state, leaves, steps = run.start(theta), [], []
            leaves.append(run.leaf(t, lane, 0, state))
            for i in range(run.model.inner):
                starts = run.positions(t, lane, seed, i)
                state, loss = run.step(state, t, lane, seed, i)
                steps.append({"starts": starts, "loss": loss, "state": sha(run.state_bytes(state))})
                if (i + 1) % run.c == 0:
                    leaves.append(run.leaf(t, lane, (i + 1) // run.c, state))
            deltas.append(run.delta(theta, state[0]))
            lanes.append({"steps": steps, "leaves": [leaf.hex() for leaf in leaves], "root": run.tree(leaves).hex(),
                          "delta": sha(deltas[-1]), "delta_hash": keyed(key("delta", run.id, le32(t), le32(lane)), deltas[-1]).hex()})
        out["rounds"].append({"root": root.hex(), "seed": seed.hex(), "lanes": lanes})
        theta, v = run.merge(theta, v, deltas)
    out["root"] = run.root(run.model.rounds, theta, v).hex()
    return out


def long_case():
    """Roots of 24 rounds of the smallest model: what every executor has to come to."""
    text, beacon = make_text(), b"vectors"
    run = Run(PRESETS["train-tiny"][:-1] + (24,), SCHEDULE["train-tiny"], text)
    theta, v, roots = run.model.init(run.id), np.zeros(run.model.size, np.int64), []
    for t in range(run.model.rounds):
        seed, deltas = key("seed", run.id, le32(t), run.root(t, theta, v), beacon), []
        for lane in range(run.model.lanes):
            state = run.start(theta)
            for i in range(run.model.inner):
                state, _ = run.step(state, t, lane, seed, i)
            deltas.append(run.delta(theta, state[0]))
        theta, v = run.merge(theta, v, deltas)
        roots.append(run.root(t + 1, theta, v).hex())
    return {"text": text.decode(), "beacon": beacon.decode(), "rounds": run.model.rounds, "run": run.id.hex(), "roots": roots}


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--learn":
        learn(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 300)
    else:
        write("train_ops.json", op_cases())
        write("train_round.json", round_case())
        write("train_rounds.json", long_case())

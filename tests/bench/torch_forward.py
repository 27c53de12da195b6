"""Times PyTorch's f32 forward pass of one nonce: torch_forward.py VECTORS.json [THREADS] [REPEATS].

Written from SPEC part I. Weights and activations are f32, all weights lie ready in memory (testnet: 12 GB);
norms, attention and layers are PyTorch's own. Prints one JSON line a repeat: seconds of the forward pass alone,
and how far the distance is from the vector's (f32 activations without the f16 rounding points: some 1e-5).
"""
import hashlib
import json
import sys
import time

import numpy
import torch
import torch.nn.functional as functional

from numpy_pool import generator, pool


class Model:
    def __init__(self, params, block):
        self.params, self.block = params, block
        dim, heads, kv_heads = params["dim"], params["n_heads"], params["n_kv_heads"]
        self.head_dim = dim // heads
        hidden = int(2 * (4 * dim) / 3)
        if params.get("ffn_dim_multiplier") is not None:
            hidden = int(params["ffn_dim_multiplier"] * hidden)
        multiple = params["multiple_of"]
        hidden = (hidden + multiple - 1) // multiple * multiple
        kv_dim = kv_heads * self.head_dim
        vocab, layers = params["vocab_size"], params["n_layers"]
        per_layer = 2 * dim * dim + 2 * dim * kv_dim + 3 * dim * hidden + 2 * dim
        total = 2 * vocab * dim + layers * per_layer + dim
        self.pool, _ = pool(block, max(50_000, int(0.05 * total)))
        shapes = {"attention.wq": (dim, dim), "attention.wk": (kv_dim, dim), "attention.wv": (kv_dim, dim),
                  "attention.wo": (dim, dim), "feed_forward.w1": (hidden, dim), "feed_forward.w2": (dim, hidden),
                  "feed_forward.w3": (hidden, dim), "attention_norm": (dim,), "ffn_norm": (dim,)}
        self.layers = [{name: self.tensor(f"layers.{i}.{name}.weight", shape) for name, shape in shapes.items()}
                       for i in range(layers)]
        self.norm = self.tensor("norm.weight", (dim,))
        self.output = self.tensor("output.weight", (vocab, dim))
        self.rope = self.rotations()

    def tensor(self, name, shape):
        n, size = int(numpy.prod(shape)), len(self.pool)
        offset = int(hashlib.sha256(f"{self.block}_{name}".encode()).hexdigest()[:8], 16)
        if n <= size:
            first = offset % (size - n + 1)
            values = self.pool[first:first + n]
        else:
            values = numpy.roll(numpy.resize(self.pool, n), -(offset % n))
        return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)

    def rotations(self):
        pairs = torch.arange(0, self.head_dim, 2, dtype=torch.float32) / self.head_dim
        frequencies = self.params["rope_theta"] ** -pairs
        if self.params["use_scaled_rope"]:
            frequencies = torch.tensor([scaled(float(f)) for f in frequencies])
        angles = torch.outer(torch.arange(self.params["seq_len"], dtype=torch.float32), frequencies)
        return torch.polar(torch.ones_like(angles), angles)

    def rotate(self, x):
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * self.rope).flatten(-2)

    def heads(self, x, n):
        return x.view(x.shape[0], x.shape[1], n, self.head_dim).transpose(1, 2)

    def forward(self, x):
        """Logits [nonces, vocab] of inputs [nonces, seq_len, dim]."""
        eps, dim = self.params["norm_eps"], self.params["dim"]
        heads, kv_heads = self.params["n_heads"], self.params["n_kv_heads"]
        for layer in self.layers:
            normed = functional.rms_norm(x, (dim,), layer["attention_norm"], eps)
            q = self.rotate(self.heads(functional.linear(normed, layer["attention.wq"]), heads))
            k = self.rotate(self.heads(functional.linear(normed, layer["attention.wk"]), kv_heads))
            v = self.heads(functional.linear(normed, layer["attention.wv"]), kv_heads)
            attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True,
                                                               enable_gqa=heads != kv_heads)
            x = x + functional.linear(attended.transpose(1, 2).flatten(2), layer["attention.wo"])
            normed = functional.rms_norm(x, (dim,), layer["ffn_norm"], eps)
            gate = functional.silu(functional.linear(normed, layer["feed_forward.w1"]))
            gate = gate * functional.linear(normed, layer["feed_forward.w3"])
            x = x + functional.linear(gate, layer["feed_forward.w2"])
        last = functional.rms_norm(x[:, -1], (dim,), self.norm, eps)
        return functional.linear(last, self.output)


def scaled(frequency):
    wavelength = 2 * numpy.pi / frequency
    if wavelength < 8192 / 4:
        return frequency
    if wavelength > 8192:
        return frequency / 8
    smooth = (8192 / wavelength - 1) / 3
    return (1 - smooth) * frequency / 8 + smooth * frequency


def distance(logits, case, nonce):
    vocab = case["params"]["vocab_size"]
    seed = f'{case["block_hash"]}_{case["public_key"]}_nonce_{nonce}_permutations'
    order = generator(seed, 1).permutation(vocab)
    target = generator(case["block_hash"] + "_target", 1).standard_normal(vocab)
    target /= numpy.linalg.norm(target)
    point = logits.numpy()[order]
    return float(numpy.linalg.norm(point / numpy.linalg.norm(point) - target))


def main():
    with open(sys.argv[1]) as file:
        case = json.load(file)
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
    repeats = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    params, nonce = case["params"], case["nonces"][0]
    model = Model(params, case["block_hash"])
    seed = f'{case["block_hash"]}_{case["public_key"]}_nonce{nonce}'
    inputs = generator(seed).standard_normal((1, params["seq_len"], params["dim"]))
    inputs = torch.from_numpy(inputs.astype(numpy.float32).astype(numpy.float16).astype(numpy.float32))
    with torch.inference_mode():
        for _ in range(repeats):
            start, cpu_start = time.perf_counter(), time.process_time()
            logits = model.forward(inputs)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
            error = distance(logits[0], case, nonce) - case["dist"][0]
            print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "threads": torch.get_num_threads(), "distance_error": error,
                              "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()

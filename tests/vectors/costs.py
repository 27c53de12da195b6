#!/usr/bin/env python3
"""Makes costs.json: operations of one nonce and bytes of weights, by the formulas of SPEC §I.3 and §II.7.

    python3 tests/vectors/costs.py

An operation is a multiplication or an addition of a matrix product; what cannot reach the last position's logits is left
out. Python's integers have no end, where native code has 64 bits and wasm32 computes sizes in 32.
"""
import json
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "costs.json")
COMMENT = ("operations of one nonce and bytes of weights, by the formulas of SPEC I.3 and II.7 in unbounded integers; native "
           "code and wasm32 must both give them")


def exact(dim, heads, hidden, layers, tokens, vocab, threshold):
    square, wide = dim * dim, dim * hidden
    pairs = 2 * tokens * dim  # of one query: with each key, and each value by its weight
    full = tokens * (4 * square + 3 * wide + pairs)
    last = tokens * 2 * square + 2 * square + 3 * wide + pairs
    weights = layers * (4 * square + 3 * wide) + vocab * dim
    return 2 * ((layers - 1) * full + last + vocab * dim), weights


def gonka(dim, n_layers, n_heads, n_kv_heads, vocab_size, ffn_dim_multiplier, multiple_of, seq_len, **rest):
    hidden = int(ffn_dim_multiplier * int(8 * dim / 3))
    hidden = -(-hidden // multiple_of) * multiple_of
    kv_dim = n_kv_heads * (dim // n_heads)
    keys, others = 2 * dim * kv_dim, 2 * dim * dim + 3 * dim * hidden
    parameters = 2 * vocab_size * dim + n_layers * (keys + others + 2 * dim) + dim
    work = (n_layers - 1) * seq_len * (keys + others) + seq_len * keys + others + vocab_size * dim
    return 2 * work, 2 * max(50_000, int(0.05 * parameters))  # products of attention, some per mille, are not counted


def main():
    with open(PATH) as file:
        cases = json.load(file)["cases"]
    for case in cases:
        case["work_per_nonce"], case["weights"] = {"exact": exact, "gonka": gonka}[case["profile"]](**case["params"])
    lines = ",\n".join(f"    {json.dumps(case)}" for case in cases)
    with open(PATH, "w") as file:
        file.write(f'{{\n  "comment": {json.dumps(COMMENT)},\n  "cases": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()

"""Times numpy's Generator.normal for a weight pool: numpy_pool.py WEIGHTS REPEATS [BLOCK_HASH].

Prints one JSON line a repeat: seconds of `normal` alone, seconds with the rounding to f16, and the checksum of
the f16 bits, which must be that of the same block's pool in Rust.
"""
import hashlib
import json
import sys
import time

import numpy


def generator(seed_text, hashes=4):
    digests = (hashlib.sha256(f"{seed_text}_{i}".encode()).digest() for i in range(hashes))
    return numpy.random.default_rng(numpy.frombuffer(b"".join(digests), dtype="<u4"))


def pool(seed_text, weights):
    """The f16 pool of a block, and the seconds that the normals alone took."""
    rng = generator(seed_text)
    out = numpy.empty(weights, dtype=numpy.float16)
    seconds = 0.0
    # In parts, so that the f64 normals of a large pool need not be held at once; the stream is the same.
    part = 1 << 24
    for first in range(0, weights, part):
        start = time.perf_counter()
        normals = rng.normal(0.0, 0.02, size=min(part, weights - first))
        seconds += time.perf_counter() - start
        out[first:first + part] = normals.astype(numpy.float32).astype(numpy.float16)
    return out, seconds


def main():
    weights, repeats = int(sys.argv[1]), int(sys.argv[2])
    block = sys.argv[3] if len(sys.argv) > 3 else "block"
    for _ in range(repeats):
        start = time.perf_counter()
        values, normal_seconds = pool(block, weights)
        whole = time.perf_counter() - start
        checksum = int(values.view(numpy.uint16).sum(dtype=numpy.uint64))
        print(json.dumps({"seconds": normal_seconds, "seconds_with_f16": whole, "weights": weights,
                          "checksum": checksum, "numpy": numpy.__version__}), flush=True)


if __name__ == "__main__":
    main()

"""Ours beside numpy and PyTorch, in turns in one run: compare.py [pool] [forward].

Needs numpy and torch in this Python, and the examples built (`cargo build --release -p sphere-pow-cpu
--examples`). Takes the best of a few turns of each side, since other work on the machine only ever adds time,
and prints the ratios. `forward` wants 13 GB of free memory for PyTorch's f32 weights.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
EXAMPLES = os.path.join(TARGET, "release", "examples")
TURNS = 3


def lines(*command):
    env = dict(os.environ, OMP_NUM_THREADS="2")
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, env=env)
    return out.stdout.splitlines()


def compare_pool():
    ours, numpys, checksums = {1: [], 2: []}, [], set()
    for _ in range(TURNS):
        for threads in ours:
            for line in map(json.loads, lines(os.path.join(EXAMPLES, "pool"), "testnet", threads, 1)):
                ours[threads].append(line["seconds"])
                checksums.add(line["checksum"])
                weights = line["weights"]
        for line in map(json.loads, lines(sys.executable, os.path.join(HERE, "numpy_pool.py"), weights, 1)):
            numpys.append(line["seconds"])
            checksums.add(line["checksum"])
    assert len(checksums) == 1, f"the pools differ: {checksums}"
    best = min(numpys)
    print(f"pool of {weights} weights, same bits on both sides, best of {TURNS}:")
    print(f"  numpy's normal  {best:.3f} s ({best / weights * 1e9:.2f} ns each, without rounding to f16)")
    for threads, seconds in ours.items():
        seconds = min(seconds)
        each = seconds / weights * 1e9
        print(f"  ours, {threads} thread(s) {seconds:.3f} s ({each:.2f} ns each), {best / seconds:.2f} times as fast")


def compare_forward():
    vectors = os.path.join(ROOT, "tests", "vectors", "gonka_testnet.json")
    with open(vectors) as file:
        case = json.load(file)
    command = [os.path.join(EXAMPLES, "nonce"), "--params", "testnet", "--threads", 2, "--repeat", TURNS,
               "--nonces", case["nonces"][0], "--block-hash", case["block_hash"], "--public-key", case["public_key"]]
    levels = {None: [], "avx512": []}
    turns = r"forward: ([0-9.]+) s a nonce, ([0-9.]+) CPU s"
    for level, results in levels.items():
        extra = [] if level is None else ["--simd", level]
        text = "\n".join(lines(*command, *extra))
        results += [tuple(map(float, match)) for match in re.findall(turns, text)]
        name = re.search("^CPU, .*", text, re.M).group()
        error = float(re.search("distance (.*)", text).group(1)) - case["dist"][0]
        print(f"ours ({name}): {show(results)}, distance error {error:.1e}")
    torch = [json.loads(line) for line in
             lines(sys.executable, os.path.join(HERE, "torch_forward.py"), vectors, 2, TURNS)]
    results = [(line["seconds"], line["cpu_seconds"]) for line in torch]
    print(f"PyTorch {torch[0]['torch']} f32, 2 threads: {show(results)}, "
          f"distance error {torch[0]['distance_error']:.1e}")
    for level, ours in levels.items():
        clock, cpu = (min(r[i] for r in results) / min(r[i] for r in ours) for i in (0, 1))
        print(f"  ours at {level or 'its best'}: {clock:.2f} times as fast by the clock, {cpu:.2f} by processor time")


def show(results):
    return f"{min(r[0] for r in results):.2f} s, {min(r[1] for r in results):.2f} CPU s (best of {len(results)})"


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["pool", "forward"]
    if "pool" in wanted:
        compare_pool()
    if "forward" in wanted:
        compare_forward()

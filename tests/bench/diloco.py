"""PyTorch's DiLoCo in f32 beside `sphere-pow train`, in turns in one run: same architecture, first parameters, batches and schedule.

    python3 tests/bench/diloco.py TEXT [ROUNDS] [--run-seed N] [--float | --synchronous]

Needs torch, numpy and blake3 in this Python, and the command built (`cargo build --release -p sphere-pow-prover`, with `--features float` for --float). Ours goes
first, round by round; the peer takes each round's seed from its run.json, so that both see the same tokens in the same order.
--run-seed chooses the run (SPEC IV.1): its first parameters and its batches.
With --float ours are float lanes (SPEC IV.10) instead of integers. Both run a lane a thread, on as many threads: nothing has to wait within a step. Prints a line a round: seconds, processor seconds (of
ours with its files and its loss on what is held out) and that loss, of both. On a machine that others use, the ratio by processor time is the fair one.

--synchronous trains the twin without lanes, of both: as many steps by the same schedule, each by the mean gradient of one batch of
every lane, so the same number of tokens; one model, whose moments are never set back, and no outer step. Ours is the example `ways` of
crate cpu (`cargo build --release -p sphere-pow-cpu --example ways`). Both run at once, on a thread each.
"""
import argparse
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from torch.nn.functional import cross_entropy, linear, relu, scaled_dot_product_attention

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/vectors"))
import train  # noqa: E402

RELEASE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
BINARY, WAYS = os.path.join(RELEASE, "sphere-pow"), os.path.join(RELEASE, "examples/ways")
PRESET, HELD_OUT = "train-nano", 256
THREADS = os.cpu_count() or 1
OUTER_RATE, OUTER_MOMENTUM = 0.7, 0.9
RUN = None


def norm(h):
    """RMS without gains, as SPEC IV.4.1."""
    return h * torch.rsqrt(h.square().mean(-1, keepdim=True) + 1e-12)


def forward(theta, tokens):
    """Logits of `[sequences, context]` tokens (SPEC IV.4, in floats)."""
    m = RUN.model
    symbols, positions, *layers, output = theta
    # Half of log2 of a head's width, rounded up.
    scale = 2.0 ** -(((m.dim // m.heads).bit_length()) // 2)
    h = symbols[tokens] + positions
    heads = lambda x: x.unflatten(-1, (m.heads, -1)).transpose(1, 2)
    for qkv, o, up, down in zip(*[iter(layers)] * 4):
        q, k, v = linear(norm(h), qkv).chunk(3, -1)
        mixed = scaled_dot_product_attention(heads(q), heads(k), heads(v), is_causal=True, scale=scale)
        h = h + linear(mixed.transpose(1, 2).flatten(2), o)
        h = h + linear(relu(linear(norm(h), up)).square(), down)
    return linear(norm(h), output)


def batch(starts):
    context = RUN.model.context
    cut = np.stack([RUN.tokens[start:start + context + 1] for start in starts])
    cut = torch.from_numpy(cut)
    return cut[:, :-1], cut[:, 1:]


def optimiser(arrays):
    theta = [torch.from_numpy(a).clone().requires_grad_() for a in arrays]
    return theta, torch.optim.AdamW(theta, betas=(7 / 8, 63 / 64), weight_decay=0.05)


def lane(job):
    """A lane's steps from the agreed parameters; gives how far it moved, its mean loss, and processor seconds."""
    arrays, t, u, seed = job
    torch.set_num_threads(1)
    # Keystreams in numpy are no part of what is compared.
    starts = [RUN.positions(t, u, seed, i) for i in range(RUN.model.inner)]
    began = time.process_time()
    theta, adam = optimiser(arrays)
    losses = []
    for i in range(RUN.model.inner):
        adam.param_groups[0]["lr"] = train.rate(RUN.schedule, t * RUN.model.inner + i) / 2**32
        tokens, targets = batch(starts[i])
        loss = cross_entropy(forward(theta, tokens).flatten(0, 1), targets.flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.detach())
    return [a - x.detach().numpy() for a, x in zip(arrays, theta)], float(torch.stack(losses).mean()), time.process_time() - began


def held_out(arrays):
    context, n = RUN.model.context, len(RUN.tokens)
    starts = [RUN.n_train + (n - RUN.n_train - context - 1) * i // HELD_OUT for i in range(HELD_OUT)]
    with torch.no_grad():
        tokens, targets = batch(starts)
        logits = forward([torch.from_numpy(a) for a in arrays], tokens)
        return float(cross_entropy(logits.flatten(0, 1), targets.flatten()))


def synchronous(text, rounds, seed):
    """Both twins without lanes; prints a line a round."""
    torch.set_num_threads(1)
    m, threads = RUN.model, {**os.environ, "SPHERE_POW_THREADS": "1"}
    command = [WAYS, text, str(rounds), str(seed), "synchronous"]
    own = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=threads)
    own.stdout.readline()
    theta, adam = optimiser(first(RUN))
    for t in range(rounds):
        for i in range(m.inner):
            adam.param_groups[0]["lr"] = train.rate(RUN.schedule, t * m.inner + i) / 2**32
            adam.zero_grad()
            for u in range(m.lanes):
                tokens, targets = batch(RUN.positions(t, u, bytes(32), i))
                (cross_entropy(forward(theta, tokens).flatten(0, 1), targets.flatten()) / m.lanes).backward()
            adam.step()
        loss, got = held_out([x.detach().numpy() for x in theta]), float(own.stdout.readline().split()[-1])
        print(f"round {t}: ours held out {got:.4f}; torch held out {loss:.4f}; gap {got - loss:+.4f}", flush=True)
    sys.exit(own.wait())


def first(run):
    """The run's first parameters."""
    return [(a / 2**22).astype(np.float32) for a in run.model.init(run.id)]


def ours(text, folder, until, flags):
    """Trains to the end of a round; gives the run's file, and processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [BINARY, "train", text, "--params", PRESET, "--dir", folder, "--until", str(until), "--threads", str(THREADS), "--json", *flags]
    run = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return run, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def load(path, seed):
    global RUN
    with open(path, "rb") as file:
        RUN = train.Run(train.PRESETS[PRESET], train.SCHEDULE[PRESET], file.read(), seed)


def arguments():
    parser = argparse.ArgumentParser(description="PyTorch beside sphere-pow train")
    parser.add_argument("text")
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--run-seed", type=int, default=0)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--float", action="store_true")
    kind.add_argument("--synchronous", action="store_true")
    return parser.parse_args()


def main():
    given = arguments()
    path, rounds = given.text, given.rounds
    load(path, given.run_seed)
    if given.synchronous:
        synchronous(path, rounds, given.run_seed)
    flags = ["--run-seed", str(given.run_seed), *(["--float"] if given.float else [])]
    m, folder = RUN.model, tempfile.mkdtemp()
    theta = first(RUN)
    momentum = [np.zeros_like(a) for a in theta]
    tokens = m.lanes * m.inner * m.batch
    print(f"torch {torch.__version__}, {THREADS} threads; {PRESET}, {tokens} tokens a round; before it {held_out(theta):.4f}")
    # Not forked: OpenMP's threads would be missing there.
    pool = ProcessPoolExecutor(THREADS, multiprocessing.get_context("spawn"), load, (path, given.run_seed))
    list(pool.map(time.sleep, [1] * THREADS))
    ratios = []
    for t in range(rounds):
        run, own = ours(path, folder, t + 1, flags)
        run = run["rounds"][t]
        began = time.perf_counter()
        done = list(pool.map(lane, [(theta, t, u, bytes.fromhex(run["seed"])) for u in range(m.lanes)]))
        seconds, processor = time.perf_counter() - began, sum(used for *_, used in done)
        deltas = [np.mean(parts, axis=0) for parts in zip(*(moved for moved, *_ in done))]
        momentum = [OUTER_MOMENTUM * v + d for v, d in zip(momentum, deltas)]
        theta = [a - OUTER_RATE * (d + OUTER_MOMENTUM * v) for a, d, v in zip(theta, deltas, momentum)]
        loss = held_out(theta)
        ratios.append((seconds / run["seconds"], processor / own))
        print(f"round {t}: ours {run['seconds']:.1f} s ({own:.1f} of processors), held out {run['heldOut']:.4f}; "
              f"torch {seconds:.1f} s ({processor:.1f}), held out {loss:.4f}; gap {run['heldOut'] - loss:+.4f}; "
              f"tokens/s, ours / torch: {ratios[-1][0]:.2f} ({ratios[-1][1]:.2f} by processor time)", flush=True)
    by_clock, by_processor = np.median(ratios, axis=0)
    print(f"median: {by_clock:.2f} ({by_processor:.2f} by processor time)")
    pool.shutdown()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""PyTorch repeats segments of a run that `sphere-pow train --float` made: how far honest machines lie apart, and bf16 from them.

    sphere-pow train TEXT --float --params PRESET --dir DIR --until 1
    python3 tests/bench/float_repeats.py TEXT PRESET DIR [ROUND] [SEGMENTS]

Needs torch, numpy and blake3 in this Python, and the command built. Opens the first SEGMENTS segments of each lane of the round
(`train open --float`), repeats each from the state before it, and prints distances as SPEC IV.10.2 has them, the largest of the three:
of f32 on one thread and on all, and of products in bf16 (torch.autocast), which are not what the run says.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import diloco
from diloco import BINARY, train


def opened(text, preset, folder, t, u, j, size):
    """States before and after a segment, each `[3, size]`, and the round's seed."""
    with tempfile.NamedTemporaryFile() as file:
        command = [BINARY, "train", "open", str(t), str(u), str(j), "--float", "--text", text, "--params", preset, "--dir", folder,
                   "--out", file.name, "--json"]
        seed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["seed"]
        tail = np.fromfile(file.name, dtype=np.uint8)[-2 * 12 * size:]
    return *tail.view("<f4").reshape(2, 3, size), bytes.fromhex(seed)


def repeated(before, t, u, j, seed, threads, dtype):
    torch.set_num_threads(threads)
    run = diloco.RUN
    cuts = np.cumsum([a.size for a in run.model.init(run.id)])[:-1]
    shapes = [a.shape for a in run.model.init(run.id)]
    theta, first, second = ([torch.from_numpy(a.reshape(s).copy()) for a, s in zip(np.split(part, cuts), shapes)] for part in before)
    theta = [a.requires_grad_() for a in theta]
    adam = torch.optim.AdamW(theta, betas=(7 / 8, 63 / 64), weight_decay=0.05)
    count = run.model.inner // run.model.segments
    for x, m, v in zip(theta, first, second):
        adam.state[x] = {"step": torch.tensor(float(j * count)), "exp_avg": m, "exp_avg_sq": v}
    for i in range(j * count, (j + 1) * count):
        adam.param_groups[0]["lr"] = train.rate(run.schedule, t * run.model.inner + i) / 2**32
        tokens, targets = diloco.batch(run.positions(t, u, seed, i))
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            logits = diloco.forward(theta, tokens)
        loss = cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
    join = lambda parts: np.concatenate([x.detach().numpy().ravel() for x in parts])
    return np.stack([join(theta), join(adam.state[x]["exp_avg"] for x in theta), join(adam.state[x]["exp_avg_sq"] for x in theta)])


def distance(before, claimed, again):
    before, claimed, again = (a.astype(np.float64) for a in (before, claimed, again))
    pairs = [(claimed[0] - before[0], again[0] - before[0]), (claimed[1], again[1]), (np.sqrt(claimed[2]), np.sqrt(again[2]))]
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)


def main():
    text, preset, folder = sys.argv[1:4]
    t, segments = (int(x) for x in (sys.argv[4:6] + ["0", "4"])[:2]) if len(sys.argv) > 5 else (int((sys.argv[4:] + ["0"])[0]), 4)
    diloco.PRESET = preset
    diloco.load(text)
    m = diloco.RUN.model
    size = sum(a.size for a in m.init(diloco.RUN.id))
    threads = os.cpu_count() or 1
    kinds = {"f32, 1 thread": (1, torch.float32), f"f32, {threads} threads": (threads, torch.float32), "bf16 products": (1, torch.bfloat16)}
    found = {kind: [] for kind in kinds}
    for u in range(m.lanes):
        for j in range(min(segments, m.segments)):
            before, claimed, seed = opened(text, preset, folder, t, u, j, size)
            for kind, how in kinds.items():
                found[kind].append(distance(before, claimed, repeated(before, t, u, j, seed, *how)))
    print(f"torch {torch.__version__}, {preset}, round {t}: {len(found['bf16 products'])} segments")
    for kind, distances in found.items():
        print(f"{kind}: {min(distances):.1e} to {max(distances):.1e}, median {np.median(distances):.1e}")


if __name__ == "__main__":
    main()

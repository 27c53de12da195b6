#!/usr/bin/env python3
"""Makes the sample transcripts in public/samples by the oracle: an honest host, and three that are not.

    python3 web/transcript_samples.py

Needs numpy. The honest host is in no way special: `sphere-pow commit` and `open` would make the same bytes of its nonces.
"""
import hashlib
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/vectors"))
import transcripts as t  # noqa: E402

BLOCK = hashlib.sha256(b"sphere-pow sample block").hexdigest().upper()
KEY = "02" + hashlib.sha256(b"sphere-pow sample key").hexdigest()
NONCES, SAMPLES = 16, 60
# What the host leaves out: layer 17 of nonce 5.
SKIPPED_NONCE, SKIPPED_LAYER = 5, 17
# From which layer on a stale transcript is the one of another nonce.
STALE_FROM = 24


def host():
    return t.Host(t.Job("nano", BLOCK, KEY), [[(0, 1, NONCES)]])


def commit(host):
    """Commits to what the records say now."""
    nonces = sorted(host.records)
    for nonce in nonces:
        record = host.records[nonce]
        record["leaves"] = [t.leaf(host.job, layer, state) for layer, state in enumerate(record["states"])]
        record["transcript"] = t.transcript(host.job, nonce, record["leaves"], record["digest"])
    tree = t.levels(host.job, [host.records[nonce]["transcript"] for nonce in nonces])
    host.trees, host.intervals = [(nonces, tree)], [([(0, 1, NONCES)], tree[-1][0])]


def beacon_that_draws(host, wanted):
    """A beacon that happens to draw one of the steps."""
    for n in range(1000):
        beacon = hashlib.sha256(f"sphere-pow sample beacon {n}".encode()).hexdigest().upper()
        if wanted & set(t.sample(host.job, host.intervals, beacon, SAMPLES)):
            return beacon
    raise AssertionError("no beacon draws it")


def write(name, host, beacon, kept=SAMPLES):
    steps = t.sample(host.job, host.intervals, beacon, SAMPLES)[:kept]
    data = t.encode_head(t.chain(host.job, host.intervals), beacon, SAMPLES)
    data += b"".join(t.encode_opening(host.open(step)) for step in steps)
    commitment = json.dumps(t.json_commitment(host.job, host.intervals), separators=(",", ":")) + "\n"
    for ending, content in (("commitment.json", commitment.encode()), ("openings", data)):
        with open(os.path.join(HERE, "public/samples", f"transcript-{name}.{ending}"), "wb") as file:
            file.write(content)
    print(name, beacon, len(data), "bytes")


def main():
    honest = host()
    commit(honest)
    every = {(layer, at) for layer in range(honest.job.layers) for at in range(NONCES)}
    beacon = beacon_that_draws(honest, every)
    write("honest", honest, beacon)
    # What it would not show it leaves out; openings are in order, so nothing stands where the last two should.
    write("withheld", honest, beacon, SAMPLES - 2)

    one = host()
    record, z = one.records[SKIPPED_NONCE], one.job.round_keys(SKIPPED_NONCE)[None]
    record["states"][SKIPPED_LAYER + 1] = record["states"][SKIPPED_LAYER].copy()
    for layer in range(SKIPPED_LAYER + 1, one.job.layers):
        record["states"][layer + 1] = t.after(one.job, z, layer, record["states"][layer][None])[0]
    record["digest"] = t.digest_of(t.logits_of(one.job, record["states"][-1][None])[0])
    commit(one)
    write("false-step", one, beacon_that_draws(one, {(SKIPPED_LAYER, SKIPPED_NONCE)}))

    stale = host()
    for nonce in range(NONCES // 2, NONCES):
        old, record = stale.records[nonce - NONCES // 2], stale.records[nonce]
        record["states"] = record["states"][:STALE_FROM] + [state.copy() for state in old["states"][STALE_FROM:]]
        record["digest"] = old["digest"]
    commit(stale)
    write("stale-tail", stale, beacon)


if __name__ == "__main__":
    assert np.__version__
    main()

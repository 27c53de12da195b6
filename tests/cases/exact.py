#!/usr/bin/env python3
"""Makes the documents of the `exact` profile in this folder with the native command, and their numbers of claims in table.json.

    python3 tests/cases/exact.py [path of the sphere-pow binary]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../target/release/sphere-pow")
HASH = "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1"
KEY = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3"
WEAK = {"dim": 64, "heads": 4, "hidden": 64, "layers": 1, "tokens": 8, "vocab": 256, "threshold": 0}


def mined(params, *options):
    """A ledger's lines, each with its LF."""
    with tempfile.TemporaryDirectory() as folder:
        out, model = os.path.join(folder, "ledger"), os.path.join(folder, "model.json")
        if not isinstance(params, str):
            with open(model, "w", encoding="utf-8") as file:
                json.dump(params, file)
            params = model
        subprocess.run([BINARY, "mine", "--profile", "exact", "--params", params, "--block-hash", HASH, "--public-key", KEY,
                        "--backend", "cpu", "--out", out, *options], check=True, capture_output=True)
        with open(out, "rb") as file:
            return file.read().splitlines(keepends=True)


def write(name, data, claims):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)
    print(name, len(data), "bytes,", claims, "claims")
    counts[name] = claims


def n_claims(lines):
    return sum(len(json.loads(line)["nonces"]) for line in lines)


counts = {}
lines = mined("nano", "--batch", "50", "--count", "200")
assert len(lines) == 4 and all(json.loads(line)["nonces"] for line in lines)
whole = b"".join(lines)
write("exact_native_ledger.jsonl", whole, n_claims(lines))
write("exact_bom.jsonl", b"\xef\xbb\xbf" + whole, n_claims(lines))
write("exact_overlap.jsonl", whole + whole, 2 * n_claims(lines))
write("torn_exact.jsonl", whole + lines[0][:300], n_claims(lines))
write("exact_first_line.json", lines[0], n_claims(lines[:1]))
# A model that does nearly nothing, and every second nonce wins.
own = [json.loads(line) for line in mined(WEAK, "--batch", "100", "--count", "100")]
nonces, digests = ([x for line in own for x in line[column]][:40] for column in ("nonces", "digests"))
document = {name: own[0][name] for name in ("profile", "version", "params", "block_hash", "public_key")}
write("fault2_exact_own_model.json", (json.dumps({**document, "nonces": nonces, "digests": digests}) + "\n").encode(), len(nonces))

table = os.path.join(HERE, "table.json")
with open(table, encoding="utf-8") as file:
    rows = file.read().splitlines(keepends=True)
for ix, row in enumerate(rows):
    for name, n in counts.items():
        if f'"file": "{name}"' in row:
            rows[ix] = re.sub(r"in all \d+ claims", f"in all {n} claims", row)
with open(table, "w", encoding="utf-8") as file:
    file.writelines(rows)

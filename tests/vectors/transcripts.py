#!/usr/bin/env python3
"""Transcripts of the `exact` profile, written from SPEC §II.12 and the BLAKE3 paper alone; makes exact_transcript.json,
exact_transcript_false.json and exact_transcript_reject.json.

    python3 tests/vectors/transcripts.py

Needs numpy, and oracle.py beside it.
"""
import base64
import hashlib
import json
import os
import struct

import numpy as np

import oracle
from oracle import BLOCK, FIELDS, KEY, Job, after, digest_of, le32, logits_of

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAIN = {"leaf": 5, "transcript": 6, "node": 7, "chain": 8, "sample": 9}


def le64(x):
    return struct.pack("<Q", x)


# ---- BLAKE3, keyed mode (the paper's section 2) -------------------------------------------------------------

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16


def compress(h, m, counter, size, flags):
    """Many compressions side by side: h 8 and m 16 arrays of words, counters, block sizes and flags as arrays."""
    mask = np.uint64(0xFFFFFFFF)
    v = [x.copy() for x in h] + [np.full_like(h[0], x) for x in IV[:4]]
    v += [(counter & mask).astype(np.uint32), (counter >> np.uint64(32)).astype(np.uint32), size, flags]

    def rotr(x, n):
        return (x >> np.uint32(n)) | (x << np.uint32(32 - n))

    def g(a, b, c, d, x, y):
        v[a] = v[a] + v[b] + x
        v[d] = rotr(v[d] ^ v[a], 16)
        v[c] = v[c] + v[d]
        v[b] = rotr(v[b] ^ v[c], 12)
        v[a] = v[a] + v[b] + y
        v[d] = rotr(v[d] ^ v[a], 8)
        v[c] = v[c] + v[d]
        v[b] = rotr(v[b] ^ v[c], 7)
    for turn in range(7):
        g(0, 4, 8, 12, m[0], m[1]); g(1, 5, 9, 13, m[2], m[3]); g(2, 6, 10, 14, m[4], m[5]); g(3, 7, 11, 15, m[6], m[7])
        g(0, 5, 10, 15, m[8], m[9]); g(1, 6, 11, 12, m[10], m[11]); g(2, 7, 8, 13, m[12], m[13]); g(3, 4, 9, 14, m[14], m[15])
        m = [m[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def words_of(blocks):
    """[n, 64] bytes -> 16 arrays of n words."""
    words = np.ascontiguousarray(blocks).view("<u4").astype(np.uint32)
    return [words[:, i] for i in range(16)]


def blake3_keyed(key, message):
    key = np.frombuffer(key, "<u4").astype(np.uint32)
    n_chunks = max(1, -(-len(message) // 1024))
    padded = np.zeros((n_chunks, 1024), np.uint8)
    padded.reshape(-1)[:len(message)] = np.frombuffer(message, np.uint8)
    sizes = np.full(n_chunks, 1024)
    sizes[-1] = len(message) - 1024 * (n_chunks - 1)
    values = [np.full(n_chunks, word, np.uint32) for word in key]
    counter = np.arange(n_chunks, dtype=np.uint64)
    for block in range(16):
        left = sizes - 64 * block
        alive = (left > 0) | (block == 0)
        if not alive.any():
            break
        is_end = left <= 64
        flags = np.full(n_chunks, KEYED | (CHUNK_START if block == 0 else 0), np.uint32) | (is_end * CHUNK_END).astype(np.uint32)
        if n_chunks == 1:
            flags |= (is_end * ROOT).astype(np.uint32)
        size = np.clip(left, 0, 64).astype(np.uint32)
        new = compress(values, words_of(padded[:, 64 * block:64 * block + 64]), counter, size, flags)
        values = [np.where(alive, a, b) for a, b in zip(new, values)]
    nodes = np.stack(values, axis=1)
    while len(nodes) > 1:
        # The left subtree holds the largest power of two of chunks: pairs, and a last one that goes up as it is.
        pairs = len(nodes) // 2
        both = np.ascontiguousarray(nodes[:2 * pairs].reshape(pairs, 16)).astype("<u4").view(np.uint8)
        flags = KEYED | PARENT | (ROOT if len(nodes) == 2 else 0)
        full = [np.full(pairs, word, np.uint32) for word in key]
        zero = np.zeros(pairs, np.uint64)
        above = np.stack(compress(full, words_of(both), zero, np.full(pairs, 64, np.uint32), np.full(pairs, flags, np.uint32)), axis=1)
        nodes = np.concatenate([above, nodes[2 * pairs:]])
    return np.ascontiguousarray(nodes[0]).astype("<u4").tobytes()


# ---- §II.12.1 states ----------------------------------------------------------------------------------------

def states(job, nonces):
    """B_0 ... B_layers of each nonce [nonces, tokens, dim], the last [nonces, 1, dim]; and the logits."""
    z = np.stack([job.round_keys(n) for n in nonces])
    out = [np.stack([job.input(n) for n in nonces])]
    for layer in range(job.layers):
        out.append(after(job, z, layer, out[-1]))
    return out, logits_of(job, out[-1])


# ---- §II.12.2 to 4 hashes -----------------------------------------------------------------------------------

def derive(domain, job, *fields):
    message = oracle.TAG + le32(oracle.VERSION) + le32(DOMAIN[domain]) + b"".join(le32(p) for p in job.params)
    for field in fields:
        message += le32(len(field)) + field
    return hashlib.sha256(message).digest()


def leaf(job, layer, state):
    return blake3_keyed(derive("leaf", job, le32(layer)), state.astype("<i2").tobytes())


def transcript(job, nonce, leaves, digest):
    return blake3_keyed(derive("transcript", job, job.block, job.key), le64(nonce) + b"".join(leaves) + digest)


def levels(job, nodes):
    out, key = [nodes], derive("node", job)
    while len(nodes) > 1:
        nodes = [blake3_keyed(key, nodes[i] + nodes[i + 1]) if i + 1 < len(nodes) else nodes[i] for i in range(0, len(nodes), 2)]
        out.append(nodes)
    return out


def path(tree, index):
    out = []
    for level in tree:
        if index ^ 1 < len(level):
            out.append(level[index ^ 1])
        index //= 2
    return out


def encode_interval(runs, root):
    return le32(len(runs)) + b"".join(le64(x) for run in runs for x in run) + root


def chain(job, intervals):
    link, key = bytes(32), derive("chain", job, job.block, job.key)
    for runs, root in intervals:
        link = blake3_keyed(key, link + encode_interval(runs, root))
    return link


# ---- §II.12.5 sample ----------------------------------------------------------------------------------------

def sample(job, intervals, beacon, n):
    key = derive("sample", job, job.block, job.key, chain(job, intervals), beacon.encode())
    nonces = sum(count for runs, _ in intervals for _, _, count in runs)
    offset = 0

    def below(m):
        nonlocal offset
        while True:
            word = int.from_bytes(oracle.stream_bytes(key, 0, offset, 8).tobytes(), "little")
            offset += 8
            if word < 2**64 - 2**64 % m:
                return word % m
    steps = set()
    while len(steps) < min(n, nonces * job.layers):
        position = below(nonces)
        steps.add((below(job.layers), position))
    return sorted(steps)


# ---- §II.12.7 bytes and JSON --------------------------------------------------------------------------------

def text(x):
    return le32(len(x)) + x


def encode_commitment(job, intervals):
    return (b"SPXC" + le32(oracle.VERSION) + b"".join(le32(p) for p in job.params) + text(job.block) + text(job.key)
            + le32(len(intervals)) + b"".join(encode_interval(*interval) for interval in intervals))


def json_commitment(job, intervals):
    return {"profile": "exact", "version": oracle.VERSION, "params": dict(zip(FIELDS, job.params)), "block_hash": job.block.decode(),
            "public_key": job.key.decode(),
            "intervals": [{"runs": [[str(x) for x in run] for run in runs], "root": root.hex()} for runs, root in intervals]}


def encode_head(commitment, beacon, n):
    return b"SPXO" + le32(oracle.VERSION) + commitment + text(beacon.encode()) + le32(n)


def encode_opening(o):
    body = le64(o["nonce"]) + le32(o["layer"]) + b"".join(o["leaves"]) + o["digest"] + le32(len(o["path"])) + b"".join(o["path"]) + o["state"]
    return le32(len(body)) + body


def json_opening(o):
    return {"nonce": str(o["nonce"]), "layer": o["layer"], "leaves": [x.hex() for x in o["leaves"]], "digest": o["digest"].hex(),
            "path": [x.hex() for x in o["path"]], "state": base64.b64encode(o["state"]).decode()}


# ---- vectors ------------------------------------------------------------------------------------------------

class Host:
    """A host that computed runs of nonces, interval by interval."""

    def __init__(self, job, intervals):
        self.job, self.records, self.intervals, self.trees = job, {}, [], []
        for runs in intervals:
            nonces = [first + step * i for first, step, count in runs for i in range(count)]
            all_states, logits = states(job, nonces)
            roots = []
            for ix, nonce in enumerate(nonces):
                own = [state[ix] for state in all_states]
                leaves, digest = [leaf(job, layer, state) for layer, state in enumerate(own)], digest_of(logits[ix])
                roots.append(transcript(job, nonce, leaves, digest))
                self.records[nonce] = {"states": own, "leaves": leaves, "digest": digest, "transcript": roots[-1]}
            self.trees.append((nonces, levels(job, roots)))
            self.intervals.append((runs, self.trees[-1][1][-1][0]))

    def open(self, step):
        layer, position = step
        for nonces, tree in self.trees:
            if position < len(nonces):
                nonce = nonces[position]
                record = self.records[nonce]
                state = record["states"][layer].astype("<i2").tobytes() if layer else b""
                return {"nonce": nonce, "layer": layer, "leaves": record["leaves"], "digest": record["digest"],
                        "path": path(tree, position), "state": state}
            position -= len(nonces)
        raise IndexError(step)


SMALL = (64, 4, 64, 3, 2, 16, 1 << 28)  # states of 256 bytes
TINY = (64, 4, 64, 3, 1, 16, 1 << 28)
BEACON = "9A3F00C17D52E8B6"


def case(name, params, intervals, beacon, n, whole):
    host = Host(Job(params, BLOCK, KEY), intervals)
    job, steps = host.job, sample(host.job, host.intervals, beacon, n)
    openings = [host.open(step) for step in steps]
    head = encode_head(chain(job, host.intervals), beacon, n)
    data = head + b"".join(encode_opening(o) for o in openings)
    first = min(host.records)
    out = {"name": name, "params": dict(zip(FIELDS, job.params)), "block_hash": BLOCK, "public_key": KEY, "beacon": beacon, "samples": n,
           "commitment": json_commitment(job, host.intervals), "commitment_bytes": encode_commitment(job, host.intervals).hex(),
           "hash": chain(job, host.intervals).hex(), "first_nonce": str(first), "first_leaves": [x.hex() for x in host.records[first]["leaves"]],
           "transcripts": {str(n): host.records[n]["transcript"].hex() for n in sorted(host.records)},
           "steps": [[str(position), layer] for layer, position in steps], "sha256_of_openings": hashlib.sha256(data).hexdigest()}
    if whole:
        out["openings_bytes"] = data.hex()
        out["first_opening"] = json_opening(openings[0])
    return host, openings, head, out


def rejects(openings):
    """Openings with one thing wrong each: the place and code of the first fault."""
    out, at = [], {}
    for ix, o in enumerate(openings):
        at.setdefault(o["layer"], ix)

    def reject(name, ix, code, change=None, **members):
        changed = [dict(o) for o in openings]
        changed[ix].update(members)
        parts = [encode_opening(o) for o in changed]
        if change:
            parts[ix] = change(parts[ix])
        out.append({"name": name, "index": ix, "code": code, "part": parts[ix].hex()})

    def flip(data, at=0):
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
    middle, last = openings[at[1]], openings[at[2]]
    reject("withheld", len(openings) - 1, "withheld", lambda _: b"")
    reject("cut_short", len(openings) - 1, "withheld", lambda part: part[:-1])
    reject("longer_than_any", at[1], "malformed", lambda part: le32(1 << 30) + part[4:])
    reject("a_byte_too_many", at[1], "malformed", lambda part: le32(len(part) - 3) + part[4:] + b"\0")
    reject("a_byte_too_few", at[1], "malformed", lambda part: le32(len(part) - 5) + part[4:-1])
    reject("another_nonce", at[1], "malformed", nonce=middle["nonce"] + 1)
    reject("nonce_beyond", at[1], "malformed", nonce=2**63)
    reject("another_layer", at[1], "malformed", layer=2)
    reject("layer_beyond", at[1], "malformed", layer=3)
    reject("path_beyond", at[1], "malformed", path=middle["path"] * 40)
    reject("path_longer", at[1], "path", path=middle["path"] + [bytes(32)])
    reject("path_shorter", at[1], "path", path=middle["path"][:-1])
    reject("path_of_another", at[1], "path", path=[flip(middle["path"][0])] + middle["path"][1:])
    reject("leaf_changed", at[1], "path", leaves=[flip(middle["leaves"][0])] + middle["leaves"][1:])
    reject("digest_changed", at[2], "path", digest=flip(last["digest"]))
    reject("state_changed", at[1], "leaf", state=flip(middle["state"]))
    reject("state_and_leaf_changed", at[1], "path", state=flip(middle["state"]), leaves=[middle["leaves"][0], bytes(32)] + middle["leaves"][2:])
    reject("leaves_of_another_nonce", at[0] + 1, "path", leaves=openings[at[0]]["leaves"])
    return out


def commitment_rejects():
    """Bytes that are no commitment."""
    out, job, root = [], Job(SMALL, "b", "k"), bytes(range(32))

    def reject(name, code, data):
        out.append({"name": name, "code": code, "hex": data.hex()})

    def with_runs(*intervals):
        return encode_commitment(job, [(runs, root) for runs in intervals])
    base = with_runs([(0, 1, 7)], [(7, 2, 3), (8, 2, 3)])
    at_count = 36 + 5 + 5
    reject("empty", "truncated", b"")
    reject("magic", "magic", b"SPXP" + base[4:])
    reject("version_1", "version", base[:4] + le32(1) + base[8:])
    reject("dim_3", "params", base[:8] + le32(3) + base[12:])
    reject("block_hash_empty", "identity", base[:36] + le32(0) + base[41:])
    reject("block_hash_longer_than_the_rest", "identity", base[:36] + le32(2**32 - 1) + base[40:])
    reject("public_key_with_a_space", "identity", base[:45] + b" " + base[46:])
    reject("no_intervals", "count", base[:at_count] + le32(0))
    reject("too_many_intervals", "count", base[:at_count] + le32(1025) + base[at_count + 4:])
    reject("fewer_intervals_than_said", "truncated", base[:at_count] + le32(3) + base[at_count + 4:])
    reject("more_intervals_than_said", "length", base[:at_count] + le32(1) + base[at_count + 4:])
    reject("no_runs", "count", with_runs([]))
    reject("too_many_runs", "count", base[:at_count + 4] + le32(2049) + base[at_count + 8:])
    reject("runs_without_end", "count", base[:at_count + 4] + le32(2**32 - 1) + base[at_count + 8:])
    reject("root_cut_off", "truncated", base[:-1])
    reject("a_byte_too_many", "length", base + b"\0")
    reject("first_beyond", "run", with_runs([(2**63, 1, 1)]))
    reject("no_nonces", "run", with_runs([(0, 1, 0)]))
    reject("no_step", "run", with_runs([(0, 0, 2)]))
    reject("last_beyond", "run", with_runs([(2**63 - 2, 1, 3)]))
    reject("a_giant_claim", "count", with_runs([(0, 1, 2**48 + 1)]))
    reject("giant_claims_in_all", "count", with_runs([(0, 1, 2**48)], [(2**48, 1, 1)]))
    reject("a_run_that_wraps", "run", with_runs([(1, 2**63, 2**63)]))
    reject("runs_fall", "order", with_runs([(7, 1, 3), (0, 1, 3)]))
    reject("a_run_twice", "order", with_runs([(7, 1, 3), (7, 1, 3)]))
    reject("an_overlap_of_one", "overlap", with_runs([(0, 1, 8), (7, 1, 3)]))
    reject("an_overlap_across_intervals", "overlap", with_runs([(5, 2, 4)], [(11, 2, 4)]))
    reject("an_overlap_of_two_steps", "overlap", with_runs([(0, 2, 10), (3, 3, 2)]))
    reject("order_before_overlap", "order", with_runs([(7, 1, 3), (6, 1, 3)]))
    return out


def committed_faults():
    """Hosts that commit to a falsehood: everything is opened, and one step is false."""
    out = []

    def fault(job, nonce, record, layer):
        """What the judge finds of one step of what was committed to."""
        own, z = [state[None].astype(np.int32) for state in record["states"]], job.round_keys(nonce)[None]
        if layer == 0 and (own[0][0] != job.input(nonce)).any():
            return "input"
        if np.abs(own[layer]).max() > 24552:
            return "state"
        if (after(job, z, layer, own[layer]) != own[layer + 1]).any():
            return "step"
        if layer == job.layers - 1 and digest_of(logits_of(job, own[-1])[0]) != record["digest"]:
            return "digest"
        return None

    def cheat(name, code, change):
        job = Job(TINY, BLOCK, KEY)
        host = Host(job, [[(0, 1, 7)]])
        for nonce, record in host.records.items():
            record["states"] = [state.copy() for state in record["states"]]
            change(record)
            record["leaves"] = [leaf(job, ix, state) for ix, state in enumerate(record["states"])]
            record["transcript"] = transcript(job, nonce, record["leaves"], record["digest"])
        nonces = sorted(host.records)
        tree = levels(job, [host.records[nonce]["transcript"] for nonce in nonces])
        host.trees, host.intervals = [(nonces, tree)], [([(0, 1, 7)], tree[-1][0])]
        steps = sample(job, host.intervals, BEACON, 21)
        openings = [host.open(step) for step in steps]
        data = encode_head(chain(job, host.intervals), BEACON, 21) + b"".join(encode_opening(o) for o in openings)
        found = [fault(job, nonces[at], host.records[nonces[at]], layer) for layer, at in steps]
        assert code in found, name
        out.append({"name": name, "faults": [[ix, code] for ix, code in enumerate(found) if code],
                    "commitment_bytes": encode_commitment(job, host.intervals).hex(), "hex": data.hex()})

    def bump(layer):
        def change(record):
            record["states"][layer][-1, 5] += 1 if record["states"][layer][-1, 5] < 0 else -1
        return change

    def beyond(record):
        record["states"][1][0, 0] = -32768

    def digest(record):
        record["digest"] = bytes(32)
    cheat("state_1_off_by_one", "step", bump(1))
    cheat("last_state_off_by_one", "step", bump(3))
    cheat("digest_of_nothing", "digest", digest)
    cheat("state_beyond_its_bound", "state", beyond)
    cheat("another_input", "input", bump(0))
    return out


def write(name, body):
    data = json.dumps(body, indent=1)
    assert len(data) < 100_000, (name, len(data))
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write(data + "\n")
    print(name, len(data), "bytes")


def main():
    assert blake3_keyed(b"whats the Elvish word for friend", b"").hex() == "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"
    hashes = [{"length": n, "hash": blake3_keyed(bytes(range(32)), bytes(i % 251 for i in range(n))).hex()}
              for n in (0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3073, 5121, 16384, 65536, 102400)]
    _, openings, _, small = case("small", SMALL, [[(0, 1, 7)]], BEACON, 21, True)
    several = case("several_intervals", SMALL, [[(5, 2, 3), (6, 2, 2)], [(100, 7, 1)], [(2**63 - 9, 4, 3), (2**63 - 8, 4, 2)]], "b", 20, False)[3]
    nano = case("nano", "nano", [[(0, 3, 9), (1, 3, 8)]], BEACON, 60, False)[3]
    odd = case("odd", (256, 16, 64, 5, 7, 100, 1 << 27), [[(1, 1, 3)]], BEACON, 20, False)[3]
    body = {"_comment": "blake3: keyed by bytes 0 to 31, of bytes i mod 251. cases: what a host commits to, what a beacon draws of it as [position, "
                        "layer], and what it opens. rejects: openings of the case `small` with the one at index replaced by part, its length in front.",
            "spec": "II.12", "version": oracle.VERSION, "blake3": hashes, "cases": [small, several, nano, odd],
            "rejects": rejects(openings)}
    commitments = commitment_rejects()
    write("exact_transcript.json", body)
    write("exact_transcript_reject.json", {"_comment": "Bytes that are no commitment, and the error of each.", "spec": "II.12.7",
                                           "version": oracle.VERSION, "cases": commitments})
    comment = "Hosts that commit to a falsehood and open all: faults are [opening, code]. Beacon and samples are those of all."
    write("exact_transcript_false.json", {"_comment": comment, "spec": "II.12.8", "version": oracle.VERSION, "beacon": BEACON, "samples": 21, "cases": committed_faults()})


if __name__ == "__main__":
    main()

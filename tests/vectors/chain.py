"""Makes chain.json and core/chain/example.jsonl: replies of a node of a small chain, and what follows from them (core/chain).

Written from CometBFT's specification of blocks and light clients, RFC 8032, RFC 6962, and the ICS 23 specifications of the two trees,
with nothing but Python's standard library: python3 tests/vectors/chain.py

The chain does not exist; its encodings are those of every chain of its kind. One block was made by CometBFT itself.
"""

import base64
import datetime
import hashlib
import json
import pathlib

from edwards25519 import B, L, packed, secret_parts, times

HERE = pathlib.Path(__file__).parent
CHAIN = "sphere-pow-test-1"
BEGIN = 1_766_000_000  # seconds since 1970 of block 0; a block takes 6


def sha256(data):
    return hashlib.sha256(data).digest()


class Key:
    def __init__(self, name):
        self.scalar, self.prefix = secret_parts(sha256(name.encode()))
        self.public = packed(times(self.scalar, B))
        self.address = sha256(self.public)[:20]

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % L
        point = packed(times(r, B))
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % L
        return point + ((r + k * self.scalar) % L).to_bytes(32, "little")


# Protocol Buffers, as far as needed: fields of their default are left out.
def varint(n):
    n &= 2**64 - 1
    out = bytearray()
    while True:
        out.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out)


def number(tag, n):
    return varint(tag << 3) + varint(n) if n else b""


def fixed(tag, n):
    return varint(tag << 3 | 1) + n.to_bytes(8, "little", signed=True) if n else b""


def data(tag, value, keep=False):
    return varint(tag << 3 | 2) + varint(len(value)) + value if value or keep else b""


def timestamp(seconds):
    return number(1, seconds)


# Trees of RFC 6962, with the path of each leaf as (is_right_child, sibling), from the leaf up.
def tree(leaves):
    if not leaves:
        return sha256(b""), []
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]), [[]]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    (left, lefts), (right, rights) = tree(leaves[:half]), tree(leaves[half:])
    paths = [path + [(False, right)] for path in lefts] + [path + [(True, left)] for path in rights]
    return sha256(b"\1" + left + right), paths


def validators_hash(validators):
    return tree([data(1, data(1, key.public)) + number(2, power) for key, power in validators])[0]


def in_order(validators):
    return sorted(validators, key=lambda entry: (-entry[1], entry[0].address))


def header_hash(header):
    id = header["last_block_id"]
    fields = [
        number(1, 11),
        data(1, header["chain_id"].encode()),
        number(1, header["height"]),
        timestamp(header["time"]),
        data(1, id) + data(2, number(1, 1) + data(2, sha256(b"parts" + id)), True),
    ]
    names = ["last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash",
             "last_results_hash", "evidence_hash", "proposer_address"]
    return tree(fields + [data(1, header[name]) for name in names])[0]


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def HEX(value):
    return value.hex().upper()


def b64(value):
    return base64.b64encode(value).decode()


def id_json(hash):
    return {"hash": HEX(hash), "parts": {"total": 1, "hash": HEX(sha256(b"parts" + hash))}}


def header_json(header):
    out = {name: HEX(value) for name, value in header.items() if isinstance(value, bytes)}
    out |= {"version": {"block": "11"}, "chain_id": header["chain_id"], "height": str(header["height"])}
    return out | {"time": rfc3339(header["time"]), "last_block_id": id_json(header["last_block_id"])}


# The chain.
keys = [Key(f"validator {n}") for n in range(8)]
# A third and more of the second set is of the first, and of the third of the second; but less than a third of the third is of the first.
SETS = [
    in_order([(keys[0], 40), (keys[1], 30), (keys[2], 20), (keys[3], 10)]),
    in_order([(keys[1], 30), (keys[2], 20), (keys[4], 40), (keys[5], 30)]),
    in_order([(keys[4], 40), (keys[5], 30), (keys[6], 50), (keys[7], 60), (keys[2], 20)]),
]


def set_at(height):
    return SETS[0 if height < 110 else 1 if height < 130 else 2]


# The state: two stores.
def zigzag(n):
    return varint(n << 1)


def iavl(entries, version):
    """Root of a store, with each entry's proof: a leaf and inner ops (prefix, suffix), from the leaf up."""

    def node(part):
        if len(part) == 1:
            key, value = part[0]
            text = b"\0" + zigzag(1) + zigzag(version) + varint(len(key)) + key + b"\x20" + sha256(value)
            return sha256(text), 0, [[]]
        half = (len(part) + 1) // 2
        (left, hl, lefts), (right, hr, rights) = node(part[:half]), node(part[half:])
        height = max(hl, hr) + 1
        prefix = zigzag(height) + zigzag(len(part)) + zigzag(version) + b"\x20"
        paths = [path + [(prefix, b"\x20" + right)] for path in lefts]
        paths += [path + [(prefix + left + b"\x20", b"")] for path in rights]
        return sha256(prefix + left + b"\x20" + right), height, paths

    return node(sorted(entries.items()))


SHA256, VAR_PROTO = 1, 1


def existence(key, value, prefix, path):
    leaf = number(1, SHA256) + number(3, SHA256) + number(4, VAR_PROTO) + data(5, prefix)
    ops = [data(4, number(1, SHA256) + data(2, before) + data(3, after)) for before, after in path]
    return data(1, data(1, key) + data(2, value) + data(3, leaf) + b"".join(ops))


def query(state, height, store, key):
    stores = sorted(state)
    roots = {name: iavl(state[name], height) for name in stores}
    text = lambda name: varint(len(name)) + name.encode() + b"\x20" + sha256(roots[name][0])
    root, paths = tree([text(name) for name in stores])
    value = state[store][key]
    path = roots[store][2][sorted(state[store]).index(key)]
    inner = existence(key, value, b"\0" + zigzag(1) + zigzag(height), path)
    above = [(b"\1" + other, b"") if is_right else (b"\1", other) for is_right, other in paths[stores.index(store)]]
    outer = existence(store.encode(), roots[store][0], b"\0", above)
    ops = [{"type": "ics23:iavl", "key": b64(key), "data": b64(inner)}]
    ops += [{"type": "ics23:simple", "key": b64(store.encode()), "data": b64(outer)}]
    response = {"code": 0, "log": "", "info": "", "index": "0", "key": b64(key), "value": b64(value), "proofOps": {"ops": ops}}
    return root, {"response": response | {"height": str(height), "codespace": ""}}


def decimal(value, exponent):
    return number(1, value) + number(2, exponent)


def params(dim, r_target):
    # The model of gonka_tiny.json; false is left out.
    model = number(1, dim) + number(2, 2) + number(3, 4) + number(4, 2) + number(5, 128)
    model += data(6, decimal(13, -1)) + number(7, 32) + data(8, decimal(1, -5)) + number(9, 10_000)
    model += number(11, 8) + (data(12, r_target) if r_target else b"")
    poc = number(1, 5) + number(2, 200) + number(3, 4) + data(5, model)
    return data(1, number(1, 17_280)) + data(3, poc) + data(6, number(1, 1))


def account(address, key, url="/cosmos.auth.v1beta1.BaseAccount"):
    key = data(2, data(1, b"/cosmos.crypto.secp256k1.PubKey") + data(2, data(1, key))) if key else b""
    return data(1, url.encode()) + data(2, data(1, address.encode()) + key + number(3, 7) + number(4, 1))


ADDRESS = "gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9"
KEY = bytes.fromhex("02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3")
PARAMS, PLAIN, SILENT, MODULE = b"p_inference", b"\1" + b"a" * 20, b"\1" + b"b" * 20, b"\1" + b"m" * 20


def state_at(height):
    # The radius changes with block 120.
    radius = decimal(13_998_077, -7) if height < 120 else decimal(1_414, -3)
    inference = {PARAMS: params(64, radius), b"a": b"before", b"z": b"after", b"zz": b"last"}
    accounts = {PLAIN: account(ADDRESS, KEY), SILENT: account("gonka1silent", b"")}
    accounts[MODULE] = account("gonka1module", b"", "/cosmos.auth.v1beta1.ModuleAccount")
    return {"acc": accounts, "bank": {b"supply": b"1"}, "inference": inference}


headers, hashes = {}, {0: sha256(b"block 0")}
for height in range(1, 140):
    headers[height] = {
        "chain_id": CHAIN,
        "height": height,
        "time": BEGIN + 6 * height,
        "last_block_id": hashes[height - 1],
        "last_commit_hash": sha256(f"commit {height - 1}".encode()),
        "data_hash": sha256(b""),
        "validators_hash": validators_hash(set_at(height)),
        "next_validators_hash": validators_hash(set_at(height + 1)),
        "consensus_hash": sha256(b"consensus"),
        "app_hash": query(state_at(height - 1), height - 1, "bank", b"supply")[0],
        "last_results_hash": sha256(b""),
        "evidence_hash": sha256(b""),
        "proposer_address": set_at(height)[0][0].address,
    }
    hashes[height] = header_hash(headers[height])


def commit(height, signers=None, chain=CHAIN):
    header, hash = headers[height], hashes[height]
    signatures = []
    for key, _ in set_at(height):
        if signers is not None and key not in signers:
            signatures.append({"block_id_flag": 1, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z", "signature": None})
            continue
        time = header["time"] + 6
        id = data(1, hash) + data(2, number(1, 1) + data(2, sha256(b"parts" + hash)), True)
        vote = number(1, 2) + fixed(2, height) + data(4, id) + data(5, timestamp(time), True) + data(6, chain.encode())
        signatures.append({
            "block_id_flag": 2,
            "validator_address": HEX(key.address),
            "timestamp": rfc3339(time),
            "signature": b64(key.sign(varint(len(vote)) + vote)),
        })
    commit = {"height": str(height), "round": 0, "block_id": id_json(hash), "signatures": signatures}
    return {"jsonrpc": "2.0", "id": -1, "result": {"signed_header": {"header": header_json(header), "commit": commit}, "canonical": True}}


def validators(height, entries=None):
    entries = entries or set_at(height)
    rows = [{
        "address": HEX(key.address),
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": b64(key.public)},
        "voting_power": str(power),
        "proposer_priority": "0",
    } for key, power in entries]
    count = {"count": str(len(rows)), "total": str(len(set_at(height)))}
    return {"jsonrpc": "2.0", "id": -1, "result": {"block_height": str(height), "validators": rows} | count}


def bare(heights):
    metas = [{"block_id": id_json(hashes[height]), "block_size": "1", "header": header_json(headers[height]), "num_txs": "0"} for height in heights]
    return {"result": {"last_height": "139", "block_metas": metas}}


# A block of CometBFT 0.38 itself, and its validator: the key-value store's test chain, as a node answered.
REAL = {
    "real commit 10": {"jsonrpc": "2.0", "id": "ee769e8a-4fa9-4e9a-9019-fc72ef5c3f02", "result": {"canonical": True, "signed_header": {
        "commit": {
            "block_id": {"hash": "00ECDAC463C201ECD4BDBBAAE4A53A4C80291D4051FD69ED97F6420CE1388BFE", "parts": {
                "hash": "FF0A320E696FD233DD4D3CC7CD82FF90F54B8FDBC9C700D9375C95A02782B062", "total": 1}},
            "height": "10", "round": 0, "signatures": [{
                "block_id_flag": 2,
                "signature": "5y0Kas3bSrgVYG/QKwWovMpTBfavZfy/A8DXkQHzFHVMjOcVk2TK6xhYQasfiodordg1bjDf7NDwNi/YdilaAw==",
                "timestamp": "2023-05-17T14:12:53.605374524Z",
                "validator_address": "2DD9F44FD9067555C322243C3C913BA7B51D2BE0"}]},
        "header": {
            "app_hash": "0000000000000000", "chain_id": "dockerchain",
            "consensus_hash": "048091BC7DDC283F77BFBF91D73C44DA58C3DF8A9CBC867405D8B7F3DAADA22F",
            "data_hash": "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            "evidence_hash": "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "height": "10",
            "last_block_id": {"hash": "678A83FB0422D053A3792154703122861DD68ABB8247A4FF2945DF832DB18FC8", "parts": {
                "hash": "29FE32F6B57D8439C9E9F6240B436DD560646FDA8C8C105E2C261B6F4746E89C", "total": 1}},
            "last_commit_hash": "A3AD467820428D99FD53BFCF38CDC1EB141DD27E3B5F0F3931BBE91FBA8B097D",
            "last_results_hash": "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            "next_validators_hash": "33415EFFCEDA5BD0A3A443A727457D9F7B9E38389BF27A936FEDF749A7B7566E",
            "proposer_address": "2DD9F44FD9067555C322243C3C913BA7B51D2BE0", "time": "2023-05-17T14:12:53.088875124Z",
            "validators_hash": "33415EFFCEDA5BD0A3A443A727457D9F7B9E38389BF27A936FEDF749A7B7566E", "version": {"app": "1", "block": "11"}}}}},
}

REPLIES = REAL | {
    f"commit {height}": commit(height) for height in (100, 101, 110, 121, 130, 131)
} | {f"validators {height}": validators(height) for height in (101, 110, 111, 121, 122, 130, 131)} | {
    "first page of 110": validators(110, set_at(110)[:2]),
    "second page of 110": validators(110, set_at(110)[2:]),
    "few sign 101": commit(101, [keys[0], keys[3]]),
    "other chain 101": commit(101, chain="another"),
    "headers 115 to 121": bare(range(121, 114, -1)),
    "headers 116 and 118": bare([118, 116]),
    "header 120": {"header": header_json(headers[120])},
    "block 120": {"result": {"block_id": id_json(hashes[120]), "block": {"header": header_json(headers[120]), "data": {"txs": []}}}},
    "params 119": query(state_at(119), 119, "inference", PARAMS)[1],
    "params 120": query(state_at(120), 120, "inference", PARAMS)[1],
    "other 120": query(state_at(120), 120, "inference", b"z")[1],
    "account 120": query(state_at(120), 120, "acc", PLAIN)[1],
    "silent account 120": query(state_at(120), 120, "acc", SILENT)[1],
    "module account 120": query(state_at(120), 120, "acc", MODULE)[1],
    "refusal": {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "Internal error", "data": "height 5 is not available"}},
    "no such key": {"response": {"code": 0, "key": b64(b"q"), "value": None, "proofOps": None, "height": "120"}},
    "no proof": {"response": {"code": 0, "key": b64(PARAMS), "value": b64(b"x"), "proofOps": None, "height": "120"}},
    "another thing": {"result": {"node_info": {}, "sync_info": {}}},
}

NOW = BEGIN + 86_400
cases = []


def case(name, use, at, change=(), now=NOW, trusting=14 * 86_400, **expected):
    trust = f"{at}:{HEX(hashes[at])}" if isinstance(at, int) else at
    cases.append({"name": name, "use": use, "change": list(change), "trust": trust, "now": now, "trusting": trusting, **expected})


def blocks(**by):
    rows = [(height, binding) for binding, heights in by.items() for height in heights]
    return [{"height": h, "hash": HEX(hashes[h]), "time": headers[h]["time"], "by": b} for h, b in sorted(rows)]


def model(height, radius):
    sizes = {"dim": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 128, "ffn_dim_multiplier": 1.3, "multiple_of": 32}
    sizes |= {"norm_eps": 1e-5, "rope_theta": 10_000.0, "use_scaled_rope": False, "seq_len": 8}
    return {"height": height, "kind": "model", "params": sizes, "rTarget": radius, "sampleSize": 200}


def other(height, store, key, value):
    return {"height": height, "kind": "other", "store": store, "key": key.hex(), "value": value.hex()}


OWNER = {"height": 120, "kind": "account", "address": ADDRESS, "publicKey": KEY.hex()}
TO_110 = ["commit 100", "validators 101", "commit 110", "validators 110"]
TO_121 = [*TO_110, "validators 111", "commit 121", "validators 121"]

case("the trusted block alone", ["commit 100"], 100, blocks=blocks(trusted=[100]), facts=[])
case("its successor", ["commit 101", "validators 101", "commit 100"], 100, blocks=blocks(trusted=[100], signatures=[101]), facts=[])
case("a later block", TO_110, 100, blocks=blocks(trusted=[100], signatures=[110]), facts=[])
case("validators on two pages", [*TO_110[:3], "second page of 110", "first page of 110"], 100,
     blocks=blocks(trusted=[100], signatures=[110]), facts=[])
case("validators unknown at first, by steps", [*TO_121, "validators 122", "commit 130", "validators 130", "commit 131", "validators 131"], 100,
     blocks=blocks(trusted=[100], signatures=[110, 121, 130, 131]), facts=[])
case("blocks by their successors", ["commit 121", "headers 115 to 121"], 121,
     blocks=blocks(trusted=[121], successor=[115, 116, 117, 118, 119, 120]), facts=[])
case("by signatures, then by a successor", [*TO_121, "header 120"], 100,
     blocks=blocks(trusted=[100], signatures=[110, 121], successor=[120]), facts=[])
case("the model in force, and who an account is", [*TO_121, "block 120", "params 120", "account 120", "params 119"], 100,
     blocks=blocks(trusted=[100], signatures=[110, 121], successor=[120]), facts=[model(119, 1.3998077), model(120, 1.414), OWNER],
     given={"height": 120, "account": ADDRESS, "blockHash": HEX(hashes[120]), "rTarget": 1.414, "publicKey": KEY.hex()})
case("entries that nothing reads", ["commit 121", "other 120", "silent account 120", "module account 120"], 121,
     blocks=blocks(trusted=[121]), facts=[
         other(120, "inference", b"z", b"after"),
         other(120, "acc", SILENT, state_at(120)["acc"][SILENT]),
         other(120, "acc", MODULE, state_at(120)["acc"][MODULE]),
     ])
REAL_HASH = "00ECDAC463C201ECD4BDBBAAE4A53A4C80291D4051FD69ED97F6420CE1388BFE"
case("a block of CometBFT itself", ["real commit 10"], f"10:{REAL_HASH.lower()}",
     blocks=[{"height": 10, "hash": REAL_HASH, "time": 1_684_332_773, "by": "trusted"}], facts=[])

case("no trusted block", ["commit 101"], 100, code="missing-reply")
case("another hash is trusted", ["commit 100"], f"100:{HEX(hashes[101])}", code="untrusted")
case("a changed header of the trusted block", ["commit 100"], 100, [["commit 100", "/result/signed_header/header/app_hash", "00"]], code="untrusted")
case("no validators of the block", ["commit 100", "validators 101", "commit 110"], 100, code="missing-reply")
case("no validators to step from", ["commit 100", "commit 110", "validators 110"], 100, code="missing-reply")
case("half of the validators", [*TO_110[:3], "first page of 110"], 100, code="missing-reply")
case("too few known validators", ["commit 100", "validators 101", "commit 130", "validators 130"], 100, code="missing-reply")
case("less than two thirds sign", ["commit 100", "few sign 101", "validators 101"], 100, code="forged")
case("signatures for another chain", ["commit 100", "other chain 101", "validators 101"], 100, code="forged")
case("a changed header", ["commit 100", "commit 101", "validators 101"], 100, [["commit 101", "/result/signed_header/header/app_hash", "00"]], code="forged")
case("a changed signature", ["commit 100", "commit 101", "validators 101"], 100,
     [["commit 101", "/result/signed_header/commit/signatures/0/signature", b64(bytes(64))]], code="forged")
case("a signature that is no base64", ["commit 100", "commit 101", "validators 101"], 100,
     [["commit 101", "/result/signed_header/commit/signatures/0/signature", b64(bytes(64))[1:]]], code="reply")
case("more power for one", ["commit 100", "commit 101", "validators 101"], 100, [["validators 101", "/result/validators/3/voting_power", "11"]], code="forged")
case("power beyond sums", ["commit 100", "commit 101", "validators 101"], 100,
     [["validators 101", f"/result/validators/{n}/voting_power", str(2**62)] for n in range(4)], code="reply")
case("an address of another", ["commit 100", "commit 101", "validators 101"], 100,
     [["validators 101", "/result/validators/3/address", HEX(keys[0].address)]], blocks=blocks(trusted=[100], signatures=[101]), facts=[])
case("the other validators", ["commit 100", "validators 101", "commit 110", "validators 130"], 100,
     [["validators 130", "/result/block_height", "110"]], code="forged")
case("too old", TO_110, 100, now=BEGIN + 15 * 86_400, code="expired")
case("too old, but trusted itself", ["commit 121", "header 120"], 121, now=BEGIN + 15 * 86_400, blocks=blocks(trusted=[121], successor=[120]), facts=[])
case("from the future", TO_110, 100, now=BEGIN + 6 * 100, code="forged")
case("a header that its successor does not name", ["commit 121", "header 120"], 121, [["header 120", "/header/app_hash", "00"]], code="forged")
case("a header that nothing binds", ["commit 121", "headers 116 and 118"], 121, code="missing-reply")
case("two headers of one height", ["commit 121", "header 120", "block 120"], 121, [["block 120", "/result/block/header/app_hash", "00"]], code="conflict")
case("state without the block that commits to it", ["commit 130", "params 120"], 130, code="missing-reply")
case("another value", ["commit 121", "params 120"], 121, [["params 120", "/response/value", b64(params(32, None))]], code="forged")
case("another key", ["commit 121", "params 120"], 121, [["params 120", "/response/key", b64(b"q_inference")]], code="forged")
case("another height", ["commit 121", "header 120", "params 119"], 121, [["params 119", "/response/height", "120"]], code="forged")
case("another store", ["commit 121", "params 120"], 121, [["params 120", "/response/proofOps/ops/1/key", b64(b"bank")]], code="forged")
case("another tree", ["commit 121", "params 120"], 121, [["params 120", "/response/proofOps/ops/0/type", "ics23:smt"]], code="forged")
case("one tree only", ["commit 121", "params 120"], 121, [["params 120", "/response/proofOps/ops", []]], code="forged")
case("a refusal of the node", ["commit 100", "refusal"], 100, code="reply")
case("nothing there", ["commit 121", "no such key"], 121, code="reply")
case("no proof", ["commit 121", "no proof"], 121, code="reply")
case("another kind of reply", ["commit 100", "another thing"], 100, code="reply")
case("a height that has no successor", ["commit 100"], 100, [["commit 100", "/result/signed_header/header/height", str(2**63 - 1)],
     ["commit 100", "/result/signed_header/commit/height", str(2**63 - 1)]], code="reply")
case("no trust", ["commit 100"], "100", code="trust")

out = {"chain": CHAIN, "replies": REPLIES, "cases": cases}
(HERE / "chain.json").write_text(json.dumps(out, indent=1) + "\n")
# What the crate's README shows.
[shown] = [each for each in cases if "given" in each]
example = "".join(json.dumps(REPLIES[name]) + "\n" for name in shown["use"])
(HERE.parent.parent / "core/chain/example.jsonl").write_text(example)

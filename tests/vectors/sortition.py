"""Makes sortition.json: what validators draw, and the seats it gives them (SPEC §III.12).

Written from RFC 9381 (ECVRF-EDWARDS25519-SHA512-TAI), RFC 8032, RFC 8439 and SPEC, with nothing but Python's standard
library: python3 tests/vectors/sortition.py
"""

import hashlib
import json
import pathlib
import struct

from edwards25519 import B, L, P, add, packed, secret_parts, times, x_of

HERE = pathlib.Path(__file__).parent

SUITE = b"\x03"


def minus(point):
    return (-point[0] % P, point[1])


def unpack(data):
    n = int.from_bytes(data, "little")
    y, sign = n & ((1 << 255) - 1), n >> 255
    x = x_of(y, sign) if y < P else None
    return None if x is None else (x, y)


# RFC 9381
def sha512(*parts):
    return hashlib.sha512(b"".join(parts)).digest()


def encode_to_curve(salt, alpha):
    """§5.4.1.1, try and increment."""
    for counter in range(256):
        point = unpack(sha512(SUITE, b"\x01", salt, alpha, bytes([counter]), b"\x00")[:32])
        if point is not None and times(8, point) != (0, 1):
            return times(8, point)


def challenge(*points):
    return int.from_bytes(sha512(SUITE, b"\x02", *map(packed, points), b"\x00")[:16], "little")


def prove(secret, alpha):
    x, prefix = secret_parts(secret)
    y = times(x, B)
    h = encode_to_curve(packed(y), alpha)
    gamma = times(x, h)
    k = int.from_bytes(sha512(prefix, packed(h)), "little") % L
    c = challenge(y, h, gamma, times(k, B), times(k, h))
    return packed(gamma) + c.to_bytes(16, "little") + ((k + c * x) % L).to_bytes(32, "little")


def output(proof):
    return sha512(SUITE, b"\x03", packed(times(8, unpack(proof[:32]))), b"\x00")


def is_valid(key, alpha, proof):
    y, gamma = unpack(key), unpack(proof[:32])
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    if y is None or gamma is None or s >= L or times(8, y) == (0, 1):
        return False
    h = encode_to_curve(key, alpha)
    u = add(times(s, B), minus(times(c, y)))
    v = add(times(s, h), minus(times(c, gamma)))
    return challenge(y, h, gamma, u, v) == c


# ChaCha20 (RFC 8439, with a counter of 64 bits as SPEC §II.3 has it).
def words64(key):
    """The stream's 64-bit little-endian words."""
    for block in range(1 << 20):
        start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key)) + [block, 0, 0, 0]
        x = list(start)

        def quarter(a, b, c, d):
            for one, two, three, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[one] = (x[one] + x[two]) & 0xFFFFFFFF
                mixed = x[three] ^ x[one]
                x[three] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF

        for _ in range(10):
            quarter(0, 4, 8, 12), quarter(1, 5, 9, 13), quarter(2, 6, 10, 14), quarter(3, 7, 11, 15)
            quarter(0, 5, 10, 15), quarter(1, 6, 11, 12), quarter(2, 7, 8, 13), quarter(3, 4, 9, 14)
        words = [(a + b) & 0xFFFFFFFF for a, b in zip(x, start)]
        for low, high in zip(words[::2], words[1::2]):
            yield low | high << 32


def below(words, n):
    """A number below n, every one as likely (SPEC §III.7)."""
    uneven = (1 << 64) % n
    while True:
        word = next(words)
        if word < (1 << 64) - uneven:
            return word % n


def seats(drawn, weights, validator, host, thousandths):
    """SPEC §III.12: the seats of a validator in the committee of a host's claim."""
    if validator == host or weights[validator] == 0:
        return 0
    key = hashlib.sha256(b"sphere-pow sortition 1" + drawn + struct.pack("<Q", host)).digest()
    words, others = words64(key), sum(weights) - weights[host]
    rounded_up = below(words, 1000) < thousandths % 1000
    return sum(below(words, others) < weights[validator] for _ in range(thousandths // 1000 + rounded_up))


def request_seed(drawn, validator):
    digest = hashlib.sha256(b"sphere-pow request checks 1" + drawn + struct.pack("<I", validator)).digest()
    return int.from_bytes(digest[:8], "little") & ((1 << 63) - 1)


WEIGHTS = [[100, 100, 100, 100, 100], [7, 0, 1, 70, 922], [1, 2**40, 2**41, 3, 2**39]]


def main():
    cases = []
    for validator in range(5):
        for epoch, full in ((1, 12_000), (2**40 + 3, 2_500)):
            secret = hashlib.sha256(b"sortition.py %d" % validator).digest()
            beacon = hashlib.sha256(b"beacon %d" % epoch).digest()
            key = packed(times(secret_parts(secret)[0], B))
            alpha = b"sphere-pow sortition input 1" + struct.pack("<Q", epoch) + beacon
            proof = prove(secret, alpha)
            assert is_valid(key, alpha, proof) and not is_valid(key, alpha + b" ", proof)
            drawn = output(proof)
            cases.append({
                "validator": validator,
                "secret": secret.hex(),
                "key": key.hex(),
                "epoch": epoch,
                "beacon": beacon.hex(),
                "proof": proof.hex(),
                "output": drawn.hex(),
                "thousandths": full,
                "seats": [[seats(drawn, w, validator, host, full) for host in range(5)] for w in WEIGHTS],
                "requestSeed": str(request_seed(drawn, validator)),
            })
    # RFC 9381, appendix B.3, examples 16 to 18: this script against the RFC.
    secrets = {
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60":
            ("", "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
                 "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12"
                 "68a1b0db10836d9826a528ca76567805"),
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb":
            ("72", "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593"
                   "3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d"
                   "a3ef39226bbc355bdc9850112c8f4b02"),
    }
    for secret, (alpha, expected) in secrets.items():
        got = prove(bytes.fromhex(secret), bytes.fromhex(alpha)).hex()
        assert got == expected, (got, expected)
    body = {
        "_comment": "Draws of validators and their seats; sortition.py, from RFC 9381 and SPEC.",
        "spec": "III.12",
        "version": 1,
        "weights": WEIGHTS,
        "cases": cases,
    }
    text = json.dumps(body, indent=1)
    (HERE / "sortition.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

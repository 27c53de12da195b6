#!/usr/bin/env python3
"""A second implementation of the rules for lanes of a network, written from SPEC §IV.9 alone; it makes lanes.json.

    python3 tests/vectors/lanes.py

Needs nothing but sortition.py. Fractions without end stand where core has fixed point.
"""
import hashlib
import json
import math
import os
import random
import struct
from fractions import Fraction

import sortition

HERE = os.path.dirname(os.path.abspath(__file__))


def le32(x):
    return struct.pack("<I", x)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Stream:
    """ChaCha20 with a 64-bit counter, stream 0, as 64-bit words (SPEC §II.3, §III.7)."""

    def __init__(self, key):
        self.key, self.block, self.words = struct.unpack("<8I", key), 0, []

    def word(self):
        if not self.words:
            self.words = self.next_block()
        return self.words.pop(0)

    def next_block(self):
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *self.key,
                 self.block & 0xFFFFFFFF, self.block >> 32, 0, 0]
        self.block += 1
        x = list(start)

        def quarter(a, b, c, d):
            for (p, q, r, turn) in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[p] = (x[p] + x[q]) & 0xFFFFFFFF
                mixed = x[r] ^ x[p]
                x[r] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF

        for _ in range(10):
            for i in range(4):
                quarter(i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        out = [(a + b) & 0xFFFFFFFF for a, b in zip(x, start)]
        return [out[i] | out[i + 1] << 32 for i in range(0, 16, 2)]

    def below(self, n):
        while True:
            word = self.word()
            if word < 2**64 - 2**64 % n:
                return word % n


def lease(owed, lanes, weights):
    total = sum(weights)
    for i, w in enumerate(weights):
        owed[i] = owed[i] + lanes * w * 2**32 // total if w else 0
    counts = [0] * len(weights)
    for _ in range(lanes):
        i = max((i for i, w in enumerate(weights) if w), key=lambda i: (owed[i], -i))
        owed[i] -= 2**32
        counts[i] += 1
    return counts


def release(owed, lanes, there):
    order = sorted((i for i, is_there in enumerate(there) if is_there), key=lambda i: (-owed[i], i))
    return [order[i % len(order)] for i in range(lanes)]


def average(segments, days, floor):
    """A, in thousandths: M max(1 - 0.99 days / 30, floor)."""
    chance = max(1 - Fraction(99, 100) * min(days, 30) / 30, floor)
    return segments * int(1000 * chance)


def segments_of(beacon, t, u, m, a, unchecked):
    stream = Stream(sha(b"sphere-pow lane segments 1", beacon, le32(t), le32(u)))
    n = a // 1000 + (stream.below(1000) < a % 1000)
    if unchecked >= 9:
        n = max(n, 1)
    n = min(n, m)
    places = set()
    for j in range(m - n, m):
        place = stream.below(j + 1)
        places.add(j if place in places else place)
    return sorted(places)


def checkers_of(beacon, t, u, weights, host, seats):
    own = sha(b"sphere-pow lane checkers 1", beacon, le32(t), le32(u))
    stream = Stream(sha(b"sphere-pow committee 1", own, struct.pack("<Q", host)))
    stream.below(1000)
    others = [i for i in range(len(weights)) if i != host]
    drawn = {}
    for _ in range(seats):
        number = stream.below(sum(weights[i] for i in others))
        for i in others:
            if number < weights[i]:
                drawn[i] = drawn.get(i, 0) + 1
                break
            number -= weights[i]
    return sorted(drawn.items())


def least(a, b, k):
    """Exact: the least whole number above 1000 / (A (1 - b^k))."""
    caught = Fraction(a, 1000) * (1 - b**k)
    return int(1 / caught) + 1 if caught > 0 else None


def runs(drawn):
    """[first, end) of segments that follow each other."""
    out = []
    for j in drawn:
        if out and out[-1][1] == j:
            out[-1][1] = j + 1
        else:
            out.append([j, j + 1])
    return out


def part(drawn, own):
    return [j for a, b in runs(drawn) for j in range(a, max([i + 1 for i in own if a <= i < b], default=a))]


def own_draw(output, t, u):
    """What a validator draws of a lane: its seats' stream and its segments' beacon."""
    return hashlib.sha512(b"".join((b"sphere-pow lane sortition 1", output, le32(t), le32(u)))).digest()


def least_of_own_draws(a, b, k):
    """The least whole number above 1 / (1 - e^-x), x = min(n, 1) k (1 - b), by a series with a bound on its rest."""
    x = Fraction(min(a, 1000), 1000) * k * max(1 - b, 0)
    if not x:
        return None
    # e^x lies between its first terms and these with a geometric rest.
    term, low, i = Fraction(1), Fraction(1), 1
    while i < 2 * x + 40:
        term = term * x / i
        low, i = low + term, i + 1
    high = low + term
    bounds = {int(1 / (1 - 1 / e)) + 1 for e in (low, high)}
    assert len(bounds) == 1
    return bounds.pop()


def to_see(a, m, b, k, is_own):
    """Above ln 100, cut to 4.606, over the chance by which a round falls short of missing one false segment of M."""
    drawn = Fraction(min(a, 1000 * m), 1000 * m)
    seen = drawn * (k * max(1 - b, 0) if is_own else 1 - b**k)
    return math.ceil(Fraction(4606, 1000) / seen) if seen > 0 else None


def wait_of_standing(days, least_of):
    """The least w that leaves nothing to ask for: who cheats x days later has at stake what was earned less than w rounds before."""
    asked = [least_of(min(days + x, 60)) for x in range(2000)]
    return max((x + 1 for x, rounds in enumerate(asked) if rounds > x), default=0)


def shares(r, m, outcome, checkers):
    """Trainer, checkers and what nobody gets; checkers are pairs of parts and whether the outcome bears them out."""
    counts = outcome in ("accepted", "cleared")
    work = sum(p for p, is_right in checkers if counts or is_right) + (m if counts else 0)
    due = [r * p // work if work else 0 for p, _ in checkers]
    is_paid = counts or outcome == "convicted"
    paid = [d if is_paid and is_right else 0 for d, (_, is_right) in zip(due, checkers)]
    trainer = r - sum(due) if counts else 0
    return trainer, paid, r - trainer - sum(paid)


def wait_of(rounds, lanes, weight, total):
    """Rounds of those in which a host trains: one in total / (lanes weight), or all."""
    return math.ceil(rounds * max(Fraction(total, lanes * weight), 1))


def escrows(rng):
    """Scripts of rounds: what is earned, who is at fault; what vests, is forfeited and is held after each."""
    out = []
    for rounds_of, lanes in ((0, 2), (1, 8), (3, 3), (20, 5)):
        weights = [rng.randrange(1, 50) for _ in range(6)]
        wait = [wait_of(rounds_of, lanes, w, sum(weights)) for w in weights]
        held, rounds = {}, []
        for t in range(30):
            earned = {h: rng.randrange(1, 10**6) for h in range(6) if rng.random() < 0.7}
            fault = [h for h in range(6) if rng.random() < 0.05]
            for h, units in earned.items():
                held.setdefault(h, {})[t] = units
            forfeited = sum(sum(held.pop(h, {}).values()) for h in fault)
            vested = {}
            for h, entries in held.items():
                for s in [s for s in entries if s + wait[h] <= t]:
                    vested[h] = vested.get(h, 0) + entries.pop(s)
            rounds.append({
                "earned": [[h, u] for h, u in sorted(earned.items())], "at_fault": fault,
                "vested": [[h, u] for h, u in sorted(vested.items())], "forfeited": forfeited,
                "held": [sum(held.get(h, {}).values()) for h in range(6)],
            })
        out.append({"rounds_of": rounds_of, "lanes": lanes, "weights": weights, "wait": wait, "rounds": rounds})
    return out


def leases(rng):
    out = []
    for lanes, hosts in ((2, 5), (4, 4), (7, 3), (64, 10), (3, 40)):
        owed, rounds = [0] * hosts, []
        weights = [rng.choice((0, 1, 1, 5, 100, 10**12)) for _ in range(hosts)]
        weights[0] = 1
        for t in range(12):
            if t == 6:
                weights[rng.randrange(1, hosts)] = 0
            counts = lease(owed, lanes, weights)
            there = [w > 0 and rng.random() < 0.8 for w in weights]
            there[0] = True
            again = release(owed, 3, there)
            rounds.append({"weights": list(weights), "counts": counts, "there": there, "again": again})
        out.append({"lanes": lanes, "rounds": rounds})
    return out


def debts(rng):
    """Lanes of rounds of which some are lost: each is leased again in the next, as many as a round has at most."""
    out = []
    for lanes, lost in ((4, 0.25), (5, 0.5), (1, 0.5), (4096, 0.1)):
        rounds, debt = [], 0
        for _ in range(20):
            leased = min(lanes + debt, 4096)
            accepted = sum(rng.random() >= lost for _ in range(leased))
            debt = min(lanes, leased - accepted)
            rounds.append([leased, accepted, debt])
        out.append({"lanes": lanes, "rounds": rounds})
    return out


def draws(rng):
    out = []
    for case in range(60):
        m, days = rng.choice((1, 2, 16, 64)), rng.choice((0, 1, 10, 29, 30, 50))
        t, u, unchecked = rng.randrange(1000), rng.randrange(64), rng.choice((0, 8, 9, 20))
        beacon = sha(b"draw", le32(case))
        weights = [rng.choice((0, 1, 7, 1000)) for _ in range(8)] + [1, 1]
        host, seats = rng.randrange(10), rng.choice((0, 1, 2, 5))
        a = average(m, days, Fraction(1, 100))
        out.append({
            "beacon": beacon.hex(), "round": t, "lane": u, "segments": m, "days": days, "unchecked": unchecked,
            "average": a, "drawn": segments_of(beacon, t, u, m, a, unchecked),
            "weights": weights, "host": host, "seats": seats,
            "checkers": [list(c) for c in checkers_of(beacon, t, u, weights, host, seats)],
        })
    return out


def own_draws(rng):
    out = []
    for case in range(24):
        validator = case % 5
        secret, beacon = sha(b"own", le32(validator)), sha(b"beacon", le32(case))
        attempt, t, u = rng.randrange(1, 1000), rng.randrange(1000), rng.randrange(64)
        m, days, unchecked = rng.choice((1, 4, 16, 64)), rng.choice((0, 10, 29, 30)), rng.choice((0, 9))
        weights, host, seats = rng.choice(sortition.WEIGHTS), rng.randrange(5), rng.choice((1, 2, 4, 12))
        alpha = b"sphere-pow lane sortition input 1" + struct.pack("<Q", attempt) + beacon
        proof = sortition.prove(secret, alpha)
        output = sortition.output(proof)
        own, a = own_draw(output, t, u), average(m, days, Fraction(1, 100))
        count = sortition.seats(own, weights, validator, host, 1000 * seats)
        out.append({
            "secret": secret.hex(), "attempt": attempt, "beacon": beacon.hex(), "input": alpha.hex(), "proof": proof.hex(),
            "output": output.hex(), "round": t, "lane": u, "segments": m, "days": days, "unchecked": unchecked,
            "weights": weights, "validator": validator, "host": host, "seats": seats, "count": count,
            "drawn": segments_of(own[:32], t, u, m, min(a * count, 4_096_000), unchecked) if count else [],
        })
    assert any(case["count"] > 1 for case in out) and any(case["count"] == 0 for case in out)
    return out


def parts(rng):
    out = []
    for _ in range(40):
        m = rng.choice((4, 16, 40))
        own = [j for j in range(m) if rng.random() < 0.2]
        drawn = sorted({*own, *(j for j in range(m) if rng.random() < 0.4)})
        out.append({"all": drawn, "own": own, "part": part(drawn, own)})
    return out


def again(attempt, epoch):
    """The first attempt of the epoch after that of the next attempt, counting attempts and epochs by hand."""
    following = attempt + 1
    first = 1
    while not first <= following < first + epoch:
        first += epoch
    return first + epoch


def main():
    rng = random.Random(16)
    seals = []
    for leaves in range(4):
        key, seed = sha(b"key", le32(leaves)), sha(b"seed", le32(leaves))
        list_of = [sha(b"leaf", le32(i)) for i in range(leaves)]
        seals.append({"checker": key.hex(), "seed": seed.hex(), "lane": leaves, "leaves": [x.hex() for x in list_of],
                      "seal": sha(b"sphere-pow lane seal 1", key, seed, le32(leaves), *list_of).hex()})
    waits = [{"segments": m, "days": days, "num": b.numerator, "den": b.denominator, "seats": k,
              "rounds": least(average(m, days, Fraction(1, 100)), b, k)}
             for m in (1, 16, 100) for days in (0, 15, 30)
             for b in (Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(2, 3), Fraction(1)) for k in (1, 2, 9)]
    own_waits = [{"segments": m, "days": days, "num": b.numerator, "den": b.denominator, "seats": k,
                  "rounds": least_of_own_draws(average(m, days, Fraction(1, 100)), b, k)}
                 for m in (1, 16, 100) for days in (0, 15, 30)
                 for b in (Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(2, 3), Fraction(1)) for k in (0, 1, 2, 4, 9, 100)]
    sights = [{"segments": m, "days": days, "num": b.numerator, "den": b.denominator, "seats": k,
               "rounds": [to_see(average(m, days, Fraction(1, 100)), m, b, k, is_own) for is_own in (False, True)]}
              for m in (1, 4, 16, 4096) for days in (0, 15, 29, 30)
              for b in (Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(1)) for k in (0, 1, 4, 100)]
    standings = []
    for m, floor, k in ((4, Fraction(1, 4), 4), (16, Fraction(1, 100), 2), (16, Fraction(1, 10), 6), (1, Fraction(1), 1)):
        third, at = Fraction(1, 3), lambda days: average(m, days, floor)
        asked = lambda days: max(least_of_own_draws(at(days), third, k), to_see(at(days), m, third, k, True))
        standings += [{"segments": m, "floor": int(100 * floor), "seats": k, "days": days, "rounds": wait_of_standing(days, asked)}
                      for days in (0, 1, 10, 15, 19, 22, 23, 29, 30, 50)]
    splits = []
    for outcome in ("accepted", "cleared", "convicted", "withheld"):
        for r, m, checkers in ((0, 16, [3, 3]), (1000, 16, [1, 1]), (999_999_937, 16, [17, 51, 1]), (2**64 - 1, 4096, [4097] * 9),
                               (7, 2, [2, 2, 2, 1]), (100, 4, [])):
            for said in (0, 1, len(checkers)):
                of = [(p, i < said) for i, p in enumerate(checkers)]
                trainer, paid, unpaid = shares(r, m, outcome, of)
                splits.append({"reward": str(r), "segments": m, "outcome": outcome, "checkers": of, "trainer": str(trainer),
                               "paid": [str(x) for x in paid], "unpaid": str(unpaid)})
    exclusions = [{"caught": caught, "epoch": epoch, "again": again(caught, epoch)}
                  for epoch in (1, 2, 4, 30) for caught in (1, 2, 3, 4, 29, 30, 31)]
    doc = {"_comment": "made by lanes.py", "spec": "§IV.9", "leases": leases(rng), "draws": draws(rng), "seals": seals,
           "waits": waits, "own_waits": own_waits, "sights": sights, "standings": standings, "own_draws": own_draws(rng), "parts": parts(rng), "exclusions": exclusions,
           "splits": splits, "escrows": escrows(rng), "debts": debts(rng)}
    with open(os.path.join(HERE, "lanes.json"), "w", encoding="utf-8") as file:
        json.dump(doc, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()

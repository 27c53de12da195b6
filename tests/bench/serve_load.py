"""What status polls cost a service that mines: serve_load.py [CONNECTIONS] [SECONDS] [PAIRS] [EVERY] [THREADS].

Starts `sphere-pow serve` (`cargo build --release -p sphere-pow-prover` first) mining the network's dev-test model on THREADS CPU
threads (1), and takes pairs of turns: without polls, and with CONNECTIONS clients that each ask /api/v1/pow/status every
EVERY seconds (1; the API node asks once a block, 5.4 s) on a connection of their own, made anew where the service closed it; which comes first alternates. Prints nonces a second of both; the ratio
within each pair, its median and its spread; and what does not depend on other work: nonces by processor time, of the threads that mine and of the
whole process, with against without, the latter being what polls cost where every core mines; and the processor time of the service
beside its crew, by poll.
"""
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "sphere-pow")
CONNECTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 10
PAIRS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
EVERY = float(sys.argv[4]) if len(sys.argv) > 4 else 1
THREADS = sys.argv[5] if len(sys.argv) > 5 else "1"
TICK = os.sysconf("SC_CLK_TCK")
INIT = {
    "block_hash": "2832E92ACC78E278013A8816BC56AD7C83FEE30E54F10F4ECA4BC05329A723A3", "block_height": 1,
    "public_key": "021438798db085d15c4dffa4d803b7d383ea5305cede835fd97189597a7d5a3e56", "r_target": 1.3,
    "fraud_threshold": 1e-7, "node_id": 1, "node_count": 1, "url": "http://127.0.0.1:1/",
    "params": {"dim": 512, "n_layers": 16, "n_heads": 16, "n_kv_heads": 16, "vocab_size": 8192, "ffn_dim_multiplier": 1.3,
               "multiple_of": 1024, "norm_eps": 1e-5, "rope_theta": 500000, "use_scaled_rope": True, "seq_len": 4},
}


def seconds(pid):
    """Processor time of the threads that serve, tokio's, and of all others."""
    serving, others = 0, 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat") as file:
                name, rest = re.match(r"\d+ \((.*)\) (.*)", file.read()).groups()
        except FileNotFoundError:
            continue
        spent = sum(int(ticks) for ticks in rest.split()[11:13])
        if name.startswith("tokio"):
            serving += spent
        else:
            others += spent
    return serving / TICK, others / TICK


async def poll(host, port, until):
    request = b"GET /api/v1/pow/status HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\n\r\n"
    n, reader, writer = 0, None, None
    # Not all at once.
    await asyncio.sleep(random.random() * EVERY)
    while time.monotonic() < until:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(host, port)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            # The service closes what is silent for 5 s.
            writer = None
            continue
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head, re.I)[1]))
        n += 1
        await asyncio.sleep(EVERY)
    if writer:
        writer.close()
    return n


async def polled(host, port, look):
    """What `look` sees before and after a turn of polls, and how many polls there were."""
    before, until = look(), time.monotonic() + SECONDS
    n = sum(await asyncio.gather(*(poll(host, port, until) for _ in range(CONNECTIONS))))
    return before, look(), n


def main():
    with tempfile.TemporaryDirectory() as state:
        command = [BINARY, "serve", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--state-dir", state,
                   "--backend", "cpu", "--threads", THREADS, "--window", "3600"]
        service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            begun = json.loads(service.stdout.readline())
            host, port = begun["listen"].split(":")

            def tried():
                with urllib.request.urlopen(f"http://{begun['adminListen']}/status") as answer:
                    return json.load(answer)["totals"]["tried"]

            urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/api/v1/pow/init/generate", json.dumps(INIT).encode()))
            while tried() == 0:
                time.sleep(0.1)
            def look():
                return (time.monotonic(), tried(), *seconds(service.pid))

            def turn(is_polled):
                if is_polled:
                    before, after, n = asyncio.run(polled(host, int(port), look))
                else:
                    before, n = look(), 0
                    time.sleep(SECONDS)
                    after = look()
                elapsed, done, serving, mining = (b - a for a, b in zip(before, after))
                return done / elapsed, done / mining, serving / elapsed, 1e6 * serving / n if n else 0, done / (mining + serving)

            pairs = []
            for ix in range(PAIRS):
                first = turn(ix % 2 == 1)
                second = turn(ix % 2 == 0)
                pairs.append((first, second) if ix % 2 == 0 else (second, first))
            def spread(values):
                return f"{statistics.median(values):.4f} (from {min(values):.4f} to {max(values):.4f})"
            print(f"{CONNECTIONS} connections, a poll every {EVERY:g} s each, {THREADS} threads mine, {PAIRS} pairs of turns of {SECONDS:.0f} s")
            best = [max(pair[side][0] for pair in pairs) for side in (0, 1)]
            print(f"nonces a second, best turns: {best[0]:.1f} without, {best[1]:.1f} with, ratio {best[1] / best[0]:.4f}")
            print(f"nonces a second, ratio in pairs: {spread([b[0] / a[0] for a, b in pairs])}")
            print(f"nonces by processor second of what mines, ratio in pairs: {spread([b[1] / a[1] for a, b in pairs])}")
            print(f"nonces by processor second of the process, ratio in pairs: {spread([b[4] / a[4] for a, b in pairs])}")
            share, by_poll = (statistics.median([b[ix] for _, b in pairs]) for ix in (2, 3))
            print(f"the service's threads: {by_poll:.0f} us of processor time a poll, {100 * share:.2f} % of one core")
        finally:
            service.terminate()
            service.wait()


if __name__ == "__main__":
    main()

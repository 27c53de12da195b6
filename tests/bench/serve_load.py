"""What status polls cost a service that mines: serve_load.py [CONNECTIONS] [SECONDS].

Starts `sphere-pow serve` (`cargo build --release -p sphere-pow-prover` first) mining the network's dev-test model on one CPU
thread, and takes turns without polls and with CONNECTIONS kept open, each asking /api/v1/pow/status once a second. Prints
nonces a second of both, the best turn of each, since other work on the machine only ever takes; their ratio; and what
does not depend on other work: the processor time of the service beside its crew, by poll.
"""
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "sphere-pow")
CONNECTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 10
TURNS = 3
TICK = os.sysconf("SC_CLK_TCK")
INIT = {
    "block_hash": "2832E92ACC78E278013A8816BC56AD7C83FEE30E54F10F4ECA4BC05329A723A3", "block_height": 1,
    "public_key": "021438798db085d15c4dffa4d803b7d383ea5305cede835fd97189597a7d5a3e56", "r_target": 1.3,
    "fraud_threshold": 1e-7, "node_id": 1, "node_count": 1, "url": "http://127.0.0.1:1/",
    "params": {"dim": 512, "n_layers": 16, "n_heads": 16, "n_kv_heads": 16, "vocab_size": 8192, "ffn_dim_multiplier": 1.3,
               "multiple_of": 1024, "norm_eps": 1e-5, "rope_theta": 500000, "use_scaled_rope": True, "seq_len": 4},
}


def http_seconds(pid):
    """Processor time of the threads that serve: tokio's."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as file:
            name, rest = re.match(r"\d+ \((.*)\) (.*)", file.read()).groups()
        if name.startswith("tokio"):
            total += sum(int(ticks) for ticks in rest.split()[11:13])
    return total / TICK


async def poll(host, port, until):
    request = b"GET /api/v1/pow/status HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\n\r\n"
    reader, writer = await asyncio.open_connection(host, port)
    n = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head, re.I)[1]))
        n += 1
        await asyncio.sleep(1)
    writer.close()
    return n


async def polls(host, port):
    until = time.monotonic() + SECONDS
    return sum(await asyncio.gather(*(poll(host, port, until) for _ in range(CONNECTIONS))))


def main():
    with tempfile.TemporaryDirectory() as state:
        command = [BINARY, "serve", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--state-dir", state,
                   "--backend", "cpu", "--threads", "1", "--window", "3600"]
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
            rates, shares, by_poll = {"without": [], "with": []}, [], []
            for _ in range(TURNS):
                for kind, found in rates.items():
                    before, began, busy = tried(), time.monotonic(), http_seconds(service.pid)
                    n = 0
                    if kind == "with":
                        n = asyncio.run(polls(host, int(port)))
                    else:
                        time.sleep(SECONDS)
                    elapsed = time.monotonic() - began
                    found.append((tried() - before) / elapsed)
                    if n:
                        spent = http_seconds(service.pid) - busy
                        shares.append(spent / elapsed)
                        by_poll.append(1e6 * spent / n)
            best = {kind: max(found) for kind, found in rates.items()}
            print(f"{CONNECTIONS} connections, a poll a second each, {TURNS} turns of {SECONDS:.0f} s")
            print(f"nonces a second: {best['without']:.1f} without, {best['with']:.1f} with, ratio {best['with'] / best['without']:.3f}")
            print(f"the service's threads: {min(by_poll):.0f} us of processor time a poll, {100 * min(shares):.1f} % of one core")
        finally:
            service.terminate()
            service.wait()


if __name__ == "__main__":
    main()

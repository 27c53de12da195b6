"""How long a service on a GPU takes from a new block hash to its first nonces: blocks.py [PROFILE] [PRESET] [BLOCKS] [BINARY].

Starts `sphere-pow serve --backend gpu` (`cargo build --release -p sphere-pow-prover` first; BINARY, another build to compare with) with
nothing remembered, and gives it one block after the other (6) of one model (gonka's dev-test). Prints for each the seconds until the model was
loaded and until a nonce of it was tried, and the processor time of both; then the medians of all but the first, which opens the device.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROFILE = sys.argv[1] if len(sys.argv) > 1 else "gonka"
PRESET = sys.argv[2] if len(sys.argv) > 2 else "dev-test"
BLOCKS = int(sys.argv[3]) if len(sys.argv) > 3 else 6
BINARY = sys.argv[4] if len(sys.argv) > 4 else os.path.join(ROOT, "target", "release", "sphere-pow")
TICK = os.sysconf("SC_CLK_TCK")


def get(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
        return json.load(answer)


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / TICK


def model():
    """The preset's sizes, from its vector."""
    name = "exact_forward.json" if PROFILE == "exact" else f"gonka_{PRESET.replace('-', '')}.json"
    with open(os.path.join(ROOT, "tests", "vectors", name)) as file:
        vector = json.load(file)
    cases = vector["cases"] if PROFILE == "exact" else [vector]
    return next(case["params"] for case in cases if PROFILE != "exact" or case["name"] == PRESET)


def main():
    params = model()
    with tempfile.TemporaryDirectory() as state:
        command = [BINARY, "serve", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--state-dir", state,
                   "--backend", "gpu", "--batch", "8", "--profile", PROFILE, "--window", "3600"]
        environment = {**os.environ, "XDG_CACHE_HOME": state}
        service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            begun = json.loads(service.stdout.readline())
            node = f"http://{begun['listen']}/api/v1/pow"
            tried = lambda: get(f"http://{begun['adminListen']}/status")["totals"]["tried"]
            rows = []
            for block in range(BLOCKS):
                body = {"block_hash": f"{block:064X}", "block_height": block, "public_key": "k", "r_target": 1.4, "fraud_threshold": 1e-7,
                        "node_id": 0, "node_count": 1, "url": "http://127.0.0.1:1/", "params": params}
                since, spent = time.monotonic(), cpu(service.pid)
                get(f"{node}/init/generate", body)
                while not get(f"{node}/status")["is_model_initialized"]:
                    time.sleep(0.005)
                loaded, before = time.monotonic() - since, tried()
                while tried() == before:
                    time.sleep(0.005)
                rows.append((loaded, time.monotonic() - since, cpu(service.pid) - spent))
                print("block {}: loaded after {:.2f} s, a nonce after {:.2f} s, {:.2f} s of processor time".format(block, *rows[-1]))
            medians = [statistics.median(row[ix] for row in rows[1:]) for ix in range(3)]
            print("later blocks: loaded after {:.2f} s, a nonce after {:.2f} s, {:.2f} s of processor time".format(*medians))
        finally:
            service.terminate()
            service.wait()


if __name__ == "__main__":
    main()

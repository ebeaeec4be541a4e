"""A small stand-in for `systemctl`, run as a program: `systemctl.py STATE show|stop|start …`. STATE is a JSON file of one unit: its process
(0: none), its command, the address that answers 200 when it is READY. Only for tests."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def is_alive(pid: int) -> bool:
    """A process that ended and was not waited for is none."""
    try:
        return bool(pid) and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def main(file: Path, verb: str) -> int:
    unit = json.loads(file.read_text())
    if verb == "show":
        print(unit["pid"] if is_alive(unit["pid"]) else 0)
        return 0
    if verb == "stop":
        if is_alive(unit["pid"]):
            os.kill(unit["pid"], signal.SIGTERM)
        while is_alive(unit["pid"]):
            time.sleep(0.05)
        return 0
    with Path(unit["log"]).open("ab") as log:
        kept = {name: told for name, told in os.environ.items() if name != "PYTHONPATH"}
        process = subprocess.Popen(
            unit["command"], env=kept, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    file.write_text(json.dumps(unit | {"pid": process.pid}))
    while process.poll() is None and not is_ready(unit["ready"]):
        time.sleep(0.05)
    if process.poll() is not None:
        print("Job for opsmantik-box.service failed.", file=sys.stderr)
    return int(process.poll() is not None)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))

"""`python -m opsmantik_box.engine --data DIR`: an engine without gateways, for the length of a command. Says `ready` on its standard
output (or what is wrong), serves DATA/admin.sock, and ends when its standard input does."""

import argparse
import asyncio
import os
import sys
import threading
from pathlib import Path

import msgspec
import uvloop

from opsmantik_box.clock import choose_clock
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.start import open_service
from opsmantik_box.engine.waiting import Bounds
from opsmantik_box.errors import BoxError
from opsmantik_box.link.messages import Failed
from opsmantik_box.logs import configure_logs


async def _serve(service: Service) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    service.when_accepting(lambda: print("ready", flush=True))
    return await service.run(None, over)


def main() -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="opsmantik_box.engine")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--restored", action="store_true")
    told = parser.parse_args()
    data: Path = told.data
    configure_logs("warning")
    os.umask(0o027)
    try:
        service = open_service(data, choose_clock(), RateLimits(), Bounds(), restored=told.restored)
    except BoxError as error:
        failed = Failed(0, type(error).__name__, str(error), error.exit_code)
        print(msgspec.json.encode(failed).decode(), flush=True)
        return error.exit_code
    code = uvloop.run(_serve(service))
    if code == 0:
        service.close()
    return code


if __name__ == "__main__":
    sys.exit(main())

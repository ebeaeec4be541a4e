"""A console that is left open: so many messages through the bytes of a stream, a screen that shows them, and what is left in memory.

    python -m tests.console.soak [MESSAGES] [FOLDER]      prints one JSON object

Taps, calls, work, verdicts and hints of ever new visitors, as a Box tells them; the console draws all the while.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opsmantik_box.clock import monotonic
from tests.console.kit import NOW, SITES, StillConsole, busy_leads, queue_page, recording, site_id, tap_body
from tui.net.sse import Reader

AT_ONCE = 200


def told(number: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """What happens to one visitor: topic, version, body."""
    tap = tap_body(number, NOW - 40_000_000 + number, number % 100)
    yield "intent", 1, tap
    done = {"at": NOW, "lead": number, "call": None, "by": 2, "who": "op-2", "old": None}
    yield "work", 1, done | {"kind": "claimed", "new": {"by": 2, "since": NOW, "until": NOW + 1}}
    yield "work", 2, done | {"kind": "note", "new": f"note {number}"}
    row = {"id": number, "source": "click", "status": "junk" if number % 3 else "real", "version": 2}
    yield "verdict", 2, {"at": NOW, "by": 2, "old": row | {"status": "intent", "version": 1}, "new": row}
    yield "presence", 0, {"people": [{"id": 2, "who": "op-2", "site_id": site_id("antika"), "lead": number, "since": NOW}]}


def stream(messages: int) -> Iterator[bytes]:
    """The bytes, in pieces."""
    piece, count = list[str](), 0
    for number in range(1_000, 1_000 + messages):
        for topic, version, body in told(number):
            count += 1
            data = {"site_id": site_id(SITES[number % 5]), "at": NOW, "ref": str(number), "version": version, "body": body}
            piece.append((f"id: 1-{count}\n" if version else "") + f"event: {topic}\ndata: {json.dumps(data)}\n\n")
            if len(piece) == AT_ONCE or count == messages:
                yield "".join(piece).encode()
                piece = []
            if count == messages:
                return


def resident() -> float:
    """MiB of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


async def soak(messages: int, folder: Path) -> dict[str, float]:
    app = StillConsole(queue_page(busy_leads()), folder, answers=recording(busy_leads()))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.settle(pilot)
        before, began, reader, desk = resident(), monotonic(), Reader(), app.main.desk
        for piece in stream(messages):
            await desk._follower._hand_on(reader.feed(piece))
            await asyncio.sleep(0)
        seconds = monotonic() - began
        await pilot.pause()
        latest = monotonic()
        app.main.draw()
        drawn = monotonic() - latest
        return {
            "messages": messages,
            "seconds": round(seconds, 1),
            "per_second": round(messages / seconds),
            "before_mib": round(before, 1),
            "after_mib": round(resident(), 1),
            "leads": len(desk.store.leads),
            "draw_ms": round(drawn * 1000, 1),
        }


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    where = Path(sys.argv[2] if len(sys.argv) > 2 else "/tmp")
    print(json.dumps(asyncio.run(soak(count, where))))

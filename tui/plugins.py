"""Plug-ins: shell commands of the operator's own (plugins.toml), which get the row under the cursor in their environment.

Promises: nothing of a row is ever part of a command, only of its environment, and without control characters; a number is in it only
while its lead is claimed. A command has no terminal: it cannot draw over the console.
"""

import asyncio
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tui.paint import safe_text
from tui.views.detail import Opened

FILE = "plugins.toml"
LONGEST_SEC = 30.0
PREFIX = "OPSMANTIK_"


def read_plugins(config: Path) -> tuple[dict[str, str], str]:
    """Commands by their name, and what is wrong with the file ('' when nothing is)."""
    try:
        return msgspec.convert(tomllib.loads((config / FILE).read_text()), dict[str, str]), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        return {}, f"{config / FILE}: {problem}"


def environment_of(row: Opened) -> dict[str, str]:
    """What a command is told of a row."""
    head = row.lead.head
    told = {
        "LEAD": row.lead.id, "KIND": row.lead.kind.value, "SITE": row.site.id, "SITE_NAME": row.site.name, "SCORE": row.lead.score,
        "STATUS": head.status or "", "PAGE": head.page or "", "SESSION": head.session or "", "NUMBER": row.number,
    }  # fmt: skip
    return {PREFIX + name: safe_text(str(value)) for name, value in told.items()}


async def run_plugin(command: str, told: Mapping[str, str]) -> tuple[int, str]:
    """Its exit code and the last line it said. One that takes longer than 30 s is ended. The console's token is not in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_shell(
        command, stdin=nothing, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=kept | dict(told), start_new_session=True
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LONGEST_SEC)
    except (TimeoutError, asyncio.CancelledError):
        os.killpg(process.pid, 9)
        await process.wait()
        return 124, ""
    return process.returncode or 0, (said.decode(errors="replace").strip().splitlines() or [""])[-1]

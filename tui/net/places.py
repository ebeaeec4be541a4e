"""Where the console keeps things of its own, and files nobody else may read.

Promises: every file is written whole or not at all, and is readable by its owner only.
"""

import os
from collections.abc import Mapping
from pathlib import Path

NAME = "opsmantik"


def config_folder(environment: Mapping[str, str]) -> Path:
    """Settings and tokens."""
    return Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "~"), ".config").expanduser()) / NAME


def state_folder(environment: Mapping[str, str]) -> Path:
    """What was typed and decided, and has not reached the Box yet."""
    return Path(environment.get("XDG_STATE_HOME") or Path(environment.get("HOME", "~"), ".local", "state").expanduser()) / NAME


def write_private(path: Path, text: str) -> None:
    """Durable when it returns. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

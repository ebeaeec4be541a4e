"""Every statement has a name. A file holds `-- name --` headings, each followed by a comment line saying what for, then the statement."""

import re
from functools import cache
from importlib.resources import files

_HEADING = re.compile(r"^-- ([a-z_0-9]+) --$", re.MULTILINE)


@cache
def load(file: str) -> dict[str, str]:
    """The statements of `file`.sql by name, without their comments' headings. Raises ValueError for a name used twice."""
    parts = _HEADING.split((files(__name__) / f"{file}.sql").read_text())[1:]
    named = dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))
    if len(named) * 2 != len(parts):
        raise ValueError(f"{file}.sql names a statement twice")
    return named

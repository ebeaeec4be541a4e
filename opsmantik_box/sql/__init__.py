"""Every statement has a name. A file holds `-- name --` headings, each followed by a comment line saying what for, then the statement.
What several statements share is a part of its own, `-- _name --`, that stands as `{_name}` in what comes after it."""

import re
from functools import cache
from importlib.resources import files

_PART = re.compile(r"\{(_[a-z_0-9]+)\}")
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
_HEADING = re.compile(r"^-- ([a-z_0-9]+) --$", re.MULTILINE)


@cache
def load(file: str) -> dict[str, str]:
    """The statements of `file`.sql by name, without their headings, and without parts. Raises ValueError for a name used twice."""
    parts = _HEADING.split((files(__name__) / f"{file}.sql").read_text())[1:]
    named: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name in named:
            raise ValueError(f"{file}.sql names a statement twice")
        named[name] = _PART.sub(lambda found: _COMMENT.sub("", named[found[1]]), text.strip())
    return {name: text for name, text in named.items() if not name.startswith("_")}

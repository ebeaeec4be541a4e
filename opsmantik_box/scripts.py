"""The browser scripts that come with this Box: those that move with it, and every version that was ever released.

A page that names a version gets that version for ever: `tracker/released/` only grows. Reads files; never writes.
"""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from msgspec import Struct

from opsmantik_box.errors import UsageError
from opsmantik_box.resources import resource

MOVING = ("ux-core.js", "ux-adapters.js")
"""Names that stay while their content moves on."""
_RELEASED = re.compile(r"(ux-core|ux-adapters)\.(\d{1,4}\.\d{1,4}\.\d{1,4})\.js")


class Script(Struct, frozen=True):
    """A script by its file name. `version` is '' for one that moves."""

    name: str
    version: str
    body: bytes

    @property
    def integrity(self) -> str:
        """What Subresource Integrity calls it (W3C SRI; of the content as decoded, gzip or not)."""
        return integrity_of("sha384", self.body)

    @property
    def age(self) -> tuple[int, ...]:
        """Versions by number: 1.10.0 is newer than 1.9.0."""
        return tuple(int(part) for part in self.version.split(".") if part)


def integrity_of(algorithm: str, content: bytes) -> str:
    """`sha384-…`, as SRI and Content-Security-Policy write it."""
    return f"{algorithm}-{b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def shipped_scripts(folder: Path | None = None) -> list[Script]:
    """All that can be served, `folder` being `tracker/`. Raises FileNotFoundError when the installation is incomplete."""
    tracker = folder or resource("tracker")
    moving = [Script(name, "", (tracker / name).read_bytes()) for name in MOVING]
    found = sorted((tracker / "released").glob("ux-*.js"))
    return moving + [Script(file.name, named[2], file.read_bytes()) for file in found if (named := _RELEASED.fullmatch(file.name))]


def newest_release(folder: Path | None = None) -> Script:
    """The newest released `ux-core`. Raises UsageError when none was."""
    released = [one for one in shipped_scripts(folder) if one.version and one.name.startswith("ux-core.")]
    if not released:
        raise UsageError(problem="No version of the tracker was released yet: there is nothing to pin a page to.")
    return max(released, key=lambda one: one.age)


def head_stub(folder: Path | None = None) -> str:
    """What stands in the page itself and keeps the first moments until the tracker is there; '' when none is shipped.

    Raises ValueError for one that would end its own element."""
    file = (folder or resource("tracker")) / "stub.js"
    text = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    if re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ValueError(f"{file} cannot stand inside a page")
    return text

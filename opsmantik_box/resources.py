"""Files that are no Python: the migrations and the tracker.

One rule: such a folder lies inside the package (a wheel), else beside it (a clone, an editable install). Never writes.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(*parts: str) -> Path:
    """A file or folder of the repository's top level, wherever it was installed to: `resource("migrations", "ledger")`.

    Raises FileNotFoundError."""
    for place in (_PACKAGE, _PACKAGE.parent):
        path = place.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"{'/'.join(parts)}: neither in {_PACKAGE} nor beside it; the installation is incomplete")


def tracker_script() -> Path:
    """The browser script that is served as /ux-core.js."""
    return resource("tracker", "ux-core.js")

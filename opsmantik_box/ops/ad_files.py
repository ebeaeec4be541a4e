"""An export of Google Ads as the rows that `import_ad_clicks` takes: whose day, which campaign, how many clicks at what cost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from opsmantik_box.domain.ads_export import assign_sites, read_export
from opsmantik_box.errors import UsageError

MOST_BYTES = 16 * 1024 * 1024


def read_ad_rows(file: Path, site: str | None, accounts: Mapping[str, str], currency: str) -> list[dict[str, Any]]:
    """Each row with its site as it was told. All of the file or nothing. Raises UsageError naming file, line and what to do."""
    try:
        rows = assign_sites(read_export(_read(file), currency), site, accounts)
    except UsageError as error:
        raise UsageError(problem=f"{file}: {error}\nNothing was imported.") from None
    return [{"site": chosen, "source": row.source, **msgspec.to_builtins(row)} for chosen, row in rows]


def _read(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(problem=f"it cannot be read ({error.strerror})") from None
    if len(data) > MOST_BYTES:
        raise UsageError(problem=f"it is larger than {MOST_BYTES >> 20} MB; download fewer days at a time")
    return data

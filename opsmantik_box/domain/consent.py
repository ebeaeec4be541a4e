"""The visitor's choice, and what follows from it: who said no leaves nothing behind that tells him apart. Pure.

The tracker withholds as much itself; an old one, another one or a mistake on the page does not, and then the Box does, before the
ledger. The tap stays: somebody wanted to call.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import replace

from opsmantik_box.domain.masking import CLICK_KEYS
from opsmantik_box.domain.metadata import read_text
from opsmantik_box.domain.urls import Page

WITHHELD = "[consent]"
"""What stands in an address for a click id."""
IDS = frozenset({"fp", "fp_prev", "fingerprint", "client_sid", "gclid", "wbraid", "gbraid", "wa_ref"})
"""Names of `meta` that tell a visitor or click apart."""
_REFUSED = frozenset({"denied", "limit"})
_STATES = ("ad_storage", "analytics_storage")
_CLICK = re.compile(rf"(?<=[?&#])({'|'.join(sorted(CLICK_KEYS))})=[^&#]*", re.IGNORECASE)


def read_consent(meta: Mapping[str, Any]) -> str:
    """The choice in a word (granted, pending, denied, limit), or the consent-mode states as they were told."""
    told: object = meta.get("consent")
    if isinstance(told, dict):
        states = cast("dict[str, object]", told)
        return ",".join(f"{name}={states[name]}" for name in sorted(states))[:128]
    return read_text(told)


def refuses_ids(meta: Mapping[str, Any]) -> bool:
    """Did the visitor say no: in a word, or by Google's storage states?"""
    if "consent" not in meta and "ad_storage" not in meta and "analytics_storage" not in meta:
        return False
    told: object = meta.get("consent")
    if not isinstance(told, dict):
        return read_text(told).lower() in _REFUSED or _is_denied(meta)
    return _is_denied(cast("dict[str, object]", told)) or _is_denied(meta)


def _is_denied(states: Mapping[str, Any]) -> bool:
    return any(read_text(states.get(name)).lower() == "denied" for name in _STATES)


def withhold(text: str) -> str:
    """An address without its click ids."""
    return _CLICK.sub(rf"\1={WITHHELD}", text)


def page_without_ids(page: Page) -> Page:
    """The page as it is kept then. What advertising wrote stays: a campaign is nobody's id."""
    return replace(page, text=withhold(page.text), click=None)


def meta_without_ids(meta: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in meta.items() if name not in IDS}
    return kept | {"referrer": withhold(read_text(kept["referrer"]))} if "referrer" in kept else kept

"""Which contact attempt a signal is: a tap on a phone number or a WhatsApp button, or a form. Pure.

Rule of wire.md, "Intent". Whether a tap becomes an intent (a repeated stamp, a double tap) is the engine's to say.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from opsmantik_box.domain.signals import Tap
from opsmantik_box.domain.targets import Kind, read_target, target_of

PHONE_ACTIONS = frozenset({"phone_call", "phone_click", "call_click", "tel_click"})
WHATSAPP_ACTIONS = frozenset({"whatsapp", "whatsapp_click", "wa_click"})
FORM_ACTION = "form_submit"
NEVER_BY_LABEL = frozenset({"view", "scroll_depth", "hover_intent", "heartbeat", "session_end", "widget_open", "form_attempt"})
"""These may name a link in their label without anyone having tapped it."""

MAX_STAMP = 128
MAX_FORM = 120


def read_tap(action: str, label: str, meta: Mapping[str, Any], region: str, wa_hosts: tuple[str, ...]) -> Tap | None:
    """The contact attempt of one signal, or None. `action` and `label` as sent; `meta.intent_action` goes before `action`."""
    named = _text(meta.get("intent_action")).lower() or action.lower()
    kind: Kind | None = "phone" if named in PHONE_ACTIONS else "whatsapp" if named in WHATSAPP_ACTIONS else None
    if kind:
        return _tap(kind, target_of(kind, label, region, wa_hosts), meta)
    if named == FORM_ACTION:
        return _tap("form", f"form:{label.strip()[:MAX_FORM]}", meta)
    if ":" not in label or named in NEVER_BY_LABEL or action.lower() in NEVER_BY_LABEL:
        return None
    found = read_target(label, region, wa_hosts)
    return _tap(found[0], found[1], meta) if found else None


def _tap(kind: str, target: str, meta: Mapping[str, Any]) -> Tap:
    return Tap(kind, target, read_stamp(_text(meta.get("intent_stamp"))), _text(meta.get("position"))[:32])


def read_stamp(text: str) -> str:
    """At most 128 characters. A longer one is hashed: cut, two of them could become one."""
    return text if len(text) <= MAX_STAMP else hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) and abs(value) < 2**63 else ""

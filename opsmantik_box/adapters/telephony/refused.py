"""Why a hook's request is refused, in words that are counted. No message holds anything of the request."""

from typing import Literal

from opsmantik_box.errors import BoxError

Reason = Literal[
    "address_refused", "secret_wrong", "basic_missing", "basic_wrong",
    "signature_missing", "signature_wrong", "signature_stale", "key_unusable",
    "body_not_json", "body_not_form", "call_id_missing", "call_id_too_long",
]  # fmt: skip


class HookRefused(BoxError):
    """The request did not prove that it comes from the exchange ({reason})."""

    status = 401

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class EventRefused(HookRefused):
    """The exchange's request cannot be read ({reason})."""

    status = 400

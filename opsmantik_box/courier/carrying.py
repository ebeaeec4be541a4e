"""What the courier does with an errand: each kind by its adapter, and an answer to each, whatever happens."""

import structlog
from msgspec.structs import replace

from opsmantik_box.adapters.http import Answer, Http, Unreachable
from opsmantik_box.adapters.mail import send_email
from opsmantik_box.adapters.telegram import Telegram
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.errors import UsageError
from opsmantik_box.link.courier import Carried, Errand, Ping, SendEmail, SendTelegram, SendWebhook

GONE = 410
"""The receiver wants nothing any more (Standard Webhooks)."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Carrier:
    """`allowed`: networks inside the house that the owner allows; `patience`: seconds a receiver is given."""

    def __init__(self, allowed: Networks, patience: float) -> None:
        self._allowed, self._patience = allowed, patience
        self._http = Http(allowed, patience)

    async def carry(self, errand: Errand) -> Carried:
        """Never raises: what is not known here is tried again, and logged without what was carried."""
        try:
            return replace(await self._carry(errand), rid=errand.rid)
        except Exception as fault:  # noqa: BLE001 - one errand must not take the others along
            log.error("[COURIER_FAULT]", errand=type(errand).__name__, error=type(fault).__name__)
            return Carried(errand.rid, "again", type(fault).__name__)

    async def _carry(self, errand: Errand) -> Carried:
        match errand:
            case SendTelegram():
                chat = Telegram(self._http, errand.api_url, errand.token, errand.chat_id)
                return await chat.send_message(errand.message, errand.level)
            case SendEmail():
                return await send_email(errand, self._allowed, self._patience)
            case SendWebhook():
                return await self._request(errand)
            case Ping():
                return await self._request(errand)

    async def _request(self, errand: SendWebhook | Ping) -> Carried:
        try:
            if isinstance(errand, Ping):
                return outcome_of(await self._http.get(errand.url))
            return outcome_of(await self._http.post(errand.url, errand.body, errand.headers))
        except UsageError as error:
            return Carried(0, "refused", str(error))
        except Unreachable as error:
            return Carried(0, "again", str(error))


def outcome_of(answer: Answer) -> Carried:
    """Any 2xx is a yes. A redirect is none: it is not followed."""
    if 200 <= answer.status < 300:
        return Carried(0, "delivered")
    if answer.status == GONE:
        return Carried(0, "refused", "410 Gone")
    return Carried(0, "again", str(answer.status), wait_ms_of(answer.headers.get("retry-after", "")))


def wait_ms_of(told: str) -> int:
    """Of a Retry-After in seconds; a date is left to the lane's own pause."""
    return int(told) * 1000 if told.isascii() and told.isdigit() and len(told) < 7 else 0

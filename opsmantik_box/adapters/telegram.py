"""Telegram: messages of a bot to a chat (core.telegram.org/bots/api#sendmessage).

Promises: HTML mode with everything escaped; what Telegram cannot parse goes once more as plain text; what it asks for (`retry_after`) is
told on; a group that became a supergroup is followed. The token stands in the address, and in no error.
"""

from html import escape
from typing import Any, cast

import msgspec

from opsmantik_box.adapters.http import Answer, Http, Unreachable
from opsmantik_box.domain.notices import MARKS, Grade
from opsmantik_box.errors import UsageError
from opsmantik_box.link.courier import Carried

LONGEST = 4_000
"""Characters; Telegram takes 4,096."""
JSON = {"content-type": "application/json"}


class Telegram:
    """One bot and one chat."""

    def __init__(self, http: Http, api_url: str, token: str, chat_id: str) -> None:
        self._http, self._chat = http, chat_id
        self._url = f"{api_url.rstrip('/')}/bot{token}/sendMessage"
        self._moved = ""

    async def send_message(self, message: str, level: Grade) -> Carried:
        """The message's first line is its headline; before it stands its level (🚨 [CRITICAL] …). The answer's `rid` is 0."""
        try:
            answer = await self._say(html_of(message, level), "HTML")
            if answer.status == 400 and not self._follow(answer):
                answer = await self._say(plain_of(message, level), "")
            elif answer.status == 400:
                answer = await self._say(html_of(message, level), "HTML")
        except Unreachable as error:
            return Carried(0, "again", str(error), moved_to=self._moved)
        except UsageError as error:
            return Carried(0, "again", str(error))
        return self._outcome(answer)

    async def _say(self, text: str, mode: str) -> Answer:
        told: dict[str, Any] = {"chat_id": self._chat, "text": text, "link_preview_options": {"is_disabled": True}}
        return await self._http.post(self._url, msgspec.json.encode(told | ({"parse_mode": mode} if mode else {})), JSON)

    def _follow(self, answer: Answer) -> bool:
        """Did the chat move? Then the next message goes there."""
        moved = _parameters(answer).get("migrate_to_chat_id")
        if not isinstance(moved, int):
            return False
        self._chat = self._moved = str(moved)
        return True

    def _outcome(self, answer: Answer) -> Carried:
        told = _read(answer)
        if answer.status == 200 and told.get("ok") is True:
            return Carried(0, "delivered", moved_to=self._moved)
        wait = _parameters(answer).get("retry_after")
        wait_ms = wait * 1000 if isinstance(wait, int) and wait > 0 else 0
        detail = f"{answer.status} {str(told.get('description') or '')[:200]}".strip()
        return Carried(0, "again", detail, wait_ms, self._moved)


def html_of(message: str, level: Grade) -> str:
    head, _, rest = cut(message).partition("\n")
    return f"{MARKS[level]} <b>{escape(head, quote=False)}</b>" + (f"\n{escape(rest, quote=False)}" if rest else "")


def plain_of(message: str, level: Grade) -> str:
    return f"{MARKS[level]} {cut(message)}"


def cut(message: str) -> str:
    """What Telegram takes, also when escaping makes five characters of each."""
    most = LONGEST if len(escape(message, quote=False)) <= LONGEST else LONGEST // 5
    return message if len(message) <= most else f"{message[: most - 2]} …"


def _read(answer: Answer) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def _parameters(answer: Answer) -> dict[str, Any]:
    told = _read(answer).get("parameters")
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}

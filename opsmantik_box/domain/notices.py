"""What of the feed is told outside, to whom, and in which words. Pure: a row of the feed and the destinations in, notices out.

Nothing is told that was not switched on. No number ever leaves; no page or note, unless its destination may have personal data. A notice's
key is made of what it tells, so that a row that is looked at twice is told once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from opsmantik_box.domain.days import zone
from opsmantik_box.domain.lanes import KEEP_TRYING_MS
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.watch.alerts import TOLD_AGAIN, AlertBody
from opsmantik_box.domain.watch.codes import Level, graver, reaches

HOUR_MS = 3_600_000
HOT_DEADLINE_MS = HOUR_MS
"""Later nobody can call back while the visitor still thinks of it."""
SEALED = frozenset({"confirmed", "qualified", "real"})
EVENTS = ("lead.created", "lead.claimed", "lead.sealed", "lead.junked", "alert.opened", "alert.resolved")
Grade = Level | Literal["over"]
MARKS: Mapping[Grade, str] = {
    "info": "ℹ️ [INFO]",
    "warning": "⚠️ [WARNING]",
    "alarm": "🚨 [CRITICAL]",
    "over": "✅ [RESOLVED]",
}
"""How a message begins."""
ACTIONS = {"phone": "tapped the phone", "whatsapp": "tapped WhatsApp", "form": "sent a form"}


class FeedRow(NamedTuple):
    """As the feed has it; `site` is None for what is the Box's own. Numbers of a restored ledger are those of its `epoch`."""

    epoch: int
    at: int
    topic: str
    site: Site | None
    ref: str
    version: int
    body: Mapping[str, Any]


class Message(Struct, frozen=True):
    """What a person reads: a headline without its mark, then lines. `over`: it is good news."""

    level: Level
    head: str
    text: str = ""
    over: bool = False

    @property
    def grade(self) -> Grade:
        return "over" if self.over else self.level

    @property
    def mark(self) -> str:
        return MARKS[self.grade]

    def __str__(self) -> str:
        return f"{self.head}\n{self.text}" if self.text else self.head


class Chat(Struct, frozen=True):
    """A lane of messages to people: the telegram chat, or e-mail. `level`: from which on alerts are told; `hot_score`: from which on
    intents are (0: none)."""

    lane: str
    level: Level
    hot_score: int
    timezone: str
    personal: bool = False


class Hook(Struct, frozen=True):
    """A webhook: which events it wants, of one site or (None) of all and of the Box itself."""

    lane: str
    site_id: int | None
    events: Sequence[str]
    personal: bool = False


class Notice(Struct, frozen=True):
    """A delivery to be made. `key` is stable; `payload` JSON; `at` is when it happened, after `deadline` it is given up."""

    lane: str
    kind: Literal["alert", "hot", "daily", "test", "lead"]
    key: str
    payload: bytes
    at: int
    deadline: int


def notices_of(row: FeedRow, chats: Iterable[Chat], hooks: Iterable[Hook]) -> Iterator[Notice]:
    """What this row of the feed leads to."""
    for chat in chats:
        told = _chat_message(row, chat)
        if told is not None:
            kind, message = told
            deadline = row.at + (HOT_DEADLINE_MS if kind == "hot" else KEEP_TRYING_MS)
            key = f"{chat.lane}:{row.topic}:{row.epoch}-{row.ref}:{row.version}"
            yield Notice(chat.lane, kind, key, msgspec.json.encode(message), row.at, deadline)
    event = _event_of(row)
    for hook in hooks if event else ():
        if event in hook.events and (hook.site_id is None or (row.site is not None and row.site.id == hook.site_id)):
            assert event is not None
            payload = msgspec.json.encode(_event_body(row, event, hook))
            key = f"{hook.lane}:{event}:{row.epoch}-{row.ref}:{row.version}"
            yield Notice(hook.lane, "alert" if row.topic == "alert" else "lead", key, payload, row.at, row.at + KEEP_TRYING_MS)


def contact_of(kind: str, key: str) -> int | None:
    """Which contact (or lead, by its first one) a delivery tells of, by its key; None for what tells of none."""
    _, _, rest = key.rpartition(":")[0].rpartition("-")
    return int(rest) if kind in ("hot", "lead") and rest.isdigit() else None


# --- messages to people -----------------------------------------------------------------------------------------------------------


def _chat_message(row: FeedRow, chat: Chat) -> tuple[Literal["alert", "hot"], Message] | None:
    if row.topic == "alert":
        alert = msgspec.convert(row.body, AlertBody)
        silenced = alert.silenced_until is not None and row.at < alert.silenced_until
        told = alert.change in TOLD_AGAIN and not silenced and alert.covered_by is None and reaches(alert.level, chat.level)
        return ("alert", alert_message(alert, row.site, row.at, chat.timezone)) if told else None
    if row.topic == "intent" and row.site is not None and is_hot(row, chat):
        return "hot", hot_message(row, row.site, chat.personal)
    return None


def alert_message(alert: AlertBody, site: Site | None, at: int, timezone: str) -> Message:
    """What happened, since when, what to do; recognisable by code, number and time when it comes twice."""
    where = site.name if site else "the Box"
    head, since, stamp = f"{alert.code} · {where}", clock(alert.since, at, timezone), f"#{alert.id} {clock(at, at, timezone)}"
    if alert.change == "resolved":
        return Message(alert.level, head, f"Over after {span(at - alert.since)} (began {since}). {stamp}", over=True)
    again = {"repeated": " · still so", "raised": " · worse now"}.get(alert.change, "")
    return Message(alert.level, head + again, f"{alert.text}\nSince {since}. {stamp}\n→ {alert.advice}")


def is_hot(row: FeedRow, chat: Chat) -> bool:
    """A person's intent, with a score over the site's mark (its setting `hot_score`, else the chat's)."""
    assert row.site is not None
    told = row.site.settings.get("hot_score", chat.hot_score)
    mark = told if isinstance(told, int) and not isinstance(told, bool) else chat.hot_score
    return 0 < mark <= row.body["score"] and not row.body["is_bot"] and not row.body["is_internal"]


def hot_message(row: FeedRow, site: Site, personal: bool) -> Message:
    body = row.body
    what, stamp = ACTIONS.get(body["action"], body["action"]), f"#{row.ref} {clock(body['at'], row.at, site.timezone)}"
    text = f"Score {body['score']}, {body['attribution']}, {body['device'] or 'unknown device'}. {stamp}"
    return Message("info", f"Hot intent · {site.name} · {what}", f"{text}\n{body['page']}" if personal else text)


def digest(messages: Sequence[Message]) -> Message:
    """Many in one: each by its headline and the first line of its text. As grave as the gravest that is not over."""
    level: Level = "info"
    for one in messages:
        level = level if one.over else graver(level, one.level)
    lines = [f"{one.mark} {one.head}: {one.text.partition(chr(10))[0]} {_number_and_time(one.text)}".rstrip() for one in messages]
    return Message(level, f"{len(messages)} messages", "\n".join(lines), all(one.over for one in messages))


def _number_and_time(text: str) -> str:
    """What tells one message from its like."""
    _, mark, rest = text.partition("#")
    return (mark + rest).partition("\n")[0] if "\n" in text else ""


def clock(at: int, now: int, timezone: str) -> str:
    """A time as the chat's clocks show it, with the day when that is another."""
    when, today = (datetime.fromtimestamp(one / 1000, zone(timezone)) for one in (at, now))
    return when.strftime("%H:%M:%S" if when.date() == today.date() else "%d %b %H:%M")


def span(milliseconds: int) -> str:
    minutes = max(1, round(milliseconds / 60_000))
    return (
        f"{minutes} min"
        if minutes < 60
        else f"{minutes // 60} h {minutes % 60} min"
        if minutes < 2_880
        else f"{minutes // 1_440} d"
    )


# --- webhooks ---------------------------------------------------------------------------------------------------------------------


def _event_of(row: FeedRow) -> str | None:
    body = row.body
    if row.topic in ("intent", "call"):
        return "lead.created" if row.version == 1 and body["lead"] == body["id"] else None
    if row.topic == "work":
        return "lead.claimed" if body["kind"] in ("claimed", "taken_over") else None
    if row.topic == "verdict":
        before, after = body["old"]["status"], body["new"]["status"]
        if after in SEALED and before not in SEALED:
            return "lead.sealed"
        return "lead.junked" if after == "junk" != before else None
    change = body.get("change") if row.topic == "alert" else None
    return f"alert.{change}" if change in ("opened", "resolved") else None


def _event_body(row: FeedRow, event: str, hook: Hook) -> dict[str, Any]:
    """As Standard Webhooks has it: type, timestamp, data."""
    data: dict[str, Any] = {"site_id": row.site.public_id if row.site else None}
    if row.topic == "alert":
        data |= {name: row.body[name] for name in ("id", "code", "level", "text", "advice", "since", "opened_at", "resolved_at")}
    else:
        data |= _lead_data(row, hook.personal)
    return {"type": event, "timestamp": datetime.fromtimestamp(row.at / 1000, UTC).isoformat().replace("+00:00", "Z"), "data": data}


def _lead_data(row: FeedRow, personal: bool) -> dict[str, Any]:
    body = row.body
    if row.topic == "verdict":
        new = body["new"]
        told = {"contact_id": new["id"], "status": new["status"], "sale_amount": new["sale_amount"], "currency": new["currency"]}
        return told | ({"note": new["note"]} if personal else {})
    if row.topic == "work":
        return {"lead_id": body["lead"], "contact_id": body["call"]} | ({"who": body["who"]} if personal else {})
    told = {
        "lead_id": body["lead"], "contact_id": body["id"], "at": body["at"], "kind": body.get("action", "call"), "score": body["score"],
        "attribution": body["attribution"], "is_bot": body["is_bot"], "is_internal": body["is_internal"],
    }  # fmt: skip
    return told | ({"page": body.get("page")} if personal else {})

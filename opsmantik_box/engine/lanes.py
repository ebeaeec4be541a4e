"""Lanes: all deliveries to one destination, one of them on its way at a time. Fed by the clock and by every answer; never waits for one.

Promises: what was put into the outbox is tried until its receiver says yes, its deadline comes, or it is refused; a lane that fails holds
up no other; what was on its way when the engine died goes again, under the same key. Nothing is logged of what is carried.
"""

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import structlog

from opsmantik_box.adapters.standard_webhooks import signed_headers
from opsmantik_box.domain.lanes import (
    KEEP_TRYING_MS,
    MINUTE_MS,
    MOST_TOGETHER,
    LaneState,
    after_attempt,
    how_many,
    lane_after,
)
from opsmantik_box.domain.notices import Hook, Message, Notice, digest
from opsmantik_box.domain.watch.facts import LaneFacts
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.courier import Courier
from opsmantik_box.engine.faults import point
from opsmantik_box.engine.outbox import SQL, Due, Outbox
from opsmantik_box.engine.outward import TELEGRAM, Outward
from opsmantik_box.errors import BoxError, Conflict, LedgerPoisoned
from opsmantik_box.link.courier import Carried, Errand, Ping, SendEmail, SendTelegram, SendWebhook

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

HOOK = "webhook:"
PING = 0

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Webhook(NamedTuple):
    """As the ledger has it."""

    id: int
    site_id: int | None
    url: str
    events: str
    personal: int
    created_at: int

    @property
    def lane(self) -> str:
        return f"{HOOK}{self.id}"


class Lanes:
    """One for a running service. `webhooks` are read anew with `reload`."""

    def __init__(self, service: "Service", outward: Outward) -> None:
        self._service, self._outward, self._ledger = service, outward, service.core.ledger
        self.outbox = Outbox(self._ledger)
        self._courier = Courier(service.core.folder.root, outward, self.took)
        self._states = self.outbox.lanes()
        self._chats = outward.chats()
        self.webhooks: dict[str, Webhook] = {}
        self._on_the_way: dict[int, tuple[str, list[Due]]] = {}
        self._answered: deque[Carried] = deque()
        self._sent: dict[str, deque[int]] = {}
        self._minute = 0
        self.ping_failed_since: int | None = None
        self.reload()

    @property
    def courier_pid(self) -> int | None:
        return self._courier.pid

    def reload(self) -> None:
        """After a change of webhooks."""
        self.webhooks = {hook.lane: hook for hook in (Webhook(*row) for row in all_rows(self._ledger.db, SQL["list_webhooks"]))}

    def names(self) -> list[str]:
        """Lanes that are switched on."""
        return [*(chat.lane for chat in self._chats), *self.webhooks]

    # --- the clock ----------------------------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Once a second: answers that could not be written yet, what is new in the feed, and what is due. Raises LedgerFull,
        LedgerPoisoned, Unavailable; what was not done is done the next time."""
        self._write_answers()
        sites = self._service.directory.sites
        hooks = [Hook(one.lane, one.site_id, one.events.split(","), bool(one.personal)) for one in self.webhooks.values()]
        while self.outbox.follow(self._chats, hooks, sites.get):
            pass
        if now // MINUTE_MS != self._minute:
            self._minute = now // MINUTE_MS
            self._turn_minute(now)
        self._send_due(now)
        self._courier.look()

    def _turn_minute(self, now: int) -> None:
        with self._ledger.transaction():
            self.outbox.expire(now)
        if self._outward.deadman_url and self._service.state().accepting:
            self._courier.carry(Ping(PING, self._outward.deadman_url))

    def _send_due(self, now: int) -> None:
        busy = {lane for lane, _ in self._on_the_way.values()}
        for lane in self.outbox.waiting_lanes(now):
            if lane not in busy and lane in self.names() and self.state(lane).paused_until <= now:
                self._send(lane, now)

    def state(self, lane: str) -> LaneState:
        return self._states.get(lane) or LaneState(lane)

    def _send(self, lane: str, now: int) -> None:
        """The next delivery of a lane, or as many as go together."""
        if lane.startswith(HOOK):
            due = self.outbox.due(lane, now, 1)
            self._carry(lane, due, self._request(self.webhooks[lane], due[0], now))
            return
        sent = self._sent.setdefault(lane, deque(maxlen=MOST_TOGETHER))
        due = self.outbox.due(lane, now, MOST_TOGETHER)
        due = due[: how_many(len(due), sent, now)]
        if due:
            sent.append(now)
            messages = [msgspec.json.decode(one.payload, type=Message) for one in due]
            self._carry(lane, due, self._message(lane, due, messages[0] if len(due) == 1 else digest(messages)))

    def _carry(self, lane: str, due: list[Due], errand: Errand) -> None:
        self._on_the_way[errand.rid] = lane, due
        self._courier.carry(errand)

    def _message(self, lane: str, due: list[Due], message: Message) -> Errand:
        rid, told = self._courier.next_rid(), self._outward
        if lane == TELEGRAM:
            chat = self.state(lane).moved_to or told.telegram_chat
            return SendTelegram(rid, told.telegram_api, told.telegram_token, chat, message.grade, str(message))
        assert told.mailbox is not None
        subject = f"{message.mark} {message.head}"
        return SendEmail(
            rid, told.mailbox, subject, str(message), f"<{due[0].key.replace(':', '.')}@opsmantik-box>", due[0].created_at
        )

    def _request(self, hook: Webhook, due: Due, now: int) -> Errand:
        key = self._service.webhook_key(hook.id)
        return SendWebhook(self._courier.next_rid(), hook.url, signed_headers(key, due.key, due.payload, now), due.payload)

    # --- answers ------------------------------------------------------------------------------------------------------------------

    def took(self, carried: Carried) -> None:
        """How an errand went. What the ledger cannot take now is kept, and the lane waits."""
        if carried.rid == PING:
            now = self._service.clock()
            self.ping_failed_since = None if carried.outcome == "delivered" else self.ping_failed_since or now
            return
        point("after_delivery")
        self._answered.append(carried)
        try:
            self._write_answers()
            self._send_due(self._service.clock())
        except LedgerPoisoned as error:
            self._service.fail(error)
        except BoxError as error:
            log.warning("what became of a delivery is written later", problem=str(error))

    def _write_answers(self) -> None:
        while self._answered:
            self._write(self._answered[0], self._service.clock())
            self._answered.popleft()

    def _write(self, carried: Carried, now: int) -> None:
        """One commit: the deliveries, and how their lane is."""
        lane, due = self._on_the_way[carried.rid]
        state = lane_after(self.state(lane), carried.outcome, carried.detail, now, carried.wait_ms, carried.moved_to)
        with self._ledger.transaction():
            for one in due:
                became = after_attempt(carried.outcome, one.kind, one.attempts + 1, one.deadline, now, carried.wait_ms)
                self.outbox.mark(one, became, carried.detail, now)
            self.outbox.save_lane(state)
        self._states[lane] = state
        del self._on_the_way[carried.rid]

    # --- for people ---------------------------------------------------------------------------------------------------------------

    def facts(self, now: int) -> list[LaneFacts]:
        """For the watch."""
        dead = {lane: counts[2] for lane, counts in self.outbox.counts(now).items()}
        states = [self.state(name) for name in self.names()]
        told = [LaneFacts(one.lane, one.failing_since, dead.get(one.lane, 0), one.last_error) for one in states]
        if self._outward.deadman_url:
            told.append(LaneFacts("dead man's switch", self.ping_failed_since, 0, "no answer"))
        return told

    def describe(self, now: int) -> list[dict[str, Any]]:
        """Every lane that is on, or has something left."""
        counts, on = self.outbox.counts(now), self.names()
        return [
            self._describe(name, counts.get(name, (0, 0, 0, 0)), name in on, now) for name in [*on, *sorted(set(counts) - set(on))]
        ]

    def _describe(self, name: str, counts: tuple[int, int, int, int], is_on: bool, now: int) -> dict[str, Any]:
        state, (waiting, dead, _, delivered) = self.state(name), counts
        word = "off" if not is_on else "stopped" if state.failing_since is not None else "waiting" if waiting else "ok"
        return {
            "lane": name, "state": word, "waiting": waiting, "dead": dead, "delivered_24h": delivered,
            "last_delivered_at": state.last_delivered_at, "paused_until": state.paused_until if state.paused_until > now else None,
            "last_error": state.last_error,
        }  # fmt: skip

    def put_test(self, now: int) -> dict[str, Any]:
        """A test message on every lane of messages. Raises Conflict when none is switched on."""
        if not self._chats:
            raise Conflict(problem="No lane is switched on: set telegram.bot_token and telegram.chat_id, or email.host.")
        message = msgspec.json.encode(Message("info", "Test", f"This Box can reach you. Sent {now}."))
        key = f"test-{now}"
        notices = [Notice(chat.lane, "test", f"{chat.lane}:{key}", message, now, now + KEEP_TRYING_MS) for chat in self._chats]
        with self._ledger.transaction():
            self.outbox.put(notices)
        self._send_due(now)
        return {"lanes": [chat.lane for chat in self._chats], "key": key}

    @property
    def has_chats(self) -> bool:
        """Is there a lane of messages to people?"""
        return bool(self._chats)

    def was_put(self, key: str) -> bool:
        """Was a message put under this key on every lane of messages?"""
        return all(self.outbox.has(f"{chat.lane}:{key}") for chat in self._chats)

    def put(self, kind: str, key: str, message: Message, now: int, deadline: int) -> None:
        """A message on every lane of messages, in the caller's transaction; once for a key."""
        payload = msgspec.json.encode(message)
        self.outbox.put(Notice(chat.lane, kind, f"{chat.lane}:{key}", payload, now, deadline) for chat in self._chats)  # type: ignore[arg-type]

    def close(self) -> None:
        self._courier.kill()

"""Acceptance: decide and store a batch. When `accept` returns, every accepted signal in it survives power loss.

Decisions are made in sequence order, each seeing what the ones before it did: through the ledger's own transaction, and for
sessions through an overlay that a failed commit throws away."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import structlog

from opsmantik_box.domain import months
from opsmantik_box.domain.attribution import LOOKBACK_MS, NAMES, Rank
from opsmantik_box.domain.decisions import Decision, Known, decide, encode_decision, learn
from opsmantik_box.domain.feed import IntentBody, as_json
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.scoring import RETURNING_AD_USER, breakdown, score
from opsmantik_box.domain.signals import Arrival, Signal, Tap, decode_arrival, decode_payload, encode_arrival
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.connections import all_rows, atomically
from opsmantik_box.engine.known_sessions import Key, KnownSessions
from opsmantik_box.engine.leads import join_lead
from opsmantik_box.engine.ledger import SQL, Ledger, disk_error
from opsmantik_box.engine.months import Months
from opsmantik_box.engine.site_counts import News, SiteCounts
from opsmantik_box.errors import BoxError

NEAR_MS = 10_000
"""Two taps without a stamp on the same target within this time are one intent."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Incoming(NamedTuple):
    """A signal of a site, on its way in."""

    site_id: int
    arrival: Arrival


class Answer(NamedTuple):
    """`score` is the session's lead score now."""

    duplicate: bool
    score: int


class Arrived(NamedTuple):
    """A tap or a visit that a call without one waits for: `key` is the tap's target or the visit's fingerprint, `at` the signal's time."""

    site_id: int
    key: str
    at: int


class Acceptance:
    """The one way into the ledger for signals. `conflicts` and `restamped` count what was odd since the start. `meet` is called inside
    a batch's transaction with what calls were waiting for; it is no part of a signal's own way."""

    def __init__(self, ledger: Ledger, found_months: Months, sessions: KnownSessions, counts: SiteCounts) -> None:
        self._ledger, self._months, self._sessions, self._counts = ledger, found_months, sessions, counts
        self.meet: Callable[[Iterable[Arrived], int], None] = lambda _arrived, _now: None
        self.conflicts = self.restamped = self.quarantined = 0

    def accept(self, batch: Sequence[Incoming], now: int, projected: int) -> list[Answer]:
        """All or nothing: on LedgerFull or Unavailable nothing was stored; on LedgerPoisoned the engine must stop. A signal that
        cannot be decided or stored does not take the others along: it goes to quarantine."""
        try:
            return self._store(batch, now, projected, one_by_one=False)
        except BoxError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one signal did, the others of its batch get their chance
            log.warning("a batch is run again one by one", problem=repr(error), signals=len(batch))
            return self._store(batch, now, projected, one_by_one=True)

    def _store(self, batch: Sequence[Incoming], now: int, projected: int, *, one_by_one: bool) -> list[Answer]:
        writing = Writing(self._ledger, self._months, self._sessions, now)
        put = writing.put_safely if one_by_one else writing.put
        try:
            with self._ledger.transaction():
                self._ledger.processed.turn_to(now)
                answers = [put(incoming) for incoming in batch]
                self._finish(writing, now)
        except BaseException:
            self._ledger.processed.forget()
            raise
        self._merge(writing, projected)
        self._counts.note(writing.people, writing.news, now)
        for site_id in writing.quarantined:
            self._counts.minutes.add(now, site_id, "quarantined")
        return answers

    def retry_quarantined(self, now: int, projected: int) -> tuple[int, int]:
        """Decide again what is in quarantine; (stored now, still there)."""
        writing = Writing(self._ledger, self._months, self._sessions, now)
        with self._ledger.transaction():
            self._ledger.processed.turn_to(now)
            found = all_rows(self._ledger.db, SQL["list_quarantined"])
            stored = sum(writing.retry(Incoming(site_id, decode_arrival(kept)), seq) for seq, site_id, kept in found)
            self._finish(writing, now)
        self._merge(writing, projected)
        return stored, len(found) - stored

    def _finish(self, writing: "Writing", now: int) -> None:
        """The batch's rows; then the calls that waited for one of them. A fault there costs a match, never a signal."""
        writing.finish()
        if not writing.arrived:
            return
        try:
            with self._sessions.deciding(writing.overlay), atomically(self._ledger.db):
                self.meet(writing.arrived, now)
        except BoxError:
            raise
        except Exception as error:
            if (fault := disk_error(error)) is not None:
                raise fault from error
            log.error("[CALL_FAULT]", kind=type(error).__name__)

    def _merge(self, writing: "Writing", projected: int) -> None:
        self._sessions.merge(writing.overlay, projected)
        self._ledger.arrivals.note(writing.heard)
        self.conflicts += writing.conflicts
        self.restamped += writing.restamped
        self.quarantined += len(writing.quarantined)


class Writing:
    """One batch inside its transaction."""

    def __init__(self, ledger: Ledger, found_months: Months, sessions: KnownSessions, now: int) -> None:
        self._ledger, self._months, self._sessions, self._now = ledger, found_months, sessions, now
        self._db = ledger.db
        self._rows: list[tuple[int, int, bytes, int, bytes, bytes | None]] = []
        self._reach: dict[str, int] = {}
        self.heard: list[Incoming] = []
        self.overlay: dict[Key, Known] = {}
        self.arrived: set[Arrived] = set()
        self.people: set[int] = set()
        self.news: list[News] = []
        self.quarantined: list[int] = []
        self.conflicts = self.restamped = 0

    def put(self, incoming: Incoming) -> Answer:
        """Decide one signal and write what follows from it."""
        site_id, arrival = incoming
        seq = self._ledger.next_seq
        if not self._ledger.processed.claim(site_id, arrival.event_ids, arrival.signal.received_at, seq, arrival.payload_hash):
            return self._repeat(incoming)
        return self.admit(incoming)

    def admit(self, incoming: Incoming) -> Answer:
        """Decide a signal whose id is taken for it."""
        site_id, arrival = incoming
        signal, seq = arrival.signal, self._ledger.next_seq
        key = (site_id, signal.sid)
        before = self._known(key)
        known = before or Known(self._choose_month(signal))
        decision = self._decide(site_id, arrival, known)
        after = learn(known, decision, seq)
        self._follow(site_id, signal, known, after)
        self._note_arrival(site_id, signal, intent=decision.intent)
        if not (after.is_bot or after.is_internal):
            self._note(site_id, before, after, decision.intent)
        self.overlay[key] = after
        self._rows.append((seq, site_id, arrival.event_ids[0], signal.received_at, arrival.payload, encode_decision(decision)))
        self.heard.append(incoming)
        self._reach[after.month] = seq
        self._ledger.next_seq = seq + 1
        return Answer(False, score(after.fired))

    def _note(self, site_id: int, before: Known | None, after: Known, intent: bool) -> None:
        """A person was heard of; and what that adds to what the site has."""
        self.people.add(site_id)
        click = after.rank == Rank.FIRST_CLICK and (before is None or before.rank != Rank.FIRST_CLICK)
        if before is None or click or intent:
            self.news.append(News(site_id, before is None, click, intent))

    def put_safely(self, incoming: Incoming) -> Answer:
        """The same under a savepoint, stored at once; a signal that fails is kept in quarantine and answered with the last score."""
        try:
            return self._under_savepoint(self.put, incoming)
        except BoxError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the signal is kept
            return self._quarantine(incoming, error)

    def retry(self, incoming: Incoming, seq: int) -> bool:
        """A quarantined signal once more; it moves to the end of the sequence, past which no month file is. Whether it went well."""

        def again(incoming: Incoming) -> Answer:
            self._db.execute(SQL["forget_signal"], (seq,))
            self._ledger.processed.release(incoming.site_id, incoming.arrival.event_ids[0])
            return self.admit(incoming)

        try:
            self._under_savepoint(again, incoming)
        except BoxError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the signal is kept
            log.warning("still in quarantine", seq=seq, problem=repr(error))
            return False
        return True

    def _under_savepoint(self, write: Callable[[Incoming], Answer], incoming: Incoming) -> Answer:
        """What fails leaves no trace, neither in the database nor here."""
        seq, overlay, reach = self._ledger.next_seq, dict(self.overlay), dict(self._reach)
        heard, news = len(self.heard), len(self.news)
        try:
            with atomically(self._db):
                answer = write(incoming)
                self._flush()
        except BaseException as error:  # noqa: BLE001 - raised again, by what it means for the disk
            self._ledger.next_seq, self.overlay, self._reach = seq, overlay, reach
            self._rows.clear()
            del self.heard[heard:], self.news[news:]
            raise disk_error(error) or error from None
        return answer

    def finish(self) -> None:
        """The rows of the batch, and what the month files must reach."""
        self._flush()
        for month, seq in self._reach.items():
            self._ledger.reach(month, seq, self._now)

    def _flush(self) -> None:
        self._ledger.append(self._rows)
        self._rows.clear()

    def _known(self, key: Key) -> Known | None:
        return self.overlay.get(key) or self._sessions.get(key)

    def _choose_month(self, signal: Signal) -> str:
        this = months.month_of(signal.received_at)
        return months.choose_month(
            signal.month_hint, signal.at, signal.received_at, self._months.closed, self._months.oldest_open(this)
        )

    def _repeat(self, incoming: Incoming) -> Answer:
        site_id, arrival = incoming
        if self._ledger.processed.conflicts(site_id, arrival.event_ids[0], arrival.payload_hash):
            self.conflicts += 1
        known = self._known((site_id, arrival.signal.sid))
        return Answer(True, score(known.fired) if known else 0)

    def _decide(self, site_id: int, arrival: Arrival, known: Known) -> Decision:
        signal = arrival.signal
        returning = bool(known.fired & RETURNING_AD_USER) or self._has_returned(site_id, signal)
        self._touch(site_id, signal)
        decision = decide(site_id, signal, known, returning, intent=False)
        if signal.tap and self._add_intent(site_id, arrival, signal.tap, decision, known):
            return decide(site_id, signal, known, returning, intent=True)
        return decision

    def _has_returned(self, site_id: int, signal: Signal) -> bool:
        if not signal.fingerprint:
            return False
        prefix = signal.address_prefix if signal.weak else ""
        asked = (site_id, signal.fingerprint, signal.at, signal.at - LOOKBACK_MS, uuid_text(signal.sid), prefix)
        return self._db.execute(SQL["has_returned"], asked).get is not None

    def _touch(self, site_id: int, signal: Signal) -> None:
        click = signal.click
        if click is None:
            return
        statement = SQL["add_touch" if click.in_url else "add_untimed_touch"]
        strength = "weak" if signal.weak else "strong"
        self._db.execute(
            statement,
            (site_id, signal.fingerprint, click.kind, click.id, signal.at, uuid_text(signal.sid), signal.address_prefix, strength),
        )

    def _add_intent(self, site_id: int, arrival: Arrival, tap: Tap, decision: Decision, known: Known) -> bool:
        """A row of `calls` and of the feed, unless this tap is known already; whether it was new."""
        session = uuid_text(arrival.signal.sid)
        stamp = self._own_stamp(site_id, arrival, tap, session)
        if stamp is None:
            return False
        row: dict[str, Any] = self._intent_row(site_id, arrival, tap, decision, known) | {"stamp": stamp}
        row["id"] = self._db.execute(SQL["add_intent"], row | {"breakdown": as_json(row["breakdown"])}).get
        visitor = None if arrival.signal.weak else row["fingerprint"]
        row["lead"] = join_lead(self._db, row["id"], site_id, row["at"], session=session, fingerprint=visitor, phone_hash=None)
        self._ledger.add_feed(self._now, "intent", site_id, row["id"], as_json(_intent_body(row)))
        return True

    def _own_stamp(self, site_id: int, arrival: Arrival, tap: Tap, session: str) -> str | None:
        """The stamp the new intent gets; None when there is an intent for this tap."""
        made = f"box-{arrival.event_ids[0].hex()}"
        if not tap.stamp:
            at = arrival.signal.at
            near = (session, site_id, tap.action, tap.target, at - NEAR_MS, at + NEAR_MS)
            return None if self._db.execute(SQL["find_near_tap"], near).get is not None else made
        owner = self._db.execute(SQL["find_stamp"], (site_id, tap.stamp)).get
        if owner is None:
            return tap.stamp
        if owner in (session, ""):
            return None
        self.restamped += 1
        return made

    def _intent_row(self, site_id: int, arrival: Arrival, tap: Tap, decision: Decision, known: Known) -> dict[str, Any]:
        signal = arrival.signal
        fired, rank = known.fired | decision.fired, min(known.rank, decision.rank)
        click = signal.click
        return {
            "site_id": site_id,
            "at": signal.at,
            "received_at": signal.received_at,
            "session_id": uuid_text(signal.sid),
            "month": decision.month,
            "fingerprint": signal.fingerprint or None,
            "score": score(fired),
            "breakdown": breakdown(fired),
            "attribution": NAMES[Rank(rank)],
            "rank": rank,
            "is_bot": int(known.is_bot or bool(signal.bot_reason)),
            "is_internal": int(known.is_internal or signal.internal),
            "source": "form" if tap.action == "form" else "click",
            "action": tap.action,
            "target": tap.target,
            "page": decode_payload(arrival.payload).u,
            "position": tap.position,
            "click_id": click.id if click else None,
            "click_kind": click.kind if click else None,
            "click_at": self._click_time(site_id, signal),
            "consent": signal.consent,
            "device": signal.device,
            "place": signal.district or signal.city,
        }

    def _click_time(self, site_id: int, signal: Signal) -> int | None:
        if signal.click is None:
            return None
        return self._db.execute(SQL["find_touch"], (site_id, signal.fingerprint, signal.click.kind, signal.click.id)).get

    def _follow(self, site_id: int, signal: Signal, before: Known, after: Known) -> None:
        """Intents and calls show what is known of their session now."""
        told = (after.rank, score(after.fired), after.is_bot, after.is_internal)
        followed = after.intents or (site_id, signal.sid) in self._sessions.contacted
        if followed and told != (before.rank, score(before.fired), before.is_bot, before.is_internal):
            shown = (NAMES[Rank(after.rank)], told[1], int(after.is_bot), int(after.is_internal))
            self._db.execute(SQL["follow_session"], (*shown, uuid_text(signal.sid), site_id))

    def _note_arrival(self, site_id: int, signal: Signal, *, intent: bool) -> None:
        """Is it what a call without a visit waits for? Hardly ever: two looks into a set."""
        awaited = self._sessions.awaited
        if (site_id, signal.fingerprint) in awaited:
            self.arrived.add(Arrived(site_id, signal.fingerprint, signal.at))
        if intent and signal.tap and (site_id, signal.tap.target) in awaited:
            self.arrived.add(Arrived(site_id, signal.tap.target, signal.at))

    def _quarantine(self, incoming: Incoming, error: Exception) -> Answer:
        site_id, arrival = incoming
        seq, event_id = self._ledger.next_seq, arrival.event_ids[0]
        self._ledger.processed.claim(site_id, arrival.event_ids, arrival.signal.received_at, seq, arrival.payload_hash)
        self._ledger.processed.quarantine(site_id, event_id, repr(error))
        kept = encode_arrival(arrival)
        self._ledger.append([(seq, site_id, event_id, arrival.signal.received_at, kept, None)])
        self._ledger.next_seq = seq + 1
        text = f"A signal could not be decided ({type(error).__name__}); it is kept."
        self._ledger.alert(Code.QUARANTINE, text, self._now, site_id)
        self.quarantined.append(site_id)
        known = self._known((site_id, arrival.signal.sid))
        return Answer(False, score(known.fired) if known else 0)


def _intent_body(row: dict[str, Any]) -> IntentBody:
    return IntentBody(
        id=row["id"], lead=row["lead"], at=row["at"],
        action=row["action"], target=row["target"], page=row["page"], position=row["position"],
        session=row["session_id"], session_month=row["month"], score=row["score"], breakdown=row["breakdown"],
        attribution=row["attribution"], device=row["device"], place=row["place"], is_bot=bool(row["is_bot"]),
        is_internal=bool(row["is_internal"]), rank=row["rank"],
    )  # fmt: skip

"""The writing of one batch inside its transaction: each signal is claimed, decided, and what follows from it is written.

Decisions are made in sequence order, each seeing what the ones before it did: through the ledger's own transaction, and for
sessions through an overlay that a failed commit throws away."""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from opsmantik_box.domain import months
from opsmantik_box.domain.attribution import LOOKBACK_MS, NAMES, Rank
from opsmantik_box.domain.decisions import Decision, Known, decide, encode_decision, learn
from opsmantik_box.domain.ids import uuid_text
from opsmantik_box.domain.scoring import RETURNING_AD_USER, score
from opsmantik_box.domain.signals import Arrival, Signal, encode_arrival
from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.engine.connections import atomically
from opsmantik_box.engine.known_sessions import Key, KnownSessions
from opsmantik_box.engine.ledger import SQL, Ledger, disk_error
from opsmantik_box.engine.months import Months
from opsmantik_box.engine.site_counts import News
from opsmantik_box.engine.taps import Taps
from opsmantik_box.errors import BoxError

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
        self.taps, self.conflicts = Taps(ledger, now), 0

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
        if signal.tap and self.taps.add(site_id, arrival, signal.tap, decision, known):
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

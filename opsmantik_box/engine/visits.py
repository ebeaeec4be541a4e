"""The visits a call or form may have come from, also those that are not in their month file yet. Finds; decides nothing."""

from typing import Any, NamedTuple

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.decisions import Known, decode_decision
from opsmantik_box.domain.feed import as_json
from opsmantik_box.domain.ids import event_id, uuid_text
from opsmantik_box.domain.matching import Candidate, Match
from opsmantik_box.domain.scoring import breakdown, score
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.month_file import BROKEN, MonthFile
from opsmantik_box.errors import MonthDamaged
from opsmantik_box.sql import load

SQL = load("calls")
MONTH_SQL = load("engine_month")


UNMATCHED: dict[str, Any] = {
    "matched_session_id": None, "matched_session_month": None, "matched_fingerprint": None, "match_how": "", "match_likelihood": None,
    "matched_at": None, "lead_score": 0, "lead_score_at_match": None, "score_breakdown": "{}", "attribution_at_tap": None,
    "attribution_rank_at_tap": None, "attribution_source": None, "is_bot": 0, "is_internal": 0,
}  # fmt: skip
"""What a row says of its visit while there is none."""


class _Span(NamedTuple):
    """The time from a session's first to its last event; `weak`: its fingerprint is one that identical phones share."""

    started_at: int
    last_event_at: int
    weak: bool


class Visits:
    """Looks into the open months, and at the signals behind them: there are few, since a call is only taken when a signal would be."""

    def __init__(self, core: Core) -> None:
        self._core, self._db = core, core.ledger.db

    def of_fingerprint(self, site_id: int, fingerprint: str) -> list[Candidate]:
        """The visitor's sessions. Raises MonthDamaged."""
        spans: dict[bytes, _Span] = {}
        for file in self._core.months.files():
            for session, started_at, last_event_at, strength in _rows(file, site_id, fingerprint):
                spans[event_id(session) or b""] = _Span(started_at, last_event_at, strength == "weak")
        self._add_unprojected(site_id, fingerprint, spans)
        found = ((self.known(site_id, session), session, span) for session, span in spans.items())
        return [_candidate(session, known, span) for known, session, span in found if known is not None]

    def _add_unprojected(self, site_id: int, fingerprint: str, spans: dict[bytes, _Span]) -> None:
        for (decision,) in all_rows(self._db, SQL["read_unprojected"], (self._core.projector.cursor, site_id)):
            signal = decode_decision(decision).signal
            before = spans.get(signal.sid)
            if before is not None:
                first, last = min(before.started_at, signal.at), max(before.last_event_at, signal.at)
                spans[signal.sid] = _Span(first, last, before.weak)
            elif signal.fingerprint == fingerprint:
                spans[signal.sid] = _Span(signal.at, signal.at, signal.weak)

    def of_target(self, site_id: int, target: str, span: tuple[int, int]) -> list[Candidate]:
        """The taps on a target within `span` (the second outside). Raises MonthDamaged."""
        found: list[Candidate] = []
        for tap_id, at, session in all_rows(self._db, SQL["find_taps"], (site_id, *span, target)):
            key = event_id(session) or b""
            known = self.known(site_id, key)
            if known is not None:
                found.append(_candidate(key, known, _Span(at, at, weak=False), tap_id))
        return found

    def of_session(self, site_id: int, session: bytes, at: int) -> Candidate | None:
        """That very session, whenever it was; None when there is none. Raises MonthDamaged."""
        known = self.known(site_id, session)
        return None if known is None else _candidate(session, known, _Span(at, at, weak=False))

    def known(self, site_id: int, session: bytes) -> Known | None:
        """What is known of a session now, signals not yet projected included. Raises MonthDamaged."""
        return self._core.sessions.get((site_id, session))

    def columns(self, site_id: int, found: Match, now: int) -> dict[str, Any]:
        """What a row says of the visit that was chosen for it: at the match what its candidate says, and what is known now. (In a closed
        month nothing changes any more.)"""
        chosen = found.chosen
        assert chosen is not None
        known = self.known(site_id, event_id(chosen.session_id) or b"")
        now_score, now_rank = (score(known.fired), known.rank) if known else (chosen.score, chosen.rank)
        return {
            "matched_session_id": chosen.session_id, "matched_session_month": chosen.session_month, "match_how": found.how,
            "match_likelihood": chosen.likelihood, "matched_at": now, "lead_score": now_score,
            "lead_score_at_match": chosen.score, "score_breakdown": as_json(chosen.breakdown),
            "attribution_at_tap": NAMES[Rank(chosen.rank)], "attribution_rank_at_tap": chosen.rank,
            "attribution_source": NAMES[Rank(now_rank)],
            "is_bot": int(known is not None and known.is_bot), "is_internal": int(known is not None and known.is_internal),
        }  # fmt: skip


def _rows(file: MonthFile, site_id: int, fingerprint: str) -> list[tuple[Any, ...]]:
    try:
        return all_rows(file.db, MONTH_SQL["find_visits"], (site_id, fingerprint))
    except BROKEN as error:
        raise MonthDamaged(month=file.month, problem=str(error)) from error


def _candidate(session: bytes, known: Known, span: _Span, tap_id: int | None = None) -> Candidate:
    return Candidate(
        uuid_text(session), known.month, span.started_at, span.last_event_at, score(known.fired), breakdown(known.fired),
        known.rank, tap_id, span.weak,
    )  # fmt: skip

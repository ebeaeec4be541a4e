"""What must hold at all times of calls, verdicts and work: I12, I13, and that a call and its session agree. Read from a dead Box's ledger.

Every row of the feed is a version of the row it is about: so the feed alone tells whether each change was told, once, and in order."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from opsmantik_box.domain.attribution import NAMES, Rank
from opsmantik_box.domain.ids import event_id
from opsmantik_box.domain.scoring import score

if TYPE_CHECKING:
    from tests.fault.invariants import Stored

FIRST = {"intent", "call"}
"""Topics that may tell the first version of a row."""


def check_desk(ledger: apsw.Connection, stored: "list[Stored]") -> None:
    calls = rows(ledger, "select * from calls order by id")
    told = [row | {"body": msgspec.json.decode(row["body"])} for row in rows(ledger, "select * from feed order by seq")]
    check_every_version_is_told(ledger, calls, told)
    check_verdicts(ledger, calls, told)
    check_work(ledger, told)
    check_claims(told)
    check_picks(ledger, told)
    check_sessions(calls, stored, {month for (month,) in ledger.execute("select month from trimmed")})


def rows(ledger: apsw.Connection, sql: str) -> list[dict[str, Any]]:
    cursor = ledger.execute(sql)
    found = cursor.fetchall()
    names = [column[0] for column in ledger.execute(sql).description] if found else []
    return [dict(zip(names, row, strict=True)) for row in found]


def check_every_version_is_told(ledger: apsw.Connection, calls: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    """I13: one row of the feed for every version of an intent, call or lead, in order; `rang` tells a lead's version again."""
    versions: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for row in told:
        if row["topic"] not in {"alert", "erased"} and row["body"].get("kind") != "rang":
            versions["lead" if row["topic"] == "work" else "row", int(row["ref"])].append(row["version"])
    expected = {("row", row["id"]): list(range(1, row["version"] + 1)) for row in calls}
    leads = rows(ledger, "select id, version from leads where version > 0")
    assert versions == expected | {("lead", row["id"]): list(range(1, row["version"] + 1)) for row in leads}, "I13"
    first = {int(row["ref"]): row["topic"] for row in told if row["version"] == 1 and row["topic"] in FIRST}
    assert first == {row["id"]: "call" if row["source"] == "call" else "intent" for row in calls}, "I13: first words"


def check_verdicts(ledger: apsw.Connection, calls: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    """I12: the trail is what the feed told, line by line; and a row stands as the last line of its trail says."""
    trail = rows(ledger, "select * from verdicts order by id")
    said = [row["body"] for row in told if row["topic"] == "verdict"]
    assert [_line(one["new"], one["old"]["status"], one["by"]) for one in said] == [
        (one["call_id"], one["from_status"], one["to_status"], one["amount"], one["currency"], one["note"], one["by"])
        for one in trail
    ], "I12: feed and trail"
    last = {one["call_id"]: (one["to_status"], one["amount"], one["currency"], one["note"]) for one in trail}
    for row in calls:
        stands = row["status"], row["sale_amount"], row["currency"], row["note"]
        unjudged = None if row["source"] == "call" else "intent"
        expected = last.get(row["id"], (unjudged, None, None, ""))
        by_the_box = row["source"] == "call" and {stands[0], expected[0]} <= {None, "suspicious"} and stands[1:] == expected[1:]
        assert stands == expected or by_the_box, f"I12: row {row['id']}"


def _line(new: dict[str, Any], before: str | None, by: int | None) -> tuple[Any, ...]:
    return new["id"], before, new["status"], new["sale_amount"], new["currency"], new["note"], by


def check_work(ledger: apsw.Connection, told: list[dict[str, Any]]) -> None:
    """I13: as many attempts, notes and rung reminders as were told; one open reminder a lead."""
    kinds = [row["body"]["kind"] for row in told if row["topic"] == "work"]
    for kind, counted in (("attempt", "attempts"), ("note", "notes"), ("rang", "reminders where rang_at is not null")):
        assert kinds.count(kind) == ledger.execute(f"select count(*) from {counted}").get, f"I13: {kind}"
    assert ledger.execute("select count(*) from reminders where closed_at is null group by lead_id having count(*) > 1").get is None


def check_claims(told: list[dict[str, Any]]) -> None:
    """Of two who claim at once exactly one wins: nobody is given what another has, unless he takes it over."""
    held: dict[str, Any] = {}
    for row in told:
        body = row["body"]
        if row["topic"] != "work" or body["kind"] not in ("claimed", "taken_over", "released"):
            continue
        old, before = body["old"], held.get(row["ref"])
        if old is not None:
            assert before is not None, "somebody had it whom nobody gave it"
            assert (old["by"], old["since"]) == (before["by"], before["since"])
            assert old["until"] >= before["until"]
        free = old is None or old["until"] <= body["at"]
        assert free == (body["kind"] == "claimed"), body
        assert body["kind"] != "taken_over" or old["by"] != body["by"]
        assert body["kind"] != "released" or old["by"] == body["by"]
        held[row["ref"]] = body["new"]


def check_picks(ledger: apsw.Connection, told: list[dict[str, Any]]) -> None:
    """What a person picked only a person changes: as many changes to and from a pick as are on record."""
    stands: dict[str, tuple[str, str | None]] = {}
    changes: defaultdict[str, int] = defaultdict(int)
    for row in told:
        if row["topic"] == "call":
            before, now = stands.get(row["ref"], ("", None)), (row["body"]["how"], row["body"]["session"])
            changes[row["ref"]] += before != now and "operator" in (before[0], now[0])
            stands[row["ref"]] = now
    record = "select ref, count(*) from audit_log where action in ('visit picked', 'pick taken back') group by ref"
    assert {ref: times for ref, times in changes.items() if times} == dict(ledger.execute(record).fetchall()), "a pick was changed"


def check_sessions(calls: list[dict[str, Any]], stored: "list[Stored]", trimmed: set[str]) -> None:
    """A call (tap, form) and its session agree: the month it lives in, its score, its attribution, whether it is a bot's. Of a month
    that was trimmed nothing is left to compare."""
    sessions: defaultdict[tuple[int, bytes], list[Any]] = defaultdict(list)
    for one in stored:
        if one.decision is not None:
            sessions[one.decision.site_id, one.decision.signal.sid].append(one.decision)
    for row in calls:
        if row["matched_session_id"] is None:
            assert (row["lead_score_at_match"], row["matched_session_month"], row["lead_score"]) == (None, None, 0)
            continue
        if row["matched_session_month"] in trimmed:
            continue
        visit = sessions[row["site_id"], event_id(row["matched_session_id"]) or b""]
        months = {decision.month for decision in visit}
        assert row["matched_session_month"] in months, f"row {row['id']} and its session are in two months"
        if len(months) > 1:
            continue  # it was closed, and its visitor came back: another session of the same id
        fired, rank = 0, Rank.ORGANIC
        for decision in visit:
            fired, rank = fired | decision.fired, min(rank, Rank(decision.rank))
        assert (row["lead_score"], row["attribution_source"]) == (score(fired), NAMES[rank]), f"row {row['id']} and its session"
        assert (row["lead_score_at_match"] or 0) <= row["lead_score"]
        assert bool(row["is_bot"]) == any(decision.signal.bot_reason for decision in visit)

"""The operator's first screen in one request, and a lead in full."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.domain.queue import MOST_CONTACTS, OPEN_MS, RECENT_MS, ask_queue
from opsmantik_box.gateway.reads import Reads
from tests.harness import Box, fetch
from tests.integration.desk_kit import Work, prepare
from tests.reading_data import NOON, PHONE, WHATSAPP, Folder, with_reads

DAY = 86_400_000


@pytest.fixture(scope="module")
def work(box: Box) -> Work:
    return prepare(box)


def queue(work: Work, query: str = "", who: int = 0) -> dict[str, Any]:
    return work.box.get(f"/api/v1/queue{query}", work.tokens[who])


def lead_of(page: dict[str, Any], row: int) -> dict[str, Any]:
    return next(one for one in page["leads"] if row in [contact["id"] for contact in one["contacts"]])


def form(work: Work, **fields: str) -> int:
    own = work._replace(tokens=(work.box.site_token("antika"),) * 2)
    status, told = own.ask("/leads", {"phone": "0532 123 45 67"} | fields)
    assert status == 200, told
    return told["id"]


# --- the first screen -------------------------------------------------------------------------------------------------------------


def test_one_request_draws_the_first_screen(work: Work) -> None:
    sid = str(uuid.uuid4())
    tap = work.tap(sid=sid)
    chat = work.tap(sid=sid, ea="whatsapp", el="https://wa.me/905321234567")
    work.box.wait_projected()
    work.ask(f"/intents/{chat}/claim")
    work.ask(f"/intents/{chat}/attempt", {"outcome": "busy"})
    work.ask(f"/intents/{chat}/attempt", {"outcome": "call_later", "when": "1h"}, who=1)
    work.ask(f"/intents/{chat}/note", {"note": "kapali"})
    page = queue(work)
    assert page["me"]["name"] == "bir antika"
    assert [one["name"] for one in page["people"]] == ["bir antika", "iki antika"]
    [site] = page["sites"]
    assert (site["id"], site["rights"], site["answer_target_ms"]) == (work.site, "operate", 300_000)
    assert site["opening_hours"] == {"mon-sat": "09:00-19:00"}
    lead = lead_of(page, chat)
    assert (lead["lead"], lead["site_id"], lead["contact_count"]) == (tap, work.site, 2)
    assert [(one["id"], one["intent_action"], one["device"]) for one in lead["contacts"]] == [
        (chat, "whatsapp", "desktop"), (tap, "phone", "desktop"),
    ]  # fmt: skip
    done = lead["work"]
    assert (done["version"], done["claimed_by"], done["attempts"], done["notes"]) == (4, "bir antika", 2, 1)
    assert done["claim"]["by"] == page["me"]["id"]
    last = done["last_attempt"]
    assert (last["call"], last["who"], last["outcome"], last["again_at"]) == (
        chat, "iki antika", "call_later", done["reminder"]["due_at"],
    )  # fmt: skip
    assert done["first_attempt_at"] <= last["at"] <= page["now"]
    [row] = [one for one in work.box.get(f"/api/v1/sites/{work.site}/intents", work.tokens[1])["intents"] if one["id"] == chat]
    assert row["work"] == done
    assert {name: value for name, value in row.items() if name != "work"}.items() <= lead["contacts"][0].items()


def test_a_forms_sender_is_shown_masked(work: Work) -> None:
    row = form(work, name="Ayse Yildiz", email="ayse@example.com", phone="")
    shown = lead_of(queue(work), row)["contacts"][0]
    assert [shown[name] for name in ("masked_number", "masked_name", "masked_email")] == ["", "A***", "a***@***"]
    row = form(work)
    shown = lead_of(queue(work), row)["contacts"][0]
    assert [shown[name] for name in ("masked_number", "masked_name", "masked_email")] == ["+90 532 *** 45 67", "", ""]


def test_a_released_or_ended_claim_is_none(work: Work) -> None:
    row = work.tap()
    assert lead_of(queue(work), row)["work"]["claim"] is None
    work.ask(f"/intents/{row}/claim")
    assert lead_of(queue(work), row)["work"]["claim"] is not None
    work.ask(f"/intents/{row}/release")
    done = lead_of(queue(work), row)["work"]
    assert (done["claim"], done["claimed_by"], done["version"]) == (None, "", 2)


def test_a_page_and_the_stream_from_it_miss_nothing(work: Work) -> None:
    page = queue(work)
    row = work.tap()
    assert lead_of(queue(work), row)
    epoch, seq = page["feed"].split("-")
    told = work.box.get(f"/api/v1/sites/{work.site}/intents?limit=1", work.tokens[0])
    assert told["feed"] == f"{epoch}-{int(seq) + 1}"


def test_the_oldest_are_left_out_and_it_says_so(work: Work) -> None:
    rows = [work.tap() for _ in range(3)]
    page = queue(work, "?limit=2")
    assert page["cut"]
    assert [one["lead"] for one in page["leads"]] == [rows[2], rows[1]]
    for wrong in ("?limit=0", "?limit=1001", "?site=x"):
        assert fetch(f"{work.box.url}/api/v1/queue{wrong}", headers={"Authorization": f"Bearer {work.tokens[0]}"})[0] in (400, 404)


def test_of_one_site_or_of_all_that_i_see(box: Box, work: Work) -> None:
    other = prepare(box, "hali")
    row = other.tap(host="hali.example")
    box.call("grant", user="bir@antika.example", site=other.site, rights="read")
    both = queue(work)
    assert {(one["id"], one["rights"]) for one in both["sites"]} == {(work.site, "operate"), (other.site, "read")}
    assert {one["site_id"] for one in both["leads"]} == {work.site, other.site}
    one = queue(work, f"?site={other.site}")
    assert [site["id"] for site in one["sites"]] == [other.site]
    assert [lead["lead"] for lead in one["leads"]] == [row]
    assert [person["name"] for person in one["people"]] == ["bir antika", "bir hali", "iki hali"]
    assert other.site not in json.dumps(queue(work, who=1))


# --- which leads ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def shown(folder: Folder, *sites: int) -> set[int]:
    """The leads of these sites' queue at noon."""

    async def ask(reads: Reads) -> set[int]:
        return set((await reads.queue(NOON, sites)).contacts)

    return with_reads(folder, ask)


MISSED = {"source": "call", "call_state": "missed", "intent_stamp": None}


def test_old_leads_stay_while_there_is_something_to_do(folder: Folder) -> None:
    site, _ = folder.site("meins")
    old, week = NOON - RECENT_MS - 1, NOON - OPEN_MS
    stays = {
        folder.call(site, NOON - RECENT_MS, PHONE),
        folder.call(site, week, MISSED, status=None),
        folder.call(site, week, {"source": "form", "intent_action": "form"}),
    }
    for kind, more in (
        (PHONE, {}), (WHATSAPP, {}), (MISSED, {"status": "junk"}), (MISSED, {"status": None, "direction": "outbound"}),
        ({"source": "form", "intent_action": "form"}, {"status": "real"}), (MISSED | {"call_state": "ended"}, {"status": None}),
    ):  # fmt: skip
        folder.call(site, old, kind, **more)
    folder.call(site, week - 1, MISSED, status=None)
    folder.call(site, NOON, PHONE, is_bot=1)
    folder.call(site, NOON, PHONE, is_internal=1)
    user = folder.add("users", email="op@a.example", created_at=1)
    reminded, closed, claimed, ended = (folder.call(site, NOON - 90 * DAY, PHONE) for _ in range(4))
    folder.add("reminders", site_id=site, lead_id=reminded, at=1, by=user, due_at=NOON + 5 * DAY)
    folder.add("reminders", site_id=site, lead_id=closed, at=1, by=user, due_at=NOON, closed_at=NOON)
    for lead, until in ((claimed, NOON + 1), (ended, NOON)):
        folder.add("leads", id=lead, site_id=site, claimed_by=user, claimed_since=1, claimed_until=until)
    assert shown(folder, site) == stays | {reminded, claimed}
    other, _ = folder.site("fremd")
    assert shown(folder, other) == set()
    folder.close()


def test_who_taps_a_thousand_times_pushes_nobody_out(folder: Folder) -> None:
    site, _ = folder.site("meins")
    quiet, first = folder.call(site, NOON - 3_600_000, PHONE), folder.call(site, NOON - 2_000_000, PHONE)
    for number in range(6_000):
        folder.call(site, NOON - 1_000_000 + number, PHONE, lead_id=first)

    async def ask(reads: Reads) -> None:
        contacts = (await reads.queue(NOON, (site,))).contacts
        assert set(contacts) == {quiet, first}
        assert (len(contacts[first]), contacts[first][0][-1]) == (MOST_CONTACTS, 6_001)

    with_reads(folder, ask)
    folder.close()


def test_a_full_day_of_25_sites_is_read_in_a_moment(folder: Folder) -> None:
    """5,000 leads of half a year, 800 of them of today: the queue costs what it shows, not what there is."""
    sites = [folder.site(f"s{number}")[0] for number in range(25)]
    for site in sites:
        folder.ledger.execute("begin")
        for number in range(200):
            at = NOON - number * (60_000 if number < 32 else DAY)
            folder.call(site, at, MISSED if number % 4 == 0 else PHONE, status=None if number % 4 == 0 else "intent")
        folder.ledger.execute("commit")

    async def ask(reads: Reads) -> float:
        times = []
        for _ in range(12):
            started = time.perf_counter()
            assert len((await reads.queue(NOON, sites)).contacts) >= 800
            times.append(time.perf_counter() - started)
        return sorted(times)[6]

    assert with_reads(folder, ask) < 0.25
    folder.close()


# --- a lead in full ---------------------------------------------------------------------------------------------------------------


def test_a_lead_in_full_tells_everything_that_happened_to_it(work: Work) -> None:
    fingerprint = f"fp_{uuid.uuid4().hex[:16]}"
    before = str(uuid.uuid4())
    work.box.send(work.site, sid=before, meta={"fp": fingerprint}, ts=1, u="https://antika.example/dun")
    sid = str(uuid.uuid4())
    row = work.tap(sid=sid, meta={"fp": fingerprint})
    work.box.wait_projected()
    work.ask(f"/intents/{row}/note", {"note": "bir"})
    work.ask(f"/intents/{row}/note", {"note": "iki"}, who=1)
    work.ask(f"/intents/{row}/reminder", {"when": "15m"})
    work.ask(f"/intents/{row}/attempt", {"outcome": "reached"})
    work.verdict(row, "confirmed", 1, sale_amount=100, currency="TRY")
    work.ask(f"/intents/{row}/undo", {"version": 2})
    told = work.box.get(f"/api/v1/sites/{work.site}/intents/{row}", work.tokens[0])
    assert [(one["note"], one["who"], one["call"]) for one in told["notes"]] == [
        ("iki", "iki antika", row),
        ("bir", "bir antika", row),
    ]
    assert [(one["outcome"], one["who"]) for one in told["attempts"]] == [("reached", "bir antika")]
    assert [one["closed_at"] is None for one in told["reminders"]] == [False]
    assert [(one["from_status"], one["to_status"], one["amount"]) for one in told["verdicts"]] == [
        ("confirmed", "intent", None), ("intent", "confirmed", 100),
    ]  # fmt: skip
    assert (told["session"]["id"], [one["id"] for one in told["earlier"]]) == (sid, [before])
    page = queue(work)
    assert told["lead"] == lead_of(page, row)
    assert told["related"] == []
    assert told["feed"] == page["feed"]


def test_a_call_with_a_lead_of_its_own_is_beside_the_tap_it_came_from(work: Work) -> None:
    """Somebody worked on the call before the operator picked its visit: two leads, which know each other."""
    line, sids = "+902125550777", [str(uuid.uuid4()) for _ in range(2)]
    taps = [work.tap(sid=sid, el=f"tel:{line}") for sid in sids]
    told = {"site_id": work.site, "phone_number": "+905321234567", "called_number": line, "call_id": "777"}
    fetch(f"{work.box.url}/api/call-event", told, {"Authorization": f"Bearer {work.box.site_token('antika')}"})
    call = taps[1] + 1
    work.ask(f"/intents/{call}/claim")
    assert work.ask(f"/intents/{call}/pick", {"session": sids[0], "version": 1})[0] == 200
    of_call, of_tap = (work.box.get(f"/api/v1/sites/{work.site}/intents/{row}", work.tokens[0]) for row in (call, taps[0]))
    assert ([one["id"] for one in of_call["related"]], [one["id"] for one in of_tap["related"]]) == ([taps[0]], [call])
    assert of_tap["related"][0]["match_how"] == "operator"


def test_identical_phones_have_no_earlier_visits(work: Work) -> None:
    for _ in range(2):
        row = work.tap(meta={"fp": "abc12"})
    work.box.wait_projected()
    told = work.box.get(f"/api/v1/sites/{work.site}/intents/{row}", work.tokens[0])
    assert (told["session"]["fingerprint_strength"], told["earlier"]) == ("weak", [])


def test_a_question_for_what_is_nowhere_is_a_404(work: Work) -> None:
    for path in (f"/sites/{work.site}/intents/987654321", f"/sites/{uuid.uuid4()}/intents/1", f"/sites/{work.site}/intents/x"):
        assert fetch(f"{work.box.url}/api/v1{path}", headers={"Authorization": f"Bearer {work.tokens[0]}"})[0] == 404, path


def test_the_questions_of_the_queue_are_few() -> None:
    """However many leads there are."""
    asking = ask_queue(NOON)
    assert [next(asking).name, asking.send([]).name, asking.send([]).name] == ["list_queue", "list_queue_work", "list_people"]

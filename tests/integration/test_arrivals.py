"""How the signals of a site arrive: what its trackers tell of losses is counted once, whatever becomes of the telling."""

import random
import uuid

import msgspec
import pytest

from opsmantik_box.domain.arrivals import HOUR_MS, MOST_TOLD, Arrivals, add_up, read_report
from opsmantik_box.domain.site_entry import SiteEntry
from opsmantik_box.engine.arrivals import KEPT_MS, MOST_NAMES, forget_arrivals, read_arrivals
from tests.follower import Follower
from tests.harness import Box
from tests.integration.engine_kit import DAY, NOON, Engine, rows
from tests.integration.engine_kit import engine as engine_on
from tests.tracker import wait_until

HEARTBEAT = {"ec": "system", "ea": "heartbeat"}
TOLD = {"tracker": "2.0.0", "storage": "local", "breaker": "main", "outbox": 3}


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "data")
    yield made
    made.close()


def arrivals(engine: Engine) -> Arrivals:
    engine.core.ledger.arrivals.write(engine.core.ledger)
    return read_arrivals(engine.core.ledger.db, engine.site.id, engine.now)


def test_a_site_whose_trackers_lost_nothing_has_all_of_it(engine):
    for _ in range(3):
        engine.send(**HEARTBEAT, meta=TOLD)
    told = arrivals(engine)
    assert (told.arrival_rate, told.accepted, told.version, told.outbox) == (1.0, 3, "2.0.0", 3)
    assert (told.storage, told.breaker, told.lost, told.parked) == ({"local": 3}, {"main": 3}, {}, {})


def test_an_old_tracker_is_not_measurable(engine):
    engine.send(id=None)
    engine.send()  # an id, but nobody who says who it is
    assert arrivals(engine).arrival_rate is None
    assert arrivals(engine).accepted == 1


def test_losses_and_refusals_are_what_is_missing(engine):
    engine.send(**HEARTBEAT, meta=TOLD | {"lost": {"trim": 2}, "parked": {"403": 1}})
    engine.send(**HEARTBEAT, meta=TOLD | {"lost": 1})
    told = arrivals(engine)
    assert (told.lost, told.parked) == ({"trim": 2, "other": 1}, {"403": 1})
    assert told.arrival_rate == 2 / 6


@pytest.mark.parametrize("seed", range(5))
def test_a_heartbeat_that_comes_again_in_any_order_counts_its_losses_once(engine, seed):
    """Forty heartbeats tell of losses; they arrive in any order and in batches of any size, some of them three times."""
    chance = random.Random(seed)
    tellings = [engine.read(**HEARTBEAT, meta=TOLD | {"lost": {"trim": n}, "parked": {"403": 1}}) for n in range(40)]
    sent = [*tellings, *chance.choices(tellings, k=30), *chance.choices(tellings, k=30)]
    chance.shuffle(sent)
    while sent:
        size = chance.choice((1, 7, 40))
        engine.accept(*sent[:size])
        del sent[:size]
        if chance.random() < 0.5:
            arrivals(engine)
    told = arrivals(engine)
    assert (told.accepted, told.lost, told.parked, told.outbox) == (40, {"trim": sum(range(40))}, {"403": 40}, 3)


def test_sites_are_apart(engine):
    (other,) = engine.directory.add_sites([SiteEntry(name="other", domains=["other.example"])], engine.now)
    for site in (engine.site, other):
        engine.accept(engine.read(site=site, **HEARTBEAT, meta=TOLD | {"lost": {"trim": 5}}), site=site)
    assert arrivals(engine).lost == {"trim": 5}


@pytest.mark.parametrize("written", [True, False])
def test_what_was_not_written_when_the_engine_ended_is_counted_at_the_next_start(tmp_path, written):
    """However it ended: what stands in the ledger is counted once."""
    for n in range(4):
        with engine_on(tmp_path / "data") as engine:
            engine.send(**HEARTBEAT, meta=TOLD | {"outbox": n, "lost": {"trim": n}})
            engine.send(id=None)
            if written:
                arrivals(engine)
    with engine_on(tmp_path / "data") as engine:
        told = arrivals(engine)
        assert (told.accepted, told.lost, told.outbox, told.versions) == (4, {"trim": 6}, 3, {"2.0.0": 4})


def test_a_service_that_is_killed_again_and_again_counts_each_signal_once(tmp_path):
    with Box(tmp_path / "data") as box:
        site = box.add_site()["public_id"]
        for n in range(1, 4):
            box.send(site, id=str(uuid.uuid4()), **HEARTBEAT, meta=TOLD | {"lost": {"trim": n}})
            box.kill()
            box.start()
        wait_until(lambda: box.call("list_sites")[0]["arrivals"]["accepted"] == 3, "all are counted")
        assert box.call("list_sites")[0]["arrivals"]["lost"] == {"trim": 6}


def test_what_a_batch_that_failed_had_counted_is_not_counted(engine, monkeypatch):
    """One signal of three cannot be decided: the batch is run again one by one, and only what is stored counts."""
    from opsmantik_box.engine import writing

    decide = writing.decide

    def refuse(site_id, signal, *more, **named):
        if signal.category == "poison":
            raise ZeroDivisionError
        return decide(site_id, signal, *more, **named)

    monkeypatch.setattr(writing, "decide", refuse)
    told = {"meta": TOLD | {"lost": {"trim": 1}}}
    batch = [engine.read(**HEARTBEAT, **told), engine.read(ec="poison", **told), engine.read(**HEARTBEAT, **told)]
    engine.accept(*batch)
    assert (arrivals(engine).accepted, arrivals(engine).lost) == (2, {"trim": 2})
    monkeypatch.setattr(writing, "decide", decide)
    assert engine.core.acceptance.retry_quarantined(engine.now, 0) == (1, 0)
    assert (arrivals(engine).accepted, arrivals(engine).lost) == (3, {"trim": 3})


def test_the_window_is_of_24_hours_by_receipt(engine):
    engine.send(**HEARTBEAT, meta=TOLD | {"lost": {"trim": 5}})
    engine.now = NOON + 23 * HOUR_MS
    engine.send(**HEARTBEAT, meta=TOLD)
    assert (arrivals(engine).accepted, arrivals(engine).lost) == (2, {"trim": 5})
    engine.now = NOON + 24 * HOUR_MS
    assert (arrivals(engine).accepted, arrivals(engine).lost) == (1, {})
    engine.now = NOON + 3 * DAY
    assert arrivals(engine).arrival_rate is None


def test_hours_that_nobody_asks_for_any_more_are_forgotten(engine):
    engine.send(**HEARTBEAT, meta=TOLD)
    arrivals(engine)
    for later, there in ((KEPT_MS - DAY, True), (KEPT_MS + DAY, False)):
        forget_arrivals(engine.core.ledger, NOON + later)
        assert bool(rows(engine.core.ledger.db, "select * from tracker_hours")) is there


def test_words_that_a_client_invents_share_one(engine):
    for n in range(MOST_NAMES + 20):
        engine.send(**HEARTBEAT, meta={"tracker": f"0.0.{n}", "lost": {f"reason {n}": 1}})
    told = arrivals(engine)
    assert len(told.versions) == len(told.lost) == MOST_NAMES + 1
    assert (told.versions["other"], told.lost["other"]) == (20, 20)
    assert told.lost["reason_7"] == 1


@pytest.mark.parametrize(
    ("meta", "lost", "outbox"),
    [
        ({"tracker": "2"}, {}, None),
        ({"lost": {"A B": 2.0, "x": -1, "y": True, "z": "7"}}, {"a_b": 2}, None),
        ({"lost": 10**9, "outbox": 10**9}, {"other": MOST_TOLD}, MOST_TOLD),
        ({"lost": "many", "outbox": -1}, {}, None),
        ({"lost": {"ş": 1}, "outbox": True}, {"_": 1}, None),
        ({"parked": {}, "outbox": 0}, {}, 0),
    ],
)
def test_whatever_a_report_says_can_be_read(meta, lost, outbox):
    report = read_report(meta)
    assert report is not None
    assert (report.lost, report.outbox) == (lost, outbox)


def test_most_signals_report_nothing():
    assert read_report({"fp": "fp_x", "storage": "local"}) is None


def test_nothing_told_is_no_rate():
    assert add_up([]).arrival_rate is None
    assert add_up([("accepted", "", 5)]).arrival_rate is None
    assert add_up([("version", "2", 1), ("lost", "trim", 3)]).arrival_rate == 0.0


def test_the_api_the_list_the_check_and_the_stream_tell_the_same(tmp_path):
    with Box(tmp_path / "data") as box:
        site, other = box.add_site("antika"), box.add_site("other")
        token = box.token("antika")
        with Follower(box, token, "?topics=tracker") as stream:
            for n in (0, 0, 2):
                box.send(site["public_id"], id=str(uuid.uuid4()), **HEARTBEAT, meta=TOLD | {"lost": {"trim": n}})
            stream.wait(lambda: any(one.data["body"]["accepted"] == 3 for one in stream.of("tracker")), "how the signals arrive")
            hint = stream.of("tracker")[-1].data
        listed = {row["name"]: row for row in box.cli_json("site", "list")}
        (mine,) = box.get("/api/v1/trackers", token)["trackers"]
        assert (mine["site_id"], mine["name"], mine["arrival_rate"], mine["lost"]) == (
            site["public_id"],
            "antika",
            0.6,
            {"trim": 2},
        )
        assert hint["site_id"] == site["public_id"]
        assert msgspec.convert(hint["body"], Arrivals) == msgspec.convert(mine, Arrivals)
        assert (listed["antika"]["arrival_rate"], listed["antika"]["tracker_version"]) == (0.6, "2.0.0")
        assert (listed["other"]["arrival_rate"], listed["other"]["tracker_version"]) == (None, None)
        table = box.cli("site", "list").stdout
        assert " 60.0% " in table
        assert " not measurable " in table
        assert other["public_id"] in table

"""Who is there, and at which lead: told to those who share a site, kept nowhere."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsmantik_box.domain.presence import TOLD_MS, Person, seen_by
from tests.follower import Follower
from tests.harness import Box
from tests.integration.desk_kit import Work, prepare


@pytest.fixture(scope="module")
def work(box: Box) -> Work:
    return prepare(box)


@pytest.fixture
def first(work: Work) -> Iterator[Follower]:
    with Follower(work.box, work.tokens[0], "?topics=presence") as follower:
        yield follower


def people(follower: Follower) -> list[tuple[str, int | None]]:
    """Who is there by the last word of it, each with his lead."""
    told = follower.of("presence")
    return [(one["who"], one["lead"]) for one in told[-1].data["body"]["people"]] if told else []


def sees(follower: Follower, *expected: tuple[str, int | None]) -> None:
    follower.wait(lambda: people(follower) == list(expected), f"{expected}")


ME, HER = "bir antika", "iki antika"


def test_who_opens_a_stream_is_there_and_who_closes_the_last_is_not(work: Work, first: Follower) -> None:
    sees(first, (ME, None))
    with Follower(work.box, work.tokens[1], "?topics=presence") as second:
        sees(second, (ME, None), (HER, None))
        sees(first, (ME, None), (HER, None))
        with Follower(work.box, work.tokens[1], "?topics=presence"):
            pass
        assert people(first) == [(ME, None), (HER, None)]
    sees(first, (ME, None))


def test_where_somebody_is_is_told_and_told_to_who_comes_later(work: Work, first: Follower) -> None:
    row, start = work.tap(), time.time() * 1000
    assert work.ask("/presence", {"lead": row}) == (200, {})
    sees(first, (ME, row))
    [me] = first.of("presence")[-1].data["body"]["people"]
    assert (me["site_id"], me["since"] >= start - 1000) == (work.site, True)
    with Follower(work.box, work.tokens[1], "?topics=presence") as second:
        sees(second, (ME, row), (HER, None))
        assert work.ask("/presence", {"lead": row}, who=1)[0] == 200
        sees(first, (ME, row), (HER, row))
    work.ask("/presence", {"lead": None})
    sees(first, (ME, None))


def test_any_row_of_a_lead_says_which(work: Work, first: Follower) -> None:
    fingerprint = f"fp_{uuid.uuid4().hex[:16]}"
    lead, row = (work.tap(meta={"fp": fingerprint}, el=f"tel:+9021255501{number}") for number in (42, 43))
    work.ask("/presence", {"lead": row})
    sees(first, (ME, lead))
    work.ask("/presence", {"lead": None})


@pytest.mark.parametrize("body", [{}, {"lead": "x"}, {"lead": 0}, {"lead": 1, "x": 1}, []])
def test_what_says_nothing_is_a_400(work: Work, body: object) -> None:
    assert work.ask("/presence", body)[0] == 400


def test_it_is_a_persons(work: Work) -> None:
    with pytest.raises(Exception, match="person's"):
        work.box.call("tell_presence", id=None)


def test_who_shares_no_site_sees_nobody_and_no_foreign_lead(box: Box, work: Work, first: Follower) -> None:
    """Of two who share one site each sees the other, but not at a lead of a site that is only the other's."""
    far = prepare(box, "uzak")
    near = prepare(box, "yakin")
    box.call("grant", user="iki@antika.example", site=near.site, rights="operate")
    row = near.tap(host="yakin.example")
    with (
        Follower(box, far.tokens[0], "?topics=presence") as stranger,
        Follower(box, near.tokens[0], "?topics=presence") as neighbour,
    ):
        sees(stranger, ("bir uzak", None))
        told = len(stranger.of("presence"))
        assert work.ask("/presence", {"lead": row}, who=1)[0] == 200
        sees(neighbour, (HER, row), ("bir yakin", None))
        sees(first, (ME, None), (HER, None))
        her = first.of("presence")[-1].data["body"]["people"][1]
        assert (her["site_id"], her["lead"]) == (None, None)
        with Follower(box, work.tokens[1], f"?topics=presence&site={work.site}") as narrow:
            sees(narrow, (ME, None), (HER, None))
        assert len(stranger.of("presence")) == told, "of what it does not see it does not learn that it changed"
        assert work.ask("/presence", {"lead": row})[0] == 404


def test_a_revoked_token_is_nobodys_presence(work: Work, first: Follower) -> None:
    work.box.call("add_user", email="uc@antika.example", name="uc antika")
    work.box.call("grant", user="uc@antika.example", site=work.site, rights="read")
    made = work.box.call("create_token", user="uc@antika.example")
    with Follower(work.box, made["token"], "?topics=presence", again=False):
        first.wait(lambda: ("uc antika", None) in people(first), "who may only read is there too")
        work.box.call("revoke_token", id=made["id"])
        first.wait(lambda: ("uc antika", None) not in people(first), "and gone")


def test_a_minute_without_a_word_is_over(tmp_path: Path) -> None:
    with Box(tmp_path / "data", shift_ms=1) as box:
        work = prepare(box)
        row = work.tap()
        with Follower(box, work.tokens[0], "?topics=presence") as first:
            for who in (0, 1):
                work.ask("/presence", {"lead": row}, who=who)
            sees(first, (ME, row), (HER, row))
            box.shift.write_text(str(TOLD_MS + 1_000))
            sees(first, (ME, None))
            work.ask("/presence", {"lead": row}, who=1)
            sees(first, (ME, None), (HER, row))


def test_two_gateways_tell_of_each_others_readers(tmp_path: Path) -> None:
    with Box(tmp_path / "data", "--workers", "2") as box:
        work = prepare(box)
        followers = [Follower(box, work.tokens[number % 2], "?topics=presence") for number in range(6)]
        for one in followers:
            one.__enter__()
        for one in followers:
            sees(one, (ME, None), (HER, None))
        for one in followers:
            one.__exit__()


def test_each_sees_whom_he_shares_a_site_with_and_no_other_sites_lead() -> None:
    def person(number: int, *sites: int, at: tuple[int, int] = (0, 0)) -> Person:
        return Person(number, f"p{number}", sites, *at, 5)

    everybody = [person(3, 1), person(1, 2, at=(2, 9)), person(2, 1, 2, at=(2, 9)), person(4, 1, 3, at=(1, 7))]

    def told(*sites: int) -> list[tuple[int, Any, Any]]:
        return [(one.id, one.site_id, one.lead) for one in seen_by(everybody, sites, {1: "a", 2: "b", 3: "c"})]

    assert told(1) == [(2, None, None), (3, None, None), (4, "a", 7)]
    assert told(2) == [(1, "b", 9), (2, "b", 9)]
    assert told(3) == [(4, None, None)]
    assert told() == []

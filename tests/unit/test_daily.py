"""Yesterday, summed up."""

import pytest

from opsmantik_box.domain.daily import MOST_SITES, SiteDay, daily_message, due_day
from opsmantik_box.domain.days import moment

DAY = SiteDay("antika", 130, 113, 5, 13, 0, 1, 297)


DUE = [(9, 539, None), (9, 540, "2027-03-28"), (9, 1439, "2027-03-28"), (-1, 700, None), (0, 0, "2027-03-28")]


@pytest.mark.parametrize(("hour", "minutes", "day"), DUE)
def test_yesterday_is_due_from_its_hour_on_by_these_clocks(hour: int, minutes: int, day: str | None) -> None:
    """Also on the morning after the clocks were set forward."""
    assert due_day(moment("2027-03-29", minutes, "Europe/Berlin"), hour, "Europe/Berlin") == day


def test_a_site_is_a_line() -> None:
    assert str(DAY) == (
        "antika: 130 clicks → 113 ads sessions → 18 intents (5 phone, 13 WhatsApp) → 1 sealed so far. All traffic: 297 sessions."
    )
    assert str(SiteDay("a", None, 1, 0, 0, 2, 0, 1)).startswith("a: 1 ads sessions → 0 intents (0 phone, 0 WhatsApp, 2 forms)")


def test_the_busiest_come_first_and_the_quiet_ones_last() -> None:
    small, quiet = SiteDay("hali", None, 2, 0, 1, 0, 0, 9), SiteDay("leer", None, 0, 0, 0, 0, 0, 0)
    message = daily_message("2027-03-28", [quiet, small, DAY])
    assert (message.head, message.level) == ("Yesterday, 2027-03-28", "info")
    assert [line.partition(":")[0] for line in message.text.splitlines()] == ["antika", "hali", "Nobody came to"]


def test_a_message_stays_one_however_many_sites_there_are() -> None:
    many = [SiteDay(f"site {number}", None, number, 0, 0, 0, 0, 1) for number in range(1, MOST_SITES + 6)]
    assert daily_message("2027-03-28", many).text.splitlines()[-1] == "… and 5 more sites."

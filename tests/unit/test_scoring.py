"""Lead score: the table of product.md, row by row."""

import pytest

from opsmantik_box.domain.scoring import DEFAULT_WEIGHTS, Rule, breakdown, fired_rules, score


def fired(
    category: str = "system",
    action: str = "x",
    label: str = "",
    value: float | None = None,
    scroll: int = 0,
    hovers: int = 0,
    google: bool = False,
):
    return Rule(fired_rules(category, action, label, value, scroll, hovers, google))


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        ("conversion", 50),
        ("interaction", 10),
        ("scroll_50", 10),
        ("scroll_90", 20),
        ("hover_intent", 15),
        ("google_referrer", 5),
        ("returning_ad_user", 25),
    ],
)
def test_each_rule_is_worth_what_the_table_says(rule: str, points: int):
    bit = Rule[rule.upper()]
    assert score(bit) == points
    assert breakdown(bit) == {rule: points}


def test_category_counts_as_sent():
    assert fired(category="conversion") == Rule.CONVERSION
    assert fired(category="interaction") == Rule.INTERACTION
    assert fired(category="acquisition") == Rule(0)


@pytest.mark.parametrize(
    ("value", "label", "rules"),
    [
        (49.9, "", Rule(0)),
        (50, "", Rule.SCROLL_50),
        (None, "50%", Rule.SCROLL_50),
        (90, "", Rule.SCROLL_50 | Rule.SCROLL_90),
        (None, "90%", Rule.SCROLL_50 | Rule.SCROLL_90),
        (1e300, "", Rule.SCROLL_50 | Rule.SCROLL_90),
        (-90, "", Rule(0)),
        (None, "75%", Rule(0)),
    ],
)
def test_a_scroll_depth_fires_what_it_reached(value: float | None, label: str, rules: Rule):
    assert fired(action="scroll_depth", value=value, label=label) == rules
    assert fired(action="view", value=value, label=label) == Rule(0)


def test_a_heartbeats_own_counts_fire_the_same_rules():
    assert fired(action="heartbeat", scroll=50) == Rule.SCROLL_50
    assert fired(action="heartbeat", scroll=90) == Rule.SCROLL_50 | Rule.SCROLL_90
    assert fired(action="heartbeat", hovers=1) == Rule.HOVER_INTENT == fired(action="hover_intent")


def test_one_signal_reaches_80_at_most_and_a_visit_100():
    one = max(
        score(fired(category, action, "90%", 100, scroll, hovers, google=True) & ~Rule.SCROLL_90)
        for category in ("conversion", "interaction")
        for action in ("view", "hover_intent", "scroll_depth")
        for scroll in (0, 50)
        for hovers in (0, 1)
    )
    assert one == 80
    assert score(127) == 100 == min(100, sum(DEFAULT_WEIGHTS.values()))


def test_a_sites_own_weights_count_and_are_capped_too():
    weights = {**DEFAULT_WEIGHTS, "conversion": 99}
    assert score(Rule.CONVERSION, weights) == 99
    assert score(Rule.CONVERSION | Rule.INTERACTION, weights) == 100

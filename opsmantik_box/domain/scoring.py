"""Lead score. The rules a visit fired, as bits, and what they are worth. Pure.

Rule of product.md: the sum of the rules that fired at least once in a session, capped at 100.
"""

import enum
from collections.abc import Mapping


class Rule(enum.IntFlag):
    """Scoring rules as bits: a session's score is a function of the OR over its events, so order and repeats cannot matter."""

    CONVERSION = 1
    INTERACTION = 2
    SCROLL_50 = 4
    SCROLL_90 = 8
    HOVER_INTENT = 16
    GOOGLE_REFERRER = 32
    RETURNING_AD_USER = 64


NAMES = {rule: (rule.name or "").lower() for rule in Rule}

# Plain numbers for the hot path: an operation on an IntFlag costs a microsecond, on an int nothing.
CONVERSION, INTERACTION, SCROLL_50, SCROLL_90, HOVER_INTENT, GOOGLE_REFERRER, RETURNING_AD_USER = map(int, Rule)
SCROLLED = SCROLL_50 | SCROLL_90

Weights = Mapping[str, int]
"""What each rule is worth, by its name."""

DEFAULT_WEIGHTS: dict[str, int] = {
    "conversion": 50,
    "interaction": 10,
    "scroll_50": 10,
    "scroll_90": 20,
    "hover_intent": 15,
    "google_referrer": 5,
    "returning_ad_user": 25,
}
DEFAULT_VERSION = 1


def fired_rules(category: str, action: str, label: str, value: float | None, scroll_pct: int, hovers: int, google: bool) -> int:
    """The rules one signal fires by itself. Category and depth count as sent, not as stored: a click id turns `interaction` into
    `acquisition` on disk, and must not cost the visitor ten points."""
    depth = max(scroll_pct, scroll_depth(action, label, value))
    return (
        (CONVERSION if category == "conversion" else 0)
        | (INTERACTION if category == "interaction" else 0)
        | (SCROLL_50 if depth >= 50 else 0)
        | (SCROLL_90 if depth >= 90 else 0)
        | (HOVER_INTENT if action == "hover_intent" or hovers >= 1 else 0)
        | (GOOGLE_REFERRER if google else 0)
    )


def scroll_depth(action: str, label: str, value: float | None) -> int:
    """How far a `scroll_depth` signal says the visitor scrolled, in percent; 0 for any other. Old trackers put `50%` in the label."""
    if action != "scroll_depth":
        return 0
    told = {"50%": 50, "90%": 90}.get(label.strip(), 0)
    return max(told, int(min(value, 100)) if value is not None and value > 0 else 0)


def breakdown(fired: int, weights: Weights = DEFAULT_WEIGHTS) -> dict[str, int]:
    """What each rule that fired adds, by name."""
    return {name: weights[name] for rule, name in NAMES.items() if fired & rule}


_KNOWN: dict[int, int] = {bits: min(100, sum(breakdown(bits).values())) for bits in range(128)}


def score(fired: int, weights: Weights = DEFAULT_WEIGHTS) -> int:
    """0 to 100."""
    if weights is DEFAULT_WEIGHTS:
        return _KNOWN[fired]
    return min(100, sum(breakdown(fired, weights).values()))

"""Whether what comes is what usually comes, and is taken: intents, arrivals, errors. Pure."""

import math

from opsmantik_box.domain.watch.codes import Code
from opsmantik_box.domain.watch.facts import HOUR_MS, Answers, BoxFacts, Finding, Outcome, SiteFacts, Standing, covered_by_box
from opsmantik_box.domain.watch.minutes import MINUTE_MS

FEWEST_ANSWERS = 50
FEWEST_IDS = 200
BOX_ERROR_RATE = 0.05
UNLIKELY = 4.5
"""Standard deviations."""
SPREAD = 1.5
"""Visitors tap more than once: the variance of intents is so many times that of chance (Poisson)."""
FEWEST_INTENTS = 12
FINE, UNCLEAR = Standing.FINE, Standing.UNCLEAR


def intent_ratio(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """Far fewer or far more taps than so many sessions usually lead to, over 24 hours: a button that is not seen, or a robot."""
    expected, had = site.intents_expected, site.intents_of_day
    if expected is None:
        return UNCLEAR
    apart = 2 * (math.sqrt(had + 0.375) - math.sqrt(expected + 0.375)) / math.sqrt(SPREAD)  # Anscombe: about standard deviations
    few = apart < -UNLIKELY and expected >= FEWEST_INTENTS
    many = apart > UNLIKELY and had >= max(FEWEST_INTENTS, 3 * expected)
    if not few and not many:
        return FINE
    text = f"{had} intents of {site.sessions_of_day} sessions in 24 h, where {expected:.0f} are usual."
    return Finding("warning", text, facts.now - 24 * HOUR_MS, {"expected": round(expected, 1), "intents": had})


def arrival_rate(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """What the site's trackers could not bring here, by their own report over 24 hours."""
    if site.arrival is None or sum(site.arrival) < FEWEST_IDS:
        return UNCLEAR
    rate = site.arrival[0] / sum(site.arrival)
    if rate >= site.limits.arrival_rate:
        return FINE
    text = f"{rate:.1%} of what its trackers sent in 24 h arrived; {site.arrival[1]} signals are lost or parked."
    return Finding("warning", text, facts.now - 24 * HOUR_MS, {"rate": round(rate, 4)})


def error_rate(facts: BoxFacts) -> Outcome:
    return _error_rate(facts.now, facts.answers, BOX_ERROR_RATE)


def site_error_rate(facts: BoxFacts, site: SiteFacts) -> Outcome:
    found = _error_rate(facts.now, site.answers, site.limits.error_rate)
    return covered_by_box(facts, found, error_rate, Code.ERROR_RATE)


def rate_of(answers: Answers) -> float | None:
    """product.md: answers with 5xx or quarantine ÷ all sync answers, 15 min, at least 50 of them."""
    return answers.failed / answers.total if answers.total >= FEWEST_ANSWERS else None


def _error_rate(now: int, answers: Answers, limit: float) -> Outcome:
    rate = rate_of(answers)
    if rate is None:
        return UNCLEAR if answers.failed else FINE
    if rate <= limit:
        return FINE
    text = f"{rate:.1%} of {answers.total} answers in 15 min were errors of ours ({answers.failed})."
    return Finding("alarm", text, now - 15 * MINUTE_MS, {"rate": round(rate, 4)})

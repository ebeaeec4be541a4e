"""Whether people come at all: of a site, and of all sites together. Pure.

The two zeros count for a site in hours in which its own pattern expects at least three; before it has one, from 09:00 to 21:00 by its
clocks. Nothing that happened while the Box did not listen counts: a gap begins when it began to.
"""

from opsmantik_box.domain.watch.codes import Code, Level
from opsmantik_box.domain.watch.facts import HOUR_MS, BoxFacts, Finding, Gap, Outcome, SiteFacts, Standing, covered, covered_by_box
from opsmantik_box.domain.watch.minutes import MINUTE_MS
from opsmantik_box.domain.watch.spans import span_of

SILENT_MS = 15 * MINUTE_MS
DAY_HOURS = (9.0, 21.0)
FINE, UNCLEAR = Standing.FINE, Standing.UNCLEAR


def total_traffic_loss(facts: BoxFacts) -> Outcome:
    """No session at all in an hour."""
    if any(site.sessions_last_hour for site in facts.sites) or not any(site.had_sessions for site in facts.sites):
        return FINE
    sites = [site for site in facts.sites if site.had_sessions]
    return _box_zero(facts, sites, "sessions", HOUR_MS, "No session on any site for {span}.")


def ads_tracking_failure(facts: BoxFacts) -> Outcome:
    """No click id at all in three hours, though people came."""
    if any(site.clicks_last_3_hours for site in facts.sites) or not any(site.had_clicks for site in facts.sites):
        return FINE
    if not any(site.sessions_last_3_hours for site in facts.sites):
        return UNCLEAR
    sites = [site for site in facts.sites if site.had_clicks]
    return _box_zero(facts, sites, "clicks", 3 * HOUR_MS, "People came, but none with a click id on any site for {span}.")


def _box_zero(facts: BoxFacts, sites: list[SiteFacts], name: str, window: int, text: str) -> Outcome:
    """Of all sites together: what their patterns expect is added up. Sites without one count by the clock."""
    gaps: list[Gap] = [getattr(site, name) for site in sites]
    usual = sum(gap.usual or 0 for gap in gaps)
    by_clock = any(gap.usual is None and _by_day(site, window) for gap, site in zip(gaps, sites, strict=True))
    if not _listened(facts, window) or not (usual >= 3 or by_clock):
        return UNCLEAR
    since = max(gap.since for gap in gaps)
    sure = sum(gap.sure or 0 for gap in gaps)
    level: Level = "alarm" if by_clock or sure >= 12 else "warning"
    return Finding(level, text.format(span=span_of(facts.now - since)), since, {"expected": round(usual, 1)})


def site_traffic_loss(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """No session of this site in an hour."""
    if site.sessions_last_hour or not site.had_sessions:
        return FINE
    text = "No session for {span}; {usual} are usual in an hour."
    found = _site_zero(facts, site, site.sessions, HOUR_MS, text)
    if isinstance(found, Finding) and isinstance(site_silent(facts, site), Finding):
        return covered(found, Code.SITE_SILENT)
    return covered_by_box(facts, found, total_traffic_loss, Code.TOTAL_TRAFFIC_LOSS)


def site_ads_failure(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """No click id on this site in three hours, though people came."""
    if site.clicks_last_3_hours or not site.had_clicks:
        return FINE
    if not site.sessions_last_3_hours:
        return UNCLEAR
    text = "People came, but none with a click id for {span}; {usual} are usual in three hours."
    found = _site_zero(facts, site, site.clicks, 3 * HOUR_MS, text)
    return covered_by_box(facts, found, ads_tracking_failure, Code.ADS_TRACKING_FAILURE)


def _site_zero(facts: BoxFacts, site: SiteFacts, gap: Gap, window: int, text: str) -> Outcome:
    armed = _by_day(site, window) if gap.usual is None else gap.usual >= site.limits.zero_expects
    if not armed or not _listened(facts, window):
        return UNCLEAR
    usual = "some" if gap.usual is None else f"{gap.usual:.0f}"
    level: Level = "alarm" if gap.sure is not None and gap.sure >= site.limits.sure else "warning"
    told = text.format(span=span_of(facts.now - gap.since), usual=usual)
    return Finding(level, told, gap.since, {} if gap.usual is None else {"expected": round(gap.usual, 1)})


def site_silent(facts: BoxFacts, site: SiteFacts) -> Outcome:
    """Nobody came for so long that it is more than chance, on a day like this one has been: see pattern.py."""
    gap = site.sessions
    if not site.had_sessions or facts.now - gap.since < SILENT_MS:
        return FINE
    if gap.sure is None or facts.listening_since is None or gap.sure < site.limits.sure:
        return UNCLEAR
    text = f"Nobody for {span_of(facts.now - gap.since)}; {gap.sure:.1f} sessions are expected at the least in that time."
    found = Finding("alarm", text, gap.since, {"expected": round(gap.sure, 1)})
    return covered_by_box(facts, found, total_traffic_loss, Code.TOTAL_TRAFFIC_LOSS)


def _by_day(site: SiteFacts, window: int) -> bool:
    """The whole window lies between 09:00 and 21:00 by the site's clocks."""
    return DAY_HOURS[0] + window / HOUR_MS <= site.hour <= DAY_HOURS[1]


def _listened(facts: BoxFacts, window: int) -> bool:
    return facts.listening_since is not None and facts.now - facts.listening_since >= window

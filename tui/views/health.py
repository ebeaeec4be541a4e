"""How the Box is: one word and why, its numbers, its sites' trackers, its jobs. Pure.

What a token does not see, or was not told yet, is said in a line, never made up. A new number is a line of FACTS.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from tui.model.link import Link
from tui.model.sites import Site
from tui.model.watch import Alert, BoxTold, HealthTold, Job, Month, SiteTold, Tracker
from tui.paint import Line, beside, columns, width_of, wrap
from tui.speech import Speech
from tui.views.alerts import alert_words, where_text
from tui.views.amounts import age_text, curve_text, ms_text, share_text, size_text, when_text
from tui.views.deliveries import lane_lines

Word = Literal["ok", "degraded", "down"]
LOOKS: dict[Word, str] = {"ok": "good", "degraded": "warm", "down": "hot"}
BEHIND = 1_000
"""Signals that wait for their month file: more is worth a word."""
MOST_WHY, MOST_MONTHS = 4, 3
WIDE = 140
"""From here on what hangs together stands beside each other."""
SITE_COLUMNS = (
    ("site", 14), ("version", 8), ("arrival", -8), ("last_hour", -9), ("expected", -8), ("ads_3h", -7), ("errors", -7), ("last_signal", 11),
)  # fmt: skip
JOB_COLUMNS = (("job", 28), ("ended", 11), ("outcome", 11), ("next", 11))


class Health(Struct, frozen=True, kw_only=True):
    """`told`: the newest hint of the stream, or answer; `box` in `read` is what the token sees of the machine. `rates`: readings of the
    accepted signals a second. `jobs` None: not for this token."""

    link: Link
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    read: HealthTold = HealthTold()
    read_at: int = 0
    why: Sequence[Alert] = ()
    rates: Sequence[float] = ()
    jobs: Sequence[Job] | None = None
    next_month: str = ""
    trackers: Mapping[str, Tracker] = field(default_factory=dict[str, Tracker])


class Here(Struct, frozen=True):
    """When and for whom it is drawn."""

    now: int
    zone: str
    sites: Mapping[str, Site]
    say: Speech
    width: int


def word_of(health: Health) -> Word:
    """One word for it."""
    if health.link.word in ("down", "token") or not health.told.get("accepting", True):
        return "down"
    degraded = not health.link.is_live or health.why or health.told.get("lag_signals", 0) > BEHIND
    return "degraded" if degraded else "ok"


def health_lines(health: Health, here: Here) -> list[Line]:
    """The screen."""
    word = word_of(health)
    lines: list[Line] = []
    for number, reason in enumerate(_why(health, word, here) or [here.say("health.why_ok")]):
        head = f" {here.say(f'health.{word}')} " if number == 0 else ""
        told = wrap(reason, max(20, here.width - 15))
        lines += [((f"{head if part == 0 else '':<13} ", LOOKS[word]), (text, "")) for part, text in enumerate(told)]
    if health.read_at and not health.link.is_live:
        lines += [(), ((f" {here.say('health.as_of', at=when_text(health.read_at, here.now, here.zone))}", "dim"),)]
    if not health.read.version:
        return [*lines, (), ((f" {here.say('health.quiet')}", "dim"),)]
    return [*lines, (), *_body(health, here)]


def _body(health: Health, here: Here) -> list[Line]:
    """The machine on the left and what it does on the right, or all below each other."""
    if here.width < WIDE:
        return [*_machine(health, here), (), *_work(health, here)]
    half = Here(here.now, here.zone, here.sites, here.say, here.width // 2 - 1)
    return beside(_machine(health, half), _work(health, half), half.width, 2)


def _why(health: Health, word: Word, here: Here) -> list[str]:
    say, told = here.say, health.told
    if not health.link.is_live:
        return [health.link.reason or say("health.why_link")]
    why = (
        []
        if told.get("accepting", True)
        else [say("health.not_accepting", reason=say.word("not_accepting", str(told.get("reason", ""))))]
    )
    why += [f"{where_text(one, here.sites, say)}: {alert_words(one, say)}. {one.text}" for one in health.why[:MOST_WHY]]
    why += [say("health.why_more", n=len(health.why) - MOST_WHY)] if len(health.why) > MOST_WHY else []
    lag = told.get("lag_signals", 0)
    return why + ([say("health.why_lag", n=lag)] if lag > BEHIND else [])


# --- the machine ------------------------------------------------------------------------------------------------------------------


def _machine(health: Health, here: Here) -> list[Line]:
    """Its numbers, a line each; for who does not see the Box a sentence."""
    box, say = health.read.box, here.say
    if box is None:
        return [((f" {text}", "dim"),) for text in wrap(say("health.not_yours"), here.width - 2)]
    wide = max(width_of(say(f"fact.{name}")) for name, _ in FACTS)
    lines: list[Line] = []
    for name, fact in FACTS:
        label = say(f"fact.{name}")
        for number, text in enumerate(wrap(fact(box, health, here), max(20, here.width - wide - 4))):
            lines.append(((f" {(label if number == 0 else '').ljust(wide)}  ", "label"), (text, "")))
    return lines


def _rate(box: BoxTold, health: Health, here: Here) -> str:
    curve = curve_text(health.rates, min(40, here.width - 36))
    return f"{here.say('fact_text.rate', n=here.say.number(round(box.accepted_per_sec, 1)))}  {curve}".rstrip()


def _answers(box: BoxTold, health: Health, here: Here) -> str:
    told, say = box.latency_ms, here.say
    if not told.answers:
        return say("fact_text.no_answers")
    return say("fact_text.answers", p50=ms_text(told.p50, say), p99=ms_text(told.p99, say), n=told.answers)


def _queue(box: BoxTold, health: Health, here: Here) -> str:
    lag, ms = health.told.get("lag_signals", 0), health.told.get("lag_ms", 0)
    return here.say("fact_text.queue", n=box.queue_signals, size=size_text(box.queue_bytes, here.say), lag=lag, ms=ms)


def _errors(box: BoxTold, health: Health, here: Here) -> str:
    return here.say("fact_text.errors", share=share_text(box.error_rate, here.say), n=box.quarantined)


def _refusals(box: BoxTold, health: Health, here: Here) -> str:
    told = sorted(((count, name) for name, count in box.refusals_today.items() if count), reverse=True)
    return " · ".join(f"{here.say.word('refusal', name)} {count}" for count, name in told) or here.say("fact_text.none_today")


def _disk(box: BoxTold, health: Health, here: Here) -> str:
    free, whole, say = box.disk.free_bytes, box.disk.total_bytes, here.say
    used = 1 - free / whole if whole else None
    return say("fact_text.disk", free=size_text(free, say), whole=size_text(whole, say), used=share_text(used, say))


def _memory(box: BoxTold, health: Health, here: Here) -> str:
    told, say = box.memory, here.say
    courier = f", {say('fact_text.courier', size=size_text(told.courier_bytes, say))}" if told.courier_bytes is not None else ""
    free, whole = size_text(told.available_bytes, say), size_text(told.total_bytes, say)
    return say("fact_text.memory", engine=size_text(told.engine_bytes, say), courier=courier, free=free, whole=whole)


def _files(box: BoxTold, health: Health, here: Here) -> str:
    say = here.say
    return say(
        "fact_text.files", ledger=size_text(box.ledger.bytes, say), wal=size_text(box.ledger.wal_bytes, say),
        vault=size_text(box.vault.bytes, say),
    )  # fmt: skip


def _months(box: BoxTold, health: Health, here: Here) -> str:
    """The newest in full, those before in a sum."""
    say = here.say
    newest = sorted(box.months, key=lambda one: one.month, reverse=True)
    told = [_month(one, say) for one in newest[:MOST_MONTHS]]
    if older := newest[MOST_MONTHS:]:
        told.append(say("fact_text.older", n=len(older), size=size_text(sum(one.bytes for one in older), say)))
    return " · ".join(told) or "-"


def _month(month: Month, say: Speech) -> str:
    state = say.word("month_state", "sealed" if month.sealed else month.state)
    wal = f" + WAL {size_text(month.wal_bytes, say)}" if month.wal_bytes else ""
    behind = f", {say('fact_text.behind', n=month.behind)}" if month.behind else ""
    return f"{month.month[:7]} {state} {size_text(month.bytes, say)}{wal}{behind}"


def _backup(box: BoxTold, health: Health, here: Here) -> str:
    if box.backup.verified_at is None:
        return here.say("fact_text.no_backup")
    where = here.say("fact_text.elsewhere" if box.backup.is_elsewhere else "fact_text.here_only")
    return here.say("fact_text.backup", at=when_text(box.backup.verified_at, here.now, here.zone), where=where)


def _running(box: BoxTold, health: Health, here: Here) -> str:
    connected = sum(one.connected for one in box.gateways)
    walls = ", ".join(sorted({one.walls for one in box.gateways if one.walls}))
    told = here.say("fact_text.gateways", n=connected, all=len(box.gateways), walls=f" ({walls})" if walls else "")
    version = here.say("fact_text.version", version=health.read.version, time=age_text(here.now - box.started_at, here.say))
    return f"{version} · {told}"


FACTS: tuple[tuple[str, Callable[[BoxTold, Health, Here], str]], ...] = (
    ("rate", _rate), ("answers", _answers), ("queue", _queue), ("errors", _errors), ("refusals", _refusals), ("disk", _disk),
    ("memory", _memory), ("files", _files), ("months", _months), ("backup", _backup), ("running", _running),
)  # fmt: skip


# --- what it does -----------------------------------------------------------------------------------------------------------------


def _work(health: Health, here: Here) -> list[Line]:
    box = health.read.box
    lines = list(_sites(health, here))
    if box is not None:
        lines += [(), *lane_lines(box.lanes, here.now, here.zone, here.width, here.say)]
    if health.jobs is not None:
        lines += [(), *_jobs(health.jobs, here)]
        lines += [((f" {text}", "dim"),) for text in wrap(health.next_month, here.width - 2) if text]
    return lines


def _sites(health: Health, here: Here) -> Iterator[Line]:
    """How each site's trackers arrive: their version and what of theirs came, as they tell it; then what came of late."""
    yield columns([(here.say.word("column", name), width, "head") for name, width in SITE_COLUMNS])
    yield from (_site(one, health.trackers.get(one.site_id), here) for one in health.read.sites)
    if not health.read.sites:
        yield from (((f" {text}", "dim"),) for text in wrap(here.say("sites.none"), here.width - 2))


def _site(site: SiteTold, tracker: Tracker | None, here: Here) -> Line:
    say, name = here.say, here.sites[site.site_id].name if site.site_id in here.sites else "?"
    arrival = tracker.arrival_rate if tracker else None
    expected = "-" if site.expected_last_hour is None else say.number(round(site.expected_last_hour, 1))
    told = (
        name, (tracker.version if tracker else None) or "-", share_text(arrival, say), str(site.sessions_last_hour), expected,
        str(site.gclid_last_3_hours), share_text(site.error_rate, say), when_text(site.last_signal_at, here.now, here.zone),
    )  # fmt: skip
    looks = ("strong", "", "warm" if arrival is not None and arrival < 0.99 else "", *[""] * 5)
    return columns([(text, width, look) for text, (_, width), look in zip(told, SITE_COLUMNS, looks, strict=True)])


def _jobs(jobs: Sequence[Job], here: Here) -> Iterator[Line]:
    """When each ran, what came of it, when it runs again."""
    rest = here.width - sum(width + 1 for _, width in JOB_COLUMNS) - 1
    yield columns([(here.say.word("column", name), width, "head") for name, width in JOB_COLUMNS])
    for job in jobs:
        word = "running" if job.running else "queued" if job.queued else job.outcome or "never"
        look = {"failed": "hot", "interrupted": "warm", "running": "fresh"}.get(word, "")
        told = (
            (job.name, 28, "strong"), (when_text(job.last_ended_at, here.now, here.zone), 11, ""),
            (here.say.word("job_outcome", word), 11, look), (when_text(job.next_at, here.now, here.zone), 11, ""),
            (job.progress if job.running else job.result, max(1, rest), "dim"),
        )  # fmt: skip
        yield columns(told)

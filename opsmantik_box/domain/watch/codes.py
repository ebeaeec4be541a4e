"""The codes of alerts: a closed list, each with what to do. Pure. docs/alerts.md has a section for every one (a test demands it)."""

import enum
from typing import Literal

from msgspec import Struct

Level = Literal["info", "warning", "alarm"]
LEVELS: tuple[Level, ...] = ("info", "warning", "alarm")
"""Each is graver than those before it."""


class Code(enum.StrEnum):
    """What can be wrong. Stored and told: never renamed."""

    TOTAL_TRAFFIC_LOSS = "TOTAL_TRAFFIC_LOSS"
    ADS_TRACKING_FAILURE = "ADS_TRACKING_FAILURE"
    SITE_SILENT = "SITE_SILENT"
    INTENT_RATIO = "INTENT_RATIO"
    ARRIVAL_RATE = "ARRIVAL_RATE"
    ERROR_RATE = "ERROR_RATE"
    RATE_LIMITED_CLICKS = "RATE_LIMITED_CLICKS"
    QUARANTINE = "QUARANTINE"
    PARTITION_FAULT = "PARTITION_FAULT"
    PROJECTION_LAG = "PROJECTION_LAG"
    DISK = "DISK"
    WAL_SIZE = "WAL_SIZE"
    DATA_INTEGRITY = "DATA_INTEGRITY"
    BACKUP_OLD = "BACKUP_OLD"
    NO_BACKUP_ELSEWHERE = "NO_BACKUP_ELSEWHERE"
    JOB_FAILED = "JOB_FAILED"
    LANE_STOPPED = "LANE_STOPPED"
    CREDENTIAL_EXPIRES = "CREDENTIAL_EXPIRES"
    CLOCK_STEP = "CLOCK_STEP"
    ERASURES_NOT_REPEATED = "ERASURES_NOT_REPEATED"


class About(Struct, frozen=True):
    """`level`: of an alert that is raised where it happens; rules that look at numbers choose their own. `advice`: what to do."""

    level: Level
    advice: str


ABOUT: dict[Code, About] = {
    Code.TOTAL_TRAFFIC_LOSS: About(
        "alarm", "Open a page of the site and look at its network requests; `opsmantik-box site check` names what is missing."
    ),
    Code.ADS_TRACKING_FAILURE: About(
        "alarm", "Is auto-tagging on, do the ads run, and does the landing page keep `gclid` through its redirects?"
    ),
    Code.SITE_SILENT: About("alarm", "Is the site up, and is the snippet still on it? `opsmantik-box site check URL` looks."),
    Code.INTENT_RATIO: About("warning", "Tap a phone and a WhatsApp link of the site yourself: does each come up in the console?"),
    Code.ARRIVAL_RATE: About(
        "warning", "Trackers lose signals: is the Box reachable from outside, and does the page let it store?"
    ),
    Code.ERROR_RATE: About(
        "alarm", "Run `opsmantik-box doctor`; the log says why signals were refused: `journalctl -u opsmantik-box`."
    ),
    Code.RATE_LIMITED_CLICKS: About("warning", "Is a proxy's address taken for the visitors'? See `trusted_proxies`."),
    Code.QUARANTINE: About("warning", "Run `opsmantik-box quarantine retry`; if some stay, the log names the problem."),
    Code.PARTITION_FAULT: About(
        "alarm", "Nothing is lost: the file is folded again from the ledger. Look after the disk (`dmesg`)."
    ),
    Code.PROJECTION_LAG: About("warning", "Signals are safe, reports are late. Is the disk slow, or a long job running?"),
    Code.DISK: About("warning", "Make room: when the disk is full no signal is taken until there is some again."),
    Code.WAL_SIZE: About("warning", "A reader holds the file: end long queries (`opsmantik-box sql`, a copy of the folder)."),
    Code.DATA_INTEGRITY: About(
        "alarm", "Run `opsmantik-box verify`; with --repair it folds again what is derived from the ledger."
    ),
    Code.BACKUP_OLD: About("alarm", "Run `opsmantik-box backup run` and read what it says."),
    Code.NO_BACKUP_ELSEWHERE: About(
        "warning", "Name a place under [backup] in box.toml (docs/backups.md): an account reached by ssh, or S3-compatible storage."
    ),
    Code.JOB_FAILED: About("warning", "`opsmantik-box jobs list` shows what it said; `jobs run NAME` starts it by hand."),
    Code.LANE_STOPPED: About(
        "warning", "`opsmantik-box deliveries list` says what the receiver answered; then `deliveries retry`."
    ),
    Code.CREDENTIAL_EXPIRES: About("warning", "Give whoever uses it its successor before that: `opsmantik-box token list`."),
    Code.CLOCK_STEP: About("warning", "Days and months are chosen by the clock: `timedatectl set-ntp true`."),
    Code.ERASURES_NOT_REPEATED: About(
        "alarm", "Put the vault of that time back, or ask for those erasures again: `opsmantik-box privacy erasures` lists them."
    ),
}


def advice_on(code: str) -> str:
    """What to do; '' about a code of another version."""
    return ABOUT[Code(code)].advice if code in Code.__members__ else ""


def graver(one: Level, other: Level) -> Level:
    """The worse of two."""
    return one if reaches(one, other) else other


def reaches(level: Level, least: Level) -> bool:
    """Is it as grave as that?"""
    return LEVELS.index(level) >= LEVELS.index(least)

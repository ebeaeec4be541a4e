"""Doctor's look at how the Box keeps its house: backups, jobs, messages to the outside, and what the engine itself found wrong."""

import sqlite3
from collections.abc import Iterator

from opsmantik_box.domain.backups import LATE_MS, moment
from opsmantik_box.domain.watch.codes import advice_on
from opsmantik_box.ops.findings import Finding
from opsmantik_box.ops.patient import Patient, ask_file


def check_backups(patient: Patient) -> Iterator[Finding]:
    """That a verified backup lies somewhere else, of tonight, and that nobody else can read it."""
    try:
        found = ask_file(patient.data / "ledger.db", "verified_backups")
    except sqlite3.Error:
        return
    for one in found:
        late = patient.now - one["made_at"] > LATE_MS
        sentence = f"The newest verified backup at {one['place']} was made {moment(one['made_at'])}."
        advice = "`opsmantik-box jobs list` says why; `opsmantik-box backup run` makes one now."
        yield Finding("backup", "warn" if late else "ok", sentence, advice if late else "")
    if not any(one["is_elsewhere"] for one in found):
        advice = "Name a place under [backup] in box.toml (docs/backups.md), then `opsmantik-box backup run`."
        yield Finding("backup elsewhere", "warn", "No verified backup lies outside of this machine.", advice)


def check_jobs(patient: Patient) -> Iterator[Finding]:
    """That what the Box does by itself ends well, and what the last audit found."""
    try:
        failed = ask_file(patient.data / "ledger.db", "failed_jobs")
        audited = ask_file(patient.data / "ledger.db", "last_audit")
    except sqlite3.Error:
        return
    advice = "`opsmantik-box jobs run NAME` starts it by hand."
    for one in failed:
        yield Finding(f"job {one['name']}", "warn", f"It failed {one['failures']} times in a row: {one['result']}", advice)
    if not failed:
        yield Finding("jobs", "ok", "No job failed the last time.")
    for one in audited:
        wrong = one["wrong"]
        sentence = f"The audit of {moment(one['at'])} found {wrong or 'nothing wrong'}."
        yield Finding("audit", "warn" if wrong else "ok", sentence, "`opsmantik-box verify` says more." if wrong else "")


def check_lanes(patient: Patient) -> Iterator[Finding]:
    """That somebody is told when something is wrong, and that it arrives."""
    try:
        lanes = ask_file(patient.data / "ledger.db", "lanes")
    except sqlite3.Error:
        return
    told = [one for one in lanes if one["last_delivered_at"] is not None]
    for one in lanes:
        if one["failing_since"] is not None:
            sentence = f"Nothing gets through since {moment(one['failing_since'])}: {one['last_error']}"
            yield Finding(f"lane {one['lane']}", "warn", sentence, "`opsmantik-box deliveries list` says more.")
    if not told:
        advice = "Set Telegram or e-mail, and a dead man's switch (docs/notifications.md)."
        yield Finding("messages", "warn", "Nobody was ever told of anything: alarms wait for somebody to look.", advice)
    else:
        yield Finding("messages", "ok", f"Messages arrive by {', '.join(one['lane'] for one in told)}.")


def check_alerts(patient: Patient) -> Iterator[Finding]:
    """What the engine itself found wrong."""
    try:
        alerts = ask_file(patient.data / "ledger.db", "open_alerts")
    except sqlite3.Error:
        return
    for one in alerts:
        yield Finding(f"alert {one['kind']}", "warn", f"{one['text']} ({one['times']} times)", advice_on(one["kind"]))
    if not alerts:
        yield Finding("alerts", "ok", "No open alert.")

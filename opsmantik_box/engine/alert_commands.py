"""Alerts as commands: listed for the owner, acknowledged and silenced by whoever works on the site. Each is one commit with its message."""

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from opsmantik_box.domain.watch.alerts import Alert, Change, acknowledge, body_of, silence
from opsmantik_box.domain.work import read_when
from opsmantik_box.engine.asking import Arguments, Asker, command, command_for
from opsmantik_box.errors import NoSuchAlert, UsageError

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

NEEDED = "operate"
BOX_TIMEZONE = "Europe/Istanbul"
"""Whose clocks a time is read by that is said of an alert of the Box itself."""


class Silencing(Struct, frozen=True):
    """`until`: UTC ms, or as an operator says it; None ends a silence."""

    id: int
    until: int | str | None = None


@command
def list_alerts(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:  # noqa: ARG001 - as every command
    """What is wrong now, with the sites' names."""
    sites = service.directory.sites
    return [
        _shown(alert) | {"site": sites[alert.site_id].name if alert.site_id in sites else None}
        for alert in service.core.ledger.alerts.open_ones()
    ]


@command_for(NEEDED)
def acknowledge_alert(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    """Saying twice that one knows is no news."""
    alert, now = _find(service, asker, int(arguments["id"])), service.clock()
    if alert.acknowledged_at is not None:
        return _shown(alert)
    return _change(service, asker, acknowledge(alert, asker.name, now), "acknowledged", now)


@command_for(NEEDED)
def silence_alert(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    """Raises UsageError for a time that has passed."""
    asked, now = msgspec.convert(arguments, Silencing), service.clock()
    alert = _find(service, asker, asked.id)
    site = service.directory.sites.get(alert.site_id or 0)
    until = read_when(asked.until, now, site.timezone if site else BOX_TIMEZONE) if isinstance(asked.until, str) else asked.until
    if until is not None and until <= now:
        raise UsageError(problem="until: it is not in the future")
    return _change(service, asker, silence(alert, until), "silenced", now)


def _find(service: "Service", asker: Asker, number: int) -> Alert:
    """One that is open. Another tenant's and one that is not there give the same. Raises NoSuchAlert, Forbidden."""
    alert = service.core.ledger.alerts.find(number)
    if alert is None or not asker.sees(alert.site_id):
        raise NoSuchAlert
    asker.check(alert.site_id, NEEDED)
    if alert.resolved_at is not None:
        raise UsageError(problem="It is over already.")
    return alert


def _change(service: "Service", asker: Asker, alert: Alert, change: Change, now: int) -> Any:
    with service.core.minding(now), service.core.ledger.transaction():
        service.core.ledger.alerts.change(alert, change, now)
        service.directory.record(now, f"alert {change}", alert.site_id, f"{alert.id} {alert.code}", asker.on_record)
    return _shown(alert)


def _shown(alert: Alert) -> dict[str, Any]:
    return {"site_id": alert.site_id, **msgspec.to_builtins(body_of(alert))}

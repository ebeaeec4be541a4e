"""The daily message: once a day, to every lane of messages. A Box that was off at its hour tells it when it is there again, that day."""

from typing import TYPE_CHECKING, Any

import msgspec

from opsmantik_box.domain.daily import Asked, Order, SiteDay, daily_message, due_day
from opsmantik_box.domain.schedules import DAY_MS
from opsmantik_box.engine.jobs import Outcome, Turn

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

HELPER = "opsmantik_box.ops.counting_day"


async def tell_day(turn: Turn, _arguments: dict[str, Any]) -> Outcome:
    """Yesterday, where that is due and was not told, and there is a site to tell of."""
    service = turn.service
    day = due_day(turn.now(), service.outward.daily_hour, service.outward.timezone)
    if day is None or not service.directory.sites or not service.lanes.has_chats or service.lanes.was_put(f"daily:{day}"):
        return Outcome("There was nothing to tell.")
    found = msgspec.convert(await turn.errand(HELPER, order_of(service, day)), list[SiteDay])
    with turn.core.minding(turn.now()), turn.core.ledger.transaction():
        service.lanes.put("daily", f"daily:{day}", daily_message(day, found), turn.now(), turn.now() + DAY_MS)
    return Outcome(f"{day} was told.", {"day": day, "sites": len(found)})


def order_of(service: "Service", day: str) -> Order:
    sites = [Asked(site.id, site.name, site.timezone) for site in service.directory.sites.values()]
    return Order(str(service.core.folder.root), day, sites)

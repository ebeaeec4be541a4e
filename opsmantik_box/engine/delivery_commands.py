"""Deliveries and webhooks as commands: what waits, what was given up, once more; where leads and alerts are told. A webhook's key is in the
answer that makes it, and in no other."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from opsmantik_box.adapters.standard_webhooks import key_text
from opsmantik_box.domain.addresses import read_networks
from opsmantik_box.domain.lanes import State
from opsmantik_box.domain.notices import EVENTS
from opsmantik_box.domain.outside import check_written, read_place
from opsmantik_box.engine.asking import CRON, Arguments, Asker, command, command_for
from opsmantik_box.engine.outbox import SQL
from opsmantik_box.errors import NoSuchDelivery, NotFound, UsageError

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

ADMIN = "admin"
END = 1 << 62


class Listing(Struct, frozen=True):
    lane: str | None = None
    state: State | None = None
    before: int = END
    limit: Annotated[int, Meta(ge=1, le=201)] = 50


class NewWebhook(Struct, frozen=True):
    """`site` None: of all sites, and of the Box itself. `personal`: pages, notes and operators' names may go along."""

    url: str
    site: str | None = None
    events: tuple[str, ...] = EVENTS
    personal: bool = False


@command_for(ADMIN)
def list_deliveries(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    """Newest first, and how each lane is."""
    asker.check(None, ADMIN)  # deliveries are of all sites together
    asked = msgspec.convert(arguments, Listing)
    rows = service.lanes.outbox.list(asked.lane, asked.state, asked.before, asked.limit)
    return {"lanes": service.lanes.describe(service.clock()), "deliveries": rows}


@command_for(ADMIN)
def retry_delivery(service: "Service", asker: Asker, arguments: Arguments) -> Any:
    """One that was given up. Raises NoSuchDelivery."""
    asker.check(None, ADMIN)  # deliveries are of all sites together
    now, number = service.clock(), int(arguments["id"])
    with service.core.minding(now), service.core.ledger.transaction():
        if not service.lanes.outbox.retry(number, now):
            raise NoSuchDelivery
        service.directory.record(now, "delivery retried", None, str(number), asker.on_record)
    return service.lanes.outbox.list(None, None, number + 1, 1)[0]


@command
def retry_deliveries(service: "Service", arguments: Arguments) -> dict[str, int]:
    """All that were given up, of one lane or of every one."""
    now = service.clock()
    with service.core.minding(now), service.core.ledger.transaction():
        return {"retried": service.lanes.outbox.retry_all(arguments.get("lane"), now)}


@command_for(CRON)
def test_notification(service: "Service", asker: Asker, arguments: Arguments) -> Any:  # noqa: ARG001 - as every command
    """Raises Conflict when no lane is switched on."""
    return service.lanes.put_test(service.clock())


@command
def add_webhook(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """With the key its requests are signed with: shown this once. Raises UsageError, NotFound."""
    asked, now = msgspec.convert(arguments, NewWebhook), service.clock()
    check_written(read_place(asked.url), read_networks(service.outward.allowed_networks))
    unknown = next((event for event in asked.events if event not in EVENTS), None)
    if unknown is not None or not asked.events:
        raise UsageError(problem=f"events: {unknown!r} is none of {', '.join(EVENTS)}")
    site = service.directory.find_site(asked.site) if asked.site is not None else None
    row = (site.id if site else None, asked.url, ",".join(asked.events), int(asked.personal), now)
    with service.core.minding(now), service.core.ledger.transaction():
        number: int = service.core.ledger.db.execute(SQL["add_webhook"], row).get
        service.directory.record(now, "webhook added", site.id if site else None, str(number))
    service.lanes.reload()
    return {"id": number, "site": site.name if site else None, "events": asked.events, "key": key_text(service.webhook_key(number))}


@command
def list_webhooks(service: "Service", arguments: Arguments) -> list[dict[str, Any]]:  # noqa: ARG001 - as every command
    """Of an address only its host: the rest may be a secret."""
    sites = service.directory.sites
    return [
        {
            "id": hook.id, "site": sites[hook.site_id].name if hook.site_id in sites else None, "host": read_place(hook.url).authority,
            "events": hook.events.split(","), "personal": bool(hook.personal), "created_at": hook.created_at,
        }
        for hook in service.lanes.webhooks.values()
    ]  # fmt: skip


@command
def remove_webhook(service: "Service", arguments: Arguments) -> dict[str, Any]:
    """Nothing is told there any more; what still waited for it is dropped. Raises NotFound."""
    now, number = service.clock(), int(arguments["id"])
    with service.core.minding(now), service.core.ledger.transaction():
        if service.core.ledger.db.execute(SQL["remove_webhook"], (now, number)).get is None:
            raise NotFound(kind="webhook", name=str(number), listing="webhook list")
        service.core.ledger.db.execute(SQL["drop_waiting"], (f"webhook:{number}",))
        service.directory.record(now, "webhook removed", None, str(number))
    service.lanes.reload()
    return {}

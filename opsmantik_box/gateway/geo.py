"""Keeps a gateway's file of places up to date: looks once a minute, opens a new one beside the loop, swaps it in between two signals."""

import asyncio

import structlog

from opsmantik_box.adapters.geo import GeoFile

LOOK_EVERY = 60.0

log = structlog.get_logger()


async def watch(geo: GeoFile, every: float = LOOK_EVERY) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(every)
        await refresh(geo)


async def refresh(geo: GeoFile) -> None:
    """Takes up the file as it is now. One that cannot be read is said, once, and counts as none."""
    if geo.is_stale:
        opened = await asyncio.to_thread(geo.open_new)
        geo.swap(opened)
        log.info("geo_file", state="in use" if opened[0] else "unreadable" if opened[1] else "gone")

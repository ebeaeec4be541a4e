"""Who listens to the engine: gateways, which are told all news, and command lines, which are told what they asked for.

What is sent is written at the end of a turn, once for each peer."""

import asyncio
from typing import TYPE_CHECKING

from opsmantik_box.engine.peers import Peer
from opsmantik_box.link import messages as m

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service


class Audience:
    """The peers of a service."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._peers: set[Peer] = set()
        self._unflushed: set[Peer] = set()

    @property
    def has_gateways(self) -> bool:
        """Is a gateway connected?"""
        return any(peer.is_gateway for peer in self._peers)

    def come(self, peer: Peer) -> None:
        """A gateway hears how everything is."""
        self._peers.add(peer)
        if peer.is_gateway:
            service = self._service
            peer.send(m.Months(service.core.months.names()))
            peer.send(service.feed.ends())
            for site in service.directory.sites.values():
                peer.send(m.SiteChanged(site))
            peer.send(service.state())
            peer.send(service.presence.everybody())

    def leave(self, peer: Peer) -> None:
        self._peers.discard(peer)
        self._service.presence.watch(peer, [], self._service.clock())

    def tell(self, message: object) -> None:
        """Every gateway."""
        for peer in self._peers:
            if peer.is_gateway:
                peer.send(message)

    def must_flush(self, peer: Peer) -> None:
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self.flush)
        self._unflushed.add(peer)

    def flush(self) -> None:
        """What peers are to hear, and how far the feed is now. Gateways first: who is told that a change was made (a token revoked) finds
        it made."""
        if (news := self._service.feed.news()) is not None:
            self.tell(news)
        for peer in sorted(self._unflushed, key=lambda peer: not peer.is_gateway):
            peer.flush()
        self._unflushed.clear()

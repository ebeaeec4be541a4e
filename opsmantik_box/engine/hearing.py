"""What gateways and command lines ask of the engine, and who answers it. A ledger that failed while it answered ends the engine."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from opsmantik_box.engine.asking import CRON, CRON_TOKEN, Asker, find_asker
from opsmantik_box.engine.commands import run_command
from opsmantik_box.engine.peers import Peer
from opsmantik_box.engine.turns import BUSY_SEC
from opsmantik_box.errors import BoxError, Forbidden, LedgerPoisoned, Unauthorized, Unavailable
from opsmantik_box.link import messages as m

if TYPE_CHECKING:
    from opsmantik_box.engine.service import Service

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Hearing:
    """One for a service."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._later: set[asyncio.Future[None]] = set()

    def hear(self, peer: Peer, asked: m.ToEngine) -> None:
        """One message of a peer."""
        service = self._service
        match asked:
            case m.Submit():
                service.turns.submit(peer, asked)
            case m.Admit():
                peer.send(service.admission.answer(asked, service.clock()))
            case m.AskSite():
                peer.send(m.SiteFound(asked.rid, service.directory.find_public(asked.public_id)))
            case m.AskToken():
                self._guard(lambda: peer.send(self._find_token(peer, asked)))
            case m.Command():
                self._guard(lambda: self._run(peer, asked))
            case m.Prove():
                peer.send(service.admission.prove(asked, service.hooks.answer, service.clock()))
            case m.TellCall() | m.TellForm():
                self._guard(lambda: peer.send(self._tell(asked)))
            case m.Count() | m.Watching() | m.Ready():
                self._note(peer, asked)

    def _note(self, peer: Peer, told: m.Count | m.Watching | m.Ready) -> None:
        """What needs no answer."""
        service = self._service
        match told:
            case m.Count():
                service.refusals.note(told.refusals)
                service.meters.note(told, service.clock())
            case m.Watching():
                service.presence.watch(peer, self._askers(peer, told.tokens), service.clock())
            case m.Ready():
                peer.walls = told.walls
                log.info("a gateway serves", walls=told.walls)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except LedgerPoisoned as error:
            self._service.fail(error)

    def _run(self, peer: Peer, asked: m.Command) -> None:
        answer = run_command(self._service, peer, asked)
        if isinstance(answer, m.Done | m.Failed):
            peer.send(answer)
        else:
            task = asyncio.ensure_future(self._send_later(peer, answer))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def _send_later(self, peer: Peer, answer: Awaitable[m.Done | m.Failed]) -> None:
        try:
            peer.send(await answer)
        except Exception as error:  # noqa: BLE001 - an engine that does not know what happened to it stops
            self._service.fail(error)

    def _find_token(self, peer: Peer, asked: m.AskToken) -> m.TokenFound:
        if self._service.keeping.is_cron(asked.token):
            peer.shown.add(CRON_TOKEN)
            return m.TokenFound(asked.rid, CRON_TOKEN, CRON, [])
        try:
            found = self._service.directory.find_principal(asked.token, self._service.clock())
        except LedgerPoisoned:
            raise
        except BoxError:
            return m.TokenFound(asked.rid, 0, "", [])
        peer.shown.add(found.token_id)
        sites, rights = list(found.sites), list(found.sites.values())
        return m.TokenFound(asked.rid, found.token_id, found.rights, sites, rights, found.user_id, found.user, found.box)

    def _askers(self, peer: Peer, tokens: Iterable[int]) -> list[Asker]:
        """Whose tokens these are, of those that this gateway has shown and that still open something."""
        found: list[Asker] = []
        for token in tokens:
            with suppress(Forbidden, Unauthorized):
                found.append(find_asker(self._service, peer, token))
        return found

    def _tell(self, asked: m.TellCall | m.TellForm) -> m.Told | m.Refused:
        """A call or a form, one commit each: they are few, and each is matched with what was accepted before it."""
        refusal = self._service.turns.refusal(asked.rid)
        if refusal is not None:
            return refusal
        try:
            return self._service.telling.tell(asked, self._service.clock())
        except LedgerPoisoned:
            raise
        except Unavailable as error:
            return self._service.turns.unavailable(asked.rid, error)
        except Exception as error:  # noqa: BLE001 - nothing was stored; one call must not cut off the gateway that brought it
            log.error("[CALL_FAULT]", kind=type(error).__name__, site=asked.site_id)
            return m.Refused(asked.rid, "busy", BUSY_SEC)

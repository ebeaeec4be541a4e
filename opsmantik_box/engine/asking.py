"""Who asks the engine for something, and what may be asked: the table of commands, each with the right it needs.

Promises: a command that declares nothing is the owner's alone. Rights and sites are looked up here, at every command, whatever the
gateway believes; and a gateway may name only tokens that it has shown to this engine itself.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from opsmantik_box.errors import Forbidden

if TYPE_CHECKING:
    from opsmantik_box.engine.peers import Peer
    from opsmantik_box.engine.service import Service

Arguments = dict[str, Any]
OWNER, ANYONE, CRON = "owner", "anyone", "cron"
CRON_TOKEN = -1
"""The number under which whoever knows the cron secret is known: no token has it."""
RIGHTS = ("read", "operate", "admin")
"""Each includes those before it."""


class Asker(Struct, frozen=True):
    """A person with what they may do on each of their sites (its id → the right). `user_id` None: the owner, at the command line.
    `name` is what others read; `on_record` (the e-mail address) is nobody else's; `token` is the number of what they ask with; `box`:
    they see what is the Box's own, too."""

    user_id: int | None
    name: str
    on_record: str
    rights: dict[int, str] = {}
    token: int = 0
    box: bool = False

    def sees(self, site_id: int | None) -> bool:
        """None: the Box itself."""
        return self.user_id is None or (self.box if site_id is None else site_id in self.rights)

    def check(self, site_id: int | None, needed: str) -> None:
        """Raises Forbidden. Whether the site is seen at all is another question."""
        has = ("admin" if self.box else "nothing") if site_id is None else self.rights.get(site_id, "nothing")
        if self.user_id is not None and weaker(has, needed) != needed:
            raise Forbidden(has=has, needs=needed)


COMMAND_LINE = Asker(None, "command line", "command line")
NOBODY = Asker(0, "nobody", "nobody")
"""Who has shown nothing yet: sees no site."""
MAINTAINER = Asker(CRON_TOKEN, CRON, CRON)
"""Who knows the cron secret."""


class Entry(NamedTuple):
    """A command and the right it needs: OWNER, CRON (the cron secret), one of RIGHTS (on the row's site; the command itself looks there),
    or ANYONE. What `run` answers may be awaitable: then the answer comes later."""

    scope: str
    run: Callable[["Service", Asker, Arguments], Any]


COMMANDS: dict[str, Entry] = {}


def weaker(one: str, other: str) -> str:
    """The lesser of two rights; a word that is none is the least."""
    return min(one, other, key=lambda right: RIGHTS.index(right) if right in RIGHTS else -1)


def command(run: Callable[["Service", Arguments], Any]) -> Callable[["Service", Arguments], Any]:
    """Puts a function into the table, under its own name; for the owner."""

    def run_for(service: "Service", _: Asker, arguments: Arguments) -> Any:
        return run(service, arguments)

    COMMANDS[run.__name__] = Entry(OWNER, run_for)
    return run


def command_for(
    right: str,
) -> Callable[[Callable[["Service", Asker, Arguments], Any]], Callable[["Service", Asker, Arguments], Any]]:
    """The same for whoever has this right somewhere; the function compares it with the row's site. Or for ANYONE."""

    def put(run: Callable[["Service", Asker, Arguments], Any]) -> Callable[["Service", Asker, Arguments], Any]:
        COMMANDS[run.__name__] = Entry(right, run)
        return run

    return put


def admit_asker(service: "Service", peer: "Peer", token: int, scope: str) -> Asker:
    """Who asks, for a command of this scope. Raises Unauthorized, Forbidden."""
    if scope == ANYONE:
        return NOBODY
    asker = find_asker(service, peer, token)
    check_scope(scope, asker)
    return asker


def find_asker(service: "Service", peer: "Peer", token: int) -> Asker:
    """Who asks with the token of this number; 0 is the owner, who is nobody a gateway can speak for. Raises Unauthorized, Forbidden."""
    if not peer.is_gateway and token == 0:
        return COMMAND_LINE
    if peer.is_gateway and token not in peer.shown:
        raise Forbidden(has="nothing", needs="a token that was shown")
    if peer.is_gateway and token == CRON_TOKEN:
        return MAINTAINER
    return service.directory.find_asker(token, service.clock())


def check_scope(scope: str, asker: Asker) -> None:
    """Raises Forbidden for what is the owner's alone, and for what the cron secret opens or does not."""
    if asker is MAINTAINER and scope != CRON:
        raise Forbidden(has=CRON, needs=scope)
    if scope in (OWNER, CRON) and asker.user_id is not None and asker is not MAINTAINER:
        raise Forbidden(has="/".join(sorted(set(asker.rights.values()))) or "nothing", needs=OWNER)

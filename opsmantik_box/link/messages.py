"""Every message between a gateway (or the command line) and the engine. Arrays with a tag in front; no topics, no filters: keep it dumb.

`rid` numbers a question within one connection; the answer carries it back. Answers come in any order.
"""

from typing import Any

import msgspec
from msgspec import Struct

from opsmantik_box import errors
from opsmantik_box.domain.calls import CallUpdate
from opsmantik_box.domain.presence import Person
from opsmantik_box.domain.signals import Arrival
from opsmantik_box.domain.sites import Site
from opsmantik_box.errors import BoxError

# --- gateway → engine -------------------------------------------------------------------------------------------------------------


class Submit(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Signals of one request, all of one site. `address` is the rate bucket's key (truncated: /32 or IPv6 /64) and '' exempts
    (a site token); `session` the inner bucket's; `conversion`: it holds one, and passes until the outer bucket is empty.
    Answered by Accepted, Limited or Refused."""

    rid: int
    site_id: int
    address: str
    session: bytes
    conversion: bool
    arrivals: list[Arrival]


class AskSite(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Is there such a site after all? Answered by SiteFound, after every SiteChanged that was sent before."""

    rid: int
    public_id: str


class AskToken(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Whose token is this? Answered by TokenFound."""

    rid: int
    token: str


class Count(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """What happened since the last Count. `refusals`: (site id or 0, reason, how many). Answers of /api/sync: (site id or 0, status, how
    many); how many took how long (domain/watch/latency.py), and for how many milliseconds all of them together."""

    refusals: list[tuple[int, str, int]]
    answers: list[tuple[int, int, int]] = []
    latency: list[int] = []
    total_ms: float = 0.0


class Command(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Do something that changes the Box, by name (engine/commands.py). `token`: the number of the token it is asked with; 0 is the
    command line's, the owner. Answered by Done or Failed."""

    rid: int
    name: str
    arguments: dict[str, Any]
    token: int = 0

    def __repr__(self) -> str:
        return f"Command({self.name})"


class Ready(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """This gateway serves."""

    walls: str


class Admit(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """May a request of this address (as in Submit) to /api/call-event pass? Answered by Accepted without results, or Limited."""

    rid: int
    site_id: int
    address: str


class Prove(Struct, frozen=True, array_like=True, tag=8, gc=False):
    """Is this request to the hook of this number an exchange's? (Number 0: a message to /api/call-event, signed with a secret of
    `site_id`.) Header names in lower case, `url` as its sender wrote it. Answered by Proven."""

    rid: int
    hook_id: int
    site_id: int
    headers: dict[str, str]
    body: bytes
    url: str = ""
    secret: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return f"Prove({self.hook_id})"


class TellCall(Struct, frozen=True, array_like=True, tag=9, gc=False):
    """One event of a call, proven. `fingerprint` of the visitor, '' when not told; `message_id` the sender's id of this message, ''
    without one; `hook_id` it came by, 0 for none. Without a provider's id nothing that comes later can be of the same call.
    Answered by Told or Refused."""

    rid: int
    site_id: int
    update: CallUpdate
    fingerprint: str = ""
    message_id: str = ""
    hook_id: int = 0


class TellForm(Struct, frozen=True, array_like=True, tag=10, gc=False):
    """A form with a contact. `stamp` tells it from every other of the site; `at` in UTC ms (one that cannot be, as 0, is when it came);
    `session` 16 bytes, b'' when not told; `phone` as +90…, or as sent when it cannot be read. Answered by Told or Refused."""

    rid: int
    site_id: int
    stamp: str
    at: int
    session: bytes = b""
    fingerprint: str = ""
    phone: str = ""
    email: str = ""
    name: str = ""
    target: str = "form:"
    page: str = ""
    consent: str = ""

    def __repr__(self) -> str:
        return f"TellForm({self.site_id})"


class Watching(Struct, frozen=True, array_like=True, tag=11, gc=False):
    """The tokens that have a stream open at this gateway, each once; sent when that changes."""

    tokens: list[int]


# --- engine → gateway -------------------------------------------------------------------------------------------------------------


class Accepted(Struct, frozen=True, array_like=True, tag=20, gc=False):
    """On disk. `results` in order: (duplicate?, the session's lead score now). `remaining` is what the inner bucket still allows."""

    rid: int
    results: list[tuple[bool, int]]
    remaining: int


class Limited(Struct, frozen=True, array_like=True, tag=21, gc=False):
    """Over a rate limit; nothing was stored."""

    rid: int
    retry_after: int


class Refused(Struct, frozen=True, array_like=True, tag=22, gc=False):
    """The engine takes no writes now (reason: full, busy, replaying, stopping, poisoned); nothing was stored."""

    rid: int
    reason: str
    retry_after: int


class SiteFound(Struct, frozen=True, array_like=True, tag=23, gc=False):
    rid: int
    site: Site | None


class TokenFound(Struct, frozen=True, array_like=True, tag=24, gc=False):
    """`rights`: '' for no such (or a revoked) token, else send, relay, read, operate or admin. `site_ids`: what it may see; a token with
    'send' has exactly the one it may send for, one with 'relay' names none and may hand on for all. `site_rights`: on each of them the
    lesser of the token's and the person's right; `user`: how the person is called; `box`: it sees what is the Box's own, too."""

    rid: int
    token_id: int
    rights: str
    site_ids: list[int]
    site_rights: list[str] = []
    user_id: int = 0
    user: str = ""
    box: bool = False


class SiteChanged(Struct, frozen=True, array_like=True, tag=25, gc=False):
    """Sent for every site at the start, then at each change. `removed` when it is gone."""

    site: Site
    removed: bool = False


class TokensChanged(Struct, frozen=True, array_like=True, tag=26, gc=False):
    """Forget what TokenFound said."""


class Months(Struct, frozen=True, array_like=True, tag=27, gc=False):
    """The month files that may be opened for reading, oldest first, as ('YYYY-MM', file name). The engine holds each of them."""

    months: list[tuple[str, str]]


class State(Struct, frozen=True, array_like=True, tag=28, gc=False):
    """How the engine is: `accepting` or why not (`reason` as in Refused). Sent at the start and at every change, and once a second
    with the lag: signals accepted and not yet in their month file, and the age of the oldest in milliseconds."""

    accepting: bool
    reason: str
    lag_signals: int
    lag_ms: int


class Done(Struct, frozen=True, array_like=True, tag=29, gc=False):
    rid: int
    result: Any


class Failed(Struct, frozen=True, array_like=True, tag=30, gc=False):
    """A command that was refused. `error` is the class of opsmantik_box.errors, `message` what a person reads, `current` what a
    conflict is with, as it is now."""

    rid: int
    error: str
    message: str
    exit_code: int
    current: Any = None


class Drain(Struct, frozen=True, array_like=True, tag=31, gc=False):
    """Stop accepting connections, answer what you hold, then close the link."""


class Fed(Struct, frozen=True, array_like=True, tag=32, gc=False):
    """Where the feed is: its epoch, the first row that is kept (what is older goes a minute from now), and the newest one ever. Sent at
    the start, and at the end of a turn in which rows were added: the rows are in the ledger, for whoever wants to read them."""

    epoch: int
    oldest: int
    newest: int


class Hints(Struct, frozen=True, array_like=True, tag=33, gc=False):
    """What the stream tells and nobody keeps, as (topic, site id, JSON). When there is much, only some of it."""

    hints: list[tuple[str, int, str]]


class Proven(Struct, frozen=True, array_like=True, tag=34, gc=False):
    """`reason` is why it is not proven (adapters/telephony/refused.py, or rate_limited: then it may come again after so many seconds), ''
    when it is. `provider`: whose table reads it, `region` (ISO) that of the site; `message_id` the sender's own, '' without one."""

    rid: int
    reason: str
    site_id: int = 0
    provider: str = ""
    region: str = ""
    message_id: str = ""
    retry_after: int = 0


class Told(Struct, frozen=True, array_like=True, tag=35, gc=False):
    """On disk: the row, and its visit with the score at the match (None: matched with none). `duplicate`: it was there already."""

    rid: int
    call_id: int
    session_id: str | None
    lead_score: int | None
    duplicate: bool = False


class Present(Struct, frozen=True, array_like=True, tag=36, gc=False):
    """Everybody who is there, at the start and a moment after each change."""

    people: list[Person]


ToEngine = Submit | AskSite | AskToken | Count | Command | Ready | Admit | Prove | TellCall | TellForm | Watching
ToGateway = (
    Accepted
    | Limited
    | Refused
    | SiteFound
    | TokenFound
    | SiteChanged
    | TokensChanged
    | Months
    | State
    | Done
    | Failed
    | Drain
    | Fed
    | Hints
    | Proven
    | Told
    | Present
)

decode_to_engine = msgspec.msgpack.Decoder(ToEngine).decode
decode_to_gateway = msgspec.msgpack.Decoder(ToGateway).decode


def refused_with(failed: Failed) -> BoxError:
    """The error as it was raised at the other end: same class, same message."""
    kind = getattr(errors, failed.error, BoxError)
    error: BoxError = kind.__new__(kind)
    error.details = {} if failed.current is None else {"current": failed.current}
    Exception.__init__(error, failed.message)
    return error

"""What the handlers of the API are given, and the parameters that the routes of several modules share."""

from collections.abc import Container
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation
from msgspec import Struct

from opsmantik_box.clock import Clock
from opsmantik_box.domain.feed import FeedPosition
from opsmantik_box.domain.opening import answer_target, told_hours
from opsmantik_box.domain.sites import Site
from opsmantik_box.gateway.auth import AuthedRequest, own_site
from opsmantik_box.gateway.link import EngineLink
from opsmantik_box.gateway.reads import Reads
from opsmantik_box.gateway.rows import SiteView

READ = {"scope": "read"}
MOST_NUMBER = 2**53
"""What JSON carries exactly everywhere."""


class Person(Struct, frozen=True):
    """By the number that rows carry as `by`."""

    id: int
    name: str


class Desk(Struct, frozen=True):
    """What the handlers work with."""

    reads: Reads
    link: EngineLink
    clock: Clock

    async def site(self, request: AuthedRequest, told: str) -> Site:
        """The caller's site of this public id. Raises NoSuchSite."""
        return await own_site(self.link, request.auth, told)

    def my_sites(self, request: AuthedRequest) -> list[Site]:
        """All of the caller's sites."""
        known = self.link.sites_by_id
        return [known[number] for number in request.auth.site_ids if number in known]

    def sites(self, request: AuthedRequest, among: Container[int]) -> list[SiteView]:
        """Those of the caller's sites that are among these, with what he may do there."""
        known, caller = self.link.sites_by_id, request.auth
        mine = zip(caller.site_ids, caller.site_rights, strict=True)
        return [_site_view(known[number], rights) for number, rights in mine if number in known and number in among]

    def feed(self) -> str:
        """Where the feed is now. Asked for before a list is read: what is committed in between is on the page and is told by the stream
        as well, with the same ref and version; the other way round it would be in neither."""
        return str(FeedPosition(self.link.feed.epoch, self.link.feed.newest))


TheDesk = NamedDependency[SkipValidation[Desk]]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many rows at most.")]
Cursor = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the page before.")]
SiteId = Annotated[str, PathParameter(description="The site's public id (UUID).")]
RowId = Annotated[int, PathParameter(ge=1, le=MOST_NUMBER, description="The row's `id`, as lists show it.")]


def _site_view(site: Site, rights: str) -> SiteView:
    target, hours = answer_target(site.settings), told_hours(site.settings)
    return SiteView(site.public_id, site.name, site.domains, site.timezone, site.currency, rights, target, hours)

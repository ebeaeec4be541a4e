"""`POST /api/v1/leads`: a form with a contact, posted by the site's own server with the site's token.

Promises: 201 or 200 only for what is in the ledger; the contact is encrypted there. Never logs what was sent.
"""

import hashlib
import uuid
from typing import Annotated, Literal

from litestar import post
from litestar.params import HeaderParameter
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from opsmantik_box.domain.ids import session_id
from opsmantik_box.domain.intents import MAX_FORM, read_stamp
from opsmantik_box.domain.reading import clean
from opsmantik_box.domain.site_rules import site_rules
from opsmantik_box.domain.sites import Site
from opsmantik_box.domain.targets import e164, is_number
from opsmantik_box.domain.urls import read_url
from opsmantik_box.errors import Unavailable, UsageError
from opsmantik_box.gateway.auth import AuthedRequest
from opsmantik_box.gateway.bodies import MAX_BODY
from opsmantik_box.gateway.desk_api import Ask
from opsmantik_box.gateway.problems import NoSuchSite, documented
from opsmantik_box.link.messages import TellForm, Told

Text = Annotated[str, Meta(max_length=200)]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Any word of yours, new for each form: sent again with it, it is stored once. Or give `id`.",
    ),
]


class LeadPosted(Struct, frozen=True, kw_only=True):
    """A form somebody sent. One of `phone` and `email` is needed. `sid` and `fingerprint` as the tracker knows them say whose visit it
    was; `intent_stamp` which of the tracker's own forms it is; `at` is UTC milliseconds. Other keys are not kept."""

    phone: Annotated[str, Meta(max_length=64)] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    name: Text = ""
    form: Text = ""
    page: Annotated[str, Meta(max_length=4_096)] = ""
    sid: Text = ""
    fingerprint: Annotated[str, Meta(max_length=128)] = ""
    intent_stamp: Text = ""
    id: Text = ""
    at: Annotated[int, Meta(ge=0, le=2**53)] = 0


class LeadStored(Struct, frozen=True):
    """The row, and the visit it came from, if that is known, with its score at that moment."""

    status: Literal["stored", "duplicate"]
    id: int
    session_id: str | None
    lead_score: int | None


@post(
    "/leads",
    opt={"scope": "send"},
    status_code=200,
    responses=documented(400, 404, 413),
    request_max_body_size=MAX_BODY,
)
async def post_lead(request: AuthedRequest, link: Ask, data: LeadPosted, key: Key = None) -> LeadStored:
    """A form with a contact, from the site's own server, with the site's own token. Kept encrypted; seen by whoever claims it."""
    site = next((link.sites_by_id[number] for number in request.auth.site_ids if number in link.sites_by_id), None)
    if site is None:
        raise NoSuchSite
    answer = await link.tell(read_form(data, site, key or ""))
    if not isinstance(answer, Told):
        raise Unavailable(reason=answer.reason)
    status = "duplicate" if answer.duplicate else "stored"
    return LeadStored(status, answer.call_id, answer.session_id, answer.lead_score)


def read_form(posted: LeadPosted, site: Site, key: str) -> TellForm:
    """As the engine stores it. Raises UsageError for a form that says nothing of whom to call or write to."""
    phone, email = _read(posted.phone), _read(posted.email)
    if not phone and "@" not in email:
        raise UsageError(problem="phone, email: one of them is needed, else there is nobody to call or write to")
    rules, fingerprint = site_rules(site), _read(posted.fingerprint)
    page = read_url(posted.page, rules.keep_params) if posted.page else None
    return TellForm(
        rid=0,
        site_id=site.id,
        stamp=_stamp(posted, key),
        at=posted.at,
        session=session_id(site.id, _read(posted.sid), fingerprint, b"") if posted.sid else b"",
        fingerprint=fingerprint,
        phone=(e164(phone, rules.region) if is_number(phone) else "") or phone,
        email=email,
        name=_read(posted.name),
        target=f"form:{_read(posted.form)[:MAX_FORM]}",
        page=page.text if page else "",
    )


def _stamp(posted: LeadPosted, key: str) -> str:
    """What tells this form from every other: the tracker's stamp, or the sender's key or id; without one, each is another form."""
    if posted.intent_stamp:
        return read_stamp(_read(posted.intent_stamp))
    own = key or posted.id or str(uuid.uuid4())
    return f"lead-{hashlib.blake2b(own.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def _read(text: str) -> str:
    return clean(text).strip()


FORM_ROUTES: list[ControllerRouterHandler] = [post_lead]

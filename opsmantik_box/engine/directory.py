"""Sites, users and tokens: who is who on this Box. Changed by commands, each in one transaction of the ledger with its audit."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from opsmantik_box.domain.ids import site_id_text
from opsmantik_box.domain.site_entry import SiteChange, SiteEntry, check_entry
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.arrivals import read_arrivals
from opsmantik_box.engine.asking import COMMAND_LINE, RIGHTS, Asker, weaker
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.ledger import SQL as LEDGER_SQL
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.engine.vault import Vault, new_token
from opsmantik_box.errors import Conflict, NotFound, Unauthorized, UsageError
from opsmantik_box.sql import load

SQL = load("commands")
_JSON = ("domains", "staging_domains", "internal_addresses", "trusted_proxies", "settings")
USED_EVERY_MS = 60_000
RELAYS = "relay@localhost"
"""The user whose tokens are relays': of every site, sending only. Removing it takes them all away."""
MOST_GRACE_MS = 30 * 86_400_000


class Principal(Struct, frozen=True):
    """Who a token belongs to: '' rights for nobody. `sites`: what it sees, each with what it may do there; `box`: it sees what is the
    Box's own, too."""

    token_id: int = 0
    rights: str = ""
    sites: dict[int, str] = {}
    user_id: int = 0
    user: str = ""
    box: bool = False


class Directory:
    """The sites, held in memory; users and tokens, looked up."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        self._ledger, self._vault, self._db = ledger, vault, ledger.db
        self.sites: dict[int, Site] = {}
        self._created: dict[int, int] = {}
        self._load()

    def _load(self) -> None:
        for row in self._db.execute(SQL["list_sites"]):
            *fields, created_at = row
            site = _site(fields)
            self.sites[site.id], self._created[site.id] = site, created_at

    def find_site(self, name: str | int) -> Site:
        """A site by its id, public id, name or one of its domains. Raises NotFound, UsageError (when several have that domain)."""
        text = str(name).strip()
        public_id = site_id_text(text)
        found = [s for s in self.sites.values() if text == str(s.id) or public_id == s.public_id or text == s.name]
        found = found or [s for s in self.sites.values() if text.lower() in s.domains]
        if not found:
            raise NotFound(kind="site", name=text, listing="site list")
        if len(found) > 1:
            raise UsageError(problem=f"{text!r} is a domain of several sites: {', '.join(s.name for s in found)}; name one of them")
        return found[0]

    def find_public(self, public_id: str) -> Site | None:
        """A site by the id its tracker carries."""
        return next((site for site in self.sites.values() if site.public_id == public_id), None)

    def add_sites(self, news: Sequence[SiteEntry], now: int) -> list[Site]:
        """All or none. Raises UsageError, Conflict."""
        news = [check_entry(new) for new in news]
        names = [*(site.name for site in self.sites.values()), *(new.name for new in news)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Conflict(problem=f"There is a site {twice!r} already. Choose another name.")
        with self._ledger.transaction():
            added = [self._add_site(new, now) for new in news]
        self._load()
        return [self.sites[site_id] for site_id in added]

    def _add_site(self, new: SiteEntry, now: int) -> int:
        row = {
            "public_id": str(uuid.uuid4()), "name": new.name, "timezone": new.timezone, "default_region": new.region,
            "currency": new.currency, "consent": new.consent, "created_at": now, "domains": json.dumps(new.domains),
            "staging_domains": json.dumps(new.staging_domains), "internal_addresses": json.dumps(new.internal_addresses),
            "trusted_proxies": json.dumps(new.trusted_proxies), "settings": "{}",
        }  # fmt: skip
        site_id = self._db.execute(SQL["add_site"], row).get
        self.record(now, "site added", site_id, new.name)
        return site_id

    def change_site(self, site: Site, news: SiteChange, now: int) -> Site:
        """Raises UsageError."""
        entry = check_entry(
            SiteEntry(
                name=site.name,
                domains=[*site.domains, *news.add_domains],
                consent=news.consent or site.consent,
                trusted_proxies=[] if news.no_proxies else news.trusted_proxies or site.trusted_proxies,
            )
        )
        changed = replace(site, domains=entry.domains, consent=entry.consent, trusted_proxies=entry.trusted_proxies)
        with self._ledger.transaction():
            told = (json.dumps(changed.domains), changed.consent, json.dumps(changed.trusted_proxies), site.id)
            self._db.execute(SQL["change_site"], told)
            self.record(now, "site changed", site.id, site.name)
        self.sites[site.id] = changed
        return changed

    def list_sites(self, now: int, last_signal: Mapping[int, int | None]) -> list[dict[str, Any]]:
        """Every site as a person reads it. `last_signal`: when each was heard of last (ms), as far as this engine knows."""
        return [self._list_site(site, now, last_signal.get(site.id)) for site in self.sites.values()]

    def _list_site(self, site: Site, now: int, last_signal: int | None) -> dict[str, Any]:
        arrivals = read_arrivals(self._db, site.id, now)
        return describe_site(site) | {
            "created_at": self._created[site.id],
            "last_signal_at": last_signal,
            "taps_24h": self._db.execute(SQL["count_taps"], (site.id, now - 86_400_000)).get,
            "tracker_version": arrivals.version,
            "arrival_rate": arrivals.arrival_rate,
            "arrivals": asdict(arrivals),
        }

    def add_user(self, email: str, name: str, now: int) -> dict[str, Any]:
        """Raises UsageError, Conflict."""
        if "@" not in email:
            raise UsageError(problem=f"{email!r} is no e-mail address.")
        if self._db.execute(SQL["find_user"], {"who": email}).get is not None:
            raise Conflict(problem=f"There is a user {email!r} already.")
        with self._ledger.transaction():
            user_id = self._db.execute(SQL["add_user"], (email, name, now)).get
            self.record(now, "user added", None, email)
        return {"id": user_id, "email": email, "name": name}

    def find_user(self, who: str | int) -> tuple[int, str]:
        """(id, e-mail) of a user by either. Raises NotFound."""
        row = self._db.execute(SQL["find_user"], {"who": str(who)}).fetchone()
        if row is None:
            raise NotFound(kind="user", name=str(who), listing="user list")
        return row[0], row[1]

    def list_users(self) -> list[dict[str, Any]]:
        """Everybody, and since when they have a password (None: they have none)."""
        names, passwords = ("id", "email", "name", "created_at", "sites"), self._vault.passwords()
        rows = all_rows(self._db, SQL["list_users"])
        return [dict(zip(names, row, strict=True)) | {"password_changed_at": passwords.get(row[0])} for row in rows]

    def grant(self, who: str, site: Site, rights: str, now: int) -> None:
        """Raises UsageError, NotFound."""
        user_id, email = self.find_user(who)
        with self._ledger.transaction():
            self._db.execute(SQL["grant_site"], (site.id, user_id, _known(rights, RIGHTS, "rights"), now))
            self.record(now, f"{rights} granted", site.id, email)

    def create_relay_token(self, now: int, name: str) -> dict[str, Any]:
        """A token with which a relay may hand on signals of every site. It belongs to a user who stands for all relays."""
        if self._db.execute(SQL["find_user"], {"who": RELAYS}).get is None:
            self.add_user(RELAYS, "relays", now)
        return self.create_token(now, RELAYS, None, "send", name)

    def create_token(self, now: int, user: str | None, site: Site | None, rights: str, name: str) -> dict[str, Any]:
        """A new token, told this once. A site's token may only send. Raises UsageError, NotFound."""
        if (user is None) == (site is None):
            raise UsageError(problem="A token is either a user's (--user) or a site's (--site).")
        rights = "send" if site or user == RELAYS else _known(rights, RIGHTS, "rights")
        user_id = self.find_user(user)[0] if user is not None else None
        token = new_token()
        row = (name, self._vault.hash_token(token), user_id, site.id if site else None, rights, now)
        with self._ledger.transaction():
            token_id = self._db.execute(SQL["add_token"], row).get
            self.record(now, "token created", site.id if site else None, str(token_id))
        return {"id": token_id, "token": token, "rights": rights, "name": name, "user": user, "site": site.name if site else None}

    def list_tokens(self) -> list[dict[str, Any]]:
        """Every token, without what would let one use it."""
        names = ("id", "name", "rights", "user", "site", "created_at", "last_used_at", "expires_at", "revoked_at")
        return [dict(zip(names, row, strict=True)) for row in self._db.execute(SQL["list_tokens"])]

    def revoke_token(self, token_id: int, now: int, by: str = COMMAND_LINE.on_record) -> None:
        """Raises NotFound (also when it is revoked already)."""
        with self._ledger.transaction():
            if self._db.execute(SQL["revoke_token"], (now, token_id)).get is None:
                raise NotFound(kind="live token", name=str(token_id), listing="token list")
            self.record(now, "token revoked", None, str(token_id), by)

    def rotate_token(self, token_id: int, grace_ms: int, now: int) -> dict[str, Any]:
        """A successor with the same owner and rights; the old one opens for the grace time. Raises NotFound, UsageError."""
        if not 0 <= grace_ms <= MOST_GRACE_MS:
            raise UsageError(problem=f"The old token may live for 0 to {MOST_GRACE_MS // 3_600_000} more hours.")
        row = self._db.execute(SQL["find_live_token"], (token_id, now)).fetchone()
        if row is None:
            raise NotFound(kind="live token", name=str(token_id), listing="token list")
        name, user_id, site_id, rights = row
        token = new_token()
        with self._ledger.transaction():
            new_id = self._db.execute(SQL["add_token"], (name, self._vault.hash_token(token), user_id, site_id, rights, now)).get
            self._db.execute(SQL["expire_token"], {"at": now + grace_ms, "id": token_id})
            self.record(now, "token rotated", site_id, f"{token_id} to {new_id}")
        return {
            "id": new_id,
            "token": token,
            "rights": rights,
            "name": name,
            "replaces": token_id,
            "old_expires_at": now + grace_ms,
        }

    def revoke_expired(self, now: int) -> bool:
        """Tokens whose time is over; whether there were any."""
        expired = all_rows(self._db, SQL["list_expired_tokens"], (now,))
        for (token_id,) in expired:
            self.revoke_token(token_id, now, by="clock")
        return bool(expired)

    def remove_user(self, who: str, site: Site | None, now: int) -> None:
        """From one site, or (without one) altogether, tokens included; what they did stays on record. Raises NotFound."""
        user_id, email = self.find_user(who)
        with self._ledger.transaction():
            if site is not None:
                if self._db.execute(SQL["leave_site"], (user_id, site.id)).get is None:
                    raise NotFound(kind="user of this site", name=email, listing="user rights")
            else:
                self._db.execute(SQL["leave_sites"], (user_id,))
                self._db.execute(SQL["revoke_tokens_of"], (now, user_id))
                self._db.execute(SQL["remove_user"], (now, user_id))
                self._vault.drop_password(user_id)
            self.record(now, "user removed", site.id if site else None, email)

    def list_rights(self) -> list[dict[str, Any]]:
        """Who may do what, where."""
        names = ("user", "site", "rights", "created_at")
        return [dict(zip(names, row, strict=True)) for row in self._db.execute(SQL["list_rights"])]

    def list_audit(self, site: Site | None, actor: str | None, limit: int) -> list[dict[str, Any]]:
        """Who did what, newest first."""
        asked = {"site_id": site.id if site else None, "actor": actor, "limit": limit}
        names = ("id", "at", "actor", "action", "site", "ref", "details")
        return [dict(zip(names, row, strict=True)) for row in self._db.execute(SQL["list_audit"], asked)]

    def find_asker(self, token_id: int, now: int) -> Asker:
        """Who asks with a token of this number: on each site the lesser of the token's and the person's right. Raises Unauthorized."""
        row = self._db.execute(SQL["find_asker"], (token_id, now)).fetchone()
        if row is None:
            raise Unauthorized
        user_id, name, email, most = row
        rights = self._sites_of(user_id, most)
        return Asker(user_id, name, email, rights, token_id, sees_box(rights, self.sites))

    def _sites_of(self, user_id: int, most: str) -> dict[int, str]:
        """On each site of a person the lesser of a token's and the person's right."""
        return {site_id: weaker(right, most) for site_id, right in self._db.execute(SQL["sites_of_user"], (user_id,))}

    def find_principal(self, token: str, now: int) -> Principal:
        """Whose token this is, and what it may see."""
        row = self._db.execute(SQL["find_token"], (self._vault.hash_token(token), now)).fetchone()
        if row is None:
            return Principal()
        token_id, user_id, user, site_id, rights, last_used_at = row
        if last_used_at is None or now - last_used_at >= USED_EVERY_MS:
            with self._ledger.transaction():
                self._db.execute(SQL["use_token"], (now, token_id))
        if site_id is not None:
            return Principal(token_id, rights, {site_id: rights} if site_id in self.sites else {})
        if rights == "send":
            return Principal(token_id, "relay")
        sites = self._sites_of(user_id, rights)
        return Principal(token_id, rights, sites, user_id, user, sees_box(sites, self.sites))

    def record(self, now: int, action: str, site_id: int | None, ref: str, by: str = COMMAND_LINE.on_record) -> None:
        """Who did what, in the caller's transaction."""
        self._db.execute(LEDGER_SQL["audit"], (now, by, action, site_id, ref, "{}"))


def sees_box(rights: Mapping[int, str], sites: Iterable[int]) -> bool:
    """Who may administer every site there is, whatever it says on the Box's own account concerns no other."""
    return bool(rights) and all(rights.get(site_id) == "admin" for site_id in sites)


def describe_site(site: Site) -> dict[str, Any]:
    """A site as commands answer it."""
    return {
        "id": site.id, "public_id": site.public_id, "name": site.name, "domains": site.domains, "timezone": site.timezone,
        "region": site.default_region, "currency": site.currency, "consent": site.consent, "trusted_proxies": site.trusted_proxies,
    }  # fmt: skip


def _site(fields: Sequence[Any]) -> Site:
    names = Site.__struct_fields__
    values = [json.loads(value) if name in _JSON else value for name, value in zip(names, fields, strict=True)]
    return Site(*values)


def _known(value: str, choices: Sequence[str], what: str) -> str:
    if value not in choices:
        raise UsageError(problem=f"{value!r} is not one of the {what}: {', '.join(choices)}.")
    return value

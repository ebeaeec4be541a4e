"""Hooks: the addresses at which exchanges tell of calls, and the proof that a request comes from one.

Proven here and nowhere else, because the keys are the vault's and do not leave the process. An address's secret is kept as a keyed
hash, so it can be shown only when it is made. Nothing here is logged but a hook's number.
"""

import json
import secrets
from collections.abc import Sequence
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from opsmantik_box.adapters.telephony import signatures
from opsmantik_box.adapters.telephony.refused import HookRefused
from opsmantik_box.adapters.telephony.signatures import HookRequest, Mode, Proof
from opsmantik_box.adapters.telephony.tables import PROVIDERS
from opsmantik_box.domain.addresses import parse_networks, read_networks
from opsmantik_box.domain.sites import Site
from opsmantik_box.engine.connections import all_rows
from opsmantik_box.engine.directory import Directory
from opsmantik_box.engine.ledger import SQL as LEDGER_SQL
from opsmantik_box.engine.ledger import Ledger
from opsmantik_box.engine.vault import Vault
from opsmantik_box.errors import NotFound, UsageError
from opsmantik_box.link.messages import Prove, Proven
from opsmantik_box.sql import load

SQL = load("hooks")
USUAL_MODE: dict[str, Mode] = {"twilio": "twilio", "telnyx": "telnyx", "generic": "standard"}
"""Of the others: the secret address."""
MADE_HERE: dict[str, str] = {"standard": "whsec_", "hmac": ""}
"""Modes whose key the Box makes when the owner brings none, and how such a key begins."""


class NewHook(Struct, frozen=True):
    """A hook as it is asked for. `key`: what the exchange signs with ('' to have one made where that is possible); `basic`:
    'user:password'; `networks`: where its requests come from, if that is known."""

    provider: str
    mode: str = ""
    key: str = ""
    basic: str = ""
    header: str = "x-signature"
    networks: list[str] = []


class Hook(Struct, frozen=True):
    """A hook as the ledger knows it."""

    id: int
    site_id: int
    provider: str
    mode: Mode
    header: str
    networks: str


class Hooks:
    """Made, changed and asked by commands."""

    def __init__(self, ledger: Ledger, vault: Vault, directory: Directory) -> None:
        self._ledger, self._db, self._vault, self._directory = ledger, ledger.db, vault, directory

    def add(self, site: Site, new: NewHook, now: int) -> dict[str, Any]:
        """The hook with its secret and the key that was made for it: shown this once. Raises UsageError."""
        new = check_hook(new)
        made = "" if new.key else _made_key(new.mode)
        with self._ledger.transaction():
            row = (site.id, new.provider, new.mode, new.header, json.dumps(new.networks), now)
            hook_id: int = self._db.execute(SQL["add_hook"], row).get
            secret = self._add_secret(hook_id, now)
            self._audit(now, "hook added", site.id, hook_id)
        self._add_keys(hook_id, new.key or made, new.basic, now)
        return {"id": hook_id, "site": site.name, "provider": new.provider, "mode": new.mode, "secret": secret, "key": made or None}

    def rotate(self, hook_id: int, key: str, basic: str, now: int) -> dict[str, Any]:
        """A second secret for its address, and a second key if one is brought (or made here): the newest before stay good until
        `finish_rotation`. Raises NotFound, UsageError."""
        hook = self._find(hook_id)
        made = "" if key else _made_key(hook.mode)
        check_hook(NewHook(hook.provider, hook.mode, key or made or "kept", basic), kept=not (key or made))
        with self._ledger.transaction():
            self._keep_newest(hook_id, 1)
            secret = self._add_secret(hook_id, now)
            self._audit(now, "hook rotated", hook.site_id, hook_id)
        self._add_keys(hook_id, key or made, basic, now)
        return {"id": hook_id, "site": self._directory.sites[hook.site_id].name, "secret": secret, "key": made or None}

    def finish_rotation(self, hook_id: int, now: int) -> None:
        """What was before the newest secret and keys is worthless from now on. Raises NotFound."""
        hook = self._find(hook_id)
        with self._ledger.transaction():
            self._keep_newest(hook_id, 1)
            self._audit(now, "hook rotation finished", hook.site_id, hook_id)
        for kind in ("signature", "basic"):
            self._vault.keep_newest_keys(hook_id, kind, 1)

    def remove(self, hook_id: int, now: int) -> None:
        """The address is none from now on. Raises NotFound."""
        hook = self._find(hook_id)
        with self._ledger.transaction():
            self._db.execute(SQL["remove_hook"], (now, hook_id))
            self._keep_newest(hook_id, 0)
            self._audit(now, "hook removed", hook.site_id, hook_id)
        for kind in ("signature", "basic"):
            self._vault.keep_newest_keys(hook_id, kind, 0)

    def list(self) -> list[dict[str, Any]]:
        """Every hook, without what would let one use it. `secrets`: 2 while one is being changed."""
        names = ("id", "site", "provider", "mode", "networks", "secrets", "created_at", "last_call_at")
        rows = [dict(zip(names, row, strict=True)) for row in all_rows(self._db, SQL["list_hooks"])]
        return [row | {"networks": json.loads(row["networks"])} for row in rows]

    def answer(self, asked: Prove, now: int) -> Proven:
        """Whether it is proven, in a word. What it says of a call is for the gateway to read: nothing hostile is parsed here."""
        request = HookRequest(asked.headers, asked.body, asked.url, asked.secret, asked.address)
        try:
            if not asked.hook_id:
                return Proven(asked.rid, "", asked.site_id, message_id=self.prove_call(asked.site_id, request, now))
            hook, message_id = self.prove(asked.hook_id, request, now)
        except HookRefused as refused:
            return Proven(asked.rid, refused.reason, asked.site_id or self._site_of(asked.hook_id))
        region = self._directory.sites[hook.site_id].default_region
        return Proven(asked.rid, "", hook.site_id, hook.provider, region, message_id)

    def _site_of(self, hook_id: int) -> int:
        row = self._db.execute(SQL["find_hook"], (hook_id,)).fetchone()
        return Hook(*row).site_id if row else 0

    def prove(self, hook_id: int, request: HookRequest, now: int) -> tuple[Hook, str]:
        """The hook a request comes by, and the sender's id of the message ('' without one). Raises HookRefused."""
        row = self._db.execute(SQL["find_hook"], (hook_id,)).fetchone()
        if row is None:
            raise HookRefused("secret_wrong")
        hook = Hook(*row)
        hashed = replace(request, secret=self._vault.hash_token(request.secret).hex())
        return hook, signatures.prove(self._proof(hook), hashed, now)

    def prove_call(self, site_id: int, request: HookRequest, now: int) -> str:
        """The id of a message to /api/call-event, signed as by one of the site's Standard Webhooks hooks. Raises HookRefused."""
        hooks = all_rows(self._db, SQL["list_signing_hooks"], (site_id,))
        keys = [key for (hook_id,) in hooks for key in self._vault.hook_keys(hook_id, "signature")]
        return signatures.check_standard(request, keys, now)

    def _proof(self, hook: Hook) -> Proof:
        secrets_of = tuple(found.hex() for (found,) in all_rows(self._db, SQL["list_secrets"], (hook.id,)))
        return Proof(
            mode=hook.mode,
            secrets=secrets_of,
            keys=self._vault.hook_keys(hook.id, "signature"),
            header=hook.header,
            basic=self._vault.hook_keys(hook.id, "basic"),
            networks=read_networks(json.loads(hook.networks)),
        )

    def _find(self, hook_id: int) -> Hook:
        row = self._db.execute(SQL["find_hook"], (hook_id,)).fetchone()
        if row is None:
            raise NotFound(kind="hook", name=str(hook_id), listing="hook list")
        return Hook(*row)

    def _add_secret(self, hook_id: int, now: int) -> str:
        secret = secrets.token_urlsafe(32)
        self._db.execute(SQL["add_secret"], (hook_id, self._vault.hash_token(secret), now))
        return secret

    def _keep_newest(self, hook_id: int, kept: int) -> None:
        for (secret_hash,) in all_rows(self._db, SQL["list_secrets"], (hook_id,))[kept:]:
            self._db.execute(SQL["drop_secret"], (hook_id, secret_hash))

    def _add_keys(self, hook_id: int, key: str, basic: str, now: int) -> None:
        for kind, secret in (("signature", key), ("basic", basic)):
            if secret:
                self._vault.keep_newest_keys(hook_id, kind, 1)
                self._vault.add_hook_key(hook_id, kind, secret, now)

    def _audit(self, now: int, action: str, site_id: int, hook_id: int) -> None:
        self._db.execute(LEDGER_SQL["audit"], (now, "command line", action, site_id, str(hook_id), "{}"))


def check_hook(new: NewHook, *, kept: bool = False) -> NewHook:
    """With its mode, if it can be used. `kept`: its key is one that is there already. Raises UsageError."""
    _one_of(new.provider, PROVIDERS, "exchanges")
    new = replace(new, mode=new.mode or USUAL_MODE.get(new.provider, "secret_url"), header=new.header.strip().lower())
    _one_of(new.mode, get_args(Mode), "modes")
    if new.mode in ("twilio", "telnyx") and not new.key:
        raise UsageError(problem=f"The mode {new.mode} needs the exchange's key. Give it with --key-file.")
    if new.basic and ":" not in new.basic:
        raise UsageError(problem="HTTP Basic is written user:password.")
    try:
        parse_networks(new.networks)
    except ValueError as error:
        raise UsageError(problem=f"Networks: {error}.") from None
    if new.key and not kept:
        _check_key(new.mode, new.key)
    return new


def _check_key(mode: str, key: str) -> None:
    """A key that no signature could ever fit is better refused now than at night."""
    import base64

    bare = key.strip().removeprefix("whsec_")
    try:
        size = len(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)) if mode in ("standard", "telnyx") else 32
    except ValueError:
        size = 0
    if not size or (mode == "telnyx" and size != 32):
        raise UsageError(problem=f"That is no key of the mode {mode}.")


def _made_key(mode: str) -> str:
    import base64

    return MADE_HERE[mode] + base64.b64encode(secrets.token_bytes(32)).decode() if mode in MADE_HERE else ""


def _one_of(value: str, choices: Sequence[str], what: str) -> None:
    if value not in choices:
        raise UsageError(problem=f"{value!r} is not one of the {what}: {', '.join(choices)}.")

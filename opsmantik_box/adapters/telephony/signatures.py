"""Whether a request comes from the exchange it says it comes from. Pure: keys and the time are arguments.

Secrets are compared in constant time, and an empty one never matches. A list of them holds the old and the new one while an owner
changes it: any may match. What each mode proves, and what it does not: docs/telephony.md.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

from msgspec import Struct

from opsmantik_box.adapters.telephony.refused import HookRefused, Reason
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.addresses import is_internal as is_listed

Mode = Literal["secret_url", "standard", "twilio", "telnyx", "hmac"]

TOLERANCE_MS = 5 * 60_000
"""How far a signed time may be from ours, either way (Standard Webhooks, Telnyx)."""
MAX_PARAMETERS = 200

_HOST = re.compile(r"(https?)://([^/?#]*?)(:\d+)?(?=[/?#]|$)")


class HookRequest(Struct, frozen=True):
    """A request to /hooks/call/{hook_id}/{secret}. Header names in lower case. `url` is what the sender wrote into its request:
    scheme, public host, path and query unchanged. `secret` is the address's last part, `address` the client's, '' when unknown."""

    headers: Mapping[str, str]
    body: bytes
    url: str
    secret: str
    address: str = ""

    def __repr__(self) -> str:
        return f"HookRequest({len(self.body)} bytes)"


class Proof(Struct, frozen=True):
    """What a hook demands. `secrets`: of its address; `keys`: of the signature. `header` (lower case) is where `hmac` looks.
    `basic`: 'user:password' each; `networks`: where requests may come from. An empty one of these two demands nothing."""

    mode: Mode
    secrets: tuple[str, ...]
    keys: tuple[str, ...] = ()
    header: str = "x-signature"
    basic: tuple[str, ...] = ()
    networks: Networks = ()

    def __repr__(self) -> str:
        return f"Proof({self.mode!r})"


def prove(proof: Proof, request: HookRequest, now: int) -> str:
    """The sender's own id of this message, '' in modes without one. `now` in UTC milliseconds. Raises HookRefused."""
    check_address(request.address, proof.networks)
    check_secret(request.secret, proof.secrets)
    check_basic(request.headers, proof.basic)
    match proof.mode:
        case "secret_url":
            return ""
        case "standard":
            return check_standard(request, proof.keys, now)
        case "twilio":
            return check_twilio(request, proof.keys)
        case "telnyx":
            return check_telnyx(request, proof.keys, now)
        case "hmac":
            return check_hmac(request, proof.keys, proof.header)


def check_address(address: str, networks: Networks) -> None:
    """Raises HookRefused for an address that is not listed, if any is."""
    _demand(not networks or is_listed(address, networks), "address_refused")


def check_secret(given: str, secrets: Iterable[str]) -> None:
    """The last part of the address. Raises HookRefused."""
    _demand(_matches([given], secrets), "secret_wrong")


def check_basic(headers: Mapping[str, str], accepted: Sequence[str]) -> None:
    """HTTP Basic, if any 'user:password' is accepted. Raises HookRefused."""
    if accepted:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        _demand(scheme.lower() == "basic", "basic_missing")
        _demand(_matches([given.strip()], (_base64(pair.encode()) for pair in accepted)), "basic_wrong")


def check_standard(request: HookRequest, keys: Iterable[str], now: int) -> str:
    """Standard Webhooks, version v1: HMAC-SHA256 over `id.timestamp.body`. Several signatures may be sent, separated by spaces. The
    message's id. Raises HookRefused."""
    message = _header(request, "webhook-id")
    stamp = _header(request, "webhook-timestamp")
    sent = (entry.partition(",") for entry in _header(request, "webhook-signature").split())
    _check_fresh(stamp, now)
    signed = f"{message}.{stamp}.".encode() + request.body
    expected = [_base64(hmac.digest(_standard_key(key), signed, "sha256")) for key in keys if key]
    _demand(_matches([text for version, _, text in sent if version == "v1"], expected), "signature_wrong")
    return message


def _standard_key(text: str) -> bytes:
    """The bytes of a `whsec_…` secret, with or without its prefix and padding."""
    plain = text.strip().removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise HookRefused("key_unusable") from None
    _demand(bool(key), "key_unusable")
    return key


def check_twilio(request: HookRequest, keys: Iterable[str]) -> str:
    """Twilio: HMAC-SHA1 over the address and the form's parameters, sorted; of a body that is no form, its hash is in the address
    (`bodySHA256`). With or without the port: Twilio itself is inconsistent there. Raises HookRefused."""
    given = _header(request, "x-twilio-signature")
    try:
        tail = _signed_parameters(request)
    except ValueError:  # no UTF-8, too many parameters, an address that is none
        raise HookRefused("signature_wrong") from None
    texts = [(address + tail).encode() for address in _port_variants(request.url)]
    expected = [_base64(hmac.digest(key.encode(), text, "sha1")) for key in keys if key for text in texts]
    _demand(_matches([given], expected), "signature_wrong")
    return ""


def _signed_parameters(request: HookRequest) -> str:
    """Raises ValueError; HookRefused when the body is not the one whose hash the address carries."""
    hashes = parse_qs(urlsplit(request.url).query).get("bodySHA256")
    if hashes:
        _demand(_matches(hashes[:1], [hashlib.sha256(request.body).hexdigest()]), "signature_wrong")
        return ""
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    return "".join(name + value for name, value in sorted(set(pairs)))


def _port_variants(url: str) -> list[str]:
    found = _HOST.match(url)
    if not found:
        return [url]
    start, rest = f"{found[1]}://{found[2]}", url[found.end() :]
    return [start + rest, start + (found[3] or (":443" if found[1] == "https" else ":80")) + rest]


def check_telnyx(request: HookRequest, keys: Iterable[str], now: int) -> str:
    """Telnyx: Ed25519 over `timestamp|body`; a key is the account's public one, in base64. Raises HookRefused."""
    signature = _header(request, "telnyx-signature-ed25519")
    stamp = _header(request, "telnyx-timestamp")
    _check_fresh(stamp, now)
    signed = f"{stamp}|".encode() + request.body
    _demand(any(_signed_by(key, signature, signed) for key in keys if key), "signature_wrong")
    return ""


def _signed_by(key: str, signature: str, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # 25 ms and 8 MB: only where Telnyx is used
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
    except ValueError:
        raise HookRefused("key_unusable") from None
    try:
        raw = base64.b64decode(signature, validate=True)
        public.verify(raw, signed)
    except (ValueError, InvalidSignature):
        return False
    return _base64(raw) == signature  # base64 has several spellings for the last byte: one is accepted


def check_hmac(request: HookRequest, keys: Iterable[str], header: str) -> str:
    """HMAC-SHA256 over the body in hexadecimal, with or without `sha256=` in front. No time is signed: a copy stays good for ever
    and is recognised by what it says only. Raises HookRefused."""
    given = _header(request, header).removeprefix("sha256=").lower()
    expected = [hmac.digest(key.encode(), request.body, "sha256").hex() for key in keys if key]
    _demand(_matches([given], expected), "signature_wrong")
    return ""


def _header(request: HookRequest, name: str) -> str:
    text = request.headers.get(name, "").strip()
    _demand(bool(text), "signature_missing")
    return text


def _check_fresh(stamp: str, now: int) -> None:
    """`stamp`: Unix seconds in digits, as signed."""
    _demand(stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12, "signature_wrong")
    _demand(abs(now - int(stamp) * 1000) <= TOLERANCE_MS, "signature_stale")


def _matches(given: Iterable[str], expected: Iterable[str]) -> bool:
    """Every pair is looked at, also after one matched."""
    wanted = [text.encode() for text in expected if text]
    return sum(hmac.compare_digest(text.encode(), one) for text in given for one in wanted) > 0


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _demand(holds: bool, reason: Reason) -> None:
    if not holds:
        raise HookRefused(reason)

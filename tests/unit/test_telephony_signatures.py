"""Who may tell the Box of calls. What Twilio's and Standard Webhooks' own libraries sign is accepted; whatever was altered is not."""

import base64
import hashlib
import hmac
import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

from opsmantik_box.adapters.telephony.refused import HookRefused
from opsmantik_box.adapters.telephony.signatures import TOLERANCE_MS, HookRequest, Proof, prove
from opsmantik_box.domain.addresses import parse_networks
from tests.harness import ROOT

NOW = 1_795_176_600_000
SECONDS = NOW // 1000
URL = "https://box.example/hooks/call/7/s3cret-of-the-url"
SECRET = "s3cret-of-the-url"
FORM = (ROOT / "tests" / "data" / "telephony" / "twilio_completed.form").read_bytes()
JSON = (ROOT / "tests" / "data" / "telephony" / "telnyx_hangup.json").read_bytes()

STANDARD_KEY = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
TWILIO_KEY = "12345678901234567890123456789012"
TELNYX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TELNYX_KEY = base64.b64encode(TELNYX.public_key().public_bytes_raw()).decode()


def refusal(proof: Proof, request: HookRequest, now: int = NOW) -> str:
    """The reason; 'accepted' for none."""
    try:
        prove(proof, request, now)
    except HookRefused as refused:
        return refused.reason if refused.status == 401 else "not a 401"
    return "accepted"


def asked(headers: dict[str, str], body: bytes, url: str = URL, secret: str = SECRET, address: str = "") -> HookRequest:
    return HookRequest({name.lower(): value for name, value in headers.items()}, body, url, secret, address)


def form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("latin-1"), keep_blank_values=True)


def standard(body: bytes = JSON, at: int = SECONDS, key: str = STANDARD_KEY, message: str = "msg_1") -> HookRequest:
    signature = Webhook(key).sign(message, datetime.fromtimestamp(at, UTC), body.decode())
    return asked({"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signature}, body)


def twilio(body: bytes = FORM, url: str = URL, key: str = TWILIO_KEY) -> HookRequest:
    signature = RequestValidator(key).compute_signature(url, dict(parse_qsl(body.decode(), keep_blank_values=True)))
    return asked({"X-Twilio-Signature": signature}, body, url)


def telnyx(body: bytes = JSON, at: int = SECONDS, key: Ed25519PrivateKey = TELNYX) -> HookRequest:
    signature = base64.b64encode(key.sign(f"{at}|".encode() + body)).decode()
    return asked({"telnyx-signature-ed25519": signature, "telnyx-timestamp": str(at)}, body)


def hexadecimal(body: bytes = JSON, key: str = "k3y") -> HookRequest:
    return asked({"x-signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}, body)


STANDARD_PROOF = Proof("standard", (SECRET,), (STANDARD_KEY,))
TWILIO_PROOF = Proof("twilio", (SECRET,), (TWILIO_KEY,))
TELNYX_PROOF = Proof("telnyx", (SECRET,), (TELNYX_KEY,))
HMAC_PROOF = Proof("hmac", (SECRET,), ("k3y",))
SIGNED = {
    "standard": (STANDARD_PROOF, standard()),
    "twilio": (TWILIO_PROOF, twilio()),
    "telnyx": (TELNYX_PROOF, telnyx()),
    "hmac": (HMAC_PROOF, hexadecimal()),
}
every_mode = pytest.mark.parametrize(("proof", "request_"), SIGNED.values(), ids=SIGNED)


# --- every mode -------------------------------------------------------------------------------------------------------------------


@every_mode
def test_what_the_sender_signed_is_accepted(proof: Proof, request_: HookRequest):
    assert prove(proof, request_, NOW) == ("msg_1" if proof.mode == "standard" else "")


@every_mode
def test_every_altered_byte_of_the_body_is_refused(proof: Proof, request_: HookRequest):
    body = request_.body
    for place in range(len(body)):
        for bit in (1, 0x20, 0x80):
            altered = body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]
            if proof.mode == "twilio" and form(altered) == form(body):
                continue  # %2B is %2b: Twilio signs what a form says, not its spelling
            assert refusal(proof, asked(dict(request_.headers), altered)) == "signature_wrong"


@every_mode
def test_every_altered_character_of_a_header_is_refused(proof: Proof, request_: HookRequest):
    for name, text in request_.headers.items():
        for place, character in enumerate(text):
            other = chr(ord(character) ^ 1)
            headers = dict(request_.headers) | {name: text[:place] + other + text[place + 1 :]}
            assert refusal(proof, asked(headers, request_.body)) in ("signature_wrong", "signature_stale", "signature_missing")


@every_mode
def test_a_missing_or_empty_header_is_refused(proof: Proof, request_: HookRequest):
    for name in request_.headers:
        without = {other: text for other, text in request_.headers.items() if other != name}
        assert refusal(proof, asked(without, request_.body)) == "signature_missing"
        assert refusal(proof, asked({**without, name: " "}, request_.body)) == "signature_missing"


@every_mode
def test_hostile_headers_are_refused_and_raise_nothing_else(proof: Proof, request_: HookRequest):
    for text in ("ü", "v1,", ",", "v1," + "A" * 9000, "=", "\x00", "v1,é v2,x", "-1", "1e9", "٣", "9" * 400):
        for name in request_.headers:
            assert refusal(proof, asked({**request_.headers, name: text}, request_.body)).startswith("signature_")


@every_mode
def test_while_a_key_is_changed_the_old_and_the_new_one_are_good(proof: Proof, request_: HookRequest):
    other = {"standard": "whsec_" + "QUJD" * 8, "twilio": "t0ken", "telnyx": base64.b64encode(b"\x02" * 32).decode(), "hmac": "n3w"}
    (key,) = proof.keys
    new = other[proof.mode]
    for keys in ((key, new), (new, key), ("", key)):
        assert refusal(Proof(proof.mode, proof.secrets, keys), request_) == "accepted"
    assert refusal(Proof(proof.mode, proof.secrets, (new,)), request_) == "signature_wrong"


@every_mode
def test_no_key_and_an_empty_key_prove_nothing(proof: Proof, request_: HookRequest):
    for keys in ((), ("",)):
        assert refusal(Proof(proof.mode, proof.secrets, keys), request_) == "signature_wrong"


def test_an_empty_key_is_no_key_although_a_sender_can_sign_with_it():
    assert refusal(Proof("twilio", (SECRET,), ("",)), twilio(key="")) == "signature_wrong"
    assert refusal(Proof("hmac", (SECRET,), ("",)), hexadecimal(key="")) == "signature_wrong"


@every_mode
def test_a_good_signature_does_not_replace_the_secret_of_the_address(proof: Proof, request_: HookRequest):
    assert refusal(proof, HookRequest(request_.headers, request_.body, request_.url, "guess")) == "secret_wrong"


@every_mode
def test_nothing_printed_holds_a_secret(proof: Proof, request_: HookRequest):
    secrets = (SECRET, *proof.keys, *request_.headers.values())
    with pytest.raises(HookRefused) as refused:
        prove(proof, HookRequest(request_.headers, request_.body, request_.url, "guess"), NOW)
    for text in (repr(proof), repr(request_), str(refused.value), repr(refused.value)):
        assert not [secret for secret in secrets if secret in text]


# --- times ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("proof", "sign"), [(STANDARD_PROOF, standard), (TELNYX_PROOF, telnyx)], ids=["standard", "telnyx"])
def test_a_signed_time_is_good_for_five_minutes_either_way(proof, sign):
    edge = TOLERANCE_MS // 1000
    for seconds in (SECONDS - edge, SECONDS + edge):
        assert refusal(proof, sign(at=seconds)) == "accepted"
    for seconds in (SECONDS - edge - 1, SECONDS + edge + 1, 0):
        assert refusal(proof, sign(at=seconds)) == "signature_stale"
    assert refusal(proof, sign(), NOW + TOLERANCE_MS + 1) == "signature_stale"


@pytest.mark.parametrize(("proof", "sign"), [(STANDARD_PROOF, standard), (TELNYX_PROOF, telnyx)], ids=["standard", "telnyx"])
def test_an_old_signature_under_a_new_time_is_refused(proof, sign):
    old = sign(at=SECONDS - 3600)
    name = next(name for name in old.headers if "timestamp" in name)
    assert refusal(proof, asked({**old.headers, name: str(SECONDS)}, old.body)) == "signature_wrong"


# --- Standard Webhooks ------------------------------------------------------------------------------------------------------------


def test_one_of_several_signatures_is_enough_and_other_versions_are_passed_over():
    good = standard()
    signature = good.headers["webhook-signature"]
    wrong = "v1," + base64.b64encode(bytes(32)).decode()
    for several in (f"{wrong} {signature}", f"v1a,xyz {signature} {wrong}", f"v2,abc  {signature}"):
        assert refusal(STANDARD_PROOF, asked({**good.headers, "webhook-signature": several}, good.body)) == "accepted"
    as_other_version = signature.replace("v1,", "v2,")
    assert refusal(STANDARD_PROOF, asked({**good.headers, "webhook-signature": as_other_version}, good.body)) == "signature_wrong"


def test_a_repeated_message_is_known_by_its_id_and_the_id_is_signed():
    assert prove(STANDARD_PROOF, standard(message="msg_a"), NOW) == "msg_a"
    copy = standard(message="msg_a")
    assert refusal(STANDARD_PROOF, asked({**copy.headers, "webhook-id": "msg_b"}, copy.body)) == "signature_wrong"


@pytest.mark.parametrize(
    "spelling", [STANDARD_KEY, STANDARD_KEY.removeprefix("whsec_"), STANDARD_KEY.rstrip("="), f" {STANDARD_KEY}\n"]
)
def test_a_key_may_be_written_with_or_without_prefix_and_padding(spelling: str):
    assert refusal(Proof("standard", (SECRET,), (spelling,)), standard()) == "accepted"


@pytest.mark.parametrize("key", ["whsec_", "whsec_!!!", "whsec_a"])
def test_a_key_that_is_none_is_told_apart_from_a_wrong_signature(key: str):
    assert refusal(Proof("standard", (SECRET,), (key,)), standard()) == "key_unusable"


# --- Twilio -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signed", "came"),
    [
        (URL, "https://box.example/hooks/call/8/s3cret-of-the-url"),
        (URL, "https://other.example/hooks/call/7/s3cret-of-the-url"),
        (URL, "http://box.example/hooks/call/7/s3cret-of-the-url"),
        (URL, f"{URL}?a=1"),
        (f"{URL}?a=1", f"{URL}?a=2"),
        (URL, f"{URL}/"),
        ("https://box.example:8443/hooks/call/7/s3cret-of-the-url", URL),
    ],
)
def test_a_request_that_was_signed_for_another_address_is_refused(signed: str, came: str):
    made = twilio(url=signed)
    assert refusal(TWILIO_PROOF, made) == "accepted"
    assert refusal(TWILIO_PROOF, HookRequest(made.headers, made.body, came, SECRET)) == "signature_wrong"


@pytest.mark.parametrize(
    ("signed", "came"),
    [
        ("https://box.example:443/hooks/call/7/x?a=1#b", "https://box.example/hooks/call/7/x?a=1#b"),
        ("https://box.example/hooks/call/7/x", "https://box.example:443/hooks/call/7/x"),
        ("https://box.example/hooks/call/7/x", "https://box.example:8443/hooks/call/7/x"),
        ("http://box.example:80/hooks/call/7/x", "http://box.example/hooks/call/7/x"),
        ("https://box.example:443?a", "https://box.example?a"),
    ],
)
def test_the_port_may_be_written_or_not_as_twilios_own_validator_allows(signed: str, came: str):
    parameters = dict(parse_qsl(FORM.decode(), keep_blank_values=True))
    signature = RequestValidator(TWILIO_KEY).compute_signature(signed, parameters)
    assert RequestValidator(TWILIO_KEY).validate(came, parameters, signature)
    assert refusal(TWILIO_PROOF, asked({"x-twilio-signature": signature}, FORM, came)) == "accepted"


class Repeated(dict):  # type: ignore[type-arg]
    """As web frameworks hand over a name that comes twice."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


@pytest.mark.parametrize(
    "body", ["", "To=%2B90+532&Empty=&a=1", "b=2&a=z&a=y&a=z", "%C4%9F=%C5%9F", "a", "a=b=c&A=1", "Digits=1;2&x=%26%3D", "=leer"]
)
def test_parameters_are_signed_as_twilio_sorts_them(body: str):
    parameters = Repeated(parse_qs(body, keep_blank_values=True))
    signature = RequestValidator(TWILIO_KEY).compute_signature(URL, parameters)
    assert refusal(TWILIO_PROOF, asked({"x-twilio-signature": signature}, body.encode())) == "accepted"


def test_a_json_body_is_bound_by_its_hash_in_the_address():
    validator = RequestValidator(TWILIO_KEY)
    url = f"{URL}?x=1&bodySHA256={validator.compute_hash(JSON.decode())}"
    signature = {"x-twilio-signature": validator.compute_signature(url, {})}
    assert validator.validate(url, JSON.decode(), signature["x-twilio-signature"])
    assert refusal(TWILIO_PROOF, asked(signature, JSON, url)) == "accepted"
    assert refusal(TWILIO_PROOF, asked(signature, JSON + b" ", url)) == "signature_wrong"
    assert refusal(TWILIO_PROOF, asked(signature, b"", url)) == "signature_wrong"
    other = url.replace("bodySHA256=", "bodySHA256=0")
    assert refusal(TWILIO_PROOF, asked(signature, JSON, other)) == "signature_wrong"


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"a=1&" * 5000, b"\x00", b"%"])
def test_a_form_that_cannot_be_read_was_not_signed(body: bytes):
    assert refusal(TWILIO_PROOF, asked(dict(twilio().headers), body)) == "signature_wrong"


# --- Telnyx, HMAC -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["!!!", base64.b64encode(b"short").decode(), TELNYX_KEY[:-1]])
def test_a_public_key_that_is_none_is_told_apart_from_a_wrong_signature(key: str):
    assert refusal(Proof("telnyx", (SECRET,), (key,)), telnyx()) == "key_unusable"


def test_a_signature_has_one_spelling():
    """The last letter of its base64 holds four bits that mean nothing."""
    made = telnyx()
    signature = made.headers["telnyx-signature-ed25519"]
    same = [
        letter
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        if refusal(TELNYX_PROOF, asked({**made.headers, "telnyx-signature-ed25519": signature[:85] + letter + "=="}, JSON))
        == "accepted"
    ]
    assert same == [signature[85]]


def test_another_accounts_signature_is_refused():
    assert refusal(TELNYX_PROOF, telnyx(key=Ed25519PrivateKey.generate())) == "signature_wrong"


def test_cryptography_is_loaded_where_it_is_needed_only():
    code = "import sys, opsmantik_box.adapters.telephony.signatures, opsmantik_box.adapters.telephony.fields; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "cryptography" not in done.stdout.split()


def test_a_hexadecimal_signature_may_come_in_any_header_and_case_with_its_algorithm_in_front():
    signature = hexadecimal().headers["x-signature"]
    for text in (signature, signature.upper(), f"sha256={signature}"):
        proof = Proof("hmac", (SECRET,), ("k3y",), header="x-exchange-hmac")
        assert refusal(proof, asked({"X-Exchange-Hmac": text}, JSON)) == "accepted"
        assert refusal(proof, asked({"X-Signature": text}, JSON)) == "signature_missing"
    assert refusal(HMAC_PROOF, asked({"x-signature": f"sha1={signature}"}, JSON)) == "signature_wrong"


# --- the secret address, Basic, the address list ----------------------------------------------------------------------------------


def test_a_secret_address_is_enough_where_nothing_more_is_asked():
    for secrets in ((SECRET,), ("new", SECRET), (SECRET, "new")):
        assert refusal(Proof("secret_url", secrets), asked({}, b"")) == "accepted"
    for secret in ("", "guess", SECRET[:-1], SECRET + "x", SECRET.upper(), "ü"):
        assert refusal(Proof("secret_url", (SECRET,)), asked({}, b"", secret=secret)) == "secret_wrong"


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_no_secret_lets_nobody_in(secrets: tuple[str, ...]):
    for secret in ("", "x"):
        assert refusal(Proof("secret_url", secrets), asked({}, b"", secret=secret)) == "secret_wrong"


def test_basic_is_asked_when_it_was_agreed():
    proof = Proof("secret_url", (SECRET,), basic=("box:eski", "box:şifre:2"))
    for pair in proof.basic:
        token = base64.b64encode(pair.encode()).decode()
        for scheme in ("Basic", "basic"):
            assert refusal(proof, asked({"Authorization": f"{scheme} {token}"}, b"")) == "accepted"
    assert refusal(proof, asked({}, b"")) == "basic_missing"
    assert refusal(proof, asked({"Authorization": "Bearer x"}, b"")) == "basic_missing"
    for wrong in ("", "box:", "box:yeni", ":eski", "box:şifre"):
        token = base64.b64encode(wrong.encode()).decode()
        assert refusal(proof, asked({"Authorization": f"Basic {token}"}, b"")) == "basic_wrong"


def test_only_listed_addresses_may_send_when_a_list_was_made():
    proof = Proof("secret_url", (SECRET,), networks=parse_networks(["203.0.113.0/24", "2001:db8::/32"]))
    for address in ("203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9"):
        assert refusal(proof, asked({}, b"", address=address)) == "accepted"
    for address in ("", "203.0.114.9", "2001:db9::1", "nonsense"):
        assert refusal(proof, asked({}, b"", address=address)) == "address_refused"


def test_a_list_of_addresses_and_basic_hold_for_signed_requests_too():
    made = standard()
    listed = Proof("standard", (SECRET,), (STANDARD_KEY,), networks=parse_networks(["203.0.113.9"]))
    basic = Proof("standard", (SECRET,), (STANDARD_KEY,), basic=("a:b",))
    assert refusal(listed, made) == "address_refused"
    assert refusal(basic, made) == "basic_missing"

"""Every message between the engine and its courier, the process that speaks to the outside world. Arrays with a tag in front.

`rid` numbers what is to be carried within one connection; the answer carries it back. A secret is in no repr.
"""

import msgspec
from msgspec import Struct

from opsmantik_box.domain.lanes import Outcome
from opsmantik_box.domain.notices import Grade

# --- engine → courier -------------------------------------------------------------------------------------------------------------


class Allow(Struct, frozen=True, array_like=True, tag=1):
    """The first message: networks inside the house that the owner allows (CIDR), and how long an answer is waited for."""

    networks: list[str]
    patience_sec: float


class Silent(Struct, frozen=True, array_like=True):
    """What holds a secret says only what it is."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class SendTelegram(Silent, frozen=True, array_like=True, tag=2):
    """A message to a chat; its first line is its headline."""

    rid: int
    api_url: str
    token: str
    chat_id: str
    level: Grade
    message: str


class SendWebhook(Silent, frozen=True, array_like=True, tag=3):
    """A signed request; the signature stands in its headers."""

    rid: int
    url: str
    headers: dict[str, str]
    body: bytes


class Mailbox(Silent, frozen=True, array_like=True):
    """Where mail is handed in. `security`: starttls, tls, or none."""

    host: str
    port: int
    security: str
    user: str
    password: str
    sender: str
    recipients: list[str]


class SendEmail(Silent, frozen=True, array_like=True, tag=4):
    """`message_id` is stable: two copies are one. `at`: when it was written (UTC ms)."""

    rid: int
    mailbox: Mailbox
    subject: str
    text: str
    message_id: str
    at: int


class Ping(Silent, frozen=True, array_like=True, tag=5):
    """The Box lives: told to whoever notices when it does not."""

    rid: int
    url: str


Errand = SendTelegram | SendWebhook | SendEmail | Ping

# --- courier → engine -------------------------------------------------------------------------------------------------------------


class Carried(Struct, frozen=True, array_like=True, tag=20):
    """How it went. `detail`: what the receiver answered, without secrets; `wait_ms`: what it asked for; `moved_to`: where a chat is now."""

    rid: int
    outcome: Outcome
    detail: str = ""
    wait_ms: int = 0
    moved_to: str = ""


decode_to_courier = msgspec.msgpack.Decoder(Allow | SendTelegram | SendWebhook | SendEmail | Ping).decode
decode_to_engine = msgspec.msgpack.Decoder(Carried).decode

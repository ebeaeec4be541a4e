"""What the owner switched on that leaves the Box. The settings are read by the command line; this is the engine's part of them."""

from msgspec import Struct

from opsmantik_box.domain.notices import Chat
from opsmantik_box.domain.watch.codes import Level
from opsmantik_box.link.courier import Mailbox

TELEGRAM, EMAIL = "telegram", "email"


class Outward(Struct, frozen=True):
    """Nothing is switched on by default. `daily_hour` by the clocks of `timezone`, -1 for never; `allowed_networks` (CIDR) are those inside
    the house that may be reached; a receiver is given `patience_sec` for its answer."""

    telegram_token: str = ""
    telegram_chat: str = ""
    telegram_api: str = "https://api.telegram.org"
    mailbox: Mailbox | None = None
    level: Level = "alarm"
    hot_score: int = 0
    daily_hour: int = -1
    timezone: str = "Europe/Istanbul"
    personal: bool = False
    deadman_url: str = ""
    allowed_networks: tuple[str, ...] = ()
    patience_sec: float = 20.0
    walls: str = "auto"
    log_level: str = "info"

    def __repr__(self) -> str:
        """Without values: it holds secrets."""
        return "Outward(…)"

    def chats(self) -> list[Chat]:
        """The lanes of messages to people."""
        on = {TELEGRAM: bool(self.telegram_token and self.telegram_chat), EMAIL: self.mailbox is not None}
        return [Chat(lane, self.level, self.hot_score, self.timezone, self.personal) for lane, is_on in on.items() if is_on]


SILENT = Outward()

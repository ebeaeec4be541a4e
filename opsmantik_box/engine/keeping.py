"""What the owner set about how the Box keeps its house. The settings are read by the command line; this is the engine's part of them."""

import hmac

from msgspec import Struct

from opsmantik_box.domain.backups import Backup


class Keeping(Struct, frozen=True):
    """`cron_secret`: who knows it may ask for maintenance; nobody, while it is empty. `backup`: where backups go."""

    cron_secret: str = ""
    backup: Backup = Backup()

    def is_cron(self, told: str) -> bool:
        """Is this the secret? Takes as long for a wrong one as for the right one."""
        return bool(self.cron_secret) and hmac.compare_digest(told.encode(), self.cron_secret.encode())

    def __repr__(self) -> str:
        """Without values: it holds a secret."""
        return "Keeping(…)"


NOTHING_SET = Keeping()

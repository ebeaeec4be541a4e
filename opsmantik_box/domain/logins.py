"""Passwords: what one may be, and how often somebody may try. Pure; the time is given, and tries are counted once for all gateways."""

import unicodedata

from opsmantik_box.errors import UsageError

SHORTEST, LONGEST = 10, 200
"""Characters. No rules of composition: they make passwords that are easier to guess (NIST SP 800-63B)."""
TOKEN_MS = 30 * 86_400_000
"""How long the token opens that is given for a password."""
WINDOW_MS = 15 * 60_000
TRIES_OF_EMAIL, TRIES_OF_ADDRESS = 10, 30
"""Wrong passwords within fixed windows, for one e-mail address (whether somebody has it or not) and from one network address."""
MOST_COUNTED = 100_000
"""Past it the oldest are forgotten, so that invented addresses cannot eat the memory."""


def plain(text: str) -> str:
    """In the one form it is hashed in, however a keyboard composes its letters."""
    return unicodedata.normalize("NFC", text)


def read_password(text: str) -> str:
    """A new one. Raises UsageError, which never quotes it."""
    password = plain(text)
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(problem=f"password: expected {SHORTEST} to {LONGEST} characters; several words are fine")
    return password


class Tries:
    """Of everybody, in this window."""

    def __init__(self) -> None:
        self._window = -1
        self._count: dict[str, int] = {}

    def begin(self, email: str, address: str, now: int) -> bool:
        """May it be tried? Then it counts as wrong until it is forgiven."""
        self._turn_to(now // WINDOW_MS)
        by_email, by_address = _keys(email, address)
        count = self._count
        if count.get(by_email, 0) >= TRIES_OF_EMAIL or count.get(by_address, 0) >= TRIES_OF_ADDRESS:
            return False
        count[by_email], count[by_address] = count.get(by_email, 0) + 1, count.get(by_address, 0) + 1
        return True

    def forgive(self, email: str, address: str) -> None:
        """The password was right: whoever mistyped before begins anew, and his office is not locked out."""
        by_email, by_address = _keys(email, address)
        self._count.pop(by_email, None)
        self._count[by_address] = max(0, self._count.get(by_address, 0) - 1)

    def _turn_to(self, window: int) -> None:
        if window != self._window:
            self._window, self._count = window, {}
        while len(self._count) > MOST_COUNTED:
            del self._count[next(iter(self._count))]


def _keys(email: str, address: str) -> tuple[str, str]:
    return f"email {email.strip().casefold()}", f"address {address}"

"""What the console asks of the terminal, and gives back.

Promises: no mode is set that would leave garbage behind when a connection drops (no mouse, no focus reports, no keyboard protocol); what
is written past the screen (bell, notification, clipboard) is built of our own words and digits.
"""

from textual.drivers.linux_driver import LinuxDriver

from tui.paint import safe_text

BELL = "\a"
UNWANTED = ("\x1b[?1004h", "\x1b[>", "\x1b]22;")
"""Focus reports and the keyboard protocol: a shell that finds them switched on types nonsense. The shape of a pointer nobody uses."""
DUMB = ("linux", "dumb", "vt100")
"""Terminals that show a notification instead of giving it."""


class QuietDriver(LinuxDriver):
    """Textual's driver without the modes nobody here needs."""

    def write(self, data: str) -> None:
        if not data.startswith(UNWANTED):
            super().write(data)


def notification(text: str, terminal: str) -> str:
    """What makes a terminal notify (OSC 9): iTerm, kitty, WezTerm, Windows Terminal and others; '' for those that would show it."""
    return "" if terminal in DUMB else f"\x1b]9;{safe_text(text)}{BELL}"

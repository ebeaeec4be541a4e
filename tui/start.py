"""Starts the console: what the command line calls. Never decides which Box; it is told."""

import os

from opsmantik_box.clock import choose_clock
from tui.net.places import config_folder
from tui.settings import keep_token, read_tokens


def run(url: str, token: str) -> int:
    """Until the operator leaves. The exit code."""
    from tui.app import Console

    return Console(url, token, choose_clock()).run(mouse=False) or 0


def known_token(url: str) -> str:
    """The token that was kept for this Box; '' when there is none."""
    return read_tokens(config_folder(os.environ)).tokens.get(url, "")


def last_url() -> str:
    """The Box that was used last; '' when there was none."""
    return read_tokens(config_folder(os.environ)).last


def remember(url: str, token: str) -> None:
    """For the next time, 0600. Raises OSError."""
    if token:
        keep_token(config_folder(os.environ), url, token)

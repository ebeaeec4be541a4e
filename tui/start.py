"""Starts the console: what the command line calls. Never decides which Box; it is told."""

from opsmantik_box.clock import choose_clock
from tui.app import Console


def run(url: str, token: str) -> int:
    """Until the operator leaves. The exit code."""
    return Console(url, token, choose_clock()).run(mouse=False) or 0

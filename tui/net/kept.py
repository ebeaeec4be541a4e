"""What was decided or typed, kept until the Box has said yes: a folder `queue` with a file for each action, a folder `drafts`.

Promises: an action is on disk before it is sent, and is there until it was answered, whatever ends the console in between; they are sent
in the order in which they were decided. Files are their owner's alone (0600). Several consoles may share the folders: an action that
two of them send is done once, by its key.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tui.model.actions import Action
from tui.net.places import write_private


class Kept:
    """The folders below `state`."""

    def __init__(self, state: Path) -> None:
        self.queue, self.drafts = state / "queue", state / "drafts"
        self._count = 0

    # --- actions ------------------------------------------------------------------------------------------------------------------

    def keep(self, action: Action) -> None:
        """Also again, when it was changed on the way: it stays where it is in the order. Raises OSError."""
        there = next(self.queue.glob(f"*-{action.key}.json"), None)
        self._count += there is None
        path = there or self.queue / f"{action.at:015d}-{self._count:06d}-{action.key}.json"
        write_private(path, msgspec.json.encode(action).decode())

    def forget(self, key: str) -> None:
        for path in self.queue.glob(f"*-{key}.json"):
            path.unlink(missing_ok=True)

    def actions(self, box: str, by: int) -> Iterator[Action]:
        """Those of this person at this Box, in the order in which they were decided."""
        for path in sorted(self.queue.glob("*.json")):
            try:
                action = msgspec.json.decode(path.read_bytes(), type=Action)
            except (OSError, msgspec.MsgspecError):
                continue  # being written, or none of ours
            if (action.box, action.by) == (box, by):
                yield action

    # --- drafts -------------------------------------------------------------------------------------------------------------------

    def draft(self, name: str) -> str:
        """What was typed for this purpose and not said; '' when nothing was."""
        try:
            return (self.drafts / name).read_text()
        except (OSError, UnicodeDecodeError):
            return ""

    def keep_draft(self, name: str, text: str) -> None:
        """Nothing typed is nothing kept."""
        if text:
            write_private(self.drafts / name, text)
        else:
            (self.drafts / name).unlink(missing_ok=True)

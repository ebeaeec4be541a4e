"""How a smoke test talks: a line for each step as it is done, and one at the end that says how it went."""

from collections.abc import Callable


class Report:
    """Prints what holds and what does not; `failed` is how many did not."""

    def __init__(self, title: str, say: Callable[[str], None] = print) -> None:
        self._say, self.held, self.failed = say, 0, 0
        say(f"\n{title}")

    def step(self, what: str, check: Callable[[], object]) -> bool:
        """Runs a check: it fails by raising AssertionError, or anything else."""
        try:
            note = check()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the next step is still worth a look
            self.failed += 1
            self._say(f"  FAILED  {what}\n          {first_line(error)}")
            return False
        self.held += 1
        self._say(f"  ok      {what}" + (f": {note}" if isinstance(note, str) else ""))
        return True

    def end(self) -> bool:
        """Did everything hold?"""
        self._say(f"  {self.held}/{self.held + self.failed}")
        return not self.failed


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]

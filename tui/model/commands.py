"""What is typed behind `:`, read. Pure."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tui.model.lead import Kind
from tui.model.queue import Filter
from tui.model.sites import Site

SCREENS = ("queue", "all", "mine", "missed", "numbers", "health", "alerts", "sites", "deliveries")
WORDS = ("settings", "help", "lang", "theme", "quit", *SCREENS)


class NotUnderstood(Exception):
    """No such command; or a word behind it that says nothing. `key` is the sentence's, `word` what was not understood."""

    def __init__(self, key: str, word: str) -> None:
        super().__init__(word)
        self.key, self.word = key, word


def apply_command(text: str, chosen: Filter, sites: Iterable[Site]) -> Filter | tuple[str, str]:
    """The filter a command leads to, or the command and its word when it is no filter. Raises NotUnderstood."""
    word, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if word in FILTERS:
        return FILTERS[word](rest, chosen, sites)
    if word in WORDS:
        return word, rest
    raise NotUnderstood("command.unknown", word)


def _by_site(rest: str, chosen: Filter, sites: Iterable[Site]) -> Filter:
    return replace(chosen, site=find_site(rest, sites).id if rest else "")


FILTERS: dict[str, Callable[[str, Filter, Iterable[Site]], Filter]] = {
    "site": _by_site,
    "day": lambda rest, chosen, _: replace(chosen, day=_day(rest)),
    "late": lambda _rest, chosen, _: replace(chosen, late=not chosen.late),
    "ads": lambda _rest, chosen, _: replace(chosen, ads=not chosen.ads),
    "kind": lambda rest, chosen, _: replace(chosen, kind=_kind(rest)),
    "clear": lambda _rest, chosen, _: Filter(ads=chosen.ads),
}


def find_site(text: str, sites: Iterable[Site]) -> Site:
    """By name, or by the beginning of a name or domain, if that is one's only. Raises NotUnderstood."""
    wanted, known = text.casefold(), list(sites)
    for exact in known:
        if wanted in (exact.name.casefold(), exact.id):
            return exact
    near = [one for one in known if any(name.casefold().startswith(wanted) for name in (one.name, *one.domains))]
    if len(near) != 1:
        raise NotUnderstood("command.which_site" if near else "command.no_site", text)
    return near[0]


def _day(text: str) -> int:
    if text in ("", "0", "today"):
        return 0
    if not text.lstrip("-").isdigit() or abs(int(text)) > 30:
        raise NotUnderstood("command.day", text)
    return -abs(int(text))


def _kind(text: str) -> Kind | None:
    if text and text.upper() not in Kind.__members__:
        raise NotUnderstood("command.kind", text)
    return Kind[text.upper()] if text else None

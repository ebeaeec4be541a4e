"""What the Box says to people in their language: one catalogue a language, by key. Pure.

A catalogue's text is a format string. Numbers in it know how to be said: `{n:session|sessions}` is "1 session" or "2 sessions";
`{n:'i}` is the Turkish "18'i", "9'u" (of them). Numbers alone are written as the language writes them.
"""

from collections.abc import Mapping

from opsmantik_box.texts import console_en, console_tr, en, privacy_en, privacy_tr, tr

CATALOGUES: dict[str, dict[str, str]] = {
    "en": en.TEXTS | privacy_en.TEXTS | console_en.TEXTS,
    "tr": tr.TEXTS | privacy_tr.TEXTS | console_tr.TEXTS,
}
LANGUAGES = tuple(CATALOGUES)


class Said(float):
    """A number as a text of one language says it."""

    def __new__(cls, value: float, mark: str) -> "Said":
        said = super().__new__(cls, value)
        said.mark = mark
        return said

    mark: str
    """The decimal mark."""

    def __str__(self) -> str:
        return f"{self:.0f}" if self.is_integer() else f"{float(self):.2f}".rstrip("0").replace(".", self.mark)

    def __format__(self, spec: str) -> str:
        if "|" in spec:
            one, many = spec.split("|")
            return f"{self} {one if self == 1 else many}"
        if spec == "'i":
            return f"{self}'{tr.of_them(int(self))}"
        return format(float(self), spec) if spec else str(self)


def say(language: str, key: str, **values: object) -> str:
    """A text of the catalogue. Raises KeyError for a key or a value that is not there."""
    mark = CATALOGUES[language]["decimal_mark"]
    said = {name: Said(value, mark) if isinstance(value, int | float) else value for name, value in values.items()}
    return CATALOGUES[language][key].format(**said)


def written(language: str, number: float) -> str:
    """A number as the language writes it: 18, 2.5, 2,5."""
    return str(Said(number, CATALOGUES[language]["decimal_mark"]))


def language_of(environment: Mapping[str, str]) -> str:
    """The language somebody's environment asks for, as far as there is a catalogue; else English."""
    told = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    wanted = told[:2].lower()
    return wanted if wanted in CATALOGUES else "en"

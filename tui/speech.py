"""What the console says, in the operator's language. Pure: the texts are the Box's catalogues (opsmantik_box/texts)."""

from opsmantik_box.texts import CATALOGUES, say, written


class Speech:
    """Says keys of the catalogue that begin with `console.`; `of` says any."""

    def __init__(self, language: str) -> None:
        self.language = language if language in CATALOGUES else "en"

    def __call__(self, key: str, /, **values: object) -> str:
        return say(self.language, f"console.{key}", **values)

    def of(self, key: str, /, **values: object) -> str:
        """A text that is not the console's own. The key itself, for one a newer Box has brought."""
        return say(self.language, key, **values) if key in CATALOGUES[self.language] else key

    def word(self, group: str, name: str) -> str:
        """What is called so by the wire, in words: `console.outcome.reached`. The name itself when there are none."""
        key = f"console.{group}.{name}"
        return say(self.language, key) if key in CATALOGUES[self.language] else name.replace("_", " ")

    def number(self, value: float) -> str:
        return written(self.language, value)

    def percent(self, share: float, places: int = 0) -> str:
        """As the language writes it: 96%, %96."""
        return self("amount.percent", n=self.number(round(share * 100, places)))

    def money(self, minor: int, currency: str | None) -> str:
        """An amount of minor units, grouped as the language writes it: 2.500,50 TRY."""
        from opsmantik_box.domain.amounts import exponent

        places = exponent(currency or "")
        whole, rest = divmod(abs(minor), 10**places)
        mark = CATALOGUES[self.language]["decimal_mark"]
        group = "." if mark == "," else ","
        decimals = f"{mark}{rest:0{places}d}" if rest else ""
        return f"{'-' if minor < 0 else ''}{whole:,}".replace(",", group) + f"{decimals} {currency or ''}".rstrip()

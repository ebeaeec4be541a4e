"""Google Ads' own export (Download → .csv or Excel .csv), as rows. Pure: takes the file's bytes.

Read as it comes: UTF-8 or UTF-16, commas, tabs or semicolons, a title and a date range above the headings, headings and number formats
in English or Turkish, `--` for nothing, total rows below, one or many accounts. Rows that differ only in what is not kept (ad group,
device, click type) are added up. Every error names the line and what to do; nothing is guessed.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from opsmantik_box.domain.ad_numbers import UNNAMED
from opsmantik_box.domain.amounts import read_amount, read_currency
from opsmantik_box.domain.dates import find_dates, read_date
from opsmantik_box.errors import UsageError

HEADINGS = {
    "account": ("Account", "Account name", "Hesap", "Hesap adı"),
    "customer_id": ("Customer ID", "External customer ID", "Müşteri kimliği", "Müşteri no"),
    "campaign": ("Campaign", "Campaign name", "Kampanya", "Kampanya adı"),
    "day": ("Day", "Date", "Gün", "Tarih"),
    "clicks": ("Clicks", "Tıklamalar", "Tıklama"),
    "conversions": ("Conversions", "Dönüşümler", "Dönüşüm"),
    "cost": ("Cost", "Maliyet"),
    "currency": ("Currency code", "Currency", "Para birimi kodu", "Para birimi"),
    "click_type": ("Click type", "Tıklama türü"),
    "search_term": ("Search term", "Arama terimi"),
}
"""What is read, under the headings Google gives it."""

HEADING_WITHIN = 20
"""The headings stand in one of the first lines."""
NOTHING = frozenset({"", "-", "--", "—"})
_TOTAL = re.compile(r"((grand )?totals?|(genel )?toplam)\s*(:.*)?")
_NUMBER = re.compile(r"(\d+|\d{1,3}(?:[.,\s]\d{3})+)(?:[.,](\d{1,2}))?", re.ASCII)
_CALL = re.compile(r"phone call|clicks?.to.call|^calls?\.?$|telefon arama|tikla ve ara")
"""Click types that never reach a site (ClickTypeEnum: CALLS, CALL_TRACKING, MOBILE_CALL_TRACKING, LOCATION_FORMAT_CALL); a
"Call-to-Action overlay" does. Folded as `fold` does."""

Count = TypeVar("Count", int, float)
Line = tuple[int, list[str]]
"""The number of a line of the file, and its cells."""


class AdRow(Struct, frozen=True):
    """What Google counted for one campaign on one day of the account. `cost` in the smallest unit of `currency`; `calls` are the clicks
    on the number in the ad. None: the file does not say."""

    account: str
    customer_id: str
    campaign: str
    day: str
    clicks: int
    conversions: float | None
    cost: int | None
    currency: str
    calls: int | None

    @property
    def source(self) -> str:
        """Whose numbers these are: what stays the same when the account is renamed."""
        return self.customer_id or self.account or UNNAMED


def read_export(data: bytes, currency: str = "") -> list[AdRow]:
    """The rows of an export. `currency` is that of costs that have none in the file. Raises UsageError."""
    lines, heading = _find_headings(_decode(data))
    columns = _columns(lines[heading])
    day = "" if "day" in columns else _only_day(lines[:heading], lines[heading][0])
    read = [_read_row(line, columns, day, currency) for line in lines[heading + 1 :] if not _is_beside(line[1])]
    if not read:
        raise UsageError(problem="below the headings there is no row; choose days on which the account had clicks")
    return _added_up(read)


def assign_sites(rows: Sequence[AdRow], site: str | None, accounts: Mapping[str, str]) -> list[tuple[str, AdRow]]:
    """(site as told, row). Either `site` for the only account of the file, or a site for each account by its name or customer id ('' to
    leave it out). Raises UsageError with the accounts that are in the file."""
    found = {_account(row): _names(row) for row in rows}
    told = {fold(name): chosen for name, chosen in accounts.items()}
    if (site is None) == (not told) or (site is not None and len(found) > 1):
        raise UsageError(problem=_choose(found))
    strange = sorted(name for name in accounts if all(fold(name) not in names for names in found.values()))
    if strange:
        raise UsageError(problem=f"there is no account {strange[0]!r} in it; {_choose(found)}")
    sites = {account: site or next((told[name] for name in names if name in told), None) for account, names in found.items()}
    homeless = [account for account, chosen in sites.items() if chosen is None]
    if homeless:
        raise UsageError(problem=_choose(homeless))
    return [(chosen, row) for row in rows if (chosen := sites[_account(row)])]


def fold(text: str) -> str:
    """For comparing: lower case, with one kind of i (Turkish has two) and single spaces."""
    return " ".join(text.replace("İ", "i").lower().replace("ı", "i").split())


_KNOWN = {fold(heading): name for name, headings in HEADINGS.items() for heading in headings}


def _decode(data: bytes) -> str:
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(coding)
    except UnicodeDecodeError:
        raise UsageError(problem="it is no text in UTF-8 or UTF-16; give the file as Google Ads downloads it, as .csv") from None


def _find_headings(text: str) -> tuple[list[Line], int]:
    """All lines, cut at the delimiter with which a line of headings appears, and which of them it is."""
    for delimiter in "\t,;":
        lines = list(_cut(text, delimiter))
        for number, (_, cells) in enumerate(lines[:HEADING_WITHIN]):
            if "clicks" in map(_KNOWN.get, map(fold, cells)):
                return lines, number
    problem = "there is no line of headings with Clicks (Tıklamalar) in it; download the campaign report with that column, as .csv"
    raise UsageError(problem=problem)


def _cut(text: str, delimiter: str) -> Iterator[Line]:
    """Lines that are not empty, with the number of the line they begin on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise UsageError(problem=f"line {reader.line_num}: {error}; download the file again") from None


def _columns(heading: Line) -> dict[str, int]:
    """Where each known heading stands: the first of its kind."""
    found: dict[str, int] = {}
    for place, cell in enumerate(heading[1]):
        name = _KNOWN.get(fold(cell))
        if name:
            found.setdefault(name, place)
    if "search_term" in found:
        raise UsageError(
            problem=f"line {heading[0]}: a report of search terms leaves clicks out; download the campaign report instead"
        )
    return found


def _only_day(above: Sequence[Line], heading: int) -> str:
    """The day a report without a column of days is about."""
    dates = [day for _, cells in above for day in find_dates(",".join(cells))]
    if dates and len(set(dates)) == 1:
        return dates[0]
    span = f"the report covers {dates[0]} to {dates[-1]}" if dates else "no date range stands above the headings"
    todo = "download it for one day, or with the segment Time → Day (Zaman → Gün)"
    raise UsageError(problem=f"line {heading}: there is no column Day (Gün), and {span}; {todo}")


def _is_beside(cells: Sequence[str]) -> bool:
    """A row of totals: its first cell that is not empty says so."""
    return bool(_TOTAL.fullmatch(fold(next(cell for cell in cells if cell.strip()))))


def _read_row(line: Line, columns: Mapping[str, int], day: str, currency: str) -> AdRow:
    number, cells = line

    def cell(name: str) -> str:
        place = columns.get(name, -1)
        text = cells[place].strip() if 0 <= place < len(cells) else ""
        return "" if text in NOTHING else text

    try:
        clicks = _whole(cell("clicks"))
        own = read_currency(cell("currency") or currency) if cell("currency") or currency else ""
        return AdRow(
            cell("account"), cell("customer_id"), cell("campaign"), day or read_date(cell("day")), clicks,
            _number("conversions", cell("conversions")) if "conversions" in columns else None,
            _cost(cell("cost"), own) if "cost" in columns else None, own,
            clicks * bool(_CALL.search(fold(cell("click_type")))) if "click_type" in columns else None,
        )  # fmt: skip
    except UsageError as error:
        raise UsageError(problem=f"line {number}: {error}") from None


def _cost(text: str, currency: str) -> int:
    if not currency:
        raise UsageError(
            problem="the cost has no currency; add the column Currency code (Para birimi kodu), or give --currency TRY"
        )
    return read_amount(text or "0", currency)


def _whole(text: str) -> int:
    number = _number("clicks", text)
    if not number.is_integer():
        raise UsageError(problem=f"clicks: {text!r} is no whole number")
    return int(number)


def _number(what: str, text: str) -> float:
    """'1.234,50', '1,234.50', '1234'; nothing is 0. Google writes counts whole and the rest with two decimals: a separator before three
    digits groups thousands in every language."""
    found = _NUMBER.fullmatch(text or "0")
    if not found:
        raise UsageError(problem=f"{what}: {text[:30]!r} is no number; download the file again without changing it")
    return float(f"{re.sub('[^0-9]', '', found[1])}.{found[2] or 0}")


def _added_up(rows: Sequence[AdRow]) -> list[AdRow]:
    """One row for each account, campaign, day and currency."""
    sums: dict[tuple[str, ...], AdRow] = {}
    for row in rows:
        key = (row.account, row.customer_id, row.campaign, row.day, row.currency)
        sums[key] = _plus(sums[key], row) if key in sums else row
    return list(sums.values())


def _plus(one: AdRow, more: AdRow) -> AdRow:
    return replace(
        one,
        clicks=one.clicks + more.clicks,
        conversions=_sum(one.conversions, more.conversions),
        cost=_sum(one.cost, more.cost),
        calls=_sum(one.calls, more.calls),
    )


def _sum(one: Count | None, more: Count | None) -> Count | None:
    """The file says it in every row or in none."""
    return None if one is None or more is None else one + more


def _account(row: AdRow) -> str:
    return (
        f"{row.account} ({row.customer_id})" if row.account and row.customer_id else row.account or row.customer_id or "(no name)"
    )


def _names(row: AdRow) -> tuple[str, ...]:
    """What an account may be called."""
    return tuple(fold(name) for name in (_account(row), row.customer_id, row.account) if name)


def _choose(accounts: Iterable[str]) -> str:
    names = list(accounts)
    if len(names) == 1:
        return f"say whose numbers these are, with --site SITE (the file's only account is {names[0]})"
    lines = "".join(f'\n  --account "{name}=SITE"' for name in names)
    return f"these accounts are in it; say for each which site it is (nothing after the = leaves it out):{lines}"

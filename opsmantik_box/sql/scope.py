"""Read-only connections that see the rows of some sites and no others: the database itself refuses, not only the code.

Two TEMP views lie over each table: an inner one with an unguessable name, which alone may read the table and filters by
`temp.scope`, and the one with the table's name over it. (One view would be bypassed by `WITH sessions AS (SELECT * FROM
main.sessions)`: SQLite tells the authorizer the name of the CTE.) The files are attached under unguessable names too, beside an
empty `main`. Never writes, and never shows a table that has no site: tokens, signals; of users no more than the names of who works on these
sites.

SQL that came from outside gets a connection of its own for each statement: EXPLAIN and errors would tell it those names.
"""

import math
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from opsmantik_box.clock import monotonic
from opsmantik_box.errors import BoxError
from opsmantik_box.sql import load

SQL = load("scope")
LEDGER_VIEWS = load("scoped_views")
MONTH_VIEWS = load("month_views")
VIEWS = frozenset({*LEDGER_VIEWS, *MONTH_VIEWS})
MOST_MONTHS = 2
"""`sessions` and `events` are the union of both."""

DEADLINE_SECONDS = 5.0
STEPS_BETWEEN_LOOKS = 20_000
"""Virtual machine steps between two looks at the deadline: 0.1 to 0.5 ms. Each look waits for the interpreter's lock."""

LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 8 * 1024 * 1024,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 500,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
}
"""One step of the virtual machine is not interrupted: what a single one can cost is bounded here."""

FUNCTIONS = frozenset("""
    -> ->> abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling changes char coalesce concat concat_ws cos cosh count
    cume_dist date datetime degrees dense_rank exp first_value floor format glob group_concat hex ifnull iif instr json
    json_array json_array_length json_extract json_group_array json_group_object json_object json_quote json_type json_valid
    julianday lag last_value lead length like likelihood likely ln log log10 log2 lower ltrim max min mod nth_value ntile
    nullif percent_rank pi pow power printf quote radians rank replace round row_number rtrim sign sin sinh sqrt strftime
    string_agg substr substring sum tan tanh time total trim trunc typeof unicode unixepoch unlikely upper
""".split())  # noqa: SIM905  # fmt: skip
"""What a query may call: everything pure. Not there: load_extension, full-text, what reads files or tells how SQLite was built."""

_HARMLESS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})
_ALLOW, _DENY = sqlite3.SQLITE_OK, sqlite3.SQLITE_DENY
_PASSING = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})


class ReadRefused(BoxError):
    """This cannot be read now ({problem}). Try again."""

    status: ClassVar[int] = 503
    retry_after: ClassVar[int | None] = 2


class ReadTooSlow(BoxError):
    """Reading took longer than {seconds} s and was stopped. Ask for fewer days."""

    status: ClassVar[int] = 503
    retry_after: ClassVar[int | None] = 10


def is_passing(error: sqlite3.Error) -> bool:
    """READONLY or CANTOPEN: the file was being set aside, rebuilt or closed; the same read may succeed on a new connection."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING


def is_interrupted(error: sqlite3.Error) -> bool:
    """The deadline came."""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT


def is_forbidden(error: sqlite3.Error) -> bool:
    """The authorizer refused, or a write was tried."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY)


class ScopedConnection(sqlite3.Connection):
    """Opened by `open_scoped`; `refill` gives it to another request."""

    _inner: frozenset[str]
    _files: frozenset[str]
    _hidden: frozenset[str]
    _deadline: float = math.inf
    _filled: tuple[int, ...] | None = None
    _trusting: bool = False

    def prepare(self, ledger: Path, months: Sequence[Path]) -> None:
        """Attaches the files and makes the views. Once, before `refill`."""
        secret = secrets.token_hex(8)
        names = [f"_{secret}_{name}" for name in ("ledger", "month", "other_month")][: 1 + len(months)]
        self.execute("pragma temp_store = memory")
        self.execute("pragma trusted_schema = 0")
        for name, file in zip(names, (ledger, *months), strict=True):
            self.execute(f"attach ? as {name}", (_read_only(file),))
        self.execute(SQL["make_scope"])
        self._files = frozenset(names)
        self._inner = _make_views(self, secret, names[0], names[1:])
        self._hidden = _hidden_names(self, names)
        for limit, value in LIMITS.items():
            self.setlimit(limit, value)
        self.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)
        self.set_authorizer(self._authorize)

    def refill(self, site_ids: Iterable[int], seconds: float = DEADLINE_SECONDS) -> None:
        """From now on these sites are seen, and every statement ends `seconds` from now. What was prepared stays so."""
        asked = tuple(site_ids)
        self._deadline = math.inf
        if asked != self._filled:
            self._fill(asked)
        self._deadline = monotonic() + seconds

    def begin_reading(self) -> None:
        """Until `end_reading`, each file is seen as it was at its first question."""
        if not self.in_transaction:
            self._do(lambda: self.execute("begin"))

    def end_reading(self) -> None:
        """From now on files are seen as they are."""
        if self.in_transaction:
            self._do(lambda: self.execute("rollback"))

    def _fill(self, site_ids: tuple[int, ...]) -> None:
        self._filled = None
        self._do(lambda: self.execute(SQL["empty_scope"]))
        self._do(lambda: self.executemany(SQL["fill_scope"], [(site_id,) for site_id in site_ids]))
        self._filled = site_ids

    def _do(self, own: Callable[[], object]) -> None:
        """What is not reading, and only done here. (Another authorizer for it, or `query_only`, would make SQLite forget every statement
        it has prepared.)"""
        self._trusting = True
        try:
            own()
        finally:
            self._trusting = False

    def _authorize(self, action: int, first: str | None, second: str | None, database: str | None, view: str | None) -> int:
        """`view` is the innermost view or CTE as it was named: only who knows an inner name can pass for one. COUNT(*) and the like
        read no column: then `database` is what was written before the name, and only an inner view can have written a file's. (It
        comes without its view where SQLite has merged that into a subquery.)"""
        if self._trusting:
            return _ALLOW
        if action == sqlite3.SQLITE_READ:
            return _ALLOW if self._may_read((first or "").lower(), second or "", database, view) else _DENY
        if action == sqlite3.SQLITE_FUNCTION:
            return _ALLOW if second in FUNCTIONS else _DENY
        return _ALLOW if action in _HARMLESS else _DENY

    def _may_read(self, table: str, column: str, database: str | None, view: str | None) -> bool:
        if view in self._inner:
            return True
        if database is None:  # the name may be a CTE's; and a view's name is looked up in temp before the files
            return table not in self._hidden and not table.startswith(("sqlite_", "pragma_"))
        if database == "temp":
            return table in VIEWS or table in self._inner
        return not column and database in self._files

    def _is_late(self) -> bool:
        return monotonic() > self._deadline


def open_scoped(
    data: Path, site_ids: Iterable[int], months: Sequence[str] = (), seconds: float = DEADLINE_SECONDS
) -> ScopedConnection:
    """A connection to the ledger and at most two month files (names inside DATA/months). Without a month there is no `sessions` and
    no `events`. Raises sqlite3.Error when a file cannot be opened."""
    if len(months) > MOST_MONTHS:
        raise ValueError("at most two months")
    connection = sqlite3.connect(":memory:", uri=True, isolation_level=None, timeout=2.0, factory=ScopedConnection)
    try:
        connection.prepare(data / "ledger.db", [data / "months" / file for file in months])
        connection.refill(site_ids, seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _read_only(file: Path) -> str:
    return f"file:{quote(str(file.absolute()))}?mode=ro"


def _make_views(connection: sqlite3.Connection, secret: str, ledger: str, months: Sequence[str]) -> frozenset[str]:
    """Makes inner and outer views; the inner ones' names."""
    bodies = {name: [body.format(ledger=ledger)] for name, body in LEDGER_VIEWS.items()}
    if months:
        bodies |= {name: [body.format(month=month) for month in months] for name, body in MONTH_VIEWS.items()}
    inner: list[str] = []
    for name, parts in bodies.items():
        mine = [f"_{secret}_{name}{number or ''}" for number in range(len(parts))]
        for one, body in zip(mine, parts, strict=True):
            connection.execute(f"create temp view {one} as {body}")
        union = " union all ".join(f"select * from temp.{one}" for one in mine)  # noqa: S608  # names made above
        connection.execute(f"create temp view {name} as {union}")
        inner += mine
    return frozenset(inner)


def _hidden_names(connection: sqlite3.Connection, files: Sequence[str]) -> frozenset[str]:
    """Real tables without a view, and SQLite's own virtual ones: what COUNT(*) must not reach by its bare name."""
    viewed = VIEWS if len(files) > 1 else LEDGER_VIEWS.keys()
    real = {name for file in files for (name,) in connection.execute(SQL["real_tables"].format(file=file))}
    return frozenset((real | {"scope"} | _modules()) - viewed)


@cache
def _modules() -> frozenset[str]:
    """The virtual tables this SQLite has built in (dbstat, json_each, sqlite_stmt …)."""
    probe = sqlite3.connect(":memory:")
    try:
        return frozenset(name.lower() for (name,) in probe.execute("pragma module_list"))
    finally:
        probe.close()

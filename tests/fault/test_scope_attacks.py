"""A scope sees its own sites' rows and nothing else, whatever SQL it is given (I6). The database itself refuses."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsmantik_box.domain.months import month_start
from opsmantik_box.errors import BoxError
from opsmantik_box.ops.query import run_query
from opsmantik_box.sql.scope import LEDGER_VIEWS, MONTH_VIEWS, ScopedConnection, open_scoped
from tests.reading_data import PHONE, Folder

T = month_start("2026-11") + 36_000_000
FOREIGN = ("geheim", "999444", "fremd.example")
"""What stands in every row that is not mine: text, a number, a domain."""
MINE, THEIRS = 3, 7
"""How many rows of each kind there are: no count of mine equals one that holds any of theirs."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = Folder(tmp_path_factory.mktemp("scope") / "data")
    mine, _ = folder.site("meins")
    theirs, _ = folder.site("geheim", domains='["fremd.example"]')
    user = folder.add("users", email="geheim@fremd.example", created_at=1)
    folder.add("api_tokens", token_hash=b"geheim", user_id=user, rights="admin", created_at=1)
    folder.add("ledger_identity", one=1, ledger_id="geheim", created_at=1)
    for site, word, number in ((mine, "meins", MINE), (theirs, "geheim", THEIRS)):
        for one in range(number):
            _fill(folder, site, word, T + one)
    yield folder.data
    folder.close()


def _fill(folder: Folder, site: int, word: str, at: int) -> None:
    amount = 999_444 if word == "geheim" else 5
    for month in ("2026-10", "2026-11"):
        folder.session(site, at, month=month, fingerprint=f"{word}-{at}", entry_page=word, city=word)
    user = folder.add("users", email=f"{word}-{at}", created_at=at)
    folder.add("site_members", site_id=site, user_id=user, created_at=at)
    call = folder.call(site, at, PHONE, note=word, sale_amount=amount)
    folder.add("signals", site_id=site, event_id=word.encode(), received_at=at, payload=word.encode())
    folder.add("verdicts", site_id=site, call_id=call, at=at, to_status="real", note=word)
    on_lead = {"site_id": site, "lead_id": call, "at": at}
    folder.add("leads", id=call, site_id=site)
    folder.add("attempts", **on_lead, call_id=call, outcome=word)
    folder.add("notes", **on_lead, call_id=call, note=word)
    folder.add("reminders", **on_lead, due_at=amount)
    folder.add("touches", site_id=site, fingerprint=f"{word}-{at}", kind="gclid", click_id=word, at=at, session_id=word)
    folder.add("ad_clicks", site_id=site, day=f"day-{at}", clicks=amount, as_of=at, source=word)
    folder.add("client_counts", site_id=site, day=f"day-{at}", note=word, as_of=at)
    folder.add("erased_counts", site_id=site, day=f"day-{at}", at=at, what="intents", cause="erased", count=amount)
    folder.add("daily_counts", site_id=site, day=f"day-{at}", attribution_rank=6, traffic_source=word, device_type=word)
    folder.ledger.execute("delete from days_due where quarter < ?", (T // 2,))  # what the rows above have marked
    folder.add("days_due", site_id=site, quarter=at, round=1)
    folder.add("tracker_hours", site_id=site, hour=at, kind="version", name=word, n=amount)
    folder.add("alerts", kind=word, site_id=site, at=at, text=word, last_at=at)
    folder.add("audit_log", at=at, actor=word, action=word, site_id=site)


@pytest.fixture
def scoped(data: Path) -> Iterator[ScopedConnection]:
    connection = open_scoped(data, [1], ["2026-11.db"])
    yield connection
    connection.close()


VIEWS = sorted({*LEDGER_VIEWS, *MONTH_VIEWS} - {"sites"})
UNSEEN = (
    "users", "site_members", "api_tokens", "signals", "ledger_identity", "audit_log", "outbox", "partitions",
    "erasures", "erased_marks", "erasing", "numbering", "site_hours", "watch", "backups", "backed_up_months",
    "refusals", "tracker_count", "checkpoint", "jobs", "audits", "scope", "sqlite_master", "sqlite_schema", "sqlite_temp_master",
    "sqlite_temp_schema", "sqlite_sequence", "sqlite_stmt", "dbstat", "json_each", "json_tree", "fts5vocab", "pragma_table_list",
    "pragma_database_list", "pragma_module_list", "sqlite_dbpage", "generate_series", "bytecode", "sqlite_stat1",
)  # fmt: skip
FILES = ("", "main.", "temp.", "month.", "ledger.")
"""What an attacker may write before a table's name."""


def attack(connection: ScopedConnection, sql: str) -> list[tuple[object, ...]]:
    """What it gives: rows, or nothing because it was refused. An attack that ends the process or hangs fails by itself."""
    try:
        return connection.execute(sql).fetchmany(1000)
    except (sqlite3.Error, sqlite3.Warning):
        return []


def is_clean(rows: list[tuple[object, ...]]) -> bool:
    """No word, number or count of theirs."""
    cells = [cell for row in rows for cell in row]
    told = " ".join(cell.hex() + cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell) for cell in cells)
    leaked = [word for word in (*FOREIGN, b"geheim".hex()) if word in told]
    return not leaked and not {THEIRS, MINE + THEIRS} & {cell for cell in cells if isinstance(cell, int)}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_my_rows_and_all_of_them(scoped: ScopedConnection, view: str) -> None:
    assert scoped.execute(f"select count(*) from {view}").fetchone() == (MINE,)
    assert len(scoped.execute(f"select * from temp.{view}").fetchall()) == MINE
    assert is_clean(scoped.execute(f"select * from {view}").fetchall())


def test_of_the_sites_only_my_own_is_there(scoped: ScopedConnection) -> None:
    assert scoped.execute("select name from sites").fetchall() == [("meins",)]


WAYS = (
    "select * from {0}", "select count(*) from {0}", "select max(rowid) from {0}", "select rowid, * from {0}",
    "select 1 from {0}", "select count(1) from {0} as mine", "select exists (select 1 from {0} where 1)",
    "with {1} as (select * from {0}) select * from {1}", "with {1} as (select count(*) as n from {0}) select n from {1}",
    "with {1} as materialized (select * from {0}) select count(*) from {1}",
    "with recursive {1} as (select * from {0} union all select * from {0}) select * from {1} limit 99",
    "select * from (select * from {0}) as {1}", "select (select count(*) from {0}) from sites",
    "select * from sites union all select * from {0}", "select count(*) from (select 1 from {0} union all select 1 from {0})",
    "select count(*) from sites, {0}", "select count(*) from sites left join {0} on 1", "select 1 in {0}",
    "select * from sessions where id in (select max(rowid) from {0})", "select count(*) over () from {0}",
    "select sum(1) from {0} group by 1", "select * from {0} not indexed", "select * from {0} indexed by sqlite_autoindex_{1}_1",
    "select * from sites where (select count(*) from {0}) > 5", "select * from {0} order by 1 limit 1 offset 5",
    "values ((select count(*) from {0}))", "select json_group_array(rowid) from {0}",
    "with sites as (select * from {0}), month as (select 1) select * from sites",
)  # fmt: skip
"""{0} is the table as an attacker names it, {1} its bare name."""


@pytest.mark.parametrize("table", [*VIEWS, "sites", *UNSEEN])
def test_no_way_of_naming_a_table_shows_a_foreign_row(scoped: ScopedConnection, table: str) -> None:
    for file in FILES:
        for way in WAYS:
            sql = way.format(file + table, table)
            rows = attack(scoped, sql)
            assert is_clean(rows), (sql, rows)
            if table in UNSEEN:
                assert rows in ([], [(0,)]) or sql.startswith(("select * from sites union", "select * from sites where")), (
                    sql,
                    rows,
                )


@pytest.mark.parametrize("table", ["users", "signals", "checkpoint", "sqlite_temp_master", "dbstat", "calls"])
def test_the_same_attacks_succeed_where_there_is_no_wall(data: Path, table: str) -> None:
    connection = sqlite3.connect(data / "ledger.db")
    connection.execute("attach ? as month", (str(data / "months" / "2026-11.db"),))
    connection.execute("create temp view calls as select * from main.calls where site_id = 1")
    told = [attack(connection, way.format(file + table, table)) for file in FILES for way in WAYS]
    connection.close()
    assert any(told) if table != "calls" else not all(map(is_clean, told))


@pytest.mark.parametrize(
    "sql",
    [
        "attach 'ledger.db' as x", "attach ':memory:' as x", "detach main", "pragma table_info(users)", "pragma query_only = 0",
        "pragma writable_schema = 1", "pragma database_list", "pragma journal_mode = delete", "pragma temp.table_list",
        "pragma user_version = 9", "select load_extension('x')", "select writefile('x', 'y')", "select readfile('ledger.db')",
        "select fts3_tokenizer('simple')", "select sqlite_compileoption_get(0)", "select sqlite_source_id()",
        "select sqlite_version()", "select randomblob(10)", "select zeroblob(10)", "create temp table mine (a)",
        "create temp view mine as select * from users", "create table main.mine (a)", "create virtual table t using fts5(a)",
        "create temp trigger t instead of insert on sessions begin select 1; end", "drop view temp.sessions",
        "drop table temp.scope", "create temp view sites as select * from main.users", "alter table temp.scope rename to x",
        "insert into temp.scope (site_id) values (2)", "update temp.scope set site_id = 2", "delete from temp.scope",
        "replace into scope values (2)", "insert into sessions (no) values (1)", "update calls set note = 'x'",
        "delete from main.calls", "update sqlite_master set sql = ''", "begin", "commit", "savepoint x", "vacuum",
        "vacuum into 'copy.db'", "reindex", "analyze", "explain query plan select * from users",
    ],
)  # fmt: skip
def test_anything_but_reading_is_refused(scoped: ScopedConnection, sql: str) -> None:
    with pytest.raises(sqlite3.Error):
        scoped.execute(sql).fetchall()


def test_the_inner_names_cannot_be_guessed_and_are_new_for_every_connection(data: Path, scoped: ScopedConnection) -> None:
    other = open_scoped(data, [2], ["2026-11.db"])
    plan = other.execute("explain query plan select * from sessions").fetchall()
    other_name = next(word for row in plan for word in str(row[3]).replace(".", " ").split() if word.startswith("_"))
    other.close()
    prefix = other_name.rsplit("_", 1)[0]
    for name in (f"{prefix}_sessions", "_sessions", "_0000000000000000_sessions"):
        for sql in ("select * from {0}", "select * from temp.{0}", "with {0} as (select * from main.sessions) select * from {0}",
                    "with {0} as (select * from users) select * from {0}"):  # fmt: skip
            assert attack(scoped, sql.format(name)) == []


def test_a_refilled_connection_has_forgotten_the_sites_before(scoped: ScopedConnection) -> None:
    question = "select count(*), max(note) from calls"
    assert scoped.execute(question).fetchone() == (MINE, "meins")
    scoped.refill([2])
    assert scoped.execute(question).fetchone() == (THEIRS, "geheim")
    scoped.refill([1, 2])
    assert scoped.execute(question).fetchone() == (MINE + THEIRS, "meins")
    scoped.refill([])
    assert scoped.execute(question).fetchone() == (0, None)


def test_what_the_refilling_itself_runs_cannot_be_run_again_by_a_reader(scoped: ScopedConnection) -> None:
    for sql, parameters in (
        ("pragma query_only = 0", ()),
        ("delete from temp.scope;", ()),
        ("insert into temp.scope (site_id) values (?);", (2,)),
    ):
        scoped.refill([1])
        with pytest.raises(sqlite3.Error):
            scoped.execute(sql, parameters)
    assert scoped.execute("select count(*) from calls").fetchone() == (MINE,)


@pytest.mark.parametrize(
    "bomb",
    [
        "with recursive t (x) as (select 1 union all select x + 1 from t) select count(*) from t",
        "select count(*) from " + ", ".join(f"sessions as s{n}, events as e{n}" for n in range(12)),
        "with recursive t (x) as (select 'a' union all select x || x from t) select max(length(x)) from t",
    ],
)
def test_a_bomb_ends_at_the_deadline(scoped: ScopedConnection, bomb: str) -> None:
    scoped.refill([1], seconds=0.2)
    with pytest.raises((sqlite3.OperationalError, sqlite3.DataError), match=r"interrupted|too big"):
        scoped.execute(bomb).fetchall()
    scoped.refill([1])
    assert scoped.execute("select count(*) from calls").fetchone() == (MINE,)


@pytest.mark.parametrize(
    "sql", ["select hex(replace(hex(zeroblob(1000)), '0', hex(zeroblob(100000))))", "select printf('%.*c', 900000000, 'x')"]
)
def test_one_step_cannot_take_all_memory(scoped: ScopedConnection, sql: str) -> None:
    rows = attack(scoped, sql)
    assert all(len(str(cell)) <= 16 * 1024 * 1024 for row in rows for cell in row)


def test_two_months_are_one_view_each_behind_its_own_inner_one(data: Path) -> None:
    connection = open_scoped(data, [1], ["2026-10.db", "2026-11.db"])
    assert connection.execute("select count(*), count(distinct created_month) from sessions").fetchone() == (2 * MINE, 2)
    assert connection.execute("select count(*) from events").fetchone() == (2 * MINE,)
    for file in (*FILES, "other_month."):
        for sql in (
            f"select count(*) from {file}sessions",
            f"with sessions as (select * from {file}sessions) select * from sessions",
        ):
            assert is_clean(attack(connection, sql))
    connection.close()


def test_three_months_are_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="two months"):
        open_scoped(data, [1], ["2026-10.db", "2026-11.db", "2026-12.db"])


def test_without_a_month_there_are_no_sessions_of_anyone(data: Path) -> None:
    connection = open_scoped(data, [1])
    assert connection.execute("select count(*) from calls").fetchone() == (MINE,)
    for sql in ("select * from sessions", "select count(*) from events", "select count(*) from main.sessions"):
        assert attack(connection, sql) == []
    connection.close()


def test_nothing_is_written_beside_the_files(data: Path, scoped: ScopedConnection) -> None:
    before = {path: path.stat().st_size for path in data.rglob("*")}
    for sql in ("vacuum into 'x.db'", "attach 'new.db' as n", "select * from sessions order by id", "create table t (a)"):
        attack(scoped, sql)
    assert {path: path.stat().st_size for path in data.rglob("*")} == before


@pytest.mark.parametrize(
    "sql",
    ["select * from users", "select * from main.calls", "pragma table_info(users)", "select 1; select * from users", "", "--"],
)
def test_the_sql_command_says_what_it_refuses_and_shows_nothing(data: Path, sql: str) -> None:
    told = ""
    columns, rows = [], []
    try:
        columns, rows = run_query(data, sql, [1], None, ["2026-11"], T)
    except BoxError as error:
        told = str(error)
    assert not any(word in told for word in FOREIGN)
    assert (columns, rows) == ([], [])


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from sessions where site_id in (select id from sites)",
        "select count(*) from calls where site_id in (select site_id from sessions) and (select count(*) from events) > 0",
        "with mine as (select * from sessions) select count(*) from mine where id in (select session_id from events)",
        "select count(*) from (select site_id from sessions union all select 0 where 0)",
        "select count(*) from sessions as s join sites on sites.id = s.site_id",
    ],
)
def test_a_view_may_stand_wherever_a_table_may(scoped: ScopedConnection, sql: str) -> None:
    assert scoped.execute(sql).fetchone() == (MINE,)

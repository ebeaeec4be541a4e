"""What backups are called, which are kept, which one a restore takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.config import Raw, checked, setting_types
from opsmantik_box.domain.backups import (
    ERASURES,
    Backup,
    Manifest,
    Name,
    Stored,
    choose,
    newest_first,
    read_name,
    to_drop,
    with_newest_erasures,
)
from opsmantik_box.domain.schedules import DAY_MS, HOUR_MS
from opsmantik_box.errors import ConfigError, UsageError

NOON = 1_793_880_000_000  # 2026-11-05 12:00 UTC
LEDGER = "0123456789abcdef"


def names(*times: int) -> list[Name]:
    return newest_first(str(Name(at, LEDGER, 7, encrypted=False)) for at in times)


@given(st.integers(0, 4_102_444_800_000), st.integers(0, 2**62), st.booleans())
def test_a_name_is_read_as_it_was_written(at: int, seq: int, encrypted: bool) -> None:
    name = Name(at, LEDGER, seq, encrypted)
    assert read_name(str(name)) == name


@pytest.mark.parametrize(
    "other", ["", "objects/aa.gz", "backups/x.json.gz", "backups/20261105T120000000Z-short-7.json.gz", "../backups"]
)
def test_other_files_are_no_backups(other: str) -> None:
    assert read_name(other) is None


def test_of_each_day_the_last_one_is_kept_for_so_many_days() -> None:
    there = names(*(NOON - days * DAY_MS - hours * HOUR_MS for days in range(5) for hours in (0, 1, 2)))
    dropped = to_drop(there, 3)
    assert [name.made_at for name in there if name not in dropped] == [NOON, NOON - DAY_MS, NOON - 2 * DAY_MS]


@given(st.lists(st.integers(0, 400 * DAY_MS), min_size=1, max_size=60, unique=True), st.integers(1, 20))
def test_the_newest_is_never_dropped_and_no_more_are_kept_than_asked(times: list[int], keep: int) -> None:
    there = names(*times)
    dropped = to_drop(there, keep)
    assert there[0] not in dropped
    assert len({name.made_at // DAY_MS for name in there if name not in dropped}) == len(there) - len(dropped) <= keep


def test_many_tries_on_one_day_drop_no_other_day() -> None:
    """A place that fails all day makes a backup an hour at the others."""
    there = names(*(NOON - hours * HOUR_MS for hours in range(12)), *(NOON - days * DAY_MS for days in range(1, 14)))
    assert {name.made_at for name in to_drop(there, 14)} == {NOON - hours * HOUR_MS for hours in range(1, 12)}


def test_a_restore_takes_the_newest_made_by_the_time() -> None:
    there = names(NOON, NOON - DAY_MS, NOON - 2 * DAY_MS)
    assert choose(there, None).made_at == NOON
    assert choose(there, NOON - 1).made_at == NOON - DAY_MS
    assert choose(there, NOON - DAY_MS).made_at == NOON - DAY_MS
    with pytest.raises(UsageError, match="oldest was made 2026-11-03 12:00:00 UTC"):
        choose(there, NOON - 9 * DAY_MS)
    with pytest.raises(UsageError, match="no backup there"):
        choose([], None)


def test_an_older_backup_is_restored_with_the_newest_list_of_erasures() -> None:
    def manifest(*files: tuple[str, str]) -> Manifest:
        return Manifest(NOON, "1", LEDGER, 1, 7, [Stored(path, name, 1, "") for path, name in files], {})

    older, newest = manifest(("ledger.db", "a"), (ERASURES, "b")), manifest(("ledger.db", "c"), (ERASURES, "d"))
    assert {one.path: one.object for one in with_newest_erasures(older, newest).files} == {"ledger.db": "a", ERASURES: "d"}
    assert len(with_newest_erasures(manifest(("ledger.db", "a")), newest).files) == 2


def setting(key: str, value: object) -> object:
    return checked(key, setting_types()[key], Raw(value, "box.toml", key, "box.toml"))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("backup.key", "x" * 64), ("backup.key", "ab" * 16), ("backup.ssh", "backup.example.com"), ("backup.ssh", "-oProxyCommand=x@y:z"),
        ("backup.ssh", "box@-oProxyCommand=x:z"), ("backup.s3_url", "s3.example.com"), ("backup.s3_url", "ftp://x"), ("backup.keep", 0),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused(key: str, wrong: object) -> None:
    with pytest.raises(ConfigError):
        setting(key, wrong)


def test_settings_are_kept_as_they_are_meant() -> None:
    assert setting("backup.key", "AB" * 32) == "ab" * 32
    assert setting("backup.ssh", "box@backup.example.com:backups/box") == "box@backup.example.com:backups/box"
    assert setting("backup.s3_url", "https://s3.example.com/") == "https://s3.example.com"


def test_places_are_called_by_where_they_are_and_secrets_are_not_shown() -> None:
    told = Backup(
        folder="/mnt/b", ssh="a@b:c", s3_url="https://s3.x", s3_bucket="box", s3_prefix="p", s3_secret_key="hush", key="cd" * 32
    )
    assert told.places == ["/mnt/b", "a@b:c", "https://s3.x/box/p"]
    assert "hush" not in repr(told)
    assert Backup().places == []

"""How full a disk is, is one number wherever it is told."""

import os
from subprocess import run

import pytest

from opsmantik_box.disk import room, used_share


def disk(*, blocks: int, free: int, available: int) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, blocks, free, available, 0, 0, 0, 0, 255))


def test_what_is_kept_for_root_is_no_room() -> None:
    assert room(disk(blocks=100, free=20, available=15)) == (15 * 4096, 95 * 4096)
    assert used_share(disk(blocks=100, free=20, available=15)) == pytest.approx(80 / 95)
    assert used_share(disk(blocks=100, free=5, available=0)) == 1


def test_a_file_system_without_blocks_is_not_full() -> None:
    assert (room(disk(blocks=0, free=0, available=0)), used_share(disk(blocks=0, free=0, available=0))) == ((0, 0), 0)


def test_it_is_what_df_tells(tmp_path: os.PathLike[str]) -> None:
    told = run(["df", "--output=pcent", tmp_path], capture_output=True, text=True, check=True).stdout.split()[-1]
    assert int(told.rstrip("%")) == pytest.approx(used_share(os.statvfs(tmp_path)) * 100, abs=1.5)

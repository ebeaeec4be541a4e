"""What the engine asks for each signal costs the same on a large ledger: no statement of the hot path walks a site's rows."""

import re
from collections.abc import Iterator

import pytest

from opsmantik_box.sql import load
from tests.integration import engine_kit
from tests.integration.engine_kit import Engine

HOT = ("has_returned", "find_touch", "find_stamp", "find_near_tap", "follow_session", "read_signals")
"""Statements that run once a signal and are no plain insert by primary key."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with engine_kit.engine(tmp_path_factory.mktemp("plans") / "data") as engine:
        yield engine


@pytest.mark.parametrize("name", sorted(load("desk")))
def test_nothing_at_the_desk_walks_a_table(engine: Engine, name: str) -> None:
    sql = load("desk")[name]
    marks = dict.fromkeys(re.findall(r":(\w+)", sql), 1) or (1,) * len(re.findall(r"\?", re.sub(r"--.*", "", sql)))
    plan = [row[3] for row in engine.core.ledger.db.execute(f"explain query plan {sql}", marks)]
    assert not [line for line in plan if line.startswith("SCAN") and "CONSTANT ROW" not in line and "(subquery" not in line], plan


@pytest.mark.parametrize("name", HOT)
def test_every_search_of_the_hot_path_is_by_more_than_the_site(engine: Engine, name: str) -> None:
    sql = load("ledger")[name]
    marks = len(re.findall(r"\?", re.sub(r"--.*", "", sql)))
    plan = [row[3] for row in engine.core.ledger.db.execute(f"explain query plan {sql}", (1,) * marks)]
    assert plan
    assert all(line.startswith("SEARCH") for line in plan), plan
    assert not any(line.endswith("(site_id=?)") or "(site_id=? AND at" in line for line in plan), plan

"""F2, erasing: the engine is killed at each named point of an erasure. The next start finishes it, and nothing else is missing."""

from collections import Counter

import pytest

from tests.fault.live import LiveBox, live_box, load, wait_until
from tests.fault.test_f02_named_points import KILL_AT
from tests.fault.traffic import Sent


def die_erasing(point: str, count: int = 1) -> None:
    """Traffic; then a visitor is to be erased, and the engine dies on the way. Afterwards traffic again, and all that was erased is
    sent once more."""
    with live_box() as live:
        with load(live, seed=count):
            wait_until(lambda: len(live.client.acknowledged) > 120, "traffic")
        live.box.wait_projected()
        fingerprint, theirs = busiest(live)
        live.client.erased = {sent.key for sent in theirs}
        assert live.box.stop() == 0
        live.box.env[KILL_AT] = f"{point}:{count}"
        live.start()
        erasure = live.box.call("erase_visitor", kind="fingerprint", value=fingerprint)["id"]
        process = live.box.process
        assert process is not None
        wait_until(lambda: process.poll() is not None, f"dying at {point}", 30)
        assert process.returncode == -9
        del live.box.env[KILL_AT]
        live.start()
        wait_until(lambda: state_of(live, erasure) == "done", "the erasure's end", 30)
        assert left(live, fingerprint, *{sent.body["sid"] for sent in theirs}) == []
        receipt = live.box.call("read_erasure", id=erasure)["receipt"]
        assert sum(tables.get("signals", 0) for tables in receipt["tables"].values()) == len(theirs)
        with load(live, seed=1_000 + count, first=theirs):
            wait_until(lambda: sum(live.statuses.values()) > len(theirs), "answers")
        live.stop_and_check()


def busiest(live: LiveBox) -> tuple[str, list[Sent]]:
    """The fingerprint with the most acknowledged signals, and these."""
    known = [live.client.sent[key][0] for key in live.client.acknowledged]
    ((fingerprint, _),) = Counter(sent.body["meta"]["fp"] for sent in known).most_common(1)
    return fingerprint, [sent for sent in known if sent.body["meta"]["fp"] == fingerprint]


def state_of(live: LiveBox, erasure: str) -> str:
    return live.box.call("read_erasure", id=erasure)["receipt"]["state"]


def left(live: LiveBox, *words: str) -> list[tuple[str, str]]:
    """Which of these stand in which file of the folder."""
    files = {path.name: path.read_bytes() for path in live.data.rglob("*") if path.is_file()}
    return [(word, name) for name, content in files.items() for word in words if word.encode() in content]


def test_erasure_listed() -> None:
    die_erasing("erasure_listed")


def test_erasure_in_ledger() -> None:
    die_erasing("erasure_in_ledger")


@pytest.mark.parametrize("count", [1])
def test_erasure_in_month(count: int) -> None:
    die_erasing("erasure_in_month", count)


def test_erasure_scrubbed() -> None:
    die_erasing("erasure_scrubbed")

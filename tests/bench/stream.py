"""From the tap to those who watch: 50 subscribers while signals come in at half the rate at which they could."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from opsmantik_box.link.client import EngineClient
from tests.bench import load, watch
from tests.bench.boxes import BenchmarkFailed, Box, Key, add_site, data_folder, running_box, send, watch_stream
from tests.bench.over_http import CONNECTIONS, OPEN_CONNECTIONS, Scale
from tests.bench.results import Result

SUBSCRIBERS = 50
SHARE = 0.5
"""Of the rate that was measured a moment before, without subscribers."""
TAPS_A_SECOND = 20
TAIL_SEC = 3.0
"""The load lasts this much longer than the taps, so that all of them come in under it."""
START_SEC = 120.0
ROUNDS = 3


def to_subscribers(scale: Scale, parent: Path) -> Iterator[Result]:
    """Half the rate, and the taps' way to every subscriber meanwhile."""
    with data_folder(parent) as data, ThreadPoolExecutor(1) as beside:
        key = add_site(data)
        with running_box(data) as box:
            reader = read_token(box, key)
            rates = [send(order_of(box, key, seed, scale.singles)).per_second for seed in range(1, ROUNDS + 1)]
            box.catch_up()
            rate, seconds = SHARE * median(rates), scale.open_sec
            before = box.status()["last_seq"]
            loading = beside.submit(send, order_of(box, key, ROUNDS + 1, int(rate * (seconds + TAIL_SEC)), rate))
            wait_for_traffic(box, before, loading)
            account = watch_stream(watch.Order(
                port=box.port, site=key.site, token=key.token, reader=reader, subscribers=SUBSCRIBERS,
                taps=int(TAPS_A_SECOND * seconds), rate=TAPS_A_SECOND,
            ))  # fmt: skip
            if loading.done():
                raise BenchmarkFailed("the load ended before the taps did")
            yield result_of(account, loading.result())


def order_of(box: Box, key: Key, seed: int, requests: int, rate: float = 0.0) -> load.Order:
    """A closed loop, or an open one at this rate."""
    connections = OPEN_CONNECTIONS if rate else CONNECTIONS
    return load.Order(
        port=box.port, requests=requests, seed=seed, site=key.site, token=key.token, connections=connections, rate=rate
    )


def read_token(box: Box, key: Key) -> str:
    """A token of somebody who may read the site."""
    client = EngineClient(box.data)
    try:
        client.call("add_user", {"email": "reader@example.com"})
        client.call("grant", {"user": "reader@example.com", "site": key.site, "rights": "read"})
        return client.call("create_token", {"user": "reader@example.com", "rights": "read"})["token"]
    finally:
        client.close()


def wait_for_traffic(box: Box, before: int, loading: "Future[load.Account]") -> None:
    """The generator builds its requests first."""
    deadline = monotonic() + START_SEC
    while box.status()["last_seq"] == before:
        if loading.done() or monotonic() > deadline:
            raise BenchmarkFailed("the load did not begin")
        sleep(0.05)


def result_of(account: watch.Account, loaded: load.Account) -> Result:
    if account.twice or account.missed:
        raise BenchmarkFailed(f"{account.twice} messages came twice, {account.missed} did not come")
    each = (account.told + account.others) / SUBSCRIBERS
    return Result(
        name=f"tap to subscriber, {SUBSCRIBERS} of them",
        target="stream p99",
        value=account.p99_ms,
        requests=loaded.per_second,
        signals=loaded.per_second,
        p50=account.p50_ms,
        p99=account.p99_ms,
        note=f"slowest {account.max_ms:.1f} ms; each was told {each:,.0f} intents and {account.hints / SUBSCRIBERS:,.0f} hints; "
        f"signals at half their rate meanwhile: p50 {loaded.p50_ms:.1f} ms, p99 {loaded.p99_ms:.1f} ms",
    )

"""F20: bodies made to break a parser. Each gets the answer wire.md gives, never a 5xx, and leaves the gateway as it was."""

import gzip
import json
from pathlib import Path

import pytest

from tests.harness import Box
from tests.tracker import ORIGIN, Tracker, encoded, head, signal_of, wait_until

MIB = 1024 * 1024


def with_field(site: str, name: str, raw: bytes) -> bytes:
    """A signal one of whose fields holds these bytes, which no JSON library would write."""
    rest = {key: value for key, value in signal_of(site).items() if key != name}
    return encoded(rest)[:-1] + b', "' + name.encode() + b'": ' + raw + b"}"


NOT_JSON = {
    "50,000 deep": b"[" * 50_000,
    "50,000 deep objects": b'{"meta":' * 8_000,
    "17 deep": b'{"meta":' + b"[" * 16 + b"]" * 16 + b"}",
    "17 deep in a field nobody reads": b'{"zz":' + b'{"a":' * 16 + b"1" + b"}" * 16 + b"}",
    "bad UTF-8": b'{"u":"https://antika.example/\xff"}',
    "bad UTF-8 in a field nobody reads": b'{"zz":"\xc3\x28"}',
    "UTF-8 of a surrogate": b'{"u":"\xed\xa0\x80"}',
    "a lone surrogate": b'{"u":"\\ud800"}',
    "a lone surrogate in a field nobody reads": b'{"zz":"\\udfff"}',
    "UTF-16": '{"u":"x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"ev":NaN}',
    "Infinity": b'{"ev":-Infinity}',
    "1e999 as a time": b'{"ts":1e999}',
    "a huger int as a time": b'{"ts":' + b"9" * 5000 + b"}",
    "a raw control byte": b'{"u":"\x00"}',
    "two documents": b"{}{}",
    "a comma too many": b'{"ec":"a",}',
    "nothing": b"",
    "spaces": b" " * 1000,
    "half a document": b'{"s":"3f2b8a52',
    "a form": b"s=1&u=2",
    "gzip that does not say so": gzip.compress(b"{}"),
    "a list of signals": b"[{}]",
    "a batch that is none": b'{"v":2,"e":{}}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_hostile_body_is_answered_as_no_json(tracker: Tracker, site: str, body: bytes) -> None:
    reply = tracker.post(body)
    assert (reply.status, reply.body) == (400, {"ok": False, "score": None, "message": "Invalid JSON payload"})
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert tracker.post(signal_of(site)).body["status"] == "synced"


STORED = {
    "a value past every number": ("ev", b"1e999"),
    "a value of 400 digits": ("ev", b"9" * 400),
    "a value that is an object": ("ev", b'{"a":[1,2]}'),
    "a value that is true": ("ev", b"true"),
    "a label that is a number": ("el", b"50"),
    "a label of 10,000 characters": ("el", b'"' + b"x" * 10_000 + b'"'),
    "a session that is no UUID": ("sid", b'"visitor \\u0000 17"'),
    "a session that is a number": ("sid", b"17"),
    "an id that is no UUID": ("id", b'"17"'),
    "a month that is none": ("sm", b'"2026-99-99"'),
    "a time long gone": ("ts", b"-9007199254740993"),
    "a time far ahead": ("ts", b"9007199254740993"),
    "a time of 400 digits": ("ts", b"9" * 400),
    "a time of sending of 400 digits": ("st", b"9" * 400),
    "a session of 400 digits": ("sid", b"9" * 400),
    "a label of 4,000 digits": ("el", b"9" * 4000),
    "a time in a fraction": ("ts", b"1e18"),
    "a time of sending out of this world": ("st", b"1.7e308"),
    "a page of 20,000 characters": ("u", b'"https://antika.example/?gclid=abcDEF123&q=' + b"x" * 20_000 + b'"'),
    "NUL in a page": ("u", b'"https://antika.example/\\u0000"'),
    "bidi in a page": ("u", '"https://antika.example/\u202e\u2066"'.encode()),
    "a huge int in meta": ("meta", b'{"active_sec":' + b"9" * 300 + b"}"),
    "meta with what nobody knows": ("meta", b'{"zz":' + b'"' + b"x" * 20_000 + b'"}'),
    "meta of empty names": ("meta", b'{"":"","\\u0000":1}'),
    "meta 14 deep": ("meta", b'{"a":' * 14 + b"1" + b"}" * 14),
    "brackets in a string": ("el", b'"' + b"[{" * 200 + b'\\"' + b"]" * 100 + b'"'),
    "the same key twice": ("ec", b'"interaction","ec":"system"'),
    "an SQL quote": ("el", b'"\'); drop table signals; --"'),
}


@pytest.mark.parametrize(("name", "raw"), STORED.values(), ids=STORED.keys())
def test_a_strange_field_costs_no_signal(tracker: Tracker, site: str, name: str, raw: bytes) -> None:
    reply = tracker.post(with_field(site, name, raw))
    assert (reply.status, reply.body.get("status")) == (200, "synced")


def test_a_meta_that_is_too_much_is_refused(tracker: Tracker, site: str) -> None:
    reply = tracker.post(signal_of(site, meta={"consent": {f"state{number}": "x" * 200 for number in range(200)}}))
    assert reply.status in (200, 400)
    assert tracker.post(signal_of(site)).status == 200


def test_a_gzip_bomb_is_not_opened(tracker: Tracker, box: Box) -> None:
    bomb = gzip.compress(b" " * 60 * MIB)
    before = peak_rss(box)
    assert tracker.post(bomb, content_encoding="gzip").status == 415
    assert peak_rss(box) - before < 8 * MIB


def test_a_body_without_end_takes_no_memory(tracker: Tracker, box: Box, site: str) -> None:
    before = peak_rss(box)
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with tracker.connect() as connection:
        connection.sendall(head(None, "Transfer-Encoding: chunked"))
        for _ in range(15):
            connection.sendall(chunk)
        connection.sendall(b"0\r\n\r\n")
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"access-control-allow-origin: " + ORIGIN.encode() in answer
    assert peak_rss(box) - before < 8 * MIB
    assert tracker.post(signal_of(site)).status == 200


def test_who_waits_for_leave_to_send_too_much_gets_none(tracker: Tracker) -> None:
    answer = tracker.talk(head(MIB, "Expect: 100-continue"))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_who_waits_for_leave_to_send_a_signal_gets_it(tracker: Tracker, site: str) -> None:
    body = encoded(signal_of(site))
    with tracker.connect() as connection:
        connection.sendall(head(len(body), "Expect: 100-continue", "Connection: close"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert b'"synced"' in connection.recv(65536)


def test_a_bad_item_of_every_kind_fails_alone(tracker: Tracker, site: str) -> None:
    bad = [b'{"u":5}', b"[]", b'{"meta":7}', b'{"ts":1e999}', b'{"u":"x"}', b"1e999", b'"\\u0041"', b"{}"]
    good = json.dumps({name: value for name, value in signal_of(site).items() if name != "s"}).encode()
    body = b'{"v":2,"s":"' + site.encode() + b'","e":[' + b",".join([*bad, good]) + b"]}"
    reply = tracker.post(body)
    assert reply.status == 200
    assert [result.get("status") for result in reply.body["results"]][-2:] == ["synced_skipped_missing_id", "synced"]
    assert [result["ok"] for result in reply.body["results"][:-2]] == [False] * 7


def test_after_all_that_nothing_was_our_own_fault(box: Box, tracker: Tracker) -> None:
    tracker.post(b"{")
    wait_until(lambda: box.status()["refusals_today"].get("json_malformed", 0) > 0, "refusals are counted")
    assert "fault" not in box.status()["refusals_today"]
    assert box.status()["quarantined"] == 0
    assert '"error"' not in box.log.read_text()


def peak_rss(box: Box) -> int:
    """Bytes the gateway has had resident at most."""
    pid = box.status()["gateways"][0]["pid"]
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

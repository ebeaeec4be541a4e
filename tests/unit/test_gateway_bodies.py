"""Bodies are read strictly, and depth is judged without a parser as a parser would judge it."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.gateway.asgi import header_map
from opsmantik_box.gateway.bodies import MAX_DEPTH, BadBody, read_body, too_deep

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\aé ,:'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='[]{}"\\a', max_size=4), inner, max_size=4),
    max_leaves=40,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(VALUES, st.integers(0, 8), st.booleans())
def test_depth_is_that_of_the_document(value: Any, limit: int, escaped: bool) -> None:
    document = json.dumps(value, ensure_ascii=escaped).encode()
    assert too_deep(document, limit) == (depth_of(value) > limit)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_bad_body(body: bytes) -> None:
    with suppress(BadBody):
        read_body(body)


def nested(depth: int) -> bytes:
    """A signal whose deepest bracket stands at `depth`."""
    return b'{"meta":' + b'{"a":' * (depth - 1) + b"1" + b"}" * depth


def test_sixteen_levels_are_read_and_seventeen_are_not() -> None:
    assert read_body(nested(MAX_DEPTH)).meta
    with pytest.raises(BadBody):
        read_body(nested(MAX_DEPTH + 1))


def test_an_item_of_a_batch_stays_unread_until_it_is_its_turn() -> None:
    body = read_body(b'{"v":2,"s":"x","e":[{"u":5},7]}')
    assert body.e is not None
    assert [bytes(item) for item in body.e] == [b'{"u":5}', b"7"]


def test_a_header_that_comes_twice_is_one_list() -> None:
    headers = [(b"x-forwarded-for", b"1.2.3.4"), (b"origin", b"a"), (b"x-forwarded-for", b"5.6.7.8")]
    assert header_map(headers) == {b"x-forwarded-for": b"1.2.3.4, 5.6.7.8", b"origin": b"a"}

"""What a visitor may be asked for by, and how receipts add up."""

import uuid

import pytest

from opsmantik_box.domain.erasure import add_tables, is_shared, values_of
from opsmantik_box.domain.ids import event_id, session_id


@pytest.mark.parametrize("told", ["+905321234567", "0532 123 45 67", "(0532) 123-4567", " 00905321234567 "])
def test_a_number_is_read_as_it_is_dialled_on_the_site(told: str) -> None:
    assert values_of("phone", told, 1, "TR") == ["+905321234567"]


@pytest.mark.parametrize(("kind", "told"), [("phone", "4711x"), ("phone", ""), ("fingerprint", " "), ("session", "")])
def test_what_can_be_nobodys_is_nothing(kind: str, told: str) -> None:
    assert values_of(kind, told, 1, "TR") == []  # type: ignore[arg-type]


def test_a_session_is_known_by_the_trackers_id_and_by_the_boxs() -> None:
    own = str(uuid.uuid4())
    assert set(values_of("session", own, 1, "TR")) == {event_id(own)}
    derived = session_id(1, "s-17", "", b"")
    assert derived in values_of("session", "s-17", 1, "TR")
    assert derived in values_of("session", str(uuid.UUID(bytes=derived)), 1, "TR")


@pytest.mark.parametrize(
    ("kind", "told", "shared"),
    [("fingerprint", "k3j2h1", True), ("fingerprint", "fp_0123456789", False), ("session", "k3j", False)],
)
def test_an_old_trackers_fingerprint_may_be_several_peoples(kind: str, told: str, shared: bool) -> None:
    assert is_shared(kind, told) == shared  # type: ignore[arg-type]


def test_rows_of_two_goes_are_added_and_empty_tables_left_out() -> None:
    assert add_tables({"a": {"x": 1}, "b": {}}, {"a": {"x": 2, "y": 1}, "c": {"z": 0}}) == {"a": {"x": 3, "y": 1}}

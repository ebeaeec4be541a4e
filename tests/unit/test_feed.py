"""Where a reader of the stream goes on, and what it may ask for."""

import pytest

from opsmantik_box.domain.feed import BOX, FEED_TOPICS, HINT_TOPICS, OLD_NAMES, TOPICS, FeedPosition, read_topics, resume
from opsmantik_box.errors import UsageError
from opsmantik_box.gateway.broadcast import Wants, is_for
from opsmantik_box.gateway.sse import Message

NOW = FeedPosition(3, 500)


@pytest.mark.parametrize(
    ("told", "seq", "reset"),
    [
        ("3-500", 500, ""), ("3-499", 499, ""), ("3-99", 99, ""), ("3-98", 500, "too_old"), ("3-0", 500, "too_old"),
        ("3-501", 500, "ahead"), ("2-400", 500, "epoch"), ("4-400", 500, "epoch"), ("", 500, "malformed"), ("3", 500, "malformed"),
        ("3-499 ", 500, "malformed"), ("3-499\n", 500, "malformed"), ("３-499", 500, "malformed"), ("3-" + "1" * 19, 500, "malformed"),
    ],
)  # fmt: skip
def test_a_reader_goes_on_where_it_was_or_is_told_why_not(told: str, seq: int, reset: str) -> None:
    assert resume(told, NOW, oldest=100) == (seq, reset)


def test_nothing_is_lost_at_the_edge_of_what_is_kept() -> None:
    """Behind row 99 the first to be told is 100, which is the first that is kept; behind 98 it would be 99, which is gone."""
    assert [resume(f"3-{seq}", NOW, oldest=100).reset for seq in (98, 99)] == ["too_old", ""]


@pytest.mark.parametrize("oldest", [1, 501])
def test_a_feed_of_which_nothing_was_trimmed_or_nothing_is_left_goes_on(oldest: int) -> None:
    assert resume(str(NOW), NOW, oldest) == (500, "")
    assert resume("3-0", NOW, oldest).reset == ("too_old" if oldest > 1 else "")


def test_topics_are_all_unless_told_and_old_names_are_understood() -> None:
    assert read_topics(None) == {*FEED_TOPICS, *HINT_TOPICS}
    assert read_topics("intent,public:sessions") == {"intent", "session"}
    assert read_topics(",".join(OLD_NAMES)) == {"event", "intent", "call", "verdict", "erased", "session"}
    assert read_topics(",".join(sorted(TOPICS))) == TOPICS


@pytest.mark.parametrize("told", ["", "intents", "intent,", "intent ,call", "reset", "INTENT"])
def test_an_unknown_topic_is_refused_by_its_name(told: str) -> None:
    with pytest.raises(UsageError, match="topics: "):
        read_topics(told)


def test_a_message_is_for_those_who_want_its_topic_and_site_and_do_not_have_it() -> None:
    wants = Wants(frozenset({1, 2}), frozenset({"intent", "health", "event"}))
    messages = [
        Message(11, "intent", 1, b""), Message(10, "intent", 1, b""), Message(11, "intent", 3, b""), Message(11, "verdict", 1, b""),
        Message(0, "event", 2, b""), Message(0, "event", 3, b""), Message(0, "health", None, b""), Message(0, "session", 1, b""),
        Message(11, "intent", BOX, b""),
    ]  # fmt: skip
    assert [is_for(message, wants, 10) for message in messages] == [True, False, False, False, True, False, True, False, False]
    assert is_for(messages[-1], wants._replace(sites=frozenset({1, BOX})), 10), "who sees the Box"

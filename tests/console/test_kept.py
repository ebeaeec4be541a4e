"""What is kept between the key and the Box's yes, and what the stream's bytes say."""

import stat
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.console.kit import NOW, site_id
from tui.model.actions import Action
from tui.net.client import Refused, Unreachable
from tui.net.follow import LONGEST_SEC, pause, read_message
from tui.net.kept import Kept
from tui.net.sse import MOST_UNREAD, Block, Reader, TooLong
from tui.settings import Settings, keep_token, read_settings, read_tokens, write_settings


def action(key: str, box: str = "http://box", by: int = 1, at: int = NOW) -> Action:
    return Action(key=key, kind="note", lead=1, contact=1, site_id=site_id("antika"), at=at, body={"note": key}, box=box, by=by)


def test_actions_come_back_in_the_order_in_which_they_were_decided(tmp_path: Path):
    kept = Kept(tmp_path)
    for key in ("b", "a", "c"):
        kept.keep(action(key))
    kept.keep(action("a"))
    assert [one.key for one in Kept(tmp_path).actions("http://box", 1)] == ["b", "a", "c"]


def test_they_are_ones_own_and_of_one_box(tmp_path: Path):
    kept = Kept(tmp_path)
    kept.keep(action("mine"))
    kept.keep(action("hers", by=2))
    kept.keep(action("elsewhere", box="http://other"))
    assert [one.key for one in kept.actions("http://box", 1)] == ["mine"]


def test_what_was_answered_is_forgotten(tmp_path: Path):
    kept = Kept(tmp_path)
    kept.keep(action("a"))
    kept.forget("a")
    kept.forget("a")
    assert list(kept.actions("http://box", 1)) == []


def test_nobody_else_may_read_them(tmp_path: Path):
    kept = Kept(tmp_path / "state")
    kept.keep(action("a"))
    kept.keep_draft("note-1", "half a sent")
    keep_token(tmp_path / "config", "http://box", "secret")
    for path in tmp_path.rglob("*"):
        allowed = 0o700 if path.is_dir() else 0o600
        assert path.name in ("state", "config") or stat.S_IMODE(path.stat().st_mode) == allowed, path


def test_a_file_that_is_no_action_is_left_alone(tmp_path: Path):
    kept = Kept(tmp_path)
    kept.keep(action("a"))
    (kept.queue / "0-0-x.json").write_text("{nonsense")
    assert [one.key for one in kept.actions("http://box", 1)] == ["a"]


def test_a_draft_is_there_until_it_is_said(tmp_path: Path):
    kept = Kept(tmp_path)
    kept.keep_draft("note-1", "half a sentence")
    assert Kept(tmp_path).draft("note-1") == "half a sentence"
    kept.keep_draft("note-1", "")
    assert kept.draft("note-1") == ""


def test_settings_come_back_as_they_were_chosen(tmp_path: Path):
    chosen = Settings(theme="nord", language="tr", hide=("place", "page"), bell=False)
    write_settings(tmp_path, chosen)
    assert read_settings(tmp_path) == (chosen, "")


@pytest.mark.parametrize("text", ["theme = 5", "theme =", "unknown = 1", "bell_score = 900", "\x00"])
def test_a_mistake_in_the_settings_is_said_and_the_defaults_hold(tmp_path: Path, text: str):
    (tmp_path / "console.toml").write_text(text)
    settings, wrong = read_settings(tmp_path)
    assert settings == Settings()
    assert "console.toml" in wrong


def test_tokens_are_known_by_their_box(tmp_path: Path):
    keep_token(tmp_path, "http://one", "1")
    keep_token(tmp_path, "http://two", "2")
    known = read_tokens(tmp_path)
    assert (known.tokens, known.last) == ({"http://one": "1", "http://two": "2"}, "http://two")


# --- the stream's bytes -------------------------------------------------------------------------------------------------------------

SAID = (
    b'id: 1-42\nevent: intent\ndata: {"site_id":"a","at":1,"ref":"17","version":1,"body":{"id":17}}\n\n'
    b": comment\n\nretry: 2000\nid: 1-43\n\n"
)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(SAID)), max_size=12))
def test_blocks_are_the_same_however_the_bytes_are_cut(cuts: list[int]):
    reader, edges = Reader(), sorted({0, len(SAID), *cuts})
    blocks = [block for begin, end in pairwise(edges) for block in reader.feed(SAID[begin:end])]
    assert blocks == Reader().feed(SAID)
    assert [block.id for block in blocks] == ["1-42", "", "1-43"]
    assert blocks[2].retry_ms == 2000


def test_a_block_that_was_cut_off_is_never_told():
    assert Reader().feed(SAID[:-1])[-1].id == ""
    assert Reader().feed(b"id: 1-1\ndata: {}\n") == []


def test_a_message_without_an_end_is_given_up():
    reader = Reader()
    with pytest.raises(TooLong):
        reader.feed(b"data: " + b"x" * MOST_UNREAD + b"x")


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["intent", "work", "presence", "nothing"]))
def test_bytes_that_are_no_message_do_no_harm(data: bytes, event: str):
    read_message(Block("1-1", event, data))


@settings(deadline=None)
@given(st.integers(0, 2000), st.none() | st.floats(0, 1e6))
def test_pauses_grow_and_end(tries: int, asked: float | None):
    seconds = pause(tries, Refused(503, "", None, asked))
    assert 0 < seconds <= LONGEST_SEC
    assert seconds >= min(asked or 0, LONGEST_SEC)
    assert pause(0, Unreachable()) <= 0.25

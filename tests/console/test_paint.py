"""Text on its way to the terminal: whatever a stranger writes, it does nothing there and takes the cells it says."""

import unicodedata
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.console.kit import HOSTILE
from tui.paint import as_ascii, columns, fit, fit_line, line_width, safe_text, spread, typed_text, width_of, wrap

strangers = st.text(st.characters(), max_size=60) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
FORBIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@settings(deadline=None)
@given(strangers)
def test_a_safe_text_holds_nothing_that_moves_hides_or_turns(text: str):
    safe = safe_text(text)
    assert not [char for char in safe if unicodedata.category(char) in FORBIDDEN]
    assert not [
        char for char in safe if 0xFE00 <= ord(char) <= 0xFE0F or (ord(char) >= 0x1F000 and unicodedata.category(char) == "So")
    ]


@settings(deadline=None)
@given(strangers)
def test_a_safe_text_is_safe_already(text: str):
    assert safe_text(safe_text(text)) == safe_text(text)


@settings(deadline=None)
@given(strangers)
def test_a_letter_wears_one_mark_at_most(text: str):
    marks = [unicodedata.category(char) in ("Mn", "Me") for char in safe_text(text)]
    assert not any(one and next_one for one, next_one in pairwise(marks))


@settings(deadline=None)
@given(strangers)
def test_ascii_is_ascii_and_as_wide(text: str):
    safe = safe_text(text)
    assert as_ascii(safe).isascii()
    assert cell_len(as_ascii(safe)) == cell_len(safe)


@settings(deadline=None)
@given(strangers, st.integers(0, 40), st.booleans())
def test_a_fitted_text_takes_exactly_its_cells(text: str, width: int, right: bool):
    assert cell_len(fit(text, width, right=right)) == width


@settings(deadline=None)
@given(st.lists(st.tuples(strangers, st.just(""))), st.integers(0, 80))
def test_a_fitted_line_takes_exactly_its_cells(line: list[tuple[str, str]], width: int):
    assert line_width(fit_line(line, width)) == width


@settings(deadline=None)
@given(
    st.lists(st.tuples(strangers, st.just("")), max_size=3),
    st.lists(st.tuples(strangers, st.just("")), max_size=3),
    st.integers(1, 80),
)
def test_two_ends_share_a_line(left: list[tuple[str, str]], right: list[tuple[str, str]], width: int):
    assert line_width(spread(left, right, width)) == width


@settings(deadline=None)
@given(strangers, st.integers(4, 40))
def test_a_wrapped_text_loses_no_word_and_fits(text: str, width: int):
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == safe_text(text).replace(" ", "")


@settings(deadline=None)
@given(strangers)
def test_a_typed_text_is_one_line_without_controls(text: str):
    typed = typed_text(text)
    assert not [char for char in typed if unicodedata.category(char) in FORBIDDEN]


def test_turkish_and_money_stay_as_they_are():
    assert safe_text("Şişli, Ümraniye, ığüşöç İ 2.500 ₺") == "Şişli, Ümraniye, ığüşöç İ 2.500 ₺"
    assert as_ascii("Şişli ığüşöç → ●") == "Sisli igusoc > *"


def test_cells_stand_under_each_other():
    assert columns([("a", 3, ""), ("7", -4, "")]) == (("a  ", ""), (" ", ""), ("   7", ""))
    assert width_of("東京") == 4
    assert fit("東京都", 4) == "東 …"

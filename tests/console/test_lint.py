"""What the console's source must not hold: text that goes to the terminal past `safe_text`, words outside the catalogues, another clock."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsmantik_box.texts import CATALOGUES
from tests.harness import ROOT
from tui.keys import GROUPS, KEYS

SOURCES = sorted((ROOT / "tui").rglob("*.py"))
DRAWS = "widgets/canvas.py"
"""The one file that makes strips, and contents, of text."""
FORBIDDEN = {
    "Segment": DRAWS,
    "Strip": DRAWS,
    "Content": DRAWS,
    "Text": DRAWS,
    "from_markup": "",
    "Static": "",
    "Label": "",
    "Markdown": "",
    "RichLog": "",
    "Log": "",
    "DataTable": "",
    "Tree": "",
    "OptionList": "",
    "notify": "",
    "print": "",
    "border_title": DRAWS,
    "border_subtitle": "",
}
"""Whatever else shows text, or reads it as markup; where it may stand all the same."""
WRITES = ("terminal.py", "app.py")
"""Who may write to the terminal past the screen."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT / "tui"))


def names(path: Path) -> Iterator[str]:
    """Every name that is used in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_text_is_drawn_in_one_place(path: Path):
    assert [found for found in names(path) if found in FORBIDDEN and FORBIDDEN[found] != name(path)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_written_to_the_terminal_past_the_screen(path: Path):
    writes = re.findall(r"\b(?:_driver\.write|sys\.stdout|sys\.__stdout__|sys\.stderr)\b", path.read_text())
    assert not writes or name(path) in WRITES


@pytest.mark.parametrize("path", [one for one in SOURCES if one.parent.name in ("views", "screens", "widgets")], ids=name)
def test_words_stand_in_the_catalogues(path: Path):
    """A literal with two words in it, or a capital letter and more, is a sentence for people."""
    tree = ast.parse(path.read_text())
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    styles = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.AnnAssign | ast.Assign) and "CSS" in ast.unparse(node)
    }
    literals = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation | styles
    ]
    assert [one for one in literals if re.search(r"[a-z]{2,} [a-z]{2,}", one)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_time_comes_from_the_clock(path: Path):
    assert not re.search(r"^(?:import time|from time )|datetime\.now|date\.today", path.read_text(), re.MULTILINE)


def test_every_key_that_is_said_is_in_the_catalogue():
    said = set()
    for path in SOURCES:
        text = path.read_text()
        said |= set(re.findall(r"""\b(?:say|speech|_speech|\.say)\(\s*["']([a-z_.]+)["']""", text))
    missing = [key for key in said if f"console.{key}" not in CATALOGUES["en"] and key not in CATALOGUES["en"]]
    assert len(said) > 80
    assert missing == []


def test_every_text_of_the_catalogue_is_said():
    """By its key, or by the group whose words are looked up."""
    source = "".join(path.read_text() for path in SOURCES)
    groups = (
        set(re.findall(r"""word\(\s*["']([a-z_]+)["']""", source))
        | set(re.findall(r"""(?:say|speech)\(\s*f["']([a-z_]+)\.\{""", source))
        | {"filter"}
    )
    keys = [key.removeprefix("console.") for key in CATALOGUES["en"] if key.startswith("console.")]
    assert [key for key in keys if not re.search(f"""["']{key}["']""", source) and key.partition(".")[0] not in groups] == []


def test_keys_have_words_and_groups():
    assert {one.group for one in KEYS} == set(GROUPS)
    assert [one.name for one in KEYS if f"console.key.{one.name}" not in CATALOGUES["en"]] == []

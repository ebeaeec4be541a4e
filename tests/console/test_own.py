"""What an operator brings along: themes and plug-ins of his own."""

from pathlib import Path
from typing import Any

import pytest

from tests.console.kit import HOSTILE, NOW, StillConsole, busy_leads, lead, queue_page, recording
from tui.plugins import environment_of, read_plugins, run_plugin
from tui.themes import read_themes
from tui.views.detail import Opened

pytestmark = pytest.mark.anyio


def written(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def row(**more: Any) -> Opened:
    page = queue_page([lead(1, "antika", NOW, **more)])
    return Opened(page.leads[0].as_lead(), page.sites[0], number="+905325550143")


def test_a_theme_is_a_file(tmp_path: Path):
    written(tmp_path, "themes/night.toml", 'primary = "#334455"\nerror = "red"\n')
    (theme,), wrong = read_themes(tmp_path)
    assert (theme.name, theme.primary, theme.error, wrong) == ("night", "#334455", "red", "")


@pytest.mark.parametrize("text", ["primary = 5", "", 'primary = "no colour"', 'primary = "red"\nfont = "x"', "primary ="])
def test_a_wrong_theme_is_said_and_the_others_hold(tmp_path: Path, text: str):
    written(tmp_path, "themes/good.toml", 'primary = "red"')
    written(tmp_path, "themes/wrong.toml", text)
    themes, wrong = read_themes(tmp_path)
    assert [one.name for one in themes] == ["good"]
    assert "wrong.toml" in wrong


def test_a_wrong_file_of_plugins_is_said(tmp_path: Path):
    assert read_plugins(tmp_path) == ({}, "")
    written(tmp_path, "plugins.toml", "crm = 5")
    assert "plugins.toml" in read_plugins(tmp_path)[1]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_row_is_a_plugins_environment_and_never_its_command(text: str):
    told = environment_of(row(intent_page_url=f"https://antika.example/$(echo owned)`id`{text}"))
    code, said = await run_plugin('printf "%s %s" "$OPSMANTIK_NUMBER" "$OPSMANTIK_PAGE"', told)
    assert code == 0
    assert said.startswith("+905325550143 https://antika.example/$(echo owned)`id`")
    assert said.isprintable()


async def test_a_plugin_does_not_get_the_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPSMANTIK_TOKEN", "secret")
    assert await run_plugin("echo [$OPSMANTIK_TOKEN]; exit 3", environment_of(row())) == (3, "[]")


async def test_a_plugin_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tui.plugins.LONGEST_SEC", 0.1)
    assert await run_plugin("sleep 60 & wait", environment_of(row())) == (124, "")


async def test_ones_own_theme_and_plugin_are_in_the_console(tmp_path: Path):
    config = tmp_path / ".config" / "opsmantik"
    written(config, "themes/night.toml", 'primary = "#334455"')
    written(config, "plugins.toml", "where = 'echo $OPSMANTIK_SITE_NAME'")
    app = StillConsole(queue_page(busy_leads()), tmp_path, answers=recording(busy_leads()))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.settle(pilot)
        await pilot.press("colon", *"where", "enter")
        await app.workers.wait_for_complete([one for one in app.main.workers if one.group == "plugin"])
        site = app.main.leads.open_now()
        assert site is not None
        app.main.draw()
        assert app.speech("plugin.done", name="where", said=site.site.name) in app.text()
        await pilot.press("colon", *"theme night", "enter")
        await pilot.pause()
        assert (app.theme, app.current_theme.primary) == ("night", "#334455")

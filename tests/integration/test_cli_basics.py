import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opsmantik_box import __version__
from opsmantik_box.cli import COMMANDS
from opsmantik_box.cli.output import clean, human_size, human_span, print_table
from tests.harness import COMMAND, ROOT, environment, run_cli

FIRST_COMMANDS = [
    "serve", "demo", "relay", "site", "user", "token", "audit", "hook", "console", "stats", "events", "clicks", "sql", "export",
    "erase", "privacy", "geo", "jobs", "backup", "restore", "upgrade", "config", "doctor",
    "deliveries", "webhook", "alerts", "verify", "quarantine",
]  # fmt: skip


def test_the_version_takes_under_150_ms():
    """The fastest of some runs: the others say how busy the machine is."""
    took = []
    for _ in range(12):
        started = time.perf_counter()
        done = run_cli("--version")
        took.append(time.perf_counter() - started)
        assert done.stdout == f"opsmantik-box {__version__}\n"
    assert min(took) < 0.15, took


def test_the_version_imports_nothing_heavy():
    code = "import sys; from opsmantik_box.cli import run; run(['--version']); print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    heavy = {
        "msgspec",
        "apsw",
        "sqlite3",
        "litestar",
        "uvicorn",
        "structlog",
        "asyncio",
        "phonenumbers",
        "textual",
        "opsmantik_box.config",
    }
    assert not heavy & set(done.stdout.split())


def test_the_menu_names_every_command_and_the_exit_codes():
    said = run_cli("--help").stdout
    assert list(COMMANDS) == FIRST_COMMANDS
    for word in (*COMMANDS, "0  done", "1  failed", "2  usage", "3  the service is not running", "4  the data folder"):
        assert word in said


def commands_with_help() -> list[tuple[str, ...]]:
    groups = {"site": 6, "user": 3, "token": 3, "clicks": 2, "config": 2, "alerts": 3, "quarantine": 1}
    found: list[tuple[str, ...]] = [(name,) for name in COMMANDS]
    for group, least in groups.items():
        lines = run_cli(group, "--help").stdout.partition("Commands:")[2]
        names = re.findall(r"^  (\w+)", lines, re.MULTILINE)
        assert len(names) >= least
        found += [(group, name) for name in names]
    return found


def test_every_command_explains_itself_and_whatever_lists_has_json():
    for words in commands_with_help():
        done = run_cli(*words, "--help")
        assert done.returncode == 0, words
        if words[-1] in ("list", "show", "stats", "doctor", "check", "snippet", "add", "create", "import"):
            assert "--json" in done.stdout, words


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    groups = {words[0] for words in commands_with_help() if len(words) == 2}
    leaves = [words for words in commands_with_help() if len(words) == 2 or words[0] not in groups]
    assert not [words for words in leaves if " ".join(words) not in readme and " ".join(words[1:]) + " " not in readme]


def test_an_unknown_command_is_a_usage_error():
    done = run_cli("servve")
    assert done.returncode == 2
    assert "servve" in done.stderr


@pytest.mark.parametrize(
    "words", [("site", "list"), ("user", "list"), ("token", "list"), ("site", "snippet", "x", "--url", "https://b.example")]
)
def test_a_folder_that_is_not_there_is_said_in_a_sentence_with_code_4(tmp_path, words):
    done = run_cli(*words, "--data", tmp_path / "nothing")
    assert done.returncode == 4
    assert str(tmp_path / "nothing") in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "nothing").exists()


def test_serve_says_which_setting_is_wrong_and_leaves_no_folder(tmp_path):
    config = tmp_path / "box.toml"
    config.write_text("port = true\n")
    done = run_cli("serve", "--data", tmp_path / "data", "--config", config)
    assert done.returncode == 2
    assert f"{config}: port (line 1)" in done.stderr
    assert not (tmp_path / "data").exists()


def test_serve_on_a_folder_that_cannot_be_made_ends_with_code_4(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_cli("serve", "--data", tmp_path / "file" / "data")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "file/data" in done.stderr


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"STATE_DIRECTORY": "{}/state:{}/other", "OPSMANTIK_DATA": "{}/told"}, "state"),
        ({"OPSMANTIK_DATA": "{}/told"}, "told"),
        ({}, "data"),
    ],
)
def test_the_data_folder_is_the_service_managers_else_the_environments_else_here(tmp_path, variables, folder):
    env = {name: value.replace("{}", str(tmp_path)) for name, value in variables.items()}
    done = run_cli("config", "validate", env=env, cwd=tmp_path)
    assert done.returncode == 0
    assert f"{tmp_path}/{folder}/box.toml" in done.stdout


def test_config_show_says_where_each_value_came_from(tmp_path):
    (tmp_path / "box.toml").write_text('public_url = "https://box.example"\ncron_secret = "this is a long secret"\n')
    env = {"OPSMANTIK_WORKERS": "3"}
    said = run_cli("config", "show", "--data", tmp_path, env=env).stdout
    assert re.search(rf"public_url +https://box.example +{re.escape(str(tmp_path))}/box.toml", said)
    assert re.search(r"workers +3 +environment OPSMANTIK_WORKERS", said)
    assert re.search(r"port +8787 +default", said)
    assert re.search(r"cron_secret +\(set\)", said)
    assert "this is a long secret" not in said + run_cli("config", "show", "--json", "--data", tmp_path, env=env).stdout


def test_config_validate_ends_with_code_2_and_says_what_to_do(tmp_path):
    (tmp_path / "box.toml").write_text("[rates]\nsession_per_minute = -1\n")
    done = run_cli("config", "validate", "--data", tmp_path)
    assert done.returncode == 2
    assert "rates.session_per_minute (line 2)" in done.stderr
    assert "Correct it" in done.stderr


def test_a_closed_pipe_is_no_traceback():
    command = subprocess.Popen([*COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    assert command.stdout
    assert command.stderr
    command.stdout.close()
    said = command.stderr.read()
    command.stderr.close()
    command.wait(10)
    assert b"Traceback" not in said


def test_a_table_is_aligned_also_with_wide_and_combining_characters(capsys):
    print_table(("name", "n"), [("çiçek", 5), ("骨董", 12), ("e\u0301", 100)])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name     n", "çiçek    5", "骨董    12", "e\u0301      100"]


def test_text_from_outside_cannot_move_the_cursor():
    assert clean("a\x1b[2Jb\u202ec\x9b1m\n") == "a�[2Jb�c�1m�"


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (512, "512 B"), (1024, "1.0 KB"), (16 * 1024 * 1024, "16.0 MB"), (1.2 * 1024**5, "1228.8 TB")]
)
def test_sizes_are_in_human_units(size, said):
    assert human_size(size) == said


@pytest.mark.parametrize(
    ("span", "said"), [(40, "40 ms"), (12_000, "12 s"), (300_000, "5 min"), (10_800_000, "3 h"), (172_800_000, "2 d")]
)
def test_spans_are_in_human_units(span, said):
    assert human_span(span) == said


def test_no_module_of_the_command_line_is_longer_than_a_sitting():
    longest = max(len(file.read_text().splitlines()) for file in Path(ROOT, "opsmantik_box", "cli").glob("*.py"))
    assert longest <= 400
    assert os.access(ROOT / "Makefile", os.R_OK)

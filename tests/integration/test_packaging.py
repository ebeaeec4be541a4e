"""What a newcomer gets: a wheel that serves elsewhere, `make run` in a fresh clone, the Dockerfile's steps without an engine."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from opsmantik_box import __version__
from opsmantik_box.resources import resource, tracker_script
from tests.harness import FIREFOX, ROOT, environment, fetch, free_port, wait_until_ready

NEEDED = (
    "opsmantik_box/migrations/ledger/0001_create_ledger.sql",
    "opsmantik_box/adapters/telephony/verimor.toml",
    "opsmantik_box/tracker/ux-core.js",
    "opsmantik_box/tracker/ux-adapters.js",
    "opsmantik_box/tracker/stub.js",
    "opsmantik_box/tracker/demo/index.html",
    "opsmantik_box/tracker/released/README.md",
    "opsmantik_box/sql/doctor.sql",
)


def clone(target: Path) -> Path:
    """The tree as a clone would have it: what git knows or would add; without git, all but what is built."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(
            ROOT, target, ignore=shutil.ignore_patterns(".venv*", "data", "dist", "__pycache__", ".git", ".*_cache", ".hypothesis")
        )
        shutil.copytree(ROOT / "tests" / "data", target / "tests" / "data", dirs_exist_ok=True)
        return target
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def clean_environment() -> dict[str, str]:
    """No trace of this interpreter's environment."""
    return {
        k: v for k, v in environment().items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV")
    }


def run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=clean_environment(), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Serving:
    """A Box started from somewhere else's program."""

    def __init__(self, command: list[str], cwd: Path, port: int) -> None:
        self.log, self.url = cwd / "serving.log", f"http://127.0.0.1:{port}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=clean_environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def __enter__(self) -> "Serving":
        try:
            wait_until_ready(self.url, self.process, self.log)
        except BaseException:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)


def assert_serves(url: str) -> None:
    """The migrations made a ledger (ready), the tracker is there, the hot path answers."""
    assert json.loads(fetch(f"{url}/healthz")[2])["version"] == __version__
    status, headers, body = fetch(f"{url}/ux-core.js")
    assert (status, body) == (200, tracker_script().read_bytes())
    assert headers["access-control-allow-origin"] == "*"
    unknown = {"s": "00000000-0000-4000-8000-000000000000", "u": "https://antika.example/"}
    assert fetch(f"{url}/api/sync", unknown, {"Origin": "https://antika.example"})[0] == 404


# --- the Dockerfile's steps -------------------------------------------------------------------------------------------------------


def steps_of(dockerfile: Path) -> list[tuple[str, str]]:
    """(instruction, rest) in order, continued lines joined."""
    text = re.sub(r"\\\n", " ", dockerfile.read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def kept_by_dockerignore(tree: Path) -> list[str]:
    """The names that `COPY . .` sees: everything is ignored but what is named with `!`."""
    lines = (tree / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    return [line[1:] for line in lines if line.startswith("!")]


class Kitchen:
    """Runs a build stage below a folder: absolute paths of the image lie there."""

    def __init__(self, tree: Path, image: Path) -> None:
        self.tree, self.image, self.here = tree, image, image

    def inside(self, text: str) -> str:
        """A command or path with the image's folders in place."""
        return re.sub(r"(?<![\w./-])/(src|opt)(?=/|\s|$)", lambda found: f"{self.image}/{found[1]}", text)

    def do(self, word: str, rest: str) -> None:
        match word:
            case "FROM":
                assert re.match(r"python:3\.1[1-9]-slim( AS \w+)?$", rest)
            case "WORKDIR":
                self.here = Path(self.inside(rest))
                self.here.mkdir(parents=True)
            case "COPY":
                *sources, target = rest.split()
                assert target in (".", "./")
                self.copy(sources)
            case "RUN":
                command = self.inside(re.sub(r"^python ", f"{sys.executable} ", rest))
                run(["sh", "-ec", command], self.here)
            case _:
                raise AssertionError(f"a step this test does not know: {word} {rest}")

    def copy(self, sources: list[str]) -> None:
        seen = kept_by_dockerignore(self.tree)
        for name in seen if sources == ["."] else sources:
            assert name in seen, f"{name} is hidden by .dockerignore"
            if (self.tree / name).is_dir():
                shutil.copytree(self.tree / name, self.here / name, dirs_exist_ok=True)
            else:
                shutil.copy2(self.tree / name, self.here / name)


@pytest.mark.slow
def test_the_dockerfiles_steps_make_an_environment_elsewhere_that_serves(tmp_path):
    """The build stage is run step by step in an empty folder; what the last stage copies is then started from there, and the wheel
    it was made from is looked into."""
    tree, image = clone(tmp_path / "tree"), tmp_path / "image"
    image.mkdir()
    steps = steps_of(tree / "Dockerfile")
    last_stage = max(n for n, (word, _) in enumerate(steps) if word == "FROM")
    kitchen = Kitchen(tree, image)
    for word, rest in steps[:last_stage]:
        kitchen.do(word, rest)
    final = steps[last_stage:]
    assert ("COPY", "--from=build /opt/box /opt/box") in final
    (wheel,) = (image / "opt" / "wheels").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in NEEDED if name not in names]
    assert {name.split("/")[0] for name in names} == {"opsmantik_box", "tui", f"opsmantik_box-{__version__}.dist-info"}
    shutil.rmtree(tree)
    shutil.rmtree(image / "src")
    port, elsewhere = free_port(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Serving([str(image / "opt/box/bin/opsmantik-box"), "serve", "--port", str(port)], elsewhere, port) as box:
        assert_serves(box.url)
        (check,) = [rest for word, rest in final if word == "HEALTHCHECK"]
        command = json.loads(check.partition("CMD ")[2])
        code = command[2].replace("127.0.0.1:8787", f"127.0.0.1:{port}")
        assert command[:2] == ["python", "-c"]
        assert subprocess.run([sys.executable, "-c", code], env=clean_environment(), check=False).returncode == 0
        assert (elsewhere / "data" / "ledger.db").exists()
    assert subprocess.run([sys.executable, "-c", code], env=clean_environment(), capture_output=True, check=False).returncode != 0


def test_the_container_runs_as_nobody_special_on_a_volume_with_a_health_check():
    steps = dict(steps_of(ROOT / "Dockerfile"))
    assert steps["USER"] not in ("root", "0")
    assert f"useradd --system --uid 8787 --home-dir /data --shell /usr/sbin/nologin {steps['USER']}" in steps["RUN"]
    assert steps["VOLUME"] == "/data"
    assert "OPSMANTIK_DATA=/data" in steps["ENV"]
    assert "OPSMANTIK_HOST=0.0.0.0" in steps["ENV"]
    assert json.loads(steps["ENTRYPOINT"] + "") + json.loads(steps["CMD"]) == ["opsmantik-box", "serve"]
    assert "HEALTHCHECK" in steps


# --- make -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_make_run_in_a_fresh_clone_serves_with_a_first_site_and_says_what_to_do_next(tmp_path):
    tree, port = clone(tmp_path / "clone"), free_port()
    command = ["make", "run", f"PORT={port}"]
    run(["make", ".venv/.run"], tree)
    with Serving(command, tree, port) as box:
        assert_serves(box.url)
        said = box.log.read_text()
        assert f'<script async src="{box.url}/ux-core.js" data-site-id="' in said
        # what it prints can be typed: the first signal, then the report
        typed = re.search(r"^ +(curl .*)$", said, re.MULTILINE)
        assert typed
        words = shlex.split(typed[1])
        public_id = json.loads(words[-1])["s"]
        answer = json.loads(
            fetch(f"{box.url}/api/sync", words[-1].encode(), {"Origin": "http://localhost", "User-Agent": FIREFOX})[2]
        )
        assert answer == {"ok": True, "score": 50, "status": "synced"}
        listed = json.loads(run([".venv/bin/opsmantik-box", "site", "list", "--json"], tree))
        assert [(row["name"], row["public_id"], row["taps_24h"]) for row in listed] == [("first-site", public_id, 1)]
        stats = re.search(r"^ +(\S+opsmantik-box stats .*)$", said, re.MULTILINE)
        assert stats
        report = json.loads(run([*shlex.split(stats[1]), "--json"], tree))
        assert (report["ads"]["sessions"], report["ads"]["phone"]) == (1, 1)
    with Serving(command, tree, port) as again:
        assert_serves(again.url)
        assert "installing" not in again.log.read_text()
    assert len(json.loads(run([".venv/bin/opsmantik-box", "site", "list", "--json"], tree))) == 1


def test_the_menu_is_what_make_alone_prints():
    said = run(["make"], ROOT)
    for target in ("run", "demo", "test", "fault", "bench", "lint", "types", "wheel", "lock", "service", "clean"):
        assert re.search(rf"^  make {target} ", said, re.MULTILINE)


def test_ci_ends_with_what_pytest_says_and_its_failure(tmp_path):
    """With a stand-in for make's environment: the script itself is what is tested."""
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text('test:\n\t@mkdir $(VENV)\n\t@echo "=== 1 failed in 0.1s ==="; exit $(STATUS)\n')
    for status, expected in (("0", 0), ("1", 2)):
        done = subprocess.run(
            [str(tmp_path / ".ci" / "run")],
            env=clean_environment() | {"STATUS": status},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected
        assert (done.stdout + done.stderr).splitlines()[-1] == "=== 1 failed in 0.1s ==="
        assert (tmp_path / ".venv-ci").is_dir()  # made anew each time: mkdir would have failed


# --- the tree ---------------------------------------------------------------------------------------------------------------------


def test_resources_are_found_in_this_installation():
    assert (resource("migrations", "ledger") / "0001_create_ledger.sql").is_file()
    with pytest.raises(FileNotFoundError, match="incomplete"):
        resource("no-such-folder")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_a_lock_file_pins_everything_by_hash_and_names_no_index(name):
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pinned = re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"^\S+==\S+.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)


def test_the_lock_files_agree():
    versions: dict[str, set[str]] = {}
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-build.lock"):
        for package, version in re.findall(r"^([a-z0-9._-]+)==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE):
            versions.setdefault(package, set()).add(version)
    assert not {package: found for package, found in versions.items() if len(found) > 1}


def test_every_dependency_is_locked():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    wanted = {re.split(r"[<>=\[ ]", one)[0] for one in project["project"]["dependencies"]}
    assert not wanted - locked, "run make lock"


def test_the_top_level_is_the_design_cards():
    for name in ("opsmantik_box", "tui", "tracker", "systemd", "migrations", "tests"):
        assert (ROOT / name).is_dir()
    for name in ("Dockerfile", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run"):
        assert (ROOT / name).is_file()
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 200

import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from opsmantik_box.engine.notify import notify
from tests.harness import ROOT, environment, fetch
from tests.integration.service_manager import Manager, allowed_calls, can_filter, unit_lists, unit_value

SERVICE = ROOT / "systemd" / "opsmantik-box.service"
SOCKET = ROOT / "systemd" / "opsmantik-box.socket"
RELAY = ROOT / "systemd" / "opsmantik-relay.service"
HIGHEST_EXPOSURE = 2.0
COMMAND = [sys.executable, "-m", "opsmantik_box", "serve"]

needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (apt install systemd)"
)
needs_filter = pytest.mark.skipif(bool(can_filter()), reason=can_filter())


@needs_analyze
def test_the_units_verify(tmp_path):
    """With the program's path replaced by one that is there: verify looks for it."""
    for unit in (SERVICE, SOCKET, RELAY):
        text = unit.read_text().replace("/opt/opsmantik-box/.venv/bin/opsmantik-box", "/bin/true")
        text = text.replace("/etc/opsmantik-box/program/bin/opsmantik-box", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("/opt/opsmantik-box", str(ROOT)))
    done = subprocess.run(["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "opsmantik" not in done.stderr


@needs_analyze
def test_the_exposure_is_low_and_is_what_the_readme_says():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(SERVICE)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for opsmantik-box.service: ([\d.]+) ", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= HIGHEST_EXPOSURE
    told = re.search(r"\*\*([\d.]+) SAFE\*\*", (ROOT / "systemd" / "README.md").read_text())
    assert told
    assert abs(float(told[1]) - float(found[1])) <= 0.3, "measure again and write it into systemd/README.md"


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("Service", "Type", "notify"),
        ("Service", "NotifyAccess", "main"),
        ("Service", "WatchdogSec", "30"),
        ("Service", "KillMode", "mixed"),
        ("Service", "StateDirectory", "opsmantik-box"),
        ("Service", "Restart", "on-failure"),
        ("Service", "RestartPreventExitStatus", "2 4"),
        ("Unit", "Requires", "opsmantik-box.socket"),
    ],
)
def test_the_service_says_what_the_engine_relies_on(section, key, value):
    assert unit_value(SERVICE, section, key) == value


def test_stopping_leaves_the_engine_more_time_than_it_needs():
    assert int(unit_value(SERVICE, "Service", "TimeoutStopSec")) > 10


def test_socket_service_and_proxy_speak_of_one_address():
    address = unit_value(SOCKET, "Socket", "ListenStream")
    assert f"reverse_proxy {address} " in (ROOT / "systemd" / "Caddyfile").read_text()
    assert address == "127.0.0.1:8787"


@needs_analyze
def test_the_filter_lets_landlock_through_and_nothing_privileged():
    allowed = allowed_calls(SERVICE)
    assert {"landlock_create_ruleset", "landlock_restrict_self", "fsync", "fdatasync", "accept4", "execve"} <= allowed
    assert not {"ptrace", "bpf", "mount", "setuid", "chroot", "init_module", "reboot"} & allowed


@pytest.fixture
def manager(tmp_path):
    (tmp_path / "state").mkdir()
    made = Manager(tmp_path, SERVICE)
    yield made
    made.close()


def started(manager):
    manager.said.clear()
    process = manager.start(COMMAND, environment())
    try:
        manager.wait_for("READY=1", 30)
    except BaseException:
        process.kill()
        process.wait(10)
        raise
    return process


@needs_filter
def test_the_service_serves_under_its_own_restrictions(manager):
    process = started(manager)
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
        assert fetch(f"{manager.url}/readyz")[0] == 200
        body = {"s": "00000000-0000-4000-8000-000000000000", "u": "https://antika.example/"}
        assert fetch(f"{manager.url}/api/sync", body, {"Origin": "https://antika.example"})[0] == 404
        assert (manager.folder / "state" / "ledger.db").exists()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    manager.wait_for("STOPPING=1", 1)
    assert "Operation not permitted" not in manager.log.read_text()


@needs_filter
@pytest.mark.slow
def test_the_watchdog_is_fed_while_the_writer_turns_over(manager):
    process = started(manager)
    try:
        manager.wait_for("WATCHDOG=1", int(unit_value(SERVICE, "Service", "WatchdogSec")) - 5)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@needs_filter
def test_a_restart_refuses_nobody(manager):
    """A request that comes while nobody serves waits in the socket and is answered by the next start."""
    first = started(manager)
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    answers: list[int] = []
    waiting = [threading.Thread(target=lambda: answers.append(fetch(f"{manager.url}/healthz")[0])) for _ in range(20)]
    for one in waiting:
        one.start()
    second = started(manager)
    try:
        for one in waiting:
            one.join(10)
        assert answers == [200] * 20
    finally:
        second.send_signal(signal.SIGTERM)
        second.wait(15)


def test_a_manager_in_the_abstract_namespace_is_told_too(monkeypatch):
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0opsmantik-box-test-notify")
        monkeypatch.setenv("NOTIFY_SOCKET", "@opsmantik-box-test-notify")
        notify("READY=1", "STATUS=x")
        assert manager.recv(100) == b"READY=1\nSTATUS=x"


def test_installing_writes_units_settings_and_the_proxys_file_and_keeps_what_was_there(tmp_path):
    (tmp_path / "etc" / "caddy").mkdir(parents=True)
    (tmp_path / "etc" / "caddy" / "Caddyfile").write_text(":80 {\n}\n")
    install = [str(ROOT / "systemd" / "install"), "box.agency.example"]
    env = environment(DESTDIR=str(tmp_path))
    subprocess.run(install, env=env, check=True, capture_output=True)
    settings = tmp_path / "etc/opsmantik-box/box.toml"
    assert 'public_url = "https://box.agency.example"' in settings.read_text()
    settings.write_text(settings.read_text() + "workers = 2\n")
    subprocess.run(install, env=env, check=True, capture_output=True)
    assert "workers = 2" in settings.read_text()
    assert (tmp_path / "etc/caddy/Caddyfile").read_text() == ":80 {\n}\nimport opsmantik-box.caddy\n"
    assert "box.agency.example {" in (tmp_path / "etc/caddy/opsmantik-box.caddy").read_text()
    unit = tmp_path / "etc/systemd/system/opsmantik-box.service"
    assert unit_value(unit, "Service", "ExecStart").startswith(
        "/etc/opsmantik-box/program/bin/opsmantik-box serve --config /etc/opsmantik-box/box.toml"
    )
    assert (tmp_path / "etc/opsmantik-box/program").readlink() == ROOT / ".venv"
    assert (tmp_path / "usr/local/bin/opsmantik-box").stat().st_mode & 0o111
    assert unit_lists(unit, "SystemCallFilter") == unit_lists(SERVICE, "SystemCallFilter")


@pytest.mark.parametrize("host", ["", "127.0.0.1", "https://box.example", "box.example/x", "a b.example", "localhost"])
def test_installing_without_a_proper_name_is_refused_before_anything_is_written(tmp_path, host):
    done = subprocess.run(
        [str(ROOT / "systemd" / "install"), host],
        env=environment(DESTDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "HOST=box.example.com" in done.stderr
    assert not list(tmp_path.iterdir())

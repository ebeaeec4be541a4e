"""Places for backups: a folder, a bucket (a strict stand-in), another account (a real sshd and rsync, where they are installed)."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from opsmantik_box.adapters.places import Place, PlaceFailed, places_of
from opsmantik_box.domain.backups import Backup
from tests.harness import free_port
from tests.s3 import ACCESS, REGION, S3, SECRET

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
NAMES = [f"objects/{number:064x}.gz.enc" for number in range(4)] + ["backups/20261125T030000000Z-0123456789abcdef-7.json.gz"]
LARGE = 17 * 1024 * 1024
"""Three parts of an upload."""


def bucket(s3: S3, **changes: str) -> Place:
    told = {
        "s3_url": s3.url, "s3_bucket": "box", "s3_prefix": "a/b", "s3_region": REGION, "s3_access_key": ACCESS, "s3_secret_key": SECRET,
    }  # fmt: skip
    return places_of(Backup(**(told | changes)))[0]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with S3() as serving:
        yield serving


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backup]:
    """An account on a machine (this one) that an sshd of our own lets in by key."""
    if not SSHD or not shutil.which("rsync"):
        pytest.skip("needs sshd and rsync: apt install openssh-server rsync")
    folder, port = tmp_path_factory.mktemp("sshd"), free_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized_keys")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    settings = {
        "HostKey": folder / "host", "AuthorizedKeysFile": folder / "authorized_keys", "PidFile": folder / "pid", "StrictModes": "no",
        "PasswordAuthentication": "no", "ListenAddress": f"127.0.0.1:{port}", "UsePAM": "no", "PermitRootLogin": "yes",
    }  # fmt: skip
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    with (folder / "log").open("wb") as log:
        sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log)
    deadline = time.monotonic() + 10
    while b"Server listening" not in (folder / "log").read_bytes():
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)  # between two looks
    yield Backup(
        ssh=f"{getpass.getuser()}@127.0.0.1:{folder}/there", ssh_port=port, ssh_key=str(folder / "user"),
        ssh_known_hosts=str(folder / "known_hosts"),
    )  # fmt: skip
    sshd.terminate()
    sshd.wait(10)


@pytest.fixture(params=["folder", "bucket", "account"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    match request.param:
        case "folder":
            (tmp_path / "there").mkdir()
            return places_of(Backup(folder=str(tmp_path / "there")))[0]
        case "bucket":
            s3: S3 = request.getfixturevalue("s3")
            s3.objects.clear()
            return bucket(s3)
        case _:
            told: Backup = request.getfixturevalue("account")
            shutil.rmtree(told.ssh.partition(":")[2], ignore_errors=True)
            return places_of(told)[0]


def made(tmp_path: Path, size: int, seed: int = 1) -> Path:
    file = tmp_path / f"file-{seed}"
    file.write_bytes(Random(seed).randbytes(size))
    return file


def test_what_is_put_there_is_listed_and_comes_back(place: Place, tmp_path: Path) -> None:
    assert place.files() == {}
    sizes = {name: number * 1000 for number, name in enumerate(NAMES)}
    for number, name in enumerate(NAMES):
        place.put(made(tmp_path, sizes[name], number), name)
    assert place.files() == sizes
    for number, name in enumerate(NAMES):
        place.get(name, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == made(tmp_path, sizes[name], number).read_bytes()


def test_a_large_file_comes_back_whole(place: Place, tmp_path: Path) -> None:
    place.put(made(tmp_path, LARGE), NAMES[0])
    place.get(NAMES[0], tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == made(tmp_path, LARGE).read_bytes()


def test_only_what_is_named_is_deleted(place: Place, tmp_path: Path) -> None:
    for name in NAMES:
        place.put(made(tmp_path, 10), name)
    place.delete([NAMES[1], NAMES[-1]])
    assert set(place.files()) == set(NAMES) - {NAMES[1], NAMES[-1]}
    place.delete([])
    assert len(place.files()) == len(NAMES) - 2


def test_a_file_is_replaced_by_another_of_its_name(place: Place, tmp_path: Path) -> None:
    place.put(made(tmp_path, 100, 1), NAMES[0])
    place.put(made(tmp_path, 50, 2), NAMES[0])
    assert place.files() == {NAMES[0]: 50}


def test_what_is_not_there_is_an_error_and_no_empty_file(place: Place, tmp_path: Path) -> None:
    place.put(made(tmp_path, 10), NAMES[0])
    with pytest.raises(PlaceFailed):
        place.get(NAMES[3], tmp_path / "back")


def test_a_folder_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    """It may be where a disk is missing."""
    [place] = places_of(Backup(folder=str(tmp_path / "mount")))
    for use in (place.files, lambda: place.put(made(tmp_path, 1), NAMES[0])):
        with pytest.raises(PlaceFailed, match="mount its disk"):
            use()
    assert not (tmp_path / "mount").exists()


def test_a_bucket_that_is_busy_is_asked_again(s3: S3, tmp_path: Path) -> None:
    s3.objects.clear()
    s3.fail(2)
    bucket(s3).put(made(tmp_path, 1000), NAMES[0])
    assert list(s3.objects) == [f"a/b/{NAMES[0]}"]


@pytest.mark.parametrize("wrong", [{"s3_secret_key": "x" * 40}, {"s3_access_key": "AKIAOTHER"}, {"s3_bucket": "other"}])
def test_a_bucket_that_refuses_says_why_and_no_secret(s3: S3, tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(PlaceFailed) as caught:
        bucket(s3, **wrong).put(made(tmp_path, 10), NAMES[0])
    assert any(word in str(caught.value) for word in ("SignatureDoesNotMatch", "InvalidAccessKeyId", "NoSuchBucket"))
    assert SECRET not in str(caught.value)


def test_an_account_that_does_not_let_one_in_says_so(account: Backup, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "stranger"], check=True)
    told = Backup(account.folder, ssh=account.ssh, ssh_port=account.ssh_port, ssh_key=str(tmp_path / "stranger"),
                  ssh_known_hosts=account.ssh_known_hosts)  # fmt: skip
    with pytest.raises(PlaceFailed, match="Permission denied"):
        places_of(told)[0].files()


def test_a_machine_that_is_another_one_is_not_talked_to(account: Backup, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").touch()
    told = Backup(
        ssh=account.ssh, ssh_port=account.ssh_port, ssh_key=account.ssh_key, ssh_known_hosts=str(tmp_path / "known_hosts")
    )
    with pytest.raises(PlaceFailed, match="Host key verification failed"):
        places_of(told)[0].files()

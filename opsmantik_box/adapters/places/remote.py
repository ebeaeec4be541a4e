"""Another machine, by rsync over ssh and nothing else: a key that may only rsync (rrsync) is enough. Uses the system's own programs."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from opsmantik_box.adapters.places import PlaceFailed
from opsmantik_box.domain.backups import MANIFESTS, OBJECTS

SILENT_SEC = 60
"""So long the other side may say nothing."""
NOT_THERE = 23
"""rsync's exit code when a source is missing: of a listing, that nothing was ever put there."""
PARTIAL = ".partial"


class Remote:
    """`target`: user@host:path."""

    is_elsewhere = True

    def __init__(self, target: str, port: int, key: str, known_hosts: str) -> None:
        self.label, self._target = target, target.rstrip("/")
        options = ["-o BatchMode=yes", f"-o ConnectTimeout={SILENT_SEC}", f"-p {port}"]
        options += [f"-i {key}", "-o IdentitiesOnly=yes"] if key else []
        options += [f"-o UserKnownHostsFile={known_hosts}"] if known_hosts else []
        self._shell = " ".join(["ssh", *options])

    def files(self) -> dict[str, int]:
        done = self._rsync("--list-only", "--recursive", "--no-human-readable", f"{self._target}/", missing_is_empty=True)
        lines = [line.split(maxsplit=4) for line in done.splitlines()]
        return {line[4]: int(line[1].replace(",", "")) for line in lines if len(line) == 5 and line[0].startswith("-")}

    def put(self, file: Path, name: str) -> None:
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            link = Path(folder) / name
            link.parent.mkdir(parents=True)
            link.hardlink_to(file)
            self._rsync("--relative", f"--partial-dir={PARTIAL}", f"{folder}/./{name}", f"{self._target}/")

    def get(self, name: str, file: Path) -> None:
        self._rsync(f"{self._target}/{name}", str(file))

    def delete(self, names: Sequence[str]) -> None:
        """By bringing the folders to what an empty one holds, all other files left out of it."""
        if not names:
            return
        with tempfile.TemporaryDirectory() as folder:
            for kept in (MANIFESTS, OBJECTS):
                (Path(folder) / kept).mkdir()
            chosen = [f"--include=/{name}" for name in (f"{MANIFESTS}/", f"{OBJECTS}/", *names)]
            self._rsync("--recursive", "--delete", *chosen, "--exclude=*", f"{folder}/", f"{self._target}/")

    def _rsync(self, *words: str, missing_is_empty: bool = False) -> str:
        command = ["rsync", "--times", f"--timeout={SILENT_SEC}", "--rsh", self._shell, *words]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise PlaceFailed(place=self.label, problem="rsync is not installed (`apt install rsync openssh-client`)") from error
        if done.returncode == NOT_THERE and missing_is_empty and "No such file" in done.stderr:
            return ""
        if done.returncode:
            raise PlaceFailed(place=self.label, problem=" ".join(done.stderr.split()) or f"rsync ended with {done.returncode}")
        return done.stdout

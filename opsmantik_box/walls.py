"""Takes from this process the power to write: Landlock where the kernel has it, else a second user.

Promise: after `drop_write_access` said `landlock` or `uid`, no file in the data folder can be created, changed, truncated, removed
or renamed by this process or anything it starts, whatever code it is made to run. Files opened before stay as they are: call it
after the imports and before the first thread. Reading, the network and the link are untouched.
"""

import ctypes
import os
import stat
from pathlib import Path

from opsmantik_box.errors import BoxError

WALLS = ("auto", "landlock", "uid", "none")
NOBODY = 65534

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
_WRITE_RIGHTS = (
    (1, sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12))),
    (2, 1 << 13),
    (3, 1 << 14),
)
"""(since which Landlock ABI, rights): write a file, remove a folder or file, make each of the seven kinds; then refer (link and
rename across folders), then truncate. Kernel documentation, userspace-api/landlock."""
TRUNCATE_SINCE = 3


class NoWalls(BoxError):
    """This machine cannot take write access from the gateway by {wanted}: {problem}. See `--walls`."""


def drop_write_access(data: Path, wanted: str) -> str:
    """What holds now: 'landlock', 'uid' or 'none'. `wanted` is one of WALLS; 'auto' takes the first that this machine has.

    Raises NoWalls when the one that was asked for cannot be had."""
    if wanted in ("auto", "landlock"):
        abi = landlock_abi()
        if abi > 0 and _landlock(abi):
            # Before ABI 3 truncate(2) by path slips through; a second user closes that too, where there is one to change to.
            if abi < TRUNCATE_SINCE and wanted == "auto" and not uid_problem(data):
                _become_nobody(data)
            return "landlock"
        if wanted == "landlock":
            raise NoWalls(wanted=wanted, problem="the kernel has no Landlock, or it is not switched on")
    problem = uid_problem(data)
    if wanted == "uid" and problem:
        raise NoWalls(wanted=wanted, problem=problem)
    if wanted == "none" or problem:
        return "none"
    _become_nobody(data)
    return "uid"


def uid_problem(data: Path) -> str:
    """Why a second user could not read the data folder, or could write it; '' when it would do."""
    if os.geteuid() != 0:
        return "only root can change to another user"
    mode = data.stat().st_mode
    if not (mode & stat.S_IRGRP and mode & stat.S_IXGRP):
        return f"the group of {data} may not read it (chmod g+rx)"
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others than its owner may write {data} (chmod go-w)"
    return ""


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 without it."""
    return max(0, _syscall(_CREATE_RULESET, None, 0, _ASK_VERSION))


def _landlock(abi: int) -> bool:
    """Refuses every write right everywhere: there is no rule that allows one again."""
    handled = ctypes.c_uint64(sum(rights for since, rights in _WRITE_RIGHTS if abi >= since))
    ruleset = _syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    if ruleset < 0:
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and _syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _become_nobody(data: Path) -> None:
    """A user that owns nothing, in the group of the data folder, whose files it may read and not write."""
    group = data.stat().st_gid
    os.setgroups([])
    os.setgid(group)
    os.setuid(NOBODY)


def _syscall(number: int, *arguments: object) -> int:
    """-1 and less for an error, which here always means: this kernel does not do that."""
    libc = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return int(libc.syscall(ctypes.c_long(number), *wide))

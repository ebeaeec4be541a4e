"""What a check found: `doctor` and `site check` answer with a list of these."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """`sentence` says what is; `advice` what to do about it ('' when nothing)."""

    name: str
    state: State
    sentence: str
    advice: str = ""

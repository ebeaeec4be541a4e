"""One tree of errors. A docstring is the message; `{}` fields are filled from the keyword arguments."""

from typing import ClassVar


class BoxError(Exception):
    """Something went wrong in the Box."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retry_after: ClassVar[int | None] = None

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(" ".join((type(self).__doc__ or "").split()).format(**details))


class UsageError(BoxError):
    """{problem}"""

    status = 400
    exit_code = 2


class ConfigError(UsageError):
    """{file}: {key}: {problem}"""


class NotFound(BoxError):
    """There is no {kind} {name!r}. `opsmantik-box {listing}` shows what there is."""

    status = 404


class Conflict(BoxError):
    """{problem}"""

    status = 409


class Unauthorized(BoxError):
    """Send a token: `Authorization: Bearer …`. `opsmantik-box token create` makes one."""

    status = 401


class WrongPassword(BoxError):
    """The e-mail address or the password is wrong."""

    status = 401


class TooManyTries(BoxError):
    """Too many wrong passwords. Try again in a quarter of an hour; the owner can set a new one (`opsmantik-box user password`)."""

    status = 429
    retry_after = 900


class Forbidden(BoxError):
    """This token may not do that: it has the right {has!r}, and {needs!r} is needed."""

    status = 403


class NoSuchIntent(BoxError):
    """There is no such intent or call among those of your sites."""

    status = 404


class NoSuchAlert(BoxError):
    """There is no such alert that you see."""

    status = 404


class NoSuchDelivery(BoxError):
    """There is no such delivery."""

    status = 404


class KeyUsedBefore(BoxError):
    """This Idempotency-Key came before with another request. Use a new one for each thing that is to be done."""

    status = 422


class NotRunning(BoxError):
    """The service is not running on {data}. Start it with `opsmantik-box serve --data {data}`."""

    status = 503
    exit_code = 3


class DataFolderInUse(BoxError):
    """Another engine holds the data folder {data} (lock file {data}/lock). Stop it first, or choose another folder with --data."""

    exit_code = 4


class DataFolderUnusable(BoxError):
    """The data folder {data} cannot be used: {problem}"""

    exit_code = 4


class LedgerLostItsTail(BoxError):
    """{file} has applied signal {checkpoint}, but the ledger ends at {last}: the ledger or its -wal file was replaced by an older copy,
    truncated or deleted. Put back the newest ledger.db together with its -wal, or restore a backup. `opsmantik-box doctor` says more."""

    exit_code = 4


class ForeignFile(BoxError):
    """{file} belongs to another Box or is no database of this kind: {problem}"""

    exit_code = 4


class NewerSchema(BoxError):
    """{file} was written by a newer OpsMantik Box (schema {found}, this one knows {known}). Install that version, or
    restore the backup made before the upgrade."""

    exit_code = 4


class Unavailable(BoxError):
    """The engine cannot take writes now: {reason}"""

    status = 503
    retry_after = 2


class LedgerFull(Unavailable):
    """No space left on the disk of the ledger; nothing was stored."""

    retry_after = 10


class MonthDamaged(Unavailable):
    """The file of {month} is damaged ({problem}); it is folded again from the ledger."""


class CopyFailed(BoxError):
    """{file} could not be copied: {problem}"""


class LedgerPoisoned(BoxError):
    """The ledger could not be made durable ({problem}). The engine stops: what is on disk after a failed fsync is unknown
    until it is opened again."""

    status = 503

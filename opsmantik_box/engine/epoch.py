"""A restored Box begins a new epoch: what it numbers from now on is nobody else's, and readers of the old stream start afresh."""

import apsw

from opsmantik_box.disk import sync_directory
from opsmantik_box.engine.checkpoints import WalKeeper
from opsmantik_box.engine.connections import LEDGER_CACHE_MB, OTHER_CACHE_MB, all_rows, atomically, open_database
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.ledger import SQL as LEDGER_SQL
from opsmantik_box.engine.month_file import SQL as MONTH_SQL
from opsmantik_box.errors import DataFolderUnusable


def begin_epoch(folder: DataFolder) -> None:
    """In the ledger and in every month that is not sealed; all of it is on the disk when this returns. Raises DataFolderUnusable."""
    try:
        ledger = open_database(folder.ledger, synchronous="full", cache_mb=LEDGER_CACHE_MB)
        with atomically(ledger):
            epoch: int = ledger.execute(LEDGER_SQL["begin_epoch"]).get
        months = [file for _, file, _, _, sha256, *_ in all_rows(ledger, LEDGER_SQL["list_partitions"]) if not sha256]
        _let_go(ledger)
        for path in (folder.months / file for file in months):
            if path.exists():
                month = open_database(path, synchronous="full", cache_mb=OTHER_CACHE_MB)
                month.execute(MONTH_SQL["begin_epoch"], (epoch,))
                _let_go(month)
        sync_directory(folder.months)
    except apsw.Error as error:
        raise DataFolderUnusable(data=folder.root, problem=f"what was restored cannot be opened ({error})") from error


def _let_go(db: apsw.Connection) -> None:
    WalKeeper(db).empty()
    db.close()

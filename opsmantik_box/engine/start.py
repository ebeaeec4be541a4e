"""From a folder to a running engine and back: the one place where its parts are put together."""

from pathlib import Path

import uvloop

from opsmantik_box.clock import Clock
from opsmantik_box.domain.rates import RateLimits
from opsmantik_box.engine.core import Core
from opsmantik_box.engine.epoch import begin_epoch
from opsmantik_box.engine.folder import DataFolder
from opsmantik_box.engine.gateways import GatewayOptions
from opsmantik_box.engine.keeping import NOTHING_SET, Keeping
from opsmantik_box.engine.outward import SILENT, Outward
from opsmantik_box.engine.service import Service
from opsmantik_box.engine.vault import Vault
from opsmantik_box.engine.waiting import Bounds


def open_service(
    data: Path,
    clock: Clock,
    limits: RateLimits,
    bounds: Bounds,
    keeping: Keeping = NOTHING_SET,
    outward: Outward = SILENT,
    *,
    restored: bool = False,
) -> Service:
    """Opens, migrates and checks. `restored`: the folder has just been put there from a backup, and begins a new epoch. Raises
    DataFolderInUse, DataFolderUnusable, LedgerLostItsTail, ForeignFile, NewerSchema."""
    folder = DataFolder(data, restored=restored)
    try:
        if restored:
            begin_epoch(folder)
        core = Core(folder, clock())
        service = Service(core, Vault(folder.vault), clock, limits, bounds, keeping, outward)
        if restored:
            service.erasures.repeat()
        folder.unfinished.unlink(missing_ok=True)
    except BaseException:
        folder.release()
        raise
    return service


def run_service(service: Service, options: GatewayOptions | None) -> int:
    """Until it is told to stop, or has to; the process's exit code. After a poisoned ledger nothing is written any more."""
    code = uvloop.run(service.run(options))
    if code == 0:
        service.close()
    return code

"""The control process: first the answers that are remembered, then everything else."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from globaldns import logs
from globaldns.app.heap import CONTROL_OCTETS, give_back_what_is_free
from globaldns.app.reloading import ConfigFile, log_outcome, reread
from globaldns.app.starting import start
from globaldns.config.schema import Config
from globaldns.dns.plane import Plane
from globaldns.ledger.opening import OnLoss
from globaldns.state import StateDirectory
from globaldns.supervisor.processes import Stage
from globaldns.tasks import wall_clock

if TYPE_CHECKING:
    from globaldns.admin.listening import Listening

SWITCH_SECONDS = 0.001
"""How long a thread that writes state may keep the interpreter from answering; Python's default of
5 ms is waited for at every step of an answer that goes through a thread."""


def serve_here(
    path: Path,
    config: Config,
    plane: Plane,
    state: StateDirectory,
    *,
    new_ledger: bool,
    tell: Callable[[Stage], None],
    announce: Callable[[Listening], None],
) -> None:
    """Be the control process until a signal says otherwise, as ``serve``.

    It obeys the file as it is by now, however long ago the server was started; one that follows
    another begins no ledger.
    """
    is_first = not plane.table.settings
    on_loss = OnLoss.REPLACE if new_ledger and is_first else OnLoss.REFUSE
    file = ConfigFile(path)
    outcome = reread(path, os.environ, config, wall_clock())
    if outcome.config != config:
        log_outcome(path, outcome.report)
        config = outcome.config or config
    asyncio.run(serve(file, config, plane, state, on_loss=on_loss, tell=tell, announce=announce))


async def serve(
    file: ConfigFile,
    config: Config,
    plane: Plane,
    state: StateDirectory,
    *,
    on_loss: OnLoss,
    tell: Callable[[Stage], None],
    announce: Callable[[Listening], None],
) -> None:
    """Have workers answer until a signal says otherwise; the state directory is held.

    ``tell`` is told how far it has come; ``announce`` is called once names are answered.

    Raises:
        StateError, LedgerError, ListenError: what it takes to serve cannot be had.
    """
    logs.configure(config.log)
    give_back_what_is_free(CONTROL_OCTETS)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.disable()  # until all is read: it makes no cycles, and looking for them takes a tenth
    async with AsyncExitStack() as stack:
        stack.callback(gc.enable)
        started = start(config, plane, state, on_loss=on_loss, stack=stack)
        tell(Stage.ANSWERING)
        # Here, because importing takes as long as all before it, and names wait for an answer.
        from globaldns.sources.bulk import BulkReader  # noqa: PLC0415

        reader = BulkReader()
        stack.push_async_callback(reader.close)
        directories = (one.source.directory for one in config.clusters.values())
        await reader.prepare(path for path in directories if path is not None)
        from globaldns.app.running import run  # noqa: PLC0415

        begun = partial(tell, Stage.STARTED)
        await run(
            *(file, config, started, reader),
            on_loss=on_loss,
            begun=begun,
            announce=announce,
            stack=stack,
        )

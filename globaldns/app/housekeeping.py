"""What is done now and then: the daily backup, and forgetting old history."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from globaldns.app.mesh import Mesh
from globaldns.app.pace import Pace
from globaldns.app.writing import WritableLedger
from globaldns.errors import LedgerError, StateError
from globaldns.ledger.backup import is_backup_due, write_backup
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)

LOOK_SECONDS = 3600.0
"""How often a backup may turn out to be due."""


async def keep_ledger(
    mesh: Mesh, ledger: WritableLedger, state: StateDirectory, pace: Pace
) -> None:
    """Back the ledger up once a day and whenever a person has changed it; for ever."""
    await mesh.numbered.wait()
    is_changed = False
    while True:
        is_changed = is_changed or mesh.changed_by_hand.is_set()
        mesh.changed_by_hand.clear()
        try:
            await keep_ledger_once(mesh, ledger, state, pace, again=is_changed)
            is_changed = False
        except (LedgerError, StateError) as error:
            logger.error(
                "the ledger is not backed up", extra={"reason": str(error), "fix": error.hint}
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await mesh.changed_by_hand.wait()


async def keep_ledger_once(
    mesh: Mesh, ledger: WritableLedger, state: StateDirectory, pace: Pace, *, again: bool = False
) -> None:
    """Back the ledger up if that is due or to be done again, and forget what nothing needs.

    All that looks at every claim is done in a thread, on the claims as they are now.

    Raises:
        LedgerError, StateError: what is not done now is due the next time.
    """
    registry, now, marker = mesh.registry, mesh.clock.now(), ledger.marker
    if ledger.rest_reason or marker is None:
        return
    if not again and not await asyncio.to_thread(is_backup_due, state, marker, now):
        return
    known = (*registry.claims, *registry.numbering.resting)
    # Of those, what our ledger lacks; the retirement of what it has may be on its way.
    new = {claim for claim in registry.unwritten if not claim.is_retired}
    claims = await asyncio.to_thread(lambda: [claim for claim in pace(known) if claim not in new])
    name = await asyncio.to_thread(
        write_backup,
        *(state, claims),
        cluster=ledger.cluster,
        marker=marker,
        now=now,
        again=again,
        pace=pace,
    )
    if name is None:
        return
    forgettable = await asyncio.to_thread(registry.forgettable, known, now)
    if forgettable:
        await ledger.forget(forgettable)
        registry.forget(forgettable)
    logger.info(
        "the ledger is backed up",
        extra={
            "file": str(state.path / name),
            "claims": len(claims),
            "forgotten": len(forgettable),
        },
    )

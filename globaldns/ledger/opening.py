"""Which ledger a server begins with: the one it had, a first one, or none without a person's word.

A ledger's marker is also kept beside it in the state directory. So a first start, which may make a
ledger, is told from a lost one, which may not: numbers would be given out a second time.
"""

from __future__ import annotations

import logging
from enum import Enum
from pathlib import Path
from uuid import uuid4

import msgspec

from globaldns.errors import LedgerDamaged, LedgerError, StateError
from globaldns.ledger.backup import newest_backup
from globaldns.ledger.connections import SUFFIXES, explained
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Marker
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)

MARKER = "ledger-marker.bin"


class OnLoss(Enum):
    """What to do where the ledger is lost, damaged or another one."""

    REFUSE = "refuse"
    REPLACE = "replace"
    """A person said so: ``serve --new-ledger`` or ``vip import``."""


def open_ledger(
    state: StateDirectory, name: str, *, cluster: str, now: int, on_loss: OnLoss
) -> SqliteLedger:
    """Return the ledger to write; the caller holds the state directory's lock.

    A damaged file that is replaced is set aside under another name, never removed.

    Raises:
        LedgerDamaged: it is not whole; the hint has the repair.
        LedgerError: it is lost, too new, another one, another cluster's, or cannot be written.
        StateError: its marker cannot be written.
    """
    path = state.path / name
    ledger = _find(state, path, cluster=cluster, now=now, on_loss=on_loss)
    try:
        _check_owner(ledger, cluster)
        _keep_marker(state, ledger, on_loss)
    except BaseException:
        ledger.close()
        raise
    return ledger


def read_ledger(state: StateDirectory, name: str, *, cluster: str) -> SqliteLedger | None:
    """Return the ledger to read, creating nothing; None: there has never been one.

    Raises:
        LedgerDamaged: it is not whole; the hint has the repair.
        LedgerError: it is lost, too new, another cluster's, or cannot be read.
    """
    path = state.path / name
    if not path.exists():
        if MARKER in state.names():
            raise _lost(state, path)
        return None
    try:
        ledger = SqliteLedger.open_reading(path, is_held=state.holder() is not None)
    except LedgerDamaged as error:
        raise LedgerDamaged(str(error), hint=_repair(state)) from error
    try:
        _check_owner(ledger, cluster)
    except LedgerError:
        ledger.close()
        raise
    return ledger


def _find(
    state: StateDirectory, path: Path, *, cluster: str, now: int, on_loss: OnLoss
) -> SqliteLedger:
    if path.exists():
        try:
            return SqliteLedger.open(path)
        except LedgerDamaged as error:
            if on_loss is OnLoss.REFUSE:
                raise LedgerDamaged(str(error), hint=_repair(state)) from error
    elif on_loss is OnLoss.REFUSE and MARKER in state.names():
        raise _lost(state, path)
    _set_aside(path, now)
    ledger = SqliteLedger.create(path, cluster=cluster, marker=Marker(str(uuid4()), now))
    logger.info("a new ledger is begun: it knows no VIP yet", extra={"file": str(path)})
    return ledger


def _set_aside(path: Path, now: int) -> None:
    """Rename what stands in the place of a new ledger; a log left there would be played into it."""
    with explained(path):
        for suffix in SUFFIXES:
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.replace(path.with_name(f"{path.name}.damaged-{now}{suffix}"))


def _check_owner(ledger: SqliteLedger, cluster: str) -> None:
    if ledger.cluster != cluster:
        raise LedgerError(
            f"{ledger.path}: it is the ledger of cluster {ledger.cluster}, not of {cluster}",
            hint="set another directory with the key state, or the key cluster to what it was",
        )


def _keep_marker(state: StateDirectory, ledger: SqliteLedger, on_loss: OnLoss) -> None:
    remembered = remembered_marker(state)
    if remembered is not None and remembered != ledger.marker and on_loss is OnLoss.REFUSE:
        raise LedgerError(
            f"{ledger.path}: it is another ledger than the last one here",
            hint="put the last one back, or accept this one with serve --new-ledger",
        )
    keep_marker(state, ledger.marker)


def keep_marker(state: StateDirectory, marker: Marker) -> None:
    """Remember which ledger this state directory goes with.

    Raises:
        StateError: it cannot be.
    """
    if remembered_marker(state) != marker:
        state.write_checked(MARKER, msgspec.msgpack.encode(marker))


def remembered_marker(state: StateDirectory) -> Marker | None:
    """Return the marker that was kept; None: none, or it cannot be read."""
    try:
        data = state.read_checked(MARKER)
        return None if data is None else msgspec.msgpack.decode(data, type=Marker)
    except (StateError, msgspec.DecodeError):
        return None


def _lost(state: StateDirectory, path: Path) -> LedgerError:
    return LedgerError(f"{path}: it is lost: there was a ledger here", hint=_repair(state))


def _repair(state: StateDirectory) -> str:
    backup = newest_backup(state)
    if backup is None:
        return "put a copy back, or begin a new one with serve --new-ledger"
    return f"globaldns vip import {backup}, or begin a new one with serve --new-ledger"

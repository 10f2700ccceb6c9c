"""The first second of a server: what is remembered answers, whatever the mesh's size.

Whatever this module imports is waited for before the first answer: the sources, the registry and
the HTTP endpoint come afterwards.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import msgspec

from globaldns.app.clock import BelievedClock
from globaldns.app.memory import load_zone
from globaldns.app.serials import Serials
from globaldns.app.settings import worker_settings, zone_names
from globaldns.app.writing import LedgerThread
from globaldns.config.schema import Config
from globaldns.dns.lastzone import Header, LastZone
from globaldns.dns.plane import Plane
from globaldns.dns.scribe import Scribe
from globaldns.dns.worker import encode_settings
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)


class Started(msgspec.Struct, frozen=True):
    """What a server has once it answers."""

    state: StateDirectory
    thread: LedgerThread | None
    """None: the ledger is in Kubernetes, which is asked afterwards."""
    serials: Serials
    plane: Plane
    scribe: Scribe
    last: LastZone | None
    """The zone that it answers from."""
    clock: BelievedClock


def start(
    config: Config, plane: Plane, state: StateDirectory, *, on_loss: OnLoss, stack: AsyncExitStack
) -> Started:
    """Take the ledger of a state directory that is held, and have the last zone answered.

    Raises:
        StateError, LedgerError: something of it cannot be had.
    """
    clock = BelievedClock()
    thread = None
    if config.vips.ledger.kubernetes is None:
        name = config.vips.ledger.file
        thread = LedgerThread(
            open_ledger(state, name, cluster=config.cluster, now=clock.now(), on_loss=on_loss),
            state.check_lock,
        )
        stack.callback(thread.close)
    marker = marker_of(thread)
    serials = Serials(state, clock.now())
    scribe = Scribe(plane.table)
    scribe.settings = encode_settings(worker_settings(config, plane.addresses))
    last = _recall(state, marker, config, clock.now())
    if scribe.serial is not None:
        header = Header(config.cluster, marker, scribe.serial, saved_at=clock.now())
        last = _follow(last, scribe, header)
    elif last is not None and last.image.rows:
        hosts = scribe.recall(last.image, serials.current)
        logger.info("answering from the last zone", extra={"hosts": hosts})
    return Started(state, thread, serials, plane, scribe, last, clock)


def marker_of(thread: LedgerThread | None) -> str:
    """Return what a zone is marked with: a lost SQLite file's zone is not answered from.

    A ledger in Kubernetes outlives every state directory, and is not known at the start.
    """
    return "" if thread is None else thread.marker.id


def _follow(last: LastZone | None, scribe: Scribe, header: Header) -> LastZone:
    """Return the zone that workers have answered from since the former control process died."""
    entries = tuple(scribe.entries())
    logger.info("workers answer from the zone of before", extra={"hosts": len(entries)})
    return LastZone.of(header if last is None else last.header, entries)


def _recall(state: StateDirectory, marker: str, config: Config, now: int) -> LastZone | None:
    """Return the last zone of this cluster and ledger, empty if it is too old to be answered from.

    What it knows of waits counts all the same.
    """
    last = load_zone(
        state,
        cluster=config.cluster,
        marker=marker,
        zones=zone_names(config),
    )
    if last is None or _is_usable(last.header, config, now):
        return last
    return LastZone.of(last.header, ())


def _is_usable(header: Header, config: Config, now: int) -> bool:
    """Whether a zone is young enough to be answered from: its VIPs cannot have new owners."""
    age = now - header.saved_at
    if age <= config.vips.quarantine // 2:
        return True
    logger.warning("the last zone is too old to be answered from", extra={"age_seconds": age})
    return False

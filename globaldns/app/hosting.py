"""``serve``: what is taken before any other process is there, and what each of them is to do.

What this module imports every process of a server has: the registry, the sources and the ledger
are imported by the control process alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from globaldns import logs
from globaldns.app.cores import usable_cores
from globaldns.app.heap import WORKER_OCTETS, give_back_what_is_free
from globaldns.app.settings import server_settings
from globaldns.config.schema import Config
from globaldns.dns.plane import Plane
from globaldns.dns.seats import Seat, bind_seats
from globaldns.errors import TakeoverError
from globaldns.state import StateDirectory
from globaldns.supervisor.processes import Stage, Supervisor
from globaldns.supervisor.takeover import Desk, Holder, check_seats, find_holder
from globaldns.tasks import wall_clock

if TYPE_CHECKING:
    from globaldns.admin.listening import Listening

logger = logging.getLogger(__name__)

Announce = Callable[["Listening"], None]
Refuse = Callable[[Exception], int]
"""Tells a person why there is no server, and returns the exit code."""


class HeldState:
    """The state directory of a server that is held; implements ``supervisor.processes.State``."""

    def __init__(self, directory: StateDirectory, seats: tuple[Seat, ...]) -> None:
        self._directory = directory
        self._seats = seats

    def open_desk(self) -> Desk | None:
        """Wait there for a successor; None: none can come."""
        try:
            return Desk(self._directory.path, self._seats)
        except OSError as error:
            logger.warning("no other server can take over", extra={"reason": str(error)})
            return None

    def give_up(self) -> None:
        """Hold the lock no more."""
        self._directory.unlock()

    def take_back(self) -> None:
        """Hold the lock again."""
        self._directory.lock(wall_clock())


def host(
    path: Path,
    config: Config,
    *,
    new_ledger: bool,
    takeover: bool,
    announce: Announce,
    refuse: Refuse,
) -> int:
    """Serve until a signal says otherwise; return the exit code.

    Raises:
        StateLocked: another server holds the state directory.
        TakeoverError: the one that is to be taken over goes on.
        StateError, ListenError: what it takes to serve cannot be had.
    """
    logs.configure(config.log)
    give_back_what_is_free(WORKER_OCTETS)
    state = StateDirectory(config.state)
    holder = _follow(state, config) if takeover else None
    state.lock(wall_clock())
    workers = config.dns.workers or usable_cores()
    seats = holder.seats if holder else bind_seats(server_settings(config), workers)
    plane = Plane(seats)

    def control(tell: Callable[[Stage], None]) -> int:
        from globaldns.app.serving import serve_here  # noqa: PLC0415

        is_first = not plane.table.settings

        def say(listening: Listening) -> None:
            tell(Stage.NUMBERED)
            if is_first:
                announce(listening)

        try:
            serve_here(
                *(path, config, plane, state),
                new_ledger=new_ledger,
                tell=tell,
                announce=say,
            )
        except Exception as error:  # noqa: BLE001 - as at the CLI's top: nothing leaves but words
            return refuse(error)
        return 0

    return Supervisor(plane, control, HeldState(state, seats), holder).run()


def _follow(state: StateDirectory, config: Config) -> Holder | None:
    """Return the server that is to be taken over, which has given up the lock; None: there is none.

    Raises:
        TakeoverError: it cannot be, and goes on.
    """
    holder = find_holder(state.path)
    if holder is None:
        logger.info("there is no server to take over from", extra={"state": str(state.path)})
        return None
    try:
        check_seats(holder.seats, server_settings(config), config.dns.workers)
        holder.end_control()
    except TakeoverError:
        holder.close()
        raise
    logger.info("taking over", extra={"from": holder.pid})
    return holder

"""A server from its first answer to its last: sources, numbering, commands, and a graceful end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

from globaldns.admin.control import ControlServer
from globaldns.admin.listening import Listening, choose_name
from globaldns.admin.reports import ReloadReport
from globaldns.admin.server import AdminServer
from globaldns.app.control import Control
from globaldns.app.housekeeping import keep_ledger
from globaldns.app.memory import Memory
from globaldns.app.publication import Publication
from globaldns.app.readings import Situation
from globaldns.app.reloading import ConfigFile
from globaldns.app.rules import registry_settings
from globaldns.app.starting import Started
from globaldns.app.views import load_views, with_ledgers
from globaldns.config.schema import Config
from globaldns.model.claim import format_time
from globaldns.model.snapshot import Waits
from globaldns.model.view import ClaimSet, View
from globaldns.registry.handover import carry_over
from globaldns.registry.registry import Registry
from globaldns.sources.bulk import BulkReader
from globaldns.tasks import Backoff, steady_clock, supervise

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 5.0
"""How often the person who started it is told what it waits for."""
MAX_BEHIND_SECONDS = 60
"""Clocks of machines that are kept in time differ by less."""
RESTART = Backoff(initial=0.5, maximum=30.0)
Announce = Callable[[Listening], None]


class _Stopped(Exception):
    """Ends the tasks of a server that was told to stop."""


async def run(
    file: ConfigFile,
    config: Config,
    started: Started,
    reader: BulkReader,
    *,
    begun: Callable[[], None],
    announce: Announce,
    stack: AsyncExitStack,
) -> None:
    """Run a server that answers already until a signal ends it; ``begun``: it has all it takes.

    Raises:
        LedgerError, ListenError: what it takes to go on cannot be had.
    """
    copies = await started.thread.run(started.thread.ledger.copies)
    control = await _make_control(file.path, config, started, reader, copies)
    memory = Memory(started.state, control.keepsakes, lambda: control.registry.settings.quarantine)
    stack.push_async_callback(memory.save)
    admin = AdminServer(control.readings, listen=config.admin.listen)
    await admin.start()
    stack.push_async_callback(admin.stop)
    controls = ControlServer(started.state.path, control.changes)
    await controls.start()
    stack.push_async_callback(controls.stop)
    begun()
    views = with_ledgers(await asyncio.to_thread(load_views, started.state, config), copies)
    tell = partial(_tell, control, admin, announce)
    await _run_tasks(file, control, started, memory, views, tell=tell)


async def _make_control(
    path: Path,
    config: Config,
    started: Started,
    reader: BulkReader,
    copies: Mapping[str, ClaimSet],
) -> Control:
    """Return the control side, with all that the ledger remembers."""
    last, thread = started.last, started.thread
    claims = await thread.run(thread.ledger.claims)
    settings = registry_settings(config)
    waits = Waits()
    remembered = last.entries if last else ()
    if last is not None:
        now, saved_at = started.clock.now(), last.header.saved_at
        waits = carry_over(last.header.waits, saved_at=saved_at, now=now, length=settings.handover)
    registry = await asyncio.to_thread(  # for its size
        Registry, settings, claims, remembered, waits
    )
    publication = Publication(started.scribe, started.serials, remembered)
    if last is not None:
        last.forget()
    await asyncio.to_thread(registry.learn_copies, copies, started.clock.now())
    behind = registry.claims.newest - started.clock.now()
    if behind > MAX_BEHIND_SECONDS:
        logger.warning(
            "the clock is behind the ledger: set it right; new claims are dated as the newest one",
            extra={"behind_seconds": behind},
        )
    reload = ReloadReport(at=format_time(started.clock.now()), accepted=True)
    return Control(
        Situation(path, config, reload, turned_at=steady_clock()),
        registry=registry,
        publication=publication,
        thread=thread,
        plane=started.plane,
        scribe=started.scribe,
        clock=started.clock,
        reader=reader,
        copies=copies,
    )


async def _run_tasks(
    file: ConfigFile,
    control: Control,
    started: Started,
    memory: Memory,
    views: Mapping[str, View],
    *,
    tell: Callable[[], None],
) -> None:
    """Do all that a server does until it is told to stop, and through its drain."""
    stop = _listen_to_signals(file, control.situation)
    tasks = {
        "turns": control.mesh.run,
        "ledger": control.writer.run,
        "releases": control.releaser.run,
        "memory": memory.run,
        "housekeeping": lambda: keep_ledger(
            control.mesh, control.thread, started.state, memory.pace
        ),
        "configuration": lambda: file.follow(lambda: control.reload(os.environ)),
        "reader": lambda: _close_reader(control),
        "announcement": lambda: _tell_when_numbered(control, tell),
    }
    try:
        async with asyncio.TaskGroup() as group:
            for name, task in tasks.items():
                group.create_task(
                    supervise(name, task, backoff=RESTART, on_restart=control.count_restart)
                )
            group.create_task(control.sources.run(control.situation.config, views))
            await _wait_and_drain(control, memory, stop)
    except* _Stopped:
        logger.info("stopped")


def _listen_to_signals(file: ConfigFile, situation: Situation) -> asyncio.Event:
    """Return what is set when the server is to stop.

    SIGHUP has the file read again; on SIGUSR1 another process follows and waits for this one.
    """
    stop = asyncio.Event()

    def yield_to_another() -> None:
        situation.is_followed = True
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, file.wanted.set)
    loop.add_signal_handler(signal.SIGUSR1, yield_to_another)
    return stop


async def _wait_and_drain(control: Control, memory: Memory, stop: asyncio.Event) -> None:
    """Wait for a signal, then go on answering, not ready, for the lame-duck time or until another.

    Raises:
        _Stopped: the time to end has come.
    """
    await stop.wait()
    control.situation.is_draining = True
    memory.pace.is_hasty = True
    seconds = 0.0 if control.situation.is_followed else control.situation.config.lame_duck
    logger.info("stopping: not ready, still answering", extra={"seconds": seconds})
    stop.clear()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    raise _Stopped


async def _close_reader(control: Control) -> None:
    """End the process that has read many manifests: few change at once."""
    await control.mesh.settled.wait()
    await control.sources.reader.close()


async def _tell_when_numbered(control: Control, tell: Callable[[], None]) -> None:
    """Say so once names are answered."""
    while not control.mesh.numbered.is_set():
        try:
            async with asyncio.timeout(PROGRESS_SECONDS):
                await control.mesh.numbered.wait()
        except TimeoutError:
            why = "; ".join(control.readings.readiness())
            logger.info("not ready yet", extra={"reason": why})
    # What stands now stays for long: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    control.situation.is_numbered = True
    tell()


def _tell(control: Control, admin: AdminServer, announce: Announce) -> None:
    config = control.situation.config
    name = choose_name(
        control.readings.services, zone=config.zones[0].name, nameserver=config.dns.nameserver
    )
    dns = tuple(map(str, control.plane.addresses))
    tls = tuple(map(str, control.plane.tls_addresses))
    announce(Listening(dns=dns, admin=admin.address, name=name, tls=tls))

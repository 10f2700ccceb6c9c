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
from globaldns.app.fencing import FenceFile
from globaldns.app.housekeeping import keep_ledger
from globaldns.app.ledgers import Remembered, remember
from globaldns.app.membership import Membership
from globaldns.app.memory import Memory, load_gateways
from globaldns.app.publication import Publication
from globaldns.app.readings import Situation
from globaldns.app.reloading import ConfigFile
from globaldns.app.rules import registry_settings
from globaldns.app.starting import Started, marker_of
from globaldns.app.views import load_views, with_ledgers
from globaldns.app.writing import WritableLedger
from globaldns.config.schema import Config
from globaldns.ledger.opening import OnLoss
from globaldns.model.claim import format_time
from globaldns.model.snapshot import Waits
from globaldns.model.view import View
from globaldns.registry.handover import carry_over
from globaldns.registry.registry import Registry
from globaldns.sources.bulk import BulkReader
from globaldns.state import StateDirectory
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
    on_loss: OnLoss,
    begun: Callable[[], None],
    announce: Announce,
    stack: AsyncExitStack,
) -> None:
    """Run a server that answers already until a signal ends it; ``begun``: it has all it takes.

    Raises:
        LedgerError, ListenError: what it takes to go on cannot be had.
    """
    control: Control
    membership = Membership(
        started.state,
        config,
        wall=started.clock.now,
        changed=lambda: control.obey(),  # noqa: PLW0108  # made later
        was_heard=lambda cluster: control.was_heard(cluster),  # noqa: PLW0108  # made later
        is_same=lambda: control.is_same(),  # noqa: PLW0108  # made later
    )
    config = membership.config
    ledger = started.thread or _shared_ledger(config, started.state, on_loss, stack)
    remembered = await remember(started.thread)
    control = await _make_control(
        file.path, config, started, reader, ledger=ledger, membership=membership, said=remembered
    )
    if control.global_services is not None:
        stack.push_async_callback(control.global_services.services.close)
    if control.routes is not None:
        stack.push_async_callback(control.routes.routes.close)
    if control.stub is not None:
        stack.push_async_callback(control.stub.close)
    copies = remembered.copies
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
    control.recognition.remember(views)
    tell = partial(_tell, control, admin, announce)
    await _run_tasks(file, control, started, memory, views, tell=tell)


def _shared_ledger(
    config: Config, state: StateDirectory, on_loss: OnLoss, stack: AsyncExitStack
) -> WritableLedger:
    # Here, because a ledger in a file needs no client of API servers.
    from globaldns.app.sharing import shared_ledger  # noqa: PLC0415

    ledger = shared_ledger(config, state, on_loss)
    stack.push_async_callback(ledger.close)
    return ledger


async def _make_control(
    path: Path,
    config: Config,
    started: Started,
    reader: BulkReader,
    *,
    ledger: WritableLedger,
    membership: Membership,
    said: Remembered,
) -> Control:
    """Return the control side, with all that the ledger remembers."""
    last = started.last
    settings = registry_settings(config)
    waits = Waits()
    remembered = last.entries if last else ()
    if last is not None:
        now, saved_at = started.clock.now(), last.header.saved_at
        waits = carry_over(last.header.waits, saved_at=saved_at, now=now, length=settings.handover)
    registry = await asyncio.to_thread(  # for its size
        Registry, settings, said.claims, remembered, waits
    )
    fences = await asyncio.to_thread(FenceFile, started.state)
    names = await asyncio.to_thread(load_gateways, started.state)
    registry.views.set_words(fences.words)
    publication = Publication(started.scribe, started.serials, remembered)
    if last is not None:
        last.forget()
    if ledger.is_listed:
        await asyncio.to_thread(registry.learn_copies, said.copies, started.clock.now())
    else:
        registry.stop_writing(ledger.rest_reason, started.clock.now())
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
        ledger=ledger,
        membership=membership,
        plane=started.plane,
        scribe=started.scribe,
        clock=started.clock,
        reader=reader,
        zone_marker=marker_of(started.thread),
        copies=said.copies,
        fences=fences,
        gateway_names=names,
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
        "shared ledger": control.ledger.follow,
        "releases": control.releaser.run,
        "membership": control.membership.run,
        "memory": memory.run,
        "gateways": control.gateways.run,
        "housekeeping": lambda: keep_ledger(
            control.mesh, control.ledger, started.state, memory.pace
        ),
        "configuration": lambda: file.follow(lambda: control.reload(os.environ)),
        "envoys": control.envoys.run,
        "reader": lambda: _close_reader(control),
        "notices": control.tally.run,
        "announcement": lambda: _tell_when_numbered(control, tell),
    }
    if control.global_services is not None:
        tasks["global services"] = control.global_services.services.run
    if control.routes is not None:
        tasks["routes"] = control.routes.routes.run
        tasks["surroundings"] = control.routes.lookout.run
    if control.stub is not None:
        tasks["stub"] = lambda: _keep_stub(control)
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


async def _keep_stub(control: Control) -> None:
    """Have the cluster's DNS ask us, from when we have answers on."""
    await control.mesh.numbered.wait()
    if control.stub is not None:
        await control.stub.run()


async def _tell_when_numbered(control: Control, tell: Callable[[], None]) -> None:
    """Say so once names are answered."""
    while not control.mesh.numbered.is_set():
        try:
            async with asyncio.timeout(PROGRESS_SECONDS):
                await control.mesh.numbered.wait()
        except TimeoutError:
            why = "; ".join(control.readings.readiness()) or control.ledger.rest_reason
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

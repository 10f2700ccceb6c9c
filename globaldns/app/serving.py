"""``serve``: from the configuration to answers, and from a signal to a graceful end.

The order of a start is what it answers by: first the last zone remembered, which is there within a
second whatever the mesh's size; then the ledger, the remembered views and the sources.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from globaldns import logs
from globaldns.admin.control import ControlServer
from globaldns.admin.listening import Listening, choose_name
from globaldns.admin.reports import ReloadReport
from globaldns.admin.server import AdminServer
from globaldns.app.clock import BelievedClock
from globaldns.app.control import Control
from globaldns.app.housekeeping import drain_queries, keep_ledger, log_queries
from globaldns.app.memory import Memory, load_view, load_zone
from globaldns.app.publication import Publication
from globaldns.app.readings import Situation
from globaldns.app.reloading import ConfigFile
from globaldns.app.serials import Serials
from globaldns.app.settings import query_ring, registry_settings, server_settings, zone_rules
from globaldns.app.writing import LedgerThread
from globaldns.config.schema import Config
from globaldns.dns.lastzone import Header, LastZone
from globaldns.dns.responder import Responder
from globaldns.dns.server import DnsServer
from globaldns.dns.zone import Zones
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.model.claim import format_time
from globaldns.model.snapshot import ZoneDelta
from globaldns.model.view import View
from globaldns.registry.registry import Registry
from globaldns.state import StateDirectory
from globaldns.tasks import Backoff, steady_clock, supervise

logger = logging.getLogger(__name__)

RESTART = Backoff(initial=0.5, maximum=30.0)
Announce = Callable[[Listening], None]


class _Stopped(Exception):
    """Ends the tasks of a server that was told to stop."""


async def serve(path: Path, config: Config, *, new_ledger: bool, announce: Announce) -> None:
    """Serve until a signal says otherwise; ``announce`` is called once names are answered.

    Raises:
        StateLocked: another server holds the state directory.
        StateError, LedgerError, ListenError: what it takes to serve cannot be had.
    """
    logs.configure(config.log)
    gc.disable()  # until all is read: it makes no cycles, and looking for them takes a tenth
    async with AsyncExitStack() as stack:
        stack.callback(gc.enable)
        control, state = await _start(path, config, new_ledger=new_ledger, stack=stack)
        memory = Memory(state, control.keepsakes)
        stack.push_async_callback(memory.save)
        admin = AdminServer(control.readings, listen=config.admin.listen)
        await admin.start()
        stack.push_async_callback(admin.stop)
        controls = ControlServer(state.path, control.changes)
        await controls.start()
        stack.push_async_callback(controls.stop)
        views = await asyncio.to_thread(_load_views, state, config)
        await _run(control, state, memory, views, lambda: _announce(control, admin, announce))


async def _start(
    path: Path, config: Config, *, new_ledger: bool, stack: AsyncExitStack
) -> tuple[Control, StateDirectory]:
    """Take the state directory and the sockets, and answer from the last zone remembered."""
    clock = BelievedClock()
    state = StateDirectory(config.state)
    state.lock(clock.now())
    stack.callback(state.unlock)
    thread = LedgerThread(
        open_ledger(
            state,
            config.vips.ledger.sqlite,
            cluster=config.cluster,
            now=clock.now(),
            on_loss=OnLoss.REPLACE if new_ledger else OnLoss.REFUSE,
        )
    )
    stack.callback(thread.close)
    serials = Serials(state, clock.now())
    dns = await _start_dns(config, stack)
    zones = dns.responder.zones
    last = load_zone(
        state,
        cluster=config.cluster,
        marker=thread.ledger.marker.id,
        fingerprint=zones.rules.fingerprint,
    )
    if last is not None and _is_usable(last.header, config, clock.now()):
        zones.apply(ZoneDelta(serials.current, False, last.entries))
        logger.info("answering from the last zone", extra={"hosts": len(last.entries)})
    await dns.start()
    await asyncio.sleep(0)  # what waited in the sockets is answered before anything else is read
    situation = Situation(
        path,
        config,
        ReloadReport(at=format_time(clock.now()), accepted=True),
        turned_at=steady_clock(),
    )
    control = Control(
        situation,
        registry=await _make_registry(config, thread, last),
        publication=Publication(zones, serials, zones.entries()),
        thread=thread,
        dns=dns,
        clock=clock,
    )
    return control, state


async def _start_dns(config: Config, stack: AsyncExitStack) -> DnsServer:
    """Take the sockets; queries wait in them."""
    instance = f"{config.cluster}/{socket.gethostname()}"
    zones = Zones(zone_rules(config, instance=instance, listen=()))
    dns = DnsServer(Responder(zones, query_log=query_ring(config)), server_settings(config))
    dns.bind()
    stack.push_async_callback(dns.stop)
    dns.responder.reconfigure(zone_rules(config, instance=instance, listen=dns.addresses))
    return dns


def _is_usable(header: Header, config: Config, now: int) -> bool:
    """Whether a zone is young enough to be answered from: its VIPs cannot have new owners."""
    age = now - header.saved_at
    if age <= config.vips.quarantine // 2:
        return True
    logger.warning("the last zone is too old to be answered from", extra={"age_seconds": age})
    return False


async def _make_registry(config: Config, thread: LedgerThread, last: LastZone | None) -> Registry:
    """Return the registry with all that the ledger remembers; made in a thread, for its size."""
    claims = await thread.run(thread.ledger.claims)
    return await asyncio.to_thread(
        Registry,
        registry_settings(config),
        claims,
        last.entries if last else (),
        last.header.handovers if last else {},
    )


def _load_views(state: StateDirectory, config: Config) -> dict[str, View]:
    views = {cluster: load_view(state, config, cluster) for cluster in config.clusters}
    return {cluster: view for cluster, view in views.items() if view is not None}


async def _run(
    control: Control,
    state: StateDirectory,
    memory: Memory,
    views: Mapping[str, View],
    announce: Callable[[], None],
) -> None:
    """Do all that a server does until it is told to stop, and through its drain."""
    file = ConfigFile(control.situation.path)
    stop = _listen_to_signals(file)
    tasks = {
        "turns": control.mesh.run,
        "ledger": control.writer.run,
        "memory": memory.run,
        "housekeeping": lambda: keep_ledger(control.mesh, control.thread, state),
        "queries": lambda: log_queries(control.dns.responder),
        "configuration": lambda: file.follow(lambda: control.reload(os.environ)),
        "announcement": lambda: _say_when_numbered(control, announce),
    }
    try:
        async with asyncio.TaskGroup() as group:
            for name, run in tasks.items():
                group.create_task(
                    supervise(name, run, backoff=RESTART, on_restart=control.count_restart)
                )
            group.create_task(control.sources.run(control.situation.config, views))
            await _wait_and_drain(control, stop)
    except* _Stopped:
        drain_queries(control.dns.responder)
        logger.info("stopped answering")


def _listen_to_signals(file: ConfigFile) -> asyncio.Event:
    """Return what is set when the server is to stop; SIGHUP has the file read again."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, file.wanted.set)
    return stop


async def _wait_and_drain(control: Control, stop: asyncio.Event) -> None:
    """Wait for a signal, then go on answering, not ready, for the lame-duck time or until another.

    Raises:
        _Stopped: the time to end has come.
    """
    await stop.wait()
    control.situation.is_draining = True
    seconds = control.situation.config.lame_duck
    logger.info("stopping: not ready, still answering", extra={"seconds": seconds})
    stop.clear()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    raise _Stopped


async def _say_when_numbered(control: Control, announce: Callable[[], None]) -> None:
    """Say so once names are answered."""
    await control.mesh.numbered.wait()
    control.situation.is_numbered = True
    # What stands now stays for long: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    await control.sources.bulk.close()
    announce()


def _announce(control: Control, admin: AdminServer, announce: Announce) -> None:
    config = control.situation.config
    announce(
        Listening(
            dns=tuple(map(str, control.dns.addresses)),
            admin=admin.address,
            name=choose_name(
                control.readings.services,
                zone=config.zones[0].name,
                nameserver=config.dns.nameserver,
            ),
        )
    )

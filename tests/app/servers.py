"""Servers in this process: started, asked over UDP, and stopped without a trace."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import dns.message
import dns.query
import dns.rcode

from globaldns.admin.listening import Listening
from globaldns.admin.reports import ReloadReport
from globaldns.app.control import Control
from globaldns.app.fencing import FenceFile
from globaldns.app.membership import Membership
from globaldns.app.memory import load_gateways
from globaldns.app.publication import Publication
from globaldns.app.readings import Situation
from globaldns.app.reloading import ConfigFile
from globaldns.app.rules import registry_settings
from globaldns.app.serving import serve
from globaldns.app.settings import server_settings
from globaldns.app.starting import Started, marker_of, start
from globaldns.dns.plane import Plane
from globaldns.dns.seats import bind_seats
from globaldns.dns.worker import Worker
from globaldns.ledger.opening import OnLoss
from globaldns.registry.registry import Registry
from globaldns.sources.bulk import BulkReader
from globaldns.state import StateDirectory
from globaldns.tasks import steady_clock, wall_clock
from tests.app.meshes import CEILING_SECONDS, Place

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def address_of(server: Control | Started) -> str:
    """Return where a server answers DNS over UDP: its ``address:port``."""
    return str(server.plane.addresses[0])


async def ask(server: str, name: str, kind: str = "A") -> dns.message.Message:
    """Return the reply to a question over UDP; ``server`` is its ``address:port``."""
    address, _, port = server.rpartition(":")
    query = dns.message.make_query(name, kind)
    return await asyncio.to_thread(
        dns.query.udp, query, address, port=int(port), timeout=CEILING_SECONDS
    )


async def answer(server: str, name: str) -> str | tuple[str, ...]:
    """Return the addresses of a name, else the reply's response code."""
    reply = await ask(server, name)
    found = tuple(str(record) for rrset in reply.answer for record in rrset)
    return found or dns.rcode.to_text(reply.rcode())


@asynccontextmanager
async def started(place: Place, *, on_loss: OnLoss = OnLoss.REFUSE) -> AsyncIterator[Started]:
    """Start a server that answers and does nothing else; its worker is in this process."""
    async with hosted(place) as (plane, state), AsyncExitStack() as stack:
        server = start(place.config, plane, state, on_loss=on_loss, stack=stack)
        async with working(plane):
            yield server


@asynccontextmanager
async def hosted(place: Place) -> AsyncIterator[tuple[Plane, StateDirectory]]:
    """Hold what a supervisor holds."""
    state = StateDirectory(place.config.state)
    state.lock(wall_clock())
    try:
        plane = Plane(bind_seats(server_settings(place.config)))
        try:
            yield plane, state
        finally:
            plane.close()
    finally:
        state.unlock()


@asynccontextmanager
async def working(plane: Plane) -> AsyncIterator[Worker]:
    """Have a worker answer in this process."""
    stop = asyncio.Event()
    worker = Worker(plane, 0)
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


@asynccontextmanager
async def controlled(place: Place) -> AsyncIterator[Control]:
    """Start a server's control side, of which nothing runs yet."""
    async with started(place) as server:
        config, scribe = place.config, server.scribe
        report = ReloadReport(at="2026-01-02T03:04:05Z", accepted=True)
        assert server.thread is not None
        copies = server.thread.ledger.copies()
        registry = Registry(registry_settings(config), server.thread.ledger.claims())
        registry.learn_copies(copies, server.clock.now())
        fences = FenceFile(server.state)
        registry.views.set_words(fences.words)
        yield Control(
            Situation(place.path, config, report, turned_at=steady_clock()),
            registry=registry,
            publication=Publication(scribe, server.serials, scribe.entries()),
            ledger=server.thread,
            membership=Membership(
                server.state,
                config,
                wall=server.clock.now,
                changed=lambda: None,
                was_heard=lambda _: True,
                is_same=lambda: True,
            ),
            plane=server.plane,
            scribe=scribe,
            clock=server.clock,
            reader=BulkReader(),
            zone_marker=marker_of(server.thread),
            copies=copies,
            fences=fences,
            gateway_names=load_gateways(server.state),
        )


@asynccontextmanager
async def running(place: Place) -> AsyncIterator[Control]:
    """Run a server's sources, turns and writing, and wait until all is numbered."""
    async with controlled(place) as control, numbered(control):
        yield control


@asynccontextmanager
async def numbered(control: Control) -> AsyncIterator[None]:
    """Run a control side, and wait until all is numbered."""
    sources = control.sources.run(control.situation.config, {})
    async with asyncio.TaskGroup() as group:
        runs = (control.mesh.run(), control.writer.run(), sources)
        tasks = [group.create_task(run) for run in runs]
        async with asyncio.timeout(CEILING_SECONDS):
            await control.mesh.numbered.wait()
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def serving(place: Place, *, new_ledger: bool = False) -> AsyncIterator[Listening]:
    """Serve until the end of the block, where SIGTERM ends it unless it has ended already."""
    listening: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    async with hosted(place) as (plane, state), AsyncExitStack() as stack:
        answering = asyncio.Event()
        server = asyncio.create_task(
            serve(
                *(ConfigFile(place.path), place.config, plane, state),
                on_loss=OnLoss.REPLACE if new_ledger else OnLoss.REFUSE,
                tell=lambda _stage: answering.set(),
                announce=listening.set_result,
            )
        )
        try:
            async with asyncio.timeout(CEILING_SECONDS):
                begun = asyncio.create_task(answering.wait())
                await asyncio.wait([server, begun], return_when=asyncio.FIRST_COMPLETED)
                begun.cancel()
                if not server.done():
                    await stack.enter_async_context(working(plane))
                await asyncio.wait([server, listening], return_when=asyncio.FIRST_COMPLETED)
            if server.done():
                await server
            yield listening.result()
            if not server.done():
                os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(CEILING_SECONDS):
                await server
        finally:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)
            for number in SIGNALS:
                asyncio.get_running_loop().remove_signal_handler(number)
            gc.unfreeze()

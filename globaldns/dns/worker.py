"""A worker: it sits on one seat, answers by the shared table, and needs nobody for it."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import suppress

import msgspec

from globaldns import logs
from globaldns.config.schema import LogSettings, QueryLog
from globaldns.dns.counters import Counters
from globaldns.dns.loop import DatagramLoop
from globaldns.dns.plane import Plane
from globaldns.dns.querylog import QueryRing, write_all, write_lost, write_queries
from globaldns.dns.responder import Responder
from globaldns.dns.rules import DnsRules
from globaldns.dns.seats import ServerSettings
from globaldns.dns.server import DnsServer
from globaldns.dns.zone import Zones

LOOK_SECONDS = 0.25
"""How often it looks what it is to obey, and shows what it has counted."""


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What workers obey; it stands in the table, as MessagePack."""

    rules: DnsRules
    server: ServerSettings
    log: LogSettings = LogSettings()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(WorkerSettings)


def encode_settings(settings: WorkerSettings) -> bytes:
    """Return settings as they stand in the table."""
    return _encoder.encode(settings)


def decode_settings(data: bytes) -> WorkerSettings:
    """Return settings that stand in the table."""
    return _decoder.decode(data)


class Worker:
    """Sits on one seat."""

    def __init__(self, plane: Plane, number: int) -> None:
        """Take a seat; the table must have settings by now."""
        self._plane = plane
        self._number = number
        self._table = plane.table
        self._said = plane.table.settings
        self._settings = decode_settings(self._said)
        zones = Zones(self._settings.rules, plane.table)
        self.responder = Responder(zones, Counters(plane.blocks[number]))
        self._ring = QueryRing(QueryLog.NONE)
        self._log_queries(self._settings.log.queries)
        self.responder.follow = self.obey
        self.server = DnsServer(self.responder, self._settings.server, plane.seats[number])

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until told to stop."""
        await self.server.start()
        more_wait = False
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if more_wait else LOOK_SECONDS):
                    await stop.wait()
            self.look()
            more_wait = await self._write_queries()
        await self.server.stop()
        self.look()
        write_all(self._ring)

    def look(self) -> None:
        """Show that it lives and what was counted; obey what is new."""
        self._plane.looked(self._number, time.monotonic())
        self.obey()
        self.server.note_standing()

    async def _write_queries(self) -> bool:
        """Write what was asked, a little at a time, until it is time to look around.

        Returns whether more wait.
        """
        until = time.monotonic() + LOOK_SECONDS
        more_wait = write_queries(self._ring)
        while more_wait and time.monotonic() < until:
            await asyncio.sleep(0)
            more_wait = write_queries(self._ring)
        write_lost(self._ring)
        return more_wait

    def _log_queries(self, policy: QueryLog) -> None:
        """Log from now on what a policy wants; what waits to be written still is."""
        self._ring.policy = policy
        self.responder.query_log = None if policy is QueryLog.NONE else self._ring

    def obey(self) -> None:
        """Obey settings that are new."""
        said = self._table.settings
        if said != self._said:
            self._said = said
            self._obey(decode_settings(said))

    def _obey(self, settings: WorkerSettings) -> None:
        former, self._settings = self._settings, settings
        if settings.rules != former.rules:
            self.responder.reconfigure(settings.rules)
        if settings.log != former.log:
            logs.configure(settings.log)
        self._log_queries(settings.log.queries)
        self.server.reconfigure(settings.server)


def work(plane: Plane, number: int) -> None:
    """Do a worker's work in this process until SIGTERM."""
    plane.table.protect()
    worker = Worker(plane, number)
    gc.freeze()
    with asyncio.Runner(loop_factory=DatagramLoop) as runner:
        runner.run(_work(worker))


async def _work(worker: Worker) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await worker.run(stop)

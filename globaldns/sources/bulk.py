"""Many manifests read by a process of its own, while this one takes what they say.

YAML takes half of the time of a first reading, and holds the interpreter meanwhile: on two cores a
second process makes a start much shorter. It has no state: if it fails, files are read here.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from globaldns.sources import reader
from globaldns.sources.manifest import Reading
from globaldns.sources.reader import Job
from globaldns.sources.scan import scan

logger = logging.getLogger(__name__)

MANY_OCTETS = 4 << 20
"""Below it the process would start for longer than it works."""


class BulkReader:
    """Reads in a process of its own, which is started when it is first needed."""

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._waiting: deque[asyncio.Future[bytes | None]] = deque()
        self._replies: asyncio.Task[None] | None = None
        self._is_over = False

    async def prepare(self, roots: Iterable[Path]) -> None:
        """Start the process now if one of these directories is to be read with it.

        It imports what it needs while others do something else.
        """
        scans = await asyncio.gather(*(asyncio.to_thread(scan, root) for root in roots))
        if any(found.octets >= MANY_OCTETS for found in scans):
            await self._start_once()

    async def read(self, job: Job) -> list[Reading]:
        """Return what the files of a job say."""
        reply = await self._ask(reader.encode_job(job))
        if reply is None:
            return await asyncio.to_thread(reader.read_job, job)
        return reader.decode_readings(reply)

    async def close(self) -> None:
        """End the process; what is read from now on is read here."""
        self._is_over = True
        child, self._child = self._child, None
        if child is not None and child.stdin is not None:
            child.stdin.close()
            await child.wait()
        if self._replies is not None:
            await self._replies

    async def _ask(self, payload: bytes) -> bytes | None:
        """Return the process's reply; None: it gave none, and gives none any more."""
        await self._start_once()
        child = self._child
        if child is None or child.stdin is None:
            return None
        reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(reply)
        child.stdin.write(reader.frame(payload))
        with suppress(ConnectionError):  # it has ended, which is seen where replies are received
            await child.stdin.drain()
        return await reply

    async def _start_once(self) -> None:
        async with self._starting:
            if self._child is None and not self._is_over:
                await self._start()

    async def _start(self) -> None:
        try:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", reader.__name__),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is for the server to handle
            )
        except OSError as error:
            self._is_over = True
            logger.warning("files are read here alone", extra={"reason": str(error)})
            return
        self._replies = asyncio.create_task(self._receive(self._child))

    async def _receive(self, child: asyncio.subprocess.Process) -> None:
        """Hand out replies until there are no more."""
        if child.stdout is None:
            raise TypeError("its stdout is a pipe")
        try:
            while True:
                length = int.from_bytes(await child.stdout.readexactly(reader.LENGTH_OCTETS))
                payload = await child.stdout.readexactly(length)
                reply = self._waiting.popleft()
                if not reply.done():
                    reply.set_result(payload)
        except asyncio.IncompleteReadError:
            if not self._is_over:
                logger.warning("the process that reads files has ended: they are read here")
        self._is_over = True
        self._child = None
        for reply in self._waiting:
            if not reply.done():
                reply.set_result(None)
        self._waiting.clear()

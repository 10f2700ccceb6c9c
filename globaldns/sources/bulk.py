"""Many manifests read by a process of its own, while this one takes what they say.

YAML takes half of the time of a first reading, and holds the interpreter meanwhile: on two cores a
second process makes a start much shorter. It has no state: if it fails, files are read here.

Both sides speak in frames over the child's stdin and stdout, replies in the order of requests::

    | length 4 | MessagePack |

Run as a program (``python -m globaldns.sources.bulk``) this module is the child.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from globaldns.model.finding import Finding
from globaldns.objects import KINDS, Object, ObjectKey, key
from globaldns.sources.manifest import Manifest, Misfit, Reading, Unread, read_manifest
from globaldns.sources.scan import Stamp, scan

logger = logging.getLogger(__name__)

MANY_OCTETS = 4 << 20
"""Below it the process would start for longer than it works."""
_LENGTH_OCTETS = 4


class Job(msgspec.Struct, frozen=True, array_like=True):
    """Files to be read."""

    root: str
    paths: Sequence[str]
    cluster: str
    now: int
    """Unix seconds."""


class _Said(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A Manifest, its objects packed by kind."""

    path: str
    stamp: Stamp | None
    digest: bytes
    objects: list[tuple[str, msgspec.Raw]]
    refused: frozenset[ObjectKey]
    misfits: tuple[Misfit, ...]
    is_complete: bool


class _Failed(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An Unread."""

    path: str
    stamp: Stamp | None
    finding: Finding


_encoder = msgspec.msgpack.Encoder()
_job_decoder = msgspec.msgpack.Decoder(Job)
_reply_decoder = msgspec.msgpack.Decoder(list[_Said | _Failed])
_decoders: dict[str, msgspec.msgpack.Decoder[Object]] = {
    name: msgspec.msgpack.Decoder(kind) for name, kind in KINDS.items()
}


def read_job(job: Job) -> list[Reading]:
    """Read the files of a job; nothing is known of any of them."""
    root = Path(job.root)
    return [read_manifest(root, path, cluster=job.cluster, now=job.now) for path in job.paths]


def encode_readings(readings: Sequence[Reading]) -> bytes:
    """Return readings as they go from process to process."""
    return _encoder.encode([_pack(reading) for reading in readings])


def decode_readings(payload: bytes) -> list[Reading]:
    """Return readings that another process encoded.

    Raises:
        msgspec.DecodeError: they are none.
    """
    return [_unpack(sent) for sent in _reply_decoder.decode(payload)]


def _pack(reading: Reading) -> _Said | _Failed:
    if isinstance(reading, Unread):
        return _Failed(reading.path, reading.stamp, reading.finding)
    if not isinstance(reading, Manifest):
        raise TypeError("a file of which nothing is known cannot be unchanged")
    objects = [
        (identity.kind, msgspec.Raw(_encoder.encode(found))) for identity, found in reading.objects
    ]
    return _Said(
        reading.path,
        reading.stamp,
        reading.digest,
        objects,
        reading.refused,
        reading.misfits,
        reading.is_complete,
    )


def _unpack(sent: _Said | _Failed) -> Reading:
    if isinstance(sent, _Failed):
        return Unread(sent.path, sent.stamp, sent.finding)
    objects = (_decoders[kind].decode(packed) for kind, packed in sent.objects)
    return Manifest(
        sent.path,
        sent.stamp,
        sent.digest,
        tuple((_identify(found), found) for found in objects),
        sent.refused,
        sent.misfits,
        sent.is_complete,
    )


def _identify(found: Object) -> ObjectKey:
    identity = key(found)
    return ObjectKey(identity.kind, sys.intern(identity.namespace), identity.name)


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
        reply = await self._ask(_encoder.encode(job))
        if reply is None:
            return await asyncio.to_thread(read_job, job)
        return decode_readings(reply)

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
        child.stdin.write(len(payload).to_bytes(_LENGTH_OCTETS) + payload)
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
                *(sys.executable, "-m", __name__),
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
                length = int.from_bytes(await child.stdout.readexactly(_LENGTH_OCTETS))
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


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer jobs until there are no more: the child's whole life."""
    while header := requests.read(_LENGTH_OCTETS):
        job = _job_decoder.decode(requests.read(int.from_bytes(header)))
        payload = encode_readings(read_job(job))
        replies.write(len(payload).to_bytes(_LENGTH_OCTETS) + payload)
        replies.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)

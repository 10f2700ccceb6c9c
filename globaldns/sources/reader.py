"""A process that reads manifests for another: jobs in, readings out.

It asks of every entry whether Istio would refuse it, to spare the other the question.

Both sides speak in frames over the child's stdin and stdout, replies in the order of requests::

    | length 4 | MessagePack |

Run as a program (``python -m globaldns.sources.reader``) this module is the child; whatever it
imports is memory of every such process.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from globaldns.exports.validation import refusals
from globaldns.model.finding import Finding
from globaldns.objects import KINDS, Object, ObjectKey, key
from globaldns.objects.istio import ServiceEntry
from globaldns.sources.manifest import Manifest, Misfit, Reading, Unread, read_manifest
from globaldns.sources.scan import Stamp

LENGTH_OCTETS = 4
"""What a frame begins with."""
PIPE_OCTETS = 1 << 20
"""Several replies: the next file is read while the other side is still busy with the last one."""


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
    is_valid: bool


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


def frame(payload: bytes) -> bytes:
    """Return a message as it goes through a pipe."""
    return len(payload).to_bytes(LENGTH_OCTETS) + payload


def encode_job(job: Job) -> bytes:
    """Return a job as it goes from process to process."""
    return _encoder.encode(job)


def read_job(job: Job) -> list[Reading]:
    """Read and validate the files of a job; nothing is known of any of them."""
    root = Path(job.root)
    return [
        _validate(read_manifest(root, path, cluster=job.cluster, now=job.now)) for path in job.paths
    ]


def encode_readings(readings: Sequence[Reading]) -> bytes:
    """Return readings as they go from process to process."""
    return _encoder.encode([_pack(reading) for reading in readings])


def decode_readings(payload: bytes) -> list[Reading]:
    """Return readings that another process encoded.

    Raises:
        msgspec.DecodeError: they are none.
    """
    return [_unpack(sent) for sent in _reply_decoder.decode(payload)]


def _validate(reading: Reading) -> Reading:
    if not isinstance(reading, Manifest):
        return reading
    entries = (found for _, found in reading.objects if isinstance(found, ServiceEntry))
    return msgspec.structs.replace(reading, is_valid=not any(map(refusals, entries)))


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
        reading.is_valid,
    )


def _unpack(sent: _Said | _Failed) -> Reading:
    if isinstance(sent, _Failed):
        return Unread(sent.path, sent.stamp, sent.finding)
    objects = (_decoders[kind].decode(packed) for kind, packed in sent.objects)
    return Manifest(
        sent.path,
        sent.stamp,
        sent.digest,
        tuple((key(found), found) for found in objects),
        sent.refused,
        sent.misfits,
        sent.is_complete,
        sent.is_valid,
    )


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer jobs until there are no more: the child's whole life."""
    with suppress(AttributeError, OSError):  # it is Linux's to offer, and root's to limit (pipe(7))
        fcntl.fcntl(replies, fcntl.F_SETPIPE_SZ, PIPE_OCTETS)
    while header := requests.read(LENGTH_OCTETS):
        job = _job_decoder.decode(requests.read(int.from_bytes(header)))
        replies.write(frame(encode_readings(read_job(job))))
        replies.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)

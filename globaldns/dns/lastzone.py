"""The last zone served, as bytes: what a start answers from before its sources have spoken.

MessagePack, in this order::

    [version, [cluster, marker, serial, saved_at, waits], shapes, batches of rows]

Most entries differ only in host and VIPs. What they share (zones, ports, clusters, rule) is a
shape, written once: the file is small, and what is read shares its tuples. Rows are encoded and
decoded a batch at a time, so that nobody waits long and nothing is in memory twice. The state
directory adds magic and checksum.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import msgspec

from globaldns.errors import StateError
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, EntryPort, Waits

VERSION = 4
"""Of the format; another one is refused."""


class Header(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whose zone it was, and when."""

    cluster: str
    marker: str
    """Id of the ledger that its VIPs stand in."""
    serial: int
    saved_at: int
    """Unix seconds."""
    waits: Waits = Waits()


class LastZone(msgspec.Struct, frozen=True, gc=False):
    """A zone as it was served."""

    header: Header
    entries: tuple[Entry, ...]


class _Shape(msgspec.Struct, frozen=True, array_like=True, gc=False):
    zones: tuple[str, ...]
    ports: tuple[EntryPort, ...]
    clusters: tuple[str, ...]
    rule: str


_Row = tuple[str, tuple[bytes, ...], int, Answering, int]
"""Host, VIPs, index of its shape, how it is answered, time of the last change."""
_BATCH = 1000
"""Rows that are encoded or decoded at once: a millisecond."""


class _File(msgspec.Struct, frozen=True, array_like=True, gc=False):
    version: int
    header: Header
    shapes: list[_Shape]
    batches: list[msgspec.Raw]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_File)
_batch_decoder = msgspec.msgpack.Decoder(list[_Row])
_version_decoder = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw, msgspec.Raw, msgspec.Raw])


def encode_zone(header: Header, entries: Iterable[Entry]) -> bytes:
    """Return a zone as bytes."""
    shapes: dict[_Shape, int] = {}
    batches: list[msgspec.Raw] = []
    rows: list[_Row] = []
    for entry in entries:
        shape = _Shape(entry.zones, entry.ports, entry.clusters, entry.rule)
        index = shapes.setdefault(shape, len(shapes))
        rows.append((entry.host, entry.vips, index, entry.answering, entry.changed_at))
        if len(rows) == _BATCH:
            batches.append(msgspec.Raw(_encoder.encode(rows)))
            rows.clear()
    batches.append(msgspec.Raw(_encoder.encode(rows)))
    return _encoder.encode(_File(VERSION, header, list(shapes), batches))


def decode_zone(data: bytes, zones: tuple[str, ...]) -> LastZone:
    """Return the zone that bytes remember, for who serves these zones.

    Names of another zone are answered no more: an entry that is left in none only says who had its
    VIPs.

    Raises:
        StateError: they are damaged, or of a newer version.
    """
    try:
        version = _version_decoder.decode(data)[0]
        if version != VERSION:
            raise StateError(
                f"the last zone remembered has format {version}, this program reads {VERSION}",
                hint="install the release that wrote it, or remove the file",
            )
        file = _decoder.decode(data)
        entries = tuple(_entries(file, zones))
    except (msgspec.DecodeError, IndexError) as error:
        raise StateError(f"the last zone remembered is damaged: {error}") from None
    return LastZone(file.header, entries)


def _entries(file: _File, zones: tuple[str, ...]) -> Iterable[Entry]:
    shapes = [
        msgspec.structs.replace(shape, zones=tuple(one for one in zones if one in shape.zones))
        for shape in file.shapes
    ]
    rows = (row for batch in file.batches for row in _batch_decoder.decode(batch))
    for host, vips, index, answering, changed_at in rows:
        shape = shapes[index]
        yield Entry(
            Host(sys.intern(host)),
            shape.zones,
            vips,  # type: ignore[arg-type]  # Address is a name for bytes
            shape.ports,
            answering,
            shape.clusters,
            changed_at,
            shape.rule,
        )

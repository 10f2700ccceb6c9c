"""The last zone served, as bytes: what a start answers from before its sources have spoken.

MessagePack, in this order::

    [version, [cluster, marker, serial, saved_at, waits], shapes, rows]

Rows are those of the table (``table`` draws them), of hosts alone and one behind the other, but
that a shape is a number in their list: so a start puts them into the table as they are. The state
directory adds magic and checksum.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec

from globaldns.dns.table import (
    ROW,
    Row,
    Shape,
    aligned,
    encode_host,
    encode_row,
    entry_of,
    read_vips,
    shape_of,
)
from globaldns.errors import InvalidHost, StateError
from globaldns.model.address import Address
from globaldns.model.snapshot import Entry, Waits

VERSION = 5
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


class Image(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Rows as they stand in the table, but for their shapes."""

    shapes: list[Shape] = []
    rows: bytes = b""

    def each(self) -> Iterator[tuple[int, Row, bytes, tuple[Address, ...]]]:
        """Yield where each row begins, the row, its name and its VIPs.

        Raises:
            struct.error, IndexError: they are damaged.
        """
        rows = self.rows
        at, end = 0, len(rows)
        while at < end:
            row = Row._make(ROW.unpack_from(rows, at))
            start = at + ROW.size
            stop = start + row.name_octets
            vips, end_of_row = read_vips(rows, stop, row.vip_count)
            yield at, row, rows[start:stop], vips
            at = aligned(end_of_row)


class LastZone:
    """A zone as it was served."""

    def __init__(self, header: Header, image: Image, zones: tuple[str, ...]) -> None:
        """Remember it for who serves these zones."""
        self.header = header
        self.image = image
        self._zones = zones

    @classmethod
    def of(cls, header: Header, entries: tuple[Entry, ...]) -> LastZone:
        """Return a zone of which the entries are known already."""
        made = cls(header, Image(), ())
        made.entries = entries
        return made

    def forget(self) -> None:
        """Give its memory back: whoever needs the entries has them."""
        self.image = Image()
        self.__dict__.pop("entries", None)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All hosts, in the zones that are served by now.

        One that is left in none only says who had its VIPs.
        """
        shapes = [
            msgspec.structs.replace(
                shape, zones=tuple(one for one in self._zones if one in shape.zones)
            )
            for shape in self.image.shapes
        ]
        return tuple(
            entry_of(row, name, vips, shapes[row.shape]) for _, row, name, vips in self.image.each()
        )


class _File(msgspec.Struct, frozen=True, array_like=True, gc=False):
    version: int
    header: Header
    shapes: list[Shape]
    rows: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_File)
_version_decoder = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw, msgspec.Raw, msgspec.Raw])


def encode_zone(header: Header, entries: Iterable[Entry]) -> bytes:
    """Return a zone as bytes; hosts that cannot be served are left out."""
    image = encode_image(entries)
    return _encoder.encode(_File(VERSION, header, image.shapes, image.rows))


def encode_image(entries: Iterable[Entry]) -> Image:
    """Return the rows of entries."""
    shapes: dict[Shape, int] = {}
    rows = bytearray()
    for entry in entries:
        try:
            name = encode_host(entry.host)
        except InvalidHost:
            continue
        index = shapes.setdefault(shape_of(entry), len(shapes))
        vips = entry.vips
        row = (entry.changed_at, index, 0, len(vips), entry.answering, len(name))
        rows += encode_row(row, name, vips)
        rows += bytes(aligned(len(rows)) - len(rows))
    return Image(list(shapes), bytes(rows))


def decode_zone(data: bytes, zones: tuple[str, ...]) -> LastZone:
    """Return the zone that bytes remember, for who serves these zones.

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
        _check(file)
    except (msgspec.DecodeError, struct.error, IndexError) as error:
        raise StateError(f"the last zone remembered is damaged: {error}") from None
    return LastZone(file.header, Image(file.shapes, file.rows), zones)


def _check(file: _File) -> None:
    """Look at the first row: of the others the checksum says that they are as they were written."""
    for _, row, _, _ in Image(file.shapes, file.rows).each():
        file.shapes[row.shape]
        return

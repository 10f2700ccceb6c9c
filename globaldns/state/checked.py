"""Files that say themselves whether they are whole, and which version wrote them.

Numbers in network order::

    | magic 8 | format 2 | BLAKE2b 32 | length 8 | writer's version 1 + n | payload |

The checksum is over format, writer's version and payload.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import BinaryIO

from globaldns import __version__
from globaldns.errors import StateError

MAX_FILE_OCTETS = 1 << 30
"""A zone of a million names is about 150 MB; what is larger is none of ours."""

_MAGIC = b"gdnstate"
_HEADER = struct.Struct("!8sH32sQB")


def format_header(payload: bytes, version: int) -> bytes:
    """Return what stands in front of a payload; ``version`` is the payload's format."""
    writer = __version__.encode()
    digest = _digest(version, writer, payload)
    return _HEADER.pack(_MAGIC, version, digest, len(payload), len(writer)) + writer


def read_payload(file: BinaryIO, version: int) -> bytes:
    """Return the payload of a checked file whose format is ``version`` or older.

    Raises:
        StateError: the reason, without the path.
    """
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise _damaged("it is no state file")
    _, found, digest, length, writer_length = _HEADER.unpack(head)
    if length > MAX_FILE_OCTETS:
        raise _damaged(f"its length says {length} octets")
    writer = file.read(writer_length)
    payload = file.read(length + 1)
    if len(payload) != length:
        raise _damaged("it has another length than it says")
    if _digest(found, writer, payload) != digest:
        raise _damaged("its checksum does not match")
    if found > version:
        raise StateError(
            f"has format {found}, this version reads up to {version}",
            hint=f"install globaldns {writer.decode('ascii', 'replace')} or newer",
        )
    return payload


def _damaged(reason: str) -> StateError:
    return StateError(f"is damaged: {reason}", hint="remove it; it is written anew")


def _digest(version: int, writer: bytes, payload: bytes) -> bytes:
    digest = blake2b(b"%d %s " % (version, writer), digest_size=32)
    digest.update(payload)
    return digest.digest()

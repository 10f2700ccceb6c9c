"""Names in messages that others wrote, which may be compressed.

Standards:
    RFC 1035 section 4.1.4, RFC 9267 section 2   pointers, and what goes wrong in following them
"""

from __future__ import annotations

from globaldns.dns.names import MAX_LABEL_OCTETS, ROOT
from globaldns.errors import ServerError

_POINTER = 0xC0
_MAX_POINTERS = 128
"""A name has at most 128 labels, so an honest one follows no more pointers."""


def read_name(wire: bytes, offset: int) -> tuple[bytes, int]:
    """Return the name at an offset, without compression, and the offset behind it.

    Raises:
        ServerError: it has too many pointers or a label of unknown kind.
        IndexError: it goes beyond the message.
    """
    labels, behind = [], 0
    for _ in range(_MAX_POINTERS + 1):
        while 0 < (length := wire[offset]) <= MAX_LABEL_OCTETS:
            labels.append(wire[offset : offset + 1 + length])
            offset += 1 + length
        if not length:
            return b"".join(labels) + ROOT, behind or offset + 1
        if length < _POINTER:
            raise ServerError("the answer has a label of unknown kind")
        behind = behind or offset + 2
        offset = (length & ~_POINTER) << 8 | wire[offset + 1]
    raise ServerError("the answer has a name whose pointers do not end")

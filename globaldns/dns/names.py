r"""Names as they are on the wire, and their keys.

A name is a run of labels, each with its length in front, ended by the root's empty label
(RFC 1035 section 3.1)::

    reviews.bookinfo.global.   \x07reviews\x08bookinfo\x06global\x00
    reviews.bookinfo           \x07reviews\x08bookinfo              relative to a zone: no root

Keys are folded names as bytes. They are never joined with dots: a label may have dots in it, or any
other octet (RFC 2181 section 11). ``bytes.lower`` folds A-Z and nothing else (RFC 4343), and leaves
length octets alone, which are below 64.
"""

from __future__ import annotations

from globaldns.errors import InvalidHost

ROOT = b"\x00"
MAX_LABEL_OCTETS = 63
MAX_NAME_OCTETS = 255
"""RFC 1035 section 2.3.4; with every length octet, and the root's."""

_LENGTHS = tuple(bytes((length,)) for length in range(MAX_LABEL_OCTETS + 1))
_ESCAPED = frozenset(b'."();@$\\')
_PRINTABLE = range(0x21, 0x7F)


def encode_name(text: str) -> bytes:
    """Return the folded labels of a name in dotted text, without the root.

    Raises:
        InvalidHost: a label is empty or longer than 63 octets.
    """
    if not text:
        return b""
    labels = text.encode().lower().split(b".")
    try:
        name = b"".join([_LENGTHS[len(label)] + label for label in labels])
    except IndexError:
        raise InvalidHost(f"{text[:80]!r} has a label of more than 63 octets") from None
    if not all(labels):
        raise InvalidHost(f"{text[:80]!r} has an empty label")
    return name


def encode_label(label: bytes) -> bytes:
    """Return a label of at most 63 octets with its length in front."""
    return _LENGTHS[len(label)] + label


def split_first(name: bytes) -> tuple[bytes, bytes]:
    """Return the first label, without its length, and the rest of a name that has one."""
    end = name[0] + 1
    return name[1:end], name[end:]


def parent(name: bytes) -> bytes:
    """Return a name without its first label."""
    return name[name[0] + 1 :]


def split_labels(name: bytes) -> list[bytes]:
    """Return the labels of a name, with or without its root."""
    labels = []
    offset = 0
    while offset < len(name) and (length := name[offset]):
        labels.append(name[offset + 1 : offset + 1 + length])
        offset += length + 1
    return labels


def format_name(name: bytes) -> str:
    r"""Return a name in presentation format (RFC 1035 section 5.1), safe for a log line.

    What is not printable ASCII becomes ``\DDD``.
    """
    return "".join(f"{_format_label(label)}." for label in split_labels(name)) or "."


def _format_label(label: bytes) -> str:
    return "".join(map(_format_octet, label))


def _format_octet(octet: int) -> str:
    if octet in _ESCAPED:
        return f"\\{octet:c}"
    return chr(octet) if octet in _PRINTABLE else f"\\{octet:03d}"

"""Hosts: what services are called.

A host is written without its zone, in lower case: ``reviews.bookinfo`` stands for
``reviews.bookinfo.global``. So a service in several zones has one VIP, and zones may change.

Standards:
    RFC 1035 section 2.3.4   63 octets a label, 255 octets a name
    RFC 1123 section 2.1     letters, digits and hyphens
    RFC 4343                 only A-Z fold
    RFC 4592                 a wildcard is a leftmost label that is exactly ``*``
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NewType

from globaldns.errors import InvalidHost

Host = NewType("Host", str)
"""``name.namespace``, or another shape that ``allow.hosts`` lets a cluster export."""

MAX_LABEL_OCTETS = 63
MAX_NAME_OCTETS = 255
"""On the wire: every label with its length octet, and the root's."""

_LABEL = re.compile(r"_?[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_RESERVED_FIRST = "_"


def service_host(name: str, namespace: str) -> Host:
    """Return the host of a service."""
    return Host(f"{name}.{namespace}")


def fold(text: str) -> str:
    """Return a name in lower case (A-Z only) and without its trailing dot."""
    folded = text.lower() if text.isascii() else text
    return folded.removesuffix(".")


def split_zone(name: str, zones: Iterable[str]) -> tuple[Host, str] | None:
    """Return host and zone of a folded name, by the longest zone that holds it; None outside all.

    The apex itself has the empty host.
    """
    best = ""
    for zone in zones:
        if name.endswith(zone) and len(zone) > len(best):
            before = name[-len(zone) - 1 : -len(zone)]
            if before in {"", "."}:
                best = zone
    if not best:
        return None
    return Host(name[: -len(best) - 1]), best


def check_host(host: Host, zone: str) -> None:
    """Refuse what cannot be a name in a zone.

    Raises:
        InvalidHost: a label is empty, too long or has a character that RFC 1123 forbids, ``*`` is
            not the whole first label, a label begins with ``_`` (those are ours), or the name with
            its zone is over 255 octets.
    """
    if not host:
        raise InvalidHost(f"{zone!r} is the zone itself", hint="put a name in front of it")
    octets = len(host.encode()) + len(zone) + 3  # two length octets more than dots, and the root's
    if octets > MAX_NAME_OCTETS:
        raise InvalidHost(f"{host[:40]}….{zone} has {octets} octets, a name may have 255")
    for index, label in enumerate(host.split(".")):
        if label == "*" and index == 0:
            continue
        _check_label(label, host)


def _check_label(label: str, host: str) -> None:
    if not label:
        raise InvalidHost(f"{host!r} has an empty label")
    if len(label.encode()) > MAX_LABEL_OCTETS:
        raise InvalidHost(f"label {label[:20]}… has {len(label.encode())} octets, 63 are allowed")
    if label.startswith(_RESERVED_FIRST):
        raise InvalidHost(f"label {label!r} begins with _, which is reserved")
    if "*" in label:
        raise InvalidHost(f"{host!r}: * must be the whole first label")
    if not _LABEL.fullmatch(label):
        raise InvalidHost(
            f"label {label!r} has characters that a host may not have",
            hint="use lower-case letters, digits and inner hyphens",
        )


def is_wildcard(host: Host) -> bool:
    """Whether a host stands for every name beneath its parent (RFC 4592)."""
    return host.startswith("*.") or host == "*"


def namespace_of(host: Host) -> str:
    """Return the label before the zone: the namespace that owns a ``name.namespace`` host."""
    return host.rpartition(".")[2]


def is_service_host(host: Host) -> bool:
    """Whether a host has the plain shape ``name.namespace``."""
    return host.count(".") == 1 and not is_wildcard(host)

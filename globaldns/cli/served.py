"""Where a server is asked over DNS, as its configuration says."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from globaldns.cli.remote import reachable


class Served(msgspec.Struct, frozen=True):
    """What one must know to ask a server over DNS."""

    zones: tuple[str, ...]
    host: str
    """Its address."""
    port: int


def to_served(zones: tuple[str, ...], listen: Sequence[str], *, host: str = "") -> Served:
    """Return how a server is asked; ``host`` is where its API was found, if it was."""
    # Here, because only questions over DNS need to know where it listens by default.
    from globaldns.dns.listen import DEFAULT_LISTEN, parse_listen  # noqa: PLC0415

    first = parse_listen(listen[0]) if listen else DEFAULT_LISTEN[0]
    address = host if host and first.is_wildcard else reachable(first.host)
    return Served(zones, address, first.port)

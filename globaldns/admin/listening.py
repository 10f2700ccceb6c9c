"""Where a server listens, for the person who started it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import msgspec

from globaldns.model.host import Host, is_wildcard
from globaldns.model.service import Service, ServiceState

LOOKED_AT = 1000
"""Services among which a name to try is sought: a millisecond."""


class Listening(msgspec.Struct, frozen=True):
    """What ``serve`` announces once it answers."""

    dns: tuple[str, ...]
    """``address:port``, with the ports that were bound."""
    admin: str
    """``address:port``."""
    name: str
    """A name that has an answer, to try first."""
    tls: tuple[str, ...] = ()
    """As ``dns``; empty: TLS is not answered."""


def choose_name(services: Mapping[Host, Service], *, zone: str, nameserver: str) -> str:
    """Return a name to try: of a service in as many clusters as any, else the name server's."""
    ready = (
        service
        for service in islice(services.values(), LOOKED_AT)
        if service.state is ServiceState.READY and not is_wildcard(service.host)
    )
    best = min(ready, key=lambda s: (-len(s.contributions), s.host), default=None)
    return f"{best.host}.{best.zones[0]}" if best and best.zones else f"{nameserver}.{zone}"

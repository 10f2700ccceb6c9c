"""Services whose names are gone, and that Envoys route until no client knows their VIPs. Pure."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

import msgspec
from immutables import Map

from globaldns.envoy.sidecar import ROUTED
from globaldns.model.host import Host
from globaldns.model.service import Service

Services = Map[Host, Service]


class _Gone(msgspec.Struct, frozen=True):
    last: Service
    """What was known of it last."""
    since: float
    """Steady seconds."""


class LeavingServices:
    """What is still routed beside what is published."""

    def __init__(self) -> None:
        self._published: Services = Map()
        self._gone: dict[Host, _Gone] = {}

    def follow(self, changed: Collection[Host], published: Services, now: float) -> None:
        """Take in what has changed since the last time; all else is as it was."""
        for host in changed:
            if host in published:
                self._gone.pop(host, None)
            elif (last := self._published.get(host)) is not None:
                self._gone[host] = _Gone(last, now)
        self._published = published

    def is_over(self, now: float, seconds: float) -> bool:
        """Whether one has been gone for so many seconds."""
        return any(now >= gone.since + seconds for gone in self._gone.values())

    def end(self, changed: Collection[Host], now: float, seconds: float) -> list[Host]:
        """Let go of those that are over, and of those whose VIP leads to another; return them."""
        others = filter(None, map(self._published.get, changed))
        taken = {*chain.from_iterable(one.vips for one in others if one.state in ROUTED)}
        ended = [
            host
            for host, gone in self._gone.items()
            if now >= gone.since + seconds
            or not taken.isdisjoint((*gone.last.vips, *gone.last.former))
        ]
        for host in ended:
            del self._gone[host]
        return ended

    @property
    def routed(self) -> Services:
        """All that is routed: what is published, and what is not over yet."""
        return self._published.update({host: gone.last for host, gone in self._gone.items()})

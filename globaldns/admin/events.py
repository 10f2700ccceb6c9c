"""What changes, told to whoever listens.

A listener that is over lists everything anew: it is over when the server stops, and when it reads
slower than things change. Nothing is built or kept while nobody listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self

from globaldns.admin.problems import RequestProblem
from globaldns.admin.reports import ClusterReport, Report, ServiceReport

MAX_CLIENTS = 64
"""Listeners at once: what a client opens must end somewhere. Each is a connection and a queue."""
MAX_WAITING = 4096
"""Events that wait for one listener, about 4 MiB of them; one that is further behind is dropped."""


class Snapshot(Report, frozen=True, tag_field="event", tag="snapshot"):
    """What is served as a listener begins: all that changes from then on follows."""

    serial: int
    services: int
    complete: bool
    """Whether a name that is not among them is known to be none."""


class ServiceChanged(Report, frozen=True, tag_field="event", tag="service"):
    """A service is new or different."""

    service: ServiceReport


class ServiceRemoved(Report, frozen=True, tag_field="event", tag="service-removed"):
    """A host stands for nothing any more."""

    host: str


class VipMoved(Report, frozen=True, tag_field="event", tag="vip"):
    """A host's VIPs are others than before."""

    host: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    reason: str


class ClusterChanged(Report, frozen=True, tag_field="event", tag="cluster"):
    """A source stands differently than before."""

    cluster: ClusterReport


Event = Snapshot | ServiceChanged | ServiceRemoved | VipMoved | ClusterChanged


class Subscription:
    """One listener's queue; a context manager that takes it off the broadcast."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._waiting: list[Event] = []
        self._has_news = asyncio.Event()
        self.is_over = False
        """Whether nothing more will come."""
        self.is_dropped = False
        """Whether that is because it was too slow."""

    def offer(self, events: Sequence[Event]) -> None:
        """Queue events; more than the queue holds drops the listener."""
        if self.is_over or not events:
            return
        if len(self._waiting) + len(events) > MAX_WAITING:
            self.drop()
            return
        self._waiting += events
        self._has_news.set()

    async def receive(self) -> list[Event]:
        """Return all events that wait, at least one; none when it is over."""
        await self._has_news.wait()
        events, self._waiting = self._waiting, []
        if not self.is_over:
            self._has_news.clear()
        return events

    def drop(self) -> None:
        """End it, because its client is too slow."""
        self.is_dropped = True
        self.end()

    def end(self) -> None:
        """Forget what waits, and let nothing more come."""
        self.is_over = True
        self._waiting = []
        self._has_news.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._broadcast.leave(self)


class Broadcast:
    """Tells every listener of every event; belongs to one event loop."""

    def __init__(self) -> None:
        self._listeners: set[Subscription] = set()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens; build no events for nobody."""
        return bool(self._listeners)

    def publish(self, events: Sequence[Event]) -> None:
        """Tell all listeners."""
        for listener in self._listeners:
            listener.offer(events)

    def subscribe(self) -> Subscription:
        """Return a new listener, which must be left as a context.

        Raises:
            RequestProblem: there are too many (503).
        """
        if len(self._listeners) >= MAX_CLIENTS:
            raise RequestProblem(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_CLIENTS} clients listen already"
            )
        subscription = Subscription(self)
        self._listeners.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Take a listener off."""
        self._listeners.discard(subscription)

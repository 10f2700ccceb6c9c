"""Watches: what each client is sent, in the order of the writes."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.kube.apiserver.resources import Resource
from tests.kube.apiserver.selectors import Selection
from tests.kube.apiserver.statuses import ApiError
from tests.kube.apiserver.storage import Event, Key, Object, Storage

INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a watch is of."""

    resource: Resource
    version: str
    namespace: str
    selection: Selection
    is_selective: bool = False
    bookmarks: bool = False
    timeout: float | None = None

    def covers(self, key: Key) -> bool:
        return key.resource == self.resource.id and self.namespace in {"", key.namespace}

    def present(self, item: Object) -> Object:
        """Return an object in the version that was asked for."""
        return {**item, "apiVersion": self.resource.api_version(self.version)}


class Watch:
    """One stream; what it is still to be sent waits in order."""

    def __init__(self, wanted: Wanted, storage: Storage, *, revision: int) -> None:
        self.wanted = wanted
        self.stalled = False
        self._storage = storage
        self._revision = self._told = revision
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._ended = False

    def see(self, event: Event) -> None:
        """Queue a write if it is part of this watch and after its start."""
        if event.revision <= self._revision or not self.wanted.covers(event.key):
            return
        selected = self.wanted.selection
        was = event.old is not None and selected(event.old)
        now = event.new is not None and selected(event.new)
        if was or now:
            self._told = event.revision
        if now:
            assert event.new is not None
            self.send("MODIFIED" if was else "ADDED", self.wanted.present(event.new))
        elif was:
            assert event.old is not None
            metadata = {**event.old["metadata"], "resourceVersion": str(event.revision)}
            self.send("DELETED", {**self.wanted.present(event.old), "metadata": metadata})

    def bookmark(self, annotations: Mapping[str, str] | None = None) -> None:
        """Queue the present revision, if it is news and the client allows bookmarks."""
        is_news = annotations is not None or self._storage.revision > self._told
        if not (is_news and self.wanted.bookmarks):
            return
        self._told = self._storage.revision
        metadata: dict[str, Any] = {"resourceVersion": str(self._storage.revision)}
        if annotations:
            metadata["annotations"] = dict(annotations)
        resource, version = self.wanted.resource, self.wanted.version
        kind = {"kind": resource.kind, "apiVersion": resource.api_version(version)}
        self.send("BOOKMARK", {**kind, "metadata": metadata})

    def fail(self, error: ApiError) -> None:
        """Queue an error, which is the last that the client gets."""
        self.send("ERROR", error.body)
        self.end()

    def send(self, kind: str, item: Mapping[str, Any]) -> None:
        self._waiting.append(json.dumps({"type": kind, "object": item}).encode() + b"\n")
        self._wake.set()

    def end(self) -> None:
        """End the stream after what is queued."""
        self._ended = True
        self._wake.set()

    def stall(self, *, stalled: bool) -> None:
        """Send nothing for a while; the connection stays open."""
        self.stalled = stalled
        self._wake.set()

    async def run(self, response: web.StreamResponse, bookmark_interval: float) -> None:
        """Write to a prepared response until the watch ends."""
        loop = asyncio.get_running_loop()
        timeout = self.wanted.timeout
        deadline = None if timeout is None else loop.time() + timeout
        while not await self._flush(response):
            until = loop.time() + bookmark_interval
            is_last = deadline is not None and deadline <= until
            try:
                async with asyncio.timeout_at(self._due(until, deadline)):
                    await self._wake.wait()
            except TimeoutError:
                self.bookmark()
                if is_last:
                    self.end()
            self._wake.clear()

    def _due(self, until: float, deadline: float | None) -> float | None:
        """When to stop waiting for a write; never while nothing may be sent."""
        if self.stalled:
            return None
        return until if deadline is None else min(until, deadline)

    async def _flush(self, response: web.StreamResponse) -> bool:
        """Write what is queued and return whether that was all there will be."""
        while self._waiting and not self.stalled:
            await response.write(self._waiting.popleft())
        return self._ended and not self.stalled


def start(wanted: Wanted, storage: Storage, query: Mapping[str, str]) -> Watch:
    """Return a watch with what it begins with, by ``resourceVersion`` and ``sendInitialEvents``."""
    asked = query.get("resourceVersion", "")
    initial = query.get("sendInitialEvents") in {"1", "true"}
    if initial or asked in {"", "0"}:
        watch = Watch(wanted, storage, revision=storage.revision)
        for _, item in storage.select(wanted.resource.id, wanted.namespace):
            if wanted.selection(item):
                watch.send("ADDED", wanted.present(item))
        if initial:
            watch.bookmark(INITIAL_EVENTS_END)
        return watch
    watch = Watch(wanted, storage, revision=int(asked))
    try:
        for event in storage.since(int(asked)):
            watch.see(event)
    except ApiError as error:
        watch.fail(error)
    return watch

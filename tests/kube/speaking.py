"""Plain HTTP to an API server, real or fake: no client library, nothing hidden."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import aiohttp

CEILING_SECONDS = 30.0
"""For what must happen; nothing waits it out when it does."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
Object = dict[str, Any]


class Cluster(Protocol):
    """What the contract needs of a server besides HTTP."""

    url: str
    ssl: ssl.SSLContext | None
    token: str
    powerless_token: str
    """Of a user who may nothing."""

    bookmark_timeout: str
    """Seconds of a watch that is long enough for a bookmark before its end."""

    async def restart(self) -> None:
        """End the server and start it again, with the same etcd."""

    async def compact(self) -> None:
        """Compact etcd, and start the server again: its cache would remember."""

    async def backup(self) -> None:
        """Keep a copy of what is stored."""

    async def restore(self) -> None:
        """Store the copy instead of what is stored now."""

    async def rebuild(self) -> None:
        """Begin again with nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    """Decoded if it is JSON, else text."""
    retry_after: str | None = None

    @property
    def metadata(self) -> Object:
        return self.body["metadata"]

    @property
    def version(self) -> str:
        return self.metadata["resourceVersion"]

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.body["items"]]

    @property
    def failure(self) -> tuple[int, str]:
        """The code and the reason of a ``Status``."""
        assert self.body["kind"] == "Status"
        assert self.body["status"] == "Failure"
        assert self.body["code"] == self.status
        return self.status, self.body.get("reason", "")


@dataclass(slots=True)
class Stream:
    """An open watch."""

    response: aiohttp.ClientResponse
    seen: list[Object] = field(default_factory=list)

    async def next(self) -> Object | None:
        """Return the next event; None at the end."""
        async with asyncio.timeout(CEILING_SECONDS):
            line = await self.response.content.readline()
        if not line:
            return None
        event: Object = json.loads(line)
        self.seen.append(event)
        return event

    async def take(self, count: int) -> list[str]:
        """Return the next events in short."""
        return [short(await self.next()) for _ in range(count)]

    async def rest(self) -> list[Object]:
        """Return every event until the stream ends."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


def short(event: Object | None) -> str:
    """``ADDED name``; bookmarks have no name, an ERROR has its code."""
    if event is None:
        return "END"
    item = event["object"]
    what = str(item["code"]) if event["type"] == "ERROR" else item["metadata"].get("name", "")
    return f"{event['type']} {what}".rstrip()


class Session:
    """A client that sends what it is told."""

    def __init__(self, cluster: Cluster, token: str | None = None) -> None:
        self.cluster = cluster
        self._token = cluster.token if token is None else token
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        connector = aiohttp.TCPConnector(ssl=self.cluster.ssl or True)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CEILING_SECONDS)
        self._http = aiohttp.ClientSession(
            self.cluster.url,
            headers={"User-Agent": "contract/1", **headers},
            connector=connector,
            timeout=timeout,
        )
        return self

    async def __aexit__(self, *_exception: object) -> None:
        assert self._http is not None
        await self._http.close()

    async def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "", **query: str
    ) -> Answer:
        assert self._http is not None
        headers = {"Content-Type": content_type or "application/json"}
        data = None if body is None else io.BytesIO(json.dumps(body).encode())
        async with (
            asyncio.timeout(CEILING_SECONDS),
            self._http.request(method, path, params=query, data=data, headers=headers) as reply,
        ):
            is_json = reply.content_type == "application/json"
            content = await (reply.json() if is_json else reply.text())
            return Answer(reply.status, content, reply.headers.get("Retry-After"))

    async def get(self, path: str, **query: str) -> Answer:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Mapping[str, Any], **query: str) -> Answer:
        return await self.call("POST", path, body, **query)

    async def put(self, path: str, body: Mapping[str, Any], **query: str) -> Answer:
        return await self.call("PUT", path, body, **query)

    async def delete(self, path: str, **preconditions: str) -> Answer:
        options = {"preconditions": preconditions} if preconditions else {}
        return await self.call("DELETE", path, options)

    async def merge(self, path: str, patch: Mapping[str, Any], **query: str) -> Answer:
        return await self.call("PATCH", path, patch, content_type=MERGE, **query)

    async def apply(
        self, path: str, config: Mapping[str, Any], manager: str = "contract", **query: str
    ) -> Answer:
        query = {"fieldManager": manager, **query}
        return await self.call("PATCH", path, config, content_type=APPLY, **query)

    async def wait_status(self, path: str, status: int) -> Answer:
        """Ask until the answer has a status: a real server takes a moment over definitions."""
        async with asyncio.timeout(CEILING_SECONDS):
            answer = await self.get(path)
            while answer.status != status:
                await asyncio.sleep(0.05)
                answer = await self.get(path)
            return answer

    @asynccontextmanager
    async def watch(self, path: str, **query: str) -> AsyncIterator[Stream]:
        assert self._http is not None
        async with self._http.get(path, params={"watch": "1", **query}) as reply:
            assert reply.status == 200, await reply.text()
            try:
                yield Stream(reply)
            finally:
                _hang_up(reply)


def _hang_up(reply: aiohttp.ClientResponse) -> None:
    """Leave a response in the middle: a polite end of TLS would outlive the test."""
    if reply.connection is not None and reply.connection.transport is not None:
        reply.connection.transport.abort()

"""One kind of objects followed for ever: listed, then watched; listed again when the past is gone.

What a follower tells, in this order and over again::

    Begun  Found*  Listed           all that there is
    Opened                          a watch is answered; nothing was missed
    (Put | Removed | Contact)*      what changes, and that nothing does
    Absent                          the server does not have the kind, or not any more
    Failed                          no answer, or a refusal; it is asked again after a while

After ``Failed`` what was told before goes on where it stopped, unless ``Begun`` comes.

Standards:
    Kubernetes API Concepts: "Efficient detection of changes", "Watch bookmarks", "Streaming lists",
    "Retrieving large results sets in chunks", "410 Gone responses"
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from http import HTTPStatus

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client, parse_status
from globaldns.kube.resources import Resource, find_version
from globaldns.tasks import Backoff

_TOO_LARGE = "Too large resource version"
"""What a server says, with 504, of a version that it has not reached: etcd was restored."""
_SHORT_SECONDS = 1.0
"""A watch that a server ends sooner is as good as refused."""
_TOLD_AFTER = 2
"""How often in a row it may be too late for what happened since until that is a failure."""
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_NO_STREAMING = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY))


class Begun(msgspec.Struct, frozen=True):
    """All that there is follows."""


class Found(msgspec.Struct, frozen=True):
    """An object that there is."""

    data: msgspec.Raw


class Listed(msgspec.Struct, frozen=True):
    """That was all: what was not found is not there."""

    has_gone_back: bool = False
    """Whether the server is at an earlier resourceVersion than it has told of before."""


class Put(msgspec.Struct, frozen=True):
    """An object is new or different."""

    data: msgspec.Raw


class Removed(msgspec.Struct, frozen=True):
    """An object is no more; this is what it was."""

    data: msgspec.Raw


class Opened(msgspec.Struct, frozen=True):
    """A watch is answered, and goes on where the last one ended."""


class Contact(msgspec.Struct, frozen=True):
    """Nothing has changed."""


class Absent(msgspec.Struct, frozen=True):
    """The server does not have the kind."""


class Failed(msgspec.Struct, frozen=True):
    """There is no answer."""

    error: ApiError


Notice = Begun | Found | Listed | Opened | Put | Removed | Contact | Absent | Failed


class Scope(msgspec.Struct, frozen=True):
    """Which objects of a kind are followed."""

    resource: Resource
    namespace: str = ""
    """Empty: all."""
    labels: str = ""
    """A label selector."""
    name: str = ""
    """Of the only one; empty: all."""


class Timing(msgspec.Struct, frozen=True):
    """How patient a follower is; all in seconds but the page."""

    page: int = 500
    """Objects of one answer, as client-go asks for."""
    idle: float = 150.0
    """A watch that is silent for so long is asked for anew: a server's first bookmark comes after
    two minutes at the latest, then one a minute."""
    watch: float = 300.0
    """How long a server lets a watch be, at least; at most twice that, as client-go does."""
    poll: float = 10.0
    """How often to look whether a kind is served by now."""
    backoff: Backoff = Backoff(initial=0.2, maximum=30.0)


class _ListMeta(msgspec.Struct):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    more: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Meta(msgspec.Struct):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    annotations: dict[str, str] | None = None


class _Object(msgspec.Struct):
    metadata: _Meta


_page_decoder = msgspec.json.Decoder(_Page)
_event_decoder = msgspec.json.Decoder(_Event)
_object_decoder = msgspec.json.Decoder(_Object)


class _Expired(Exception):  # it is no error: all is listed again
    """What happened since is not known any more."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(str(error))
        self.error = error


Steps = AsyncGenerator[Notice, None]


class Follower:
    """Follows one kind of objects of one server."""

    def __init__(
        self,
        client: Client,
        scope: Scope,
        timing: Timing,
        *,
        chance: Callable[[], float] = random.random,
        reached: int = 0,
    ) -> None:
        """Follow from the beginning; ``reached`` is a resourceVersion that it has told of."""
        self.reached = reached
        """The last resourceVersion that is known to have been."""
        self._client = client
        self._scope = scope
        self._timing = timing
        self._chance = chance
        self._version: str | None = None
        """Of the API, in which the kind is served."""
        self._position = ""
        """The resourceVersion up to which all is told; empty: nothing is."""
        self._can_stream = True
        """Whether the server lists by a watch, as far as is known."""

    def through(self, client: Client) -> Follower:
        """Return a follower that goes on where this one is, with another client."""
        other = Follower(client, self._scope, self._timing, chance=self._chance)
        other._version, other._position = self._version, self._position
        other.reached = self.reached
        other._can_stream = self._can_stream
        return other

    async def run(self) -> Steps:
        """Yield what happens, for ever."""
        clock, failures, is_expired = asyncio.get_running_loop().time, 0, False
        while True:
            started, failure = clock(), None
            try:
                async with aclosing(self._tell()) as notices:
                    async for notice in notices:
                        yield notice
                is_expired = False
                if clock() >= started + _SHORT_SECONDS:
                    failures = 0
                    continue
            except (_Expired, ApiError) as error:
                was_expired, is_expired = is_expired, isinstance(error, _Expired)
                if is_expired and not was_expired:
                    failures = 0  # who says so is there: what failed before is over
                failure = self._judge(error, failures)
            failures = 1 if clock() > started + self._timing.backoff.maximum else failures + 1
            if failure is not None:
                yield Failed(failure)
            await self._pause(failures, getattr(failure, "retry_after", 0.0))

    def _judge(self, error: _Expired | ApiError, failures: int) -> ApiError | None:
        """Return what is to be told of an attempt that failed; None: the next one may be better."""
        if isinstance(error, _Expired):
            self._position = ""
            return error.error if failures >= _TOLD_AFTER else None
        if isinstance(error, ApiRefused) and error.status == HTTPStatus.NOT_FOUND:
            self._version, self._position = None, ""
            return error if failures else None
        return error

    async def _pause(self, failures: int, least: float) -> None:
        await asyncio.sleep(max(least, self._timing.backoff.delay(failures, self._chance())))

    async def _tell(self) -> Steps:
        """List unless that is done, then watch; ends when the server ends the watch."""
        while self._version is None:
            self._version = await find_version(self._client, self._scope.resource)
            if self._version is None:
                yield Absent()
                await asyncio.sleep(self._timing.poll * (0.5 + self._chance()))
        for step in self._steps():
            async with aclosing(step()) as notices:
                async for notice in notices:
                    yield notice

    def _steps(self) -> Iterator[Callable[[], Steps]]:
        if not self._position and self._can_stream:
            yield self._watch
            if self._can_stream:
                return
        if not self._position:
            yield self._list
        yield self._watch

    async def _list(self) -> Steps:
        yield Begun()
        query = {**self._query(), "limit": str(self._timing.page)}
        while True:
            page = self._decode_page(await self._ask(query))
            for item in page.items or ():
                yield Found(item)
            if not page.metadata.more:
                break
            query["continue"] = page.metadata.more
        yield Listed(self._has_gone_back(page.metadata.resource_version))
        self._position = page.metadata.resource_version
        self._reach(self._position)

    def _decode_page(self, data: bytes) -> _Page:
        try:
            return _page_decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise ApiError(f"{self._path}: an answer that is no list: {error}") from error

    async def _ask(self, query: dict[str, str]) -> bytes:
        try:
            return await self._client.get(self._path, query)
        except ApiRefused as error:
            if _is_expired(error.status, str(error)):
                raise _Expired(error) from None
            raise

    async def _watch(self) -> Steps:
        """Yield what changes; first all that there is where that is not told yet."""
        is_listing = not self._position
        if is_listing:
            yield Begun()
        else:
            await self._check_position()
        try:
            async with self._client.stream(
                self._path, self._watch_query(), idle_seconds=self._timing.idle
            ) as lines:
                if not is_listing:
                    yield Opened()
                async for line in lines:
                    notice, version = self._read(line, is_listing=is_listing)
                    yield notice
                    is_listing = is_listing and not isinstance(notice, Listed)
                    if not is_listing:
                        self._position = version
                        self._reach(version)
        except ApiRefused as error:
            if not (is_listing and error.status in _NO_STREAMING):
                raise (
                    _Expired(error) if _is_expired(error.status, str(error)) else error
                ) from None
            self._can_stream = False
            return
        if is_listing:
            self._can_stream = False  # it may not know that it is to say when all is listed
            raise ApiError(f"{self._path}: the server ended a list before it was whole")

    def _watch_query(self) -> dict[str, str]:
        query = {
            **self._query(),
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(self._timing.watch * (1 + self._chance()))),
        }
        if self._position:
            return query | {"resourceVersion": self._position}
        return query | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    async def _check_position(self) -> None:
        """Make sure that the server has reached what was told: a watch does not say so.

        A server whose etcd was restored sends nothing until it has come as far again, and then not
        what was before. So it is asked first: it may come as far while a watch is being opened.
        For any one object, whatever its labels: of a cluster's many etcd would read all until one
        matches. Who may list those of all namespaces may list any; RBAC knows no labels.

        Raises:
            _Expired: it has not.
            ApiError: it does not say.
        """
        query = {"limit": "1", "resourceVersionMatch": "NotOlderThan"}
        query |= {"resourceVersion": self._position} | self._query()
        if not self._scope.namespace:
            query.pop("labelSelector", None)
        await self._ask(query)

    def _read(self, line: bytes, *, is_listing: bool) -> tuple[Notice, str]:
        """Return what a line tells, and how far that goes."""
        event = self._decode_event(line)
        if event.type == "ERROR":
            status = parse_status(bytes(event.object))
            error = ApiError(f"{self._path}: {status.message or 'the server ended the watch'}")
            raise _Expired(error) if _is_expired(status.code, status.message) else error
        meta = self._decode_meta(event.object)
        return self._notice(event, meta, is_listing=is_listing), meta.resource_version

    def _notice(self, event: _Event, meta: _Meta, *, is_listing: bool) -> Notice:
        match event.type:
            case "BOOKMARK":
                is_end = is_listing and _INITIAL_EVENTS_END in (meta.annotations or {})
                back = self._has_gone_back(meta.resource_version)
                return Listed(back) if is_end else Contact()
            case "DELETED":
                return Removed(event.object)
            case _:
                return Found(event.object) if is_listing else Put(event.object)

    def _has_gone_back(self, version: str) -> bool:
        """Whether a whole list, which is never older than it was asked for, has an old version."""
        return version.isdecimal() and int(version) < self.reached

    def _reach(self, version: str) -> None:
        if version.isdecimal():
            self.reached = int(version)

    def _decode_event(self, line: bytes) -> _Event:
        try:
            return _event_decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise ApiError(f"{self._path}: an event that is none: {error}") from error

    def _decode_meta(self, data: msgspec.Raw) -> _Meta:
        try:
            return _object_decoder.decode(data).metadata
        except msgspec.MsgspecError as error:
            raise ApiError(f"{self._path}: an object without metadata: {error}") from error

    @property
    def _path(self) -> str:
        return self._scope.resource.path(self._version or "", self._scope.namespace)

    def _query(self) -> dict[str, str]:
        name = f"metadata.name={self._scope.name}" if self._scope.name else ""
        asked = {"labelSelector": self._scope.labels, "fieldSelector": name}
        return {key: text for key, text in asked.items() if text}


def _is_expired(status: int, message: str) -> bool:
    """Whether an answer says that what happened since a version is not known."""
    is_too_large = status == HTTPStatus.GATEWAY_TIMEOUT and _TOO_LARGE in message
    return status == HTTPStatus.GONE or is_too_large

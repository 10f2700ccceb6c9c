"""What stands in our cluster: its namespaces and its GlobalServices, followed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing

import msgspec

from globaldns.apply.objects import ROLES
from globaldns.apply.seen import SeenObjects, read_seen
from globaldns.apply.setbacks import remedy_of
from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.resources import GLOBAL_SERVICES, NAMESPACES
from globaldns.kube.watch import (
    Absent,
    Begun,
    Failed,
    Follower,
    Found,
    Listed,
    Notice,
    Put,
    Removed,
    Scope,
    Timing,
)
from globaldns.model.host import Host

logger = logging.getLogger(__name__)


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    deletion_timestamp: str | None = None


class _Namespace(msgspec.Struct):
    metadata: _Meta


_decoder = msgspec.json.Decoder(_Namespace)


class FollowingSeams(msgspec.Struct, frozen=True):
    """Who is told what has changed, once all was listed."""

    changed: Callable[[Iterable[Host]], None]
    """Takes the hosts that GlobalServices are about."""
    moved_in: Callable[[str], None]
    """Takes a namespace that has come, or is going."""
    listed: Callable[[], None]
    """Told that all GlobalServices are known now, and were not before."""


class Following:
    """Follows both for one term; another begins anew."""

    def __init__(self, client: Client, cluster: str, seams: FollowingSeams, timing: Timing) -> None:
        self.objects = SeenObjects()
        self.namespaces: set[str] = set()
        """Those in which something may be created."""
        self._client = client
        self._cluster = cluster
        self._seams = seams
        self._timing = timing
        self._shown: set[str] | None = None
        """The namespaces that a list that is under way has shown."""
        self._are_namespaces_listed = False
        self._are_objects_listed = False
        self._trouble = ""

    @property
    def is_listed(self) -> bool:
        """Whether all that stands is known."""
        return self._are_namespaces_listed and self._are_objects_listed

    async def follow(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(Scope(NAMESPACES), self.take_namespace))
            group.create_task(self._follow(Scope(GLOBAL_SERVICES), self.take_object))

    async def _follow(self, scope: Scope, take: Callable[[Notice], None]) -> None:
        follower = Follower(self._client, scope, self._timing)
        async with aclosing(follower.run()) as notices:
            async for notice in notices:
                if isinstance(notice, Failed):
                    self._tell(notice.error, scope)
                take(notice)

    def take_namespace(self, notice: Notice) -> None:
        """Take in what is told of namespaces."""
        match notice:
            case Begun():
                self._shown = set()
            case Found(data) | Put(data):
                self._put_namespace(_decoder.decode(data).metadata)
            case Removed(data):
                self._lose_namespace(_decoder.decode(data).metadata.name)
            case Listed():
                shown, self._shown = self._shown or set(), None
                for name in self.namespaces - shown:
                    self._lose_namespace(name)
                self._note_listed(namespaces=True)
            case _:
                pass

    def take_object(self, notice: Notice) -> None:
        """Take in what is told of GlobalServices."""
        match notice:
            case Begun():
                self.objects.begin()
            case Found(data) | Put(data):
                seen = read_seen(data, self._cluster)
                if seen is not None and self.objects.put(seen):
                    self._seams.changed((seen.host,))
            case Removed(data):
                seen = read_seen(data, self._cluster)
                if seen is not None and self.objects.remove(seen):
                    self._seams.changed((seen.host,))
            case Listed():
                self._seams.changed([seen.host for seen in self.objects.complete()])
                self._note_listed(objects=True)
            case Absent():
                self._note_absent()
            case _:
                pass

    def _put_namespace(self, meta: _Meta) -> None:
        if meta.deletion_timestamp is not None:
            self._lose_namespace(meta.name)
            return
        if self._shown is not None:
            self._shown.add(meta.name)
        if meta.name not in self.namespaces:
            self.namespaces.add(meta.name)
            if self._are_namespaces_listed:
                self._seams.moved_in(meta.name)

    def _lose_namespace(self, name: str) -> None:
        if name in self.namespaces:
            self.namespaces.discard(name)
            self._seams.moved_in(name)

    def _note_listed(self, *, namespaces: bool = False, objects: bool = False) -> None:
        was_listed = self.is_listed
        self._are_namespaces_listed |= namespaces
        self._are_objects_listed |= objects
        if self.is_listed and not was_listed:
            self._trouble = ""
            self._seams.listed()

    def _note_absent(self) -> None:
        self.objects.clear()
        self._are_objects_listed = False
        reason = f"{GLOBAL_SERVICES} is not installed"
        if self._trouble != reason:
            self._trouble = reason
            logger.warning(
                "GlobalServices are not written: kubectl shows no services",
                extra={"reason": reason, "fix": "apply deploy/crds"},
            )

    def _tell(self, error: ApiError, scope: Scope) -> None:
        if str(error) != self._trouble and not self.is_listed:
            self._trouble = str(error)
            logger.warning(
                "GlobalServices are not written yet: what stands is not known",
                extra={
                    "kind": str(scope.resource),
                    "reason": str(error),
                    "fix": remedy_of(error, ROLES),
                },
            )

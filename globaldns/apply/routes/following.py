"""What stands of ours, followed: some kinds, by our mark alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from globaldns.apply.routes.hindrances import tell_unread
from globaldns.apply.routes.objects import ROLES
from globaldns.apply.routes.standing import Standing, StandingObjects, read_standing
from globaldns.apply.setbacks import remedy_of
from globaldns.errors import ApiError
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.notices import Notice as Told
from globaldns.kube.client import Client
from globaldns.kube.resources import Resource
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

logger = logging.getLogger(__name__)

_ABSENT = "no routes are written: Istio is not installed, or is older than 1.22"


class Followed(msgspec.Struct, frozen=True):
    """What is followed: objects of some kinds that are a cluster's."""

    cluster: str
    resources: tuple[Resource, ...]
    timing: Timing


class FollowingSeams(msgspec.Struct, frozen=True):
    """Who is told what."""

    changed: Callable[[str], None]
    """Takes the host with its zone that an object is about."""
    listed: Callable[[], None]
    """Told that all that stands is known now, and was not before."""


class Following:
    """Follows for one term; another begins anew."""

    def __init__(self, client: Client, what: Followed, seams: FollowingSeams) -> None:
        self.objects = StandingObjects()
        self._client = client
        self._what = what
        self._seams = seams
        self._listed: set[str] = set()
        self._troubles: dict[str, Told] = {}
        """Why a kind is not known, as it was told."""
        self._is_absent = False
        """Whether it was told that a kind is not served."""

    @property
    def is_listed(self) -> bool:
        """Whether all that stands is known."""
        return self._listed == {one.kind for one in self._what.resources}

    @property
    def troubles(self) -> tuple[Told, ...]:
        """Why what stands is not known, by kind."""
        return tuple(self._troubles.values())

    @property
    def reason(self) -> str:
        """Why what stands is not known; empty: it is."""
        if self.is_listed:
            return ""
        told = _ABSENT if self._is_absent else "what stands is being read"
        return next((one.detail for one in self.troubles), told)

    async def follow(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as group:
            for resource in self._what.resources:
                group.create_task(self._follow(resource))

    async def _follow(self, resource: Resource) -> None:
        scope = Scope(resource, labels=f"{OWNED_BY}={self._what.cluster}")
        follower = Follower(self._client, scope, self._what.timing)
        async with aclosing(follower.run()) as notices:
            async for notice in notices:
                self.take(resource, notice)

    def take(self, resource: Resource, notice: Notice) -> None:
        """Take in what is told of a kind."""
        kind = resource.kind
        match notice:
            case Begun():
                self.objects.begin(kind)
            case Found(data) | Put(data):
                self._note(self.objects.put, read_standing(kind, data, self._what.cluster))
            case Removed(data):
                self._note(self.objects.remove, read_standing(kind, data, self._what.cluster))
            case Listed():
                self._complete(kind)
            case Absent():
                self._note_absent(resource)
            case Failed(error):
                self._tell(error, resource)
            case _:
                pass

    def _note(self, take: Callable[[Standing], bool], one: Standing | None) -> None:
        """Take in an object; once all is listed, tell of what is news."""
        if one is not None and take(one) and self.is_listed:
            self._seams.changed(one.name)

    def _complete(self, kind: str) -> None:
        was_listed = self.is_listed
        for gone in self.objects.complete(kind):
            if was_listed:
                self._seams.changed(gone.name)
        self._listed.add(kind)
        self._troubles.pop(kind, None)
        if self.is_listed and not was_listed:
            self._is_absent = False
            self._seams.listed()

    def _note_absent(self, resource: Resource) -> None:
        self.objects.clear(resource.kind)
        self._listed.discard(resource.kind)
        self._troubles.pop(resource.kind, None)
        if not self._is_absent:
            self._is_absent = True
            logger.info(
                _ABSENT,
                extra={"kind": str(resource), "version": resource.versions[0]},
            )

    def _tell(self, error: ApiError, resource: Resource) -> None:
        notice = tell_unread(resource, error, remedy_of(error, ROLES))
        if resource.kind not in self._listed and self._troubles.get(resource.kind) != notice:
            self._troubles[resource.kind] = notice
            logger.warning(
                "routes are not written yet: what stands is not known",
                extra={"kind": str(resource), "reason": str(error), "fix": notice.hint},
            )

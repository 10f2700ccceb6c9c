"""What stands beside the routes of a running server, followed.

People change such objects seldom, and there may be thousands: a watch costs an API server nothing
while nothing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

import msgspec

from globaldns.app.surroundings import Istiods, read_mesh, tell_unread
from globaldns.errors import ApiError, ApiRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.hiding import Surroundings
from globaldns.istio.surroundings import config_name, describe_surroundings
from globaldns.kube.client import Client
from globaldns.kube.mirror import Mirror
from globaldns.kube.resources import CONFIG_MAPS, DESTINATION_RULES, NAMESPACES, SIDECARS
from globaldns.kube.watch import Absent, Begun, Failed, Follower, Listed, Scope, Timing
from globaldns.objects.istio import DestinationRule, MeshConfig, Sidecar
from globaldns.objects.kubernetes import ConfigMap, Namespace
from globaldns.objects.metadata import Resource

LOOK_SECONDS = 2.0
"""How often to look whether the configuration, or istiod's, asks for others."""
TIMING = Timing(poll=60.0)
"""Where there is no Istio it seldom comes."""

_RULES = Scope(DESTINATION_RULES, labels=f"!{OWNED_BY}")
_SIDECARS = Scope(SIDECARS)
_NAMESPACES = Scope(NAMESPACES)
Found = TypeVar("Found", bound=Resource)


class Lookout:
    """Follows it; ``istiods`` returns whose mesh configurations are read."""

    def __init__(
        self, client: Client, istiods: Callable[[], Istiods], timing: Timing = TIMING
    ) -> None:
        self._client = client
        self._istiods = istiods
        self._timing = timing
        self._mirrors: dict[Scope, Mirror[Any]] = {}
        self._tasks: dict[Scope, asyncio.Task[None]] = {}
        self._failed: dict[Scope, str] = {}
        """Why a scope is not read, as it was told."""
        self._answered: set[Scope] = set()
        """The scopes of which it is known what there is, or that they may not be read."""
        self._listed: set[Scope] = set()
        """Of these the former."""
        self._around = Surroundings()
        self._is_stale = True
        """Whether something has changed since it was put together."""

    @property
    def around(self) -> Surroundings:
        """As it is, as far as it was seen; while not all is answered as it was before."""
        if self._is_stale and self._wanted() <= self._answered:
            self._around, self._is_stale = self._describe(), False
        return self._around

    async def run(self) -> None:
        """Follow for ever."""
        self._tasks.clear()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._follow_all(group)
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._client.close()

    def _follow_all(self, group: asyncio.TaskGroup) -> None:
        """Follow what is to be followed now, and nothing else."""
        wanted = self._wanted()
        for scope in self._tasks.keys() - wanted:
            self._tasks.pop(scope).cancel()
            del self._mirrors[scope]
            self._answered.discard(scope)
            self._listed.discard(scope)
            self._is_stale = True
        for scope in wanted - self._tasks.keys():
            self._mirrors.setdefault(scope, Mirror(_READERS[scope.resource.kind]))
            self._tasks[scope] = group.create_task(self._follow(scope))

    def _wanted(self) -> set[Scope]:
        istiods = self._istiods()
        wanted = {_RULES, _SIDECARS, *(_config_scope(istiods, one) for one in istiods.revisions)}
        if any(mesh.discovery_selectors for mesh in self._meshes(istiods).values()):
            wanted.add(_NAMESPACES)
        return wanted

    async def _follow(self, scope: Scope) -> None:
        follower, mirror = Follower(self._client, scope, self._timing), self._mirrors[scope]
        async with aclosing(follower.run()) as notices:
            async for notice in notices:
                self._is_stale |= mirror.take(notice)
                if isinstance(notice, Listed | Absent):
                    self._answered.add(scope)
                    self._listed.add(scope)
                if isinstance(notice, Failed):
                    if isinstance(notice.error, ApiRefused):
                        self._answered.add(scope)
                    self._tell(scope, notice.error)
                elif not isinstance(notice, Begun):  # a list begins before it is answered
                    self._failed.pop(scope, None)

    def _tell(self, scope: Scope, error: ApiError) -> None:
        """Say once why a scope is not read."""
        if self._failed.get(scope) != str(error):
            self._failed[scope] = str(error)
            what = f"ConfigMap {scope.namespace}/{scope.name}" if scope.name else scope.resource
            tell_unread(str(what), error)

    def _describe(self) -> Surroundings:
        istiods = self._istiods()
        namespaces = {
            name: one.metadata.labels for (_, name), one in self._seen(_NAMESPACES).items()
        }
        return describe_surroundings(
            self._seen(_RULES).values() if _RULES in self._listed else None,
            self._seen(_SIDECARS).values(),
            self._meshes(istiods),
            namespaces or None,
            istiods.namespace,
        )

    def _meshes(self, istiods: Istiods) -> dict[str, MeshConfig]:
        """Return the mesh configurations by revision; without one of its own it is Istio's."""
        found = {"": MeshConfig()}
        for revision in istiods.revisions:
            for mesh in self._seen(_config_scope(istiods, revision)).values():
                found[revision] = mesh
        return found

    def _seen(self, scope: Scope) -> dict[tuple[str, str], Any]:
        mirror = self._mirrors.get(scope)
        return dict(mirror.objects) if mirror else {}


def _config_scope(istiods: Istiods, revision: str) -> Scope:
    return Scope(CONFIG_MAPS, istiods.namespace, name=config_name(revision))


def _read(kind: type[Found], data: msgspec.Raw) -> Found | None:
    """Return an object; None: it has another shape, as istiod would not take it either."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError:
        return None


def _read_config(data: msgspec.Raw) -> MeshConfig | None:
    """Return the mesh configuration of a ConfigMap; parsed here, it is so once for each change."""
    config_map = _read(ConfigMap, data)
    return None if config_map is None else read_mesh(config_map)


_READERS: dict[str, Callable[[msgspec.Raw], Any]] = {
    **{one.kind: partial(_read, one) for one in (DestinationRule, Sidecar, Namespace)},
    ConfigMap.kind: _read_config,
}

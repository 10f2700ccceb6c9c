"""Keeping the documents of our cluster's Envoys current while a server runs.

A change costs the work of its services, in a thread; what comes while files are written goes out
together afterwards. Until all that is known at the start is numbered the files of the last run
stand. A service goes some time after its name, as routes in API servers do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import random

import msgspec

from globaldns.app.envoydesk import Desk
from globaldns.app.envoyleaving import LeavingServices, Services
from globaldns.app.envoys import make_scene
from globaldns.app.pemfiles import REMEDY
from globaldns.app.rules import withdraw_seconds
from globaldns.config.schema import Config
from globaldns.envoy.book import Scene
from globaldns.envoy.rules import Role
from globaldns.model.export import Gateway
from globaldns.model.host import Host
from globaldns.model.reach import Reach, are_looked_up
from globaldns.registry.delta import Delta
from globaldns.registry.views import Views
from globaldns.routing.topology import Topology
from globaldns.state.refusals import REMEDIES
from globaldns.tasks import Backoff, steady_clock

logger = logging.getLogger(__name__)

KEPT = (Role.SIDECAR, Role.GATEWAY)
"""Of the machines of a cluster; which workload is where only its own machine knows."""
LOOK_SECONDS = 1.0
"""How often to look for what nobody tells of: PEM files, and routes whose time is over."""
LEAST_SECONDS = 0.02
MOST_SECONDS = 1.0
"""Changes go out together within these; an endpoint that is gone waits for nothing."""
SHARE = 10
"""A pause is so many times what the last writing took: no more than a tenth of the time goes."""
RETRY = Backoff(initial=1.0, maximum=30.0)


class EnvoySeams(msgspec.Struct, frozen=True):
    """What of a server the documents are made from."""

    config: Callable[[], Config]
    views: Views
    services: Callable[[], Services]
    """What is published, in a value that does not change."""
    reach: Callable[[], Mapping[Gateway, Reach]]
    """How gateways are reached; whoever knows more of them wakes us."""
    until_numbered: Callable[[], Awaitable[object]]
    """Returns when all that is known at the start has its number."""
    count_failure: Callable[[], None]


class EnvoyWriter:
    """Writes what turns have changed."""

    def __init__(self, seams: EnvoySeams) -> None:
        self._seams = seams
        self._wanted = asyncio.Event()
        self._changed: set[Host] = set()
        self._leaving = LeavingServices()
        self._desks: dict[Role, Desk] = {}
        self._missing: frozenset[str] = frozenset()
        """The PEM files that are not there, as it was logged."""
        self._topology: Topology | None = None
        """What was last written by; None: nothing is before every gateway's name is looked up."""
        self._is_urgent = False
        self._resume_at = 0.0
        """Steady time before which only what is urgent is written."""
        self._failures = 0

    def tell(self, delta: Delta) -> None:
        """Tell of a turn."""
        self._changed.update(service.host for service in delta.services)
        self._changed.update(delta.removed)
        self.wake()

    def wake(self) -> None:
        """Have the configuration, networks and gateways looked at again."""
        self._wanted.set()

    async def run(self) -> None:
        """Keep the files current for ever."""
        await self._seams.until_numbered()
        self._desks = {}
        self.wake()
        while True:
            if (await self._is_told() or await self._look()) and await self._take_in():
                await self._gather()
                await self._write()

    async def _is_told(self) -> bool:
        """Wait for what somebody tells, but not for long; return whether anybody did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wanted.wait()
        is_told = self._wanted.is_set()
        self._wanted.clear()
        return is_told

    async def _look(self) -> bool:
        """Return whether PEM files have come, or a route's time is over."""
        if not self._desks:
            return False
        found = await asyncio.to_thread(lambda: [desk.look() for _, desk in self._all()])
        self._tell_missing()
        return any(found) or self._leaving.is_over(steady_clock(), self._withdraw_seconds)

    async def _take_in(self) -> bool:
        """Take in what has changed; return whether there is anything to keep."""
        directory = self._seams.config().envoy.directory
        is_start = directory is not None and self._topology is None
        if is_start and not are_looked_up(self._seams.reach()):
            return False  # who looks names up wakes us
        changed, self._changed = self._changed, set()
        if directory is None:
            self._desks, self._topology = {}, None
            return False
        scenes = {role: self._scene(directory / role) for role in KEPT}
        self._topology = scenes[Role.SIDECAR].topology
        for role, scene in scenes.items():
            desk = self._desks.get(role)
            if desk is None or str(desk.folder) != scene.rules.folder:
                self._desks[role] = Desk(role, scene)
        now = steady_clock()
        self._leaving.follow(changed, self._seams.services(), now)
        changed.update(self._leaving.end(changed, now, self._withdraw_seconds))
        self._is_urgent |= await asyncio.to_thread(self._take_into_desks, scenes, changed)
        return True

    def _take_into_desks(self, scenes: Mapping[Role, Scene], changed: set[Host]) -> bool:
        """Return whether an endpoint is gone."""
        services = self._leaving.routed
        found = [desk.take_in(scenes[role], changed, services) for role, desk in self._all()]
        return any(found)

    @property
    def _withdraw_seconds(self) -> float:
        return withdraw_seconds(self._seams.config())

    def _scene(self, folder: Path) -> Scene:
        config = self._seams.config()
        views, reach = self._seams.views, self._seams.reach()
        scene = make_scene(config, views, config.cluster, folder, reach)
        if self._topology is None:
            return scene
        # A name that comes later, and has no address yet, takes nobody's way.
        topology = scene.topology.keep_ways(self._topology)
        return msgspec.structs.replace(scene, topology=topology)

    def _all(self) -> list[tuple[Role, Desk]]:
        return [*self._desks.items()]

    async def _gather(self) -> None:
        """Take in what comes until the last writing is long enough ago, or an endpoint is gone."""
        while not self._is_urgent and (left := self._resume_at - steady_clock()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._wanted.wait()
            except TimeoutError:
                return
            self._wanted.clear()
            await self._take_in()

    async def _write(self) -> None:
        self._is_urgent = False
        began = steady_clock()
        try:
            count = await asyncio.to_thread(lambda: sum(desk.write() for _, desk in self._all()))
        except OSError as error:
            self._failures += 1
            self._seams.count_failure()
            delay = RETRY.delay(self._failures, random())  # noqa: S311  # spreads load
            _log_failure(error, delay)
            self._resume_at = steady_clock() + delay
            self.wake()
            return
        self._tell_missing()
        if self._failures:
            logger.info("the documents of Envoys are written again")
        self._failures = 0
        took = steady_clock() - began
        self._resume_at = began + took + min(MOST_SECONDS, max(LEAST_SECONDS, SHARE * took))
        logger.debug("documents of Envoys", extra={"files": count, "seconds": round(took, 3)})

    def _tell_missing(self) -> None:
        """Say which PEM files are not there, and when they are."""
        missing = frozenset().union(*(desk.pem_files.missing for _, desk in self._all()))
        if missing and missing != self._missing:
            logger.warning(
                "Envoys lack PEM files: what takes mutual TLS alone is out of reach",
                extra={"files": ", ".join(sorted(missing)), "fix": REMEDY},
            )
        elif self._missing and not missing:
            logger.info("Envoys have all PEM files")
        self._missing = missing


def _log_failure(error: OSError, delay: float) -> None:
    logger.error(
        "the documents of Envoys are not written: they go on with those they have",
        extra={
            "file": str(error.filename),
            "reason": (error.strerror or str(error)).lower(),
            "fix": remedy(error),
            "delay_seconds": round(delay, 1),
        },
    )


def remedy(error: OSError) -> str:
    """Return what to do about a file that cannot be written."""
    found = REMEDIES.get(error.errno or 0, "")
    return found.replace("with the key state", "with the key envoy.directory")

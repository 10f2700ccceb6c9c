"""Doing what the board says: probes and lookups, some at a time, and telling what they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import msgspec

from globaldns.errors import ServerError
from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, Reach
from globaldns.probes.board import Board, Spot, Turned
from globaldns.probes.credentials import Credentials, TlsFiles
from globaldns.probes.probe import probe
from globaldns.probes.resolver import MAX_SERVERS, Server, read_nameservers, resolve

logger = logging.getLogger(__name__)

MAX_PROBES = 64
"""At once: sockets, and bursts on the network, are not to grow with the mesh."""
MAX_LOOKUPS = 16
"""At once, beside the probes: resolvers that are silent must not keep those waiting."""


class WatchSettings(msgspec.Struct, frozen=True):
    """How gateways are probed."""

    interval: float
    """Seconds; 0: they are not."""
    timeout: float
    """Seconds."""
    resolvers: tuple[Server, ...] = ()
    """Empty: those of this machine."""
    tls: TlsFiles | None = None
    """None: connecting is all."""
    pools: tuple[str, ...] = ()
    """CIDRs of virtual IPs, where no gateway is."""


class WatchSeams(msgspec.Struct, frozen=True):
    """Who is asked and told."""

    server_names: Callable[[Gateway], Sequence[str]]
    """Returns SNIs that a gateway lets through."""
    changed: Callable[[], None]
    """Told that gateways have other addresses, or answer, or answer no more."""
    wall: Callable[[], int]
    """The clock, in Unix seconds."""


class _Places(msgspec.Struct):
    """How much more may be under way."""

    free: int


class GatewayWatch:
    """Watches gateways; ``replica`` is a name that no other server has."""

    def __init__(
        self,
        settings: WatchSettings,
        seams: WatchSeams,
        *,
        replica: str,
        remembered: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._seams = seams
        self._board = Board(settings.interval, replica, remembered)
        self._credentials = Credentials()
        self._credentials.follow(settings.tls)
        self._probes, self._lookups = _Places(MAX_PROBES), _Places(MAX_LOOKUPS)
        self._wanted = asyncio.Event()

    @property
    def reach(self) -> Mapping[Gateway, Reach]:
        """How every gateway that is watched is reached; a map that never changes."""
        return self._board.reach

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses that are known of the names of gateways."""
        return self._board.names

    def follow(self, gateways: AbstractSet[Gateway]) -> None:
        """Watch these gateways and no others."""
        if self._board.follow(gateways, _steady()):
            self._wanted.set()
            self._seams.changed()

    def obey(self, settings: WatchSettings) -> None:
        """Probe as other settings say."""
        self._settings = settings
        self._credentials.follow(settings.tls)
        if self._board.obey(settings.interval, _steady()):
            self._seams.changed()
        self._wanted.set()

    async def run(self) -> None:
        """Watch for ever."""
        self._board.begin_anew(_steady())
        self._probes, self._lookups = _Places(MAX_PROBES), _Places(MAX_LOOKUPS)
        async with asyncio.TaskGroup() as group:
            while True:
                for task in self._begin():
                    group.create_task(task)
                await self._wait()

    def _begin(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what is to be done now, as far as there is place for it."""
        now = _steady()
        while self._lookups.free and (name := self._board.begin_lookup(now)) is not None:
            self._lookups.free -= 1
            yield self._do(self._look_up(name), self._lookups)
        while self._probes.free and (spot := self._board.begin_probe(now)) is not None:
            self._probes.free -= 1
            yield self._do(self._probe(spot), self._probes)

    async def _do(self, task: Coroutine[Any, Any, None], places: _Places) -> None:
        await task
        places.free += 1
        self._wanted.set()

    async def _wait(self) -> None:
        """Return when something may be due for which there is place."""
        self._wanted.clear()
        times = (
            self._board.next_lookup if self._lookups.free else None,
            self._board.next_probe if self._probes.free else None,
        )
        due = min((time for time in times if time is not None), default=None)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._wanted.wait()

    async def _probe(self, spot: Spot) -> None:
        tls = self._credentials.look()
        names = self._seams.server_names(spot[0]) if tls else ()
        target = self._board.target(spot, names)
        reason = await probe(target, tls, self._settings.timeout)
        self._tell(self._board.end_probe(spot, reason, steady=_steady(), wall=self._seams.wall()))

    async def _look_up(self, name: str) -> None:
        found: tuple[frozenset[str], int] | str
        try:
            servers = self._settings.resolvers or await asyncio.to_thread(read_nameservers)
            answer = await resolve(name, servers[:MAX_SERVERS])
            found = (answer.addresses, answer.ttl)
        except ServerError as error:
            found = str(error)
        pools = self._settings.pools
        self._tell(self._board.end_lookup(name, found, steady=_steady(), pools=pools))

    def _tell(self, turned: Sequence[Turned]) -> None:
        for one in turned:
            _log_state(one)
            _log_living(one)
            _log_addresses(one)
        if any(map(_is_for_routes, turned)):
            self._seams.changed()


def _steady() -> float:
    return asyncio.get_running_loop().time()


def _is_for_routes(turned: Turned) -> bool:
    """Whether more is different than in what words something fails."""
    return _essence(turned.before) != _essence(turned.after)


def _essence(reach: Reach) -> tuple[object, ...]:
    unresolved, usable = bool(reach.unresolved), reach.is_usable
    return reach.addresses, reach.state, unresolved, reach.awaited, reach.living, usable


def _log_state(turned: Turned) -> None:
    gateway, before, after = turned.gateway, turned.before.state, turned.after.state
    if after is before:
        return
    names = _names(gateway)
    if after is GatewayState.DOWN:
        logger.warning("a gateway is down", extra=names | {"reason": turned.after.reason})
    elif before is GatewayState.DOWN:
        logger.warning("a gateway is down no more", extra=names)
    else:
        logger.debug("a gateway is up", extra=names)


def _log_living(turned: Turned) -> None:
    """Tell of single addresses, where the gateway itself is not down."""
    before, after = turned.before, turned.after
    if GatewayState.DOWN in {before.state, after.state}:
        return
    for address in after.addresses:
        names = _names(turned.gateway) | {"address": address}
        if address in after.down and address not in before.down:
            reason = {"reason": after.down[address]}
            logger.warning("an address of a gateway is down", extra=names | reason)
        elif address in before.down and address not in after.down:
            logger.warning("an address of a gateway is down no more", extra=names)


def _log_addresses(turned: Turned) -> None:
    gateway, before, after = turned.gateway, turned.before, turned.after
    names = _names(gateway)
    if after.unresolved and not before.unresolved:
        logger.warning(
            "the name of a gateway cannot be looked up: its last addresses stay",
            extra=names | {"reason": after.unresolved, "addresses": after.addresses},
        )
    elif before.unresolved and not after.unresolved:
        logger.info("the name of a gateway can be looked up again", extra=names)
    if after.left_out and after.left_out != before.left_out:
        logger.warning(
            "addresses that the name of a gateway has are left out",
            extra=names | {"reason": ", ".join(after.left_out)},
        )
    if before.addresses and after.addresses != before.addresses:
        logger.info(
            "a gateway has other addresses",
            extra=names | {"old": before.addresses, "new": after.addresses},
        )


def _names(gateway: Gateway) -> dict[str, object]:
    return {
        "cluster": gateway.cluster,
        "network": gateway.network,
        "gateway": gateway.address,
        "port": gateway.port,
    }

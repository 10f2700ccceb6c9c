"""The cluster's own DNS kept as the configuration says, by the replica that writes the ledger.

It is looked at again and again: our Service may get other addresses, an upgrade of the platform may
drop what is ours. Where somebody takes it back always, the place is theirs: it is reported, and
left alone. Nothing is removed because ``stub.manage`` is not set any more; ``globaldns stub
remove`` does that, and with ``--suspend`` it is left so by who keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from globaldns.admin.reports import StubPathReport, StubPlaceReport, StubReport
from globaldns.app.asking import ask_paths
from globaldns.app.stubbing import (
    Looked,
    choose_servers,
    find_servers,
    look_with,
    make_stub,
    wishes_of,
)
from globaldns.app.stubproving import gather
from globaldns.config.schema import Config
from globaldns.coredns.platforms import ManagedElsewhere
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target
from globaldns.errors import ApiError, StubError
from globaldns.kube.client import Client
from globaldns.stubs.changing import install
from globaldns.stubs.diagnosis import explain
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.reverts import Reverts
from globaldns.stubs.shapes import Change
from globaldns.stubs.verification import QueryPath, Verdict, own_paths
from globaldns.tasks import steady_clock

logger = logging.getLogger(__name__)

TURN_SECONDS = 30.0
"""CoreDNS itself reads its files so often."""
LOOK_SECONDS = 600.0
"""Whose DNS it is changes with the platform's upgrades; the look reads all nodes."""
_OFF = "stub.manage is not set"
_EARLY = "the cluster's DNS was not looked at yet"


class StubKeeper:
    """Keeps one cluster's DNS; ``rest_reason`` says why it may not now, if it may not."""

    def __init__(
        self, client: Client, config: Callable[[], Config], rest_reason: Callable[[], str]
    ) -> None:
        self._client = client
        self._config = config
        self._rest_reason = rest_reason
        self._reverts = Reverts()
        self._looked: Looked | None = None
        self._looked_at = 0.0
        self._contested: frozenset[Target] = frozenset()
        self._verdicts: tuple[Verdict, ...] = ()
        self._own: tuple[Verdict, ...] = ()
        """What is wrong with our own servers, which are asked where a way is."""
        self._told: frozenset[Target] = frozenset()
        """What was seen to say what it should."""
        self._theirs: frozenset[Target] = frozenset()
        """Of these, what somebody else wrote."""
        self._reason = _OFF

    async def run(self) -> None:
        """Keep it for ever."""
        while True:
            await self.turn()
            await asyncio.sleep(TURN_SECONDS)

    async def turn(self) -> None:
        """Look once, write what differs, and ask."""
        config = self._config()
        reason = self._rest_reason() if config.stub.manage else _OFF
        if not reason:
            if self._reason == _OFF:
                self._reason = _EARLY
            try:
                await self._keep(config)
            except (ApiError, StubError) as error:
                reason = f"{error} (fix: {error.hint})" if error.hint else str(error)
                self._verdicts, self._own, self._told = (), (), frozenset()
        else:
            self._looked, self._verdicts, self._own = None, (), ()
            self._contested = self._told = frozenset()
            self._reverts = Reverts()
        if reason not in {self._reason, ""} and config.stub.manage:
            logger.warning("the cluster's DNS is not kept", extra={"reason": reason})
        self._reason = reason

    async def close(self) -> None:
        """End the connections."""
        await self._client.close()

    @property
    def up(self) -> Mapping[str, bool]:
        """Whether all that is asked on a path is answered by us, by its name."""
        paths = {one.path.name: True for one in self._verdicts}
        return paths | {one.path.name: False for one in self._verdicts if not one.is_ok}

    def report(self) -> StubReport:
        """Return how it stands."""
        return StubReport(
            reason=self._reason,
            places=tuple(self._report_places()),
            paths=tuple(
                StubPathReport(
                    path=one.path.name,
                    address=str(one.path),
                    name=one.name,
                    outcome=one.outcome,
                    reason=one.reason,
                    hint=one.hint,
                    instance=one.instance,
                    cause=one.cause,
                )
                for one in (*self._own, *self._verdicts)
            ),
        )

    async def _keep(self, config: Config) -> None:
        looked = await self._look(config)
        stub = make_stub(config, choose_servers(looked, ()))
        await self._write(config, looked, stub)
        nameserver = config.dns.nameserver

        async def ask(paths: Iterable[QueryPath]) -> tuple[Verdict, ...]:
            return await ask_paths(stub, paths, cluster=config.cluster, nameserver=nameserver)

        own: tuple[Verdict, ...] = ()
        verdicts = await ask(looked.paths)
        if not all(one.is_ok for one in verdicts):
            objects = DnsObjects(self._client, config.namespace, config.cluster)
            evidence = await gather(objects, looked, stub, verdicts)
            explained = explain((*await ask(own_paths(stub)), *verdicts), evidence)
            own, verdicts = explained[: -len(verdicts)], explained[-len(verdicts) :]
        self._own = tuple(one for one in own if not one.is_ok)
        self._verdicts = verdicts

    async def _look(self, config: Config) -> Looked:
        now = steady_clock()
        if self._looked is None or self._reason or now >= self._looked_at + LOOK_SECONDS:
            self._looked = await look_with(self._client, config, config.cluster)
            self._looked_at = now
        else:
            servers = await find_servers(self._client, config.namespace)
            self._looked = msgspec.structs.replace(self._looked, servers=servers)
        return self._looked

    async def _write(self, config: Config, looked: Looked, stub: Stub) -> None:
        contested = self._reverts.contested(steady_clock())
        if left := contested - self._contested:
            places = ", ".join(sorted(map(str, left)))
            logger.warning("others take back what we write: left alone", extra={"places": places})
        self._contested = contested
        wishes = wishes_of(looked, stub, config.cluster, adopt=False)
        wishes = {place: wish for place, wish in wishes.items() if place not in contested}
        changes: tuple[Change, ...] = ()
        if wishes:
            objects = DnsObjects(self._client, config.namespace, config.cluster)
            changes = await install(objects, wishes, _tell, resume=False)
            self._reverts.note(changes, wishes, steady_clock())
        self._told = frozenset(wishes)
        self._theirs = frozenset(change.place for change in changes if change.is_theirs)

    def _report_places(self) -> Iterator[StubPlaceReport]:
        for one in self._looked.detections if self._looked else ():
            if isinstance(one.place, ManagedElsewhere):
                name, state, owner = "", "managed-elsewhere", one.place.owner
            else:
                name, owner = str(one.place), ""
                state = self._state_of(one.place)
            yield StubPlaceReport(
                platform=one.platform, place=name, state=state, owner=owner, reasons=one.reasons
            )

    def _state_of(self, place: Target) -> str:
        if place in self._contested:
            return "contested"
        if place not in self._told:
            return "not-told"
        return "already-there" if place in self._theirs else "told"


def _tell(change: Change) -> None:
    logger.info("the cluster's DNS is told of us", extra={"place": str(change.place)})

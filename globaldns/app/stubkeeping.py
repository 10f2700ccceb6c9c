"""The cluster's own DNS kept as the configuration says, by the replica that writes the ledger.

It is looked at again and again: our Service may get other addresses, an upgrade of the platform may
drop what is ours. Where somebody takes it back always, the place is theirs: it is reported, and
left alone. Nothing is removed because ``stub.manage`` is not set any more; ``globaldns stub
remove`` does that, and with ``--suspend`` it is left so by who keeps it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterator, Mapping

import msgspec

from globaldns.admin.reports import StubPathReport, StubPlaceReport, StubReport
from globaldns.app.asking import ask_paths
from globaldns.app.stubbing import (
    Looked,
    choose_servers,
    hint_of,
    look_again,
    look_with,
    make_stub,
    nobodys_stub,
    wishes_of,
)
from globaldns.app.stubproving import gather
from globaldns.config.schema import Config
from globaldns.coredns.platforms import ManagedElsewhere
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target
from globaldns.errors import ApiError, StubError
from globaldns.kube.client import Client
from globaldns.model.claim import format_time
from globaldns.stubs.changing import install
from globaldns.stubs.diagnosis import explain
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.reverts import Reverts
from globaldns.stubs.shapes import Change
from globaldns.stubs.verification import DIRECT, Verdict, own_paths
from globaldns.tasks import steady_clock, wall_clock

logger = logging.getLogger(__name__)

TURN_SECONDS = 30.0
"""CoreDNS itself reads its files so often."""
LOOK_SECONDS = 600.0
"""Whose DNS it is changes with the platform's upgrades; the look reads all nodes, which may be
thousands, and is taken before its time only where requests begin to fail."""
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
        self._stub: Stub | None = None
        """What was wished last, as far as it was known where we are."""
        self._contested: Mapping[Target, float] = {}
        """Until when a place is left alone, in steady time."""
        self._verdicts: tuple[Verdict, ...] = ()
        self._own: tuple[Verdict, ...] = ()
        """What is wrong with our own servers, which are asked where a way is."""
        self._told: frozenset[str] = frozenset()
        """Places that were seen to say what they should."""
        self._theirs: frozenset[Target] = frozenset()
        """Of these, what somebody else wrote."""
        self._faults: Mapping[str, str] = {}
        """Why what stands in a place is not read."""
        self._reason = _OFF

    async def run(self) -> None:
        """Keep it for ever."""
        while True:
            await self.turn()
            await asyncio.sleep(TURN_SECONDS)

    async def turn(self) -> None:
        """Look once, write what differs, and ask, whether it could be written or not.

        What a person suspended is not asked: that nothing is told is what they want.
        """
        config = self._config()
        reason = self._rest_reason() if config.stub.manage else _OFF
        if reason:
            self._rest()
        else:
            if self._reason == _OFF:
                self._reason = _EARLY
            reason = await self._keep(config)
            if self._looked is not None and self._looked.record.suspended:
                self._forget()
            elif self._looked is not None:
                await self._ask(config, self._looked, is_kept=not reason)
        if reason not in {self._reason, ""} and config.stub.manage:
            logger.warning("the cluster's DNS is not kept", extra={"reason": reason})
        self._reason = reason

    def _rest(self) -> None:
        """Know nothing any more of what another replica keeps, or nobody."""
        self._looked, self._stub = None, None
        self._forget()

    def _forget(self) -> None:
        """Know nothing of what is told, and of how it is answered."""
        self._verdicts, self._own = (), ()
        self._told, self._theirs, self._faults = frozenset(), frozenset(), {}
        self._reverts, self._contested = Reverts(), {}

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

    async def _keep(self, config: Config) -> str:
        """Look, and write what differs; return why that cannot be done, empty if it can."""
        try:
            looked = await self._look(config)
            self._stub = make_stub(config, choose_servers(looked, ()))
            await self._write(config, looked, self._stub)
        except ApiError as error:
            if not self._reason:
                self._looked_at = -math.inf
            return _with_hint(error, hint_of(error))
        except StubError as error:
            return _with_hint(error, error.hint)
        return ""

    async def _ask(self, config: Config, looked: Looked, *, is_kept: bool) -> None:
        """Ask as pods do, and see what is configured."""
        stub = self._stub or looked.record.stub
        asked = stub or nobodys_stub(config)
        verdicts = await ask_paths(asked, looked.paths, cluster=config.cluster)
        if stub is not None:
            if not all(one.is_ok for one in verdicts):
                own = await ask_paths(stub, own_paths(stub), cluster=config.cluster)
                verdicts = (*own, *verdicts)
            verdicts = await self._explain(config, looked, stub, verdicts, is_kept=is_kept)
        self._own = tuple(one for one in verdicts if one.path.name == DIRECT and not one.is_ok)
        self._verdicts = tuple(one for one in verdicts if one.path.name != DIRECT)

    async def _explain(
        self,
        config: Config,
        looked: Looked,
        stub: Stub,
        verdicts: tuple[Verdict, ...],
        *,
        is_kept: bool,
    ) -> tuple[Verdict, ...]:
        """Return verdicts by what is configured; as they are where that cannot be read."""
        objects = DnsObjects(self._client, config.namespace, config.cluster)
        try:
            evidence = await gather(objects, looked, stub, verdicts)
        except ApiError:
            return verdicts
        places = evidence.places.values()
        self._faults = {one.name: str(one.said.fault) for one in places if one.said.fault}
        if not is_kept:
            wanted = set(stub.targets)
            self._told = frozenset(
                one.name for one in places if {*(one.said.servers or ())} == wanted
            )
        left = {str(place): _time_of(ends) for place, ends in self._contested.items()}
        known = {
            path: msgspec.structs.replace(one, left_until=left.get(one.name, ""))
            for path, one in evidence.places.items()
        }
        return explain(verdicts, msgspec.structs.replace(evidence, places=known))

    async def _look(self, config: Config) -> Looked:
        now, cluster = steady_clock(), config.cluster
        if self._looked is None or now >= self._looked_at + LOOK_SECONDS:
            self._looked_at = now
            self._looked = await look_with(self._client, config, cluster)
        else:
            self._looked = await look_again(self._client, config, cluster, self._looked)
        return self._looked

    async def _write(self, config: Config, looked: Looked, stub: Stub) -> None:
        all_of_them = wishes_of(looked, stub, config.cluster, adopt=False)
        contested = self._reverts.contested(all_of_them, steady_clock())
        if left := contested.keys() - self._contested.keys():
            places = ", ".join(sorted(map(str, left)))
            logger.warning("others take back what we write: left alone", extra={"places": places})
        self._contested = contested
        wishes = {place: wish for place, wish in all_of_them.items() if place not in contested}
        objects = DnsObjects(self._client, config.namespace, config.cluster)
        changes = await install(objects, wishes, _tell, resume=False)
        self._reverts.note(changes, wishes, steady_clock())
        self._told = frozenset(map(str, wishes))
        self._theirs = frozenset(change.place for change in changes if change.is_theirs)

    def _report_places(self) -> Iterator[StubPlaceReport]:
        for one in self._looked.detections if self._looked else ():
            trouble = ""
            if isinstance(one.place, ManagedElsewhere):
                name, state, owner = "", "managed-elsewhere", one.place.owner
            else:
                name, owner = str(one.place), ""
                state, trouble = self._stand_of(one.place)
            yield StubPlaceReport(
                platform=one.platform,
                place=name,
                state=state,
                owner=owner,
                reasons=one.reasons,
                trouble=trouble,
            )

    def _stand_of(self, place: Target) -> tuple[str, str]:
        """Return the state of a place, and the trouble with it."""
        if place in self._contested:
            until = _time_of(self._contested[place])
            return "contested", f"others take back what we write: it is left alone until {until}"
        if fault := self._faults.get(str(place)):
            return "faulty", fault
        if str(place) not in self._told:
            return "not-told", ""
        return "already-there" if place in self._theirs else "told", ""


def _with_hint(error: Exception, hint: str) -> str:
    return f"{error} (fix: {hint})" if hint else str(error)


def _time_of(steady: float) -> str:
    """Return a steady time to come as UTC."""
    return format_time(round(wall_clock() + steady - steady_clock()))


def _tell(change: Change) -> None:
    logger.info("the cluster's DNS is told of us", extra={"place": str(change.place)})

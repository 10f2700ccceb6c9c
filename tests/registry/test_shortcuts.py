"""What was kept from turn to turn is what would be built anew from the same views and claims."""

from __future__ import annotations

from itertools import compress

from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from globaldns.errors import RequestRefused
from globaldns.model.address import Address
from globaldns.model.claim import Claim, Marker
from globaldns.model.export import Export, Port
from globaldns.model.host import Host
from globaldns.model.lost import LostEndpoints, LostNames, LostRules
from globaldns.model.service import Service
from globaldns.model.snapshot import to_entry
from globaldns.model.view import (
    Change,
    ClaimSet,
    Doubt,
    Fence,
    Freshness,
    Policy,
    Put,
    Remove,
    Reset,
    SetFences,
    SetFreshness,
    SetLedger,
    SetPolicies,
    SourceState,
    View,
)
from globaldns.registry.delta import Delta
from globaldns.registry.publishing import answered_vips
from globaldns.registry.registry import Registry
from tests.registry.mesh import HTTP, QUARANTINE, TTL, claim, export, policy, settings

CLUSTERS = ("east", "north", "west")
KEEPER = "west"
"""The neighbour that may keep a ledger of its own."""
LOST = LostRules(60, LostNames(expire=10 * TTL + 20), LostEndpoints(demote=0, expire=QUARANTINE))
SETTINGS = settings(
    clusters=CLUSTERS, pools=["240.128.0.0/29"], reserved=["240.128.0.4/30"], lost=LOST
)
clusters = st.sampled_from(CLUSTERS)
NAMES = [f"{name}.ns" for name in "abcdef"]
names = st.sampled_from(NAMES)
some_names = st.just(set(NAMES)) | st.sets(names, min_size=1)
pins = st.sampled_from([(), (), (), ("240.128.0.3",), ("240.0.0.1",), ("10.0.0.1",)])
ports = st.sampled_from([HTTP, (Port(81, "http"), Port(9, "admin"))])
local = st.sampled_from([(), (), ("240.240.0.9",)])
vips = st.sampled_from([f"240.128.0.{last}" for last in range(1, 7)])
dates = st.integers(1, 9)
ends = st.none() | st.integers(9, 2000)
known = st.builds(claim, names, vips, dates, clusters, retired_at=ends)
theirs = st.builds(claim, names, vips, dates, st.just(KEEPER), retired_at=ends)


def answers(registry: Registry, without: set[Host]) -> dict[Host, tuple[object, ...]]:
    services = registry.services.items()
    return {host: essence(service) for host, service in services if host not in without}


def essence(service: Service | None) -> tuple[object, ...]:
    """Return what makes up the answer, without its time."""
    if service is None:
        return ()
    return (
        service.state,
        service.vips,
        service.rule,
        service.zones,
        service.ports,
        service.contributions,
        service.standings,
    )


class Changing(RuleBasedStateMachine):
    """A registry that hears of one change after another, and what each cluster says by now."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000
        self.registry = Registry(SETTINGS)
        self.views: dict[str, View] = {}
        self.pending: list[Claim] = []

    def hear(self, view: View, change: Change) -> None:
        self.views[view.cluster] = view
        self.note(self.registry.apply([change], self.now))

    def note(self, delta: Delta) -> None:
        self.pending += delta.claims

    def view(self, cluster: str) -> View:
        fresh = Freshness(cluster, SourceState.SYNCED, self.now)
        return self.views.get(cluster, View(cluster, freshness=fresh))

    @initialize(
        heard=st.sampled_from([CLUSTERS, CLUSTERS[:1]]),
        known=st.lists(known, max_size=6),
        is_settled=st.booleans(),
    )
    def start(self, heard: tuple[str, ...], known: list[Claim], *, is_settled: bool) -> None:
        self.registry = Registry(SETTINGS, known, at_once=2)
        for cluster in heard:
            self.speak(cluster)
        if is_settled:
            self.settle()

    @rule(cluster=clusters)
    def speak(self, cluster: str) -> None:
        view = self.view(cluster)
        self.hear(view, Reset(view))

    @rule(cluster=clusters, some=some_names, pins=pins, ports=ports, local=local)
    def offer(
        self,
        cluster: str,
        some: set[str],
        pins: tuple[str, ...],
        ports: tuple[Port, ...],
        local: tuple[str, ...],
    ) -> None:
        for name in sorted(some) if cluster in self.views else ():
            new = export(name, cluster, pins=pins, ports=ports, local=local)
            self.replace_export(cluster, Host(name), new)

    @rule(cluster=clusters, name=names)
    def withdraw(self, cluster: str, name: str) -> None:
        if cluster in self.views:
            self.replace_export(cluster, Host(name), None)

    def replace_export(self, cluster: str, host: Host, new: Export | None) -> None:
        view = self.views[cluster]
        others = tuple(other for other in view.exports if other.host != host)
        exports = others if new is None else (*others, new)
        change = Remove(cluster, host) if new is None else Put(new)
        self.hear(replace(view, exports=exports), change)

    @rule(cluster=clusters, found=st.lists(st.builds(policy, names, st.just("240.0.0.2"))))
    def write_policies(self, cluster: str, found: list[Policy]) -> None:
        if cluster in self.views:
            view = replace(self.views[cluster], policies=tuple(found))
            self.hear(view, SetPolicies(cluster, view.policies))

    @rule(cluster=clusters, whom=clusters, fenced=st.booleans())
    def fence(self, cluster: str, whom: str, *, fenced: bool) -> None:
        if not any(self.registry.views.cluster(name).may_lack for name in CLUSTERS):
            word = Fence(whom, fenced, self.now, export("x.ns").origin)
            view = replace(self.views[cluster], fences=(word,))
            self.hear(view, SetFences(cluster, view.fences))

    @precondition(lambda self: not self.waiting())
    @rule(claims=st.lists(theirs, max_size=4), marker=st.sampled_from(["one", "one", "two"]))
    def keep_ledger(self, claims: list[Claim], marker: str) -> None:
        if KEEPER in self.views:
            unique = tuple({claim.key: claim for claim in claims}.values())
            ledger = ClaimSet(Marker(marker, 0), unique)
            self.hear(replace(self.views[KEEPER], ledger=ledger), SetLedger(KEEPER, ledger))

    @rule(
        cluster=clusters,
        state=st.sampled_from([SourceState.REMEMBERED, SourceState.SYNCED, SourceState.SILENT]),
        doubt=st.sampled_from([Doubt.NONE, Doubt.NONE, Doubt.YOUNG, Doubt.PARTIAL]),
    )
    def stand(self, cluster: str, state: SourceState, doubt: Doubt) -> None:
        if cluster in self.views:
            freshness = Freshness(cluster, state, self.now, doubt=doubt)
            self.hear(replace(self.views[cluster], freshness=freshness), SetFreshness(freshness))

    @precondition(lambda self: not self.registry.is_settled)
    @rule()
    def settle(self) -> None:
        self.note(self.registry.settle(self.now))

    @rule(is_paused=st.booleans())
    def pause(self, *, is_paused: bool) -> None:
        self.registry.pause("the clock is wrong" if is_paused else None)
        self.note(self.registry.tick(self.now))

    @rule(part=st.none() | st.sets(st.integers(0, 9)))
    def acknowledge(self, part: set[int] | None) -> None:
        """In whatever parts, and in whatever order, the ledger gets what it is to get."""
        is_written = (part is None or place in part for place in range(len(self.pending)))
        written = list(compress(self.pending, is_written))
        self.pending = [claim for claim in self.pending if claim not in written]
        self.note(self.registry.acknowledge(written, self.now))

    @rule()
    def fail(self) -> None:
        """Without its ledger it takes no answer back, and what the ledger did not get is undone."""
        was_behind, before = self.registry.is_behind, self.answered()
        self.note(self.registry.stop_writing("the disk is full", self.now))
        self.pending = [*self.registry.unwritten]
        assert was_behind or before.items() <= self.answered().items()
        written = self.registry.numbering.written
        assert all(one in written.of_host(one.host) for one in self.registry.claims)

    @rule()
    def recover(self) -> None:
        self.note(self.registry.resume_writing(self.now))
        self.pending = [*self.registry.unwritten]

    def answered(self) -> dict[Host, tuple[Address, ...]]:
        services = self.registry.services.items()
        return {host: vips for host, one in services if (vips := answered_vips(one))}

    @rule(seconds=st.sampled_from([1, 10 * TTL, QUARANTINE // 2, QUARANTINE]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.note(self.registry.tick(self.now))

    @rule(names=st.sets(names, max_size=2))
    def renumber(self, names: set[str]) -> None:
        registry = self.registry
        hosts = [
            host
            for host in map(Host, sorted(names))
            if registry.may_write
            and registry.numbering.needs_number(host)
            and any(registry.views.is_written_by_us(c) for c in CLUSTERS if self.exports(c, host))
        ]
        try:
            self.note(registry.renumber(hosts, self.now) if hosts else registry.tick(self.now))
        except RequestRefused:
            assert any(usage.free < len(hosts) for usage in registry.usage())

    def exports(self, cluster: str, host: Host) -> bool:
        exports = self.registry.views.exports(host)
        return any(one.cluster == cluster for one in exports)

    @invariant()
    def what_is_published_is_what_would_be_built_now(self) -> None:
        registry = self.registry
        if not registry.is_settled:
            return
        hosts = {*registry.views.hosts, *registry.claims.hosts, *registry.services}
        for host in hosts - self.waiting():
            published = registry.services.get(host)
            built = registry._publisher.build(host, forgetful(published), self.now)
            assert essence(built) == essence(published), host

    def waiting(self) -> set[Host]:
        """Return the hosts that have no VIP before the ledger answers, or an address is free."""
        registry = self.registry
        unwritten = {claim.host for claim in registry.unwritten}
        without = {host for host in unwritten if not registry.claims.held(host)}
        late = registry._catalogue.waiting | registry._catalogue.waiting_anew
        return registry._awaiting | registry.numbering.exhausted | without | late

    def teardown(self) -> None:
        """Everything written and every hand-over over, it serves what a new registry does."""
        self.registry.pause(None)
        self.recover()
        for cluster in CLUSTERS:
            if cluster not in self.views:
                self.speak(cluster)
        for cluster, view in list(self.views.items()):
            if view.freshness.state is not SourceState.SYNCED or view.freshness.doubt:
                self.stand(cluster, SourceState.SYNCED, Doubt.NONE)
        if not self.registry.is_settled:
            self.settle()
        for _ in range(6):
            self.wait(10 * TTL)
            self.acknowledge(None)
        kept = (*self.registry.claims, *self.registry.numbering.resting)
        zone = map(to_entry, self.registry.services.values())
        anew = Registry(SETTINGS, kept, zone, self.registry.waits)
        known = {cluster: self.registry.views.cluster(cluster).ledger for cluster in CLUSTERS}
        views = [view.following(known[cluster]) for cluster, view in self.views.items()]
        anew.apply([*map(Reset, views)], self.now)
        waiting = self.waiting()
        assert {claim.host for claim in anew.settle(self.now).claims} <= waiting
        assert answers(anew, waiting) == answers(self.registry, waiting)
        assert waiting or anew.usage() == self.registry.usage()


def forgetful(service: Service | None) -> Service | None:
    """Return a service of which no part is the very object that the registry keeps."""
    if service is None:
        return None
    return structs.replace(service, contributions=(*service.contributions,))


def replace(view: View, **fields: object) -> View:
    return structs.replace(view, **fields)


TestShortcuts = Changing.TestCase
TestShortcuts.settings = profile(max_examples=200, stateful_step_count=40, deadline=None)

"""The laws of virtual IPs, in a mesh whose clusters crash, part, lose ledgers and misjudge time.

Disks are full now and then: then nothing is decided, and what was answered is.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from globaldns.errors import RequestRefused
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.snapshot import to_entry
from globaldns.model.view import (
    Freshness,
    Reset,
    SetFreshness,
    SourceState,
)
from globaldns.registry.delta import Delta, Move
from globaldns.registry.holders import holders
from globaldns.registry.publishing import answered_vips
from globaldns.registry.registry import Registry
from tests.registry.clusters import CLUSTERS, Cluster
from tests.registry.mesh import QUARANTINE

NAMES = [Host(f"{name}.ns") for name in "abcdefgh"]
PINS = ["240.128.0.5", "240.128.0.9", "240.0.0.1"]

clusters = st.sampled_from(CLUSTERS)
names = st.sampled_from(NAMES)


class Mesh(RuleBasedStateMachine):
    """Every rule is something that happens to a mesh; every invariant is a law."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 10_000
        self.cuts: set[frozenset[str]] = set()
        self.forgotten: set[Host] = set()
        """What clusters offered that began a ledger anew."""
        self.clusters = {name: Cluster(name) for name in CLUSTERS}

    @initialize()
    def start(self) -> None:
        for cluster in self.clusters.values():
            for other in self.clusters.values():
                self.hear(cluster, other)
            self.note(cluster, cluster.registry.settle(self.time_at(cluster)))

    def time_at(self, cluster: Cluster) -> int:
        return self.now + cluster.clock_error

    def hear(self, reader: Cluster, source: Cluster) -> bool:
        now = self.time_at(reader)
        if frozenset((reader.name, source.name)) in self.cuts:
            contact = self.contact(reader, source.name)
            silent = Freshness(source.name, SourceState.SILENT, contact)
            return self.note(reader, reader.registry.apply([SetFreshness(silent)], now))
        view = source.view()
        fresh = Freshness(source.name, SourceState.SYNCED, now)
        changes = [Reset(view), SetFreshness(fresh)]
        delta = reader.registry.apply(changes, now)
        known = reader.registry.views.cluster(source.name).ledger
        reader.heard[source.name] = view.following(known)
        return self.note(reader, delta)

    def note(self, cluster: Cluster, delta: Delta) -> bool:
        """Write what is to be written, and look at every move; return whether anything changed."""
        deltas = cluster.write(delta, self.time_at(cluster))
        for move in (move for delta in deltas for move in delta.moves):
            self.check_move(move)
        for claim in (claim for delta in deltas for claim in delta.claims):
            if not cluster.is_full:
                self.check_new(cluster, claim)
        return any(delta.claims or delta.services or delta.removed for delta in deltas)

    def check_move(self, move: Move) -> None:
        """Nothing moves but by a person's hand, or a collision with another host."""
        known = [c for other in self.clusters.values() for c in other.registry.claims]
        own = [claim for claim in known if claim.host == move.host]
        rivals = [claim for claim in known if claim.vip in move.old and claim.host != move.host]
        by_person = [claim for claim in own if claim.kind is not ClaimKind.GIVEN]
        assert rivals or by_person or move.host in self.forgotten, move

    def check_new(self, cluster: Cluster, new: Claim) -> None:
        """A number that is newly given is open, and nobody's for a quarantine."""
        registry = cluster.registry
        mine = registry.claims.of_host(new.host)
        is_copy = any(c.vip == new.vip and c.key != new.key for c in mine)
        if new.kind is ClaimKind.PINNED or new.is_retired or is_copy:
            return
        assert new.vip in registry.settings.pools[0]
        assert new.vip[-1] not in (0, 31)
        resting = registry.numbering.resting.of_vip(new.vip)
        for rival in (*registry.claims.of_vip(new.vip), *resting):
            if rival.host != new.host and rival.kind is not ClaimKind.PINNED:
                assert rival.retired_at is not None
                assert rival.retired_at + QUARANTINE <= new.allocated_at

    def change(self, cluster: Cluster, host: Host, pins: tuple[str, ...] | None) -> None:
        """What a cluster says of a host changes no answer of others before it is written."""
        before = cluster.published()
        cluster.exports.pop(host, None)
        if pins is not None:
            cluster.exports[host] = pins
        delta = cluster.registry.apply([Reset(cluster.view())], self.time_at(cluster))
        self.check_others(cluster, host, before)
        self.note(cluster, delta)
        if cluster.is_full:
            self.check_others(cluster, host, before)
        self.hear(cluster, cluster)

    def check_others(
        self, cluster: Cluster, host: Host, before: dict[Host, tuple[bytes, ...]]
    ) -> None:
        after = cluster.published()
        assert {h: after.get(h) for h in before if h != host} == {
            h: vips for h, vips in before.items() if h != host
        }

    @rule(name=clusters, host=names)
    def offer(self, name: str, host: Host) -> None:
        self.change(self.clusters[name], host, ())

    @rule(name=clusters, host=names, pin=st.sampled_from(PINS))
    def pin(self, name: str, host: Host, pin: str) -> None:
        self.change(self.clusters[name], host, (pin,))

    @rule(name=clusters, host=names)
    def withdraw(self, name: str, host: Host) -> None:
        self.change(self.clusters[name], host, None)

    @rule(name=clusters)
    def fill_the_disk(self, name: str) -> None:
        self.clusters[name].is_full = True

    @rule(name=clusters)
    def make_room(self, name: str) -> None:
        cluster = self.clusters[name]
        cluster.is_full = False
        self.note(cluster, cluster.registry.resume_writing(self.time_at(cluster)))

    @rule(name=clusters, host=names, crashing=st.booleans())
    def withdraw_and_return(self, name: str, host: Host, *, crashing: bool) -> None:
        """Coming back within quarantine gives the same VIP, to whoever was alone with it."""
        cluster = self.clusters[name]
        before = cluster.published().get(host)
        pins = cluster.exports.pop(host, None)
        self.hear(cluster, cluster)
        if crashing:
            self.restart(cluster, cluster.ledger.values())
        if pins is not None:
            cluster.exports[host] = pins
            self.hear(cluster, cluster)
            if before and not self.is_disputed(cluster, host, before):
                assert cluster.published().get(host) == before

    def is_disputed(self, cluster: Cluster, host: Host, vips: tuple[bytes, ...]) -> bool:
        """Whether anybody says that the host has another VIP, or a VIP of it another host."""
        claims = cluster.registry.claims
        rivals = [claim for vip in vips for claim in claims.of_vip(vip) if claim.host != host]
        others = [claim for claim in claims.of_host(host) if claim.vip not in vips]
        return bool(rivals) or any(
            not claim.is_retired or claim.kind is ClaimKind.PINNED for claim in others
        )

    @rule(name=clusters, host=names)
    def renumber(self, name: str, host: Host) -> None:
        cluster = self.clusters[name]
        if cluster.registry.numbering.needs_number(host) and host in cluster.exports:
            now = self.time_at(cluster)
            if cluster.registry.may_write:
                self.note(cluster, cluster.registry.renumber([host], now))
            else:
                with pytest.raises(RequestRefused, match="the disk is full"):
                    cluster.registry.renumber([host], now)

    @rule(reader=clusters, source=clusters)
    def listen(self, reader: str, source: str) -> None:
        self.hear(self.clusters[reader], self.clusters[source])

    @rule(one=clusters, other=clusters)
    def part(self, one: str, other: str) -> None:
        if one != other:
            self.cuts.add(frozenset((one, other)))

    @rule(name=clusters)
    def crash(self, name: str) -> None:
        """Our own death changes nothing that was answered."""
        cluster = self.clusters[name]
        before = cluster.published()
        self.restart(cluster, cluster.ledger.values())
        assert cluster.published() == before

    @rule(name=clusters, host=names)
    def crash_before_the_write(self, name: str, host: Host) -> None:
        """What was not written was not answered."""
        cluster = self.clusters[name]
        before = cluster.published()
        cluster.exports[host] = ()
        cluster.registry.apply([Reset(cluster.view())], self.time_at(cluster))
        self.restart(cluster, cluster.ledger.values())
        after = cluster.published()
        for other, vips in before.items():
            if other != host and not self.is_disputed(cluster, other, vips):
                assert after.get(other) == vips

    @rule(name=clusters)
    def lose_ledger(self, name: str) -> None:
        """A ledger that is lost is given back by a living neighbour."""
        cluster = self.clusters[name]
        neighbours = [
            other
            for other in self.clusters.values()
            if other is not cluster and frozenset((name, other.name)) not in self.cuts
        ]
        if not neighbours:
            return
        self.make_room(name)
        before = cluster.published()
        self.hear(neighbours[0], cluster)
        copies = neighbours[0].registry.claims.of_cluster(name)
        cluster.ledger = {claim.key: claim for claim in copies}
        cluster.marker += 1
        self.restart(cluster, copies)
        assert cluster.published() == before

    @rule(name=clusters)
    def begin_a_ledger(self, name: str) -> None:
        """A ledger that is lost for good changes nothing for others until the new one speaks."""
        cluster = self.clusters[name]
        self.make_room(name)
        readers = [other for other in self.clusters.values() if other is not cluster]
        for reader in readers:
            self.hear(reader, cluster)
        before = [reader.published() for reader in readers]
        cluster.ledger = {}
        cluster.marker += 1
        self.forgotten.update(cluster.exports)
        for reader in readers:
            self.hear(reader, cluster)
            self.restart(reader, reader.ledger.values())
        assert [reader.published() for reader in readers] == before
        self.restart(cluster, ())

    def contact(self, cluster: Cluster, name: str) -> int | None:
        """When a view was known to be current last; a source that is synced is in contact."""
        freshness = cluster.registry.views.cluster(name).freshness
        is_synced = freshness.state is SourceState.SYNCED
        return self.time_at(cluster) if is_synced else freshness.contact

    def restart(self, cluster: Cluster, claims: Iterable[Claim]) -> None:
        now = self.time_at(cluster)
        contacts = {name: self.contact(cluster, name) for name in CLUSTERS}
        waits = cluster.registry.waits
        last = [to_entry(service) for service in cluster.registry.services.values()]
        cluster.registry = Registry(cluster.registry.settings, claims, last, waits, at_once=2)
        for view in cluster.heard.values():
            contact = contacts[view.cluster]
            remembered = Freshness(view.cluster, SourceState.REMEMBERED, contact)
            cluster.registry.apply([Reset(view), SetFreshness(remembered)], now)
        own = Freshness(cluster.name, SourceState.SYNCED, now)
        cluster.registry.apply([Reset(cluster.view()), SetFreshness(own)], now)
        self.note(cluster, cluster.registry.settle(now))

    @rule(name=clusters, seconds=st.integers(-40, 40))
    def disagree_on_time(self, name: str, seconds: int) -> None:
        self.clusters[name].clock_error = seconds
        self.tick()

    @rule(seconds=st.integers(0, QUARANTINE // 4))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.tick()

    @precondition(lambda self: not self.cuts)
    @rule()
    def wait_for_rests_to_end(self) -> None:
        self.now += 2 * QUARANTINE
        self.heal()

    def tick(self) -> None:
        for cluster in self.clusters.values():
            self.note(cluster, cluster.registry.tick(self.time_at(cluster)))

    @rule()
    def heal(self) -> None:
        """Once everybody has heard everybody, all know the same and nothing changes any more."""
        self.cuts.clear()
        for name in CLUSTERS:
            self.make_room(name)
        for _ in range(12):
            rounds = [
                self.hear(reader, source)
                for reader in self.clusters.values()
                for source in self.clusters.values()
            ]
            if not any(rounds):
                break
        else:
            raise AssertionError("it never comes to rest")
        self.now += 1000
        self.tick()
        self.check_agreement()

    def check_agreement(self) -> None:
        east, *others = (cluster.registry for cluster in self.clusters.values())
        for other in others:
            assert set(other.claims) == set(east.claims)
            assert {h: other.claims.held(h) for h in NAMES} == {
                h: east.claims.held(h) for h in NAMES
            }
            assert {h: s.vips for h, s in other.services.items()} == {
                h: s.vips for h, s in east.services.items()
            }
        for host in {host for cluster in self.clusters.values() for host in cluster.exports}:
            service = east.services[host]
            assert service.state in {ServiceState.READY, ServiceState.PIN_LOST}, service
            if service.rule != "pinned" and service.state is ServiceState.READY:
                assert len(service.vips) == 1

    @invariant()
    def no_vip_is_answered_for_two_hosts(self) -> None:
        for cluster in self.clusters.values():
            answered = [vip for vips in cluster.published().values() for vip in vips]
            assert len(answered) == len(set(answered))

    @invariant()
    def a_vip_that_a_host_had_is_nobodys_else(self) -> None:
        for cluster in self.clusters.values():
            services = cluster.registry.services.values()
            routed = [vip for one in services for vip in (*one.former, *answered_vips(one))]
            assert len(routed) == len(set(routed))

    @invariant()
    def holders_are_those_of_the_plain_function(self) -> None:
        for cluster in self.clusters.values():
            claims = cluster.registry.claims
            plain = {vip: claim.host for vip, claim in holders(claims).items()}
            kept = {c.vip: h for h in claims.hosts for c in claims.held(h)}
            assert kept == plain

    @invariant()
    def what_is_known_of_a_cluster_by_itself_is_what_its_ledger_says(self) -> None:
        for cluster in self.clusters.values():
            own = {claim for claim in cluster.ledger.values() if claim.cluster == cluster.name}
            assert {*cluster.registry.claims.of_cluster(cluster.name)} == own

    @invariant()
    def what_is_answered_is_remembered(self) -> None:
        for cluster in self.clusters.values():
            for host, vips in cluster.published().items():
                for vip in vips:
                    assert any(
                        claim.host == host and claim.vip == vip and not claim.is_retired
                        for claim in cluster.registry.claims.of_vip(vip)
                    )

    @invariant()
    def pools_are_counted_right(self) -> None:
        for cluster in self.clusters.values():
            (usage,) = cluster.registry.usage()
            claims = cluster.registry.claims
            held = {c.vip for c in claims if not c.is_retired and c.vip in usage.pool}
            assert usage.held == len(held)
            assert usage.free + usage.resting + usage.held == 30


TestLaws = Mesh.TestCase
TestLaws.settings = profile(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

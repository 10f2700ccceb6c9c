"""The law of hand-overs: no VIP is answered while a client may keep it for another host.

One cluster, few hosts and VIPs, so that they collide: through TTLs that change, restarts, a last
zone that is lost, and a ledger that answers late.
"""

from __future__ import annotations

from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import structs

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKey
from globaldns.model.export import Export
from globaldns.model.host import Host
from globaldns.model.snapshot import Entry, Waits, to_entry
from globaldns.registry.delta import Delta
from globaldns.registry.handover import carry_over
from globaldns.registry.publishing import answered_vips
from globaldns.registry.registry import Registry
from tests.registry.mesh import TTL, export, reset, settings

SETTINGS = settings(clusters=("east",), pools=["240.128.0.0/29"])
hosts = st.sampled_from(["a.ns", "b.ns", "c.ns"])
pins = st.sampled_from([(), ("240.0.0.1",), ("240.0.0.1",), ("240.128.0.3",)])
dates = st.sampled_from([None, 1, 2, 3])
ttls = st.sampled_from([1, TTL, 4 * TTL])
seconds = st.sampled_from([0, 1, 10, 10 * TTL, 40 * TTL])


class Cluster(RuleBasedStateMachine):
    """A cluster whose clients keep every answer for as long as a hand-over allows for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000
        self.exports: dict[str, Export] = {}
        self.ledger: dict[ClaimKey, Claim] = {}
        self.registry = Registry(SETTINGS)
        self.kept: dict[Address, dict[Host, tuple[int, int]]] = {}
        """For whom a VIP was answered: when last, and until when clients may keep that."""
        self.longest = 0
        """Until when they may keep anything."""

    @initialize()
    def start(self) -> None:
        self.speak()
        self.note(self.registry.settle(self.now))

    def speak(self) -> None:
        view = reset("east", *self.exports.values(), contact=self.now)
        self.note(self.registry.apply([view], self.now))

    def note(self, delta: Delta) -> None:
        """Look at what is answered after every step of a turn."""
        self.look()
        while delta.claims:
            for claim in delta.claims:
                self.ledger[claim.key] = self.ledger.get(claim.key, claim).merge(claim)
            delta = self.registry.acknowledge(delta.claims, self.now)
            self.look()

    def look(self) -> None:
        date = max(self.now, self.registry.claims.newest)
        self.longest = max(self.longest, date + self.registry.settings.handover)
        for service in self.registry.services.values():
            for vip in answered_vips(service):
                keepers = self.kept.setdefault(vip, {})
                waited_for = {host for host, (_, end) in keepers.items() if end > self.now}
                assert waited_for <= {service.host}
                _, end = keepers.get(service.host, (0, 0))
                end = max(end, self.now + self.registry.settings.handover)
                keepers[service.host] = (self.now, end)

    @rule(host=hosts, pins=pins, date=dates)
    def offer(self, host: str, pins: tuple[str, ...], date: int | None) -> None:
        self.exports[host] = export(host, pins=pins, created_at=date)
        self.speak()

    @rule(host=hosts)
    def withdraw(self, host: str) -> None:
        self.exports.pop(host, None)
        self.speak()

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.look()
        self.note(self.registry.tick(self.now))

    @rule(ttl=ttls)
    def change_ttl(self, ttl: int) -> None:
        obeyed = structs.replace(SETTINGS, largest_ttl=ttl)
        self.note(self.registry.reconfigure(obeyed, self.now))

    @rule(ttl=ttls, host=st.none() | hosts, pins=pins, age=st.sampled_from([0, 1, 30]))
    def restart(self, ttl: int, host: str | None, pins: tuple[str, ...], age: int) -> None:
        """What is remembered is some seconds old; its manifests may have changed meanwhile."""
        last = [to_entry(service) for service in self.registry.services.values()]
        waits, saved_at = self.registry.waits, self.now
        self.now += age
        self.look()
        if host is not None:
            self.exports[host] = export(host, pins=pins, created_at=1)
        self.begin(ttl, saved_at, last, waits)

    @rule()
    def lose_the_zone(self) -> None:
        """What was answered is known by the claims, and for how long by the settings."""
        length = self.registry.settings.handover
        for keepers in self.kept.values():
            for host, (last, end) in keepers.items():
                keepers[host] = (last, min(end, last + length))
        self.registry = Registry(self.registry.settings, self.ledger.values())
        self.start()

    def begin(self, ttl: int, saved_at: int, last: list[Entry], waits: Waits) -> None:
        obeyed = structs.replace(SETTINGS, largest_ttl=ttl)
        carried = carry_over(waits, saved_at=saved_at, now=self.now, length=obeyed.handover)
        self.registry = Registry(obeyed, self.ledger.values(), last, carried)
        self.start()

    @invariant()
    def who_waits_does_so_no_longer_than_answers_are_kept(self) -> None:
        ends = [one.until for one in self.registry.waits.handovers.values()]
        assert max(ends, default=0) <= self.longest


TestHandovers = Cluster.TestCase
TestHandovers.settings = profile(max_examples=200, stateful_step_count=30, deadline=None)

"""What becomes of clusters that have gone quiet, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import structs

from globaldns.model.export import Export
from globaldns.model.host import Host
from globaldns.model.lost import LostEndpoints, LostNames, LostPolicy, LostRules, Standing
from globaldns.model.service import Service, ServiceState
from globaldns.model.view import (
    Change,
    Freshness,
    Policy,
    Put,
    Remove,
    Reset,
    SetFreshness,
    SetPolicies,
    SourceState,
    View,
)
from globaldns.registry.registry import Registry
from globaldns.registry.settings import RegistrySettings
from globaldns.registry.silence import Silence
from globaldns.registry.views import Views
from tests.registry.mesh import (
    NEVER_LOST,
    QUARANTINE,
    A,
    B,
    export,
    policy,
    remember,
    reset,
    service,
    settings,
    settled,
)

DROP, KEEP = LostNames(expire=0), LostNames()
DEMOTE, GONE, STAY = LostEndpoints(demote=0), LostEndpoints(expire=0), LostEndpoints()
STAGES = LostEndpoints(demote=100, expire=200)
QUIET = (SourceState.SYNCED, SourceState.SILENT, SourceState.REMEMBERED)


def stands(
    state: SourceState,
    contact: int | None = 1,
    cluster: str = "east",
) -> Freshness:
    return Freshness(cluster, state, contact, zones=("global",))


def silence(**states: Freshness) -> Silence:
    views = Views(settings(clusters=states))
    for freshness in states.values():
        views.set_freshness(freshness)
    return Silence(views)


@pytest.mark.parametrize(
    ("state", "contact", "end"),
    [
        (SourceState.SILENT, 100, 100 + QUARANTINE // 2),
        (SourceState.REMEMBERED, 100, 100 + QUARANTINE // 2),
        (SourceState.REMEMBERED, None, QUARANTINE // 2),
        (SourceState.SYNCED, 100, None),
        (SourceState.WAITING, None, None),
    ],
)
def test_a_view_without_contact_is_too_old_after_half_a_quarantine(state, contact, end):
    found = silence(east=stands(state, contact))
    if end is None:
        found.elapse(10**5, is_settled=False)
        assert (found.too_old, found.next_too_old) == (frozenset(), None)
        return
    found.elapse(end, is_settled=False)
    assert (found.too_old, found.next_too_old) == (frozenset(), end + 1)
    found.elapse(end + 1, is_settled=False)
    assert (found.too_old, found.next_too_old) == ({"east"}, None)


def test_the_next_view_that_gets_too_old_is_the_first_of_those_that_are_not():
    contacts = {"east": 300, "north": 200, "west": 100}
    found = silence(**{n: stands(SourceState.SILENT, at, n) for n, at in contacts.items()})
    found.elapse(101 + QUARANTINE // 2, is_settled=False)
    assert found.too_old == {"west"}
    assert found.next_too_old == 201 + QUARANTINE // 2


def mesh(*exports: Export, lost: LostRules, policies: tuple[Policy, ...] = ()) -> Registry:
    """Return a settled registry of two clusters, of which west was in contact last at 10."""
    mine = [one for one in exports if one.cluster == "east"]
    others = [one for one in exports if one.cluster == "west"]
    registry = Registry(only_west(lost))
    west = reset("west", *others, contact=10)
    return settled(registry, reset("east", *mine, policies=policies), west)


def only_west(lost: LostRules) -> RegistrySettings:
    obeyed = settings()
    rules = {**obeyed.clusters, "west": structs.replace(obeyed.clusters["west"], lost=lost)}
    return structs.replace(obeyed, clusters=rules)


BOTH = (export("a.ns"), export("a.ns", "west"), export("b.ns", "west"))


@pytest.mark.parametrize("state", QUIET)
def test_a_cluster_is_lost_without_contact_whatever_state_its_source_is_in(state):
    registry = mesh(*BOTH, lost=LostRules())
    registry.apply([SetFreshness(stands(state, 10, "west"))], 20)
    assert registry.next_deadline == 10 + 60 + 1
    assert not registry.tick(70).services
    assert registry.silence.lost == frozenset()
    changed = registry.tick(71).services
    assert registry.silence.lost == {"west"}
    assert {one.host for one in changed} == {A, B}
    assert service(registry, "a.ns").standings == (("west", Standing.DEMOTED),)


def test_contact_alone_brings_a_cluster_back_and_is_seen_at_once():
    registry = mesh(*BOTH, lost=LostRules(names=DROP))
    before = dict(registry.services)
    registry.tick(100)
    assert service(registry, "b.ns").state is ServiceState.LOST
    registry.views.note_contact(stands(SourceState.SYNCED, 99, "west"))
    assert registry.next_deadline == 0
    registry.tick(100)
    assert registry.silence.next_loss == 99 + 60 + 1
    assert registry.silence.lost == frozenset()
    assert {h: still(one) for h, one in registry.services.items()} == {
        h: still(one) for h, one in before.items()
    }


def test_of_an_hour_without_contact_only_its_turning_points_are_looked_at():
    registry = mesh(*BOTH, lost=LostRules(60, LostNames(expire=300), STAGES))
    seen = []
    while (due := registry.silence.next_loss) is not None and due < 3600:
        assert not registry.tick(due - 1).services
        delta = registry.tick(due)
        seen.append((due - 11, bool(delta.services)))
    assert seen == [(60, False), (100, True), (200, True), (300, True)]


@pytest.mark.parametrize(
    ("lost", "ages", "expected"),
    [
        (LostRules(60, KEEP, STAY), (60, 400), (Standing.COUNTED, Standing.COUNTED)),
        (LostRules(60, KEEP, GONE), (60, 61), (Standing.COUNTED, Standing.DROPPED)),
        (LostRules(60, KEEP, STAGES), (101, 201), (Standing.DEMOTED, Standing.DROPPED)),
    ],
)
def test_endpoints_are_demoted_and_dropped_when_their_time_comes(lost, ages, expected):
    registry = mesh(*BOTH, lost=lost)
    found = []
    for age in ages:
        registry.tick(10 + age)
        found.append(service(registry, "b.ns").standing("west"))
        assert service(registry, "b.ns").state is ServiceState.READY
    assert tuple(found) == expected


def test_dropped_names_count_no_more_where_another_cluster_has_them_and_fail_where_none_does():
    registry = mesh(*BOTH, lost=LostRules(names=DROP))
    before = {host: service(registry, host).vips for host in ("a.ns", "b.ns")}
    delta = registry.tick(71)
    assert (delta.removed, delta.claims, delta.moves, delta.complete) == ((), (), (), True)
    assert service(registry, "a.ns").clusters == ("east",)
    assert service(registry, "a.ns").vips == before["a.ns"]
    lonely = service(registry, "b.ns")
    assert (lonely.state, lonely.clusters, lonely.zones) == (ServiceState.LOST, (), ("global",))
    assert lonely.vips == before["b.ns"]


def test_nothing_is_lost_before_all_is_settled():
    registry = Registry(only_west(LostRules(names=DROP)))
    registry.apply([reset("east"), reset("west", export("b.ns", "west"))], 500)
    assert registry.next_deadline is None
    remember(registry, registry.settle(500), 500)
    assert registry.silence.lost == {"west"}


def test_what_was_never_heard_is_not_lost():
    registry = settled(Registry(only_west(LostRules(names=DROP))), reset("east"))
    registry.tick(10**5)
    assert registry.silence.lost == frozenset()


def test_what_is_written_for_a_service_overrules_the_clusters_rules():
    spared = policy("b.ns", lost=LostPolicy(names=KEEP))
    registry = mesh(*BOTH, lost=LostRules(names=DROP), policies=(spared,))
    registry.tick(71)
    assert service(registry, "a.ns").clusters == ("east",)
    assert service(registry, "b.ns").state is ServiceState.READY
    assert service(registry, "b.ns").standing("west") is Standing.DEMOTED


def test_a_policy_that_comes_or_goes_while_a_cluster_is_lost_is_obeyed_at_once():
    registry = mesh(*BOTH, lost=LostRules(names=KEEP))
    registry.tick(100)
    late = policy("b.ns", lost=LostPolicy(names=LostNames(expire=80)))
    registry.apply([SetPolicies("east", (late,))], 100)
    assert service(registry, "b.ns").state is ServiceState.LOST
    registry.apply([SetPolicies("east", ())], 100)
    assert service(registry, "b.ns").state is ServiceState.READY


def test_other_rules_are_obeyed_at_once():
    registry = mesh(*BOTH, lost=LostRules(names=DROP))
    registry.tick(100)
    registry.reconfigure(only_west(LostRules(after=300, names=DROP)), 100)
    assert service(registry, "b.ns").state is ServiceState.READY
    assert registry.silence.lost == frozenset()


def test_our_clusters_own_allocation_stays_while_it_is_lost():
    mine = export("a.ns", local=["240.240.0.9"])
    registry = settled(
        Registry(settings(lost=LostRules(names=DROP))),
        reset("east", mine, contact=10),
        reset("west", export("a.ns", "west"), contact=500),
    )
    before = service(registry, "a.ns").vips
    registry.tick(100)
    assert service(registry, "a.ns").clusters == ("west",)
    assert service(registry, "a.ns").vips == before


def test_no_cluster_is_lost_for_a_time_in_which_we_did_not_listen():
    registry = mesh(*BOTH, lost=LostRules(names=DROP))
    registry.silence.excuse(1035)
    assert not registry.tick(1000).services
    assert registry.next_deadline == 1035
    registry.views.note_contact(stands(SourceState.SYNCED, 1001, "west"))
    registry.tick(1035)
    assert registry.silence.lost == frozenset()
    assert registry.silence.next_loss == 1001 + 60 + 1


def test_who_is_lost_already_stays_so_meanwhile_and_may_come_back():
    registry = mesh(*BOTH, lost=LostRules(60, KEEP, STAGES))
    registry.tick(71)
    registry.silence.excuse(535)
    registry.tick(500)
    assert registry.silence.lost == {"west"}
    assert service(registry, "b.ns").standing("west") is Standing.COUNTED
    registry.views.note_contact(stands(SourceState.SYNCED, 350, "west"))
    registry.tick(500)
    assert registry.next_deadline == 535
    registry.views.note_contact(stands(SourceState.SYNCED, 499, "west"))
    registry.tick(500)
    assert registry.silence.lost == frozenset()
    registry.tick(600)
    assert service(registry, "b.ns").standing("west") is Standing.DEMOTED


def still(one: Service) -> Service:
    """Return a service without its times."""
    return structs.replace(one, changed_at=0)


CLUSTERS = ("east", "west")
clusters = st.sampled_from(CLUSTERS)
names = st.sampled_from(["a.ns", "b.ns", "c.ns"])
ages = st.none() | st.sampled_from([0, 30, 60, 61, 150, 400])
fates = st.builds(LostNames, ages), st.builds(LostEndpoints, ages, ages)
rules = st.builds(LostRules, st.sampled_from([60, 90]), *fates)
policies = st.builds(LostPolicy, st.none() | fates[0], st.none() | fates[1])
pins = st.sampled_from([(), (), ("240.0.0.7",)])
POOL = ["240.128.0.0/28"]


class Quiet(RuleBasedStateMachine):
    """One registry whose clusters get lost, and its twin in which nothing is ever lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000
        self.lost = {name: LostRules() for name in CLUSTERS}
        self.registry, self.twin = Registry(self.obeyed()), Registry(self.obeyed(NEVER_LOST))
        self.exports: dict[str, dict[Host, Export]] = {name: {} for name in CLUSTERS}
        self.contact = dict.fromkeys(CLUSTERS, self.now)
        for name in CLUSTERS:
            self.hear(Reset(View(name, freshness=self.freshness(name))))
        for each in (self.registry, self.twin):
            remember(each, each.settle(self.now), self.now)

    def obeyed(self, all_rules: LostRules | None = None) -> RegistrySettings:
        obeyed = settings(clusters=CLUSTERS, pools=POOL)
        found = {
            name: structs.replace(one, lost=all_rules or self.lost[name])
            for name, one in obeyed.clusters.items()
        }
        return structs.replace(obeyed, clusters=found)

    def freshness(self, name: str, state: SourceState = SourceState.SYNCED) -> Freshness:
        return Freshness(name, state, self.contact[name], zones=("global",))

    def hear(self, change: Change) -> None:
        for each in (self.registry, self.twin):
            remember(each, each.apply([change], self.now), self.now)
            while not each.is_written:
                remember(each, each.tick(self.now), self.now)

    @rule(cluster=clusters, name=names, pins=pins)
    def offer(self, cluster: str, name: str, pins: tuple[str, ...]) -> None:
        self.hear(Put(export(name, cluster, pins=pins)))

    @rule(cluster=clusters, name=names)
    def withdraw(self, cluster: str, name: str) -> None:
        self.hear(Remove(cluster, Host(name)))

    @rule(cluster=clusters, name=names, lost=policies, at=st.integers(1, 3))
    def overrule(self, cluster: str, name: str, lost: LostPolicy, at: int) -> None:
        self.hear(SetPolicies(cluster, (policy(name, created_at=at, lost=lost),)))

    @rule(cluster=clusters, lost=rules)
    def reconfigure(self, cluster: str, lost: LostRules) -> None:
        self.lost[cluster] = lost
        self.registry.reconfigure(self.obeyed(), self.now)
        self.twin.reconfigure(self.obeyed(NEVER_LOST), self.now)

    @rule(seconds=st.sampled_from([1, 29, 30, 60, 61, 200]))
    def wait(self, seconds: int) -> None:
        end = self.now + seconds
        while self.now < end:
            due = self.registry.next_deadline
            self.now = end if due is None or due >= end else max(due, self.now)
            self.registry.tick(self.now)
            self.twin.tick(self.now)

    @rule(cluster=clusters, state=st.sampled_from(QUIET))
    def fall_silent(self, cluster: str, state: SourceState) -> None:
        self.hear(SetFreshness(self.freshness(cluster, state)))

    @rule(cluster=clusters, is_told=st.booleans())
    def come_back(self, cluster: str, *, is_told: bool) -> None:
        """With a word, or with nothing but contact."""
        self.contact[cluster] = self.now
        if is_told:
            self.hear(SetFreshness(self.freshness(cluster)))
            return
        for each in (self.registry, self.twin):
            state = each.views.cluster(cluster).freshness.state
            each.views.note_contact(self.freshness(cluster, state))
            if each.next_deadline == 0:
                each.tick(self.now)

    @invariant()
    def nothing_is_numbered_retired_or_moved_by_it(self) -> None:
        assert {*self.registry.claims} == {*self.twin.claims}
        assert self.registry.usage() == self.twin.usage()

    @invariant()
    def no_name_is_absent_because_of_it(self) -> None:
        assert set(self.registry.services) == set(self.twin.services)

    @invariant()
    def what_is_published_is_what_the_rules_say_now(self) -> None:
        for host, found in self.registry.services.items():
            counting = self.registry.views.exports(host)
            fates = {one.cluster: self.fate(one.cluster, host) for one in counting}
            left = [one for one in counting if not fates[one.cluster].is_dropped]
            assert found.contributions == tuple(left)
            for one in left:
                assert found.standing(one.cluster) is fates[one.cluster].endpoints

    def fate(self, cluster: str, host: Host):
        """Return what becomes of an export, told from the rules and the age alone."""
        rules = self.lost[cluster]
        written = self.registry.views.overrules.of_host(host)
        if written:
            rules = rules.overruled(written[0].lost)
        age = self.now - self.contact[cluster]
        return rules.fate(age - 1)  # beyond an age, not at it

    def teardown(self) -> None:
        """When contact is back, everything is as if it had never been away."""
        for cluster in CLUSTERS:
            self.come_back(cluster, is_told=True)
        self.wait(60)
        for cluster in CLUSTERS:
            self.come_back(cluster, is_told=False)
        assert {h: still(one) for h, one in self.registry.services.items()} == {
            h: still(one) for h, one in self.twin.services.items()
        }


TestQuiet = Quiet.TestCase
TestQuiet.settings = profile(max_examples=100, stateful_step_count=30, deadline=None)

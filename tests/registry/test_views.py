import pytest
from msgspec import structs

from globaldns.model.export import (
    Gateway,
)
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Doubt,
    Fence,
    Freshness,
    Put,
    Remove,
    Reset,
    SetFences,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    SourceState,
)
from globaldns.registry.registry import Registry
from globaldns.registry.views import Views
from tests.registry.mesh import (
    NO_LEDGER,
    A,
    B,
    both,
    claim,
    export,
    ledger,
    policy,
    reset,
    service,
    settings,
    settled,
)

ORIGIN = export("x.ns").origin
CLUSTERS = ("east", "north", "west")


def views(*changes: Reset, clusters: tuple[str, ...] = CLUSTERS) -> Views:
    found = Views(settings(clusters=clusters))
    for change in changes:
        found.reset(change)
    return found


def stands(state: SourceState, contact: int | None = 1, cluster: str = "east") -> Freshness:
    return Freshness(cluster, state, contact, zones=("global",))


def test_exports_of_a_fenced_cluster_do_not_count_but_its_claims_do():
    registry = both(export("a.ns"), export("a.ns", "west"))
    before = service(registry, "a.ns").vips
    word = Fence("west", True, 5, export("x.ns").origin)
    registry.apply([SetFences("east", (word,))], 20)
    assert service(registry, "a.ns").clusters == ("east",)
    registry.apply([Remove("east", A)], 21)
    assert A not in registry.services
    assert {c.vip for c in registry.claims.held(A)} == set(before)


def test_the_newest_word_on_a_fence_wins():
    registry = both(export("a.ns", "west"))
    origin = export("x.ns").origin
    registry.apply([SetFences("east", (Fence("west", True, 5, origin),))], 20)
    assert A not in registry.services
    registry.apply([SetFences("west", (Fence("west", False, 6, origin),))], 21)
    assert A in registry.services


def test_only_configured_clusters_may_fence():
    registry = both(export("a.ns", "west"))
    word = Fence("west", True, 5, export("x.ns").origin)
    registry.apply([SetFences("stranger", (word,))], 20)
    assert A in registry.services


def test_exports_and_pins_of_a_host_come_oldest_first():
    dates = {"east": 3, "north": None, "west": 1}
    exports = {c: export("a.ns", c, created_at=at, pins=["240.0.0.5"]) for c, at in dates.items()}
    found = views(*(reset(cluster, one) for cluster, one in exports.items()))
    assert found.exports(A) == (exports["west"], exports["east"], exports["north"])
    assert [pinning.cluster for pinning in found.pinnings(A)] == ["west", "east", "north"]


def test_a_whole_view_names_the_hosts_for_which_anything_is_different():
    found = views(reset("east", export("a.ns"), export("b.ns"), export("c.ns")))
    other = reset("east", export("a.ns"), export("b.ns", ports=()), export("d.ns"))
    assert found.reset(other) == {"b.ns", "c.ns", "d.ns"}
    assert found.reset(other) == set()
    assert {*found.hosts} == {"a.ns", "b.ns", "d.ns"}


def test_a_host_that_nobody_offers_or_pins_any_more_is_forgotten():
    found = views(reset("east", export("a.ns", pins=["240.0.0.5"])))
    assert found.take_in(SetPolicies("east", (policy("a.ns", "240.0.0.6"),))) == {A}
    assert found.take_in(Remove("east", A)) == {A}
    assert ({*found.hosts}, found.exports(A)) == ({A}, ())
    assert found.take_in(SetPolicies("east", ())) == {A}
    assert ({*found.hosts}, found.pinnings(A)) == (set(), ())


def test_of_two_policies_for_one_host_the_older_counts():
    old, young = (
        policy("a.ns", "240.0.0.5", created_at=1),
        policy("a.ns", "240.0.0.6", created_at=2),
    )
    undated = policy("a.ns", "240.0.0.7", created_at=None)
    found = views()
    found.take_in(SetPolicies("east", (undated, young, old)))
    assert [pinning.pins for pinning in found.pinnings(A)] == [old.pins]
    assert found.take_in(SetPolicies("east", (old,))) == set()


def test_only_pinned_hosts_are_named_as_such():
    found = views(reset("east", export("a.ns", pins=["240.0.0.5"]), export("b.ns")))
    assert found.pinned_hosts({A, B, Host("c.ns")}) == {A}


def test_what_does_not_count_is_kept_for_when_it_does():
    one = export("a.ns", "west", pins=["240.0.0.5"])
    found = views(reset("east"), reset("west", one))
    assert found.set_fences(SetFences("east", (Fence("west", True, 5, ORIGIN),))) == {A}
    assert (found.counts("west"), found.exports(A), found.pinnings(A)) == (False, (), ())
    assert found.fenced_exports(A) == [("west", one)]
    assert found.pinning("west", A) is not None
    changed = structs.replace(one, ports=())
    found.take_in(Put(changed))
    assert found.exports(A) == ()
    assert found.set_fences(SetFences("east", ())) == {A}
    assert (found.exports(A), found.fenced_exports(A)) == ((changed,), [])


@pytest.mark.parametrize(
    ("words", "is_fenced"),
    [
        ({"east": (5, True)}, True),
        ({"east": (5, True), "north": (6, False)}, False),
        ({"east": (6, True), "north": (5, False)}, True),
        ({"east": (5, True), "north": (5, False)}, True),
        ({"west": (5, True)}, True),
        ({"stranger": (5, True)}, False),
    ],
)
def test_the_newest_word_of_configured_clusters_fences(words, is_fenced):
    found = views()
    for cluster, (at, fenced) in words.items():
        found.set_fences(SetFences(cluster, (Fence("west", fenced, at, ORIGIN),)))
    assert found.counts("west") is not is_fenced


@pytest.mark.parametrize(
    ("words", "uid"),
    [
        ({}, ""),
        ({"east": (5, "")}, ""),
        ({"east": (5, "b")}, "b"),
        ({"east": (5, "b"), "north": (6, "")}, "b"),
        ({"east": (6, "b"), "north": (5, "c")}, "b"),
        ({"stranger": (5, "b")}, ""),
    ],
)
def test_the_newest_word_that_names_a_uid_says_which_one_a_rebuilt_cluster_is(words, uid):
    found = views()
    for cluster, (at, said) in words.items():
        word = Fence("west", False, at, ORIGIN, said)
        found.set_fences(SetFences(cluster, (word, Fence("east", False, 9, ORIGIN, "x"))))
    assert found.accepted_uid("west") == uid


def test_no_word_unfences_what_the_settings_fence():
    found = Views(settings(fenced=["west"]))
    found.set_fences(SetFences("east", (Fence("west", False, 9, ORIGIN),)))
    assert not found.counts("west")


def test_a_cluster_that_is_not_configured_counts_once_it_is():
    found = views(reset("west", export("a.ns", "west")), clusters=("east",))
    assert (found.exports(A), found.is_written_by_us("west")) == ((), False)
    found.reconfigure(settings())
    assert [one.cluster for one in found.exports(A)] == ["west"]
    assert found.is_written_by_us("west")


def test_a_cluster_with_a_ledger_of_its_own_is_not_written_by_us():
    found = views()
    assert found.set_ledger(SetLedger("west", ledger("west"))) == NO_LEDGER
    assert (found.has_ledger("west"), found.is_written_by_us("west")) == (True, False)
    assert found.set_ledger(SetLedger("west", NO_LEDGER)) == ledger("west")
    assert (found.has_ledger("west"), found.is_written_by_us("west")) == (False, True)


SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
REMEMBERED, WAITING = SourceState.REMEMBERED, SourceState.WAITING
STANDINGS = [
    # how the source stands, and whether: it waits, is fresh
    (WAITING, Doubt.NONE, (True, False)),
    (REMEMBERED, Doubt.NONE, (False, False)),
    (SYNCED, Doubt.NONE, (False, True)),
    (SYNCED, Doubt.YOUNG, (False, True)),
    (SYNCED, Doubt.PARTIAL, (True, True)),
    (SILENT, Doubt.NONE, (False, False)),
    (SILENT, Doubt.YOUNG, (False, False)),
    (SILENT, Doubt.PARTIAL, (True, False)),
]


@pytest.mark.parametrize(("state", "doubt", "expected"), STANDINGS)
def test_what_it_means_how_a_source_stands(state, doubt, expected):
    found = views(clusters=("east",))
    found.set_freshness(structs.replace(stands(state), doubt=doubt))
    found.reset(reset("east"))
    assert expected == (found.is_waiting("east"), found.is_fresh("east"))
    assert found.is_complete() is not found.is_waiting("east")


@pytest.mark.parametrize(
    ("zones", "waits"), [((), True), (("mesh",), True), (("mesh", "global"), False)]
)
def test_a_view_that_was_read_without_a_zone_is_waited_for(zones, waits):
    found = views(reset("east", zones=zones), clusters=("east",))
    found.set_freshness(structs.replace(stands(SYNCED), zones=zones))
    assert found.is_waiting("east") is waits


def test_a_cluster_that_does_not_count_is_not_waited_for():
    found = Views(settings(fenced=["west"]))
    assert (found.is_waiting("east"), found.is_waiting("west")) == (True, False)
    ours, theirs = (claim("a.ns", "240.128.0.7", 5, name) for name in ("east", "west"))
    assert (found.may_offer(ours), found.may_offer(theirs)) == (True, False)


def test_gateways_and_network_are_those_that_were_said_last():
    found = views(reset("east"))
    gateways = (Gateway("n1", "192.0.2.1", 15443, "east"),)
    found.set_way_in(SetGateways("east", gateways))
    assert found.cluster("east").gateways == gateways
    found.set_way_in(SetNetwork("east", "n1"))
    assert found.cluster("east").network == "n1"
    found.reset(reset("east"))
    assert found.cluster("east").gateways == ()
    assert found.cluster("east").network == ""


def test_fencing_a_cluster_that_was_never_heard_ends_what_is_known_of_it_by_claims():
    rules = settings(clusters=("east", "north", "west"))
    registry = Registry(rules, [claim("a.ns", "240.128.0.7", 5, "west")])
    settled(registry, reset("east"), reset("north"))
    assert service(registry, "a.ns").state is ServiceState.CLAIMED
    word = Fence("west", True, 5, export("x.ns").origin)
    assert registry.apply([SetFences("east", (word,))], 20).removed == (Host("a.ns"),)

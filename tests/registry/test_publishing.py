import pytest
from msgspec import structs

from globaldns.model.address import format_address
from globaldns.model.export import (
    Endpoint,
    Port,
    Resolution,
)
from globaldns.model.host import Host
from globaldns.model.service import Service, ServiceState
from globaldns.model.snapshot import Entry, to_entry
from globaldns.model.view import (
    Doubt,
    Freshness,
    Put,
    Reset,
    SetFreshness,
    SourceState,
)
from globaldns.registry.publishing import answered_vips
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    HTTP,
    QUARANTINE,
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
    vip,
)


def answered(host: str, text: str, *, changed_at: int = 1) -> Entry:
    """A host as a run before answered it."""
    exports = (export(host),)
    vips = (vip(text),)
    return to_entry(
        Service(
            Host(host), ("global",), ServiceState.READY, vips, HTTP, exports, changed_at, "given"
        )
    )


def test_a_host_is_published_when_an_exporters_own_ledger_has_its_number():
    registry = Registry(settings())
    theirs = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry.apply([reset("west", export("a.ns", "west"), ledger=theirs), reset("east")], 10)
    registry.settle(10)
    assert service(registry, "a.ns").vips == (vip("240.128.0.9"),)


def test_a_renumbered_host_keeps_its_vip_until_the_ledger_has_the_new_one(registry):
    old = service(registry, "a.ns").vips
    delta = registry.renumber([A], 20)
    assert service(registry, "a.ns").vips == old
    moved = registry.acknowledge(delta.claims, 21)
    (move,) = moved.moves
    assert (move.old, move.new, move.reason) == (old, service(registry, "a.ns").vips, "renumbered")
    assert service(registry, "a.ns").rule == "chosen"


def test_a_kept_vip_is_let_go_when_a_pin_takes_it(registry):
    old = service(registry, "a.ns").vips
    registry.renumber([A], 20)
    text = ".".join(map(str, old[0]))
    delta = registry.apply([Put(export("b.ns", pins=[text]))], 21)
    registry.acknowledge([c for c in delta.claims if c.host == B], 21)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    assert service(registry, "b.ns").state is ServiceState.HANDOVER


def test_a_host_of_a_cluster_that_was_not_heard_is_answered_from_claims_alone():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5, "west")])
    settled(registry, reset("east"))
    assert service(registry, "a.ns").state is ServiceState.CLAIMED
    assert service(registry, "a.ns").vips == (vip("240.128.0.7"),)
    assert service(registry, "a.ns").rule == "claims-only"
    delta = registry.apply([reset("west")], 20)
    assert delta.removed == (A,)
    assert [c.reason for c in delta.claims] == ["withdrawn"]


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        (SourceState.SILENT, QUARANTINE // 2, ServiceState.READY),
        (SourceState.SILENT, QUARANTINE // 2 + 1, ServiceState.STALE),
        (SourceState.REMEMBERED, QUARANTINE // 2 + 1, ServiceState.STALE),
        (SourceState.SYNCED, QUARANTINE * 2, ServiceState.READY),
    ],
)
def test_a_view_older_than_half_a_quarantine_is_not_answered_from(registry, state, age, expected):
    registry.apply([SetFreshness(Freshness("east", state, 100))], 100)
    if state is not SourceState.SYNCED:
        assert registry.next_deadline == 100 + QUARANTINE // 2 + 1
    registry.tick(100 + age)
    assert service(registry, "a.ns").state is expected


def test_one_fresh_contributor_is_enough():
    registry = both(export("a.ns"), export("a.ns", "west"))
    registry.apply([SetFreshness(Freshness("west", SourceState.SILENT, 10))], 10)
    registry.tick(10 + QUARANTINE)
    assert service(registry, "a.ns").state is ServiceState.READY


def test_ports_are_united_and_the_older_is_right():
    young = (Port(81, "http", "HTTP"), Port(9, "admin"))
    registry = both(export("a.ns", created_at=1), export("a.ns", "west", created_at=2, ports=young))
    assert service(registry, "a.ns").ports == (Port(80, "http", "HTTP"), Port(9, "admin"))
    assert [c.rule for c in registry.conflicts()] == ["port-number"]


def test_a_none_entry_is_known_and_has_no_address():
    registry = both(export("a.ns", resolution=Resolution.NONE))
    assert service(registry, "a.ns").state is ServiceState.NONE
    assert not registry.claims.of_host(A)


def test_istios_own_allocation_is_answered_as_local_and_not_claimed():
    registry = both(export("a.ns", local=["240.240.0.9"]))
    assert service(registry, "a.ns").rule == "istio-local"
    assert service(registry, "a.ns").vips == (vip("240.240.0.9"),)
    assert not registry.claims.of_host(A)


def test_changed_at_is_the_last_change_of_what_is_answered(registry):
    first = service(registry, "a.ns").changed_at
    registry.apply([Put(export("a.ns", created_at=0))], 50)
    assert service(registry, "a.ns").changed_at == first
    registry.apply([Put(export("a.ns", ports=(Port(9, "x"),)))], 60)
    assert service(registry, "a.ns").changed_at == 60


@pytest.mark.parametrize(("text", "changed_at"), [("240.128.0.7", 3), ("240.128.0.8", 10)])
def test_the_time_of_the_last_change_outlives_a_restart(text, changed_at):
    last = [answered("a.ns", text, changed_at=3)]
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 1)], last)
    settled(registry, reset("east", export("a.ns")), reset("west"))
    assert service(registry, "a.ns").changed_at == changed_at


SERVED = service(both(export("a.ns")), "a.ns")


@pytest.mark.parametrize("state", ServiceState)
def test_clients_are_told_addresses_in_three_states_only(state):
    told = answered_vips(structs.replace(SERVED, state=state))
    is_answered = state in {ServiceState.READY, ServiceState.PARTIAL, ServiceState.CLAIMED}
    assert told == (SERVED.vips if is_answered else ())


def test_what_is_no_service_is_answered_with_nothing():
    assert answered_vips(None) == ()


LOCAL = ["240.240.0.9"]
STATES = [
    # exports, the state, the rule
    ([export("a.ns")], "ready", "given"),
    ([export("a.ns", pins=["240.0.0.5"])], "ready", "pinned"),
    ([export("a.ns"), export("a.ns", "west", pins=["240.0.0.5"])], "ready", "pinned"),
    ([export("a.ns", pins=["10.0.0.1"])], "pin-outside", "pin-outside"),
    ([export("a.ns", pins=["10.0.0.1", "240.0.0.5"])], "ready", "pinned"),
    ([export("a.ns", resolution=Resolution.NONE, pins=["240.0.0.5"])], "none", "none"),
    (
        [export("a.ns", resolution=Resolution.NONE), export("a.ns", "west", created_at=2)],
        "none",
        "none",
    ),
    ([export("a.ns", local=LOCAL)], "ready", "istio-local"),
    ([export("a.ns", local=LOCAL, pins=["240.0.0.5"])], "ready", "pinned"),
    ([export("a.ns", "west", local=LOCAL)], "ready", "given"),
]


@pytest.mark.parametrize(("exports", "state", "rule"), STATES)
def test_a_host_has_the_state_and_the_rule_of_what_decides_its_addresses(exports, state, rule):
    found = service(both(*exports), "a.ns")
    assert (found.state, found.rule) == (state, rule)
    assert bool(found.vips) is (state == "ready")


def test_istios_own_allocation_is_answered_ipv4_first():
    registry = both(export("a.ns", local=["2001:2::9", "240.240.0.9"]))
    assert service(registry, "a.ns").vips == (vip("240.240.0.9"), vip("2001:2::9"))


def test_a_pin_on_its_way_to_the_ledger_leaves_the_old_number_in_place(registry):
    old = service(registry, "a.ns")
    registry.apply([Put(export("a.ns", pins=["240.0.0.5"]))], 20)
    assert service(registry, "a.ns").vips == old.vips
    assert service(registry, "a.ns").rule == old.rule


def test_istios_own_allocation_is_not_kept_while_a_number_is_on_its_way():
    registry = both(export("a.ns", local=LOCAL))
    registry.apply([Put(export("a.ns"))], 20)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED


def test_a_host_that_only_claims_know_is_no_service_once_its_cluster_has_spoken():
    known = [claim("a.ns", "240.128.0.7", 5), claim("b.ns", "240.128.0.8", 5, "west")]
    registry = settled(Registry(settings(), known), reset("east"))
    assert set(registry.services) == {B}
    assert service(registry, "b.ns").ports == ()
    assert service(registry, "b.ns").zones == ("global",)


def test_retired_claims_make_no_service():
    known = [claim("a.ns", "240.128.0.7", 5, "west", retired_at=9)]
    assert not settled(Registry(settings(), known), reset("east")).services


def test_the_service_itself_is_kept_where_nothing_is_different(registry):
    before = service(registry, "a.ns")
    registry.apply([Put(export("a.ns"))], 50)
    assert service(registry, "a.ns") is before


CHANGES = [
    (export("a.ns", created_at=0), False),
    (structs.replace(export("a.ns"), endpoints=(Endpoint("10.0.0.1"),)), False),
    (export("a.ns", ports=()), True),
    (export("a.ns", zones=("other",)), True),
    (export("a.ns", resolution=Resolution.NONE), True),
    (export("a.ns", "west", created_at=2), True),
]


@pytest.mark.parametrize(("changed", "is_other_answer"), CHANGES)
def test_only_another_answer_is_dated_now(registry, changed, is_other_answer):
    delta = registry.apply([Put(changed)], 50)
    registry.acknowledge(delta.claims, 50)
    assert [one.host for one in delta.services] == [A]
    assert service(registry, "a.ns").changed_at == (50 if is_other_answer else 10)


def test_the_last_zone_has_no_say_after_settling():
    last = structs.replace(answered("a.ns", "240.128.0.7", changed_at=3), clusters=("west",))
    kept = ledger("west", claim("a.ns", "240.128.0.7", 1, "west"))
    registry = Registry(settings(), last=[last])
    settled(registry, reset("east"), reset("west", ledger=kept))
    registry.apply([Put(export("a.ns", "west"))], 20)
    assert service(registry, "a.ns").state is ServiceState.READY
    assert service(registry, "a.ns").changed_at == 20


@pytest.mark.parametrize("doubt", Doubt)
def test_what_a_doubtful_view_lacks_is_answered_from_claims_alone(doubt):
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    doubtful = Freshness("east", SourceState.SYNCED, 10, doubt=doubt)
    view = structs.replace(reset("east").view, freshness=doubtful)
    settled(registry, Reset(view), reset("west"))
    state = None if A not in registry.services else service(registry, "a.ns").state
    assert state is (ServiceState.CLAIMED if doubt else None)


@pytest.mark.parametrize("doubt", Doubt)
def test_what_only_a_pin_is_known_of_is_neither_answered_nor_denied_in_doubt(doubt):
    doubtful = Freshness("east", SourceState.SYNCED, 10, doubt=doubt)
    view = reset("east", policies=(policy("a.ns", "240.0.0.5"),)).view
    registry = settled(
        Registry(settings()), Reset(structs.replace(view, freshness=doubtful)), reset("west")
    )
    state = None if A not in registry.services else service(registry, "a.ns").state
    assert state is (ServiceState.UNHEARD if doubt else None)
    registry.apply([SetFreshness(structs.replace(doubtful, doubt=Doubt.NONE))], 20)
    assert A not in registry.services


def test_a_pin_on_its_way_is_not_called_outside_because_of_another():
    registry = both()
    registry.apply([Put(export("a.ns", pins=["10.0.0.1", "240.0.0.5"]))], 20)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED


def test_a_claim_that_an_unheard_cluster_has_retired_makes_no_service():
    known = [claim("a.ns", "240.128.0.7", 1, "west", retired_at=2)]
    kept = ledger("north", claim("a.ns", "240.128.0.8", 5, "north"))
    registry = Registry(settings(clusters=("east", "north", "west")), known)
    settled(registry, reset("east"), reset("north", ledger=kept))
    assert registry.claims.held(A)
    assert A not in registry.services


def test_a_stale_host_is_answered_again_when_its_cluster_speaks_again(registry):
    vips = service(registry, "a.ns").vips
    registry.apply([SetFreshness(Freshness("east", SourceState.SILENT, 10))], 10)
    registry.tick(10 + QUARANTINE)
    assert service(registry, "a.ns").state is ServiceState.STALE
    registry.apply([SetFreshness(Freshness("east", SourceState.SYNCED, 2000))], 2000)
    assert service(registry, "a.ns").state is ServiceState.READY
    assert service(registry, "a.ns").vips == vips


def test_a_number_is_answered_as_soon_as_one_of_its_claims_is_written():
    registry = both()
    delta = registry.apply([Put(export("a.ns")), Put(export("a.ns", "west"))], 20)
    first, second = delta.claims
    assert first.vip == second.vip
    registry.acknowledge([second], 21)
    assert service(registry, "a.ns").state is ServiceState.READY


def test_a_host_that_lost_its_number_before_it_was_written_is_exhausted_at_once():
    registry = settled(Registry(settings(pools=["240.128.0.0/30"])), reset("east"), reset("west"))
    registry.apply([Put(export("a.ns"))], 20)
    registry.apply([Put(export("b.ns"))], 20)
    taken = format_address(registry.claims.held(Host("a.ns"))[0].vip)
    registry.apply([Put(export("c.ns", pins=[taken]))], 21)
    assert service(registry, "a.ns").state is ServiceState.EXHAUSTED


BOTH_FAMILIES = ["240.128.0.0/24", "fd00::/120"]


def test_while_the_number_of_one_family_is_on_its_way_no_address_of_it_is_denied():
    registry = settled(
        Registry(settings(pools=BOTH_FAMILIES)), reset("east", export("a.ns")), reset("west")
    )
    four, six = service(registry, "a.ns").vips
    older = claim("b.ns", format_address(four), 1, "west")
    delta = registry.import_claims([older], 20)
    assert service(registry, "a.ns").vips == (four, six)
    given = [claim for claim in delta.claims if claim.host == A and not claim.is_retired]
    (move,) = registry.acknowledge({*delta.claims} - {*given}, 20).moves
    assert (service(registry, "a.ns").state, move.reason) == (ServiceState.PARTIAL, "collision")
    assert service(registry, "a.ns").vips == (six,)
    registry.acknowledge(given, 20)
    assert service(registry, "a.ns").state is ServiceState.READY
    assert len(service(registry, "a.ns").vips) == 2


def test_a_family_that_nobody_can_give_is_denied():
    pools = ["240.128.0.0/30", "fd00::/120"]
    exports = [export(f"{name}.ns") for name in "abc"]
    registry = settled(Registry(settings(pools=pools)), reset("east", *exports), reset("west"))
    states = {len(one.vips): one.state for one in registry.services.values()}
    assert states == {2: ServiceState.READY, 1: ServiceState.READY}


def test_what_others_are_to_number_and_have_not_is_no_address():
    own = ledger("west", claim("a.ns", "240.128.0.9", 1, "west"))
    view = reset("west", export("a.ns", "west"), ledger=own)
    registry = settled(Registry(settings(pools=BOTH_FAMILIES)), view, reset("east"))
    assert service(registry, "a.ns").state is ServiceState.READY

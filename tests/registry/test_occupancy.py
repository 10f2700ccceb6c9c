import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.address import Address, Family, parse_prefix
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Freshness,
    Put,
    Remove,
    SetFreshness,
    SourceState,
)
from globaldns.registry.occupancy import Occupancy
from globaldns.registry.registry import Registry
from globaldns.registry.vip import make_rooms
from tests.registry.mesh import (
    QUARANTINE,
    TTL,
    B,
    export,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)

POOL = parse_prefix("240.128.0.0/29")
PREFIXES = [POOL, parse_prefix("240.129.0.0/30")]
ADDRESSES = [*map(POOL.at, range(8)), vip("240.129.0.1"), vip("240.0.0.1")]


def host(number: int) -> Host:
    return Host(f"svc{number}.ns")


def occupancy(*, reserved: str = "240.128.0.4/32") -> Occupancy:
    return Occupancy(make_rooms(PREFIXES, [parse_prefix(reserved)]), 100)


def counts(found: Occupancy) -> list[tuple[int, int, int]]:
    return [(usage.held, usage.resting, usage.free) for usage in found.usage()]


def test_no_address_is_given_to_another_host_within_quarantine():
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30"])),
        reset("east", export("a.ns"), export("b.ns")),
        reset("west"),
    )
    taken = service(registry, "b.ns").vips
    remember(registry, registry.apply([Remove("east", B), Put(export("c.ns"))], 20), 20)
    assert service(registry, "c.ns").state is ServiceState.EXHAUSTED
    registry.tick(20 + 10 * TTL)
    assert registry.next_deadline == 20 + QUARANTINE
    registry.tick(20 + QUARANTINE - 1)
    assert service(registry, "c.ns").state is ServiceState.EXHAUSTED
    remember(registry, registry.tick(20 + QUARANTINE), 20 + QUARANTINE)
    assert service(registry, "c.ns").vips == taken


def test_a_rest_does_not_end_while_a_cluster_that_claimed_the_vip_is_silent():
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30"])),
        reset("east", export("a.ns")),
        reset("west", export("b.ns", "west")),
    )
    silent = SetFreshness(Freshness("west", SourceState.SILENT, 20))
    remember(registry, registry.apply([Remove("west", B), Put(export("c.ns"))], 20), 20)
    registry.apply([silent], 20)
    registry.tick(20 + QUARANTINE)
    assert service(registry, "c.ns").state is ServiceState.EXHAUSTED
    back = SetFreshness(Freshness("west", SourceState.SYNCED, 2000))
    remember(registry, registry.apply([back], 2000), 2000)
    assert service(registry, "c.ns").state is ServiceState.READY


@pytest.mark.parametrize("reserved", [[], ["240.128.0.0/28", "240.128.0.64/26"]])
def test_a_pool_gives_all_that_it_may_give_and_then_nothing(reserved):
    prefixes = tuple(map(parse_prefix, reserved))
    pool = parse_prefix("240.128.0.0/24")
    occupancy = Occupancy(make_rooms([pool], prefixes), 100)
    capacity = occupancy.usage()[0].capacity
    given = [occupancy.take(host(number), Family.IPV4) for number in range(capacity)]
    assert None not in given
    assert len(set(given)) == capacity
    assert not any(vip in prefix for vip in given for prefix in prefixes)
    assert pool.first not in given
    assert pool.last not in given
    assert occupancy.take(host(999), Family.IPV4) is None
    assert occupancy.usage()[0].filled == 1


def test_pools_are_filled_in_their_order_and_families_apart():
    pools = [parse_prefix(p) for p in ("240.128.0.0/30", "fd00::/64", "240.129.0.0/30")]
    occupancy = Occupancy(make_rooms(pools, ()), 100)
    given = [occupancy.take(host(number), Family.IPV4) for number in range(5)]
    assert [vip[1] for vip in given if vip] == [128, 128, 129, 129]
    assert given[4] is None
    assert len(occupancy.take(host(9), Family.IPV6)) == 16


def test_a_vip_rests_from_its_last_retirement_for_a_quarantine():
    pool = parse_prefix("240.128.0.0/24")
    occupancy = Occupancy(make_rooms([pool], ()), 100)
    vip = pool.at(7)
    live = Claim(host(1), vip, 5, "east", ClaimKind.GIVEN)
    occupancy.update(vip, [live])
    assert (occupancy.usage()[0].held, occupancy.is_resting(vip)) == (1, False)
    occupancy.update(vip, [live.retire(10, "withdrawn"), live.retire(20, "withdrawn")])
    assert (occupancy.usage()[0].resting, occupancy.next_end) == (1, 120)
    assert not occupancy.end_rests(119, lambda _: True, recheck=True)
    assert not occupancy.end_rests(120, lambda _: False, recheck=True)
    assert not occupancy.end_rests(121, lambda _: True, recheck=False)
    assert occupancy.end_rests(121, lambda _: True, recheck=True)
    assert vip not in occupancy


def made(address: Address, retired_at: int | None = None) -> Claim:
    live = Claim(host(1), address, 5, "east", ClaimKind.GIVEN)
    return live if retired_at is None else live.retire(retired_at, "withdrawn")


def test_usage_adds_up_and_leaves_out_what_is_never_given():
    found = occupancy().usage()
    assert [(one.size, one.reserved, one.capacity, one.free) for one in found] == [
        (8, 3, 5, 5),
        (4, 2, 2, 2),
    ]
    assert [one.filled for one in found] == [0, 0]


def test_a_pool_without_any_room_is_full():
    (usage,) = Occupancy(make_rooms([parse_prefix("240.128.0.0/31")], []), 100).usage()
    assert (usage.capacity, usage.filled) == (0, 1.0)


@pytest.mark.parametrize("address", ["240.128.0.0", "240.128.0.4", "240.128.0.7", "240.0.0.1"])
def test_what_is_never_given_fills_no_pool_though_it_may_be_taken(address):
    found = occupancy()
    found.update(vip(address), [made(vip(address))])
    assert vip(address) in found
    assert counts(found) == [(0, 0, 5), (0, 0, 2)]


def test_to_choose_takes_nothing_and_to_take_does():
    found = occupancy()
    chosen = found.choose(host(1), Family.IPV4)
    assert chosen not in found
    assert found.take(host(1), Family.IPV4) == chosen
    assert chosen in found
    assert found.choose(host(1), Family.IPV4) != chosen
    assert found.choose(host(1), Family.IPV6) is None
    assert found.take(host(1), Family.IPV6) is None
    assert counts(found) == [(1, 0, 4), (0, 0, 2)]


def test_a_rest_that_may_not_end_is_overdue_until_it_may():
    found = occupancy()
    held, free = ADDRESSES[1:3]
    for address in (held, free):
        found.update(address, [made(address, 10)])
    assert found.end_rests(110, lambda address: address == free, recheck=False)
    assert (found.overdue, found.is_resting(held), free in found) == ({held}, True, False)
    assert found.end_rests(111, lambda _: True, recheck=True)
    assert (found.overdue, held in found) == (frozenset(), False)


def test_a_rest_that_was_broken_off_does_not_end_by_its_old_date():
    found = occupancy()
    address = ADDRESSES[1]
    found.update(address, [made(address, 10)])
    found.update(address, [made(address, 10), made(address)])
    assert not found.end_rests(200, lambda _: True, recheck=True)
    found.update(address, [made(address, 150), made(address, 10)])
    assert not found.end_rests(249, lambda _: True, recheck=True)
    assert found.end_rests(250, lambda _: True, recheck=True)


CLAIMS = st.lists(
    st.tuples(st.sampled_from(ADDRESSES), st.none() | st.integers(5, 300)), max_size=30
)


@given(CLAIMS, st.lists(st.integers(0, 500), max_size=3))
def test_what_is_counted_step_by_step_is_what_all_claims_say(steps, times):
    found, known = occupancy(), {}
    for address, retired_at in steps:
        known[address] = [made(address, retired_at)]
        found.update(address, known[address])
    for now in sorted(times):
        found.end_rests(now, lambda _: True, recheck=False)
    now = max(times, default=0)
    live = {a for a, (one,) in known.items() if not one.is_retired}
    resting = {a for a, (one,) in known.items() if one.is_retired and one.retired_at + 100 > now}
    assert {a for a in ADDRESSES if a in found} == live | resting
    assert {a for a in ADDRESSES if found.is_resting(a)} == resting
    open_to_all = {*ADDRESSES[1:4], *ADDRESSES[5:7]}
    assert counts(found)[0][:2] == (len(live & open_to_all), len(resting & open_to_all))

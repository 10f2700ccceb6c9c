from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.admin.vips import (
    VipSelection,
    report_claim,
    report_pool,
    report_vip,
    report_vip_page,
    select_vips,
)
from globaldns.errors import RequestRefused
from globaldns.model.address import Address, format_address
from globaldns.model.claim import ClaimKind
from globaldns.model.view import Freshness, Remove, SetFreshness, SetLedger, SourceState
from globaldns.registry.claims import Claims
from globaldns.registry.registry import Registry
from tests.registry.mesh import QUARANTINE, claim, ledger, reset, settings, settled, vip

ZONES = ("global",)
HISTORY = (
    claim("a.ns", "240.128.0.9", 5),
    claim("a.ns", "fd00::1", 5),
    claim("b.ns", "240.128.0.10", 6),
    claim("web.shop", "240.128.0.2", 7, kind=ClaimKind.PINNED),
)


def claims_of(*claims):
    known = Claims(lambda _: True)
    known.add(claims)
    return known


def report(claims, *, now):
    address = vip("240.128.0.9")
    history, holder = claims.of_vip(address), claims.holder(address)
    return report_vip(address, history, holder, now=now, quarantine=100)


def listed(claims, **selection):
    page, more = select_vips(claims.vips, claims.of_vip, VipSelection(zones=ZONES, **selection))
    return list(map(format_address, page)), more


ALL = ["240.128.0.2", "240.128.0.9", "240.128.0.10", "fd00::1"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*", ALL),
        ("?.ns", ["240.128.0.9", "240.128.0.10", "fd00::1"]),
        ("A.ns.global", ["240.128.0.9", "fd00::1"]),
        ("240.128.0.2", ["240.128.0.2"]),
        ("FD00:0::1", ["fd00::1"]),
        ("240.128.0.*", []),
        ("a.ns.other", []),
    ],
)
def test_a_glob_is_of_hosts_and_an_address_means_itself(glob, expected):
    assert listed(claims_of(*HISTORY), glob=glob) == (expected, None)


def test_a_glob_that_is_longer_than_any_name_is_refused():
    with pytest.raises(RequestRefused, match="255 characters"):
        listed(claims_of(*HISTORY), glob="a" * 256)


@given(st.sets(st.binary(min_size=4, max_size=4), max_size=20), st.integers(1, 7))
def test_pages_have_every_vip_once_in_numerical_order(addresses, limit):
    claims = claims_of()
    pages, after = [], None
    while True:
        selection = VipSelection(limit=limit, after=after)
        page, after = select_vips(map(Address, addresses), claims.of_vip, selection)
        pages += page
        if after is None:
            break
        assert len(page) == limit
    assert pages == sorted(addresses)


@pytest.mark.parametrize(
    ("history", "state", "host", "since"),
    [
        ([claim("a.ns", "240.128.0.9", 5)], "held", "a.ns", 5),
        ([claim("a.ns", "240.128.0.9", 5, retired_at=60)], "resting", "a.ns", 60),
        ([claim("a.ns", "240.128.0.9", 5, retired_at=50)], "released", "a.ns", 50),
        (
            [
                claim("a.ns", "240.128.0.9", 5, retired_at=20),
                claim("b.ns", "240.128.0.9", 30, retired_at=60),
            ],
            "resting",
            "b.ns",
            60,
        ),
        (
            [
                claim("a.ns", "240.128.0.9", 5, retired_at=20),
                claim("b.ns", "240.128.0.9", 90),
            ],
            "held",
            "b.ns",
            90,
        ),
    ],
)
def test_a_vip_is_held_or_rests_or_is_released(history, state, host, since):
    found = report(claims_of(*history), now=150)
    minute, second = divmod(since, 60)
    assert (found.state, found.host) == (state, host)
    assert found.since == f"1970-01-01T00:{minute:02}:{second:02}Z"


def test_a_vip_whose_only_claim_does_not_count_is_lost():
    claims = Claims(lambda _: False)
    claims.add([claim("a.ns", "240.128.0.9", 5)])
    assert report(claims, now=150).state == "lost"


def test_the_clusters_of_a_vip_are_those_that_still_claim_it_for_its_holder():
    claims = claims_of(
        claim("a.ns", "240.128.0.9", 5, "west"),
        claim("a.ns", "240.128.0.9", 5, "east"),
        claim("a.ns", "240.128.0.9", 4, "north", retired_at=9),
        claim("b.ns", "240.128.0.9", 7, "flat"),
    )
    found = report(claims, now=10)
    assert (found.host, found.clusters) == ("a.ns", ("east", "west"))
    assert found.holder == "east"
    assert [line.cluster for line in found.claims] == ["north", "east", "west", "flat"]


def test_a_claim_is_told_with_its_end():
    told = report_claim(claim("a.ns", "240.128.0.9", 5, retired_at=61))
    assert (told.retired_at, told.reason) == ("1970-01-01T00:01:01Z", "withdrawn")
    assert report_claim(claim("a.ns", "240.128.0.9", 5)).retired_at is None


def test_a_pool_s_size_is_all_that_is_in_it(mesh):
    mesh.turn(lambda registry: registry.apply([Remove("east", "only.shop")], 20))
    (pool,) = map(report_pool, mesh.registry.usage())
    assert (pool.pool, pool.held, pool.resting) == ("240.128.0.0/24", 2, 1)
    assert pool.held + pool.resting + pool.reserved + pool.free == pool.size == 256


def test_a_page_tells_states_at_its_own_time(mesh):
    mesh.turn(lambda registry: registry.apply([Remove("east", "only.shop")], 20))

    def state(now):
        page = report_vip_page(mesh.registry, VipSelection(glob="only.shop"), now=now)
        (found,) = page.items
        return found.state

    assert state(20 + QUARANTINE - 1) == "resting"
    assert state(20 + QUARANTINE) == "released"


def test_a_page_names_the_next_by_its_last_vip(mesh):
    page = report_vip_page(mesh.registry, VipSelection(limit=1), now=20)
    assert page.next == page.items[0].vip
    rest = report_vip_page(mesh.registry, VipSelection(after=vip(page.next)), now=20)
    assert (len(rest.items), rest.next) == (2, None)


class Hasty(Claims):
    """Claims of which one VIP's are forgotten after all VIPs were listed."""

    @property
    def vips(self):
        return [*super().vips, vip("240.128.0.99")]


def test_a_vip_that_is_forgotten_meanwhile_is_left_out(mesh):
    before = report_vip_page(mesh.registry, VipSelection(), now=20)
    mesh.registry.claims = Hasty(lambda _: True)
    mesh.registry.claims.add(mesh.registry.numbering.all_of_vip(vip(before.items[0].vip)))
    page = report_vip_page(mesh.registry, VipSelection(), now=20)
    assert page.items == before.items[:1]


def test_a_vip_that_a_ledger_drops_is_shown_as_one_that_rests():
    held = claim("a.ns", "240.128.0.9", 5, "west")
    first, second = ledger("west", held), ledger("west")
    registry = settled(Registry(settings()), reset("west", ledger=first), reset("east"))
    registry.apply([SetLedger("west", second)], 20)
    (found,) = report_vip_page(registry, VipSelection(glob="a.ns"), now=21).items
    assert (found.vip, found.state, found.host) == ("240.128.0.9", "resting", "a.ns")
    assert found.holder == ""


def test_of_two_that_retired_a_vip_together_the_older_is_who_had_it():
    claims = claims_of(
        claim("b.ns", "240.128.0.9", 5, retired_at=90),
        claim("a.ns", "240.128.0.9", 7, retired_at=90),
        claim("c.ns", "240.128.0.9", 5, retired_at=90),
    )
    assert report(claims, now=100).host == "b.ns"


def test_a_vip_whose_rest_may_not_end_rests(mesh):
    mesh.turn(lambda registry: registry.apply([Remove("east", "only.shop")], 20))
    silent = Freshness("east", SourceState.SILENT, 20)
    mesh.turn(lambda registry: registry.apply([SetFreshness(silent)], 21))
    mesh.turn(lambda registry: registry.tick(20 + QUARANTINE))
    selection = VipSelection(glob="only.shop")
    (found,) = report_vip_page(mesh.registry, selection, now=20 + QUARANTINE).items
    assert found.state == "resting"

import pytest
from msgspec import structs

from globaldns.model.address import parse_prefix
from globaldns.model.claim import ClaimKind
from globaldns.registry.plan import plan
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    both,
    claim,
    export,
    partly_refused,
    remember,
    reset,
    service,
    settings,
    vip,
)


@pytest.fixture
def registry() -> Registry:
    return partly_refused()


def test_a_plan_names_what_lies_outside_other_pools(registry):
    elsewhere = structs.replace(registry.settings, pools=(parse_prefix("240.130.0.0/24"),))
    (move,) = plan(registry, elsewhere)
    assert (move.host, move.reason) == ("a.ns", "outside-pools")
    assert move.new in elsewhere.pools[0]
    assert plan(registry, registry.settings) == ()
    registry.reconfigure(elsewhere, 30)
    remember(registry, registry.renumber(["a.ns"], 30), 30)
    assert service(registry, "a.ns").vips == (move.new,)


def test_a_plan_names_who_loses_its_vip_to_a_pin():
    known = [claim("a.ns", "240.128.0.7", 5), claim("b.ns", "240.128.0.8", 5)]
    registry = Registry(settings(), known)
    registry.apply([reset("east", export("a.ns", pins=["240.128.0.8"]), export("b.ns"))], 10)
    moves = [(move.host, move.reason, move.by) for move in plan(registry, registry.settings)]
    assert moves == [("a.ns", "pinned", "a.ns"), ("b.ns", "pin-of-another", "a.ns")]


def test_a_plan_moves_nothing(registry):
    before = (registry.services, set(registry.claims), registry.usage())
    plan(registry, structs.replace(registry.settings, pools=(parse_prefix("240.130.0.0/24"),)))
    assert (registry.services, set(registry.claims), registry.usage()) == before


def test_where_the_new_pools_are_full_a_host_has_nowhere_to_go():
    registry = both(export("a.ns"), export("b.ns"), export("c.ns"))
    moves = plan(registry, settings(pools=["240.130.0.0/30"]))
    assert [move.host for move in moves] == ["a.ns", "b.ns", "c.ns"]
    assert [move.new is None for move in moves] == [False, False, True]


def test_pins_do_not_move_with_the_pools():
    registry = both(export("a.ns", pins=["240.128.0.7"]))
    assert plan(registry, settings(pools=["240.130.0.0/24"])) == ()


@pytest.mark.parametrize(
    ("pin", "moves"),
    [
        ("240.128.0.9", [("a.ns", "240.128.0.9", "pinned")]),
        ("fd00::1", [("a.ns", None, "pinned")]),
        ("10.0.0.1", []),
        ("240.0.0.5", [("a.ns", "240.0.0.5", "pinned")]),
    ],
)
def test_a_pin_that_no_ledger_has_yet_is_planned_if_it_may_be_answered(pin, moves):
    known = [claim("a.ns", "240.128.0.7", 5)]
    obeyed = settings(pins=["240.0.0.0/4", "fd00::/16"])
    registry = Registry(obeyed, known)
    registry.apply([reset("east", export("a.ns", pins=[pin]))], 10)
    expected = [(host, new and vip(new), reason) for host, new, reason in moves]
    assert [(m.host, m.new, m.reason) for m in plan(registry, obeyed)] == expected


def test_a_pin_takes_no_vip_from_another_pin():
    registry = both(export("a.ns", pins=["240.0.0.5"]), export("b.ns", "west", pins=["240.0.0.5"]))
    assert plan(registry, registry.settings) == ()


def test_from_pin_to_pin_is_no_move_of_a_number():
    known = [claim("a.ns", "240.0.0.5", 1, kind=ClaimKind.PINNED)]
    registry = Registry(settings(), known)
    registry.apply([reset("east", export("a.ns", pins=["240.0.0.6"]))], 10)
    assert plan(registry, registry.settings) == ()

import pytest
from msgspec import structs

from globaldns.model.claim import ClaimKind
from globaldns.model.export import Resolution
from globaldns.model.host import Host
from globaldns.model.service import Service, ServiceState
from globaldns.model.snapshot import Answering, Entry, Handover, Waits, to_entry
from globaldns.model.view import Put, Remove
from globaldns.registry.handover import Handovers, carry_over
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    HTTP,
    NO_LEDGER,
    TTL,
    A,
    B,
    claim,
    export,
    ledger,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)

X, Y = vip("240.128.0.7"), vip("240.128.0.8")


def answered(host: str, text: str) -> Entry:
    """A host as a run before answered it."""
    exports = (export(host),)
    return to_entry(
        Service(
            Host(host), ("global",), ServiceState.READY, (vip(text),), HTTP, exports, 1, "given"
        )
    )


def test_the_winner_of_a_vip_waits_until_the_losers_answers_are_gone(registry):
    taken = service(registry, "a.ns").vips[0]
    text = ".".join(map(str, taken))
    remember(registry, registry.apply([Put(export("b.ns", pins=[text]))], 20), 20)
    assert service(registry, "b.ns").state is ServiceState.HANDOVER
    assert registry.waits.handovers == {taken: Handover(A, 20 + 10 * TTL)}
    assert registry.next_deadline == 20 + 10 * TTL
    registry.tick(20 + 10 * TTL)
    assert service(registry, "b.ns").state is ServiceState.READY


def test_a_hand_over_outlives_a_restart():
    registry = Registry(
        settings(),
        [claim("b.ns", "240.128.0.7", 5)],
        last=[answered("a.ns", "240.128.0.7")],
        waits=Waits({vip("240.128.0.8"): Handover(A, 30)}),
    )
    settled(registry, reset("east", export("b.ns")), reset("west"))
    assert service(registry, "b.ns").state is ServiceState.HANDOVER
    assert registry.waits.handovers == {
        vip("240.128.0.7"): Handover(A, 10 + 10 * TTL),
        vip("240.128.0.8"): Handover(A, 30),
    }


def test_a_host_that_comes_back_after_a_restart_waits_for_nobody(registry):
    vips = service(registry, "a.ns").vips
    delta = registry.apply([Remove("east", A)], 20)
    remember(registry, delta, 20)
    anew = Registry(settings(), delta.claims, waits=registry.waits)
    settled(anew, reset("east", export("a.ns")), reset("west"), now=30)
    assert (service(anew, "a.ns").state, service(anew, "a.ns").vips) == (ServiceState.READY, vips)


def test_a_host_that_got_its_vip_back_waits_for_nobody_after_a_restart(registry):
    first = service(registry, "a.ns").vips
    for pins in (["240.0.0.5"], []):
        remember(registry, registry.apply([Put(export("a.ns", pins=pins))], 20), 20)
    assert service(registry, "a.ns").vips == first
    assert registry.waits.handovers == {vip("240.0.0.5"): Handover(A, 20 + 10 * TTL)}


LENGTH = 50


def handovers(ended=None, last=()):
    return Handovers(Waits(ended or {}), last, LENGTH)


def test_a_vip_waits_for_every_host_but_the_one_that_had_it():
    waits = handovers()
    waits.begin(A, [X], 10)
    assert (waits.waits.handovers, waits.next_end) == ({X: Handover(A, 60)}, 60)
    assert not waits.is_idle
    assert waits.is_waiting(B, X, 59)
    assert not waits.is_waiting(B, X, 60)
    assert not waits.is_waiting(A, X, 20)
    assert not waits.is_waiting(B, Y, 20)


def test_a_wait_that_was_remembered_is_one_for_every_host_but_the_one_that_had_the_vip():
    waits = handovers({X: Handover(A, 50)})
    assert not waits.is_waiting(A, X, 20)
    assert waits.is_waiting(B, X, 20)


def test_what_is_answered_again_has_no_wait():
    waits = handovers()
    waits.begin(A, [X, Y], 10)
    waits.resume([X])
    assert waits.waits.handovers == {Y: Handover(A, 60)}


def test_waits_end_in_their_order_and_a_wait_that_began_anew_ends_once():
    waits = handovers({Y: Handover(B, 60)})
    waits.begin(A, [X], 0)
    waits.begin(A, [X], 20)
    assert waits.end(59) == []
    assert waits.end(60) == [Y]
    assert waits.end(70) == [X]
    assert (waits.end(99), waits.next_end, waits.is_idle) == ([], None, True)


def test_what_the_last_zone_has_for_another_host_begins_to_wait_when_it_is_asked_for():
    waits = handovers(last=[answered("a.ns", "240.128.0.7")])
    assert (waits.is_idle, waits.waits.handovers) == (False, {})
    assert not waits.is_waiting(A, X, 10)
    assert waits.is_waiting(B, X, 10)
    assert waits.waits.handovers == {X: Handover(A, 60)}
    assert waits.is_waiting(B, X, 20)
    assert waits.waits.handovers == {X: Handover(A, 60)}


def test_what_the_last_zone_did_not_answer_matters_not():
    entry = answered("a.ns", "240.128.0.7")
    assert handovers(last=[structs.replace(entry, answering=Answering.FAILURE)]).is_idle


@pytest.mark.parametrize("is_answered_again", [True, False])
def test_what_only_the_replaced_zone_answered_waits_from_then_on(is_answered_again):
    waits = handovers(last=[answered("a.ns", "240.128.0.7")])
    assert waits.last_answered(A) == (X,)
    if is_answered_again:
        waits.resume([X])
    waits.replace_zone(10)
    assert waits.waits.handovers == ({} if is_answered_again else {X: Handover(A, 60)})
    assert not waits.is_waiting(A, X, 10)


def test_what_the_replaced_zone_answered_waits_though_its_host_has_another_vip_by_now():
    waits = handovers(last=[answered("a.ns", "240.128.0.7")])
    waits.set_last(A, ())
    waits.resume([Y])
    waits.replace_zone(10)
    assert waits.is_waiting(B, X, 59)


def test_a_host_is_known_by_what_it_was_answered_with_last_until_it_is_answered_again():
    waits = handovers()
    waits.set_last(A, (X, Y))
    assert waits.last_answered(A) == (X, Y)
    waits.set_last(A, ())
    assert waits.last_answered(A) == ()


def test_a_wait_that_began_while_the_old_zone_was_answered_is_counted_from_its_end():
    waits = handovers(last=[answered("a.ns", "240.128.0.7")])
    assert waits.is_waiting(B, X, 10)
    waits.replace_zone(15)
    assert waits.waits.handovers == {X: Handover(A, 65)}
    assert waits.end(60) == []
    assert waits.is_waiting(B, X, 64)


def test_a_zone_that_was_replaced_makes_nobody_wait_a_second_time():
    waits = handovers(last=[answered("a.ns", "240.128.0.7")])
    waits.replace_zone(10)
    assert waits.end(60) == [X]
    assert not waits.is_waiting(B, X, 61)


@pytest.mark.parametrize(
    ("length", "begun", "until"),
    [
        (5, 11, 60),  # all that was kept for 50 seconds ends with what was answered at 10
        (5, 57, 62),
        (70, 11, 81),
    ],
    ids=["shorter", "shorter, a while ago", "longer"],
)
def test_answers_are_waited_for_as_long_as_they_may_be_kept_by_what_was_said_then(
    length, begun, until
):
    waits = handovers()
    waits.set_length(length, 10)
    waits.begin(A, [X], begun)
    assert waits.waits.handovers == {X: Handover(A, until)}


def test_what_is_kept_for_longer_is_known_through_several_changes_and_restarts():
    waits = handovers()
    waits.set_length(30, 10)  # of 50 seconds: until 60
    waits.set_length(5, 20)  # of 30 seconds: until 50
    assert waits.waits == Waits({}, 5, 60)
    anew = Handovers(carry_over(waits.waits, saved_at=21, now=22, length=5), (), 5)
    anew.begin(A, [X], 23)
    assert anew.waits == Waits({X: Handover(A, 60)}, 5, 60)


REMEMBERED = Waits({X: Handover(A, 120)}, 50, 130)


@pytest.mark.parametrize(
    ("now", "length", "carried"),
    [
        (110, 50, REMEMBERED),
        (110, 80, Waits({X: Handover(A, 120)}, 80, 130)),
        (110, 5, Waits({X: Handover(A, 120)}, 5, 160)),
        (40, 50, Waits({X: Handover(A, 60)}, 50, 70)),
        (40, 5, Waits({X: Handover(A, 60)}, 5, 90)),
    ],
    ids=["same", "longer", "shorter", "clock set back", "clock set back and shorter"],
)
def test_what_was_waited_for_lasts_no_longer_because_of_a_restart(now, length, carried):
    assert carry_over(REMEMBERED, saved_at=100, now=now, length=length) == carried


def test_a_smaller_ttl_counts_once_what_was_told_with_the_larger_one_is_gone(registry):
    taken = service(registry, "a.ns").vips[0]
    text = ".".join(map(str, taken))
    registry.reconfigure(structs.replace(settings(), largest_ttl=1), 20)
    remember(registry, registry.apply([Put(export("b.ns", pins=[text]))], 25), 25)
    assert registry.waits.handovers == {taken: Handover(A, 20 + 10 * TTL)}
    assert service(registry, "b.ns").state is ServiceState.HANDOVER


@pytest.mark.parametrize(
    ("last", "state"),
    [((), ServiceState.HANDOVER), ((answered("c.ns", "240.128.0.99"),), ServiceState.READY)],
    ids=["no zone", "a zone"],
)
def test_where_no_zone_says_what_was_answered_a_vip_waits_by_its_claims(last, state):
    ended = claim("a.ns", "240.0.0.7", 5, retired_at=20)
    registry = Registry(settings(), [ended], last)
    view = reset("east", export("b.ns", pins=["240.0.0.7"]))
    settled(registry, view, reset("west"), now=30)
    assert service(registry, "b.ns").state is state
    registry.tick(20 + 10 * TTL)
    assert service(registry, "b.ns").state is ServiceState.READY


def test_what_was_retired_long_ago_keeps_nobody_waiting():
    ended = claim("a.ns", "240.0.0.7", 5, retired_at=20)
    later = claim("c.ns", "240.128.0.9", 20 + 10 * TTL)
    assert Registry(settings(), [ended, later]).waits.handovers == {}


X7 = vip("240.0.0.7")
OLDER = claim("b.ns", "240.0.0.7", 3, kind=ClaimKind.PINNED)
YOUNGER = claim("a.ns", "240.0.0.7", 5, "west", kind=ClaimKind.PINNED)


@pytest.mark.parametrize("is_copy", [False, True])
@pytest.mark.parametrize(
    "others",
    [
        [],
        [claim("c.ns", "240.0.0.7", 5, retired_at=6)],
        [claim("b.ns", "240.0.0.7", 1, retired_at=6)],
    ],
    ids=["alone", "another's retired", "its own retired"],
)
def test_where_no_zone_says_what_was_answered_a_pin_that_lost_was_until_now(is_copy, others):
    own = [OLDER] if is_copy else [OLDER, YOUNGER]
    registry = Registry(settings(), [*others, *own])
    registry.learn_copies({"west": ledger("west", YOUNGER)} if is_copy else {}, 10)
    views = [
        reset("east", export("b.ns", pins=["240.0.0.7"], created_at=3)),
        reset(
            "west",
            export("a.ns", "west", pins=["240.0.0.7"], created_at=5),
            ledger=ledger("west", YOUNGER) if is_copy else NO_LEDGER,
        ),
    ]
    settled(registry, *views, now=30)
    assert service(registry, "b.ns").state is ServiceState.HANDOVER
    assert registry.waits.handovers[X7].until == 30 + 10 * TTL
    registry.tick(30 + 10 * TTL)
    assert service(registry, "b.ns").state is ServiceState.READY
    assert service(registry, "a.ns").state is ServiceState.PIN_LOST


def test_where_no_zone_says_what_was_answered_who_alone_had_a_vip_waits_for_nobody():
    known = [claim("a.ns", "240.0.0.7", 5, retired_at=20), claim("a.ns", "240.0.0.7", 21, "west")]
    registry = settled(Registry(settings(), known), reset("east", export("a.ns")), reset("west"))
    assert service(registry, "a.ns").state is ServiceState.READY


@pytest.mark.parametrize("order", [1, -1])
def test_where_no_zone_says_which_of_several_had_a_vip_all_wait_for_the_last(order):
    known = [
        claim("a.ns", "240.0.0.7", 5, retired_at=9),
        claim("c.ns", "240.0.0.7", 9, retired_at=20),
    ]
    waits = Handovers(Waits(), (), LENGTH)
    waits.assume(Registry(settings(), known[::order]).claims)
    assert all(waits.is_waiting(Host(name), X7, 69) for name in ("a.ns", "b.ns", "c.ns"))
    assert not waits.is_waiting(B, X7, 70)


def test_who_is_answered_with_what_another_holds_now_is_waited_for_from_then_on(registry):
    """A host is answered with its old number while the new one is on its way, for however long."""
    (taken,) = service(registry, "a.ns").vips
    registry.renumber([A], 20)
    later = 20 + 100 * TTL
    pinning = export("b.ns", pins=[".".join(map(str, taken))])
    delta = registry.apply([Put(pinning)], later)
    registry.acknowledge([c for c in delta.claims if c.host == B], later)
    assert service(registry, "b.ns").state is ServiceState.HANDOVER
    assert registry.waits.handovers[taken] == Handover(A, later + 10 * TTL)


@pytest.mark.parametrize(
    "end",
    [
        lambda registry: registry.apply([Remove("west", A)], 20),
        lambda registry: registry.reconfigure(settings(fenced=["west"]), 20),
        lambda registry: registry.apply(
            [Put(export("a.ns", "west", resolution=Resolution.NONE))], 20
        ),
    ],
    ids=["withdrawn", "fenced", "none"],
)
def test_a_wait_begins_with_the_last_answer_though_the_claim_still_stands(end):
    held = claim("a.ns", "240.128.0.9", 1, "west")
    view = reset("west", export("a.ns", "west"), ledger=ledger("west", held))
    registry = settled(Registry(settings()), view, reset("east"))
    end(registry)
    assert registry.waits.handovers == {held.vip: Handover(A, 20 + 10 * TTL)}


def test_a_wait_is_as_long_as_it_is_to_be_however_late_the_last_answer_ends():
    names = [f"h{number}.ns" for number in range(4)]
    registry = settled(Registry(settings()), reset("east", *map(export, names)), reset("west"))
    registry._catalogue._at_once = 1
    registry.apply([reset("east")], 20)
    while registry.is_behind:
        registry.tick(30)
    waits = sorted(wait.until for wait in registry.waits.handovers.values())
    assert waits == [20 + 10 * TTL, *[30 + 10 * TTL] * 3]

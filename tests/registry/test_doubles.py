"""A cluster that is read under two ids: which one counts, and that nothing is there twice."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from globaldns.model.view import Put, Remove, Reset, SetEntrusted, SetLedger, SourceState
from globaldns.registry.doubles import find_doubles
from globaldns.registry.registry import Registry
from globaldns.registry.views import Views
from tests.registry.mesh import A, claim, export, ledger, reset, service, settings, settled

THREE = ("east", "twin", "west")


@pytest.mark.parametrize(
    ("uids", "lost", "doubles"),
    [
        ({}, (), {}),
        ({"east": "e", "north": "n"}, (), {}),
        ({"east": "", "north": ""}, (), {}),
        ({"north": "n", "west": "n", "flat": "f"}, (), {"west": "north"}),
        ({"east": "e", "a": "e", "b": "e"}, (), {"a": "east", "b": "east"}),
        ({"north": "n", "west": "n"}, ("north",), {"north": "west"}),
        ({"north": "n", "west": "n"}, ("north", "west"), {"west": "north"}),
        ({"east": "e", "a": "e"}, ("east",), {"east": "a"}),
    ],
    ids=[
        *("none", "others", "not known", "the first", "our own", "one by which it is not lost"),
        *("all are lost", "our own is lost"),
    ],
)
def test_one_id_counts_for_each_cluster(
    uids: dict[str, str], lost: tuple[str, ...], doubles: dict[str, str]
) -> None:
    assert find_doubles(uids, Views(settings(clusters=uids)), lost=lost) == doubles


TWINS = {"a": "w", "west": "w"}


def twins(*changes: Reset, fenced: Iterable[str] = ()) -> Views:
    views = Views(settings(clusters=(*TWINS, "east"), fenced=fenced))
    for change in changes:
        views.reset(change)
        views.set_ledger(SetLedger(change.view.cluster, change.view.ledger))
        if change.view.freshness is not None:
            views.set_freshness(change.view.freshness)
    return views


@pytest.mark.parametrize(
    ("views", "counted"),
    [
        (twins(reset("a"), reset("west")), "a"),
        (twins(reset("a"), reset("west", ledger=ledger("west"))), "west"),
        (twins(reset("a", state=SourceState.REMEMBERED), reset("west")), "west"),
        (
            twins(reset("a"), reset("west", ledger=ledger("west"), state=SourceState.REMEMBERED)),
            "west",
        ),
        (twins(reset("a", ledger=ledger("a")), reset("west"), fenced=["west"]), "west"),
    ],
    ids=["the first", "whose ledger it is", "read", "remembered with its ledger", "fenced"],
)
def test_that_id_counts_which_the_cluster_has_itself_and_none_evades_a_fence(
    views: Views, counted: str
) -> None:
    (double,) = TWINS.keys() - {counted}
    assert find_doubles(TWINS, views) == {double: counted}


def test_a_fence_on_a_second_id_of_ours_takes_nothing_from_our_own() -> None:
    views = Views(settings(clusters=("east", "twin"), fenced=["twin"]))
    assert find_doubles({"east": "e", "twin": "e"}, views) == {"twin": "east"}


def test_a_second_id_brings_nothing_back_of_a_cluster_that_is_fenced() -> None:
    registry = Registry(settings(clusters=(*TWINS, "east"), fenced=["west"]))
    exports = [export("a.ns", cluster) for cluster in TWINS]
    settled(registry, reset("east"), *(reset(one.cluster, one) for one in exports))
    registry.count_once(find_doubles(TWINS, registry.views), 20)
    assert A not in registry.services


def test_what_a_double_exports_is_there_once_and_keeps_its_vip() -> None:
    registry = Registry(settings(clusters=THREE))
    exports = [export("a.ns", cluster) for cluster in ("twin", "west")]
    settled(registry, reset("east"), *(reset(one.cluster, one) for one in exports))
    before = service(registry, "a.ns")
    assert before.clusters == ("twin", "west")
    registry.count_once({"west": "twin"}, 20)
    assert service(registry, "a.ns").clusters == ("twin",)
    assert registry.views.fenced_exports(A) == []
    registry.apply([Put(export("a.ns", "west", created_at=0))], 21)
    assert service(registry, "a.ns").clusters == ("twin",)
    registry.count_once({"twin": "west"}, 22)
    assert service(registry, "a.ns").clusters == ("west",)
    registry.count_once({}, 23)
    assert service(registry, "a.ns").clusters == ("twin", "west")
    assert service(registry, "a.ns").vips == before.vips
    registry.count_once({"west": "twin"}, 24)
    registry.apply([Remove("twin", A), Remove("west", A)], 25)
    assert A not in registry.services
    assert all(one.is_retired for one in registry.claims.of_host(A)), "none holds it for ever"


def test_a_double_that_was_not_read_leaves_no_name_unknown() -> None:
    registry = settled(Registry(settings(clusters=THREE)), reset("east"), reset("west"))
    assert not registry.views.is_complete()
    registry.count_once({"twin": "west"}, 20)
    assert registry.views.is_complete()


def test_what_a_double_claims_for_others_is_what_the_other_says() -> None:
    registry = Registry(settings(clusters=THREE))
    settled(registry, *map(reset, THREE))
    registry.count_once({"twin": "west"}, 20)
    told = claim("w.ns", "240.128.0.50", 7, "west")
    registry.apply([SetEntrusted("twin", (told,))], 21)
    assert registry.claims.of_host(told.host) == ()
    registry.count_once({}, 22)
    assert registry.claims.of_host(told.host)

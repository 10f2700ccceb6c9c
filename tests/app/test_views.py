"""The views that the last run left."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
import pytest

from globaldns.app.views import allowed_view, load_view, load_views, with_ledgers
from globaldns.model.view import Freshness, SourceState, View
from globaldns.sources.remembered import FORMAT, as_remembered, encode_view, file_name
from globaldns.state import StateDirectory
from tests.app.meshes import START, Place
from tests.registry.mesh import claim, export, ledger

VIEW = View(
    "west",
    (export("a.ns", "west"), export("b.other", "west"), export("*.wild", "west")),
    freshness=Freshness("west", SourceState.SYNCED, START),
)


def allow(place: Place, **rules: list[str]) -> None:
    """Let west export only some hosts."""
    clusters = {"east": place.cluster("east"), "west": place.cluster("west", allow=rules)}
    place.configure(clusters=clusters)


def remember(state: StateDirectory, view: View, name: str = "west") -> None:
    state.write_checked(file_name(name), encode_view(view, view.exports), version=FORMAT)


def test_a_view_is_remembered_as_such(place: Place) -> None:
    allow(place, hosts=["*.wild.global"])
    remember(place.state, VIEW)
    assert load_view(place.state, place.config, "west") == as_remembered(VIEW)


def test_where_nothing_is_remembered_there_is_no_view_and_no_warning(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_view(place.state, place.config, "west") is None
    assert load_views(place.state, place.config) == {}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("rules", "hosts"),
    [
        ({}, ["a.ns", "b.other"]),
        ({"namespaces": ["ns"]}, ["a.ns"]),
        ({"namespaces": ["o*"], "hosts": ["*.wild.global"]}, ["b.other", "*.wild"]),
        ({"namespaces": ["none"], "hosts": ["*.wilder.global"]}, []),
    ],
)
def test_what_a_cluster_may_not_export_any_more_is_dropped(
    rules: dict[str, list[str]], hosts: list[str], place: Place
) -> None:
    allow(place, **rules)
    remember(place.state, VIEW)
    found = load_view(place.state, place.config, "west")
    assert found is not None
    assert [one.host for one in found.exports] == hosts
    left = allowed_view(VIEW, place.config)
    assert left == msgspec.structs.replace(VIEW, exports=found.exports)


def damage(state: StateDirectory) -> None:
    state.write(file_name("west"), b"?")


def damage_payload(state: StateDirectory) -> None:
    state.write_checked(file_name("west"), b"?", version=FORMAT)


def write_newer(state: StateDirectory) -> None:
    state.write_checked(file_name("west"), encode_view(VIEW, VIEW.exports), version=FORMAT + 1)


def write_another(state: StateDirectory) -> None:
    remember(state, msgspec.structs.replace(VIEW, cluster="north"))


@pytest.mark.parametrize("spoil", [damage, damage_payload, write_newer, write_another])
def test_a_view_that_cannot_be_used_is_passed_over_with_a_warning(
    spoil: Callable[[StateDirectory], None], place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(place.state)
    assert load_view(place.state, place.config, "west") is None
    (record,) = caplog.records
    assert (record.levelno, record.__dict__["what"]) == (logging.WARNING, "view of west")


def test_one_view_that_cannot_be_used_costs_no_other(place: Place) -> None:
    own = View("east", (export("a.ns"),), freshness=Freshness("east", SourceState.SYNCED, START))
    remember(place.state, own, "east")
    damage(place.state)
    assert load_views(place.state, place.config) == {"east": as_remembered(own)}


def test_a_cluster_that_is_not_configured_any_more_has_no_view(place: Place) -> None:
    remember(place.state, VIEW)
    place.configure(clusters={"east": place.cluster("east")})
    assert load_views(place.state, place.config) == {}


def test_the_copy_of_a_ledger_is_newer_than_the_view_beside_it() -> None:
    copy = ledger("west", claim("a.ns", "240.128.0.1", 1, "west"))
    views = {"west": VIEW, "flat": View("flat")}
    found = with_ledgers(views, {"west": copy})
    assert found == {"west": msgspec.structs.replace(VIEW, ledger=copy), "flat": View("flat")}


def test_of_a_cluster_without_a_view_only_its_ledger_is_known() -> None:
    copy = ledger("west", claim("a.ns", "240.128.0.1", 1, "west"))
    view = as_remembered(with_ledgers({}, {"west": copy})["west"])
    assert (view.ledger, view.exports) == (copy, ())
    assert view.freshness is not None
    assert not view.freshness.is_known

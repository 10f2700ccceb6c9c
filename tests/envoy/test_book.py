"""The documents of an Envoy: the same for the same mesh, replaced in an order that loses none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.envoy.book import CLUSTERS, LISTENERS, Documents, release
from globaldns.envoy.rules import Role
from globaldns.model.export import Port
from globaldns.model.service import Service
from tests.envoy.meshes import FAR, NEAR, PORTS, book, documents, offer, read, web
from tests.routing.meshes import endpoint

GOLDEN = Path(__file__).parent / "golden"
KEPT = (Role.SIDECAR, Role.GATEWAY)


@pytest.mark.parametrize("role", KEPT)
def test_documents_are_as_they_are_shown(role: Role) -> None:
    made = documents(role, web(NEAR, FAR))
    shown = {"clusters": read(made.clusters), "listeners": read(made.listeners)}
    assert shown == json.loads((GOLDEN / f"{role}.json").read_text())


@st.composite
def meshes(draw: st.DrawFn) -> list[Service]:
    """Services with a VIP each, of any ports and endpoints."""
    services = []
    for number in range(draw(st.integers(1, 4))):
        ports = draw(st.lists(st.sampled_from([*PORTS, Port(80, "web", "TCP")]), unique=True))
        near = draw(st.lists(st.integers(1, 3), unique=True))
        far = draw(st.lists(st.integers(1, 3), unique=True))
        exports = (
            offer("c1", *(endpoint(f"10.0.0.{n}", "n1") for n in near), ports=ports),
            offer("c2", *(endpoint(f"20.0.0.{n}", "n2") for n in far), ports=ports[:2]),
        )
        vips = (bytes([240, 128, 1, number]),)
        services.append(web(*exports, host=f"web{number}.shop", vips=vips))
    return services


@settings(deadline=None)
@given(meshes())
def test_every_vip_and_port_has_one_listener_at_the_most(services: list[Service]) -> None:
    made = read(documents(Role.SIDECAR, *services).listeners).values()
    places = [tuple(one["address"]["socket_address"].values()) for one in made]
    assert len(places) == len(set(places))
    known = {
        (".".join(map(str, one.vips[0])), port.number) for one in services for port in one.ports
    }
    assert known.issuperset(places)


@settings(deadline=None)
@given(meshes(), st.randoms(use_true_random=False))
def test_the_same_mesh_is_the_same_octets(services: list[Service], chance: Any) -> None:
    shuffled = [*services]
    chance.shuffle(shuffled)
    for role in KEPT:
        one, other = (release(None, documents(role, *each)) for each in (services, shuffled))
        assert [*one] == [*other]


def led_to(listeners: bytes) -> set[str]:
    """The clusters that listeners lead to."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(name := value.get("cluster"), str):
                found.add(name)
            value = list(value.values())
        if isinstance(value, list):
            for below in value:
                look(below)

    look(json.loads(listeners))
    return found


def names(payload: bytes) -> set[str]:
    return {one["name"] for one in json.loads(payload)["resources"]}


@settings(deadline=None)
@given(meshes(), meshes(), st.sampled_from(KEPT))
def test_no_listener_ever_leads_to_a_cluster_that_is_not_there(
    before: Iterable[Service], after: Iterable[Service], role: Role
) -> None:
    old, new = documents(role, *before), documents(role, *after)
    files = {step.name: step.payload for step in release(None, old)}
    for step in release(old, new):
        assert files[step.name] != step.payload
        files[step.name] = step.payload
        assert led_to(files[LISTENERS]) <= names(files[CLUSTERS])
    assert files == {step.name: step.payload for step in release(None, new)}


def test_what_did_not_change_is_not_released() -> None:
    made = documents(Role.SIDECAR, web(NEAR))
    assert [*release(made, made)] == []
    assert [step.name for step in release(None, Documents())] == [CLUSTERS, LISTENERS]


def test_an_endpoint_that_is_gone_is_told() -> None:
    made = book(Role.SIDECAR, web(NEAR))
    assert not made.put(web(NEAR, FAR))
    assert made.put(web(NEAR))
    assert not made.put(web(NEAR))
    assert made.drop(web(NEAR).host)
    assert not made.drop(web(NEAR).host)
    assert made.documents() == Documents({}, {})


def test_of_two_services_at_one_address_the_first_is_listened_for() -> None:
    first, second = web(NEAR, host="a.shop"), web(NEAR, host="b.shop")
    for services in ((first, second), (second, first)):
        made = documents(Role.SIDECAR, *services).listeners["240.128.0.1_83"]
        assert b"a.shop.global" in made

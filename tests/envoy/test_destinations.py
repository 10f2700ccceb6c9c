"""To which endpoints a port leads: of which exports, in which order, with which weights."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.envoy.destinations import (
    Destination,
    Member,
    farness,
    find_destinations,
    to_member,
)
from globaldns.model.export import Port, Transport
from globaldns.model.lost import Standing
from globaldns.model.service import Service
from globaldns.routing.horizon import Rank, Target, split
from tests.envoy.meshes import FAR, HTTP, NEAR, TCP, TOPOLOGY, VIEWER, offer, web
from tests.routing.meshes import endpoint


def found(service: Service, locality: str = "") -> dict[int, Destination]:
    every = find_destinations(service, VIEWER, TOPOLOGY, locality)
    return {one.port.number: one for one in every}


def addresses(destination: Destination) -> list[list[str]]:
    return [[member.address for member in tier] for tier in destination.tiers]


def test_our_own_come_first_and_lost_ones_last() -> None:
    lost = offer("c3", endpoint("10.0.0.3", "n1"))
    service = web(NEAR, FAR, lost, standings=(("c3", Standing.DEMOTED),))
    assert addresses(found(service)[80]) == [["10.0.0.1", "10.0.0.2"], ["2.2.2.2"], ["10.0.0.3"]]


def test_only_exports_with_a_port_count_for_it() -> None:
    other = offer("c2", endpoint("20.0.0.1", "n2"), ports=[HTTP])
    every = found(web(NEAR, other))
    assert addresses(every[80]) == [["10.0.0.1", "10.0.0.2"], ["2.2.2.2"]]
    assert addresses(every[83]) == [["10.0.0.1", "10.0.0.2"]]


def test_one_number_under_two_names_is_one_port_of_the_older_protocol() -> None:
    renamed = offer(
        *("c2", endpoint("10.0.0.9", "n1", ports=(("web", 8080),))),
        ports=[Port(80, "web", "TCP")],
    )
    named = offer("c1", endpoint("10.0.0.1", "n1", ports=(("http", 8000),)), ports=[HTTP])
    every = found(web(named, renamed))
    assert list(every) == [80]
    assert every[80].port == HTTP
    members = [member for tier in every[80].tiers for member in tier]
    assert [(one.address, one.port) for one in members] == [("10.0.0.1", 8000), ("10.0.0.9", 8080)]


def test_what_is_not_tcp_leads_nowhere() -> None:
    assert found(web(offer("c1", ports=[Port(53, "dns", "UDP", Transport.UDP)]))) == {}


def test_a_wildcard_is_not_known_to_gateways() -> None:
    assert addresses(found(web(NEAR, FAR, host="*.tenants"))[80]) == [["10.0.0.1", "10.0.0.2"]]


@pytest.mark.parametrize(
    ("locality", "own", "expected"),
    [
        ("r/z", "", 0),
        ("", "", 0),
        ("r/z/s", "r/z", 0),
        ("r/z", "r/z/s", 0),
        ("r/y", "r/z", 1),
        ("r", "r/z", 1),
        ("q/z", "r/z", 2),
        ("", "r/z", 2),
        ("r", "r", 0),
    ],
)
def test_the_same_zone_is_nearer_than_the_region(locality: str, own: str, expected: int) -> None:
    assert farness(locality, own) == expected


def test_nearness_counts_within_a_rank() -> None:
    near = offer(
        "c1",
        endpoint("10.0.0.1", "n1", locality="q/a"),
        endpoint("10.0.0.2", "n1", locality="r/a"),
        endpoint("10.0.0.3", "n1", locality="r/b"),
    )
    far = offer("c2", endpoint("20.0.0.1", "n2", locality="r/a"))
    tiers = addresses(found(web(near, far), "r/a")[80])
    assert tiers == [["10.0.0.2"], ["10.0.0.3"], ["10.0.0.1"], ["2.2.2.2"]]


def test_a_gateway_has_its_own_port_and_a_path_has_none() -> None:
    gateway = Target(Rank.OTHER, "1.1.1.1", 15443)
    assert to_member(gateway, [TCP]) == Member("1.1.1.1", 15443, 1)
    path = to_member(Target(Rank.OWN, "unix:///run/app.sock"), [TCP])
    assert (path.port, path.path) == (0, "/run/app.sock")


weights = st.lists(st.integers(0, 100), min_size=1, max_size=6)


@settings(deadline=None)
@given(weights, weights)
def test_weights_have_the_proportions_of_the_split(near: list[int], far: list[int]) -> None:
    service = web(
        offer("c1", *(endpoint(f"10.0.0.{n}", "n1", weight=w) for n, w in enumerate(near))),
        offer("c2", *(endpoint(f"20.0.0.{n}", "n2", weight=w) for n, w in enumerate(far))),
    )
    targets = split(service, VIEWER, TOPOLOGY).targets
    for tier in found(service)[80].tiers:
        names = {member.address for member in tier}
        total = sum(target.weight for target in targets if target.address in names)
        share = {target.address: Fraction(target.weight, total) for target in targets}
        summed = sum(member.weight for member in tier)
        assert summed < 2**32
        for member in tier:
            assert Fraction(member.weight, summed) == share[member.address]

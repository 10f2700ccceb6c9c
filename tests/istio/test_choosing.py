"""Which targets are written: what is left out is told."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from globaldns.config.routing import Sni
from globaldns.istio.choosing import Choice, choose_external, choose_targets
from globaldns.istio.destination_rule import Callees
from globaldns.istio.notices import Code
from globaldns.model.export import Resolution
from globaldns.model.host import Host
from globaldns.routing.horizon import MUTUAL_TLS, Gap, Horizon, Lack, Rank, Target
from tests.routing.meshes import EXPORTS, service

NAME = "web.shop.global"
MUTUAL = (MUTUAL_TLS,)
NEAR = Target(Rank.OWN, "10.0.0.1", cluster="c1a", network="n1", labels=MUTUAL)
PLAIN = Target(Rank.OWN, "10.0.0.3", cluster="c1a", network="n1")
GATEWAY = Target(Rank.OTHER, "2.2.2.2", 15443, cluster="c2a", network="n2", labels=MUTUAL)
WEB = service(*EXPORTS)


def choose(*targets: Target, sni: Sni = Sni.CLIENT, host: str = "web.shop") -> Choice:
    web = service(*EXPORTS)
    web = type(web)(Host(host), *(getattr(web, name) for name in web.__struct_fields__[1:]))
    return choose_targets(web, f"{host}.global", Horizon(targets), sni)


@pytest.mark.parametrize(
    ("sni", "host", "targets", "unresolved", "callees"),
    [
        (Sni.CLIENT, "web.shop", (NEAR,), {"c3"}, Callees.GATEWAYS),
        (Sni.CLIENT, "web.shop", (), {"c3"}, Callees.GATEWAYS),
        (Sni.CLIENT, "web.shop", (NEAR, PLAIN), set(), Callees.PODS),
        (Sni.CLIENT, "web.shop", (PLAIN, GATEWAY), {"c3"}, Callees.GATEWAYS),
        (Sni.GATEWAY, "web.shop", (NEAR, PLAIN), {"c3"}, Callees.GATEWAYS),
        (Sni.CLIENT, "*.shop", (NEAR,), set(), Callees.PODS),
    ],
    ids=["near", "none", "plaintext alone", "plaintext and gateway", "gateway mode", "wildcard"],
)
def test_documents_are_as_beside_a_gateway_that_may_stand_and_none_may_that_is_not_told_whom_for(
    sni: Sni, host: str, targets: tuple[Target, ...], unresolved: set[str], callees: Callees
) -> None:
    gaps = (Gap(Lack.UNRESOLVED, "c3", "n3", 1), Gap(Lack.PLAINTEXT, "c2a", "n2", 1))
    web = replace(WEB, host=Host(host))
    choice = choose_targets(web, f"{host}.global", Horizon(targets, gaps), sni)
    assert (choice.unresolved, choice.callees(is_own=False)) == (unresolved, callees)


def codes(choice: Choice) -> list[Code]:
    return [notice.code for notice in choice.notices]


@pytest.mark.parametrize(
    ("sni", "targets", "written", "names_service", "told"),
    [
        (Sni.CLIENT, (NEAR, GATEWAY), (NEAR, GATEWAY), True, []),
        (Sni.CLIENT, (NEAR,), (NEAR,), True, []),
        (Sni.CLIENT, (), (), True, []),
        (Sni.CLIENT, (NEAR, PLAIN), (NEAR, PLAIN), False, []),
        (Sni.CLIENT, (NEAR, PLAIN, GATEWAY), (NEAR, GATEWAY), True, [Code.PLAINTEXT]),
        (Sni.GATEWAY, (NEAR, PLAIN, GATEWAY), (NEAR, PLAIN, GATEWAY), False, []),
    ],
    ids=["both", "near", "none", "plaintext alone", "plaintext and gateway", "gateway mode"],
)
def test_who_takes_no_mutual_tls_is_left_out_only_beside_a_gateway_in_client_mode(
    sni: Sni,
    targets: tuple[Target, ...],
    written: tuple[Target, ...],
    *,
    names_service: bool,
    told: list[Code],
) -> None:
    choice = choose(*targets, sni=sni)
    assert choice.targets == written
    assert choice.sni_of == ("web.shop" if names_service else None)
    assert codes(choice) == told


@pytest.mark.parametrize(
    ("host", "sni", "told"),
    [
        ("*.shop", Sni.CLIENT, [Code.NO_SNI]),
        ("*.shop", Sni.GATEWAY, [Code.NO_SNI]),
        ("a.web.shop", Sni.GATEWAY, []),
    ],
)
def test_no_gateway_is_told_of_a_name_that_none_knows(
    host: str, sni: Sni, told: list[Code]
) -> None:
    choice = choose(NEAR, GATEWAY, host=host, sni=sni)
    assert codes(choice) == told
    assert choice.targets == ((NEAR,) if told else (NEAR, GATEWAY))
    assert choice.sni_of is None


def test_every_gap_is_told_with_its_cluster_and_network() -> None:
    gaps = (
        Gap(Lack.NO_GATEWAY, "c5", "n5", 2),
        Gap(Lack.PLAINTEXT, "c2a", "n2", 1),
        Gap(Lack.DOUBLE, "c1b", "", 1),
    )
    choice = choose_targets(WEB, NAME, Horizon((), gaps), Sni.CLIENT)
    assert codes(choice) == [Code.NO_GATEWAY, Code.PLAINTEXT, Code.DOUBLE]
    first, second, third = (notice.detail for notice in choice.notices)
    assert first.startswith("2 endpoints of c5 in n5 cannot be reached")
    assert second.startswith("1 endpoint of c2a in n2 cannot be reached")
    assert third.startswith("1 endpoint of c1b left out: in what is one network, pods of another")
    assert "clusters.c1b.network" in choice.notices[2].hint


def test_what_is_no_address_is_left_out_of_the_mesh_and_told() -> None:
    named = Target(Rank.OWN, "db.local", cluster="c1a", labels=MUTUAL)
    choice = choose(NEAR, named)
    assert choice.targets == (NEAR,)
    assert codes(choice) == [Code.ADDRESS]


def test_an_entry_has_room_for_4096_endpoints_the_nearest() -> None:
    many = tuple(Target(Rank.OWN, f"10.0.{n >> 8}.{n & 255}", labels=MUTUAL) for n in range(5000))
    choice = choose(*many, GATEWAY)
    assert choice.targets == many[:4096]
    assert codes(choice) == [Code.TOO_MANY]
    assert choice.notices[0].detail.startswith("905 of 5001 endpoints")


@pytest.mark.parametrize(
    ("resolution", "written"),
    [
        (Resolution.STATIC, ["198.51.100.7"]),
        (Resolution.DNS, ["198.51.100.7", "rates.example"]),
        (Resolution.DNS_ROUND_ROBIN, ["198.51.100.7"]),
    ],
)
def test_outside_of_the_mesh_names_stand_where_they_are_looked_up(
    resolution: Resolution, written: list[str]
) -> None:
    addresses = ("198.51.100.7", "rates.example", "unix:///run/rates")
    horizon = Horizon(tuple(Target(Rank.OWN, address) for address in addresses))
    choice = choose_external(NAME, horizon, resolution)
    assert [target.address for target in choice.targets] == written
    assert len(choice.notices) == {1: 2, 2: 1}[len(written)]


def test_what_is_not_seen_outside_of_the_mesh_is_told_too() -> None:
    gap = Gap(Lack.DOUBLE, "c2a", "n2", 1)
    choice = choose_external(NAME, Horizon((), (gap,)), Resolution.STATIC)
    assert codes(choice) == [Code.DOUBLE]


@pytest.mark.parametrize(
    ("targets", "own", "others"),
    [
        ((), Callees.PODS, Callees.PODS),
        ((NEAR,), Callees.PODS, Callees.PODS),
        ((NEAR, GATEWAY), Callees.PODS_FIRST, Callees.GATEWAYS),
        ((GATEWAY,), Callees.PODS_FIRST, Callees.GATEWAYS),
        ((replace(NEAR, rank=Rank.OTHER), GATEWAY), Callees.PODS_FIRST, Callees.GATEWAYS),
    ],
    ids=["none", "pods", "a gateway farther away", "a gateway", "a gateway beside pods"],
)
def test_whom_calls_go_to_follows_from_gateways_however_far_and_from_who_exports(
    targets: tuple[Target, ...], own: Callees, others: Callees
) -> None:
    choice = choose(*targets)
    assert (choice.callees(is_own=True), choice.callees(is_own=False)) == (own, others)

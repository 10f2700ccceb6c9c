"""What a stub may say."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.coredns.stub import Foreign, Server, Stub, StubZone, refuse_fallthrough
from globaldns.errors import StubError
from tests.coredns.collection import FALLING, stub


@pytest.mark.parametrize(
    ("server", "text"),
    [
        (Server("10.96.0.99"), "10.96.0.99"),
        (Server("10.96.0.99", 1053), "10.96.0.99:1053"),
        (Server("fd00::53"), "fd00::53"),
        (Server("fd00::53", 1053), "[fd00::53]:1053"),
    ],
)
def test_a_server_as_text(server: Server, text: str) -> None:
    assert str(server) == text


def test_chosen_namespaces_are_domains_of_their_own() -> None:
    chosen = stub("global", "mesh.example", namespaces=("shop", "pay"))
    assert chosen.domains == ("shop.global", "pay.global", "shop.mesh.example", "pay.mesh.example")
    chosen = stub(StubZone("global", namespaces=("shop",)), "mesh.example")
    assert chosen.domains == ("shop.global", "mesh.example")


def test_addresses_have_domains_only_on_request() -> None:
    assert stub().domains == ("global",)
    assert stub(reverse=("240.128.0.0/15",)).domains == (
        "global",
        "128.240.in-addr.arpa",
        "129.240.in-addr.arpa",
    )


@pytest.mark.parametrize(
    "keys",
    [
        {"zones": ()},
        {"servers": ()},
        {"servers": (Server("10.0.0.1"),) * 16},
        {"zones": (StubZone("Global"),)},
        {"zones": (StubZone("global."),)},
        {"zones": (StubZone("global {"),)},
        {"zones": (StubZone("global\n"),)},
        {"zones": (StubZone("global", namespaces=("a..b",)),)},
        {"servers": (Server("globaldns.globaldns.svc"),)},
        {"servers": (Server("fe80::1%eth0"),)},
        {"servers": (Server("10.0.0.1", 0),)},
        {"servers": (Server("0.0.0.0"),)},
        {"servers": (Server("::"),)},
        {"servers": (Server("224.0.0.1"),)},
        {"servers": (Server("255.255.255.255"),)},
        {"reverse": ("240.0.0.0",)} | {"reverse": ("240.0.0.1/8",)},
    ],
)
def test_what_no_shape_could_say_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(StubError) as refused:
        Stub(**{"zones": (StubZone("global"),), "servers": (Server("10.0.0.1"),), **keys})
    assert refused.value.code == "stub"
    assert refused.value.hint


def test_only_a_stub_that_falls_through_is_refused_for_it() -> None:
    refuse_fallthrough(stub(), "dnsmasq")
    with pytest.raises(StubError, match=r"dnsmasq .*: mesh\.example$"):
        refuse_fallthrough(stub("global", FALLING), "dnsmasq")


FALLS = Foreign.FALLTHROUGH


@pytest.mark.parametrize(
    ("zones", "policies"),
    [
        (["a", "b"], {Foreign.NXDOMAIN: ("a", "b", "10.0.0.0/8")}),
        ([StubZone("a", FALLS)], {FALLS: ("a", "10.0.0.0/8")}),
        (
            [StubZone("a", FALLS, ("x", "y")), "b", StubZone("c", FALLS)],
            {Foreign.NXDOMAIN: ("b", "10.0.0.0/8"), FALLS: ("x.a", "y.a", "c")},
        ),
    ],
)
def test_addresses_are_with_the_zones_that_are_ours_alone(
    zones: list[str | StubZone], policies: dict[Foreign, tuple[str, ...]]
) -> None:
    told = stub(*zones, reverse=("10.0.0.0/8",)).policies
    assert [*told.items()] == [*policies.items()]

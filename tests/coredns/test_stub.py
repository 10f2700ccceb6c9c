"""What a stub may say."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.coredns.stub import Foreign, Server, Stub, refuse_fallthrough
from globaldns.errors import StubError
from tests.coredns.collection import stub


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
        {"zones": ("Global",)},
        {"zones": ("global.",)},
        {"zones": ("global {",)},
        {"zones": ("global\n",)},
        {"namespaces": ("a..b",)},
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
        Stub(**{"zones": ("global",), "servers": (Server("10.0.0.1"),), **keys})
    assert refused.value.code == "stub"
    assert refused.value.hint


def test_only_a_stub_that_falls_through_is_refused_for_it() -> None:
    refuse_fallthrough(stub(), "dnsmasq")
    with pytest.raises(StubError, match="dnsmasq"):
        refuse_fallthrough(stub(foreign=Foreign.FALLTHROUGH), "dnsmasq")

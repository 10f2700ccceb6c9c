from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.istio.former import former_name, routed_name
from globaldns.model.address import Address, parse_address
from globaldns.model.host import Host, check_host
from tests.istio.test_places import HOSTS

VIPS = (st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)).map(Address)


@pytest.mark.parametrize(
    ("vip", "label"),
    [
        ("240.128.0.1", "240-128-0-1"),
        ("fd67::1", "fd67-0000-0000-0000-0000-0000-0000-0001"),
    ],
)
def test_the_name_of_an_old_vips_entry_says_whose_it_was(vip: str, label: str) -> None:
    name = former_name("web.shop", parse_address(vip), "mesh.example")
    assert name == f"web.shop.{label}.former.mesh.example"


@given(HOSTS, VIPS, st.sampled_from(("global", "mesh.example")))
def test_whose_route_an_entry_is_follows_from_its_name(host: str, vip: Address, zone: str) -> None:
    name = former_name(host, vip, zone)
    assert routed_name(name) == f"{host}.{zone}"
    check_host(Host(name.removesuffix(f".{zone}")), zone)


@pytest.mark.parametrize(
    "name", ["web.shop.global", "web.former.global", "a.web.former.global", "*.former.global", ""]
)
def test_a_name_of_another_shape_is_a_hosts_own(name: str) -> None:
    assert routed_name(name) == name

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.istio.places import place_of
from globaldns.model.host import Host
from globaldns.model.place import Place

ONE = ("global",)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)


def place(host: str, zone: str = "global", *, zones: tuple[str, ...] = ONE) -> Place:
    return place_of(Host(host), zone, zones=zones, namespaces={"shop"}, ours="globaldns")


def test_a_service_has_its_documents_in_its_own_namespace() -> None:
    assert str(place("web.shop")) == "shop/web-global"
    assert str(place("web.shop", "mesh.example", zones=("mesh.example",))) == (
        "shop/web-mesh-example"
    )


@pytest.mark.parametrize(
    ("host", "zones", "expected"),
    [
        ("web.bank", ONE, r"globaldns/web-bank-global-[0-9a-f]{10}"),
        ("*.shop", ONE, r"globaldns/any-shop-global-[0-9a-f]{10}"),
        ("a.web.shop", ONE, r"globaldns/a-web-shop-global-[0-9a-f]{10}"),
        ("web.shop", ("global", "mesh"), r"shop/web-shop-global-[0-9a-f]{10}"),
        (f"{'w' * 60}.shop", ONE, r"shop/w{52}-[0-9a-f]{10}"),
    ],
    ids=["no namespace", "wildcard", "more labels", "zones", "long"],
)
def test_elsewhere_the_name_ends_with_a_hash(
    host: str, zones: tuple[str, ...], expected: str
) -> None:
    assert re.fullmatch(expected, str(place(host, zones=zones)))


@given(hosts=st.lists(HOSTS, min_size=2, max_size=6, unique=True))
def test_no_two_hosts_have_one_place_and_every_name_is_a_label(hosts: list[str]) -> None:
    places = [place(host, zone, zones=("global", "b")) for host in hosts for zone in ONE]
    places += [place(host) for host in hosts]
    assert len({*places[: len(hosts)]}) == len({*places[len(hosts) :]}) == len(hosts)
    for each in places:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", each.name)

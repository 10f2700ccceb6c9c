"""Where the GlobalService of a host stands."""

from __future__ import annotations

import re

import pytest

from globaldns.apply.places import is_at_home, place_of
from globaldns.model.host import Host
from globaldns.model.place import Place

NAMESPACES = {"bookinfo", "globaldns"}
LONG = "x" * 63


@pytest.mark.parametrize(
    ("host", "place", "home"),
    [
        ("reviews.bookinfo", "bookinfo/reviews", True),
        ("dns.globaldns", "globaldns/dns", True),
        ("reviews.elsewhere", "globaldns/reviews-elsewhere-[0-9a-f]{10}", False),
        ("*.bookinfo", "globaldns/any-bookinfo-[0-9a-f]{10}", False),
        ("*", "globaldns/any-[0-9a-f]{10}", False),
        ("a.b.bookinfo", "globaldns/a-b-bookinfo-[0-9a-f]{10}", False),
        (f"{LONG}.elsewhere", "globaldns/x{52}-[0-9a-f]{10}", False),
    ],
)
def test_it_stands_at_home_where_that_is_a_namespace(host: str, place: str, *, home: bool) -> None:
    found = place_of(Host(host), NAMESPACES, "globaldns")
    assert re.fullmatch(place, str(found))
    assert re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", found.name)
    assert is_at_home(Host(host), found) is home


def test_hosts_that_read_alike_have_places_of_their_own() -> None:
    hosts = ("a-b.c", "a.b-c", "a.b.c", f"{LONG}.d", f"{LONG}.e")
    assert len({place_of(Host(host), (), "globaldns") for host in hosts}) == len(hosts)


def test_a_host_that_only_looks_like_an_object_elsewhere_is_not_at_home_there() -> None:
    assert not is_at_home(Host("a.b"), Place("globaldns", "a-b-12345678"))

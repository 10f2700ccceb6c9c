from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.admin.selection import Selection, compile_glob, select, service_names
from globaldns.errors import RequestRefused
from globaldns.model.service import Service, ServiceState


@pytest.mark.parametrize(
    ("glob", "name", "is_match"),
    [
        ("*", "a.ns", True),
        ("a.*", "a.ns", True),
        ("A.NS.", "a.ns", True),
        ("?.ns", "ab.ns", False),
        ("[ab].ns", "b.ns", True),
        ("a", "a.ns", False),
        ("[*].wild", "*.wild", True),
        ("", "a.ns", False),
    ],
)
def test_a_glob_is_of_the_whole_name_in_any_case(glob, name, is_match):
    assert compile_glob(glob)((name,)) is is_match


def test_any_of_the_names_is_enough():
    assert compile_glob("*.global")(("a.ns", "a.ns.global"))
    assert not compile_glob("*.global")(())


def test_no_glob_is_longer_than_a_name():
    assert compile_glob("a" * 255)(("a" * 255,))
    with pytest.raises(RequestRefused, match="not 256"):
        compile_glob("a" * 256)


def test_a_service_has_a_name_in_each_of_its_zones(mesh):
    assert service_names(mesh.services["only.shop"]) == ("only.shop.mesh.example",)
    assert service_names(mesh.services["*.wild"]) == ("*.wild.global", "*.wild.mesh.example")


@pytest.mark.parametrize(
    ("selection", "hosts"),
    [
        (Selection(glob="*.shop.mesh.example"), ["only.shop"]),
        (Selection(glob="*.shop.global"), []),
        (Selection(cluster="west"), ["reviews.bookinfo"]),
        (Selection(cluster="west", glob="*.wild"), []),
        (Selection(after="only.shop"), ["reviews.bookinfo"]),
        (Selection(after="zzz"), []),
    ],
)
def test_a_selection_narrows_by_name_cluster_and_page(mesh, selection, hosts):
    page, more = select(mesh.services, selection)
    assert ([service.host for service in page], more) == (hosts, None)


def service(host):
    return Service(host, ("global",), ServiceState.READY, (), (), (), 0, "given")


@given(st.sets(st.text("abc.", min_size=1), max_size=20), st.integers(1, 7))
def test_pages_have_every_host_once_in_order(hosts, limit):
    services = {host: service(host) for host in hosts}
    found, after = [], ""
    while True:
        page, more = select(services, Selection(limit=limit, after=after))
        found += [one.host for one in page]
        if more is None:
            break
        assert len(page) == limit
        after = more
    assert found == sorted(hosts)

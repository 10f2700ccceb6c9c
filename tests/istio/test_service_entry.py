from __future__ import annotations

from globaldns.istio.ports import route_ports
from globaldns.istio.service_entry import Entry, entry_spec
from globaldns.model.address import parse_address
from globaldns.model.export import Location, Resolution
from tests.routing.meshes import HTTP

ENTRY = Entry(
    parse_address("240.128.0.1"),
    route_ports((HTTP,)),
    Location.MESH_INTERNAL,
    Resolution.STATIC,
    [{"address": "10.0.0.1"}],
    ("spiffe://cluster.local/ns/shop/sa/web",),
)


def test_an_entry_has_one_host_and_one_address_in_istios_order() -> None:
    spec = entry_spec("web.shop.global", ENTRY, is_public=True)
    assert list(spec) == [
        "hosts",
        "addresses",
        "exportTo",
        "location",
        "ports",
        "resolution",
        "endpoints",
        "subjectAltNames",
    ]
    assert (spec["hosts"], spec["addresses"]) == (["web.shop.global"], ["240.128.0.1"])


def test_what_is_empty_is_not_said() -> None:
    bare = Entry(*(getattr(ENTRY, name) for name in ENTRY.__struct_fields__[:4]), endpoints=[])
    spec = entry_spec("web.shop.global", bare, is_public=False)
    assert list(spec) == ["hosts", "addresses", "location", "ports", "resolution"]

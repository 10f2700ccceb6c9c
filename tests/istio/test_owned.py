from __future__ import annotations

import pytest

from globaldns.istio.owned import is_own_entry, tell_lacks
from globaldns.istio.ports import route_ports
from globaldns.model.address import parse_address
from globaldns.model.export import ExportKind, Port
from globaldns.routing.horizon import Horizon, Rank, Target
from tests.istio.sites import TCP
from tests.routing.meshes import HTTP, export

VIP = parse_address("240.128.0.1")
NEAR = Target(Rank.OWN, "10.0.0.1", cluster="c1a", network="n1")
FAR = Target(Rank.OTHER, "2.2.2.2", 15443, cluster="c2a", network="n2")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(ExportKind.SERVICE_ENTRY, True), (ExportKind.ROUTE, True), (ExportKind.SERVICE, False)],
)
def test_a_services_export_is_no_entry_of_a_person(kind: ExportKind, *, expected: bool) -> None:
    assert is_own_entry(export("c1a", kind=kind)) is expected
    assert not is_own_entry(None)


@pytest.mark.parametrize(
    ("port", "pinned", "targets", "expected"),
    [
        (HTTP, False, (NEAR,), ()),
        (TCP, True, (NEAR,), ()),
        (TCP, False, (NEAR,), ("it does not have 240.128.0.1 in spec.addresses",)),
        (HTTP, False, (NEAR, FAR), ("ours would lead to c2a",)),
        (TCP, False, (FAR,), ("it does not have 240.128.0.1", ", and ours would lead to c2a")),
    ],
)
def test_what_an_entry_lacks_is_told(
    port: Port, targets: tuple[Target, ...], expected: tuple[str, ...], *, pinned: bool
) -> None:
    own = export("c1a", kind=ExportKind.SERVICE_ENTRY, pins=(VIP,) if pinned else ())
    found = tell_lacks(
        "web.shop.global", own, vip=VIP, ports=route_ports((port,)), horizon=Horizon(targets)
    )
    assert (found is not None) is bool(expected)
    for words in expected:
        assert found is not None
        assert words in found.detail

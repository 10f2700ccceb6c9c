from __future__ import annotations

from typing import Any

import pytest

from globaldns.istio.owned import Ours, is_own_entry, tell_lacks
from globaldns.istio.ports import route_ports
from globaldns.model.address import parse_address
from globaldns.model.export import ExportKind, Port
from globaldns.routing.horizon import Horizon, Rank, Target
from tests.istio.sites import TCP
from tests.routing.meshes import HTTP, export

VIP = parse_address("240.128.0.1")
WHO, ALSO = (f"spiffe://cluster.local/ns/shop/sa/{name}" for name in ("web", "web-v2"))
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
    ("port", "more", "targets", "expected"),
    [
        (HTTP, {}, (NEAR,), ()),
        (TCP, {"pins": (VIP,)}, (NEAR,), ()),
        (TCP, {}, (NEAR,), ("it does not have 240.128.0.1 in spec.addresses",)),
        (HTTP, {"subject_alt_names": (WHO, ALSO)}, (NEAR, FAR), ("; ours would lead to c2a",)),
        (TCP, {}, (FAR,), ("it does not have 240.128.0.1", ", and ours would lead to c2a")),
        (HTTP, {"ports": (TCP,)}, (NEAR,), (f"; it does not have port {HTTP.number}",)),
        (HTTP, {}, (FAR,), (", and it has no subjectAltNames: its clients accept any workload",)),
        (HTTP, {"subject_alt_names": (WHO,)}, (FAR,), (f", and it does not have {ALSO} in spec.",)),
    ],
)
def test_what_an_entry_lacks_is_told(
    port: Port, more: dict[str, Any], targets: tuple[Target, ...], expected: tuple[str, ...]
) -> None:
    own = export("c1a", **{"kind": ExportKind.SERVICE_ENTRY, "ports": (port,), **more})
    ours = Ours(VIP, route_ports((port,)), Horizon(targets), (WHO, ALSO))
    found = tell_lacks("web.shop.global", own, ours)
    assert (found is not None) is bool(expected)
    for words in expected:
        assert found is not None
        assert words in found.detail


@pytest.mark.parametrize(
    ("kind", "remedy"), [(ExportKind.SERVICE_ENTRY, "mend it"), (ExportKind.ROUTE, "delete it to")]
)
def test_who_exports_by_an_entry_mends_it_and_a_route_goes(kind: ExportKind, remedy: str) -> None:
    own = export("c1a", kind=kind)
    found = tell_lacks("web.shop.global", own, Ours(VIP, route_ports((TCP,)), Horizon((FAR,))))
    assert found is not None
    assert remedy in found.hint

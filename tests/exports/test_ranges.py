"""Which ranges objects use."""

from __future__ import annotations

import pytest

from globaldns.exports.ranges import Ranges, pod_ranges, used_ranges
from globaldns.objects import Object
from globaldns.objects.kubernetes import (
    Namespace,
    Node,
    NodeAddress,
    NodeSpec,
    NodeStatus,
    Pod,
    PodStatus,
    Service,
    ServiceSpec,
)
from globaldns.objects.metadata import LabelledMetadata, Metadata

NAMED = Metadata(name="a", namespace="ns")
LABELLED = LabelledMetadata(name="a", namespace="ns")
NODE = Node(
    metadata=NAMED,
    spec=NodeSpec(pod_cidr="242.7.0.0/24", pod_cidrs=("242.7.0.0/24", "fd01::/64")),
    status=NodeStatus((NodeAddress("243.1.0.1"), NodeAddress("node-1.example"))),
)
SERVICE = Service(
    metadata=LABELLED,
    spec=ServiceSpec(cluster_ip="241.5.0.1", cluster_ips=("241.5.0.1", "fd02::5:1")),
)


@pytest.mark.parametrize(
    ("resource", "ranges"),
    [
        (SERVICE, ["241.5.0.0/24", "fd02::5:0/112"]),
        (Service(metadata=LABELLED, spec=ServiceSpec(cluster_ip="None")), []),
        (Service(metadata=LABELLED), []),
        (Pod(metadata=NAMED, status=PodStatus("244.1.0.1")), ["244.1.0.0/24"]),
        (NODE, ["242.7.0.0/24", "243.1.0.1/32", "fd01::/64"]),
        (Namespace(metadata=NAMED), []),
    ],
)
def test_what_an_object_uses(resource: Object, ranges: list[str]) -> None:
    used = Ranges(used_ranges)
    used.add(resource)
    assert [str(one) for one in used.all()] == ranges
    assert used.all() is used.all()
    used.discard(resource)
    assert used.all() == ()


def test_only_a_node_has_ranges_for_pods_and_its_own_address_is_none_of_them() -> None:
    pod = Pod(metadata=NAMED, status=PodStatus("244.1.0.1"))
    assert {str(one) for one in pod_ranges(NODE)} == {"242.7.0.0/24", "fd01::/64"}
    assert pod_ranges(SERVICE) == pod_ranges(pod) == set()


def test_a_range_stands_as_long_as_anything_uses_it() -> None:
    used = Ranges(used_ranges)
    for address in ("241.5.0.1", "241.5.0.2"):
        used.add(Service(metadata=LABELLED, spec=ServiceSpec(cluster_ip=address)))
    before = used.all()
    used.discard(Service(metadata=LABELLED, spec=ServiceSpec(cluster_ip="241.5.0.1")))
    assert used.all() == before != ()

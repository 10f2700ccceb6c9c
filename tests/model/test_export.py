from __future__ import annotations

from itertools import permutations

import pytest

from globaldns.model.export import Origin, Port, Transport
from tests.model.values import export


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (export(created_at=1), export(created_at=2)),
        (export(created_at=0), export()),
        (export(created_at=1 << 40), export()),
        (export("west", created_at=1), export("east", created_at=2)),
        (export("east", namespace="z"), export("west", namespace="a")),
        (export(namespace="a", name="z"), export(namespace="b", name="a")),
        (export(name="a"), export(name="b")),
        (export("east", created_at=5), export("west", created_at=5)),
    ],
)
def test_older_is_by_creation_then_cluster_namespace_and_name(older, newer):
    assert older.age_key < newer.age_key


def test_any_exports_have_one_order():
    some = [export(), export("west", created_at=3), export(name="a"), export("west")]
    orders = {tuple(sorted(order, key=lambda one: one.age_key)) for order in permutations(some)}
    assert len(orders) == 1


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("Service", "bookinfo", "reviews"), "Service bookinfo/reviews"),
        (Origin("Service", "bookinfo", "reviews", "a.yaml"), "Service bookinfo/reviews"),
        (Origin("ClusterFence", "", "west"), "ClusterFence west"),
    ],
)
def test_an_origin_is_called_as_people_call_it(origin, text):
    assert str(origin) == text


@pytest.mark.parametrize(
    ("protocol", "transport", "expected"),
    [
        ("TCP", Transport.TCP, True),
        ("", Transport.TCP, True),
        ("TLS", Transport.TCP, False),
        ("HTTP", Transport.TCP, False),
        ("GRPC", Transport.TCP, False),
        ("UDP", Transport.UDP, False),
    ],
)
def test_what_no_name_tells_apart_is_routed_by_address(protocol, transport, expected):
    assert Port(80, "p", protocol, transport).is_routed_by_address is expected

"""What resources are called, and what a gateway is told."""

from __future__ import annotations

import pytest

from globaldns.config.routing import Sni
from globaldns.envoy.names import (
    inbound_name,
    listener_name,
    passthrough_name,
    server_name,
    server_names,
    upstream_name,
)


def test_resources_are_called_as_in_istio() -> None:
    assert upstream_name("web.shop.global", 80) == "outbound|80||web.shop.global"
    assert passthrough_name("web.shop.global", 80) == "outbound_.80_._.web.shop.global"
    assert inbound_name(80) == "inbound|80||"
    assert listener_name("240.128.0.1", 80) == "240.128.0.1_80"


@pytest.mark.parametrize(
    ("host", "sni", "name"),
    [
        ("web.shop", Sni.CLIENT, "outbound_.80_._.web.shop.svc.cluster.local"),
        ("web.shop", Sni.GATEWAY, "outbound_.80_._.web.shop.global"),
        ("db", Sni.CLIENT, "outbound_.80_._.db.global"),
        ("a.web.shop", Sni.CLIENT, "outbound_.80_._.a.web.shop.global"),
    ],
)
def test_a_client_names_the_far_service_or_the_host(host: str, sni: Sni, name: str) -> None:
    assert server_name(host, "global", 80, sni) == name  # type: ignore[arg-type]


def test_a_gateway_knows_a_service_by_all_its_names() -> None:
    assert server_names("web.shop", ("global", "corp"), 80) == (  # type: ignore[arg-type]
        "outbound_.80_._.web.shop.svc.cluster.local",
        "outbound_.80_._.web.shop.global",
        "outbound_.80_._.web.shop.corp",
    )
    assert server_names("db", ("global",), 80) == ("outbound_.80_._.db.global",)  # type: ignore[arg-type]

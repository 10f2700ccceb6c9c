"""What is wrong between networks, of views of a mesh."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from globaldns.config.kinds import NetworkId
from globaldns.config.routing import RoutingSettings
from globaldns.config.schema import Config
from globaldns.model.export import Gateway
from globaldns.model.view import Reset, View
from globaldns.registry.views import Views
from globaldns.routing.findings import routing_findings
from tests.routing.meshes import endpoint, export
from tests.routing.test_mesh import mesh


def found(config: Config, views: Views, *, is_complete: bool = True) -> list[str]:
    return [str(one) for one in routing_findings(config, views, is_complete=is_complete)]


def direct(*networks: str) -> tuple[Config, Views]:
    """Clusters in n1 and n-west with a gateway into n-east, and an endpoint in vms."""
    config, views = mesh(east=None, west=None)
    exports = (export("west", endpoint("10.0.0.1", "vms")),)
    views.reset(Reset(View("west", network="n-west", exports=exports)))
    routing = RoutingSettings(direct_networks=tuple(map(NetworkId, networks)))
    return replace(config, routing=routing), views


def test_a_direct_network_that_nothing_is_in_is_a_warning_with_its_place() -> None:
    (told,) = found(*direct("n1", "n9"))
    assert told == (
        "east: warning: $.routing.direct_networks[1]: no cluster, gateway or endpoint is in a "
        "network 'n9' (fix: name one that there is, or leave it out; the networks: n-east, n-west, "
        "n1, vms) [unknown-network]"
    )


@pytest.mark.parametrize("network", ["n1", "n-west", "n-east", "vms"])
def test_a_network_of_a_cluster_a_gateway_or_an_endpoint_is_known(network: str) -> None:
    assert found(*direct(network)) == []


def test_nothing_is_unknown_while_not_all_of_every_cluster_is_known() -> None:
    assert found(*direct("n9"), is_complete=False) == []


def shared(gateway: Gateway) -> list[str]:
    """Return what is wrong where this is west's gateway, and east has one at 192.0.2.0."""
    config, views = mesh(east=None, west=None)
    views.reset(Reset(View("west", network="n-west", gateways=(gateway,))))
    return found(config, views, is_complete=False)


def test_a_gateway_that_another_network_has_too_is_an_error() -> None:
    (told,) = shared(Gateway("n-west", "192.0.2.0", 15443, "west"))
    assert told == (
        "west: error: its gateway of 'n-west', 192.0.2.0 port 15443, is that of 'n-east' in east "
        "too: what is for the one network comes to the other (fix: give each network a gateway of "
        "its own, or both clusters one network) [gateway-shared]"
    )


@pytest.mark.parametrize(
    "gateway",
    [
        Gateway("n-west", "192.0.2.0", 15444, "west"),
        Gateway("n-east", "192.0.2.0", 15443, "west"),
        Gateway("", "192.0.2.0", 15443, "west"),
    ],
)
def test_another_port_and_one_network_and_an_unknown_one_are_no_error(gateway: Gateway) -> None:
    assert shared(gateway) == []

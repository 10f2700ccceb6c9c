"""A cluster's gateways: labelled Services, or what its configuration says.

Standards:
    Istio serviceregistry/kube/controller ``network.go``: label, port, addresses
"""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.exports import marks
from globaldns.exports.problem import Problem, warning
from globaldns.exports.rules import ExportRules
from globaldns.exports.service_entry import MULTICLUSTER_PORT
from globaldns.model.export import Gateway
from globaldns.objects.kubernetes import Service


def is_gateway(service: Service) -> bool:
    """Whether a Service is the way into a network."""
    return marks.NETWORK in service.metadata.labels


def gateways_by_hand(rules: ExportRules, network: str) -> tuple[Gateway, ...]:
    """Return the gateways that the configuration names."""
    return tuple(
        sorted(
            Gateway(network, gateway.address, gateway.port, rules.cluster)
            for gateway in rules.gateways
        )
    )


def gateways_of(service: Service, cluster: str) -> tuple[Gateway, ...]:
    """Return the gateways that a labelled Service is; none where its port or address is unknown."""
    network = service.metadata.labels.get(marks.NETWORK)
    port = _port(service)
    if not network or port is None:
        return ()
    ingress = service.status.load_balancer.ingress
    addresses = {one.ip or one.hostname for one in ingress} | {*service.spec.external_ips}
    return tuple(Gateway(network, address, port, cluster) for address in sorted(addresses - {""}))


def warn_gateway(service: Service) -> Iterator[Problem]:
    """Yield why a labelled Service cannot be used as a gateway."""
    if is_gateway(service) and _port(service) is None:
        yield warning(
            "gateway-port",
            "$.spec.ports",
            f"a gateway of a network needs port {MULTICLUSTER_PORT}",
            f"add the port, or name another with the label {marks.GATEWAY_PORT}",
        )


def _port(service: Service) -> int | None:
    """Return the port for traffic of other clusters, if the Service has it."""
    wanted = service.metadata.labels.get(marks.GATEWAY_PORT, str(MULTICLUSTER_PORT))
    return next((port.port for port in service.spec.ports if str(port.port) == wanted), None)
